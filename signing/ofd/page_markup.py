"""Marks as the elements of a page (GB/T 33190-2016, 7 to 11).

A reader cuts off what lies outside an object's boundary, so boundaries have room: for the ink of glyphs, for
the width of lines.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from signing.ofd.errors import CannotConvert
from signing.ofd.marks import IDENTITY, Box, Glyph, Image, Mark, Matrix, Page, Paint, Pen, Shape, Text
from signing.ofd.markup import Element, make

ASCENT: Final = 1.05
DESCENT: Final = 0.35
SIDE: Final = 0.25
"""Room around a glyph's origin and advance, in its size."""
_JOINED_GAP: Final = 0.35
"""Runs of one line with no wider gap between them are one text, in their size."""
_DIGITS: Final = 4


def mm(value: float) -> str:
    """A length as it is written: four digits, no zeros at the end."""
    text = f"{value:.{_DIGITS}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def numbers(values: Sequence[float]) -> str:
    """Several of them."""
    return " ".join(mm(value) for value in values)


class PageWriter:
    """Writes one page. `next_id` gives a new identifier; `fonts` and `images` name the resources."""

    def __init__(
        self,
        next_id: Callable[[], int],
        fonts: Mapping[str, int],
        characters: Mapping[str, Mapping[int, int]],
        images: Mapping[str, int],
    ) -> None:
        self.next_id = next_id
        self.fonts = fonts
        self.characters = characters
        self.images = images

    def page(self, page: Page) -> Element:
        """The root of Content.xml."""
        layer = make("Layer", {"ID": self.next_id(), "Type": "Body"})
        for mark in joined(page.marks):
            layer.extend(self._object(mark))
        area = make("Area", None, make("PhysicalBox", None, numbers((0, 0, page.width, page.height))))
        return make("Page", None, area, make("Content", None, layer))

    def _object(self, mark: Mark) -> Iterator[Element]:
        match mark:
            case Text():
                for part in self._parts(mark):
                    yield self._text(part)
            case Shape():
                yield self._shape(mark)
            case Image():
                yield self._image(mark)

    # --- text ---

    def _parts(self, text: Text) -> Iterator[Text]:
        """Stretches that are plain, or one glyph that is not the one its characters have in the font."""
        plain: list[Glyph] = []
        for glyph in text.glyphs:
            if self._is_plain(text.font, glyph):
                plain.append(glyph)
                continue
            yield from _without_edges(text, plain)
            plain = []
            yield from _without_edges(text, [glyph])
        yield from _without_edges(text, plain)

    def _is_plain(self, font: str, glyph: Glyph) -> bool:
        return len(glyph.text) == 1 and self.characters[font].get(ord(glyph.text)) == glyph.number

    def _text(self, text: Text) -> Element:
        first = text.glyphs[0]
        size = text.size
        back = _inverse(text.turn)
        origins = [back.at(glyph.x - first.x, glyph.y - first.y) for glyph in text.glyphs]
        inner = Box(
            -SIDE * size,
            -ASCENT * size,
            origins[-1][0] + text.glyphs[-1].advance + 2 * SIDE * size,
            (ASCENT + DESCENT) * size,
        )
        box = _turned(inner, text.turn, first.x, first.y)
        attributes: dict[str, object] = {"ID": self.next_id(), "Boundary": numbers(box)}
        start = (first.x - box.x, first.y - box.y)
        if not text.turn.is_upright:
            attributes["CTM"] = numbers((*text.turn[:4], *start))
            start = (0.0, 0.0)
        if text.stroke:
            attributes["LineWidth"] = mm(text.stroke.width)
        attributes |= {"Font": self.fonts[text.font], "Size": mm(size)}
        if text.stroke:
            attributes["Stroke"] = "true"
        if not text.fill:
            attributes["Fill"] = "false"
        inside = [
            *_colour("FillColor", text.fill),
            *_colour("StrokeColor", _paint_of(text.stroke)),
        ]
        return make("TextObject", attributes, *inside, *self._codes(text, origins, start))

    def _codes(
        self, text: Text, origins: list[tuple[float, float]], start: tuple[float, float]
    ) -> Iterator[Element]:
        first = text.glyphs[0]
        if not self._is_plain(text.font, first):
            spread = {"CodePosition": 0, "CodeCount": len(first.text), "GlyphCount": 1}
            yield make("CGTransform", spread, make("Glyphs", None, str(first.number)))
        attributes: dict[str, object] = {"X": mm(start[0]), "Y": mm(start[1])}
        across, down = (_steps([origin[axis] for origin in origins]) for axis in (0, 1))
        if across:
            attributes["DeltaX"] = across
        if down and set(down.split()) != {"0"}:
            attributes["DeltaY"] = down
        characters = "".join(glyph.text for glyph in text.glyphs)
        try:
            yield make("TextCode", attributes, characters)
        except ValueError as error:
            raise CannotConvert("a character that XML does not have") from error

    # --- shapes and pictures ---

    def _shape(self, shape: Shape) -> Element:
        pen = shape.stroke
        room = 0.01 if pen is None else pen.width * (pen.miter_limit if pen.join == "Miter" else 1) / 2 + 0.01
        box = Box.around(shape.points, room)
        attributes: dict[str, object] = {"ID": self.next_id(), "Boundary": numbers(box)}
        if pen:
            attributes |= _pen(pen)
        attributes["Stroke"] = "true" if pen else "false"
        attributes["Fill"] = "true" if shape.fill else "false"
        if shape.even_odd:
            attributes["Rule"] = "Even-Odd"
        steps = (
            " ".join([step.kind, *(numbers((x - box.x, y - box.y)) for x, y in step.points)])
            for step in shape.steps
        )
        colours = [*_colour("StrokeColor", _paint_of(pen)), *_colour("FillColor", shape.fill)]
        return make("PathObject", attributes, *colours, make("AbbreviatedData", None, " ".join(steps)))

    def _image(self, image: Image) -> Element:
        box = Box.around([image.matrix.at(x, y) for x in (0, 1) for y in (0, 1)])
        matrix = image.matrix.then(Matrix(1, 0, 0, 1, -box.x, -box.y))
        attributes: dict[str, object] = {
            "ID": self.next_id(),
            "Boundary": numbers(box),
            "CTM": numbers(matrix),
            "ResourceID": self.images[image.resource],
        }
        if image.alpha != 255:
            attributes["Alpha"] = image.alpha
        return make("ImageObject", attributes)


