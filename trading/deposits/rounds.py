"""What the steward does for the money, every two seconds: match it, and keep the refunds' dates right."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.accounts import Role
from office.messages.telling import ToRole, tell
from office.sealed.port import Sealed
from trading.deposits import matching, price_round
from trading.deposits.terms import TermsOf, listed_terms
from trading.working_days import calendar_of, day_of


class OnDepositChanged(Protocol):
    """Registrations.on_deposit_changed."""

    def __call__(self, registration: str, enough: bool, *, now: datetime) -> Awaitable[None]: ...


class MatchingRound:
    """New money to its sub-accounts, their states, and the registrations told. Safe to be killed and
    repeated."""

    def __init__(
        self,
        engine: AsyncEngine,
        sealed: Sealed,
        on_deposit_changed: OnDepositChanged,
        terms_of: TermsOf | None = None,
    ) -> None:
        self._engine = engine
        self._sealed = sealed
        self._on_deposit_changed = on_deposit_changed
        self._terms_of = terms_of or listed_terms(engine, sealed)

    async def round(self, now: datetime) -> int:
        """How much was done; 0: nothing waits. Raises SealedAway when the sealed process is not there."""
        placed = await matching.place_money(self._engine, now)
        judged = await matching.judge_deposits(self._engine, self._sealed, self._terms_of, now)
        judged += await price_round.judge_prices(self._engine, now)
        told = await matching.tell_registrations(self._engine, self._sealed, self._on_deposit_changed, now)
        return placed + judged + told


class RefundRound:
    """Refunds whose day was provisional get the right one; finance is told once a day that some are due."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def round(self, now: datetime) -> int:
        """How many days were set right, and one more when finance was told."""
        async with self._engine.begin() as connection:
            changed = await redate(connection, now)
            return changed + await remind(connection, now)


_PROVISIONAL: Final = text(
    "SELECT id, counted_from, working_days, due_on FROM refunds WHERE provisional AND state <> 'paid'"
    " ORDER BY id LIMIT 200 FOR UPDATE SKIP LOCKED"
)
_REDATE: Final = text(
    "UPDATE refunds SET due_on = :due_on, provisional = :provisional, changed_at = :now WHERE id = :id"
)


async def redate(connection: AsyncConnection, now: datetime) -> int:
    """Days that were counted over a year whose calendar nobody had published are counted again."""
    calendar = await calendar_of(connection)
    changed = 0
    for row in (await connection.execute(_PROVISIONAL)).all():
        due = calendar.add(row.counted_from, row.working_days)
        if due.day != row.due_on or not due.provisional:
            values = {"id": row.id, "due_on": due.day, "provisional": due.provisional, "now": now}
            await connection.execute(_REDATE, values)
            changed += 1
    return changed


_REMINDED: Final = text(
    "INSERT INTO refund_reminders (day) SELECT CAST(:day AS date)"
    " WHERE EXISTS (SELECT FROM refunds WHERE state IN ('due', 'failed') AND due_on <= :day)"
    " ON CONFLICT (day) DO NOTHING RETURNING day"
)


async def remind(connection: AsyncConnection, now: datetime) -> int:
    """One message a day to finance while refunds are due."""
    today = day_of(now)
    if await connection.scalar(_REMINDED, {"day": today}) is None:
        return 0
    count = await connection.scalar(
        text("SELECT count(*) FROM refunds WHERE state IN ('due', 'failed') AND due_on <= :day"),
        {"day": today},
    )
    await tell(connection, ToRole(Role.FINANCE), "money.refunds_due", {"count": int(count or 0)}, now=now)
    return 1
