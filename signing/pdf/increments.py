"""What stands behind a signed part of a PDF, byte by byte: each increment is objects, their index, an end.

Nothing else may stand there, not even a comment. So no object hides that a program which repairs files would
find, and no index brings back an object that somebody had hidden in the signed part (shadow attacks).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.pdf.fields import Number, number_of, raw_get
from signing.pdf.opening import open_pdf, parsing, start_of_index, strange

MAX_INCREMENTS: Final = 64
MAX_OBJECTS: Final = 20_000

_WHITE: Final = re.compile(rb"[\x00\t\n\f\r ]*")
_OBJECT: Final = re.compile(rb"([1-9]\d{0,9}) (\d{1,5}) obj\b")
_TABLE: Final = re.compile(
    rb"xref[ ]?(?:\r\n|\r|\n)"
    rb"(?:\d{1,10} \d{1,10}[ ]?(?:\r\n|\r|\n)(?:\d{10} \d{5} [nf](?: \r| \n|\r\n))+)+trailer"
)
_END: Final = re.compile(rb"startxref(?:\r\n|\r|\n)(\d{1,10})(?:\r\n|\r|\n)%%EOF(?:\r\n|\r|\n)?")


@dataclass(frozen=True, slots=True)
class Increment:
    """One addition: `reader` sees the file up to its end; `changed` are the objects that it defines."""

    reader: PdfFileReader
    changed: frozenset[Number]
    trailer: Any
    index: Number | None
    """The index where it is an object itself."""
    end: int


@dataclass(frozen=True, slots=True)
class _Scanned:
    places: dict[Number, int]
    trailer: Any
    index: Number | None
    end: int


def increments(
    data: bytes, end_of_signed: int, whole: PdfFileReader, opened: Callable[[PdfFileReader], None]
) -> Iterator[Increment]:
    """The additions behind `end_of_signed`, in their order. Raises Refused when they are not clean.

    `opened` is told each reader before it is used.
    """
    begin = end_of_signed
    for _ in range(MAX_INCREMENTS):
        if _WHITE.fullmatch(data, begin):
            return
        with parsing():
            scanned = _scan(data, begin, whole)
        reader = open_pdf(data[: scanned.end])
        opened(reader)
        with parsing():
            _check_index(reader, scanned, start_of_index(data[:begin]))
            changed = _defined(reader)
        yield Increment(reader, changed, scanned.trailer, scanned.index, scanned.end)
        begin = scanned.end
    raise strange(f"more than {MAX_INCREMENTS} additions stand behind a seal")


def _scan(data: bytes, begin: int, whole: PdfFileReader) -> _Scanned:
    places: dict[Number, int] = {}
    last: tuple[Number, int, Any] | None = None
    place = _after_white(data, begin)
    while head := _OBJECT.match(data, place):
        number = int(head.group(1)), int(head.group(2))
        if number in places:
            raise strange("an addition behind a seal defines an object twice")
        if len(places) > MAX_OBJECTS:
            raise strange(f"an addition behind a seal has more than {MAX_OBJECTS} objects")
        value, end = _object(data, head.end(), generic.Reference(*number, pdf=whole))
        places[number], last = place, (number, place, value)
        place = _after_white(data, end)
    index, begins, trailer, place = _index(data, place, last, whole)
    end_mark = _END.match(data, place)
    if end_mark is None or int(end_mark.group(1)) != begins:
        raise strange("an addition behind a seal holds more than objects and their index")
    return _Scanned(places, trailer, index, end_mark.end())


def _object(data: bytes, place: int, reference: generic.Reference) -> tuple[Any, int]:
    """The object whose text begins there, and the place behind its `endobj`."""
    stream = BytesIO(data)
    stream.seek(_after_white(data, place))
    value = generic.read_object(stream, reference)
    if isinstance(value, generic.StreamObject):
        length = value.raw_get("/Length")
        if number_of(length) or int(length) != len(value.encoded_data):
            raise strange("an addition behind a seal has a stream of uncertain length")
    end = _after_white(data, stream.tell())
    if not data.startswith(b"endobj", end):
        raise strange("an addition behind a seal has an object without an end")
    return value, end + len(b"endobj")


def _index(
    data: bytes, place: int, last: tuple[Number, int, Any] | None, whole: PdfFileReader
) -> tuple[Number | None, int, Any, int]:
    """The index: its number where it is an object, where it begins, its trailer, the place behind it."""
    if table := _TABLE.match(data, place):
        stream = BytesIO(data)
        stream.seek(_after_white(data, table.end()))
        trailer = generic.DictionaryObject.read_from_stream(stream, generic.Reference(0, 0, whole))
        if isinstance(trailer, generic.StreamObject):
            raise strange("a trailer that is a stream")
        return None, place, trailer, _after_white(data, stream.tell())
    if last is not None and raw_get(last[2], "/Type") == "/XRef":
        return last[0], last[1], last[2], place
    raise strange("an addition behind a seal has no index, or holds more than objects")


def _check_index(reader: PdfFileReader, scanned: _Scanned, before: int) -> None:
    section = reader.xrefs.get_xref_data(reader.total_revisions - 1)
    listed = {(number, generation): place for number, (generation, place) in section.standard_xrefs.items()}
    index = {scanned.index: scanned.places[scanned.index]} if scanned.index else {}
    if listed | index != scanned.places:
        raise strange("an addition behind a seal has objects that are not in its index, or the other way")
    if section.freed:
        raise strange("an addition behind a seal takes objects away")
    if section.obj_streams_used:
        raise strange("an addition behind a seal has compressed objects, old or new")
    if raw_get(scanned.trailer, "/Prev") != before:
        raise strange("an addition behind a seal does not follow what is before it")


def _defined(reader: PdfFileReader) -> frozenset[Number]:
    found = reader.xrefs.explicit_refs_in_revision(reader.total_revisions - 1)
    return frozenset((reference.idnum, reference.generation) for reference in found)


def _after_white(data: bytes, place: int) -> int:
    found = _WHITE.match(data, place)
    return found.end() if found else place
