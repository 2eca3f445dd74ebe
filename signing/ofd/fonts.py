"""Font programs: those in a PDF have no table from characters to glyphs, those in a package need one.

    program = opentype(cff, "NotoSansSC-Regular", advances, characters, box)   # CFF of a PDF -> OpenType

Source: OpenType 1.9; Adobe Technical Note 5176 (CFF).
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Final

from signing.ofd.errors import CannotConvert

UNITS: Final = 1000
"""Per em, in every CFF font here."""

_NOTDEF_ADVANCE: Final = 1000
_CHARSET, _CHARSTRINGS = 15, 17
_TIME_ZERO: Final = 3_786_825_600
"""2024-01-01 in seconds since 1904: the same in every font, so that equal input gives equal bytes."""


def opentype(
    cff: bytes, name: str, advances: Sequence[int], characters: Mapping[int, int], box: Sequence[int]
) -> bytes:
    """An OpenType font around a CFF program, whose glyph n has the advance `advances[n]`.

    `characters` maps code points to glyphs; `box` is the font's bounding box. Raises CannotConvert.
    """
    count = glyph_count(cff)
    widths = [advances[index] if index < len(advances) else 0 for index in range(count)]
    if any(glyph >= count for glyph in characters.values()):
        raise CannotConvert(f"{name} is to draw glyphs that it does not have")
    left, bottom, right, top = (int(side) for side in box)
    ascent, descent = max(top, 880), min(bottom, -120)
    first, last = min(characters, default=32), max(characters, default=32)
    tables = {
        b"CFF ": cff,
        b"OS/2": _os2(widths, min(first, 0xFFFF), min(last, 0xFFFF), ascent, descent),
        b"cmap": _cmap(characters),
        b"head": _head(left, bottom, right, top),
        b"hhea": struct.pack(
            ">HHhhhHhhhhhh8xhH",
            1, 0, ascent, descent, 0, max(widths, default=0), left, 0, right, 1, 0, 0, 0, count,
        ),
        b"hmtx": b"".join(struct.pack(">Hh", width, 0) for width in widths),
        b"maxp": struct.pack(">LH", 0x00005000, count),
        b"name": _names(name),
        b"post": struct.pack(">LLhhLLLLL", 0x00030000, 0, -100, 50, 0, 0, 0, 0, 0),
    }  # fmt: skip
    return _sfnt(b"OTTO", tables)


def glyph_count(cff: bytes) -> int:
    """Of a CFF program whose glyphs are numbered by their places, as in a PDF. Raises CannotConvert."""
    try:
        position = cff[2]
        position = _index_end(cff, position)  # names
        top = _index_first(cff, position)
        operands = _dictionary(top)
        (count,) = struct.unpack_from(">H", cff, operands[_CHARSTRINGS])
        charset = operands.get(_CHARSET, 0)
        if charset <= 2 or not _is_identity(cff, charset, count):
            raise CannotConvert("a font whose glyphs have other numbers than their places")
    except (struct.error, IndexError, KeyError) as error:
        raise CannotConvert("a font program that cannot be read") from error
    return int(count)


def _index_offsets(cff: bytes, position: int) -> tuple[int, list[int]]:
    (count,) = struct.unpack_from(">H", cff, position)
    if count == 0:
        return position + 2, []
    size = cff[position + 2]
    start = position + 3
    raw = (cff[start + at * size : start + (at + 1) * size] for at in range(count + 1))
    return start + (count + 1) * size - 1, [int.from_bytes(each, "big") for each in raw]


def _index_end(cff: bytes, position: int) -> int:
    base, offsets = _index_offsets(cff, position)
    return base + offsets[-1] if offsets else base


def _index_first(cff: bytes, position: int) -> bytes:
    base, offsets = _index_offsets(cff, position)
    return cff[base + offsets[0] : base + offsets[1]]


def _dictionary(data: bytes) -> dict[int, int]:
    """The one-byte operators with their last operand, where it is a whole number."""
    found: dict[int, int] = {}
    position, last = 0, 0
    while position < len(data):
        byte = data[position]
        position += 1
        if byte == 12:
            position += 1
        elif byte <= 21:
            found[byte] = last
        elif byte == 28:
            (last,) = struct.unpack_from(">h", data, position)
            position += 2
        elif byte == 29:
            (last,) = struct.unpack_from(">i", data, position)
            position += 4
        elif byte == 30:
            while data[position] & 0x0F != 0x0F:
                position += 1
            position += 1
        elif byte <= 246:
            last = byte - 139
        elif byte <= 250:
            last = (byte - 247) * 256 + data[position] + 108
            position += 1
        else:
            last = -(byte - 251) * 256 - data[position] - 108
            position += 1
    return found


def _is_identity(cff: bytes, position: int, count: int) -> bool:
    form = cff[position]
    if form == 0:
        listed = struct.unpack_from(f">{count - 1}H", cff, position + 1)
        return listed == tuple(range(1, count))
    width, layout = (3, ">HB") if form == 1 else (4, ">HH")
    glyph, position = 1, position + 1
    while glyph < count:
        first, left = struct.unpack_from(layout, cff, position)
        if first != glyph:
            return False
        glyph, position = glyph + left + 1, position + width
    return True


def _cmap(characters: Mapping[int, int]) -> bytes:
    """Format 4 for the first plane, which every reader knows, and format 12 for all."""
    plain = {code: glyph for code, glyph in characters.items() if code < 0xFFFF}
    low, full = _format_4(plain), _format_12(characters)
    head = struct.pack(">HH", 0, 3)
    offset = 4 + 3 * 8
    head += struct.pack(">HHL", 0, 4, offset + len(low))
    head += struct.pack(">HHL", 3, 1, offset)
    head += struct.pack(">HHL", 3, 10, offset + len(low))
    return head + low + full


def _runs(characters: Mapping[int, int]) -> list[tuple[int, int, int]]:
    """(first code, last code, first glyph) of codes in a row with glyphs in a row."""
    runs: list[tuple[int, int, int]] = []
    for code in sorted(characters):
        glyph = characters[code]
        if runs and code == runs[-1][1] + 1 and glyph == runs[-1][2] + code - runs[-1][0]:
            runs[-1] = (runs[-1][0], code, runs[-1][2])
        else:
            runs.append((code, code, glyph))
    return runs


def _format_4(characters: Mapping[int, int]) -> bytes:
    runs = [*_runs(characters), (0xFFFF, 0xFFFF, 0)]
    count = len(runs)
    power = 1 << (count.bit_length() - 1)
    ends = b"".join(struct.pack(">H", last) for _, last, _ in runs)
    starts = b"".join(struct.pack(">H", first) for first, _, _ in runs)
    deltas = b"".join(struct.pack(">H", (glyph - first) % 65536) for first, _, glyph in runs[:-1])
    body = ends + b"\0\0" + starts + deltas + struct.pack(">H", 1) + bytes(2 * count)
    search = (2 * power, power.bit_length() - 1, 2 * (count - power))
    return struct.pack(">HHHHHHH", 4, 14 + len(body), 0, 2 * count, *search) + body


def _format_12(characters: Mapping[int, int]) -> bytes:
    runs = _runs(characters)
    groups = b"".join(struct.pack(">LLL", *run) for run in runs)
    return struct.pack(">HHLLL", 12, 0, 16 + len(groups), 0, len(runs)) + groups


def _head(left: int, bottom: int, right: int, top: int) -> bytes:
    return struct.pack(
        ">LLLLHHQQhhhhHHhhh",
        0x00010000, 0x00010000, 0, 0x5F0F3CF5, 0x0003, UNITS, _TIME_ZERO, _TIME_ZERO,
        left, bottom, right, top, 0, 8, 2, 0, 0,
    )  # fmt: skip


def _os2(widths: Sequence[int], first: int, last: int, ascent: int, descent: int) -> bytes:
    average = sum(widths) // max(1, len(widths))
    return struct.pack(
        ">HhHHHhhhhhhhhhhh10sLLLL4sHHHhhhHHLLhhHHH",
        4, average, 400, 5, 0, 650, 600, 0, 75, 650, 600, 0, 350, 50, 300, 0, bytes(10),
        0, 0, 0, 0, b"NONE", 0x40, first, last, ascent, descent, 0, ascent, -descent,
        0, 0, 500, 700, 0, 32, 1,
    )  # fmt: skip


def _names(name: str) -> bytes:
    """Family, style, identity, full name, version and PostScript name."""
    family, _, style = name.partition("-")
    texts = {1: family, 2: "Regular", 3: name, 4: f"{family} {style}".strip(), 5: "Version 1.0", 6: name}
    encoded = {key: value.encode("utf-16-be") for key, value in texts.items()}
    records, strings = b"", b""
    for key, value in encoded.items():
        records += struct.pack(">6H", 3, 1, 0x409, key, len(value), len(strings))
        strings += value
    return struct.pack(">3H", 0, len(texts), 6 + len(records)) + records + strings


def _sfnt(mark: bytes, tables: Mapping[bytes, bytes]) -> bytes:
    count = len(tables)
    power = 1 << (count.bit_length() - 1)
    head = mark + struct.pack(">4H", count, 16 * power, power.bit_length() - 1, 16 * (count - power))
    offset, listed, body, head_at = 12 + 16 * count, b"", b"", 0
    for tag in sorted(tables):
        table = tables[tag]
        head_at = offset + len(body) if tag == b"head" else head_at
        listed += struct.pack(">4sLLL", tag, _checksum(table), offset + len(body), len(table))
        body += table + bytes(-len(table) % 4)
    font = bytearray(head + listed + body)
    struct.pack_into(">L", font, head_at + 8, (0xB1B0AFBA - _checksum(bytes(font))) % (1 << 32))
    return bytes(font)


def _checksum(table: bytes) -> int:
    padded = table + bytes(-len(table) % 4)
    words: tuple[int, ...] = struct.unpack(f">{len(padded) // 4}L", padded)
    return sum(words) % (1 << 32)
