# mypy: disable-error-code="no-untyped-call"
"""A page of a package as a page of a PDF, as long as there are only plain shapes on it: a seal's picture.

pdf = as_pdf(page, 42, 42)       # None where something else is seen
"""

import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter

from signing.ofd.content import Framed, ReadPage
from signing.ofd.drawing import POINTS
from signing.ofd.marks import Box, Matrix, Paint, Pen, Shape, Step

TOLERANCE_MM: Final = 0.05
_OPAQUE: Final = 255
_OPERATORS: Final = {"M": "m", "L": "l", "B": "c", "C": "h"}
_CAPS: Final = {"Butt": 0, "Round": 1, "Square": 2}
_JOINS: Final = {"Miter": 0, "Round": 1, "Bevel": 2}
_WRITER: Any = PdfFileWriter
_PAGE: Any = PageObject


def as_pdf(page: ReadPage, width_mm: float, height_mm: float) -> bytes | None:
    """The page stretched to this size; None unless there are only opaque shapes in their boundaries."""
    shapes = [framed.mark for framed in page.marks if isinstance(framed.mark, Shape) and _is_plain(framed)]
    if len(shapes) != len(page.marks):
        return None
    across, up = width_mm * POINTS, height_mm * POINTS
    stretch = Matrix(across / page.width, 0, 0, -up / page.height, 0, up)
    matrix = " ".join(_number(each) for each in stretch)
    lines = ["q", f"{matrix} cm", *(line for shape in shapes for line in _lines(shape)), "Q"]
    return _written("\n".join(lines).encode(), across, up)


def _is_plain(framed: Framed) -> bool:
    shape = framed.mark
    assert isinstance(shape, Shape)
    if not shape.points or shape.steps[0].kind != "M":
        return False
    pen = shape.stroke
    paints = [paint for paint in (shape.fill, pen and pen.paint) if paint]
    room = 0.0 if pen is None else pen.width * (pen.miter_limit if pen.join == "Miter" else 1) / 2
    seen = Box.around(shape.points, room)
    opaque = all(paint.alpha == _OPAQUE for paint in paints)
    return opaque and framed.boundary.holds(seen, TOLERANCE_MM) and (pen is None or pen.miter_limit >= 1)


def _lines(shape: Shape) -> Iterator[str]:
    """The operators of one shape."""
    if shape.fill is None and shape.stroke is None:
        return
    if shape.fill:
        yield f"{_colour(shape.fill)} rg"
    if shape.stroke:
        yield _pen(shape.stroke)
    yield from (_step(step) for step in shape.steps)
    if shape.fill is None:
        yield "S"
    else:
        yield ("B" if shape.stroke else "f") + ("*" if shape.even_odd else "")


def _pen(pen: Pen) -> str:
    dash = " ".join(_number(length) for length in pen.dash)
    return (
        f"{_colour(pen.paint)} RG {_number(pen.width)} w {_CAPS[pen.cap]} J {_JOINS[pen.join]} j "
        f"{_number(pen.miter_limit)} M [{dash}] {_number(pen.dash_offset)} d"
    )


def _step(step: Step) -> str:
    numbers = (_number(each) for point in step.points for each in point)
    return " ".join((*numbers, _OPERATORS[step.kind]))


def _colour(paint: Paint) -> str:
    return " ".join(_number(part / _OPAQUE) for part in paint.colour)


def _number(value: float) -> str:
    text = f"{value:.5f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _written(content: bytes, across: float, up: float) -> bytes:
    writer = _WRITER()
    stream = generic.StreamObject(
        generic.DictionaryObject({generic.NameObject("/Filter"): generic.NameObject("/FlateDecode")}),
        encoded_data=zlib.compress(content, 9),
    )
    sides = generic.ArrayObject([generic.FloatObject(f"{side:.3f}") for side in (0, 0, across, up)])
    reference = writer.add_object(stream)
    writer.insert_page(_PAGE(contents=reference, media_box=sides, resources=generic.DictionaryObject()))
    out = BytesIO()
    writer.write(out)
    return out.getvalue()
