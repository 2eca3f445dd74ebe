"""Working days: Monday to Friday less holidays plus make-up days, from the published national calendar.

A year that is not published yet makes a date provisional: its days are counted as Monday to Friday for the
time being, it is shown so, and it is computed again when the calendar is there or an administrator has said
what a day is. Source: spec/trading.md, "Working days".
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import cache
from typing import Final

import chinese_calendar  # type: ignore[import-untyped]
from chinese_calendar import constants
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.accounts import Role
from office.audit.trail import CLOCK, account, record

BEIJING: Final = timezone(timedelta(hours=8))
"""People read this. There is no summer time since 1992."""
MOST_DAYS: Final = 2_000
FIRST_YEAR: Final = min(constants.holidays).year
LONGEST_REASON: Final = 200
MOST_AT_ONCE: Final = 366


@dataclass(frozen=True, slots=True, order=True)
class DueDay:
    """A day, and whether it was counted over days that nobody has published yet."""

    day: date
    provisional: bool = False


@cache
def published(year: int) -> bool:
    """Whether the national calendar of a year is known."""
    return any(day.year == year for day in constants.holidays)


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """The national calendar with what administrators said about single days."""

    overrides: Mapping[date, bool] = dataclasses.field(default_factory=dict)

    def is_working(self, day: date) -> bool | None:
        """None: the year is not published, and nobody said what this day is."""
        if day in self.overrides:
            return self.overrides[day]
        return bool(chinese_calendar.is_workday(day)) if published(day.year) else None

    def add(self, start: date, n: int) -> DueDay:
        """The n-th working day after a day (which itself does not count); for 0 the first one from it on.

        Raises ValueError outside 0..MOST_DAYS.
        """
        if not 0 <= n <= MOST_DAYS:
            raise ValueError(f"working days are 0 to {MOST_DAYS}")
        day, left, provisional = start, n, False
        if not n:
            day, left = start - timedelta(days=1), 1
        while left:
            day += timedelta(days=1)
            works = self.is_working(day)
            provisional |= works is None
            left -= works if works is not None else day.weekday() < 5
        return DueDay(day, provisional)


def day_of(moment: datetime) -> date:
    """The day in Beijing."""
    return moment.astimezone(BEIJING).date()


def at_minute(day: date, minute: int) -> datetime:
    """That minute of a day in Beijing."""
    return datetime.combine(day, time(minute // 60, minute % 60), BEIJING)


@dataclass(frozen=True, slots=True)
class Override:
    day: date
    works: bool
    reason: str
    set_by: int | None
    set_at: datetime


async def calendar_of(connection: AsyncConnection) -> WorkingDays:
    """The calendar as it is now, in the caller's transaction."""
    rows = await connection.execute(text("SELECT day, works FROM working_day_overrides"))
    return WorkingDays({row.day: row.works for row in rows})


class WorkingDayStore:
    """What administrators said about single days."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def calendar(self) -> WorkingDays:
        async with self._engine.connect() as connection:
            return await calendar_of(connection)

    async def overrides(self, year: int) -> dict[date, Override]:
        found = text("SELECT * FROM working_day_overrides WHERE day BETWEEN :first AND :last ORDER BY day")
        span = {"first": date(year, 1, 1), "last": date(year, 12, 31)}
        async with self._engine.connect() as connection:
            rows = await connection.execute(found, span)
            return {row.day: Override(row.day, row.works, row.reason, row.set_by, row.set_at) for row in rows}

    async def set(self, day: date, works: bool, reason: str, by: int | None, now: datetime) -> None:
        """Say what a day is. Raises ValueError without a reason."""
        await self.set_all({day: works}, reason, by, now)

    async def set_all(self, days: Mapping[date, bool], reason: str, by: int | None, now: datetime) -> None:
        """Say what several days are, all or none. Raises ValueError without a reason or for too many."""
        if not reason.strip() or len(reason) > LONGEST_REASON or not 0 < len(days) <= MOST_AT_ONCE:
            raise ValueError(f"an override has a reason, and 1 to {MOST_AT_ONCE} days")
        put = text(
            "INSERT INTO working_day_overrides (day, works, reason, set_by, set_at)"
            " VALUES (:day, :works, :reason, :by, :now) ON CONFLICT (day) DO UPDATE SET"
            " works = excluded.works, reason = excluded.reason,"
            " set_by = excluded.set_by, set_at = excluded.set_at"
        )
        said = {"reason": reason.strip(), "by": by, "now": now}
        facts = {
            "worked": sum(days.values()),
            "free": len(days) - sum(days.values()),
            "until": max(days).isoformat(),
            "reason": reason.strip(),
        }
        async with self._engine.begin() as connection:
            await connection.execute(
                put, [{"day": day, "works": works, **said} for day, works in sorted(days.items())]
            )
            await _audit(connection, "set", min(days), by, now, facts)

    async def unset(self, day: date, by: int | None, now: datetime) -> bool:
        """Back to the national calendar. False: nothing was said about the day."""
        gone = text("DELETE FROM working_day_overrides WHERE day = :day RETURNING day")
        async with self._engine.begin() as connection:
            if (await connection.execute(gone, {"day": day})).first() is None:
                return False
            await _audit(connection, "unset", day, by, now, {})
            return True


async def _audit(
    connection: AsyncConnection,
    what: str,
    day: date,
    by: int | None,
    now: datetime,
    facts: Mapping[str, object],
) -> None:
    who, role = (CLOCK, "") if by is None else (account(by), Role.ADMINISTRATOR.value)
    act, subject = f"working_day.{what}", day.isoformat()
    await record(connection, at=now, actor=who, role=role, act=act, subject=subject, facts=facts)
