"""Amounts of money as pages and documents write them, and as people type them into forms.

Fen in, text out, and the other way round: nothing passes through a float. What banks write in their files
has another grammar (signs, no 万): office/banking/amounts.py.
"""

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

LARGEST: Final = 10**18 - 1
"""Fen. cn2an reads sixteen digits of yuan."""

LARGEST_TYPED: Final = 10**15 - 1
"""Fen: the largest price that the book handles (bidding.terms.MAX_PRICE; a test holds them together)."""
_LONGEST: Final = 60
_GROUPED: Final = r"\d{1,3}(?:[,、' ]\d{3})+|\d{1,4}(?:[,、' ]\d{4})+|\d+"
"""Thousands, or ten thousands as Chinese counts them, apart; anything else may have been meant as a point."""
_UNIT: Final = r" ?(?:[元圆] ?整?|([万亿]) ?[元圆]? ?整?)?"
_TYPED: Final = re.compile(
    rf"(?:¥|人民币|RMB|CNY)? ?({_GROUPED})(?:[.。](\d*))?{_UNIT}", re.ASCII | re.IGNORECASE
)
_SHIFT: Final[Mapping[str | None, int]] = {None: 2, "万": 6, "亿": 10}


class AmountFault(StrEnum):
    MISSING = "missing"
    UNREADABLE = "unreadable"
    SEPARATORS = "separators"
    """A comma where no thousands end: 1,5 may have been meant as 1.5, or as 15."""
    TOO_PRECISE = "too_precise"
    """Less than a fen is left over."""
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"


class NotAnAmount(ValueError):
    """What was typed is no amount that may stand there."""

    def __init__(self, fault: AmountFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


def typed_fen(typed: str, *, least: int = 1, most: int = LARGEST_TYPED) -> int:
    """Yuan as people type them ("1,234.5", "１２００元", "¥ 1 200", "120万", "1.5亿元整") -> fen.

    Both bounds are amounts that may be typed. Raises NotAnAmount with what is wrong.
    """
    plain = " ".join(unicodedata.normalize("NFKC", typed).replace("’", "'").split())
    if not plain:
        raise NotAnAmount(AmountFault.MISSING)
    found = _TYPED.fullmatch(plain) if len(plain) <= _LONGEST else None
    if found is None:
        raise NotAnAmount(_why_unreadable(plain))
    whole, decimals, shift = re.sub(r"\D", "", found[1]), (found[2] or "").rstrip("0"), _SHIFT[found[3]]
    if len(decimals) > shift:
        raise NotAnAmount(AmountFault.TOO_PRECISE)
    fen = int(whole + decimals.ljust(shift, "0"))
    if fen > most:
        raise NotAnAmount(AmountFault.TOO_LARGE)
    if fen < least:
        raise NotAnAmount(AmountFault.TOO_SMALL)
    return fen


def _why_unreadable(plain: str) -> AmountFault:
    """Whether it were an amount without its separators, or below zero without its sign."""
    if len(plain) > _LONGEST:
        return AmountFault.UNREADABLE
    if _TYPED.fullmatch(re.sub(r"(?<=\d)[,、' ]+(?=\d)", "", plain)):
        return AmountFault.SEPARATORS
    below = re.sub(r"^(¥ ?)?[-−] ?", "", plain)
    return AmountFault.TOO_SMALL if below != plain and _TYPED.fullmatch(below) else AmountFault.UNREADABLE


def yuan(fen: int) -> str:
    """ "1,234.00". Raises ValueError below zero or above LARGEST."""
    _check(fen)
    return f"{fen // 100:,}.{fen % 100:02d}"


def capitals(fen: int) -> str:
    """In Chinese capitals: "壹仟零伍元整". 整 stands after whole yuan only.

    Raises ValueError below zero or above LARGEST.
    """
    import cn2an  # at the first document, not at every start: it takes a quarter of a second

    _check(fen)
    return "零元整" if fen == 0 else str(cn2an.an2cn(f"{fen // 100}.{fen % 100:02d}", "rmb"))


def capital_amount(fen: int) -> str:
    """As documents write it: "人民币壹仟零伍元整". Raises ValueError as `capitals` does."""
    return f"人民币{capitals(fen)}"


def _check(fen: int) -> None:
    if not 0 <= fen <= LARGEST:
        raise ValueError(f"{fen} fen are not an amount")
