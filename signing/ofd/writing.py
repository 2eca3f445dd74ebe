"""A rendered PDF as an OFD package: the same pages, text and lines, its own fonts, the places for seals.

    package = ofd_from_pdf(pdf, title="成交确认书", created=day)

Equal input gives equal bytes. The list of signatures is there from the beginning, empty, so that no seal has
to change a file that another one covers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from io import BytesIO
from itertools import count
from typing import Any, Final

from pyhanko.pdf_utils.misc import PdfReadError
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.ofd.characters import characters_of
from signing.ofd.errors import CannotConvert
from signing.ofd.marks import Box, Drawing
from signing.ofd.markup import Element, dump, make
from signing.ofd.package import write_package
from signing.ofd.page_markup import PageWriter, numbers
from signing.ofd.pdf_objects import MM, inherited, pages_of, resolved
from signing.ofd.pdf_pages import drawing_of
from signing.ofd.structure import PLACE_PREFIX, SealArea
from signing.sm3 import sm3

DOCUMENT: Final = "Doc_0"
SIGNATURES: Final = f"{DOCUMENT}/Signs/Signatures.xml"
CREATOR: Final = "Luochui"
MAX_FIELDS: Final = 64

Files = dict[str, bytes]


@dataclass(slots=True)
class _Numbers:
    """Identifiers of one document: each is given once."""

    given: Any = field(default_factory=lambda: count(1))
    last: int = 0

    def __call__(self) -> int:
        self.last = next(self.given)
        return self.last


def ofd_from_pdf(pdf: bytes, *, title: str, created: date) -> bytes:
    """The package. Raises CannotConvert for what has no counterpart, TooLarge when it becomes too large."""
    identity = sm3(pdf)[:16].hex()
    return write_package(
        files_of(drawing_of(pdf), areas_of(pdf), title=title, created=created, identity=identity)
    )


def files_of(
    drawing: Drawing,
    areas: tuple[SealArea, ...],
    *,
    title: str,
    identity: str,
    created: date | None = None,
    to_be_sealed: bool = True,
) -> Files:
    """The files of a package with this drawing. One that is not to be sealed has no list of signatures."""
    next_id = _Numbers()
    files: Files = {}
    fonts = {key: next_id() for key in drawing.fonts}
    images = {key: next_id() for key in drawing.images}
    public = _fonts(drawing, fonts, files)
    own = _images(drawing, images, files)
    characters = {key: characters_of(font.program) for key, font in drawing.fonts.items()}
    writer = PageWriter(next_id, fonts, characters, images)
    pages = make("Pages")
    for index, page in enumerate(drawing.pages):
        place = f"Pages/Page_{index}/Content.xml"
        pages.append(make("Page", {"ID": next_id(), "BaseLoc": place}))
        files[f"{DOCUMENT}/{place}"] = dump(writer.page(page))
    files[f"{DOCUMENT}/PublicRes.xml"] = dump(public)
    files[f"{DOCUMENT}/DocumentRes.xml"] = dump(own)
    files[f"{DOCUMENT}/Document.xml"] = dump(_document(drawing, pages, next_id.last))
    signatures = [make("Signatures", None, SIGNATURES)] if to_be_sealed else []
    files["OFD.xml"] = dump(_entry(areas, title, created, identity, signatures))
    if to_be_sealed:
        files[SIGNATURES] = dump(make("Signatures"))
    return files


def _entry(
    areas: tuple[SealArea, ...], title: str, created: date | None, identity: str, signatures: list[Element]
) -> Element:
    day = created.date() if isinstance(created, datetime) else created
    places = [make("CustomData", {"Name": PLACE_PREFIX + area.name}, _place(area)) for area in areas]
    info = make(
        "DocInfo",
        None,
        make("DocID", None, identity),
        make("Title", None, title),
        *([make("CreationDate", None, day.isoformat())] if day else []),
        make("Creator", None, CREATOR),
        *([make("CustomDatas", None, *places)] if places else []),
    )
    root = make("DocRoot", None, f"{DOCUMENT}/Document.xml")
    body = make("DocBody", None, info, root, *signatures)
    return make("OFD", {"Version": "1.0", "DocType": "OFD"}, body)


def _place(area: SealArea) -> str:
    straddle = () if area.straddle_y is None else (area.straddle_y,)
    return f"{area.page} {numbers((*area.box, *straddle))}"


def _document(drawing: Drawing, pages: Element, last_id: int) -> Element:
    first = drawing.pages[0]
    area = make("PhysicalBox", None, numbers((0, 0, first.width, first.height)))
    common = make(
        "CommonData",
        None,
        make("MaxUnitID", None, str(last_id)),
        make("PageArea", None, area),
        make("PublicRes", None, "PublicRes.xml"),
        make("DocumentRes", None, "DocumentRes.xml"),
    )
    return make("Document", None, common, pages)


def _fonts(drawing: Drawing, ids: Mapping[str, int], files: Files) -> Element:
    listed = make("Fonts")
    for key, font in drawing.fonts.items():
        file = f"font_{ids[key]}.otf"
        files[f"{DOCUMENT}/Res/{file}"] = font.program
        attributes = {"ID": ids[key], "FontName": font.name, "FamilyName": font.name.partition("-")[0]}
        listed.append(make("Font", attributes, make("FontFile", None, file)))
    return make("Res", {"BaseLoc": "Res"}, *([listed] if len(listed) else []))


def _images(drawing: Drawing, ids: Mapping[str, int], files: Files) -> Element:
    listed = make("MultiMedias")
    for key, data in drawing.images.items():
        kind = "PNG" if data.startswith(b"\x89PNG") else "JPEG"
        file = f"image_{ids[key]}.{kind.lower()}"
        files[f"{DOCUMENT}/Res/{file}"] = data
        attributes = {"ID": ids[key], "Type": "Image", "Format": kind}
        listed.append(make("MultiMedia", attributes, make("MediaFile", None, file)))
    return make("Res", {"BaseLoc": "Res"}, *([listed] if len(listed) else []))


def areas_of(pdf: bytes) -> tuple[SealArea, ...]:
    """The signature fields of a PDF that have one place each. Raises CannotConvert."""
    try:
        reader = PdfFileReader(BytesIO(pdf), strict=True)
        if "/AcroForm" not in reader.root:
            return ()
        fields = [resolved(each) for each in reader.root["/AcroForm"]["/Fields"]]
        if len(fields) > MAX_FIELDS:
            raise CannotConvert(f"more than {MAX_FIELDS} fields")
        pages = pages_of(reader)
        found = [_area(each, pages) for each in fields if _is_seal_area(each)]
    except (PdfReadError, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise CannotConvert(f"the fields of the PDF cannot be read: {error}") from error
    return tuple(sorted(found, key=lambda area: area.name))


def _is_seal_area(field: Any) -> bool:
    return field.get("/FT") == "/Sig" and ("/Rect" in field or "/Kids" in field)


def _area(field: Any, pages: list[Any]) -> SealArea:
    """Of several widgets the first is the place; the others are slices of a straddle seal."""
    widgets = [field] if "/Rect" in field else [resolved(kid) for kid in field["/Kids"]]
    page, box = _widget(widgets[0], pages)
    straddle = None
    if len(widgets) > 1:
        _, slice_ = _widget(widgets[1], pages)
        straddle = slice_.y + slice_.height / 2
    return SealArea(str(field["/T"]), page, box, straddle)


def _widget(widget: Any, pages: list[Any]) -> tuple[int, Box]:
    place = widget.raw_get("/P")
    index = next(number for number, page in enumerate(pages) if page.container_ref == place.reference)
    left, _bottom, _right, top = (float(side) for side in inherited(pages[index], "/MediaBox"))
    x1, y1, x2, y2 = (float(side) for side in widget["/Rect"])
    box = Box((min(x1, x2) - left) * MM, (top - max(y1, y2)) * MM, abs(x2 - x1) * MM, abs(y2 - y1) * MM)
    return index, box
