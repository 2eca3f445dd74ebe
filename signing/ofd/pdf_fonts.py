"""The fonts of a PDF: which glyph a code draws, how far it advances, what it stands for.

Taken are the composite fonts with their own program that typst writes (CID-keyed CFF, Identity-H).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from signing.ofd.characters import is_seen
from signing.ofd.errors import CannotConvert
from signing.ofd.fonts import UNITS, opentype
from signing.ofd.marks import Font
from signing.ofd.pdf_objects import resolved

_TAG: Final = re.compile(r"^[A-Z]{6}\+")
_SECTION: Final = re.compile(r"beginbf(char|range)(.*?)endbf", re.DOTALL)
_HEX: Final = re.compile(r"<([0-9A-Fa-f\s]*)>|(\[)|(\])")


@dataclass(frozen=True, slots=True)
class PdfFont:
    """One font of a PDF. Glyphs have the numbers that the page's text uses."""

    name: str
    program: bytes
    advances: Mapping[int, float]
    default_advance: float
    texts: Mapping[int, str]
    box: tuple[float, ...]

    def advance(self, glyph: int) -> float:
        """In thousandths of the size."""
        return self.advances.get(glyph, self.default_advance)

    def as_opentype(self) -> Font:
        """With a table of characters: of several glyphs for one character the first is in it."""
        characters: dict[int, int] = {}
        for glyph in sorted(self.texts):
            text = self.texts[glyph]
            if len(text) == 1:
                characters.setdefault(ord(text), glyph)
        count = max(self.advances, default=0) + 1
        advances = [round(self.advance(glyph)) for glyph in range(count)]
        box = [int(side) for side in self.box]
        return Font(self.name, opentype(self.program, self.name, advances, characters, box))


def read_font(font: Any) -> PdfFont:
    """From the font's dictionary. Raises CannotConvert."""
    if font.get("/Subtype") != "/Type0" or font.get("/Encoding") != "/Identity-H":
        raise CannotConvert(f"a font that is not composite, or has its own codes: {font.get('/BaseFont')}")
    below = resolved(font["/DescendantFonts"][0])
    descriptor = below["/FontDescriptor"]
    program = resolved(descriptor.get("/FontFile3", {}))
    if program.get("/Subtype") != "/CIDFontType0C" or "/ToUnicode" not in font:
        raise CannotConvert(f"a font without its CFF program or its characters: {font.get('/BaseFont')}")
    return PdfFont(
        name=_TAG.sub("", str(font["/BaseFont"])[1:]).removesuffix("-Identity-H"),
        program=bytes(program.data),
        advances=_advances(resolved(below.get("/W", []))),
        default_advance=float(below.get("/DW", UNITS)),
        texts=_seen(_texts(bytes(font["/ToUnicode"].data).decode("latin-1"))),
        box=tuple(float(side) for side in descriptor["/FontBBox"]),
    )


def _advances(listed: Any) -> dict[int, float]:
    found: dict[int, float] = {}
    rest = [resolved(each) for each in listed]
    while rest:
        first, second = int(rest[0]), rest[1]
        if isinstance(second, list):
            found.update((first + index, float(width)) for index, width in enumerate(second))
            rest = rest[2:]
        else:
            found.update((glyph, float(rest[2])) for glyph in range(first, int(second) + 1))
            rest = rest[3:]
        if len(found) > 0xFFFF:
            raise CannotConvert("a font with more than 65535 widths")
    return found


def _seen(texts: dict[int, str]) -> dict[int, str]:
    """Without what nobody sees, as a place to break: in a package it could not be shown."""
    return {glyph: "".join(filter(is_seen, text)) for glyph, text in texts.items()}


def _texts(cmap: str) -> dict[int, str]:
    found: dict[int, str] = {}
    for kind, body in _SECTION.findall(cmap):
        tokens = [hexa.replace(" ", "") or bracket or end for hexa, bracket, end in _HEX.findall(body)]
        if kind == "char":
            pairs = zip(tokens[::2], tokens[1::2], strict=False)
            found.update((int(code, 16), _utf16(text)) for code, text in pairs)
        else:
            _read_ranges(tokens, found)
    return found


def _read_ranges(tokens: list[str], found: dict[int, str]) -> None:
    while tokens:
        first, last = int(tokens[0], 16), int(tokens[1], 16)
        if not first <= last <= 0xFFFF:
            raise CannotConvert("a font with an impossible table of characters")
        if tokens[2] == "[":
            end = tokens.index("]")
            listed = [_utf16(text) for text in tokens[3:end]]
            tokens = tokens[end + 1 :]
        else:
            start = _utf16(tokens[2])
            listed = [start[:-1] + chr(ord(start[-1]) + index) for index in range(last - first + 1)]
            tokens = tokens[3:]
        found.update(zip(range(first, last + 1), listed, strict=False))


def _utf16(digits: str) -> str:
    return bytes.fromhex(digits).decode("utf-16-be", "replace")
