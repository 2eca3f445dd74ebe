"""What a seal looks like: SVG drawn from the name, sizes in millimetres, for print and for the screen.

    svg = official_seal("甲方示例单位", number="4301000000001")     # round, with a star
    svg = name_chop("测试一")                                        # a person's, in a rectangle

Characters stand one by one as `<text>`, so every renderer puts them at the same place; which typeface they
take is the reader's, in the order of FONTS. Nothing from outside gets into the picture but escaped text.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import cos, pi, radians, sin
from typing import Final
from xml.sax.saxutils import escape

from signing import SigningError

RED: Final = "#d7141a"
FONTS: Final = "'Songti SC','STSong','SimSun','Noto Serif CJK SC','Source Han Serif SC',serif"
DIGIT_FONTS: Final = "'Helvetica Neue','Arial','Liberation Sans','DejaVu Sans',sans-serif"

NAME_LENGTHS: Final = range(4, 31)
CHOP_LENGTHS: Final = range(1, 6)
MAX_NUMBER: Final = 18
MAX_LOWER_TEXT: Final = 12

SIDE_MM: Final = 42
_CENTRE: Final = SIDE_MM / 2
_BORDER: Final = 1.2
_GAP: Final = 0.9
"""Between the border and the characters."""
_INK_HEIGHT: Final = 0.92
"""The height of a Chinese character's ink, and how far below its middle the baseline is, in its size."""
_BASELINE: Final = 0.37


class PictureError(SigningError):
    """A picture that is not drawn. Says why."""


class Emblem(StrEnum):
    """What stands in the middle."""

    STAR = "star"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class _Glyph:
    """One character: the middle of its ink, its size, its width as a share of that, and its turn."""

    text: str
    x: float
    y: float
    size: float
    narrow: float
    turn: float = 0.0
    fonts: str = FONTS
    weight: int = 600

    def svg(self) -> str:
        place = f"translate({self.x:.3f} {self.y:.3f})"
        if self.turn:
            place += f" rotate({self.turn:.2f})"
        if self.narrow != 1:
            place += f" scale({self.narrow:.3f} 1)"
        return (
            f'<text transform="{place}" y="{self.size * _BASELINE:.3f}" font-size="{self.size:.3f}" '
            f'font-family="{self.fonts}" font-weight="{self.weight}" text-anchor="middle">'
            f"{escape(self.text)}</text>"
        )


def official_seal(
    name: str, *, number: str = "", lower_text: str = "", emblem: Emblem = Emblem.STAR
) -> bytes:
    """A round official seal of 42 mm: the name around the upper side, its emblem, below what the seal is for.

    `name` 4 to 30 characters, `number` (防伪编码) up to 18 digits around the lower side, `lower_text` up to
    12 characters, for example 合同专用章. Raises PictureError outside these bounds.
    """
    name, number, lower_text = (_drawable(text) for text in (name, number, lower_text))
    if len(name) not in NAME_LENGTHS:
        raise PictureError(f"a name of {len(name)} characters; {NAME_LENGTHS[0]} to {NAME_LENGTHS[-1]} fit")
    if len(number) > MAX_NUMBER or not (number.isascii() and (number.isalnum() or not number)):
        raise PictureError(f"a number has up to {MAX_NUMBER} letters and digits")
    if len(lower_text) > MAX_LOWER_TEXT:
        raise PictureError(f"the text below has up to {MAX_LOWER_TEXT} characters")
    layout = _layout(len(name), has_lower=bool(number or lower_text))
    parts = [_ring(), *_around(name, layout)]
    if emblem is Emblem.STAR:
        parts.append(_star(layout.star, -0.6 if lower_text else 0.0))
    if lower_text:
        parts += _below(lower_text, layout)
    if number:
        parts += _number(number)
    return _document(SIDE_MM, SIDE_MM, name, parts)


def name_chop(name: str) -> bytes:
    """A rectangular chop of a person's name, 1 to 5 characters, 10 mm high, in one line.

    Raises PictureError outside these bounds.
    """
    name = _drawable(name)
    if len(name) not in CHOP_LENGTHS:
        raise PictureError(f"a name of {len(name)} characters; {CHOP_LENGTHS[0]} to {CHOP_LENGTHS[-1]} fit")
    width, height = chop_size(name)
    border, margin = 0.7, 1.15
    size = (height - 2 * (border + margin)) / _INK_HEIGHT
    pitch = (width - 2 * (border + margin)) / len(name)
    narrow = min(1.0, pitch / size)
    frame = (
        f'<rect x="{border / 2}" y="{border / 2}" width="{width - border}" height="{height - border}" '
        f'rx="0.5" fill="none" stroke="{RED}" stroke-width="{border}" stroke-linejoin="round"/>'
    )
    left = border + margin + pitch / 2
    glyphs = [
        _Glyph(character, left + index * pitch, height / 2, size, narrow).svg()
        for index, character in enumerate(name)
    ]
    return _document(width, height, name, [frame, *glyphs])


