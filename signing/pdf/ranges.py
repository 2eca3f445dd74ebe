"""What a signature in a PDF covers: everything up to the end of its revision, but the hole it stands in.

An honest ByteRange is `[0 a b c]`: from the first byte to the hole, and from behind the hole to the end of a
revision. The hole is the value of /Contents in the signature's own dictionary, from `<` to `>`, and nothing
else. Anything else is a forgery (signature wrapping, universal signature forgery): it is said which.
"""

import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from signing import SigningError
from signing.pdf.fields import resolve
from signing.pdf.opening import parsing

SMALLEST_HOLE: Final = 16

_HEX = re.compile(rb"[0-9A-Fa-f]*")
_HEAD = re.compile(rb"(\d{1,10}) (\d{1,5}) obj\b")
_CONTENTS = re.compile(rb"/Contents[\x00\t\n\f\r ]*\Z")
_LONGEST_GAP: Final = 32


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
    """The range of the signature dictionary at `reference`. Raises Forged; Refused when it cannot be read."""
    if not isinstance(reference, generic.IndirectObject):
        raise Forged("the signature is not an object of its own")
    with parsing():
        found = resolve(reference)
        if not isinstance(found, generic.DictionaryObject) or isinstance(found, generic.StreamObject):
            raise Forged("the signature is not a dictionary")
        numbers = _numbers(found)
        start, end = _extent(data, reader, reference.reference)
    ranged = _shape(numbers, len(data))
    _check_hole(data, ranged, start, end)
    return ranged


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


def _extent(data: bytes, reader: PdfFileReader, reference: generic.Reference) -> tuple[int, int]:
    """Where the dictionary's own text begins and ends in the file."""
    place = reader.xrefs[reference]
    if not isinstance(place, int):
        raise Forged("the signature stands in a compressed part")
    head = _HEAD.match(data, place)
    if head is None or (int(head.group(1)), int(head.group(2))) != (reference.idnum, reference.generation):
        raise Forged("the signature does not stand where the index says")
    stream = BytesIO(data)
    stream.seek(head.end())
    _skip_white(stream)
    generic.read_object(stream, reference)
    return head.end(), stream.tell()


def _skip_white(stream: BytesIO) -> None:
    while (byte := stream.read(1)) and byte in b"\x00\t\n\f\r ":
        pass
    stream.seek(-1, 1)


def _check_hole(data: bytes, ranged: SignedRange, start: int, end: int) -> None:
    hole = data[ranged.hole_start : ranged.hole_end]
    if not start < ranged.hole_start < ranged.hole_end <= end:
        raise Forged("what it leaves out is not its own Contents")
    before = data[max(start, ranged.hole_start - _LONGEST_GAP) : ranged.hole_start]
    if not _CONTENTS.search(before):
        raise Forged("what it leaves out is not its own Contents")
    if hole[:1] != b"<" or hole[-1:] != b">" or len(hole) % 2 or not _HEX.fullmatch(hole, 1, len(hole) - 1):
        raise Forged("what it leaves out holds more than the digits of a signature")
