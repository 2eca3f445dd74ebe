"""A PDF file made ready for a seal: the picture at its places, and an empty hole for the sealing.

pyHanko's embedder writes the field's value and its ByteRange; what goes into /Contents is ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, Final, cast

from pyhanko.pdf_utils import generic
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import PdfByteRangeDigest, PdfSignedData

from signing.documents import At, DocumentError, Fault, Named, Place, Straddle
from signing.pdf.pictures import add_picture
from signing.pdf.places import check_new_name, find_place, spot_at, straddling
from signing.pdf.update import Update, dictionary, is_empty, name, reading, text, widgets_of
from signing.pdf.widgets import Spot, add_field, grouped, room_of, show
from signing.seal import Picture, Seal

ROOM_FOR_CERTIFICATE: Final = 4 << 10
ROOM_FOR_TIME_STAMP: Final = 12 << 10
LONGEST_NAME: Final = 100
"""Characters of the seal's name that readers are told."""
_ROUNDED_TO: Final = 1 << 10


@dataclass(frozen=True, slots=True)
class PdfNames:
    """What /Filter and /SubFilter say. No standard gives them; readers of other makers look for their own."""

    filter: str
    subfilter: str


GM_SM2_SEAL: Final = PdfNames("Gomain.GMPkiLite", "GM.sm2seal")
GM_SM2: Final = PdfNames("GM.PKILite", "GM.SM2")


class EmptyHole(PdfByteRangeDigest):
    """The signature dictionary with nothing in /Contents."""

    def __init__(self, capacity: int, names: PdfNames, seal: Seal, at: datetime) -> None:
        super().__init__(bytes_reserved=2 * capacity)
        self.update(
            dictionary(
                Type=name("/Sig"),
                Filter=name(f"/{names.filter}"),
                SubFilter=name(f"/{names.subfilter}"),
                M=generic.pdf_date(at),
                Name=text(seal.info.name[:LONGEST_NAME]),
            )
        )


def prepare(
    data: bytes,
    seal: Seal,
    places: Sequence[Place],
    *,
    at: datetime,
    name: str = "",
    names: PdfNames = GM_SM2_SEAL,
) -> bytes:
    """See `signing.documents.prepare`."""
    at = at.astimezone(UTC).replace(microsecond=0)
    update = Update(data, repr((seal.digest, at, tuple(places), name, names)).encode())
    with reading():
        _refuse_second_hole(update, data)
        title, widgets = _widgets(update, seal.info.picture, places, name)
        picture = add_picture(update, seal.info.picture)
        for shown in widgets:
            show(update, shown.widget, picture, seal.info.picture, shown.part, shown.parts)
        return _with_hole(update, title, EmptyHole(capacity_for(seal), names, seal, at))


