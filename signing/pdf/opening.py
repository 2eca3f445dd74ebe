"""A PDF opened strictly: what two programs could read differently is refused before anything is read from it.

pyHanko parses; what it forgives (a header further down, an index that is slightly elsewhere, bytes behind the
end) is not forgiven here, because viewers repair such files each in their own way.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.decode_limits import DecodeLimits, DocumentDecodeBudget, StreamDecodeLimits
from pyhanko.pdf_utils.misc import PdfDecodeLimitError
from pyhanko.pdf_utils.reader import PdfFileReader

from signing import SigningError
from signing.document_findings import Encrypted, StrangeFile, TooCostly, TooLarge, Unreadable
from signing.documents import MAX_DOCUMENT
from signing.findings import Finding

MAX_FILE: Final = MAX_DOCUMENT
MAX_STREAM: Final = 64 << 20
MAX_DECODED: Final = 128 << 20
MAX_SECTIONS: Final = 64
MAX_NUMBER: Final = 500_000
"""The highest number of an object."""

FILE: Final = "the file"

_HEADER = re.compile(rb"%PDF-[12]\.\d[\r\n]")
_END = re.compile(rb"startxref(?:\r\n|\r|\n)(\d{1,10})(?:\r\n|\r|\n)%%EOF(?:\r\n|\r|\n)?\Z")
_OBJECT = re.compile(rb"\d{1,10} \d{1,5} obj\b")
LONGEST_END: Final = 64


class Refused(SigningError):
    """The file is not read any further. Carries the finding that says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


def strange(problem: str) -> Refused:
    """Built in a way that programs read differently."""
    return Refused(StrangeFile(FILE, problem))


@contextmanager
def parsing(subject: str = FILE) -> Iterator[None]:
    """Whatever a hostile file makes the parser raise becomes one finding."""
    try:
        yield
    except (Refused, NameError):
        raise
    except PdfDecodeLimitError as error:
        raise Refused(TooCostly(subject, "decompression")) from error
    except MemoryError as error:
        raise Refused(TooCostly(subject, "memory")) from error
    except RecursionError as error:
        raise Refused(Unreadable(subject, "nested too deeply")) from error
    except Exception as error:  # a parser over hostile bytes may raise anything; none of it is a bug of ours
        raise Refused(Unreadable(subject, _short(error))) from error


def open_pdf(data: bytes) -> PdfFileReader:
    """A reader over `data`, taken as a whole file. Raises Refused."""
    if len(data) > MAX_FILE:
        raise Refused(TooLarge(FILE, len(data), MAX_FILE))
    _check_frame(data)
    limits = DecodeLimits(
        per_stream=StreamDecodeLimits(max_output_size=MAX_STREAM),
        document_budget=DocumentDecodeBudget(base_allowance=MAX_DECODED, max_ratio=0),
    )
    with parsing():
        reader = PdfFileReader(BytesIO(data), strict=True, decode_limits=limits)
        if "/Encrypt" in reader.trailer_view:
            raise Refused(Encrypted(FILE))
        if reader.xrefs.hybrid_xrefs_present:
            raise strange("it has two indexes for the same objects")
        if reader.total_revisions > MAX_SECTIONS:
            raise strange(f"it was added to more than {MAX_SECTIONS} times")
        if int(reader.trailer_view["/Size"]) > MAX_NUMBER:
            raise strange(f"it numbers more than {MAX_NUMBER} objects")
        if not isinstance(reader.root, generic.DictionaryObject):
            raise Refused(Unreadable(FILE, "it has no catalog"))
    return reader


def start_of_index(data: bytes) -> int:
    """Where the file says that its newest index begins. Raises Refused unless it ends there and like that."""
    end = _END.search(data, max(0, len(data) - LONGEST_END))
    if end is None:
        raise strange("it does not end with startxref and %%EOF, or something stands behind them")
    return int(end.group(1))


def _check_frame(data: bytes) -> None:
    if not _HEADER.match(data):
        raise strange("it does not begin with the header of a PDF")
    begins = start_of_index(data)
    if not (data.startswith(b"xref", begins) or _OBJECT.match(data, begins)):
        raise strange("startxref does not point at an index")


def plain(value: Any) -> Any:
    """A PDF value as nested tuples that can be compared between two readers; references by their numbers."""
    if isinstance(value, generic.IndirectObject):
        return "ref", value.idnum, value.generation
    if isinstance(value, generic.StreamObject):
        return "stream", _entries(value), bytes(value.encoded_data)
    if isinstance(value, generic.DictionaryObject):
        return "dict", _entries(value)
    if isinstance(value, generic.ArrayObject):
        return "array", tuple(plain(value.raw_get(index)) for index in range(len(value)))
    if isinstance(value, generic.NameObject):
        return "name", str(value)
    if isinstance(value, generic.TextStringObject):
        return "text", str(value)  # whoever writes it again may encode it in another way
    if isinstance(value, generic.ByteStringObject):
        return "bytes", bytes(value)
    if isinstance(value, generic.BooleanObject):
        return "bool", bool(value)
    return type(value).__name__, repr(value)


def _entries(value: Any) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted((str(key), plain(value.raw_get(key))) for key in value))


def _short(error: Exception) -> str:
    text = str(error).partition("\n")[0]
    clean = "".join(character for character in text if character.isprintable())
    return clean[:160] or type(error).__name__
