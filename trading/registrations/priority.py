"""Holders of a priority right: marked by the transferor with a proof, confirmed by an administrator.

They are known by nature, so nothing here is secret; who of them registers is. The rank goes to the book with
the list of the qualified.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.accounts import Role
from office.audit import trail
from office.messages.telling import ToAccount, ToRole, tell
from trading.registrations.application import read_code

MOST_HOLDERS: Final = 20
LONGEST_NAME: Final = 100
LONGEST_GROUND: Final = 500
MOST_RANKS: Final = 99
BEFORE_THE_BOOK: Final = frozenset({"draft", "submitted", "announced", "extended", "suspended"})
"""States of a listing in which holders may be marked, and decided on."""


class HolderState(StrEnum):
    MARKED = "marked"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


class HolderFault(StrEnum):
    NAME = "name"
    CODE = "code"
    RANK = "rank"
    GROUND = "ground"
    TWICE = "twice"
    TOO_MANY = "too_many"
    TOO_LATE = "too_late"
    REASON = "reason"


class HolderRefused(ValueError):
    def __init__(self, fault: HolderFault) -> None:
        super().__init__(fault)
        self.fault = fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    id: int
    lot: str
    name: str
    code: str
    rank: int
    ground: str
    proof_digest: str
    proof_name: str
    state: HolderState
    reason: str
    marked_at: datetime
    title: str


_FOUND: Final = (
    "SELECT p.id, p.lot, p.name, p.code, p.rank, p.ground, p.proof_digest, p.proof_name, p.state, p.reason,"
    " p.marked_at, l.title FROM priority_holders p JOIN listings l ON l.lot = p.lot"
)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A holder as the list of the qualified asks for one."""

    name: str
    rank: int


async def confirmed_of(connection: AsyncConnection, lot: str) -> dict[str, Confirmed]:
    """By ID number or credit code."""
    found = text("SELECT code, name, rank FROM priority_holders WHERE lot = :lot AND state = 'confirmed'")
    return {row.code: Confirmed(row.name, row.rank) for row in await connection.execute(found, {"lot": lot})}


async def alarm(connection: AsyncConnection, lot: str, *, now: datetime) -> None:
    """Several claim one right: administrators are told once for a lot, and not who."""
    told = text(
        "SELECT 1 FROM messages WHERE kind = 'priority.claimed_twice' AND facts ->> 'lot' = :lot LIMIT 1"
    )
    if await connection.scalar(told, {"lot": lot}) is None:
        await tell(connection, ToRole(Role.ADMINISTRATOR), "priority.claimed_twice", {"lot": lot}, now=now)


