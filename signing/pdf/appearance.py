"""Whether what is seen at a seal's places is the picture in the seal: all of it, or slices that make it up.

The picture is drawn once more from the seal, by the code that seals documents, and compared with what stands
in the widgets: value by value, and where programs of others drew it, dot by dot.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pyhanko.pdf_utils import generic

from signing.document_findings import AppearanceNotCompared, SwappedAppearance
from signing.findings import Finding
from signing.pdf.drawing import Undrawable, drawn_form, draws, look_alike
from signing.pdf.fields import Widget, number_of, raw_get, rectangle_of, resolve
from signing.seal import Picture

_NUMBER = rb"(-?\d{1,6}(?:\.\d{1,6})?)"
_OURS: Final = re.compile(
    rb"q /Ink gs "
    + rb" ".join([_NUMBER] * 4)
    + rb" re W n 1 0 0 1 "
    + rb" ".join([_NUMBER] * 2)
    + rb" cm /Seal Do Q"
)
_EPSILON: Final = 0.02
"""Points; numbers are written to a thousandth."""
MAX_VALUES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Slice:
    """The part of the picture's width that a widget shows: 0 to 1 is all of it."""

    begin: float
    end: float

    @property
    def is_whole(self) -> bool:
        """Whether nothing is cut off."""
        return abs(self.begin) < 0.01 and abs(self.end - 1) < 0.01


def wrong_appearance(
    widgets: Sequence[Widget], picture: Picture, name: str
) -> tuple[list[Widget], list[Finding]]:
    """The widgets that show the seal, and what is wrong with any of them. Raises what the parser raises."""
    filled = [widget for widget in widgets if not _is_empty(widget)]
    if not filled:
        return [], []
    try:
        form = drawn_form(picture)
    except Undrawable as error:
        return filled, [AppearanceNotCompared(name, str(error))]
    found: list[Finding] = []
    compared: dict[Any, bool] = {}
    slices: list[Slice | None] = [_slice(widget, form, picture, compared) for widget in filled]
    for index, (widget, shown) in enumerate(zip(filled, slices, strict=True)):
        if shown is None and look_alike(_normal(widget), widget, picture, index, len(filled)):
            slices[index] = Slice(0, 1)
        elif shown is None:
            found.append(SwappedAppearance(name, f"page {(widget.page or 0) + 1}"))
    if not found and not _complete([part for part in slices if part]):
        found.append(SwappedAppearance(name, "its slices do not make up the picture"))
    return filled, found


def _normal(widget: Widget) -> Any:
    """The one appearance of a widget; None where it has none, or where it would change by itself."""
    appearances = resolve(raw_get(widget.value, "/AP"))
    if not isinstance(appearances, generic.DictionaryObject) or set(appearances) - {"/N"}:
        return None
    normal = resolve(raw_get(appearances, "/N"))
    return normal if isinstance(normal, generic.StreamObject) else None


def _is_empty(widget: Widget) -> bool:
    """A place that was not used: its appearance draws nothing at all."""
    if "/AP" not in widget.value:
        return not {"/MK", "/BS"} & set(widget.value)
    normal = _normal(widget)
    return normal is not None and not normal.data.strip()


def _slice(widget: Widget, form: Any, picture: Picture, compared: dict[Any, bool]) -> Slice | None:
    """Which part is seen, when the widget is drawn as we draw it; None when it is not."""
    normal = _normal(widget)
    if normal is None or "/OC" in widget.value:
        return None
    found = _OURS.fullmatch(normal.data)
    if found is None or not _plain_resources(normal):
        return None
    left, bottom, across, height, x, y = (float(number) for number in found.groups())
    box, rect = rectangle_of(raw_get(normal, "/BBox")), rectangle_of(raw_get(widget.value, "/Rect"))
    full_width, full_height = form.width, form.height
    if box is None or rect is None or abs(height - full_height) > _EPSILON or abs(y - bottom) > _EPSILON:
        return None
    inside = left >= -_EPSILON and bottom >= -_EPSILON
    inside = inside and left + across <= box[2] + _EPSILON and bottom + height <= box[3] + _EPSILON
    if not inside or not _same_size(normal, box, rect) or across <= 0:
        return None
    objects = resolve(raw_get(resolve(raw_get(normal, "/Resources")), "/XObject"))
    number = number_of(raw_get(objects, "/Seal"))
    if number not in compared:
        compared[number] = _is_seal(resolve(raw_get(objects, "/Seal")), form, picture)
    if not compared[number]:
        return None
    begin = (left - x) / full_width
    return Slice(begin, begin + across / full_width)


