"""One content stream of a PDF, run operator by operator: what it draws, as marks.

Operators that typst writes are taken; shading, blending, and clipping that cuts something off are refused.
Source: ISO 32000-1, 8 and 9.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from signing.ofd.errors import CannotConvert
from signing.ofd.marks import IDENTITY, Box, Glyph, Image, Mark, Matrix, Pen, Shape, Step, Text
from signing.ofd.pdf_objects import resolved
from signing.ofd.pdf_operators import Operand, operators
from signing.ofd.pdf_state import (
    Collection,
    State,
    alpha_of,
    colour_of,
    common,
    is_rectangle,
    matrix_of,
    number_of,
)

MAX_FORMS: Final = 8
MAX_KEPT: Final = 64

_CAPS: Final = ("Butt", "Round", "Square")
_JOINS: Final = ("Miter", "Round", "Bevel")
_IGNORED: Final = {"BDC", "BMC", "EMC", "MP", "DP", "ri", "i", "BX", "EX"}
"""Structure and hints: nothing that is seen."""
_PLAIN_STATES: Final = {("/BM", "/Normal"), ("/SMask", "/None"), ("/AIS", False)}


class Painter:
    """Runs one content stream. Each operator is a method, found by `_OPERATORS`."""

    def __init__(self, collection: Collection, resources: Any, state: State, depth: int) -> None:
        self.collection = collection
        self.resources = resources
        self.state = state
        self.depth = depth
        self.kept: list[State] = []
        self.steps: list[Step] = []
        self.clipping = False
        self.line = self.text = IDENTITY
        self.fonts: dict[str, str] = {}
        self.marks: list[Mark] = []

    def paint(self, content: bytes) -> list[Mark]:
        for operator, operands in operators(content):
            if operator in _IGNORED:
                continue
            act = _OPERATORS.get(operator)
            if act is None:
                raise CannotConvert(f"the operator {operator}")
            act(self, operands)
        return self.marks

    def resource(self, kind: str, name: Operand) -> Any:
        return resolved(resolved(self.resources[kind])["/" + str(name)])

    # --- state ---

    def keep(self, _: list[Operand]) -> None:
        if len(self.kept) > MAX_KEPT:
            raise CannotConvert("graphics states kept too deep")
        self.kept.append(self.state)

    def bring_back(self, _: list[Operand]) -> None:
        self.state = self.kept.pop()

    def change(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)

    def transform(self, operands: list[Operand]) -> None:
        self.change(matrix=matrix_of(operands).then(self.state.matrix))

    def graphics(self, operands: list[Operand]) -> None:
        for key, value in self.resource("/ExtGState", operands[0]).items():
            if key == "/ca":
                self.change(fill=replace(self.state.fill, alpha=alpha_of(value)))
            elif key == "/CA":
                self.change(stroke=replace(self.state.stroke, alpha=alpha_of(value)))
            elif (key, value) not in _PLAIN_STATES and key not in ("/Type", "/SA", "/OP", "/op", "/OPM"):
                raise CannotConvert(f"the graphics state {key[1:]}")

    def pen(self, **changes: Any) -> None:
        self.change(pen=replace(self.state.pen, **changes))

    def dash(self, operands: list[Operand]) -> None:
        pattern = operands[0]
        assert isinstance(pattern, list)
        self.pen(dash=tuple(number_of(each) for each in pattern), dash_offset=number_of(operands[1]))

    # --- colours ---

    def fill_space(self, operands: list[Operand]) -> None:
        black = replace(self.state.fill, colour=(0, 0, 0))
        self.change(fill_parts=self._parts(operands[0]), fill=black)

    def stroke_space(self, operands: list[Operand]) -> None:
        self.change(
            stroke_parts=self._parts(operands[0]), stroke=replace(self.state.stroke, colour=(0, 0, 0))
        )

    def _parts(self, name: Operand) -> int:
        if name in ("DeviceGray", "DeviceRGB"):
            return 1 if name == "DeviceGray" else 3
        space = self.resource("/ColorSpace", name)
        parts = int(resolved(space[1])["/N"]) if space[0] == "/ICCBased" else 0
        if parts not in (1, 3):
            raise CannotConvert(f"the colour space {space[0]}")
        return parts

    def fill_colour(self, operands: list[Operand]) -> None:
        self.change(fill=replace(self.state.fill, colour=colour_of(operands, self.state.fill_parts)))

    def stroke_colour(self, operands: list[Operand]) -> None:
        self.change(stroke=replace(self.state.stroke, colour=colour_of(operands, self.state.stroke_parts)))

    def fill_device(self, operands: list[Operand]) -> None:
        self.change(fill_parts=len(operands))
        self.fill_colour(operands)

    def stroke_device(self, operands: list[Operand]) -> None:
        self.change(stroke_parts=len(operands))
        self.stroke_colour(operands)

    # --- paths ---

    def step(self, kind: str, operands: list[Operand]) -> None:
        numbers = [number_of(each) for each in operands]
        points = zip(numbers[::2], numbers[1::2], strict=True)
        self.steps.append(Step(kind, tuple(self.state.matrix.at(*point) for point in points)))

    def curve_from_here(self, operands: list[Operand]) -> None:
        here = self.steps[-1].points[-1]
        self.step("B", [*operands[:2], *operands])
        self.steps[-1] = Step("B", (here, *self.steps[-1].points[1:]))

    def curve_to_there(self, operands: list[Operand]) -> None:
        self.step("B", [*operands, *operands[2:]])

    def rectangle(self, operands: list[Operand]) -> None:
        x, y, width, height = (number_of(each) for each in operands)
        self.step("M", [x, y])
        for corner in ([x + width, y], [x + width, y + height], [x, y + height]):
            self.step("L", [*corner])
        self.step("C", [])

    def draw(
        self, *, fill: bool = False, stroke: bool = False, close: bool = False, even_odd: bool = False
    ) -> None:
        if close:
            self.step("C", [])
        if self.steps and (fill or stroke):
            self._add_path(fill, stroke, even_odd)
        if self.clipping:
            self._clip()
        self.steps, self.clipping = [], False

    def _add_path(self, fill: bool, stroke: bool, even_odd: bool) -> None:
        path = Shape(
            tuple(self.steps),
            self.state.fill if fill else None,
            self._pen() if stroke else None,
            even_odd and fill,
        )
        self._add(path, Box.around(path.points))

    def _pen(self) -> Pen:
        pen, scale = self.state.pen, self.state.matrix.scale
        return replace(
            pen,
            paint=self.state.stroke,
            width=pen.width * scale,
            dash=tuple(length * scale for length in pen.dash),
            dash_offset=pen.dash_offset * scale,
        )

    def _clip(self) -> None:
        points = [point for step in self.steps for point in step.points]
        box = Box.around(points) if points else Box(0, 0, 0, 0)
        if not is_rectangle(points):
            raise CannotConvert("clipping by something else than a rectangle")
        self.change(clip=box if self.state.clip.holds(box, 1e-3) else common(box, self.state.clip))

    def _add(self, mark: Mark, box: Box) -> None:
        if not self.state.clip.holds(box, 0.05):
            raise CannotConvert("something is cut off")
        self.marks.append(mark)

    def set_clipping(self, _: list[Operand]) -> None:
        self.clipping = True

    # --- text ---

    def begin_text(self, _: list[Operand]) -> None:
        self.line = self.text = IDENTITY

    def set_font(self, operands: list[Operand]) -> None:
        name = str(operands[0])
        if name not in self.fonts:
            self.fonts[name] = self.collection.font(self.resource("/Font", operands[0]))
        self.change(font=self.fonts[name], size=number_of(operands[1]))

    def next_line(self, operands: list[Operand]) -> None:
        x, y = (number_of(each) for each in operands)
        self.line = self.text = Matrix(1, 0, 0, 1, x, y).then(self.line)

    def place_text(self, operands: list[Operand]) -> None:
        self.line = self.text = matrix_of(operands)

    def show(self, operands: list[Operand]) -> None:
        if self.state.mode not in (0, 1, 2):
            raise CannotConvert("text that is not seen")
        pieces = operands[0] if isinstance(operands[0], list) else operands
        glyphs = [glyph for piece in pieces for glyph in self._glyphs(piece)]
        if not glyphs:
            return
        upright = Matrix(1, 0, 0, -1, 0, 0).then(self.text).then(self.state.matrix)
        scale = upright.scale
        a, b, c, d = (each / scale for each in upright[:4])
        turn = Matrix(a, b, c, d, 0.0, 0.0)
        pen = self._pen() if self.state.mode else None
        fill = self.state.fill if self.state.mode != 1 else None
        text = Text(self.state.font, self.state.size * scale, tuple(glyphs), fill, pen, turn)
        self._add(text, Box.around([(glyph.x, glyph.y) for glyph in glyphs]))

    def _glyphs(self, piece: Operand) -> Iterator[Glyph]:
        state = self.state
        if not isinstance(piece, bytes):
            self._advance(-number_of(piece) / 1000 * state.size)
            return
        font = self.collection.fonts[state.font]
        for index in range(0, len(piece), 2):
            number = int.from_bytes(piece[index : index + 2], "big")
            if not font.texts.get(number):
                raise CannotConvert("a glyph that stands for nothing")
            x, y = self.text.then(state.matrix).at(0, state.rise)
            advance = font.advance(number) / 1000 * state.size
            scale = self.text.then(state.matrix).scale
            yield Glyph(number, font.texts[number], x, y, advance * scale)
            self._advance(advance + state.spacing)

    def _advance(self, length: float) -> None:
        self.text = Matrix(1, 0, 0, 1, length, 0).then(self.text)

    def refuse_unless(self, value: float, operands: list[Operand]) -> None:
        if number_of(operands[0]) != value:
            raise CannotConvert("stretched text, or spacing of words")

    # --- objects ---

    def draw_object(self, operands: list[Operand]) -> None:
        stream = self.resource("/XObject", operands[0])
        kind = stream["/Subtype"]
        if kind == "/Image":
            matrix = Matrix(1, 0, 0, -1, 0, 1).then(self.state.matrix)
            image = Image(self.collection.image(stream), matrix, self.state.fill.alpha)
            corners = [matrix.at(x, y) for x in (0, 1) for y in (0, 1)]
            self._add(image, Box.around(corners))
            return
        if kind != "/Form" or self.depth >= MAX_FORMS:
            raise CannotConvert(f"an object of the kind {kind}, or nested too deep")
        self._draw_form(stream)

    def _draw_form(self, form: Any) -> None:
        if "/Group" in form and self.state.fill.alpha != 255:
            raise CannotConvert("a group that is transparent as a whole")
        matrix = matrix_of([float(each) for each in form.get("/Matrix", [1, 0, 0, 1, 0, 0])])
        state = replace(self.state, matrix=matrix.then(self.state.matrix))
        left, bottom, right, top = (float(side) for side in form["/BBox"])
        corners = [state.matrix.at(x, y) for x in (left, right) for y in (bottom, top)]
        state = replace(state, clip=common(Box.around(corners), state.clip))
        resources = resolved(form.get("/Resources", self.resources))
        self.marks += Painter(self.collection, resources, state, self.depth + 1).paint(bytes(form.data))


_Act = Callable[[Painter, list[Operand]], None]
_OPERATORS: Final[dict[str, _Act]] = {
    "q": Painter.keep,
    "Q": Painter.bring_back,
    "cm": Painter.transform,
    "gs": Painter.graphics,
    "w": lambda painter, operands: painter.pen(width=number_of(operands[0])),
    "J": lambda painter, operands: painter.pen(cap=_CAPS[int(number_of(operands[0]))]),
    "j": lambda painter, operands: painter.pen(join=_JOINS[int(number_of(operands[0]))]),
    "M": lambda painter, operands: painter.pen(miter_limit=number_of(operands[0])),
    "d": Painter.dash,
    "cs": Painter.fill_space,
    "CS": Painter.stroke_space,
    "sc": Painter.fill_colour,
    "scn": Painter.fill_colour,
    "SC": Painter.stroke_colour,
    "SCN": Painter.stroke_colour,
    "g": Painter.fill_device,
    "rg": Painter.fill_device,
    "G": Painter.stroke_device,
    "RG": Painter.stroke_device,
    "m": lambda painter, operands: painter.step("M", operands),
    "l": lambda painter, operands: painter.step("L", operands),
    "c": lambda painter, operands: painter.step("B", operands),
    "v": Painter.curve_from_here,
    "y": Painter.curve_to_there,
    "h": lambda painter, _: painter.step("C", []),
    "re": Painter.rectangle,
    "f": lambda painter, _: painter.draw(fill=True),
    "F": lambda painter, _: painter.draw(fill=True),
    "f*": lambda painter, _: painter.draw(fill=True, even_odd=True),
    "S": lambda painter, _: painter.draw(stroke=True),
    "B": lambda painter, _: painter.draw(fill=True, stroke=True),
    "B*": lambda painter, _: painter.draw(fill=True, stroke=True, even_odd=True),
    "n": lambda painter, _: painter.draw(),
    "W": Painter.set_clipping,
    "W*": Painter.set_clipping,
    "BT": Painter.begin_text,
    "ET": lambda painter, _: None,
    "Tf": Painter.set_font,
    "Td": Painter.next_line,
    "Tm": Painter.place_text,
    "Tj": Painter.show,
    "TJ": Painter.show,
    "Tc": lambda painter, operands: painter.change(spacing=number_of(operands[0])),
    "Ts": lambda painter, operands: painter.change(rise=number_of(operands[0])),
    "Tr": lambda painter, operands: painter.change(mode=int(number_of(operands[0]))),
    "Tz": lambda painter, operands: painter.refuse_unless(100, operands),
    "Tw": lambda painter, operands: painter.refuse_unless(0, operands),
    "Do": Painter.draw_object,
}
