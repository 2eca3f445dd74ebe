"""Reminders before an opening, the end of a registration, and a due date: each once for each moment.

A moment that moves (an extension, a suspension) is another moment and is reminded of again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.messages.telling import ToAccount, ToRegistrantsOf, tell
from office.reminding import first_time
from trading.lifecycle.states import LotState

AT_ONCE: Final = 200

_OPENING: Final = text(
    "SELECT lot, title, transferor_id, opens_at AS due_at FROM listings WHERE state = :state"
    " AND opens_at > :since AND opens_at <= :until ORDER BY opens_at LIMIT :most"
)
_REGISTRATION: Final = text(
    "SELECT lot, title, transferor_id, registration_ends AS due_at FROM listings WHERE state = ANY(:states)"
    " AND registration_ends > :since AND registration_ends <= :until ORDER BY registration_ends LIMIT :most"
)
_DUE: Final = text(
    "SELECT l.lot, l.title, l.transferor_id, l.due_at, a.account_id FROM listings l"
    " LEFT JOIN awards a ON a.lot = l.lot AND a.state = 'awarded' WHERE l.state = ANY(:states)"
    " AND l.due_at > :since AND l.due_at <= :until ORDER BY l.due_at LIMIT :most"
)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What is reminded of, how long before; `fact` is how the kind's text calls the moment.

    Nearer than `until_before`, a later reminder of the same moment says it: nobody is told twice at once.
    """

    kind: str
    before: timedelta
    found: TextClause
    states: tuple[LotState, ...]
    fact: str
    to_registrants: bool
    until_before: timedelta = timedelta(0)


OCCASIONS: Final = (
    Occasion(
        "reminder.opening",
        timedelta(hours=24),
        _OPENING,
        (LotState.IN_AUCTION,),
        "opens_at",
        True,
        until_before=timedelta(hours=1),
    ),
    Occasion("reminder.opening", timedelta(hours=1), _OPENING, (LotState.IN_AUCTION,), "opens_at", True),
    Occasion(
        "reminder.registration_ends",
        timedelta(hours=24),
        _REGISTRATION,
        (LotState.ANNOUNCED, LotState.EXTENDED),
        "registration_ends",
        True,
    ),
    Occasion(
        "reminder.due",
        timedelta(days=2),
        _DUE,
        (LotState.CONFIRMATION, LotState.CONTRACT, LotState.PAYMENT),
        "due_at",
        False,
    ),
)


class ReminderRound:
    """The row in `reminders` and the messages are written together: a killed round repeats nothing."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def round(self, now: datetime) -> int:
        """How many reminders were given."""
        return sum([await self._remind(occasion, now) for occasion in OCCASIONS])

    async def _remind(self, occasion: Occasion, now: datetime) -> int:
        values: dict[str, Any] = {
            "since": now + occasion.until_before,
            "until": now + occasion.before,
            "most": AT_ONCE,
        }
        if occasion.found is _OPENING:
            values["state"] = str(occasion.states[0])
        else:
            values["states"] = [str(state) for state in occasion.states]
        async with self._engine.begin() as connection:
            rows = (await connection.execute(occasion.found, values)).mappings().all()
            return sum([await self._once(connection, occasion, dict(row), now) for row in rows])

    async def _once(
        self, connection: AsyncConnection, occasion: Occasion, row: Mapping[str, Any], now: datetime
    ) -> int:
        subject = f"{row['lot']} {int(occasion.before.total_seconds())}"
        if not await first_time(connection, occasion.kind, subject, row["due_at"], now):
            return 0
        facts = {"lot": row["lot"], "title": row["title"], occasion.fact: row["due_at"].isoformat()}
        if occasion.to_registrants:
            await tell(connection, ToRegistrantsOf(row["lot"]), occasion.kind, facts, now=now)
            return 1
        for account_id in {row["transferor_id"], row.get("account_id")} - {None}:
            await tell(connection, ToAccount(int(account_id)), occasion.kind, facts, now=now)
        return 1
