"""Amounts as banks write them: text to fen, and back. No float on the way. Pure."""

import re
import unicodedata
from typing import Final

LARGEST: Final = 10**15
"""Fen: ten trillion yuan. What is more is no amount but a mistake."""
_AMOUNT: Final = re.compile(r"([+-]?)(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d*))?", re.ASCII)
"""Digits of ours alone: full-width ones are made these before, other scripts' are no amount."""


class NoAmount(ValueError):
    """A text that is no amount of money in yuan and fen."""


def fen_of(written: str) -> int:
    """ "¥1,234.5" → 123450. Raises NoAmount, also for thousandths that are not zero."""
    flat = unicodedata.normalize("NFKC", written).replace("−", "-").strip()
    flat = flat.removeprefix("¥").removeprefix("CNY").removesuffix("元").strip()
    found = _AMOUNT.fullmatch(flat)
    if found is None or len(flat) > 40:
        raise NoAmount(written[:40])
    sign, whole, part = found.group(1), found.group(2).replace(",", ""), found.group(3) or ""
    if part[2:].strip("0"):
        raise NoAmount(written[:40])
    fen = int(whole) * 100 + int(part[:2].ljust(2, "0"))
    if fen > LARGEST:
        raise NoAmount(written[:40])
    return -fen if sign == "-" else fen


def plain(fen: int) -> str:
    """ "-1234.50": for files that machines read."""
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"