def chop_size(name: str) -> tuple[int, int]:
    """(width, height) in mm of the chop of this name."""
    return {1: 10, 2: 17, 3: 20, 4: 25, 5: 30}[len(name)], 10


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the name goes around: characters shrink and narrow as they get more, and reach farther down."""

    size: float
    narrow: float
    radius: float
    """Of the circle on which the middles of the characters stand."""
    span: float
    """Degrees from the middle of the first to the middle of the last character."""
    star: float


def _layout(count: int, has_lower: bool) -> _Layout:
    widest = 276.0 if not has_lower else 232.0 if count > 11 else 206.0
    size = 6.9 - 0.125 * max(0, count - 8) if count > 8 else 6.9
    radius = _CENTRE - _BORDER - _GAP - size * _INK_HEIGHT / 2
    # The inner edge of the characters is the tighter one: neighbours must not touch there.
    natural = size * 1.30 if count <= 8 else size * 1.02
    step = min(natural / radius * 180 / pi, widest / (count - 1))
    inner = radius - size * _INK_HEIGHT / 2
    room = radians(step) * (inner + 0.35 * (radius - inner))
    narrow = max(0.34, min(0.92 if count <= 8 else 0.86, room / size * 0.96))
    star = min(7.0, inner - 1.3)
    return _Layout(size, narrow, radius, step * (count - 1), star)


def _around(name: str, layout: _Layout) -> list[str]:
    step = layout.span / (len(name) - 1)
    glyphs = []
    for index, character in enumerate(name):
        angle = -layout.span / 2 + index * step
        x = _CENTRE + layout.radius * sin(radians(angle))
        y = _CENTRE - layout.radius * cos(radians(angle))
        glyphs.append(_Glyph(character, x, y, layout.size, layout.narrow, angle).svg())
    return glyphs


def _ring() -> str:
    return (
        f'<circle cx="{_CENTRE}" cy="{_CENTRE}" r="{_CENTRE - _BORDER / 2}" '
        f'fill="none" stroke="{RED}" stroke-width="{_BORDER}" stroke-linejoin="round"/>'
    )


def _star(radius: float, shift: float) -> str:
    inner = radius * sin(radians(18)) / sin(radians(54))  # the regular five-pointed star
    points = []
    for corner in range(10):
        reach, angle = (inner if corner % 2 else radius), radians(36 * corner)
        points.append(f"{_CENTRE + reach * sin(angle):.3f},{_CENTRE + shift - reach * cos(angle):.3f}")
    return f'<polygon points="{" ".join(points)}"/>'


def _below(text: str, layout: _Layout) -> list[str]:
    y, size = _CENTRE + layout.star + 3.1, 4.2
    reach = ((_CENTRE - _BORDER - 2.6) ** 2 - (y - _CENTRE + size / 2) ** 2) ** 0.5
    if layout.span > 180:  # the name comes down to both sides of it
        inner = layout.radius - layout.size * _INK_HEIGHT / 2
        reach = min(reach, inner * sin(radians(layout.span / 2)) - 0.4)
    pitch = min(size * 1.04, 2 * reach / len(text))
    left = _CENTRE - pitch * (len(text) - 1) / 2
    narrow = min(0.96, pitch / size * 0.96)
    return [
        _Glyph(character, left + index * pitch, y, size, narrow).svg() for index, character in enumerate(text)
    ]


def _number(number: str) -> list[str]:
    """Along the lower side, read from left to right with the heads of the digits inwards."""
    size = 1.9
    radius = _CENTRE - _BORDER - 0.75 - size * 0.36
    step = min(7.2, 76.0 / max(1, len(number) - 1))
    start = step * (len(number) - 1) / 2
    glyphs = []
    for index, character in enumerate(number):
        angle = start - index * step
        x, y = _CENTRE + -radius * sin(radians(angle)), _CENTRE + radius * cos(radians(angle))
        glyphs.append(_Glyph(character, x, y, size, 1.0, angle, DIGIT_FONTS, 500).svg())
    return glyphs


def _document(width: float, height: float, title: str, parts: list[str]) -> bytes:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}mm" height="{height}mm" '
        f'viewBox="0 0 {width} {height}" fill="{RED}" role="img">'
    )
    return "\n".join([head, f"<title>{escape(title)}</title>", *parts, "</svg>\n"]).encode()


def _drawable(text: str) -> str:
    text = "".join(text.split())
    if not all(character.isprintable() for character in text):
        raise PictureError("a character that cannot be drawn")
    return text
