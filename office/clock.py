"""What time it is: an argument everywhere, so that tests and demonstrations can travel."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

Clock = Callable[[], datetime]
"""Gives aware UTC."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def shifted(file: Path, clock: Clock = utc_now) -> Clock:
    """A clock that runs ahead by the seconds that stand in a file; without the file it is `clock`.

    For demonstrations alone: every process that reads the same file travels together.
    """

    def now() -> datetime:
        try:
            ahead = float(file.read_text("ascii"))
        except (OSError, ValueError):
            return clock()
        return clock() + timedelta(seconds=ahead)

    return now
