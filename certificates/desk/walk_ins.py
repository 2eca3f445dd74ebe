"""Somebody without an account stands at the counter: an order that a clerk types in for them.

One clerk types at a time. Who has gone home is taken over from: an order that nobody went on with for as long
as a hold lasts is any clerk's. What was typed stays; that another goes on stands in the audit log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue.scope import Case
from certificates.catalogue.store import StoredChannel
from certificates.desk.drawer import span_of
from certificates.desk.hours import Outside, hours_of, outside
from certificates.orders.beginning import beginning
from certificates.orders.performing import HELD_FOR, By, begin
from office.accounts import Role
from office.audit import trail
from office.working_days import calendar_of

MOST_UNFINISHED: Final = 50
_MADE: Final = text(
    "INSERT INTO walk_ins (number, clerk_id, at, taken_at, outside)"
    " VALUES (:number, :clerk, :now, :now, :outside)"
)
_TYPED_BY: Final = text("SELECT clerk_id FROM walk_ins WHERE number = :number")
_TYPED: Final = "greatest(o.changed_at, w.taken_at) AS typed_at"
_BUSINESS: Final = (
    "SELECT w.number, o.channel, o.service, o.subject, o.state, w.at, w.clerk_id, a.name AS clerk,"  # noqa: S608
    f" {_TYPED}, w.outside FROM walk_ins w JOIN orders o ON o.number = w.number"
    " JOIN accounts a ON a.id = w.clerk_id"
)
_FILLING: Final = "o.state IN ('filling', 'awaiting_material', 'awaiting_consent', 'awaiting_identity')"
_TYPED_IN: Final = f"({_FILLING} OR o.state IN ('awaiting_payment', 'returned'))"
"""Where somebody types or may change it: to be paid, or to be corrected, as well."""
_UNFINISHED: Final = text(
    f"{_BUSINESS} WHERE {_TYPED_IN} ORDER BY (w.clerk_id = :clerk) DESC, w.at DESC LIMIT :most"
)
_OPEN: Final = text(
    f"{_BUSINESS} WHERE w.at >= :since AND w.at < :until AND NOT {_FILLING}"
    " AND o.state NOT IN ('done', 'rejected', 'cancelled', 'expired') ORDER BY w.at LIMIT :most"
)
_LOCKED: Final = text(
    f"SELECT w.clerk_id, {_TYPED} FROM walk_ins w JOIN orders o ON o.number = w.number"  # noqa: S608
    f" WHERE w.number = :number AND {_TYPED_IN} FOR UPDATE"
)
_TAKEN: Final = text("UPDATE walk_ins SET clerk_id = :clerk, taken_at = :now WHERE number = :number")


@dataclass(frozen=True, slots=True)
class WalkIn:
    """A walk-in's order. `clerk`: who types it in, or did. `outside`: why it was begun out of hours; ""."""

    number: str
    channel: str
    service: str
    subject: str
    state: str
    at: datetime
    clerk_id: int
    clerk: str
    typed_at: datetime
    outside: str

    def free_for(self, clerk: int, now: datetime) -> bool:
        """Whether that clerk may go on with it."""
        return _free(self.clerk_id, self.typed_at, clerk, now)


class StillTyped(Exception):
    """Another clerk went on with it a moment ago, or it is no unfinished walk-in any more."""


class WalkIns:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def begin(
        self, clerk: int, stored: StoredChannel, case: Case, *, now: datetime
    ) -> tuple[str, Outside | None]:
        """An order for somebody without an account, typed in by this clerk: its number, and whether the
        counter is closed at that time. Raises NotOffered."""
        values = beginning(stored, case) | {"account_id": None}
        async with self._engine.begin() as connection:
            closed = outside(hours_of(stored.rules, case), now, await calendar_of(connection))
            made = await begin(connection, values, By.clerk(clerk), now=now)
            row = {"number": made.number, "clerk": clerk, "now": now, "outside": closed or ""}
            await connection.execute(_MADE, row)
            if closed is not None:
                await _audit(connection, "out_of_hours", made.number, clerk, now, {"why": str(closed)})
        return made.number, closed

    async def unfinished(self, clerk: int) -> Sequence[WalkIn]:
        """Not sent off, or returned: this clerk's own first, then those of the others."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(_UNFINISHED, {"clerk": clerk, "most": MOST_UNFINISHED})
            return [WalkIn(**row._mapping) for row in rows]

    async def open_of(self, day: date) -> Sequence[WalkIn]:
        """Sent off at the counter that day, and not at their end: the counter's business is done the same
        day."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(_OPEN, {**span_of(day), "most": MOST_UNFINISHED})
            return [WalkIn(**row._mapping) for row in rows]

    async def take_over(self, number: str, clerk: int, *, now: datetime) -> None:
        """Go on with what another clerk began. Raises StillTyped."""
        async with self._engine.begin() as connection:
            row: Row[Any] | None = (await connection.execute(_LOCKED, {"number": number})).first()
            if row is None or not _free(row.clerk_id, row.typed_at, clerk, now):
                raise StillTyped(number)
            if row.clerk_id != clerk:
                await connection.execute(_TAKEN, {"number": number, "clerk": clerk, "now": now})
                await _audit(connection, "take_over", number, clerk, now, {"from": row.clerk_id})


async def typed_by(engine: AsyncEngine, number: str) -> int | None:
    """The clerk who types in a walk-in's order; None: it is no walk-in's."""
    async with engine.connect() as connection:
        found = await connection.scalar(_TYPED_BY, {"number": number})
    return None if found is None else int(found)


def _free(typing: int, typed_at: datetime, clerk: int, now: datetime) -> bool:
    return typing == clerk or now - typed_at >= HELD_FOR


async def _audit(
    connection: AsyncConnection, what: str, number: str, clerk: int, now: datetime, facts: dict[str, Any]
) -> None:
    actor, role = trail.account(clerk), Role.CLERK.value
    await trail.record(
        connection, at=now, actor=actor, role=role, act=f"counter.{what}", subject=number, facts=facts
    )
