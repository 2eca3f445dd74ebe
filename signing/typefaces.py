"""Which characters the program's fonts have: what they lack is named in a document, not left out of it."""

import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pylopdf_fonts_zh_cn

FOLDER: Final = Path(pylopdf_fonts_zh_cn.__file__).parent
_BLANK: Final = frozenset(" \n")


def spelled(text: str) -> str:
    """The text with each character that no font has as its number: "𠮷" may become "〔U+20BB7〕"."""
    missing = set(text) - characters()
    for character in missing:
        text = text.replace(character, f"〔U+{ord(character):04X}〕")
    return text


def all_spelled(value: Any) -> Any:
    """The same for every text in lists and mappings."""
    if isinstance(value, str):
        return spelled(value)
    if isinstance(value, dict):
        return {key: all_spelled(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [all_spelled(item) for item in value]
    return value


@cache
def characters() -> frozenset[str]:
    """What the fonts have together, and blanks."""
    found = {chr(code) for font in sorted(FOLDER.glob("*.otf")) for code in _codes(font.read_bytes())}
    return frozenset(found) | _BLANK


def _codes(font: bytes) -> Iterator[int]:
    """The code points of an OpenType font's table of characters, in its form for all of Unicode (12)."""
    for index in range(struct.unpack_from(">H", font, 4)[0]):
        tag, _check, offset, _size = struct.unpack_from(">4sLLL", font, 12 + 16 * index)
        if tag == b"cmap":
            yield from _codes_of_table(font, offset)


def _codes_of_table(font: bytes, table: int) -> Iterator[int]:
    for index in range(struct.unpack_from(">H", font, table + 2)[0]):
        _platform, _encoding, offset = struct.unpack_from(">HHL", font, table + 4 + 8 * index)
        start = table + offset
        if struct.unpack_from(">H", font, start)[0] != 12:
            continue
        for group in range(struct.unpack_from(">L", font, start + 12)[0]):
            first, last, _glyph = struct.unpack_from(">LLL", font, start + 16 + 12 * group)
            yield from range(first, last + 1)
