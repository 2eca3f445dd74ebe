"""Amounts of money as pages and documents write them. Fen in, text out: nothing passes through a float."""

from typing import Final

import cn2an

LARGEST: Final = 10**18 - 1
"""Fen. cn2an reads sixteen digits of yuan."""


def yuan(fen: int) -> str:
    """ "1,234.00". Raises ValueError below zero or above LARGEST."""
    _check(fen)
    return f"{fen // 100:,}.{fen % 100:02d}"


def capitals(fen: int) -> str:
    """In Chinese capitals: "壹仟零伍元整". 整 stands after whole yuan only.

    Raises ValueError below zero or above LARGEST.
    """
    _check(fen)
    return "零元整" if fen == 0 else str(cn2an.an2cn(f"{fen // 100}.{fen % 100:02d}", "rmb"))


def capital_amount(fen: int) -> str:
    """As documents write it: "人民币壹仟零伍元整". Raises ValueError as `capitals` does."""
    return f"人民币{capitals(fen)}"


def _check(fen: int) -> None:
    if not 0 <= fen <= LARGEST:
        raise ValueError(f"{fen} fen are not an amount")
