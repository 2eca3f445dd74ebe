"""The handover of what was sold (交接): the transferor writes it down, the transferee confirms.

Possible from the payment on. It is a record of its own: the sale goes on without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import column, insert, select, table, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.messages.telling import ToAccount, tell
from trading.awards.sale import Sale, sale_of
from trading.lifecycle.states import LotState
from trading.working_days import day_of

LONGEST_PLACE: Final = 200
LONGEST_ITEMS: Final = 4_000
LONGEST_OBJECTION: Final = 1_000
POSSIBLE: Final = frozenset({LotState.PAYMENT, LotState.PUBLICATION, LotState.COMPLETED})


class NotNow(Exception):
    """It is confirmed, changed meanwhile, or not time for it."""


@dataclass(frozen=True, slots=True)
class Handover:
    """What was handed over. `version` is what the other's form shows; a change takes the objection back."""

    lot: str
    version: int
    happened_on: date
    place: str
    items: str
    made_at: datetime
    made_by: int
    confirmed_at: datetime | None
    confirmed_by: int | None
    objection: str


HANDOVERS: Final = table("handovers", *map(column, Handover.__dataclass_fields__))


class Handovers:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def of_lot(self, lot: str) -> Handover | None:
        async with self._engine.connect() as connection:
            return await _read(connection, lot)

    async def write(
        self, lot: str, happened_on: date, place: str, items: str, *, by: int, version: int, now: datetime
    ) -> Handover:
        """The transferor's record, or a correction; `version` 0: there was none. NotNow, ValueError."""
        if not (0 < len(place) <= LONGEST_PLACE and 0 < len(items) <= LONGEST_ITEMS):
            raise ValueError("a place and what was handed over, within bounds")
        if happened_on > day_of(now):
            raise ValueError("a handover is written down after it happened")
        async with self._engine.begin() as connection:
            sale = await _possible(connection, lot)
            if by != sale.listing.transferor_id:
                raise NotNow(lot)
            before = await _read(connection, lot)
            if (before.version if before else 0) != version or (before and before.confirmed_at):
                raise NotNow(lot)
            values = {"happened_on": happened_on, "place": place, "items": items, "objection": ""}
            await _put(connection, lot, before, values | {"made_at": now, "made_by": by})
            await _tell(connection, sale, sale.awarded.account_id, "handover.written", now)
            done = await _read(connection, lot)
        assert done is not None
        return done

    async def answer(self, lot: str, *, by: int, version: int, objection: str, now: datetime) -> None:
        """The transferee confirms, or says what is not right. Raises NotNow, ValueError."""
        if len(objection) > LONGEST_OBJECTION:
            raise ValueError("the objection is too long")
        async with self._engine.begin() as connection:
            sale = await _possible(connection, lot)
            before = await _read(connection, lot)
            if before is None or by != sale.awarded.account_id:
                raise NotNow(lot)
            if before.version != version or before.confirmed_at or before.objection:
                raise NotNow(lot)
            said = {"objection": objection} if objection else {"confirmed_at": now, "confirmed_by": by}
            await _put(connection, lot, before, said)
            kind = "handover.objected" if objection else "handover.confirmed"
            await _tell(connection, sale, sale.listing.transferor_id, kind, now)


async def _read(connection: AsyncConnection, lot: str) -> Handover | None:
    row = (await connection.execute(select(HANDOVERS).where(HANDOVERS.c.lot == lot))).one_or_none()
    return Handover(**row._mapping) if row else None


async def _possible(connection: AsyncConnection, lot: str) -> Sale:
    sale = await sale_of(connection, lot, lock=True)
    if sale is None or sale.listing.state not in POSSIBLE:
        raise NotNow(lot)
    return sale


async def _put(
    connection: AsyncConnection, lot: str, before: Handover | None, values: Mapping[str, Any]
) -> None:
    if before is None:
        await connection.execute(insert(HANDOVERS).values(lot=lot, version=1, **values))
        return
    changed = update(HANDOVERS).where(HANDOVERS.c.lot == lot)
    await connection.execute(changed.values(version=before.version + 1, **values))


async def _tell(connection: AsyncConnection, sale: Sale, account: int, kind: str, now: datetime) -> None:
    await tell(connection, ToAccount(account), kind, {"lot": sale.lot, "title": sale.listing.title}, now=now)
