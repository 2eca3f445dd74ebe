"""Text as the outlines of its glyphs: what takes no font to be shown, and looks the same everywhere.

drawing = outlined(drawing)
"""

import ctypes
from collections.abc import Iterator
from typing import Any, Final

import pypdfium2
import pypdfium2.raw as native

from signing.ofd.characters import characters_of
from signing.ofd.drawing import LOCK
from signing.ofd.errors import CannotConvert
from signing.ofd.marks import Drawing, Font, Mark, Matrix, Page, Shape, Step, Text

_CUBIC: Final = 3
Segment = tuple[int, float, float, bool]


def outlined(drawing: Drawing) -> Drawing:
    """The same drawing without fonts. Raises CannotConvert for a glyph that is not that of its character."""
    with LOCK:
        document = pypdfium2.PdfDocument.new()
        try:
            faces = {key: _Face(document, font) for key, font in drawing.fonts.items()}
            pages = tuple(_outlined_page(page, faces) for page in drawing.pages)
        finally:
            document.close()
    return Drawing(pages, {}, drawing.images)


class _Face:
    """A font that PDFium has loaded: it is asked by characters, and answers in parts of the size."""

    def __init__(self, document: Any, font: Font) -> None:
        program = font.program
        self.name = font.name
        self.characters = characters_of(program)
        self._kept = (ctypes.c_uint8 * len(program)).from_buffer_copy(program)
        self._font = native.FPDFText_LoadFont(
            document, self._kept, len(program), native.FPDF_FONT_TRUETYPE, True
        )

    def segments(self, character: str) -> list[Segment]:
        """(kind, x, y, whether the contour ends there), y upwards."""
        path = native.FPDFFont_GetGlyphPath(self._font, ord(character), 1.0)
        x, y = ctypes.c_float(), ctypes.c_float()
        found: list[Segment] = []
        for index in range(max(0, native.FPDFGlyphPath_CountGlyphSegments(path)) if path else 0):
            segment = native.FPDFGlyphPath_GetGlyphPathSegment(path, index)
            native.FPDFPathSegment_GetPoint(segment, x, y)
            closes = bool(native.FPDFPathSegment_GetClose(segment))
            found.append((native.FPDFPathSegment_GetType(segment), x.value, y.value, closes))
        return found


def _outlined_page(page: Page, faces: dict[str, _Face]) -> Page:
    marks = [each for mark in page.marks for each in _outlined_mark(mark, faces)]
    return Page(page.width, page.height, tuple(marks))


def _outlined_mark(mark: Mark, faces: dict[str, _Face]) -> Iterator[Mark]:
    if not isinstance(mark, Text):
        yield mark
        return
    face = faces[mark.font]
    for glyph in mark.glyphs:
        if len(glyph.text) != 1 or face.characters.get(ord(glyph.text)) != glyph.number:
            raise CannotConvert(f"{glyph.text!r} has another shape in {face.name} than its own")
        size = Matrix(mark.size, 0, 0, -mark.size, 0, 0)
        placed = size.then(mark.turn).then(Matrix(1, 0, 0, 1, glyph.x, glyph.y))
        steps = tuple(_steps(face.segments(glyph.text), placed))
        if steps:  # a space has none
            yield Shape(steps, mark.fill, mark.stroke)


def _steps(segments: list[Segment], placed: Matrix) -> Iterator[Step]:
    curve: list[tuple[float, float]] = []
    for kind, x, y, closes in segments:
        point = placed.at(x, y)
        if kind == native.FPDF_SEGMENT_BEZIERTO:
            curve.append(point)
            if len(curve) == _CUBIC:
                yield Step("B", tuple(curve))
                curve = []
        else:
            yield Step("M" if kind == native.FPDF_SEGMENT_MOVETO else "L", (point,))
        if closes:
            yield Step("C", ())
