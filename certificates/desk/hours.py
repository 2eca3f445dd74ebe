"""Whether a channel's counter is open now: Monday to Friday, not on holidays, within the hours of its data.

Nobody is sent away by a program: who is served outside the hours is warned of, and it stays in the log.
Source: spec/certificates.md, "Times": counter hours.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final

from certificates.catalogue.handling import Hours
from certificates.catalogue.model import ChannelRules
from certificates.catalogue.scope import Case, Way
from office.working_days import BEIJING, WorkingDays, day_of

_WEEK: Final = 5
"""Days of a week on which counters are open; a Saturday that is worked instead of a holiday is none."""


class Outside(StrEnum):
    """Why a counter is closed."""

    BEFORE = "before"
    BREAK = "break"
    AFTER = "after"
    DAY_OFF = "day_off"


def hours_of(rules: ChannelRules, case: Case) -> tuple[Hours, ...]:
    """The hours of the channel's counters for this business, by their beginning."""
    rows = (
        row for one in rules.counters if Way.COUNTER in one.takes for row in one.hours if row.covers(case)
    )
    return tuple(sorted(rows, key=lambda row: (row.opens, row.closes)))


def outside(hours: Iterable[Hours], now: datetime, days: WorkingDays) -> Outside | None:
    """None: it is open, or the channel says no hours. A day that nobody has published counts as worked."""
    rows = tuple(hours)
    if not rows:
        return None
    today, at = day_of(now), now.astimezone(BEIJING).time()
    if today.weekday() >= _WEEK or days.is_working(today) is False:
        return Outside.DAY_OFF
    if any(row.opens <= at < row.closes for row in rows):
        return None
    if at < rows[0].opens:
        return Outside.BEFORE
    return Outside.BREAK if any(at < row.opens for row in rows) else Outside.AFTER
