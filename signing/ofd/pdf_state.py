"""What an operator of a PDF page changes, and what its operands mean."""

from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from signing.ofd.errors import CannotConvert
from signing.ofd.marks import Box, Matrix, Paint, Pen
from signing.ofd.pdf_fonts import PdfFont
from signing.ofd.pdf_operators import Operand

_BLACK: Final = Paint((0, 0, 0))


class Collection(Protocol):
    """Where fonts and pictures are kept while pages are read."""

    fonts: dict[str, PdfFont]

    def font(self, dictionary: Any) -> str:
        """The key of a font."""

    def image(self, stream: Any) -> str:
        """The key of a picture."""


@dataclass(frozen=True, slots=True)
class State:
    """The graphics state: all that q keeps and Q brings back."""

    matrix: Matrix
    clip: Box
    fill: Paint = _BLACK
    stroke: Paint = _BLACK
    fill_parts: int = 1
    stroke_parts: int = 1
    pen: Pen = field(default_factory=lambda: Pen(_BLACK, 1.0, miter_limit=10.0))
    font: str = ""
    size: float = 0.0
    spacing: float = 0.0
    rise: float = 0.0
    stretch: float = 1.0
    leading: float = 0.0
    mode: int = 0


def number_of(value: Operand) -> float:
    """An operand that has to be a number. Raises CannotConvert."""
    if not isinstance(value, float):
        raise CannotConvert("an operand that is no number")
    return value


def matrix_of(operands: list[Operand] | list[float]) -> Matrix:
    """Six operands. Raises CannotConvert or ValueError."""
    a, b, c, d, e, f = (number_of(each) for each in operands)
    return Matrix(a, b, c, d, e, f)


def alpha_of(value: Any) -> int:
    """An opacity from 0 to 1 as 0 to 255."""
    return round(float(value) * 255)


def colour_of(operands: list[Operand], parts: int) -> tuple[int, int, int]:
    """Grey (one part) or red, green and blue (three), each 0 to 1. Raises CannotConvert."""
    values = [round(min(1.0, max(0.0, number_of(each))) * 255) for each in operands]
    if len(values) != parts:
        raise CannotConvert("a colour with other parts than its space has")
    red, green, blue = values * 3 if parts == 1 else values
    return red, green, blue


def is_rectangle(points: list[tuple[float, float]]) -> bool:
    """Whether the points are the corners of an upright rectangle."""
    corners = {(round(x, 4), round(y, 4)) for x, y in points}
    return len(corners) == 4 and len({x for x, _ in corners}) == 2 and len({y for _, y in corners}) == 2


def common(one: Box, other: Box) -> Box:
    """Where both are; of no size where they do not meet."""
    left, top = max(one.x, other.x), max(one.y, other.y)
    right = min(one.x + one.width, other.x + other.width)
    bottom = min(one.y + one.height, other.y + other.height)
    return Box(left, top, max(0.0, right - left), max(0.0, bottom - top))
