"""What a signature in a PDF covers: everything up to the end of its revision, but the hole it stands in.

An honest ByteRange is `[0 a b c]`: from the first byte to the hole, and from behind the hole to the end of a
revision. The hole is the value of /Contents in the signature's own dictionary, from `<` to `>`, and nothing
else. Anything else is a forgery (signature wrapping, universal signature forgery): it is said which.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from signing import SigningError
from signing.pdf.opening import Refused, parsing

SMALLEST_HOLE: Final = 16
LONGEST_REST: Final = 16_384
"""Bytes of a signature dictionary before its Contents, and behind them."""

_HEAD: Final = re.compile(rb"(\d{1,10}) (\d{1,5}) obj\b[\x00\t\n\f\r ]*")
_CONTENTS: Final = re.compile(rb"/Contents[\x00\t\n\f\r ]*(<(?:[0-9A-F]*|[0-9a-f]*)>)")
"""Large letters or small ones: where both stand, somebody has changed some."""
_RANGE: Final = re.compile(rb"/ByteRange[\x00\t\n\f\r ]*\[")
_NUMBERS: Final = re.compile(rb"\d{1,10} \d{1,5}\Z")
_STAND_IN: Final = b"<00>"


class Forged(SigningError):
    """The range is not an honest one. Says why."""


@dataclass(frozen=True, slots=True)
class SignedRange:
    """Bytes `[0, hole_start)` and `[hole_end, end)` are covered; the hole includes its angle brackets."""

    hole_start: int
    hole_end: int
    end: int

    def signed(self, data: bytes) -> bytes:
        """What is covered, in one piece."""
        return data[: self.hole_start] + data[self.hole_end : self.end]

    def contents(self, data: bytes) -> bytes:
        """The bytes that the hole holds."""
        return bytes.fromhex(data[self.hole_start + 1 : self.hole_end - 1].decode("ascii"))

    def __str__(self) -> str:
        return f"0 {self.hole_start} {self.hole_end} {self.end - self.hole_end}"


def signed_range(data: bytes, reader: PdfFileReader, reference: Any) -> SignedRange:
    """The range of the signature dictionary at `reference`. Raises Forged."""
    if not isinstance(reference, generic.IndirectObject):
        raise Forged("the signature is not an object of its own")
    try:
        with parsing():
            found, hole = _dictionary(data, reader, reference.reference)
    except Refused as refused:
        raise Forged(f"its dictionary cannot be read ({refused.finding})") from refused
    ranged = _shape(_numbers(found), len(data))
    if hole is None or (ranged.hole_start, ranged.hole_end) != hole:
        raise Forged("what it leaves out is not its own Contents")
    if len(range(*hole)) % 2:
        raise Forged("what it leaves out is not made of whole bytes")
    return ranged


def without_holes(data: bytes, ranges: Iterable[SignedRange]) -> bytes:
    """The same file, of the same length, with nothing in its holes: much faster to read."""
    light = bytearray(data)
    for each in ranges:
        size = each.hole_end - each.hole_start
        light[each.hole_start : each.hole_end] = _STAND_IN.ljust(size)
    return bytes(light)


def remember(reader: Any, data: bytes, known: Iterable[Any]) -> None:
    """Give the reader these signature dictionaries, where it has them, without their long strings.

    Whoever asks it for one gets it at once; parsing the string of a seal takes longer than all the rest.
    """
    for reference in known:
        if not isinstance(reference, generic.IndirectObject):
            continue
        own = generic.Reference(reference.idnum, reference.generation, pdf=reader)
        with suppress(Forged, Refused, KeyError), parsing():
            found, hole = _dictionary(data, reader, own)
            if hole is not None:
                found.container_ref = own
                reader.cache_indirect_object(own.generation, own.idnum, found)


def _dictionary(
    data: bytes, reader: PdfFileReader, reference: generic.Reference
) -> tuple[Any, tuple[int, int] | None]:
    """The dictionary, and where the string stands that is its Contents; None when that is not clear.

    It is read with a short string instead of the long one: what then is its Contents was the long one.
    """
    place = reader.xrefs[reference]
    head = _HEAD.match(data, place) if isinstance(place, int) else None
    if head is None or (int(head.group(1)), int(head.group(2))) != (reference.idnum, reference.generation):
        raise Forged("the signature does not stand where the index says")
    begin = head.end()
    string = _CONTENTS.search(data, begin, begin + LONGEST_REST)
    if string is None:  # the search ended inside a long string: look for its beginning, then for its end
        string = _long_string(data, begin)
    hole = string.span(1) if string else None
    start, end = hole or (begin + LONGEST_REST, begin + LONGEST_REST)
    text = data[begin:start] + (_STAND_IN if hole else b"") + data[end : end + LONGEST_REST]
    found = generic.read_object(BytesIO(text), reference)
    if not isinstance(found, generic.DictionaryObject) or isinstance(found, generic.StreamObject):
        raise Forged("the signature is not a dictionary")
    stands_in = hole is not None and "/Contents" in found and found.raw_get("/Contents") == b"\x00"
    return found, hole if stands_in else None


def _long_string(data: bytes, begin: int) -> re.Match[bytes] | None:
    opening = data.find(b"/Contents", begin, begin + LONGEST_REST)
    return _CONTENTS.match(data, opening) if opening >= 0 else None


def _numbers(found: Any) -> list[int]:
    if "/ByteRange" not in found or "/Contents" not in found:
        raise Forged("it has no ByteRange or no Contents")
    value = found.raw_get("/ByteRange")
    if not isinstance(value, generic.ArrayObject):
        raise Forged("its ByteRange is not a list that stands in it")
    numbers = [value.raw_get(index) for index in range(len(value))]
    if len(numbers) != 4 or not all(isinstance(number, generic.NumberObject) for number in numbers):
        raise Forged("its ByteRange is not four numbers")
    return [int(number) for number in numbers]


def _shape(numbers: list[int], size: int) -> SignedRange:
    begin, first, second, length = numbers
    if min(numbers) < 0:
        raise Forged("its ByteRange has negative numbers")
    if begin != 0:
        raise Forged("its ByteRange does not begin at the first byte")
    if second < first + SMALLEST_HOLE:
        raise Forged("its two ranges overlap, or leave no place for a signature")
    if second + length > size:
        raise Forged("its ByteRange leads beyond the end of the file")
    return SignedRange(first, second, second + length)


def strays(data: bytes, reader: PdfFileReader, known: Iterable[Any]) -> int:
    """How many ranges stand in the file that belong to none of these signature dictionaries.

    For instance that of a seal in a revision which the newest index leaves out.
    """
    places = set()
    for reference in known:
        if isinstance(reference, generic.IndirectObject):
            with suppress(KeyError):
                places.add(reader.xrefs[reference.reference])
    return sum(1 for found in _RANGE.finditer(data) if _object_around(data, found.start()) not in places)


def _object_around(data: bytes, place: int) -> int:
    """Where the object begins in which this place lies; -1 where there is none."""
    word = data.rfind(b" obj", 0, place)
    head = _NUMBERS.search(data, max(0, word - 16), word) if word > 0 else None
    return head.start() if head else -1
