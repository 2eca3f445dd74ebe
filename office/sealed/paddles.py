"""Who holds which paddle, in boxes. What the vault does with the table `sealed_paddles`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from office.sealed.boxes import Boxes
from office.sealed.lists import drawn
from office.sealed.tables import SealedPaddle, paddles

TRIES = 20
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('paddles ' || :lot))")


@dataclass(frozen=True, slots=True)
class Held:
    lot: str
    account_id: int
    paddle: str
    rank: int
    listed: bool


class PaddleRows:
    """Every method works in its caller's transaction."""

    def __init__(self, boxes: Boxes) -> None:
        self._boxes = boxes

    async def lock(self, connection: AsyncConnection, lot: str) -> None:
        """One change of a lot's list at a time. What is locked is a keyed digest, not the lot's name."""
        await connection.execute(_ONE_AT_A_TIME, {"lot": self._lot(lot).hex()})

    async def one(self, connection: AsyncConnection, lot: str, account_id: int) -> Held | None:
        found = await self._find(connection, paddles.pair_tag == self._pair(lot, account_id))
        return found[0] if found else None

    async def by_paddle(self, connection: AsyncConnection, lot: str, paddle: str) -> Held | None:
        found = await self._find(connection, paddles.paddle_tag == self._boxes.tag("paddle", lot, paddle))
        return found[0] if found else None

    async def of_lot(self, connection: AsyncConnection, lot: str) -> list[Held]:
        """Everyone who was ever on the list."""
        return await self._find(connection, paddles.lot_tag == self._lot(lot))

    async def listed_of(self, connection: AsyncConnection, account_id: int) -> list[Held]:
        """One person's lots on whose lists they are now."""
        mine = paddles.account_tag == self._boxes.tag("account", str(account_id))
        return await self._find(connection, mine & paddles.listed)

    async def replace(
        self, connection: AsyncConnection, lot: str, ranks: Mapping[int, int]
    ) -> dict[int, str]:
        """The list {account: rank} of a lot, as a whole. Returns {account: paddle}."""
        ever = await self.of_lot(connection, lot)
        given = drawn(ranks, {held.account_id: held.paddle for held in ever})
        off = [held for held in ever if held.account_id not in ranks and held.listed]
        for held in off:
            await self.unlist(connection, lot, held.account_id)
        await self.put(
            connection,
            [Held(lot, account, given[account], rank, True) for account, rank in ranks.items()],
        )
        return given

    async def add(self, connection: AsyncConnection, lot: str, account_id: int, rank: int) -> str:
        """One more on the list; who was ever on it keeps the paddle."""
        mine = await self.one(connection, lot, account_id)
        paddle = mine.paddle if mine else await self._free(connection, lot, account_id)
        await self.put(connection, [Held(lot, account_id, paddle, rank, True)])
        return paddle

    async def _free(self, connection: AsyncConnection, lot: str, account_id: int) -> str:
        """A random paddle that nobody had; the lot's list is locked."""
        for _ in range(TRIES):
            [paddle] = drawn([account_id], {}).values()
            if await self.by_paddle(connection, lot, paddle) is None:
                return paddle
        ever = {held.account_id: held.paddle for held in await self.of_lot(connection, lot)}
        return drawn([account_id], ever)[account_id]

    async def unlist(self, connection: AsyncConnection, lot: str, account_id: int) -> None:
        off = update(SealedPaddle).where(paddles.pair_tag == self._pair(lot, account_id))
        await connection.execute(off.values(listed=False))

    async def forget(self, connection: AsyncConnection, lot: str) -> None:
        await connection.execute(delete(SealedPaddle).where(paddles.lot_tag == self._lot(lot)))

    async def put(self, connection: AsyncConnection, helds: Collection[Held]) -> None:
        if not helds:
            return
        put = insert(SealedPaddle)
        put = put.on_conflict_do_update(
            index_elements=[paddles.pair_tag],
            set_={"box": put.excluded.box, "listed": put.excluded.listed},
        )
        await connection.execute(put, [self._row(held) for held in helds])

    def _row(self, held: Held) -> dict[str, Any]:
        pair = self._pair(held.lot, held.account_id)
        facts = {"lot": held.lot, "account": held.account_id, "paddle": held.paddle, "rank": held.rank}
        return {
            "pair_tag": pair,
            "paddle_tag": self._boxes.tag("paddle", held.lot, held.paddle),
            "lot_tag": self._lot(held.lot),
            "account_tag": self._boxes.tag("account", str(held.account_id)),
            "listed": held.listed,
            "box": self._boxes.seal_facts(facts, "paddle", pair.hex()),
        }

    async def _find(self, connection: AsyncConnection, where: Any) -> list[Held]:
        columns = select(paddles.pair_tag, paddles.listed, paddles.box)
        return [self._held(row) for row in await connection.execute(columns.where(where))]

    def _held(self, row: Row[Any, Any, Any]) -> Held:
        facts = self._boxes.open_facts(row.box, "paddle", row.pair_tag.hex())
        return Held(facts["lot"], facts["account"], facts["paddle"], facts["rank"], row.listed)

    def _pair(self, lot: str, account_id: int) -> bytes:
        return self._boxes.tag("pair", lot, str(account_id))

    def _lot(self, lot: str) -> bytes:
        return self._boxes.tag("lot", lot)
