"""Names of payers: when two of them are the same. Pure.

Banks write one name in several ways: full-width letters, spaces between the two characters of a short name,
brackets of many kinds. What is left after that has to agree exactly: a similar name is another payer.
"""

import unicodedata
from functools import lru_cache
from typing import Final

LONGEST_NAME: Final = 200
_OPENING: Final = "[{<《〈【「『〔〖"
_CLOSING: Final = "]}>》〉】」』〕〗"
_DOTS: Final = "・•‧∙●・"
_DASHES: Final = "‐‑‒–—―－"
_ONE_FORM: Final = str.maketrans(
    {
        **dict.fromkeys(_OPENING, "("),
        **dict.fromkeys(_CLOSING, ")"),
        **dict.fromkeys(_DOTS, "·"),
        **dict.fromkeys(_DASHES, "-"),
    }
)


@lru_cache(maxsize=20_000)
def payer_key(name: str) -> str:
    """What two spellings of one name have in common; "" for a name that says nothing."""
    flat = unicodedata.normalize("NFKC", name[:LONGEST_NAME]).casefold().translate(_ONE_FORM)
    tight = "".join(flat.split())
    if tight.isprintable():
        return tight
    return "".join(char for char in tight if unicodedata.category(char)[0] != "C")


def same_payer(one: str, other: str) -> bool:
    """Whether both are names, and one and the same."""
    key = payer_key(one)
    return key != "" and key == payer_key(other)
