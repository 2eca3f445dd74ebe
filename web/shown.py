"""How times are shown: Beijing time. Amounts are in office.money."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

BEIJING: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China has had one time without summer time since 1992: no zone table is needed for it."""


def moment(ms: int | None) -> str:
    """ "2026年11月21日 10:00:05", Beijing time."""
    if not ms:
        return "—"
    return f"{_at(ms):%Y年%m月%d日 %H:%M:%S}"


def moment_en(ms: int | None) -> str:
    """ "2026-11-21 10:00:05", Beijing time."""
    return f"{_at(ms):%Y-%m-%d %H:%M:%S}" if ms else "—"


def iso(ms: int) -> str:
    """For <time datetime="…">."""
    return _at(ms).isoformat(timespec="milliseconds")


def _at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(BEIJING)


def ms_of(moment: datetime) -> int:
    """A time of the database for the filters that take ms."""
    return int(moment.timestamp() * 1000)
