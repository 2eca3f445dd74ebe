"""Where a seal goes in an OFD document: places of `signing.documents` as stamps."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from signing.documents import At, DocumentError, Fault, Named, Place, Straddle
from signing.ofd.marks import Box
from signing.ofd.signatures import Stamp
from signing.ofd.structure import Structure
from signing.pdf.widgets import grouped
from signing.seal import Picture

_NAME: Final = re.compile(r"[^\W\d][\w-]{0,99}")
"""What XML takes as an identity."""
_TOLERANCE_MM: Final = 0.05


def stamps_for(
    structure: Structure, picture: Picture, places: Sequence[Place], name: str, taken: Sequence[str]
) -> tuple[Stamp, ...]:
    """Stamps of the picture in its own size, named after the place. Raises DocumentError."""
    title = _title(places, name, taken)
    places = [_foreseen(structure, place, title) for place in places]
    spots = [spot for place in places for spot in _spots(structure, picture, place)]
    for page, boundary, clip in spots:
        shown = Stamp("", page, boundary, clip).shown
        if not structure.pages[page].box.holds(shown, _TOLERANCE_MM):
            raise DocumentError(f"the seal would lie outside page {page + 1}", Fault.OUTSIDE_THE_PAGE)
    return tuple(
        Stamp(f"{title}.{index}", structure.pages[page].number, boundary, clip)
        for index, (page, boundary, clip) in enumerate(spots)
    )


def _foreseen(structure: Structure, place: Place, title: str) -> Place:
    """A straddle seal with a named place goes where it was foreseen for that place."""
    if place == Straddle() and title in structure.areas:
        return Straddle(structure.areas[title].straddle_y)
    return place


def _title(places: Sequence[Place], name: str, taken: Sequence[str]) -> str:
    named = [place.name for place in places if isinstance(place, Named)]
    others = [place for place in places if not isinstance(place, Named)]
    if len(named) > 1 or (named and any(place != Straddle() for place in others)):
        text = "a named place is filled alone, or with a straddle seal"
        raise DocumentError(text, Fault.NO_SUCH_PLACE)
    title = named[0] if named else name or _free_name(taken)
    if not _NAME.fullmatch(title):
        raise DocumentError(f"a place cannot be named {title[:100]!r}", Fault.NO_SUCH_PLACE)
    if title in taken:
        raise DocumentError(f"the place {title!r} has a seal already", Fault.PLACE_TAKEN)
    return title


def _free_name(taken: Sequence[str]) -> str:
    number = len(taken) + 1
    while f"seal-{number}" in taken:
        number += 1
    return f"seal-{number}"


_Spot = tuple[int, Box, Box | None]


def _spots(structure: Structure, picture: Picture, place: Place) -> Iterator[_Spot]:
    match place:
        case At():
            if not 0 <= place.page < len(structure.pages):
                text = f"page {place.page + 1} of a document of {len(structure.pages)}"
                raise DocumentError(text, Fault.OUTSIDE_THE_PAGE)
            yield place.page, _around(place.x_mm, place.y_mm, picture), None
        case Named():
            yield _named(structure, picture, place.name)
        case Straddle():
            yield from _slices(structure, picture, place)


def _around(x: float, y: float, picture: Picture) -> Box:
    width, height = picture.width_mm, picture.height_mm
    return Box(x - width / 2, y - height / 2, width, height)


def _named(structure: Structure, picture: Picture, name: str) -> _Spot:
    area = structure.areas.get(name)
    if area is None:
        raise DocumentError(f"the document has no place named {name[:100]!r}", Fault.NO_SUCH_PLACE)
    x, y, width, height = area.box
    if picture.width_mm > width + _TOLERANCE_MM or picture.height_mm > height + _TOLERANCE_MM:
        sides = f"{picture.width_mm} by {picture.height_mm} mm"
        raise DocumentError(f"a seal of {sides} is larger than its place", Fault.LARGER_THAN_ITS_PLACE)
    return area.page, _around(x + width / 2, y + height / 2, picture), None


def _slices(structure: Structure, picture: Picture, place: Straddle) -> Iterator[_Spot]:
    """Each page has the whole picture, reaching over its right edge, of which only a slice is shown."""
    pages = structure.pages
    if len(pages) < 2:
        raise DocumentError("a straddle seal needs two pages or more", Fault.NO_SUCH_PLACE)
    middle = min(page.height for page in pages) / 2 if place.y_mm is None else place.y_mm
    top = middle - picture.height_mm / 2
    for group in grouped(len(pages)):
        across = picture.width_mm / len(group)
        for part, index in enumerate(group):
            left = pages[index].width - (part + 1) * across
            boundary = Box(left, top, picture.width_mm, picture.height_mm)
            yield index, boundary, Box(part * across, 0, across, picture.height_mm)
