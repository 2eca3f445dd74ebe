"""What time it is: an argument everywhere, so that tests and demonstrations can travel."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

Clock = Callable[[], datetime]
"""Gives aware UTC."""
FARTHEST: Final = timedelta(days=366)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Travelling:
    """A clock that runs ahead by the seconds that stand in a file; without the file it is the real one.

    For demonstrations and tests alone: all processes that read the same file travel together, forward only.
    """

    def __init__(self, file: Path, clock: Clock = utc_now) -> None:
        self._file = file
        self._clock = clock

    def __call__(self) -> datetime:
        return self._clock() + self.ahead()

    def ahead(self) -> timedelta:
        try:
            return timedelta(seconds=float(self._file.read_text("ascii")))
        except (OSError, ValueError, OverflowError):
            return timedelta(0)

    def advance(self, by: timedelta) -> bool:
        """Run ahead by so much more. False: that is backwards, or farther than FARTHEST."""
        ahead = self.ahead() + by
        if by < timedelta(0) or ahead > FARTHEST:
            return False
        new = self._file.with_suffix(".new")
        new.write_text(f"{ahead.total_seconds():.3f}", "ascii")
        new.replace(self._file)
        return True


def shifted(file: Path, clock: Clock = utc_now) -> Travelling:
    return Travelling(file, clock)
