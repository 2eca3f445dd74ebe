"""The picture of a seal as a package of one page, as readers of OFD want it: written, and read to be shown.

    picture = packaged(official_seal("甲方示例单位"), 42, 42, title="甲方示例单位")
    pdf = as_page(picture.data, 42, 42) or dots = as_dots(picture.data)

What is written has outlines instead of text, and nothing behind them: it needs no font, and is ink on paper.
"""

from dataclasses import replace
from functools import lru_cache
from io import BytesIO
from typing import Final

from signing.documents import DocumentError, Fault
from signing.ofd.content import ReadPage, Resources, read_pages
from signing.ofd.drawing import draw
from signing.ofd.errors import OfdError
from signing.ofd.marks import Box, Drawing, Mark, Pen, Shape
from signing.ofd.outlines import outlined
from signing.ofd.package import read_package, write_package
from signing.ofd.page_pdf import as_pdf
from signing.ofd.pdf_pages import drawing_of
from signing.ofd.signatures import read_list
from signing.ofd.structure import read_structure
from signing.ofd.writing import files_of
from signing.pdf.svg import svg_page
from signing.seal import Picture
from signing.sm3 import sm3

DPI: Final = 400
"""Of a picture that is not shapes alone."""
LINE_MM: Final = 0.1
LARGE_MM: Final = 4.0
"""A line around large areas without one: some readers (ofd.js) draw only the lines of a seal. Small digits
have none: on a screen it would be thicker than they are."""


def packaged(svg: bytes, width_mm: int, height_mm: int, *, title: str) -> Picture:
    """A drawing of `signing.seal_picture` as a picture of the kind "ofd"; equal bytes for equal input.

    Raises DocumentError for another drawing, CannotConvert for a character that our fonts do not have.
    """
    drawing = _lined(outlined(drawing_of(svg_page(svg, width_mm, height_mm))))
    identity = sm3(svg)[:16].hex()
    files = files_of(drawing, (), title=title, identity=identity, to_be_sealed=False)
    return Picture("ofd", write_package(files), width_mm, height_mm)


def _lined(drawing: Drawing) -> Drawing:
    pages = [replace(page, marks=tuple(_lined_mark(mark) for mark in page.marks)) for page in drawing.pages]
    return replace(drawing, pages=tuple(pages))


def _lined_mark(mark: Mark) -> Mark:
    if not isinstance(mark, Shape) or mark.fill is None or mark.stroke:
        return mark
    if Box.around(mark.points).height <= LARGE_MM:
        return mark
    return replace(mark, stroke=Pen(mark.fill, LINE_MM, join="Round"))


@lru_cache(maxsize=64)
def as_page(data: bytes, width_mm: int, height_mm: int) -> bytes | None:
    """A PDF file of one page of this size; None where the picture is more than plain shapes.

    The same picture is asked for at every sealing. Raises DocumentError for one that cannot be shown.
    """
    page, _ = _only_page(data)
    return as_pdf(page, width_mm, height_mm)


@lru_cache(maxsize=16)
def as_dots(data: bytes) -> bytes:
    """A PNG file, on white, which multiplies to nothing. Raises DocumentError."""
    page, resources = _only_page(data)
    out = BytesIO()
    try:
        draw(page, resources, (), DPI).save(out, "PNG")
    except OfdError as error:
        raise _not_drawn(error) from error
    return out.getvalue()


def _only_page(data: bytes) -> tuple[ReadPage, Resources]:
    try:
        structure = read_structure(read_package(data))
        listed = read_list(structure.files, structure.signatures).entries if structure.signatures else ()
        if listed or len(structure.pages) != 1:  # a seal in the picture of a seal, and so on, has no end
            raise DocumentError("the seal's picture is an OFD document with more than a page", Fault.PICTURE)
        pages, resources = read_pages(structure)
    except OfdError as error:
        raise _not_drawn(error) from error
    return pages[0], resources


def _not_drawn(error: OfdError) -> DocumentError:
    return DocumentError(f"the seal's picture cannot be drawn: {error}", Fault.PICTURE)
