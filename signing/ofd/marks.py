"""What is seen on a page, in millimetres from its top left: text, paths and pictures, in drawing order.

Written to a package by `writing`, read from one by `content`, drawn by `drawing`.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple


class Matrix(NamedTuple):
    """(x, y) becomes (a x + c y + e, b x + d y + f)."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def then(self, outer: "Matrix") -> "Matrix":
        """First this one, then `outer`."""
        return Matrix(
            self.a * outer.a + self.b * outer.c,
            self.a * outer.b + self.b * outer.d,
            self.c * outer.a + self.d * outer.c,
            self.c * outer.b + self.d * outer.d,
            self.e * outer.a + self.f * outer.c + outer.e,
            self.e * outer.b + self.f * outer.d + outer.f,
        )

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point goes."""
        return self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f

    @property
    def scale(self) -> float:
        """By how much lengths grow, where they grow alike in all directions."""
        return float(abs(self.a * self.d - self.b * self.c) ** 0.5)

    @property
    def is_upright(self) -> bool:
        """Nothing but a move."""
        return max(abs(self.a - 1), abs(self.b), abs(self.c), abs(self.d - 1)) < 1e-6


IDENTITY: Final = Matrix(1, 0, 0, 1, 0, 0)

Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""


class Box(NamedTuple):
    """A rectangle by its top left and its size."""

    x: float
    y: float
    width: float
    height: float

    @staticmethod
    def around(points: "list[tuple[float, float]]", margin: float = 0.0) -> "Box":
        """The smallest one with all points, and a margin around them."""
        left, top = min(x for x, _ in points) - margin, min(y for _, y in points) - margin
        right, bottom = max(x for x, _ in points) + margin, max(y for _, y in points) + margin
        return Box(left, top, right - left, bottom - top)

    def holds(self, other: "Box", tolerance: float = 0.0) -> bool:
        """Whether the other lies in it."""
        return (
            other.x >= self.x - tolerance
            and other.y >= self.y - tolerance
            and other.x + other.width <= self.x + self.width + tolerance
            and other.y + other.height <= self.y + self.height + tolerance
        )


@dataclass(frozen=True, slots=True)
class Paint:
    """How an area or a line is coloured."""

    colour: Colour
    alpha: int = 255


@dataclass(frozen=True, slots=True)
class Pen:
    """How a line is drawn, lengths in millimetres."""

    paint: Paint
    width: float
    cap: str = "Butt"
    join: str = "Miter"
    miter_limit: float = 4.234
    dash: tuple[float, ...] = ()
    dash_offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Glyph:
    """One drawn shape: its number in the font, the text that it stands for, the place of its origin."""

    number: int
    text: str
    x: float
    y: float
    advance: float


@dataclass(frozen=True, slots=True)
class Text:
    """Glyphs of one font on one line. `turn` has no move in it: it turns and slants each glyph."""

    font: str
    size: float
    glyphs: tuple[Glyph, ...]
    fill: Paint | None
    stroke: Pen | None = None
    turn: Matrix = IDENTITY


class Step(NamedTuple):
    """A step of a path: M, L, B (cubic) or C (close), with 1, 1, 3 or 0 points."""

    kind: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """An area, a line, or both."""

    steps: tuple[Step, ...]
    fill: Paint | None
    stroke: Pen | None
    even_odd: bool = False

    @property
    def points(self) -> list[tuple[float, float]]:
        """All of them; the path lies within the smallest box around them."""
        return [point for step in self.steps for point in step.points]


@dataclass(frozen=True, slots=True)
class Image:
    """A picture: its unit square, y downwards, is put on the page by `matrix`."""

    resource: str
    matrix: Matrix
    alpha: int = 255


Mark = Text | Shape | Image


@dataclass(frozen=True, slots=True)
class Font:
    """A font program, and what its glyphs stand for."""

    name: str
    program: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """One page by its size and its marks."""

    width: float
    height: float
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """All pages, with the fonts and pictures that their marks name."""

    pages: tuple[Page, ...]
    fonts: dict[str, Font]
    images: dict[str, bytes] = field(repr=False)
    """PNG or JPEG."""
