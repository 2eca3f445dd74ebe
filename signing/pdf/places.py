"""Places for seals, made together with a document, before anybody seals it.

A place is an empty signature field under a name. Its size and position are then under every seal: what comes
later can fill it, and cannot move it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from signing.documents import At, DocumentError, Fault, Straddle
from signing.pdf.geometry import Area, sheet_of
from signing.pdf.tagging import tag_field
from signing.pdf.update import Update, reading
from signing.pdf.widgets import Spot, add_field, slices

SIDE_MM: Final = 50.0
"""Of a place: room for an official seal (42 mm) and the larger ones of some authorities."""


@dataclass(frozen=True, slots=True)
class PlaceToMake:
    """A place with its middle at `at`. With `straddle`, its seal can also go over the edges of all pages."""

    name: str
    at: At
    width_mm: float = SIDE_MM
    height_mm: float = SIDE_MM
    straddle: Straddle | None = None
    label: str = ""
    """What a screen reader says it is."""


def with_places(pdf: bytes, places: Sequence[PlaceToMake]) -> bytes:
    """The document with an empty signature field for each place. The same input gives the same bytes.

    Raises DocumentError when a name is there already or a place is not all on its page.
    """
    update = Update(pdf, repr(places).encode())
    with reading():
        for place in places:
            check_new_name(update, place.name)
            spots = [Spot(place.at.page, _area(place.at, place.width_mm, place.height_mm))]
            if place.straddle is not None:
                spots += straddling(update, place.straddle, place.width_mm, place.height_mm)
            field = add_field(update, place.name, spots)
            tag_field(update, field, place.label or place.name)
        return update.bytes()


def spot_at(place: At, width_mm: float, height_mm: float) -> Spot:
    """For a seal of this size with its middle there."""
    return Spot(place.page, _area(place, width_mm, height_mm))


def straddling(update: Update, place: Straddle, width_mm: float, height_mm: float) -> list[Spot]:
    """A slice for every page. Raises DocumentError when there is one page only: nothing to straddle."""
    if update.pages < 2:
        raise DocumentError("a straddle seal needs two pages or more", Fault.NO_SUCH_PLACE)
    sheets = [sheet_of(update.page(index).get_object()) for index in range(update.pages)]
    lowest = min(sheet.height_mm for sheet in sheets)
    middle = lowest / 2 if place.y_mm is None else place.y_mm
    return slices(update.pages, width_mm, height_mm, middle, [sheet.width_mm for sheet in sheets])


def check_new_name(update: Update, title: str) -> None:
    """Raises DocumentError unless a field of this name can be added."""
    if not title or len(title) > 100 or "." in title or not title.isprintable():
        raise DocumentError(f"a place cannot be named {title[:100]!r}", Fault.NO_SUCH_PLACE)
    if find_place(update, title) is not None:
        raise DocumentError(f"there is a place {title!r} already", Fault.PLACE_TAKEN)


def find_place(update: Update, title: str) -> Any:
    """The reference of the signature field of this name, None when there is none. Raises DocumentError."""
    from pyhanko.sign.fields import enumerate_sig_fields  # not at every start: it brings a client of HTTP

    with reading():
        found = [reference for _name, _value, reference in enumerate_sig_fields(update, with_name=title)]
    return found[0] if found else None


def _area(at: At, width_mm: float, height_mm: float) -> Area:
    return Area.around(at.x_mm, at.y_mm, width_mm, height_mm)
