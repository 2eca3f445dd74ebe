"""The signature fields of a PDF, their widgets and the pages on which these lie."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.found import SealPlace
from signing.pdf.opening import parsing, strange

MAX_FIELDS: Final = 2_000
MAX_PAGES: Final = 3_000
MAX_DEPTH: Final = 16
MM_PER_POINT: Final = 25.4 / 72

_HIDDEN, _NO_VIEW = 1 << 1, 1 << 5

Number = tuple[int, int]
"""Number and generation of an object."""
Box = tuple[float, float, float, float]
"""Left, bottom, right, top."""


@dataclass(frozen=True, slots=True)
class Widget:
    """One place where a field is seen. `page` None: on no page."""

    number: Number | None
    value: Any
    page: int | None


@dataclass(frozen=True, slots=True)
class SignatureField:
    """One field of the kind Sig. `signature` is the raw /V: a reference, a value; None while it is empty."""

    name: str
    number: Number | None
    value: Any
    signature: Any
    widgets: tuple[Widget, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One page with what it inherits: its box, and its turn in degrees clockwise."""

    number: Number | None
    value: Any
    box: Box
    turn: int


def number_of(raw: Any) -> Number | None:
    """Number and generation where `raw` is a reference."""
    return (raw.idnum, raw.generation) if isinstance(raw, generic.IndirectObject) else None


def raw_get(value: Any, key: str) -> Any:
    """The entry as it stands there, unresolved; None where there is none."""
    return value.raw_get(key) if isinstance(value, generic.DictionaryObject) and key in value else None


def resolve(raw: Any) -> Any:
    """What a reference stands for; everything else is itself."""
    value: Any = raw
    return value.get_object() if isinstance(raw, generic.IndirectObject) else raw


def object_at(reader: Any, number: Number) -> Any:
    """The object of this number. Raises what the parser raises."""
    return reader.get_object(generic.Reference(*number, pdf=reader))


def items(raw: Any) -> list[Any]:
    """The raw entries of a list, or none."""
    value = resolve(raw)
    return [value.raw_get(i) for i in range(len(value))] if isinstance(value, generic.ArrayObject) else []


def pages(reader: PdfFileReader) -> tuple[Page, ...]:
    """All pages in their order. Raises Refused."""
    with parsing():
        return tuple(_pages(raw_get(reader.root, "/Pages"), None, 0, set(), 0))


def _pages(raw: Any, box: Box | None, turn: int, seen: set[Number], depth: int) -> Iterator[Page]:
    node, number = resolve(raw), number_of(raw)
    if not isinstance(node, generic.DictionaryObject) or number is None:
        raise strange("its pages are not a tree of objects")
    if number in seen or depth > MAX_DEPTH:
        raise strange("its pages stand in a ring, or too deep")
    seen.add(number)
    if len(seen) > 2 * MAX_PAGES:
        raise strange(f"it has more than {MAX_PAGES} pages")
    box = _box(node) or box
    turn = int(resolve(raw_get(node, "/Rotate")) or 0) % 360 if "/Rotate" in node else turn
    if "/Kids" in node:
        for kid in items(raw_get(node, "/Kids")):
            yield from _pages(kid, box, turn, seen, depth + 1)
    else:
        yield Page(number, node, box or (0.0, 0.0, 595.0, 842.0), turn)


def _box(node: Any) -> Box | None:
    for key in ("/CropBox", "/MediaBox"):
        if rectangle := rectangle_of(raw_get(node, key)):
            return rectangle
    return None


def rectangle_of(raw: Any) -> Box | None:
    """Left, bottom, right, top; None where it is none."""
    numbers = [resolve(each) for each in items(raw)]
    if len(numbers) != 4:
        return None
    try:
        a, b, c, d = (float(number) for number in numbers)
    except (TypeError, ValueError):
        return None
    return min(a, c), min(b, d), max(a, c), max(b, d)


def signature_fields(reader: PdfFileReader, shown: tuple[Page, ...]) -> tuple[SignatureField, ...]:
    """Every field of the kind Sig, in the order of the form. Raises Refused."""
    with parsing():
        form = resolve(raw_get(reader.root, "/AcroForm"))
        on_page = {
            number: index
            for index, page in enumerate(shown)
            for each in items(raw_get(page.value, "/Annots"))
            if (number := number_of(each))
        }
        found: list[SignatureField] = []
        seen: set[Number] = set()
        for raw in items(raw_get(form, "/Fields")):
            found += _fields(raw, "", None, seen, 0, on_page)
        return tuple(found)


def _fields(
    raw: Any, prefix: str, kind: Any, seen: set[Number], depth: int, on_page: dict[Number, int]
) -> Iterator[SignatureField]:
    node, number = resolve(raw), number_of(raw)
    if not isinstance(node, generic.DictionaryObject):
        return
    if depth > MAX_DEPTH or len(seen) > MAX_FIELDS or (number is not None and number in seen):
        raise strange("its form has a ring, or too many fields")
    if number is not None:
        seen.add(number)
    name = ".".join(part for part in (prefix, str(resolve(raw_get(node, "/T")) or "")) if part)
    kind = resolve(raw_get(node, "/FT")) or kind
    kids = items(raw_get(node, "/Kids"))
    if any("/T" in (resolve(kid) or ()) for kid in kids):
        for kid in kids:
            yield from _fields(kid, name, kind, seen, depth + 1, on_page)
    elif kind == "/Sig":
        places = kids or [raw]
        widgets = tuple(
            Widget(number_of(each), resolve(each), on_page.get(number_of(each) or (0, 0))) for each in places
        )
        yield SignatureField(name or "?", number, node, raw_get(node, "/V"), widgets)


def is_shown(widget: Widget) -> bool:
    """Whether somebody who opens the document sees it."""
    flags = resolve(raw_get(widget.value, "/F"))
    hidden = int(flags or 0) & (_HIDDEN | _NO_VIEW)
    box = rectangle_of(raw_get(widget.value, "/Rect"))
    if widget.page is None or hidden or box is None:
        return False
    return box[2] > box[0] and box[3] > box[1]


def place_of(widget: Widget, shown: tuple[Page, ...]) -> SealPlace:
    """Where a widget that `is_shown` lies, in millimetres from the top left of the page as it is shown."""
    box = rectangle_of(raw_get(widget.value, "/Rect"))
    if widget.page is None or box is None:
        raise AssertionError("a widget that is not shown has no place")
    page = shown[widget.page]
    left, bottom, right, top = page.box
    across, up = (box[0] - left, right - box[2]), (box[1] - bottom, top - box[3])
    x, y = {0: (across[0], up[1]), 90: (up[0], across[0]), 180: (across[1], up[0])}.get(
        page.turn, (up[1], across[1])
    )
    sides = box[2] - box[0], box[3] - box[1]
    width, height = sides if page.turn % 180 == 0 else (sides[1], sides[0])
    return SealPlace(widget.page, *(round(each * MM_PER_POINT, 2) for each in (x, y, width, height)))
