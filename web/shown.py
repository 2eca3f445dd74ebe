"""How numbers and times are shown: Beijing time, yuan with two decimals, amounts in Chinese capitals."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import cn2an

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


def local_input(ms: int | None) -> str:
    """What a datetime-local field holds, in Beijing time."""
    return f"{_at(ms):%Y-%m-%dT%H:%M:%S}" if ms else ""


def _at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(BEIJING)


def yuan(fen: int) -> str:
    """ "1,234.56"."""
    return f"{fen // 100:,}.{fen % 100:02d}"


def plain_yuan(fen: int | None) -> str:
    """What a field for an amount holds: "1234.56", without the decimals of a whole amount."""
    if fen is None:
        return ""
    return f"{fen // 100}.{fen % 100:02d}" if fen % 100 else str(fen // 100)


def capital(fen: int) -> str:
    """The amount in Chinese capitals: "壹仟贰佰叁拾肆元伍角陆分"."""
    if fen == 0:
        return "零元整"
    return str(cn2an.an2cn(f"{fen // 100}.{fen % 100:02d}", "rmb"))


def ms_of(moment: datetime) -> int:
    """A time of the database for the filters that take ms."""
    return int(moment.timestamp() * 1000)
