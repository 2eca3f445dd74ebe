"""Signatures in a PDF that state, or cover, another range than that of their document (USF, SWA)."""

from typing import Any

import pytest
from pyhanko.pdf_utils import generic

from signing.document_findings import (
    ChangedAfter,
    ForgedRange,
    OtherCoverage,
    SharedRange,
    StrangeFile,
    UnreadableSeal,
)
from signing.documents import Named, hole, prepare
from signing.findings import Verdict
from signing.seal_signature import sign_with_seal
from signing.sm3 import sm3
from signing.verification import SealedDocument
from tests.pdfkit import (
    SEAL,
    assert_caught,
    checked,
    document,
    field_of,
    kinds,
    mark,
    named,
    one,
    range_of,
    size_of,
    two,
    updated,
    with_range,
)
from tests.sealkit import NOW, SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY

# --- forged ranges (USF, SWA) ---


@pytest.mark.parametrize(
    "text",
    [
        b"[1 {a} {b} {c}]",
        b"[0 {a} {a} {c}]",
        b"[0 {b} {a} {c}]",
        b"[0 {a} {b} 99999999]",
        b"[0 {a} {b} -1]",
        b"[0 -5 {b} {c}]",
        b"[0 {a} {b}]",
        b"[0 {a} {b} {c} 0 1]",
        b"[0 {a} {b} 10]",
        b"[0 {less} {b} {c}]",
        b"[0 {a} {more} {less_c}]",
        b"[]",
        b"null",
        b"(0 1 2 3)",
        b"[0 {a} {b} 0]",
        b"[0 0 {b} {c}]",
    ],
)
def test_a_forged_range_is_named(text: bytes) -> None:
    first, second, length = range_of(one())
    facts = {
        "a": first,
        "b": second,
        "c": length,
        "less": first - 10,
        "more": second + 10,
        "less_c": length - 10,
    }
    forged = with_range(one(), text.decode().format(**facts).encode())
    assert_caught(forged, ForgedRange)


def test_a_range_that_is_missing_is_named() -> None:
    assert_caught(one().replace(b"/ByteRange", b"/BiteRange"), ForgedRange)


@pytest.mark.parametrize("contents", [b"<>", b"<00>", b"null", b"(abc)"])
def test_contents_that_are_no_seal_are_named(contents: bytes) -> None:
    first, second, _ = range_of(one())
    forged = one()[:first] + contents.ljust(second - first) + one()[second:]
    assert_caught(forged, ForgedRange, UnreadableSeal)


def test_an_object_in_the_hole_is_found() -> None:
    first, second, _ = range_of(one())
    hidden = b"> /X << /JS (app.alert\\(1\\)) >> /Y <"
    at = second - 200
    forged = one()[:at] + hidden + one()[at + len(hidden) :]
    assert forged[first : first + 1] == b"<"
    assert_caught(forged, ForgedRange)


def test_a_sealing_with_something_behind_it_in_its_hole_is_found() -> None:
    _, second, _ = range_of(one())
    forged = one()[: second - 21] + b"DEADBEEF" + one()[second - 13 :]
    assert_caught(forged, UnreadableSeal)


def test_wrapping_moves_the_end_and_is_caught() -> None:
    """SWA: what was covered behind the hole moves to the end of the file; other objects take its place."""
    data = one()
    first, second, length = range_of(data)
    evil = b"%d 0 obj\n<< /Evil true >>\nendobj\n" % size_of(data)
    moved = with_range(data, b"[0 %d %d %d]" % (first, len(data) + len(evil), length))
    wrapped = moved + evil + data[second:]
    assert sm3(data[:first] + wrapped[len(data) + len(evil) :]) == stated_digest(data)
    assert_caught(wrapped, ForgedRange)


def stated_digest(data: bytes) -> bytes:
    found = SealedDocument.open(data).seals[0].signature
    assert found is not None
    return found.digest


def test_one_signature_in_two_fields_is_caught() -> None:
    def share(writer: Any) -> None:
        value = field_of(writer, "transferor").raw_get("/V")
        other = field_of(writer, "platform")
        other[named("/V")] = generic.IndirectObject(value.idnum, 0, writer)
        mark(writer, other)

    assert_caught(updated(one(), share), SharedRange)


def test_the_same_range_twice_is_caught() -> None:
    """A copy of the signature, in an object of its own, with the range of the first."""
    data = two()
    first, second, length = range_of(one())
    forged = with_range(data, b"[0 %d %d %d]" % (first, second, length))
    report = assert_caught(forged, ForgedRange, SharedRange)
    assert not report.seals[-1].found.signature


def test_a_signature_that_no_field_shows_is_caught() -> None:
    def hide(writer: Any) -> None:
        fields = writer.root["/AcroForm"]["/Fields"]
        kept = [fields.raw_get(i) for i in range(len(fields)) if fields[i]["/T"] != "transferor"]
        writer.root["/AcroForm"][named("/Fields")] = generic.ArrayObject(kept)
        mark(writer, writer.root["/AcroForm"])

    assert_caught(updated(two(), hide), StrangeFile, ChangedAfter)


# --- what a sealing says that it covers ---


@pytest.mark.parametrize(
    ("covers", "verdict"),
    [("ByteRange 0 1 2 3", Verdict.INVALID), ("PDF", Verdict.VALID), ("GB/T 38540", Verdict.VALID)],
)
def test_a_sealing_that_names_another_range_is_caught(covers: str, verdict: Verdict) -> None:
    prepared = prepare(document(), SEAL, [Named("transferor")], at=NOW)
    found = hole(prepared)
    sealing = sign_with_seal(
        SEAL, found.digest, SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY, at=NOW, covers=covers
    )
    start, digits = prepared.index(b"/Contents <") + 11, sealing.der.hex().upper().encode()
    report = checked(prepared[:start] + digits + prepared[start + len(digits) :])
    assert report.verdict is verdict, [str(finding) for finding in report.findings]
    assert (OtherCoverage in kinds(report)) is (verdict is Verdict.INVALID)
