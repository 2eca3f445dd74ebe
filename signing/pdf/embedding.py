"""The hole in a prepared PDF file: found, proven to be the only thing that is not signed, and filled.

Whoever signs a prepared file from elsewhere relies on `hole`. It takes one form only, the one that
`preparing` writes, byte by byte: a signature dictionary with nothing in it, in the last revision, whose
ByteRange leaves out its own /Contents string and nothing else. Nor does it take what shows one thing to the
signer and another to the next reader: scripts, hidden layers, notes that are only printed.
"""

import re
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.sign.fields import enumerate_sig_fields

from signing.documents import DocumentError, DocumentKind, Fault, Hole, kind_of
from signing.pdf.opening import Refused
from signing.pdf.update import is_empty, read, reading
from signing.pdf.walking import active_content
from signing.seal_signature import MAX_SIGNATURE, SealSignature
from signing.sm3 import sm3

SMALLEST: Final = 2 << 10
"""Bytes: a sealing with the smallest seal takes more."""

_DICTIONARY: Final = re.compile(
    rb"(?P<number>[1-9][0-9]{0,8}) 0 obj\n<<\n"
    rb"/Contents <(?P<zeros>0+)>\n"
    rb"/ByteRange \[0 (?P<first>[1-9][0-9]*) (?P<second>[1-9][0-9]*) (?P<length>[1-9][0-9]*)\] *\n"
    rb"/Type /Sig\n"
    rb"/Filter /[A-Za-z0-9.]{1,40}\n"
    rb"/SubFilter /[A-Za-z0-9.]{1,40}\n"
    rb"/M \(D\\07220[0-9]{12}Z\)\n"
    rb"/Name <feff[0-9a-f]{0,2048}>\n"
    rb">>\nendobj\n"
)
_LONG_STRING: Final = re.compile(rb"/Contents[\s]*<[0-9A-Fa-f]{512,}>")
_ZEROS: Final = b"0" * 1_023 + b" "
_ANY_EMPTY: Final = re.compile(rb"/Contents[\s]*<[\s0]*>")


def hole(prepared: bytes) -> Hole:
    """See `signing.documents.hole`."""
    found = only_hole(prepared)
    _check_shown(prepared)
    return found


def only_hole(prepared: bytes) -> Hole:
    """The same without a look at what else the file holds."""
    if kind_of(prepared) is not DocumentKind.PDF:
        raise DocumentError("not a PDF file", Fault.UNKNOWN_KIND)
    found = _only_dictionary(prepared)
    start, end = found.start("zeros") - 1, found.end("zeros") + 1
    _check_range(found, start, end, len(prepared))
    name = _check_structure(prepared, found)
    signed = prepared[:start] + prepared[end:]
    covers = f"ByteRange 0 {start} {end} {len(prepared) - end}"
    return Hole(DocumentKind.PDF, sm3(signed), covers, signed, (end - start - 2) // 2, name)


def fill(prepared: bytes, sealing: SealSignature) -> bytes:
    """See `signing.documents.fill`."""
    found = only_hole(prepared)
    if sealing.digest != found.digest or sealing.covers != found.covers:
        raise DocumentError("the sealing is about another document", Fault.OTHER_CONTENT)
    if len(sealing.der) > found.capacity:
        size = f"{len(sealing.der)} bytes, and there is room for {found.capacity}"
        raise DocumentError(f"the sealing has {size}", Fault.DOES_NOT_FIT)
    start = int(found.covers.split()[2])
    contents = sealing.der.hex().upper().encode().ljust(2 * found.capacity, b"0")
    return b"".join((prepared[: start + 1], contents, prepared[start + 1 + len(contents) :]))


def _only_dictionary(prepared: bytes) -> re.Match[bytes]:
    empty = len(_ANY_EMPTY.findall(prepared))
    found = list(_DICTIONARY.finditer(prepared))
    if not found:
        raise DocumentError("the document has no hole for a sealing", Fault.NO_HOLE)
    if len(found) > 1 or empty > 1:
        raise DocumentError("the document has more than one hole", Fault.SEVERAL_HOLES)
    capacity, odd = divmod(len(found[0]["zeros"]), 2)
    if odd or not SMALLEST <= capacity <= MAX_SIGNATURE:
        raise DocumentError("the hole has an impossible size", Fault.NO_HOLE)
    return found[0]


def _check_range(found: re.Match[bytes], start: int, end: int, size: int) -> None:
    first, second, length = (int(found[group]) for group in ("first", "second", "length"))
    if (first, second, length) != (start, end, size - end):
        raise DocumentError("the signed part leaves out more than the hole", Fault.LEAVES_OUT_MORE)


def _check_structure(prepared: bytes, found: re.Match[bytes]) -> str:
    """The name of the one field whose value this dictionary is, in the file's last revision."""
    reader = read(prepared)
    with reading():
        values = [(title, value) for title, value, _field in enumerate_sig_fields(reader, filled_status=True)]
        open_places = [(title, value) for title, value in values if is_empty(reader, prepared, value)]
        if len(open_places) != 1:
            fault = Fault.SEVERAL_HOLES if open_places else Fault.NO_HOLE
            raise DocumentError(f"{len(open_places)} fields wait for a sealing; one has to", fault)
        title, reference = open_places[0]
        _check_reference(reader, reference, found)
        _check_end(prepared, found)
    return str(title)


def _check_shown(prepared: bytes) -> None:
    """What the signer sees is what everybody sees. The long strings of seals are not parsed for that."""
    light = _LONG_STRING.sub(_as_zeros, prepared)
    try:
        active, _strays = active_content(read(light), set())
    except Refused as refused:
        raise DocumentError(str(refused)) from refused
    if active:
        raise DocumentError(str(active[0]))


def _as_zeros(long: re.Match[bytes]) -> bytes:
    """As long, and read much faster: the parser takes strings, and blanks, bytewise, numbers in pieces."""
    head = b"/Contents["
    count = len(long.group()) - len(head) - 1
    return head + (_ZEROS * (count // len(_ZEROS) + 1))[:count] + b"]"


def _check_reference(reader: Any, reference: Any, found: re.Match[bytes]) -> None:
    """The field's value is the dictionary that was found, and it is new in the last revision."""
    if not isinstance(reference, generic.IndirectObject):
        raise DocumentError("a signature that stands in its field", Fault.NO_HOLE)
    where = reference.reference
    sections = reader.xrefs
    last = sections.total_revisions - 1
    if (
        reference.idnum != int(found["number"])
        or reference.generation != 0
        or sections[where] != found.start()
        or sections.get_introducing_revision(where) != last
    ):
        raise DocumentError("the hole is not the value of its field", Fault.LEAVES_OUT_MORE)


def _check_end(prepared: bytes, found: re.Match[bytes]) -> None:
    """One revision's end after the hole, and nothing after that."""
    rest = prepared[found.end() :]
    if rest.count(b"%%EOF") != 1 or not re.search(rb"\nstartxref\n[0-9]+\n%%EOF\n\Z", rest):
        raise DocumentError("something follows the end of the document", Fault.LEAVES_OUT_MORE)