def _same_size(normal: Any, box: tuple[float, ...], rect: tuple[float, ...]) -> bool:
    """The appearance is shown unstretched: its box is the widget's, turned where the page is."""
    matrix = [float(resolve(each)) for each in resolve(raw_get(normal, "/Matrix")) or (1, 0, 0, 1, 0, 0)]
    upright = {(1, 0, 0, 1), (-1, 0, 0, -1)}
    turned = {(0, 1, -1, 0), (0, -1, 1, 0)}
    key = tuple(round(each) for each in matrix[:4])
    if key not in upright | turned or any(abs(each - round(each)) > 1e-6 for each in matrix):
        return False
    width, height = rect[2] - rect[0], rect[3] - rect[1]
    if key in turned:
        width, height = height, width
    return box[0] == 0 and box[1] == 0 and abs(box[2] - width) < _EPSILON and abs(box[3] - height) < _EPSILON


def _is_seal(shown: Any, form: Any, picture: Picture) -> bool:
    """Whether the form in the frame is the picture: of the same values, or in the same box of the same dots.

    The frame cuts off what lies outside that box, so nothing else is seen however large the widget is.
    """
    if same(shown, form.value):
        return True
    if not isinstance(shown, generic.StreamObject) or "/Matrix" in shown:
        return False
    boxes = [resolve(raw_get(each, "/BBox")) for each in (shown, form.value)]
    return same(*boxes) and draws(shown, picture)


def _plain_resources(normal: Any) -> bool:
    """Nothing but the seal's form, drawn by nothing but the ink's multiplying."""
    if set(normal) - {
        "/Type",
        "/Subtype",
        "/FormType",
        "/BBox",
        "/Matrix",
        "/Resources",
        "/Length",
        "/Filter",
    }:
        return False
    resources = resolve(raw_get(normal, "/Resources"))
    objects, states = (resolve(raw_get(resources, key)) for key in ("/XObject", "/ExtGState"))
    if set(resources) != {"/XObject", "/ExtGState"} or set(objects) != {"/Seal"} or set(states) != {"/Ink"}:
        return False
    ink = resolve(raw_get(states, "/Ink"))
    return set(ink) == {"/Type", "/BM"} and resolve(raw_get(ink, "/BM")) == "/Multiply"


def _complete(slices: list[Slice]) -> bool:
    """Each picture is begun at its left edge and ended at its right one, slice after slice."""
    reached = 0.0
    for part in slices:
        if part.is_whole and abs(reached) < 0.01:
            continue
        if abs(part.begin - reached) > 0.01:
            return False
        reached = 0.0 if abs(part.end - 1) < 0.01 else part.end
    return abs(reached) < 0.01


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same when every reference is followed and every stream is decoded."""
    pending, seen, left = [(one, other)], set[Any](), MAX_VALUES
    while pending:
        a, b = pending.pop()
        pair = (number_of(a) or (0, 0)), (number_of(b) or (0, 0))
        if number_of(a) and number_of(b):
            if pair in seen:
                continue
            seen.add(pair)
        a, b = resolve(a), resolve(b)
        left -= 1
        children = _children(a, b)
        if left < 0 or children is None:
            return False
        pending += children
    return True


def _children(one: Any, other: Any) -> list[tuple[Any, Any]] | None:
    """The parts that have to be the same; None when the two differ already."""
    a: Any = one
    b: Any = other
    if isinstance(a, generic.DictionaryObject) and isinstance(b, generic.DictionaryObject):
        streams = [isinstance(each, generic.StreamObject) for each in (a, b)]
        if streams[0] != streams[1] or (streams[0] and _data(a) != _data(b)):
            return None
        ignored = {"/Length", "/Filter", "/DecodeParms"} if streams[0] else set()
        keys = set(a) - ignored
        return [(a.raw_get(k), b.raw_get(k)) for k in keys] if keys == set(b) - ignored else None
    if isinstance(a, generic.ArrayObject) and isinstance(b, generic.ArrayObject):
        length = len(a)
        return list(_pairs(a, b, length)) if length == len(b) else None
    if _is_number(a) and _is_number(b):
        return [] if abs(float(a) - float(b)) < 0.001 else None
    return [] if type(a) is type(b) and a == b else None


def _pairs(a: Any, b: Any, length: int) -> Iterator[tuple[Any, Any]]:
    for index in range(length):
        yield a.raw_get(index), b.raw_get(index)


def _is_number(value: Any) -> bool:
    return isinstance(value, generic.NumberObject | generic.FloatObject)


def _data(stream: Any) -> bytes:
    """Decoded."""
    return bytes(stream.data)
