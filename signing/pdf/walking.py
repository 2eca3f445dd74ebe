"""All that a PDF leads to from its trailer: who refers to what, and what would act by itself."""

from collections.abc import Iterator
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.document_findings import ActiveContent, TooCostly
from signing.pdf.fields import Number, items, number_of, object_at, raw_get, resolve
from signing.pdf.opening import FILE, Refused, parsing

MAX_VALUES: Final = 3_000_000
"""Values that a walk looks at."""

_ACTIONS: Final = frozenset(
    {
        "/JavaScript",
        "/Launch",
        "/SubmitForm",
        "/ImportData",
        "/ResetForm",
        "/Hide",
        "/SetOCGState",
        "/Rendition",
        "/Movie",
        "/Sound",
        "/GoToE",
        "/GoToR",
        "/RichMediaExecute",
        "/Trans",
        "/GoTo3DView",
        "/GoToDp",
    }
)
_TRIGGERS: Final = {
    "/AA": "action on an event",
    "/JS": "JavaScript",
    "/XFA": "XFA form",
    "/EmbeddedFiles": "attachment",
    "/EF": "attachment",
    "/Collection": "attachment",
}
_MEDIA: Final = frozenset({"/RichMedia", "/3D", "/Movie", "/Screen", "/Sound", "/FileAttachment"})
_PRINTED: Final = 1 << 2
_NOT_SEEN: Final = 1 << 1 | 1 << 5 | 1 << 8
"""Hidden, not viewed, viewed only while the pointer is over it."""


def references(value: Any) -> list[Number]:
    """The objects that a value names itself, at any depth, without following them."""
    return [number for each in _inside(value) if (number := number_of(each))]


def missing(reader: PdfFileReader, number: Number) -> set[int]:
    """The objects that this one names and that are not there."""
    value = object_at(reader, number)
    return {each[0] for each in references(value) if not _is_there(reader, each)}


def all_missing(reader: PdfFileReader) -> set[int]:
    """The objects that anything names, from the trailer on, and that are not there. Raises Refused."""
    with parsing():
        return {number[0] for number, value in _walk(reader) if value is None}


def active_content(reader: PdfFileReader, known: set[Number]) -> tuple[tuple[ActiveContent, ...], int]:
    """What runs, opens, fetches or hides by itself, each kind once; and how many signatures no field shows.

    `known` are the signatures of fields. Raises Refused.
    """
    with parsing():
        kinds: set[str] = set()
        strays = 0
        for number, value in _walk(reader):
            kinds.update(kind for each in _inside(value) if (kind := _active(each)))
            strays += number not in known and _is_signature(value)
        opening = resolve(raw_get(reader.root, "/OpenAction"))
        if isinstance(opening, generic.DictionaryObject) and raw_get(opening, "/S") != "/GoTo":
            kinds.add("action on opening")
        return tuple(ActiveContent(FILE, kind) for kind in sorted(kinds)), strays


def _is_signature(value: Any) -> bool:
    return isinstance(value, generic.DictionaryObject) and "/ByteRange" in value and "/Contents" in value


def _active(value: Any) -> str:
    if not isinstance(value, generic.DictionaryObject):
        return ""
    action = resolve(raw_get(value, "/S"))
    if isinstance(action, generic.NameObject) and action in _ACTIONS:
        return str(action)[1:]
    for key, kind in _TRIGGERS.items():
        if key in value:
            return kind
    if isinstance(value, generic.StreamObject) and {"/F", "/Ref"} & set(value):
        return "content from outside"
    if isinstance(value, generic.StreamObject) and "/Alternates" in value:
        return "pictures that are exchanged for printing"
    if resolve(raw_get(value, "/Type")) == "/EmbeddedFile":
        return "attachment"
    return _layers(value) or _annotation(value) or _form(value)


def _layers(value: Any) -> str:
    """Layers that are not simply shown: one program leaves them out, another shows or prints them."""
    if {"/Event", "/OCGs"} <= set(value):
        return "layers that switch themselves"
    if {"/D", "/OCGs"} <= set(value):
        shown = resolve(raw_get(value, "/D"))
        if resolve(raw_get(shown, "/BaseState")) not in (None, "/ON") or items(raw_get(shown, "/OFF")):
            return "hidden layers"
    if {"/P", "/OCGs"} <= set(value) and resolve(raw_get(value, "/P")) in ("/AllOff", "/AnyOff"):
        return "hidden layers"
    return "hidden layers" if "/VE" in value else ""


def _annotation(value: Any) -> str:
    """Annotations that are seen on the screen and not on paper, or the other way."""
    kind = resolve(raw_get(value, "/Subtype"))
    if "/Rect" not in value or kind in (None, "/Popup"):
        return ""
    if kind in _MEDIA:
        return "media"
    flags = resolve(raw_get(value, "/F"))
    flags = int(flags) if isinstance(flags, generic.NumberObject) else 0
    if flags & _NOT_SEEN:
        return "hidden annotation"
    if "/R" in (resolve(raw_get(value, "/AP")) or ()):
        return "annotation that changes under the pointer"
    drawn = kind != "/Widget" and (kind != "/Link" or "/AP" in value)
    return "annotation that is not printed" if drawn and not flags & _PRINTED else ""


def _form(value: Any) -> str:
    """Fields whose looks each program makes anew from values that may say something else."""
    needed = resolve(raw_get(value, "/NeedAppearances"))
    if not isinstance(needed, generic.BooleanObject) or not needed:
        return ""
    fields = map(resolve, items(raw_get(value, "/Fields")))
    others = any(resolve(raw_get(field, "/FT")) != "/Sig" for field in fields)
    return "fields without looks of their own" if others else ""


def _walk(reader: PdfFileReader) -> Iterator[tuple[Number, Any]]:
    """Every object that the trailer leads to, once: its number and value; None where it is not there."""
    seen: set[Number] = set()
    pending = references(reader.trailer_view)
    left = MAX_VALUES
    yield (0, 0), reader.trailer_view
    while pending:
        number = pending.pop()
        if number in seen:
            continue
        seen.add(number)
        there = _is_there(reader, number)
        value = object_at(reader, number) if there else None
        yield number, value
        named = references(value)
        left -= len(named) + 1
        if left < 0:
            raise Refused(TooCostly(FILE, "objects"))
        pending += named


def _inside(value: Any) -> Iterator[Any]:
    """A value and all that stands in it."""
    pending = [value]
    while pending:
        each = pending.pop()
        yield each
        if isinstance(each, generic.DictionaryObject):
            pending += [each.raw_get(key) for key in each]
        elif isinstance(each, generic.ArrayObject):
            pending += [each.raw_get(index) for index in range(len(each))]


def _is_there(reader: PdfFileReader, number: Number) -> bool:
    try:
        return reader.xrefs[generic.Reference(*number, pdf=reader)] is not None
    except KeyError:
        return False