def joined(marks: Sequence[Mark]) -> Iterator[Mark]:
    """The marks, with pieces of one line of text put together: a search finds whole lines."""
    pending: Text | None = None
    for mark in marks:
        if pending and isinstance(mark, Text) and _continues(pending, mark):
            glyphs = (*pending.glyphs, *mark.glyphs)
            pending = Text(mark.font, mark.size, glyphs, mark.fill, mark.stroke, mark.turn)
            continue
        if pending:
            yield pending
        pending = mark if isinstance(mark, Text) else None
        if pending is None:
            yield mark
    if pending:
        yield pending


def _continues(one: Text, other: Text) -> bool:
    looks = [(each.font, round(each.size, 6), each.fill, each.stroke) for each in (one, other)]
    if looks[0] != looks[1] or not (one.turn.is_upright and other.turn.is_upright):
        return False
    end, start = one.glyphs[-1], other.glyphs[0]
    gap = start.x - end.x - end.advance
    return abs(start.y - end.y) < 1e-3 and -0.05 * one.size < gap < _JOINED_GAP * one.size


def _without_edges(text: Text, glyphs: list[Glyph]) -> Iterator[Text]:
    """Without spaces at its ends: some readers drop them, and then all that follows stands wrong."""
    while glyphs and not glyphs[0].text.strip():
        glyphs = glyphs[1:]
    while glyphs and not glyphs[-1].text.strip():
        glyphs = glyphs[:-1]
    if glyphs:
        yield Text(text.font, text.size, tuple(glyphs), text.fill, text.stroke, text.turn)


def _steps(places: list[float]) -> str:
    """From glyph to glyph. Rounded places are subtracted, so that errors do not add up."""
    rounded = [round(place, _DIGITS) for place in places]
    return numbers([after - before for before, after in pairwise(rounded)])


def _inverse(matrix: Matrix) -> Matrix:
    if matrix == IDENTITY:
        return matrix
    determinant = matrix.a * matrix.d - matrix.b * matrix.c
    if abs(determinant) < 1e-9:
        raise CannotConvert("text without a height")
    a, b, c, d = (each / determinant for each in (matrix.d, -matrix.b, -matrix.c, matrix.a))
    return Matrix(a, b, c, d, 0, 0)


def _turned(box: Box, turn: Matrix, x: float, y: float) -> Box:
    corners = [(box.x, box.y), (box.x + box.width, box.y + box.height)]
    corners += [(box.x + box.width, box.y), (box.x, box.y + box.height)]
    moved = [turn.at(*corner) for corner in corners]
    return Box.around([(x + across, y + down) for across, down in moved])


def _colour(name: str, paint: Paint | None) -> Iterator[Element]:
    if paint is None:
        return
    attributes: dict[str, object] = {"Value": " ".join(map(str, paint.colour))}
    if paint.alpha != 255:
        attributes["Alpha"] = paint.alpha
    yield make(name, attributes)


def _paint_of(pen: Pen | None) -> Paint | None:
    return pen.paint if pen else None


def _pen(pen: Pen) -> dict[str, object]:
    attributes: dict[str, object] = {"LineWidth": mm(pen.width)}
    if pen.cap != "Butt":
        attributes["Cap"] = pen.cap
    if pen.join != "Miter":
        attributes["Join"] = pen.join
    else:
        attributes["MiterLimit"] = mm(pen.miter_limit)
    if pen.dash:
        attributes |= {"DashOffset": mm(pen.dash_offset), "DashPattern": numbers(pen.dash)}
    return attributes
