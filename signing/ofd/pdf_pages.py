"""The pages of a PDF that we rendered, as marks: each operator that typst writes, and a refusal of others.

    drawing = drawing_of(pdf)      # raises CannotConvert

What is seen stays as it is, and nothing is guessed: shading, blending, clipping that cuts something off, and
text without glyphs of its own are refused.
"""

from io import BytesIO
from typing import Any

from pyhanko.pdf_utils.misc import PdfReadError
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.ofd.errors import CannotConvert
from signing.ofd.marks import Box, Drawing, Matrix, Page
from signing.ofd.pdf_fonts import PdfFont, read_font
from signing.ofd.pdf_images import read_image
from signing.ofd.pdf_objects import MM, inherited, pages_of, resolved
from signing.ofd.pdf_painter import Painter
from signing.ofd.pdf_state import State
from signing.sm3 import sm3


def drawing_of(pdf: bytes) -> Drawing:
    """All pages, fonts and pictures. Raises CannotConvert for what has no counterpart."""
    try:
        return _Conversion(PdfFileReader(BytesIO(pdf), strict=True)).drawing()
    except (PdfReadError, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise CannotConvert(f"the PDF cannot be read: {error}") from error


class _Conversion:
    """One PDF on its way: collects fonts and pictures while pages are read."""

    def __init__(self, reader: PdfFileReader) -> None:
        self.reader = reader
        self.fonts: dict[str, PdfFont] = {}
        self.images: dict[str, bytes] = {}

    def drawing(self) -> Drawing:
        pages = tuple(self._page(page) for page in pages_of(self.reader))
        programs = {key: font.as_opentype() for key, font in self.fonts.items()}
        return Drawing(pages, programs, self.images)

    def _page(self, page: Any) -> Page:
        left, bottom, right, top = (float(side) for side in inherited(page, "/MediaBox"))
        if inherited(page, "/Rotate", 0):
            raise CannotConvert("a turned page")
        width, height = (right - left) * MM, (top - bottom) * MM
        state = State(Matrix(MM, 0, 0, -MM, -left * MM, top * MM), Box(0, 0, width, height))
        contents = page["/Contents"]
        parts = contents if isinstance(contents, list) else [contents]
        content = b"\n".join(bytes(resolved(part).data) for part in parts)
        marks = Painter(self, resolved(inherited(page, "/Resources")), state, 0).paint(content)
        return Page(width, height, tuple(marks))

    def font(self, dictionary: Any) -> str:
        """The key of a font, read once however many pages name it."""
        font = read_font(dictionary)
        key = sm3(font.program + repr(sorted(font.texts.items())).encode()).hex()
        self.fonts.setdefault(key, font)
        return key

    def image(self, stream: Any) -> str:
        """The key of a picture."""
        data = read_image(stream)
        key = sm3(data).hex()
        self.images[key] = data
        return key
