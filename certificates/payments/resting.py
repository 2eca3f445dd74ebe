"""What went wrong in a round, row by row: the others go on, it is reported once, and the row rests.

    async with resting.trying(number, now):
        ...
    resting.report()

A row that fails again and again is tried less and less often: it fills no round, and nobody waits for it.
Kept in memory alone: another steward, or the next, tries once more.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

FIRST: Final = timedelta(minutes=1)
LONGEST: Final = timedelta(hours=6)
MOST: Final = 10_000
"""Rows that rest; beyond it the one that rests longest is tried at once."""


Key = TypeVar("Key")


class Resting(Generic[Key]):
    def __init__(self) -> None:
        self._rows: dict[Key, tuple[int, datetime]] = {}
        self._faults: list[Exception] = []

    def left_alone(self, now: datetime) -> list[Key]:
        """Those that are not to be tried yet."""
        return [key for key, (_times, until) in self._rows.items() if until > now]

    @asynccontextmanager
    async def trying(self, key: Key, now: datetime) -> AsyncIterator[None]:
        """What fails inside is kept for the report, and the row rests: a minute, then twice as long."""
        times = self._rows.pop(key, (0, now))[0]
        try:
            yield
        except Exception as fault:
            self._faults.append(fault)
            self._rows[key] = times + 1, now + min(FIRST * 2 ** min(times, 20), LONGEST)
            if len(self._rows) > MOST:
                del self._rows[next(iter(self._rows))]

    def report(self) -> None:
        """Raises the first of what went wrong since the last time."""
        faults, self._faults = self._faults, []
        if faults:
            if len(faults) > 1:
                faults[0].add_note(f"and {len(faults) - 1} more rows of the same round")
            raise faults[0]