class PriorityHolders:
    """The table. Every method is one transaction of its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def of_lot(self, lot: str) -> list[Holder]:
        return await self._find("p.lot = :lot ORDER BY p.rank, p.id LIMIT 100", lot=lot)

    async def waiting(self, limit: int = 100) -> list[Holder]:
        """For administrators, the oldest first."""
        return await self._find("p.state = 'marked' ORDER BY p.marked_at, p.id LIMIT :limit", limit=limit)

    async def get(self, holder: int) -> Holder | None:
        found = await self._find("p.id = :id", id=holder)
        return found[0] if found else None

    async def mark(
        self,
        lot: str,
        by: int,
        *,
        name: str,
        code: str,
        rank: int,
        ground: str,
        proof: tuple[str, str],
        now: datetime,
    ) -> None:
        """The transferor names a holder; `proof` is (digest, name) of a kept file. Raises HolderRefused."""
        number = read_code(code)
        wrong = (
            (not 0 < len(name) <= LONGEST_NAME, HolderFault.NAME),
            (number is None, HolderFault.CODE),
            (not 1 <= rank <= MOST_RANKS, HolderFault.RANK),
            (not 0 < len(ground) <= LONGEST_GROUND, HolderFault.GROUND),
        )
        if (fault := next((fault for is_wrong, fault in wrong if is_wrong), None)) is not None:
            raise HolderRefused(fault)
        row = {"lot": lot, "name": name, "code": number, "rank": rank, "ground": ground, "by": by, "now": now}
        row |= {"digest": proof[0], "proof": proof[1]}
        put = text(
            "INSERT INTO priority_holders (lot, name, code, rank, ground, proof_digest, proof_name, state,"
            " marked_by, marked_at)"
            " VALUES (:lot, :name, :code, :rank, :ground, :digest, :proof, 'marked', :by, :now)"
        )
        try:
            async with self._engine.begin() as connection:
                await _require_open(connection, lot)
                count = text("SELECT count(*) FROM priority_holders WHERE lot = :lot")
                if int(await connection.scalar(count, {"lot": lot}) or 0) >= MOST_HOLDERS:
                    raise HolderRefused(HolderFault.TOO_MANY)
                await connection.execute(put, row)
                await _note(connection, by, Role.TRANSFEROR, "priority.mark", lot, {"rank": rank}, now)
                await tell(connection, ToRole(Role.ADMINISTRATOR), "priority.marked", {"lot": lot}, now=now)
        except IntegrityError as twice:
            raise HolderRefused(HolderFault.TWICE) from twice

    async def decide(self, holder: int, by: int, confirmed: bool, reason: str, *, now: datetime) -> bool:
        """An administrator confirms, or refuses with a reason. False: it was decided already.

        Raises HolderRefused.
        """
        if not confirmed and not 0 < len(reason) <= LONGEST_GROUND:
            raise HolderRefused(HolderFault.REASON)
        state = HolderState.CONFIRMED if confirmed else HolderState.REFUSED
        put = text(
            "UPDATE priority_holders SET state = :state, reason = :reason, decided_by = :by,"
            " decided_at = :now WHERE id = :id AND state = 'marked' RETURNING lot, marked_by"
        )
        values = {"state": state.value, "reason": reason, "by": by, "now": now, "id": holder}
        async with self._engine.begin() as connection:
            found = await connection.scalar(
                text("SELECT lot FROM priority_holders WHERE id = :id"), {"id": holder}
            )
            if found is None:
                return False
            await _require_open(connection, found)
            row = (await connection.execute(put, values)).one_or_none()
            if row is None:
                return False
            facts = {"after": state.value, "reason": reason}
            await _note(connection, by, Role.ADMINISTRATOR, "priority.decide", row.lot, facts, now)
            await tell(connection, ToAccount(row.marked_by), f"priority.{state}", {"lot": row.lot}, now=now)
        return True

    async def remove(self, holder: int, lot: str, by: int, *, now: datetime) -> bool:
        """The transferor takes back what is not confirmed. False: there is no such, or it was confirmed."""
        gone = text("DELETE FROM priority_holders WHERE id = :id AND lot = :lot AND state <> 'confirmed'")
        async with self._engine.begin() as connection:
            done = (await connection.execute(gone, {"id": holder, "lot": lot})).rowcount
            if done:
                await _note(connection, by, Role.TRANSFEROR, "priority.remove", lot, {}, now)
        return bool(done)

    async def _find(self, where: str, **values: Any) -> list[Holder]:
        async with self._engine.connect() as connection:
            return [_holder(row) for row in await connection.execute(text(f"{_FOUND} WHERE {where}"), values)]


async def _require_open(connection: AsyncConnection, lot: str) -> None:
    """Raises HolderRefused once the list is decided."""
    found = text("SELECT state FROM listings WHERE lot = :lot FOR SHARE")
    if await connection.scalar(found, {"lot": lot}) not in BEFORE_THE_BOOK:
        raise HolderRefused(HolderFault.TOO_LATE)


async def _note(
    connection: AsyncConnection, by: int, role: Role, act: str, lot: str, facts: dict[str, Any], now: datetime
) -> None:
    await trail.record(
        connection, at=now, actor=trail.account(by), role=role, act=act, subject=lot, facts=facts
    )


def _holder(row: Row[Any]) -> Holder:
    return Holder(**{**row._mapping, "state": HolderState(row.state)})
