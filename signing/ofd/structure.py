"""How a package hangs together: the document, its pages with their sizes, its list of signatures, its places.

    structure = read_structure(read_package(data))

One document in one version is taken: with several, programs differ in what they show.
"""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Final

from signing.ofd.errors import BadStructure, TooLarge
from signing.ofd.marks import Box
from signing.ofd.markup import Element, attribute, children, only, optional, parse, text

ENTRY: Final = "OFD.xml"
MAX_PAGES: Final = 500
MAX_ELEMENTS: Final = 500_000
"""On all pages together."""
MAX_AREAS: Final = 64
MAX_SIDE_MM: Final = 2000.0
MAX_NUMBERS: Final = 200_000
"""Characters in one list of numbers."""
PLACE_PREFIX: Final = "SealPlace."
"""Begins the names of the custom data that say where a seal belongs: page from 0, a rectangle in mm, and the
height of the middle of a straddle seal where one goes with it."""

Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class SealArea:
    """A rectangle made for a seal, by its name. Pages count from 0."""

    name: str
    page: int
    box: Box
    straddle_y: float | None = None
    """The middle of the straddle seal that was foreseen with it, from the top of each page."""


@dataclass(frozen=True, slots=True)
class PageEntry:
    """One page: its identifier, its file, its size in millimetres."""

    number: int
    path: str
    width: float
    height: float

    @property
    def box(self) -> Box:
        """All of it."""
        return Box(0, 0, self.width, self.height)


@dataclass(frozen=True, slots=True)
class Structure:
    """What OFD.xml and the document's file say."""

    files: Files = field(repr=False)
    document: str
    signatures: str | None
    """The list of signatures, when the document has a place for one."""
    pages: tuple[PageEntry, ...]
    areas: Mapping[str, SealArea]
    resources: tuple[str, ...]

    def page_index(self, number: int) -> int | None:
        """Which page has this identifier."""
        return next((index for index, page in enumerate(self.pages) if page.number == number), None)


def read_structure(files: Files) -> Structure:
    """Raises BadStructure, BadMarkup or TooLarge."""
    entry = parse(file_of(files, ENTRY), ENTRY, "OFD")
    body = only(entry, "DocBody", ENTRY)
    if optional(body, "Versions", ENTRY) is not None:
        raise BadStructure("the document has several versions, and programs differ in which they show")
    document = resolve(text(only(body, "DocRoot", ENTRY), ENTRY), ENTRY)
    listed = optional(body, "Signatures", ENTRY)
    root = parse(file_of(files, document), document, "Document")
    common = only(root, "CommonData", document)
    pages = tuple(_pages(files, document, root, common))
    return Structure(
        files=files,
        document=document,
        signatures=None if listed is None else resolve(text(listed, ENTRY), ENTRY),
        pages=pages,
        areas={area.name: area for area in _areas(body, len(pages))},
        resources=tuple(
            resolve(text(child, document), document)
            for kind in ("PublicRes", "DocumentRes")
            for child in children(common, kind)
        ),
    )


def file_of(files: Files, path: str) -> bytes:
    """Raises BadStructure when it is not there."""
    if path not in files:
        raise BadStructure(f"{path} is missing")
    return files[path]


def resolve(location: str, base: str) -> str:
    """The name of a file in the package: from its top with a slash, else from the folder of the file `base`.

    Raises BadStructure for a location that leads out, or is written in a roundabout way.
    """
    parts = location.removeprefix("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise BadStructure(f"{base} names {location[:200]!r}, which is no plain place in the package")
    name = "/".join(parts)
    return name if location.startswith("/") else posixpath.join(posixpath.dirname(base), name)


def box_of(value: str, path: str) -> Box:
    """Four numbers. Raises BadStructure."""
    numbers = numbers_of(value, path)
    if len(numbers) != 4 or numbers[2] <= 0 or numbers[3] <= 0:
        raise BadStructure(f"{path}: {value[:100]!r} is no rectangle")
    return Box(*numbers)


def numbers_of(value: str, path: str) -> list[float]:
    """Numbers with white space between them. Raises BadStructure."""
    if len(value) > MAX_NUMBERS:
        raise BadStructure(f"{path}: numbers of {len(value)} characters")
    try:
        numbers = [float(part) for part in value.split()]
    except ValueError as error:
        raise BadStructure(f"{path}: {value[:100]!r} are no numbers") from error
    if not all(isfinite(number) and abs(number) < 1e6 for number in numbers):
        raise BadStructure(f"{path}: impossible numbers")
    return numbers


def identifier(element: Element, name: str, path: str) -> int:
    """An attribute of the type ST_ID or ST_RefID. Raises BadStructure."""
    value = attribute(element, name, path)
    if not (value.isascii() and value.isdigit() and len(value) <= 10):
        raise BadStructure(f"{path}: {value[:40]!r} is no identifier")
    return int(value)


def _pages(files: Files, document: str, root: Element, common: Element) -> Iterator[PageEntry]:
    default = _size(optional(common, "PageArea", document), document)
    listed = list(children(only(root, "Pages", document), "Page"))
    if not 0 < len(listed) <= MAX_PAGES:
        raise TooLarge(f"a document of {len(listed)} pages; 1 to {MAX_PAGES} are taken")
    seen: set[int | str] = set()
    elements = 0
    for each in listed:
        number, path = (
            identifier(each, "ID", document),
            resolve(attribute(each, "BaseLoc", document), document),
        )
        if number in seen or path in seen:
            raise BadStructure(f"{document} lists the page {number} twice")
        seen |= {number, path}
        elements += file_of(files, path).count(b"<")
        if elements > 2 * MAX_ELEMENTS:
            raise TooLarge(f"pages with more than {MAX_ELEMENTS} elements together")
        page = parse(file_of(files, path), path, "Page")
        size = _size(optional(page, "Area", path), path) or default
        if size is None:
            raise BadStructure(f"{path} has no size")
        yield PageEntry(number, path, *size)


def _size(area: Element | None, path: str) -> tuple[float, float] | None:
    if area is None:
        return None
    box = box_of(text(only(area, "PhysicalBox", path), path), path)
    if box.x or box.y or max(box.width, box.height) > MAX_SIDE_MM:
        raise BadStructure(f"{path}: a page that does not begin at 0 0, or of an impossible size")
    return box.width, box.height


def _areas(body: Element, pages: int) -> Iterator[SealArea]:
    info = optional(body, "DocInfo", ENTRY)
    datas = None if info is None else optional(info, "CustomDatas", ENTRY)
    named = [] if datas is None else list(children(datas, "CustomData"))
    places = [each for each in named if (each.get("Name") or "").startswith(PLACE_PREFIX)]
    if len(places) > MAX_AREAS:
        raise TooLarge(f"more than {MAX_AREAS} places for seals")
    for each in places:
        numbers = numbers_of(text(each, ENTRY), ENTRY)
        if len(numbers) not in (5, 6) or numbers[0] != int(numbers[0]) or not 0 <= numbers[0] < pages:
            raise BadStructure(f"{ENTRY}: a place for a seal that is on no page")
        page, x, y, width, height = numbers[:5]
        name = (each.get("Name") or "").removeprefix(PLACE_PREFIX)
        yield SealArea(name, int(page), Box(x, y, width, height), numbers[5] if len(numbers) == 6 else None)
