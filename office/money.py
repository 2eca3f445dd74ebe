"""Amounts of money as documents write them. Fen in, text out: nothing passes through a float."""

from typing import Final

import cn2an

LARGEST: Final = 10**18 - 1
"""Fen. cn2an reads sixteen digits of yuan."""


def yuan(fen: int) -> str:
    """ "1,234.00". Raises ValueError below zero or above LARGEST."""
    _check(fen)
    return f"{fen // 100:,}.{fen % 100:02d}"


def capital_amount(fen: int) -> str:
    """In Chinese capitals: "人民币壹仟零伍元整". 整 stands after whole yuan only, as on the pages.

    Raises ValueError below zero or above LARGEST.
    """
    _check(fen)
    if fen == 0:
        return "人民币零元整"
    return f"人民币{cn2an.an2cn(f'{fen // 100}.{fen % 100:02d}', 'rmb')}"


def _check(fen: int) -> None:
    if not 0 <= fen <= LARGEST:
        raise ValueError(f"{fen} fen are not an amount of a document")
