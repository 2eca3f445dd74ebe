"""Numbers of sub-accounts: drawn at random, with two check digits, so that a wrong digit is noticed. Pure
but for the chance that is handed in.

Eighteen digits: the bank's prefix (6), ten at random, two by ISO 7064 MOD 97-10 as in an IBAN. Nothing in
them is derived from a lot, an account or an order: who sees two of them learns nothing.
"""

import re
import secrets
from collections.abc import Callable
from typing import Final

from stdnum.iso7064 import mod_97_10

LENGTH: Final = 18
PREFIX: Final = re.compile(r"[0-9]{6}")
_NUMBER: Final = re.compile(r"[0-9]{18}")
_RANDOM_DIGITS: Final = 10

Chance = Callable[[int], int]
"""Gives a number below the one it gets."""


def draw(prefix: str, chance: Chance = secrets.randbelow) -> str:
    """A new number at a bank. Whether it is free, the table says."""
    if not PREFIX.fullmatch(prefix):
        raise ValueError("a prefix has six digits")
    body = f"{prefix}{chance(10**_RANDOM_DIGITS):0{_RANDOM_DIGITS}d}"
    return body + str(mod_97_10.calc_check_digits(body))


def is_number(written: str) -> bool:
    """Whether it is a number of this form with right check digits, of ours or not."""
    return _NUMBER.fullmatch(written) is not None and bool(mod_97_10.is_valid(written))


def found_in(field: str, remark: str) -> str:
    """The sub-account that a transaction names: in the bank's own field, or alone in the remark. "" if
    none, or if the remark names several."""
    if field and is_number(digits := re.sub(r"[\s-]", "", field)):
        return digits
    if len(remark) < LENGTH:
        return ""
    named = {each for each in re.findall(r"(?<![0-9])[0-9]{18}(?![0-9])", remark) if is_number(each)}
    return named.pop() if len(named) == 1 else ""


def shown(number: str) -> str:
    """In groups of four, as people read it out."""
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))