def capacity_for(seal: Seal) -> int:
    """Bytes for a sealing with this seal: the seal is in it, so are a certificate and a time stamp."""
    wanted = len(seal.der) + ROOM_FOR_CERTIFICATE + ROOM_FOR_TIME_STAMP
    return -(-wanted // _ROUNDED_TO) * _ROUNDED_TO


@dataclass(frozen=True, slots=True)
class _Shown:
    """A widget, and which part of the picture it gets."""

    widget: Any
    part: int = 0
    parts: int = 1


def _refuse_second_hole(update: Update, data: bytes) -> None:
    for title, value, _field in enumerate_sig_fields(update.prev, filled_status=True):
        if is_empty(update.prev, data, value):
            raise DocumentError(f"the document waits for the sealing of {title!r}", Fault.SEVERAL_HOLES)


def _refuse_change_of_sealed(update: Update) -> None:
    """The verifier lets nothing follow a seal but seals in places made before (signing.pdf.differences)."""
    sealed = [title for title, _value, _field in enumerate_sig_fields(update.prev, filled_status=True)]
    if sealed:
        text = f"{sealed[0]!r} is sealed: a new place would break that seal; fill one made before it"
        raise DocumentError(text, Fault.SEALED_BEFORE)


def _widgets(
    update: Update, picture: Picture, places: Sequence[Place], title: str
) -> tuple[str, list[_Shown]]:
    named = [place for place in places if isinstance(place, Named)]
    if not named:
        return _new_widgets(update, picture, places, title)
    others = [place for place in places if not isinstance(place, Named)]
    if len(named) > 1 or any(place != Straddle() for place in others) or len(others) > 1:
        text = "a named place is filled alone, or with the straddle seal that was made for it"
        raise DocumentError(text, Fault.NO_SUCH_PLACE)
    return named[0].name, _named_widgets(update, picture, named[0].name, straddle=bool(others))


def _named_widgets(update: Update, picture: Picture, title: str, *, straddle: bool) -> list[_Shown]:
    field = find_place(update, title)
    if field is None:
        raise DocumentError(f"the document has no place named {title!r}", Fault.NO_SUCH_PLACE)
    if "/V" in field.get_object():
        raise DocumentError(f"the place {title!r} has a seal already", Fault.PLACE_TAKEN)
    widgets = widgets_of(field)
    for widget in widgets:
        if not _is_on_page(widget):
            raise DocumentError(f"the place {title!r} is not on a page", Fault.NO_SUCH_PLACE)
    if straddle and len(widgets) != update.pages + 1:
        raise DocumentError(f"no straddle seal was foreseen for {title!r}", Fault.NO_SUCH_PLACE)
    chosen = [_Shown(widgets[0]), *(_sliced(widgets[1:]) if straddle else ())]
    for shown in chosen:
        _check_room(shown, picture)
    return chosen


def _is_on_page(widget: Any) -> bool:
    indirect = isinstance(widget, generic.IndirectObject | generic.Reference)
    return indirect and all(key in cast(Any, widget.get_object()) for key in ("/P", "/Rect"))


def _sliced(widgets: Sequence[Any]) -> list[_Shown]:
    return [
        _Shown(widgets[page], part, len(group))
        for group in grouped(len(widgets))
        for part, page in enumerate(group)
    ]


def _check_room(shown: _Shown, picture: Picture) -> None:
    width, height = room_of(shown.widget)
    if width + 0.05 < picture.width_mm / shown.parts or height + 0.05 < picture.height_mm:
        sides = f"{picture.width_mm} by {picture.height_mm} mm"
        raise DocumentError(f"a seal of {sides} is larger than its place", Fault.LARGER_THAN_ITS_PLACE)


def _new_widgets(
    update: Update, picture: Picture, places: Sequence[Place], title: str
) -> tuple[str, list[_Shown]]:
    _refuse_change_of_sealed(update)
    title = title or _free_name(update)
    check_new_name(update, title)
    spots: list[Spot] = []
    for place in places:
        match place:
            case At():
                if not 0 <= place.page < update.pages:
                    text = f"page {place.page + 1} of a document of {update.pages}"
                    raise DocumentError(text, Fault.OUTSIDE_THE_PAGE)
                spots.append(spot_at(place, picture.width_mm, picture.height_mm))
            case Straddle():
                spots += straddling(update, place, picture.width_mm, picture.height_mm)
            case Named():
                raise AssertionError("named places are filled elsewhere")
    field = add_field(update, title, spots)
    widgets = widgets_of(field)
    return title, [_Shown(widget, spot.part, spot.parts) for widget, spot in zip(widgets, spots, strict=True)]


def _free_name(update: Update) -> str:
    taken = {title for title, _value, _reference in enumerate_sig_fields(update)}
    number = len(taken) + 1
    while f"seal-{number}" in taken:
        number += 1
    return f"seal-{number}"


def _with_hole(update: Update, title: str, empty: EmptyHole) -> bytes:
    steps = PdfCMSEmbedder().write_cms(title, update, existing_fields_only=True)
    next(steps)
    steps.send(SigObjSetup(sig_placeholder=cast(PdfSignedData, empty)))
    _digest, written = steps.send(SigIOSetup(md_algorithm="sm3", output=BytesIO()))
    steps.close()
    prepared: bytes = written.getvalue()
    return prepared
