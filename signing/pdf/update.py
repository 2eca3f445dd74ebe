# mypy: disable-error-code="no-untyped-call"
"""Additions to a PDF file, the same for the same input: pyHanko's incremental writer without chance.

pyHanko writes a random file identifier and the time of the change; both would make a prepared document
another one each time.
"""

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.document_findings import Encrypted, TooCostly, TooLarge
from signing.documents import MAX_PAGES, DocumentError, Fault
from signing.pdf.opening import Refused, open_pdf
from signing.sm3 import sm3

name = generic.NameObject
number = generic.NumberObject

_BROKEN: Final = (
    PdfError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    NotImplementedError,
    RecursionError,
    OSError,
    zlib.error,
)
"""What pyHanko raises on broken files."""

_FAULTS: Final = {Encrypted: Fault.ENCRYPTED, TooLarge: Fault.TOO_LARGE, TooCostly: Fault.TOO_LARGE}
_OURS: Final = re.compile(rb"[0-9]+ 0 obj\n<<\n/Contents <(?P<contents>[0-9A-F]+)>\n/ByteRange ")


@contextmanager
def reading() -> Iterator[None]:
    """Around pyHanko's work on a file from outside: whatever it stumbles over is a DocumentError."""
    try:
        yield
    except _BROKEN as error:
        text = str(error)[:200] or type(error).__name__
        raise DocumentError(f"not a PDF file that can be read: {text}") from error


def read(data: bytes) -> PdfFileReader:
    """A reader, as strict as the one that verifies: what is sealed can be checked.

    Raises DocumentError for what is broken, encrypted, ambiguous, or has too many pages.
    """
    try:
        reader = open_pdf(data)
    except Refused as refused:
        fault = _FAULTS.get(type(refused.finding), Fault.UNREADABLE)
        raise DocumentError(str(refused), fault) from refused
    with reading():
        count = page_count(reader)
    if not 0 < count <= MAX_PAGES:
        raise DocumentError(f"{count} pages; 1 to {MAX_PAGES} are sealed", Fault.TOO_LARGE)
    return reader


def page_count(reader: PdfFileReader) -> int:
    """As the page tree says."""
    return int(reader.root["/Pages"]["/Count"])


def is_empty(reader: PdfFileReader, data: bytes, value: Any) -> bool:
    """Whether the signature dictionary that a field refers to has only zeros in /Contents.

    pyHanko takes a thousand times as long for a string in hexadecimal as for a pattern: ours is looked at
    where it stands. Raises DocumentError.
    """
    where = reader.xrefs[value.reference] if isinstance(value, generic.IndirectObject) else None
    ours = _OURS.match(data, where) if isinstance(where, int) else None
    if ours is not None:
        return not ours["contents"].strip(b"0")
    contents = value.get_object().raw_get("/Contents")
    if not isinstance(contents, generic.ByteStringObject | generic.TextStringObject):
        raise DocumentError("a signature whose contents are elsewhere", Fault.LEAVES_OUT_MORE)
    return not any(contents.original_bytes)


class Update(IncrementalPdfFileWriter):
    """One more revision of a file. Its identifier follows from the file and from `seed`."""

    def __init__(self, data: bytes, seed: bytes) -> None:
        super().__init__(BytesIO(data), prev=read(data))
        self._document_id = _identifiers(self.prev, sm3(sm3(data) + seed))

    def _update_meta(self) -> None:
        """Neither the time of the change nor the program goes into the metadata."""

    @property
    def pages(self) -> int:
        """How many."""
        return page_count(self.prev)

    def page(self, index: int) -> Any:
        """The reference of a page, from 0."""
        found, _resources = self.find_page_for_modification(index)
        return found

    def bytes(self) -> bytes:
        """The file with the addition."""
        out = BytesIO()
        self.write(out)
        return out.getvalue()


def _identifiers(reader: PdfFileReader, digest: bytes) -> generic.ArrayObject:
    with reading():
        first = reader.trailer["/ID"][0].original_bytes if "/ID" in reader.trailer else digest[16:]
    return generic.ArrayObject([generic.ByteStringObject(first), generic.ByteStringObject(digest[:16])])


def widgets_of(field: Any) -> list[Any]:
    """The references of a field's widgets: those in /Kids, or the field itself."""
    holder = field.get_object()
    return list(holder["/Kids"]) if "/Kids" in holder else [field]


def dictionary(**entries: Any) -> generic.DictionaryObject:
    """A dictionary with these keys: `dictionary(Type=name("/Annot"))`."""
    return generic.DictionaryObject({name(f"/{key}"): value for key, value in entries.items()})


def numbers(*values: float) -> generic.ArrayObject:
    """An array of numbers, to a thousandth of a point."""
    return generic.ArrayObject([generic.FloatObject(f"{value:.3f}") for value in values])


def text(value: str) -> generic.ByteStringObject:
    """A text in UTF-16, written in hexadecimal: nothing in it can be taken for syntax."""
    return generic.ByteStringObject(b"\xfe\xff" + value.encode("utf-16-be"))
