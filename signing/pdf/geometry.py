"""From millimetres on a page as it is shown to points in its own coordinates: turned pages, cut pages."""

from dataclasses import dataclass
from typing import Any, Final

from signing.documents import DocumentError, Fault
from signing.pdf.update import reading

POINTS_PER_MM: Final = 72 / 25.4
_TOLERANCE_MM: Final = 0.01
_DEEPEST: Final = 40
"""Levels of a page tree: a page may name itself as its parent."""

Rect = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle on a page as it is shown: millimetres from the top left."""

    left: float
    top: float
    width: float
    height: float

    @classmethod
    def around(cls, x: float, y: float, width: float, height: float) -> "Area":
        """With its middle there."""
        return cls(x - width / 2, y - height / 2, width, height)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page: its visible box in points, its turn in degrees clockwise, points per millimetre."""

    box: Rect
    turn: int
    scale: float

    @property
    def width_mm(self) -> float:
        """As shown."""
        return self._sides[0] / self.scale

    @property
    def height_mm(self) -> float:
        """As shown."""
        return self._sides[1] / self.scale

    @property
    def _sides(self) -> tuple[float, float]:
        width, height = self.box[2] - self.box[0], self.box[3] - self.box[1]
        return (width, height) if self.turn % 180 == 0 else (height, width)

    def rect(self, area: Area) -> Rect:
        """The area in the page's own coordinates. Raises DocumentError when it is not all on the page."""
        right, bottom = area.left + area.width, area.top + area.height
        inside = (
            area.left >= -_TOLERANCE_MM
            and area.top >= -_TOLERANCE_MM
            and right <= self.width_mm + _TOLERANCE_MM
            and bottom <= self.height_mm + _TOLERANCE_MM
        )
        if not inside:
            size = f"{self.width_mm:.0f} by {self.height_mm:.0f} mm"
            raise DocumentError(
                f"the seal would stand over the edge of a page of {size}", Fault.OUTSIDE_THE_PAGE
            )
        corners = [self._point(area.left, area.top), self._point(right, bottom)]
        (x1, x2), (y1, y2) = sorted(x for x, _ in corners), sorted(y for _, y in corners)
        return x1, y1, x2, y2

    def _point(self, x_mm: float, y_mm: float) -> tuple[float, float]:
        x, y = x_mm * self.scale, y_mm * self.scale
        left, bottom, right, top = self.box
        match self.turn:
            case 90:
                return left + y, bottom + x
            case 180:
                return right - x, bottom + y
            case 270:
                return right - y, top - x
            case _:
                return left + x, top - y

    @property
    def upright(self) -> tuple[int, int, int, int]:
        """The matrix that turns an appearance so that it stands upright on the page as shown."""
        return {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[self.turn]


def sheet_of(page: Any) -> Sheet:
    """The geometry of a page. Raises DocumentError."""
    with reading():
        media, crop = _box(_inherited(page, "/MediaBox")), _inherited(page, "/CropBox")
        box = media if crop is None else _common(media, _box(crop))
        turn = int(_inherited(page, "/Rotate") or 0) % 360
        unit = float(page.get("/UserUnit", 1))
        if turn % 90 or not 0.01 <= unit <= 1000 or box[2] - box[0] <= 0 or box[3] - box[1] <= 0:
            raise ValueError("a page of an impossible form")
    return Sheet(box, turn, POINTS_PER_MM / unit)


def _inherited(page: Any, key: str) -> Any:
    """A value of the page or of the nearest node above it; None when there is none."""
    node = page
    for _ in range(_DEEPEST):
        if key in node:
            return node[key]
        if "/Parent" not in node:
            return None
        node = node["/Parent"]
    raise ValueError("a page tree without an end")


def _box(value: Any) -> Rect:
    x1, y1, x2, y2 = (float(each) for each in value)
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def _common(one: Rect, other: Rect) -> Rect:
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])
