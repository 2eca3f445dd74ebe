"""The calendar of openings, a month at a time, with those that are too close to each other."""

import re
from datetime import UTC, date, datetime
from typing import Any, Final

from starlette.responses import Response

from trading.listings.openings import APART, conflicts, openings
from trading.working_days import BEIJING, WorkingDayStore, day_of
from web.pages import page
from web.visits import Visit

_MONTH: Final = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])", re.ASCII)
FIRST_HOUR: Final = 8
LAST_HOUR: Final = 18


async def show(visit: Visit) -> Response:
    """Each day with its openings; those in conflict are marked, and so are days off and odd hours."""
    first = _month(visit)
    last = _next(first)
    async with visit.site.engine.connect() as connection:
        found = await openings(connection, _start(first), _start(last))
    calendar = await WorkingDayStore(visit.site.engine).calendar()
    close = conflicts(found)
    days: dict[date, list[dict[str, Any]]] = {}
    for one in found:
        there = one.opens_at.astimezone(BEIJING)
        row = {
            "one": one,
            "close": close.get(one.lot, ()),
            "day_off": calendar.is_working(there.date()) is False,
            "movable": one.movable and bool(close.get(one.lot)),
            "odd_hour": not FIRST_HOUR <= there.hour < LAST_HOUR,
        }
        days.setdefault(there.date(), []).append(row)
    return page(
        visit,
        "listings/openings.html",
        month=first,
        before=_before(first),
        after=last,
        days=sorted(days.items()),
        conflicting=len(close),
        apart=int(APART.total_seconds() // 60),
    )


def _month(visit: Visit) -> date:
    """The month asked for, or the present one in Beijing."""
    found = _MONTH.fullmatch(visit.query("month", 10))
    today = day_of(visit.site.clock())
    return date(int(found[1]), int(found[2]), 1) if found else today.replace(day=1)


def _next(first: date) -> date:
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


def _before(first: date) -> date:
    return date(first.year - (first.month == 1), (first.month - 2) % 12 + 1, 1)


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=BEIJING).astimezone(UTC)
