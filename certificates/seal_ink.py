"""Where the ink of seals is in an image whose paper is white: by its colour, in connected places."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageChops, ImageFilter, ImageStat

Colour = tuple[int, int, int]

_LOWEST, _HIGHEST = 30, 105
"""Between these the threshold is chosen: below is what paper and JPEG do by themselves."""
_COVERS: Final = (0.001, 0.55)
"""The share of the image that ink of a seal takes, at least and at most."""
_SOLID: Final = 0.25
"""The share of ink that has ink all around it; of grain it is less."""
_CELLS: Final = 120
"""The image is looked at in so many cells along its longer side to find what belongs together."""
SEAL_JOINS: Final = 0.055
"""Gaps up to this share of the image's longer side are inside one seal."""
SIGNATURE_JOINS: Final = 0.16
"""Characters written by hand stand farther apart."""
_RIVAL: Final = 0.35
"""Another place with this share of the largest one's ink is another seal, and no speck."""


@dataclass(frozen=True, slots=True)
class Ink:
    """One seal: how strong its ink is at each place of its box (mode L), and its colour."""

    strength: Image.Image
    colour: Colour


@dataclass(frozen=True, slots=True)
class _Kind:
    """A colour of ink: how strong it is at a place, and how its drawn colour is bounded."""

    measure: Callable[[Image.Image], Image.Image]
    plain: Colour
    contrast: int
    """By how much ink has to stand out from the paper: grain and shadows do so a little, too."""


@dataclass(slots=True)
class _Place:
    """Cells that belong together, and how much ink they hold."""

    amount: int
    cells: list[tuple[int, int]]

    def box(self) -> tuple[int, int, int, int]:
        across, down = [x for x, _ in self.cells], [y for _, y in self.cells]
        return min(across), min(down), max(across), max(down)

    def surrounds(self, other: "_Place") -> bool:
        left, top, right, bottom = self.box()
        x0, y0, x1, y1 = other.box()
        return left <= (x0 + x1) / 2 <= right and top <= (y0 + y1) / 2 <= bottom


def _red(image: Image.Image) -> Image.Image:
    red, green, blue = image.split()
    return ImageChops.subtract(red, ImageChops.lighter(green, blue))


def _blue(image: Image.Image) -> Image.Image:
    red, green, blue = image.split()
    return ImageChops.subtract(blue, ImageChops.lighter(red, green))


def _black(image: Image.Image) -> Image.Image:
    red, green, blue = image.split()
    return ImageChops.invert(ImageChops.lighter(red, ImageChops.lighter(green, blue)))


_KINDS: Final = (
    _Kind(_red, (200, 20, 30), 25),
    _Kind(_blue, (30, 60, 170), 25),
    _Kind(_black, (30, 30, 30), 50),
)

_COLOURED: Final = _KINDS[:2]


def find_ink(image: Image.Image, joins: float = SEAL_JOINS, *, printed: bool = False) -> list[Ink]:
    """The seals in the first colour of which there is enough, the one with most ink first.

    On a `printed` sheet black is the print: only coloured ink can be a seal.
    """
    for kind in _COLOURED if printed else _KINDS:
        measured = kind.measure(image).filter(ImageFilter.MedianFilter(3))
        threshold = _threshold(measured.histogram())
        mask = measured.point(lambda value, at=threshold: 255 if value >= at else 0)
        if _is_ink(measured, mask, kind.contrast):
            return [_cut(image, measured, mask, place, kind, threshold) for place in _places(mask, joins)]
    return []


def _is_ink(measured: Image.Image, mask: Image.Image, contrast: int) -> bool:
    """Whether this is ink, and not the paper's grain: enough of it, in one piece here and there, strong."""
    covered = ImageStat.Stat(mask).mean[0] / 255
    if not _COVERS[0] <= covered <= _COVERS[1]:
        return False
    solid = ImageStat.Stat(mask.filter(ImageFilter.MinFilter(3))).mean[0] / 255
    ink = ImageStat.Stat(measured, mask).median[0]
    paper = ImageStat.Stat(measured, ImageChops.invert(mask)).median[0]
    return solid >= _SOLID * covered and ink - paper >= contrast


