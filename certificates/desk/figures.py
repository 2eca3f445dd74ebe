"""Statistics of the desk: orders per channel, service and month; how long reviews took; late ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.working_days import at_minute, day_of

MOST_ROWS: Final = 500
MONTHS: Final = 24
"""So far back a page can be asked for."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One channel and service in one month, by when the order came to the desk for the first time."""

    channel: str
    service: str
    applied: int
    done: int
    returned: int
    """Orders that came back at least once."""
    rejected: int
    reviewed: int
    hours: float
    """From the desk to the approval, on average; all hours of the calendar."""
    longest_hours: float
    late: int
    """Approved after the last day, or still lying there after it."""


_FIGURES: Final = text(
    "WITH came AS (SELECT o.number, o.channel, o.service, o.state, d.due_on,"
    "   (SELECT min(e.at) FROM order_events e WHERE e.number = o.number AND e.after = 'in_review') AS since,"
    "   (SELECT min(e.at) FROM order_events e WHERE e.number = o.number AND e.act = 'approve'"
    "     AND e.after = 'approved') AS approved,"
    "   EXISTS (SELECT FROM order_events e WHERE e.number = o.number AND e.act = 'return') AS returned"
    "  FROM orders o LEFT JOIN desk_dues d ON d.number = o.number"
    "  WHERE o.submitted_at >= :since AND o.submitted_at < :until)"
    " SELECT channel, service, count(*) AS applied, count(*) FILTER (WHERE state = 'done') AS done,"
    "  count(*) FILTER (WHERE returned) AS returned, count(*) FILTER (WHERE state = 'rejected') AS rejected,"
    "  count(approved) AS reviewed,"
    "  coalesce(extract(epoch FROM avg(approved - since)) / 3600, 0)::float AS hours,"
    "  coalesce(extract(epoch FROM max(approved - since)) / 3600, 0)::float AS longest_hours,"
    "  count(*) FILTER (WHERE due_on < coalesce((approved AT TIME ZONE 'Asia/Shanghai')::date,"
    "   CASE WHEN state IN ('in_review', 'second_review') THEN :today END)) AS late"
    " FROM came GROUP BY channel, service ORDER BY channel, service LIMIT :most"
)


def month_before(month: date) -> date:
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)


def month_after(month: date) -> date:
    return date(month.year + (month.month == 12), month.month % 12 + 1, 1)


def months_to(now: datetime) -> Sequence[date]:
    """The months that can be asked for, the latest first."""
    found = [day_of(now).replace(day=1)]
    while len(found) < MONTHS:
        found.append(month_before(found[-1]))
    return found


async def of_month(engine: AsyncEngine, month: date, *, now: datetime) -> Sequence[Figures]:
    """A month in Beijing's calendar, by channel and service."""
    values = {
        "since": at_minute(month, 0).astimezone(UTC),
        "until": at_minute(month_after(month), 0).astimezone(UTC),
        "today": day_of(now),
        "most": MOST_ROWS,
    }
    async with engine.connect() as connection:
        return [Figures(**row._mapping) for row in await connection.execute(_FIGURES, values)]
