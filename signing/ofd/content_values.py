"""Values of a page's elements, each with a refusal of what is not shown here."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from signing.ofd.errors import CannotShow
from signing.ofd.marks import IDENTITY, Colour, Matrix, Paint, Pen, Step
from signing.ofd.markup import Element, name_of, optional
from signing.ofd.structure import numbers_of

MAX_PATH: Final = 1_000_000
MAX_STEPS: Final = 100_000
_POINTS: Final = {"S": 1, "M": 1, "L": 1, "Q": 2, "B": 3, "C": 0}
_PATH_TOKEN: Final = re.compile(r"[A-Za-z]|[-+0-9.][-+0-9.eE]*|\S")
_DEFAULT_WIDTH: Final = "0.353"


def check_children(element: Element, permitted: Collection[str], path: str) -> None:
    """Raises CannotShow for a child that is not permitted."""
    for child in element:
        if name_of(child) not in permitted:
            raise CannotShow(f"{path}: {name_of(element)} has {name_of(child) or str(child.tag)[:60]}")


def check_attributes(element: Element, known: Mapping[str, tuple[str, ...] | None], path: str) -> None:
    """Raises CannotShow for an attribute that is not known, or has a value that is not."""
    for key, value in element.items():
        name = str(key)
        if name not in known:
            raise CannotShow(f"{path}: {name_of(element)} has the attribute {name[:60]}")
        values = known[name]
        if values is not None and value not in values:
            raise CannotShow(f"{path}: {name_of(element)} has {name} {str(value)[:60]!r}")


def truth(element: Element, name: str, default: bool) -> bool:
    """An attribute of the type boolean."""
    value = element.get(name)
    return default if value is None else value in ("true", "1")


def plain_number(value: str, path: str) -> float:
    """One number. Raises BadStructure or CannotShow."""
    numbers = numbers_of(value, path)
    if len(numbers) != 1:
        raise CannotShow(f"{path}: {value[:60]!r} is not one number")
    return numbers[0]


def matrix_of(value: str | None, path: str) -> Matrix:
    """Six numbers; none is the identity."""
    if value is None:
        return IDENTITY
    numbers = numbers_of(value, path)
    if len(numbers) != 6:
        raise CannotShow(f"{path}: {value[:60]!r} is no matrix")
    return Matrix(*numbers)


def paint_of(element: Element, name: str, path: str, default: Colour | None = None) -> Paint:
    """The colour in a child of this name, with the object's opacity. Raises CannotShow."""
    own = _alpha(element, path)
    colour = optional(element, name, path)
    if colour is None:
        if default is None:
            raise CannotShow(f"{path}: {name_of(element)} without {name}")
        return Paint(default, own)
    check_children(colour, (), path)
    check_attributes(colour, {"Value": None, "Alpha": None}, path)
    parts = numbers_of(colour.get("Value", "0 0 0"), path)
    if len(parts) != 3 or any(part != int(part) or not 0 <= part <= 255 for part in parts):
        raise CannotShow(f"{path}: a colour that is not red, green and blue")
    red, green, blue = (int(part) for part in parts)
    return Paint((red, green, blue), round(own * _alpha(colour, path) / 255))


def _alpha(element: Element, path: str) -> int:
    alpha = plain_number(element.get("Alpha", "255"), path)
    if not 0 <= alpha <= 255:
        raise CannotShow(f"{path}: an impossible opacity")
    return round(alpha)


def pen_of(element: Element, placed: Matrix, path: str) -> Pen:
    """How the object's lines are drawn. Raises CannotShow where they would be wider in one direction."""
    scale = placed.scale
    a, b, c, d = placed[:4]
    if abs(a * c + b * d) > 1e-4 * scale or abs(a * a + b * b - c * c - d * d) > 1e-3 * scale:
        raise CannotShow(f"{path}: a line under a slanted or stretched object")
    pattern = numbers_of(element.get("DashPattern", ""), path)
    if any(length < 0 for length in pattern) or (pattern and not any(pattern)):
        raise CannotShow(f"{path}: an impossible pattern of dashes")
    return Pen(
        paint=paint_of(element, "StrokeColor", path, default=(0, 0, 0)),
        width=plain_number(element.get("LineWidth", _DEFAULT_WIDTH), path) * scale,
        cap=element.get("Cap", "Butt"),
        join=element.get("Join", "Miter"),
        miter_limit=plain_number(element.get("MiterLimit", "4.234"), path),
        dash=tuple(length * scale for length in pattern),
        dash_offset=plain_number(element.get("DashOffset", "0"), path) * scale,
    )


def steps_of(data: str, placed: Matrix, path: str) -> Iterator[Step]:
    """The steps of a path's AbbreviatedData on the page. Raises CannotShow."""
    if len(data) > MAX_PATH:
        raise CannotShow(f"{path}: a path of {len(data)} characters")
    tokens = _PATH_TOKEN.findall(data)
    if len(tokens) > MAX_STEPS:
        raise CannotShow(f"{path}: a path of more than {MAX_STEPS} parts")
    position, here = 0, None
    while position < len(tokens):
        kind = tokens[position]
        if kind not in _POINTS or (here is None and kind not in "SM"):
            raise CannotShow(f"{path}: a path with {kind[:20]!r}")
        end = position + 1 + 2 * _POINTS[kind]
        numbers = numbers_of(" ".join(tokens[position + 1 : end]), path)
        if len(numbers) != 2 * _POINTS[kind]:
            raise CannotShow(f"{path}: a path that ends inside a step")
        points = [placed.at(x, y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
        yield _step(kind, points, here)
        here = points[-1] if points else here
        position = end


def _step(kind: str, points: list[tuple[float, float]], here: tuple[float, float] | None) -> Step:
    if kind == "Q" and here is not None:  # as a cubic curve, which is the same one
        (x, y), end = points
        first = (here[0] + 2 / 3 * (x - here[0]), here[1] + 2 / 3 * (y - here[1]))
        second = (end[0] + 2 / 3 * (x - end[0]), end[1] + 2 / 3 * (y - end[1]))
        return Step("B", (first, second, end))
    return Step("M" if kind == "S" else kind, tuple(points))
