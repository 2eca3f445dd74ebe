"""What in a document acts by itself, leads elsewhere, or is another file: it is not taken. Pure.

Conservative on purpose: a form with scripts has no place among the papers of a public platform.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final

LARGEST_DIRECTORY: Final = 1 << 20
"""Bytes of a package's directory: some ten thousand parts."""
MOST_UNFOLDED: Final = 32 << 20
LARGEST_RELATIONS: Final = 1 << 20
_END: Final = b"PK\x05\x06"
_END_64: Final = b"PK\x06\x07"
_PDF_ACTS: Final = re.compile(
    rb"/(?:JavaScript|JS|Launch|EmbeddedFiles?|FileAttachment|XFA|RichMedia|Movie|Sound|ImportData|SubmitForm)"
    rb"(?![A-Za-z0-9])"
)
_ESCAPED: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM: Final = re.compile(rb"stream\r?\n")
_GAP: Final = rb"(?:[\s\0]|%[^\r\n]*[\r\n])"
"""What may stand between two words: white space, as PDF has it, and comments."""
_PACKED_OBJECTS: Final = re.compile(
    rb"/Type%(gap)s*/ObjStm|/Type%(gap)s+\d+%(gap)s+\d+%(gap)s+R\b" % {b"gap": _GAP}
)
"""A type that stands elsewhere may be one: it is looked at as one."""
_FILTER: Final = re.compile(rb"/Filter(?!\s*/Adobe\.)(?![A-Za-z0-9])")
_ONE_FLATE: Final = re.compile(rb"/Filter\s*(?:/FlateDecode|\[\s*/FlateDecode\s*\])(?=\s*(?:/|>>))")
_PARTS: Final = frozenset(
    {
        *("xml", "rels", "vml", "png", "jpg", "jpeg", "gif", "bmp", "tif", "tiff", "emf", "wmf", "wdp"),
        *("fntdata", "odttf", "psmdcp", "thmx", "svg"),
    }
)
_PROGRAMS: Final = (
    "vbaproject",
    "activex",
    "embeddings/",
    "oleobject",
    "macrosheets/",
    "afchunk",
    "customui",
)
_LEADS_AWAY: Final = re.compile(
    rb"<Relationship\b(?=[^>]*/(?:attachedTemplate|oleObject|frame|aFChunk|subDocument|externalLinkPath)[\"'])"
    rb"(?=[^>]*Target=[\"'](?:https?:|ftp:|\\\\|file:/{4,}|file:\\\\))",
    re.IGNORECASE,
)


class _Hidden(Exception):
    """Objects that can't be looked at: packed in an unusual way, or too many."""


def pdf_acts(content: bytes) -> bool:
    """Whether a PDF has scripts, launches programs, carries files, or is a package as well; also when it
    hides its objects, since nobody can say then."""
    if zipfile.is_zipfile(io.BytesIO(content)):
        return True
    try:
        return any(_PDF_ACTS.search(_plain(each)) for each in _objects(content))
    except _Hidden:
        return True


def _plain(objects: bytes) -> bytes:
    """Names as they are read: /J#61vaScript is /JavaScript."""
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), objects)


def _objects(content: bytes) -> Iterator[bytes]:
    """What lies outside of streams, and streams of objects, unfolded within a bound."""
    at, left = 0, MOST_UNFOLDED
    while (found := _STREAM.search(content, at)) is not None:
        head = content[at : found.start()]
        yield head
        end = content.find(b"endstream", found.end())
        end = len(content) if end < 0 else end
        plain = _plain(head)
        if _PACKED_OBJECTS.search(plain):
            unfolded = _unfolded(plain, content[found.end() : end], left)
            left -= len(unfolded)
            yield unfolded
        at = end + len(b"endstream")
    yield content[at:]


def _unfolded(head: bytes, data: bytes, most: int) -> bytes:
    """As programs write them: deflated once, or not at all. Raises _Hidden."""
    filters = len(_FILTER.findall(head))
    if not filters:
        return data
    if filters != len(_ONE_FLATE.findall(head)) or b"/DecodeParms" in head or most < 1:
        raise _Hidden
    unfolding = zlib.decompressobj()
    try:
        unfolded = unfolding.decompress(data, most)
    except zlib.error as fault:
        raise _Hidden from fault
    if unfolding.unconsumed_tail:
        raise _Hidden
    return unfolded


def package_is_plain(content: bytes) -> bool:
    """Whether a package is nothing but one: it begins and ends the file, and its directory is bounded."""
    end = content.rfind(_END)
    if not content.startswith(b"PK\x03\x04") or end < 0 or len(content) != end + 22:
        return False
    if content[max(0, end - 20) :].startswith(_END_64):
        return False
    return int.from_bytes(content[end + 12 : end + 16], "little") <= LARGEST_DIRECTORY


def office_acts(package: zipfile.ZipFile) -> bool:
    """Whether a Word or Excel file has programs or files inside, or fetches something when it is opened."""
    for part in package.infolist():
        name = part.filename.lower()
        if any(mark in name for mark in _PROGRAMS) or not _is_usual(name):
            return True
        if name.endswith(".rels") and _LEADS_AWAY.search(_read(package, part)):
            return True
    return b"macroenabled" in _read(package, package.getinfo("[Content_Types].xml")).lower()


def _is_usual(name: str) -> bool:
    printer = "printersettings" in name and name.endswith(".bin")
    return name.endswith("/") or printer or name.rpartition(".")[2] in _PARTS


def _read(package: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    with package.open(part) as opened:
        return opened.read(LARGEST_RELATIONS)