def _threshold(histogram: list[int]) -> int:
    """Otsu's: where the two sides are least mixed, kept within what ink can be."""
    total, weighted = sum(histogram), sum(value * count for value, count in enumerate(histogram))
    best, at, below, sum_below = -1.0, _LOWEST, 0, 0
    for value, count in enumerate(histogram):
        below += count
        sum_below += value * count
        if not below or below == total:
            continue
        apart = sum_below / below - (weighted - sum_below) / (total - below)
        between = below * (total - below) * apart * apart
        if between > best:
            best, at = between, value + 1
    return min(max(at, _LOWEST), _HIGHEST)


def _places(mask: Image.Image, joins: float) -> list[Image.Image]:
    """Masks (size of the image) of what belongs together, most ink first, specks left out."""
    longer = max(mask.size)
    cell = max(1, longer // _CELLS)
    cells = mask.reduce(cell)
    reach = max(1, round(joins * longer / cell / 2))
    inked = cells.point(lambda value: 255 if value > 25 else 0)
    joined = inked.filter(ImageFilter.MaxFilter(2 * reach + 1))
    sure = cells.point(lambda value: 255 if value > 45 else 0)
    near = sure.filter(ImageFilter.MaxFilter(3))  # grain in between is not part of it
    found = _gathered(sorted(_connected(joined, cells), key=lambda each: -each.amount))
    return [
        _as_mask(each, near, cell, mask.size) for each in found if each.amount >= _RIVAL * found[0].amount
    ]


def _gathered(found: list[_Place]) -> list[_Place]:
    """A star stands inside its ring without touching it: what lies within another's box belongs to it."""
    kept: list[_Place] = []
    for place in found:
        around = next((other for other in kept if other.surrounds(place)), None)
        if around is None:
            kept.append(place)
        else:
            around.amount += place.amount
            around.cells += place.cells
    return kept


def _as_mask(place: _Place, near: Image.Image, cell: int, size: tuple[int, int]) -> Image.Image:
    drawn = Image.new("L", near.size)
    for x, y in place.cells:
        drawn.putpixel((x, y), 255)
    drawn = ImageChops.darker(drawn, near)
    whole = drawn.resize((near.width * cell, near.height * cell), Image.Resampling.NEAREST)
    return whole.crop((0, 0, *size))


def _connected(joined: Image.Image, amounts: Image.Image) -> Iterator[_Place]:
    """Each connected place. A few thousand cells: cheap in plain Python."""
    width, height = joined.size
    wanted, ink = joined.tobytes(), amounts.tobytes()
    seen = bytearray(width * height)
    for start in range(width * height):
        if seen[start] or not wanted[start]:
            continue
        seen[start] = 1
        pending, members, amount = [start], [], 0
        while pending:
            at = pending.pop()
            x, y = at % width, at // width
            members.append((x, y))
            amount += ink[at]
            for near in _neighbours(x, y, width, height):
                if wanted[near] and not seen[near]:
                    seen[near] = 1
                    pending.append(near)
        yield _Place(amount, members)


def _neighbours(x: int, y: int, width: int, height: int) -> Iterator[int]:
    if x:
        yield y * width + x - 1
    if x + 1 < width:
        yield y * width + x + 1
    if y:
        yield (y - 1) * width + x
    if y + 1 < height:
        yield (y + 1) * width + x


def _cut(
    image: Image.Image,
    measured: Image.Image,
    mask: Image.Image,
    place: Image.Image,
    kind: _Kind,
    threshold: int,
) -> Ink:
    """The seal's box: strength from nothing at the paper to full at what most of its ink has."""
    own = ImageChops.darker(mask, place)
    clean = own.filter(ImageFilter.MedianFilter(3))
    box = clean.getbbox() or own.getbbox()
    assert box is not None, "a place without ink is none"
    full = max(threshold + 20, round(ImageStat.Stat(measured, own).median[0] * 0.9))
    floor = threshold * 0.55
    table = [round(255 * min(1.0, max(0.0, (value - floor) / (full - floor)))) for value in range(256)]
    near = clean.filter(ImageFilter.MaxFilter(5))  # soft edges stay, single specks go
    strength = ImageChops.darker(measured.point(table), near)
    return Ink(strength.crop(box), _colour(image, own, kind))


def _colour(image: Image.Image, own: Image.Image, kind: _Kind) -> Colour:
    """The ink's own colour, halfway to a plain one: photos are pale."""
    seen = ImageStat.Stat(image, own).median
    red, green, blue = (round((each + plain) / 2) for each, plain in zip(seen, kind.plain, strict=True))
    return red, green, blue
