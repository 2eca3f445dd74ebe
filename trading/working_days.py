"""The office's working days under the name that the trading workflow has for them."""

from office.working_days import (
    BEIJING,
    FIRST_YEAR,
    LONGEST_REASON,
    MOST_AT_ONCE,
    MOST_DAYS,
    DueDay,
    Override,
    WorkingDays,
    WorkingDayStore,
    at_minute,
    calendar_of,
    day_of,
    published,
)

__all__ = [
    "BEIJING",
    "FIRST_YEAR",
    "LONGEST_REASON",
    "MOST_AT_ONCE",
    "MOST_DAYS",
    "DueDay",
    "Override",
    "WorkingDayStore",
    "WorkingDays",
    "at_minute",
    "calendar_of",
    "day_of",
    "published",
]
