"""Really sealed PDF files for the tests, and the tools to tamper with them: increments of every kind."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from io import BytesIO
from typing import Any

import typst
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.document_findings import ChangedAfter
from signing.documents import At, Named, Place, Straddle, fill, hole, prepare, seal_document
from signing.findings import Finding, Verdict
from signing.found import ChangeKind
from signing.ofd.picture import packaged
from signing.pdf.embedding import only_hole
from signing.pdf.places import PlaceToMake, with_places
from signing.seal import Picture, Seal
from signing.seal_picture import name_chop, official_seal
from signing.seal_signature import sign_with_seal
from signing.verification import Report, verify
from tests.sealkit import NOW, SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY, sealed, trust

PICTURE = packaged(official_seal("甲方示例单位", number="4301000000001"), 42, 42, title="甲方示例单位")
OTHER_PICTURE = Picture("svg", official_seal("乙方示例单位", number="4301000000002"), 42, 42)
SEAL = sealed(picture=PICTURE)
OTHER_SEAL = sealed(picture=OTHER_PICTURE, seal_id="43010000000002")
CHOP = sealed(picture=Picture("svg", name_chop("测试一"), 25, 10), seal_id="43010000000003")


@cache
def plain(pages: int = 3) -> bytes:
    """A document without places."""
    source = "#pagebreak()\n".join(f"Contract, page {page + 1}: 100 yuan.\n" for page in range(pages))
    made = typst.compile(source.encode(), format="pdf", timestamp=0)
    assert isinstance(made, bytes)
    return made


@cache
def document() -> bytes:
    """With the places of two parties, the first also over the edges of all pages."""
    places = [
        PlaceToMake("transferee", At(0, 60, 200), straddle=Straddle(100)),
        PlaceToMake("transferor", At(0, 140, 200)),
        PlaceToMake("platform", At(1, 140, 200)),
    ]
    return with_places(plain(), places)


def seal(data: bytes, *places: Place, by: Seal = SEAL) -> bytes:
    """Sealed by the subscriber."""
    return seal_document(data, by, SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY, places, at=NOW)


def seal_anyway(data: bytes, *places: Place, by: Seal = SEAL) -> bytes:
    """As software would that does not look at what it seals."""
    prepared = prepare(data, by, places, at=NOW)
    found = only_hole(prepared)
    key, certificate = SUBSCRIBER_KEY, SUBSCRIBER_CERTIFICATE
    return fill(prepared, sign_with_seal(by, found.digest, certificate, key, at=NOW, covers=found.covers))


@cache
def one() -> bytes:
    """Sealed by one party."""
    return seal(document(), Named("transferor"))


@cache
def two() -> bytes:
    """Sealed by two."""
    return seal(one(), Named("platform"))


@cache
def straddled() -> bytes:
    """Sealed at the place and over the edges."""
    return seal(document(), Named("transferee"), Straddle())


def shown_as(other: Seal, data: bytes, *places: Place, by: Seal = SEAL) -> bytes:
    """Sealed with a seal while another seal's picture is shown."""
    prepared = prepare(data, other, places, at=NOW)
    found = hole(prepared)
    sealing = sign_with_seal(
        by, found.digest, SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY, at=NOW, covers=found.covers
    )
    return fill(prepared, sealing)


def updated(data: bytes, change: Callable[[Any], None]) -> bytes:
    """One more revision by pyHanko's writer, after `change(writer)`."""
    writer = IncrementalPdfFileWriter(BytesIO(data), strict=False)
    change(writer)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def field_of(writer: Any, name: str) -> Any:
    """The field of this name."""
    fields = [field.get_object() for field in writer.root["/AcroForm"]["/Fields"]]
    return next(field for field in fields if field["/T"] == name)


def mark(writer: Any, value: Any) -> None:
    """To be written again."""
    writer.mark_update(value.container_ref)


def named(text: str) -> Any:
    return generic.NameObject(text)


def size_of(data: bytes) -> int:
    """One more than the highest number of an object."""
    return int(PdfFileReader(BytesIO(data), strict=False).trailer["/Size"])


def start_of_index(data: bytes) -> int:
    """Where the newest index begins."""
    return int(re.findall(rb"startxref\s+(\d+)", data)[-1])


def increment(
    data: bytes,
    objects: Mapping[int, bytes],
    *,
    before_index: bytes = b"",
    listed: Mapping[int, int] | None = None,
    prev: int | None = None,
    trailer: bytes = b"",
    end: bytes | None = None,
) -> bytes:
    """An increment written by hand. `listed` gives places of objects that the index lists besides."""
    reader = PdfFileReader(BytesIO(data), strict=False)
    root = reader.trailer.raw_get("/Root")
    out, places = bytearray(data), dict(listed or {})
    if not out.endswith(b"\n"):
        out += b"\n"
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    out += before_index
    begins = len(out)
    out += b"xref\n"
    for number in sorted(places):
        out += b"%d 1\n%010d 00000 n \n" % (number, places[number])
    size = max([size_of(data), *(number + 1 for number in places)])
    out += b"trailer\n<< /Size %d /Root %d 0 R /Prev %d %s>>\n" % (
        size,
        root.idnum,
        start_of_index(data) if prev is None else prev,
        trailer,
    )
    out += end if end is not None else b"startxref\n%d\n%%%%EOF\n" % begins
    return bytes(out)


RANGE = re.compile(rb"/ByteRange \[0 (\d+) (\d+) (\d+)\]( *)")


def with_range(data: bytes, text: bytes) -> bytes:
    """The last ByteRange replaced by this text, of the same length in all."""
    found = list(RANGE.finditer(data))[-1]
    written = b"/ByteRange " + text
    assert len(written) <= len(found.group())
    return data[: found.start()] + written.ljust(len(found.group())) + data[found.end() :]


def range_of(data: bytes) -> tuple[int, int, int]:
    """The last ByteRange without its first number."""
    found = list(RANGE.finditer(data))[-1]
    first, second, length = (int(found.group(index)) for index in (1, 2, 3))
    return first, second, length


def as_object(value: Any) -> Any:
    if isinstance(value, dict):
        return generic.DictionaryObject({named(key): as_object(each) for key, each in value.items()})
    if isinstance(value, list):
        return generic.ArrayObject(map(as_object, value))
    return named(value) if value.startswith("/") else generic.TextStringObject(value.strip("()"))


# ── what a check of it says ──


def checked(data: bytes) -> Report:
    return verify(data, trust(), now=NOW)


def kinds(report: Report) -> set[type[Finding]]:
    return {type(finding) for finding in report.findings}


def assert_caught(data: bytes, *expected: type[Finding]) -> Report:
    report = checked(data)
    assert report.verdict is Verdict.INVALID, [str(finding) for finding in report.findings]
    assert kinds(report) & set(expected), [str(finding) for finding in report.findings]
    return report


def changes_of(report: Report) -> set[ChangeKind]:
    return {finding.kind for finding in report.findings if isinstance(finding, ChangedAfter)}
