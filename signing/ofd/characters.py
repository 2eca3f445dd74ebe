"""Which glyph of a font a character has: the Unicode table of an OpenType or TrueType program.

characters_of(program)      # {0x6210: 1, ...}
"""

import struct
import unicodedata
from typing import Final

from signing.ofd.errors import CannotShow

MAX_FONT: Final = 16 << 20
MAX_CHARACTERS: Final = 0x20000


def is_seen(character: str) -> bool:
    """Neither a control character nor one that orders or hides others; spaces of any width are."""
    kind = unicodedata.category(character)
    return kind[0] != "C" and kind not in ("Zl", "Zp")


def characters_of(program: bytes) -> dict[int, int]:
    """Code points to glyphs, by the Unicode table of an OpenType or TrueType font. Raises CannotShow."""
    try:
        return _read_cmap(_table(program, b"cmap"))
    except (struct.error, IndexError) as error:
        raise CannotShow("a font whose table of characters cannot be read") from error


def glyphs_in(program: bytes) -> int:
    """How many glyphs it has. Raises CannotShow."""
    try:
        (count,) = struct.unpack_from(">H", _table(program, b"maxp"), 4)
    except struct.error as error:
        raise CannotShow("a font that does not say how many glyphs it has") from error
    return int(count)


def _table(program: bytes, wanted: bytes) -> bytes:
    if len(program) > MAX_FONT or program[:4] not in (b"OTTO", b"\0\1\0\0", b"true"):
        raise CannotShow("a font that is neither OpenType nor TrueType")
    (count,) = struct.unpack_from(">H", program, 4)
    for index in range(count):
        offset: int
        length: int
        tag, _, offset, length = struct.unpack_from(">4sLLL", program, 12 + 16 * index)
        if tag == wanted:
            return program[offset : offset + length]
    raise CannotShow(f"a font without the table {wanted.decode('ascii', 'replace')}")


def _read_cmap(table: bytes) -> dict[int, int]:
    (count,) = struct.unpack_from(">H", table, 2)
    places = {}
    for index in range(min(count, 64)):
        platform, encoding, offset = struct.unpack_from(">HHL", table, 4 + 8 * index)
        places[platform, encoding] = offset
    for kind in ((3, 10), (0, 4), (0, 6), (3, 1), (0, 3)):
        if kind in places:
            return _read_subtable(table[places[kind] :])
    raise CannotShow("a font without a table of Unicode characters")


def _read_subtable(table: bytes) -> dict[int, int]:
    (form,) = struct.unpack_from(">H", table, 0)
    if form == 12:
        return _read_format_12(table)
    if form == 4:
        return _read_format_4(table)
    raise CannotShow(f"a font with a table of characters of the form {form}")


def _read_format_12(table: bytes) -> dict[int, int]:
    (groups,) = struct.unpack_from(">L", table, 12)
    found: dict[int, int] = {}
    for index in range(groups):
        first, last, glyph = struct.unpack_from(">LLL", table, 16 + 12 * index)
        if not first <= last <= 0x10FFFF or len(found) + last - first > MAX_CHARACTERS:
            raise CannotShow("a font with an impossible table of characters")
        found.update((code, glyph + code - first) for code in range(first, last + 1))
    return found


def _read_format_4(table: bytes) -> dict[int, int]:
    (double,) = struct.unpack_from(">H", table, 6)
    ends, starts, deltas, offsets = (14, *(16 + part * double for part in (1, 2, 3)))
    found: dict[int, int] = {}
    for index in range(0, double, 2):
        first, last, delta, indirect = (
            struct.unpack_from(">H", table, place + index)[0] for place in (starts, ends, deltas, offsets)
        )
        for code in range(first, last + 1):
            glyph = code
            if indirect:
                (glyph,) = struct.unpack_from(">H", table, offsets + index + indirect + 2 * (code - first))
            if code != 0xFFFF and (glyph or not indirect):
                found[code] = (glyph + delta) % 65536
    return found
