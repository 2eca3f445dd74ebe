"""Until when a review is to be done: the channel's working days, from when the order came to the desk.

Kept beside the order (desk_dues): the queue is sorted by it; computed again when the calendar changes.
Source: spec/certificates.md, "Times (working days)".
"""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue.model import Review, Service, SubjectKind, Way
from certificates.catalogue.scope import Case, PaymentWay
from certificates.catalogue.store import channel_on
from certificates.catalogue.terms import review_due
from office.working_days import WorkingDays, calendar_of, day_of

AT_ONCE: Final = 500
"""Orders that a round looks at."""
UNSAID: Final = Review(working_days=3, ours=True)
"""Where a channel's data say nothing of a review (ours)."""


class Urgency(StrEnum):
    LATE = "late"
    """The last day is over."""
    TODAY = "today"
    SOON = "soon"
    """The day of the warning has come."""
    IN_TIME = "in_time"


def urgency(due_on: date, warned_on: date, now: datetime) -> Urgency:
    """How a review stands to its last day."""
    today = day_of(now)
    if today > due_on:
        return Urgency.LATE
    if today == due_on:
        return Urgency.TODAY
    return Urgency.SOON if today >= warned_on else Urgency.IN_TIME


_BUSINESS: Final = "o.number, o.catalogue_id, o.service, o.subject, o.way, o.payment_way, o.review_since"
_AT_REVIEW: Final = "o.state IN ('in_review', 'second_review') AND o.review_since IS NOT NULL"
_NEW: Final = text(
    f"SELECT {_BUSINESS} FROM orders o LEFT JOIN desk_dues d ON d.number = o.number"  # noqa: S608
    f" WHERE {_AT_REVIEW} AND (d.number IS NULL OR d.since <> o.review_since)"
    " ORDER BY o.review_since LIMIT :most"
)
_ALL: Final = text(
    f"SELECT {_BUSINESS} FROM orders o WHERE {_AT_REVIEW} ORDER BY o.review_since LIMIT :most"  # noqa: S608
)
_KEEP: Final = text(
    "INSERT INTO desk_dues (number, since, warned_on, due_on, provisional)"
    " VALUES (:number, :since, :warned_on, :due_on, :provisional) ON CONFLICT (number) DO UPDATE SET"
    " since = excluded.since, warned_on = excluded.warned_on, due_on = excluded.due_on,"
    " provisional = excluded.provisional WHERE (desk_dues.since, desk_dues.warned_on, desk_dues.due_on,"
    " desk_dues.provisional) IS DISTINCT FROM"
    " (excluded.since, excluded.warned_on, excluded.due_on, excluded.provisional)"
)


async def keep_new(connection: AsyncConnection) -> int:
    """The due days of orders that came to the desk since; how many."""
    return await _keep(connection, (await connection.execute(_NEW, {"most": AT_ONCE})).all())


async def _keep(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> int:
    if not rows:
        return 0
    days, changed = await calendar_of(connection), 0
    for row in rows:
        changed += (await connection.execute(_KEEP, await _due(connection, row, days))).rowcount
    return changed


async def _due(connection: AsyncConnection, row: Row[Any], days: WorkingDays) -> dict[str, Any]:
    stored = await channel_on(connection, row.catalogue_id)
    case = Case(
        service=Service(row.service),
        subject=SubjectKind(row.subject),
        way=Way(row.way),
        paid_by=PaymentWay(row.payment_way) if row.payment_way else None,
    )
    review = (stored.rules.review_of(case) if stored is not None else None) or UNSAID
    due = review_due(review, row.review_since, days)
    return {
        "number": row.number,
        "since": row.review_since,
        "warned_on": due.warned,
        "due_on": due.due.day,
        "provisional": due.due.provisional,
    }


class DueRound:
    """The steward's: what the calendar says now, of everything that lies at the desk."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def round(self, now: datetime) -> int:
        async with self._engine.begin() as connection:
            return await _keep(connection, (await connection.execute(_ALL, {"most": AT_ONCE})).all())
