"""Every attack on a sealed PDF that we know of ends in "not valid", and the finding says which it was.

The families of the literature: universal signature forgery (USF) and signature wrapping (SWA) in
test_pdf_ranges.py; incremental saving (ISA) and shadow attacks (hide, replace, hide and replace) in
test_pdf_saved_after.py; evil annotations in test_pdf_seen.py. Here: changed bytes, the frame, and files made
to break the reader.
"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.writer import copy_into_new_writer

from signing.document_findings import (
    Encrypted,
    ForgedRange,
    NoSeals,
    NotASeal,
    StrangeFile,
    TooLarge,
    Unreadable,
)
from signing.documents import At, Named
from signing.findings import ContentChanged, Verdict
from signing.found import ChangeKind
from signing.pdf.reading import read_pdf
from signing.verification import SealedDocument
from tests.pdfkit import (
    CHOP,
    as_object,
    assert_caught,
    checked,
    document,
    field_of,
    increment,
    kinds,
    mark,
    named,
    one,
    plain,
    range_of,
    seal,
    size_of,
    start_of_index,
    straddled,
    two,
    updated,
)

# --- what is honest is valid ---


@pytest.mark.parametrize("made", [one, two, straddled], ids=lambda made: made.__name__)
def test_an_honest_document_is_valid(made: Callable[[], bytes]) -> None:
    report = checked(made())
    assert report.verdict is Verdict.VALID, [str(finding) for finding in report.findings]


def test_a_straddle_seal_and_two_more_parties_are_all_valid() -> None:
    report = checked(seal(seal(straddled(), Named("transferor")), Named("platform"), by=CHOP))
    assert report.verdict is Verdict.VALID, [str(finding) for finding in report.findings]
    assert [len(entry.found.places) for entry in report.seals] == [4, 1, 1]
    assert [entry.found.coverage.covers_all for entry in report.seals] == [False, False, True]


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_seal_is_found_where_it_was_put_however_the_page_is_turned(turn: int) -> None:
    def rotate(writer: Any) -> None:
        page = writer.root["/Pages"]["/Kids"][0]
        page[named("/Rotate")] = generic.NumberObject(turn)
        mark(writer, page)

    report = checked(seal(updated(plain(), rotate), At(0, 60, 130)))
    assert report.verdict is Verdict.VALID, [str(finding) for finding in report.findings]
    (place,) = report.seals[0].found.places
    middle = place.x_mm + place.width_mm / 2, place.y_mm + place.height_mm / 2
    assert middle == pytest.approx((60, 130), abs=0.1)


def test_coverage_says_what_came_after() -> None:
    first, second = SealedDocument.open(two()).seals
    assert [(change.kind, change.where) for change in first.coverage.changes] == [
        (ChangeKind.SEAL, "platform")
    ]
    assert second.coverage.covers_all
    assert first.coverage.holds


def test_a_document_without_a_seal_proves_nothing_and_is_not_called_wrong() -> None:
    report = checked(document())
    assert report.verdict is Verdict.UNPROVEN
    assert kinds(report) == {NoSeals}


# --- changed bytes ---


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_no_changed_byte_leaves_it_valid(place: float, flip: int) -> None:
    data = bytearray(two())
    data[int(place * len(data))] ^= flip
    assert checked(bytes(data)).verdict is not Verdict.VALID


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(place=st.floats(0, 1), what=st.binary(min_size=1, max_size=40))
def test_no_inserted_bytes_leave_it_valid(place: float, what: bytes) -> None:
    data = two()
    cut = int(place * len(data))
    assert checked(data[:cut] + what + data[cut:]).verdict is not Verdict.VALID


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(kept=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_never_valid_but_as_it_was_before(kept: float) -> None:
    data = two()
    cut = data[: int(kept * len(data))]
    assert checked(cut).verdict is not Verdict.VALID or cut.rstrip() == one().rstrip()


def test_changed_text_under_the_seal_is_named() -> None:
    data = one().replace(b"/T (transferee)", b"/T (transferef)")
    if data == one():
        data = one().replace(b"/Type /Page\n", b"/Type /Paga\n", 1)
    assert data != one()
    assert checked(data).verdict is Verdict.INVALID


def test_the_content_that_was_changed_is_named() -> None:
    first = range_of(one())[0]
    data = bytearray(one())
    at = data.index(b"/Name <feff", 0)
    assert at > first
    data[at + 12] ^= 1
    assert_caught(bytes(data), ContentChanged)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_not_even_a_small_letter_in_the_hexadecimal_is_changed(share: float) -> None:
    first, second, _ = range_of(one())
    end = one().index(b"000000000000", first)
    at = next(
        place
        for place in range(first + int(share * (end - first)), second)
        if one()[place : place + 1].isalpha()
    )
    changed = one()[:at] + bytes([one()[at] ^ 0x20]) + one()[at + 1 :]
    assert_caught(changed, ForgedRange)


# --- the frame of the file ---


@pytest.mark.parametrize(
    "damaged",
    [
        lambda data: b"\n" + data,
        lambda data: b"%!PS\n" + data,
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data + b"\n\n",
        lambda data: data + b"% a comment\n",
        lambda data: data + b"junk",
        lambda data: data + b"startxref\n0\n%%EOF\n",
        lambda data: data + b"startxref\n%d\n%%%%EOF\n" % start_of_index(data),
        lambda data: data + b"1 0 obj\n<< /Type /Catalog >>\nendobj\n",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-8],
        lambda data: data[:40],
    ],
)
def test_what_stands_around_the_file_is_not_overlooked(damaged: Callable[[bytes], bytes]) -> None:
    report = checked(damaged(one()))
    assert report.verdict is not Verdict.VALID
    assert not kinds(report) & {NoSeals}


def test_an_encrypted_file_is_said_to_be_encrypted() -> None:
    from io import BytesIO

    from pyhanko.pdf_utils.reader import PdfFileReader

    writer: Any = copy_into_new_writer(PdfFileReader(BytesIO(document())))
    writer.encrypt(owner_pass="owner", user_pass="")
    out = BytesIO()
    writer.write(out)
    assert_caught(out.getvalue(), Encrypted)


def test_a_file_that_is_too_large_is_not_read() -> None:
    assert_caught(one() + b"\0" * (20 << 20), TooLarge)


# --- seals that are none ---


def test_a_signature_of_another_kind_is_not_called_a_seal() -> None:
    data = seal(document(), Named("transferor"))
    first, second, _ = range_of(data)
    data = data[:first] + b"<" + (b"30820003020101".ljust(second - first - 2, b"0")) + b">" + data[second:]
    data = data.replace(b"/SubFilter /GM.sm2seal", b"/SubFilter /adbe.pkcs7")
    report = checked(data)
    assert report.verdict is not Verdict.VALID
    assert kinds(report) & {NotASeal, StrangeFile, Unreadable}


# --- rings and depths ---


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 50_000 + b"]" * 50_000,
        b"<< /A " * 20_000 + b"1" + b" >>" * 20_000,
        b"(" * 10_000 + b")" * 10_000,
        b"<< /Type /Pages /Kids [%d 0 R] /Count 1 >>",
    ],
)
def test_depths_and_rings_end_soon(body: bytes) -> None:
    number = size_of(document())
    filled = body % number if b"%d" in body else body
    data = increment(document(), {number: filled, number + 1: b"<< /Type /Catalog /Pages %d 0 R >>" % number})
    position = data.rindex(b"/Root ")
    end = data.index(b" R", position)
    data = data[:position] + b"/Root %d 0" % (number + 1) + data[end:]
    report = checked(data)
    assert report.verdict is Verdict.INVALID
    assert kinds(report) & {Unreadable, StrangeFile}


def test_a_field_that_is_its_own_child_is_caught() -> None:
    def ring(writer: Any) -> None:
        field = field_of(writer, "transferee")
        kid = generic.IndirectObject(field.container_ref.idnum, 0, writer)
        field[named("/Kids")] = generic.ArrayObject([kid])
        mark(writer, field)

    assert checked(updated(one(), ring)).verdict is Verdict.INVALID


@pytest.mark.parametrize("key", ["/F", "/Rect", "/AP", "/Kids", "/FT", "/T", "/V", "/P"])
@pytest.mark.parametrize("value", ["/Name", "(text)", [], ["/A", "/B", "/C", "/D"], {"/N": "/Name"}])
def test_values_of_wrong_kinds_make_no_reader_raise(key: str, value: Any) -> None:
    """In every entry that is read from a field, before it is sealed and after."""

    def spoil(writer: Any) -> None:
        field = field_of(writer, "transferor")
        field[named(key)] = as_object(value)
        mark(writer, field)

    assert checked(updated(one(), spoil)).verdict is not Verdict.VALID
    assert checked(updated(document(), spoil)).verdict is not Verdict.VALID


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(noise=st.binary(max_size=300))
def test_no_noise_makes_the_reader_raise(noise: bytes) -> None:
    for data in (b"%PDF-1.7\n" + noise, one()[:5_000] + noise, one() + noise):
        read_pdf(data)
