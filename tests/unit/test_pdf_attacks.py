"""Every attack on a sealed PDF that we know of ends in "not valid", and the finding says which it was.

The families of the literature: universal signature forgery (USF), signature wrapping (SWA), incremental
saving (ISA), shadow attacks (hide, replace, hide and replace), evil annotations; and files made to break
the reader.
"""

import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.writer import copy_into_new_writer

from signing.document_findings import (
    ActiveContent,
    ChangedAfter,
    Encrypted,
    ForgedRange,
    InvisibleSeal,
    NoSeals,
    NotASeal,
    OtherCoverage,
    SharedRange,
    StrangeFile,
    SwappedAppearance,
    TooLarge,
    Unreadable,
    UnreadableSeal,
)
from signing.documents import At, Named, Straddle, hole, prepare
from signing.findings import ContentChanged, Finding, Verdict
from signing.found import ChangeKind
from signing.pdf.reading import read_pdf
from signing.seal import Picture
from signing.seal_picture import official_seal
from signing.seal_signature import sign_with_seal
from signing.sm3 import sm3
from signing.verification import Report, SealedDocument, verify
from tests.pdfkit import (
    CHOP,
    OTHER_SEAL,
    SEAL,
    document,
    field_of,
    increment,
    mark,
    named,
    one,
    plain,
    range_of,
    seal,
    seal_anyway,
    shown_as,
    size_of,
    start_of_index,
    straddled,
    two,
    updated,
    with_range,
)
from tests.sealkit import NOW, SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY, sealed, trust


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


# --- incremental saving (ISA) ---


def replace_text(writer: Any) -> None:
    page = writer.root["/Pages"]["/Kids"][0]
    content = generic.StreamObject(stream_data=b"BT ET")
    page[named("/Contents")] = writer.add_object(content)
    mark(writer, page)


def overwrite_content(writer: Any) -> None:
    page = writer.root["/Pages"]["/Kids"][0]
    content = page["/Contents"]
    content = content[0] if isinstance(content, generic.ArrayObject) else content
    content._data, content._encoded_data = b"BT ET", None
    mark(writer, content)


def add_page(writer: Any) -> None:
    from pyhanko.pdf_utils.writer import PageObject

    content = writer.add_object(generic.StreamObject(stream_data=b""))
    box = generic.ArrayObject([generic.NumberObject(each) for each in (0, 0, 595, 842)])
    page: Any = PageObject
    writer.insert_page(page(contents=content, media_box=box))


def remove_page(writer: Any) -> None:
    pages = writer.root["/Pages"]
    pages[named("/Kids")] = generic.ArrayObject([pages["/Kids"].raw_get(0)])
    pages[named("/Count")] = generic.NumberObject(1)
    mark(writer, pages)


def add_annotation(writer: Any) -> None:
    page = writer.root["/Pages"]["/Kids"][0]
    note = generic.DictionaryObject(
        {
            named("/Type"): named("/Annot"),
            named("/Subtype"): named("/FreeText"),
            named("/Rect"): generic.ArrayObject([generic.NumberObject(n) for n in (50, 50, 300, 300)]),
            named("/Contents"): generic.TextStringObject("900 yuan"),
        }
    )
    page["/Annots"].append(writer.add_object(note))
    mark(writer, page)
    if page["/Annots"].container_ref != page.container_ref:
        mark(writer, page["/Annots"])


def change_appearance(writer: Any) -> None:
    field = field_of(writer, "transferor")
    field["/AP"]["/N"]._data, field["/AP"]["/N"]._encoded_data = b"0 0 50 50 re f", None
    mark(writer, field["/AP"]["/N"])


def swap_appearance(writer: Any) -> None:
    field = field_of(writer, "transferor")
    other = generic.StreamObject(
        generic.DictionaryObject({named("/Subtype"): named("/Form"), named("/Type"): named("/XObject")}),
        stream_data=b"0 0 50 50 re f",
    )
    field[named("/AP")] = generic.DictionaryObject({named("/N"): writer.add_object(other)})
    mark(writer, field)


def move_field(writer: Any) -> None:
    field = field_of(writer, "platform")
    field[named("/Rect")] = generic.ArrayObject([generic.NumberObject(n) for n in (0, 0, 500, 800)])
    mark(writer, field)


def add_field(writer: Any) -> None:
    text = generic.DictionaryObject(
        {
            named("/FT"): named("/Tx"),
            named("/T"): generic.TextStringObject("price"),
            named("/V"): generic.TextStringObject("900"),
        }
    )
    writer.root["/AcroForm"]["/Fields"].append(writer.add_object(text))
    mark(writer, writer.root["/AcroForm"])


def take_seal_out(writer: Any) -> None:
    field = field_of(writer, "transferor")
    del field["/V"]
    mark(writer, field)


def add_script(writer: Any) -> None:
    script = generic.DictionaryObject(
        {named("/S"): named("/JavaScript"), named("/JS"): generic.TextStringObject("app.alert(1)")}
    )
    writer.root[named("/OpenAction")] = writer.add_object(script)
    writer.update_root()


def other_pages(writer: Any) -> None:
    """The catalog leads to another tree of pages."""
    root = writer.root
    kids = generic.ArrayObject([root["/Pages"]["/Kids"].raw_get(0)])
    tree = generic.DictionaryObject(
        {named("/Type"): named("/Pages"), named("/Kids"): kids, named("/Count"): generic.NumberObject(1)}
    )
    root[named("/Pages")] = writer.add_object(tree)
    writer.update_root()


def nothing_seen(writer: Any) -> None:
    """An object that nothing refers to."""
    writer.add_object(generic.TextStringObject("hidden for later"))


CHANGES: dict[Callable[[Any], None], set[ChangeKind]] = {
    replace_text: {ChangeKind.PAGE_CONTENT},
    overwrite_content: {ChangeKind.PAGE_CONTENT},
    add_page: {ChangeKind.PAGES},
    remove_page: {ChangeKind.PAGES},
    add_annotation: {ChangeKind.PAGE_CONTENT, ChangeKind.ANNOTATION},
    change_appearance: {ChangeKind.APPEARANCE},
    swap_appearance: {ChangeKind.FORM},
    move_field: {ChangeKind.FORM},
    add_field: {ChangeKind.FORM},
    take_seal_out: {ChangeKind.FORM},
    add_script: {ChangeKind.STRUCTURE},
    other_pages: {ChangeKind.STRUCTURE},
    nothing_seen: {ChangeKind.OTHER},
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_was_saved_after_a_seal_is_named(change: Callable[[Any], None]) -> None:
    report = assert_caught(updated(two(), change), ChangedAfter, StrangeFile)
    if ChangedAfter in kinds(report):
        assert changes_of(report) & CHANGES[change], [str(finding) for finding in report.findings]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_was_saved_between_two_seals_breaks_the_first(change: Callable[[Any], None]) -> None:
    if change is take_seal_out:
        return
    report = checked(seal_strangely(updated(one(), change)))
    first = next(entry for entry in report.seals if entry.found.name == "transferor")
    assert first.verdict is Verdict.INVALID, [str(finding) for finding in first.findings]


def seal_strangely(data: bytes) -> bytes:
    """The platform's seal on top of what somebody did to a sealed document; ours refuses some of that."""
    from signing.documents import DocumentError

    try:
        return seal(data, Named("platform"))
    except DocumentError:
        return data


# --- increments that are not clean (shadow attacks, parser confusion) ---


def page_number(data: bytes) -> int:
    found = read_pages(data)
    return found[0]


def read_pages(data: bytes) -> list[int]:
    from signing.pdf.fields import pages
    from signing.pdf.opening import open_pdf

    return [page.number[0] for page in pages(open_pdf(data)) if page.number]


def test_an_index_that_brings_back_a_hidden_object_is_caught() -> None:
    """Hide and replace: the new content stood in the signed part all along, and only the index is new."""
    target = read_pages(document())[0]
    hidden = b"\n%d 0 obj\n<< /Type /Page >>\nendobj\n" % target
    prepared = increment(document(), {size_of(document()): b"(x)"}, before_index=hidden)
    place = prepared.index(hidden) + 1
    sealed_with = seal(prepared, Named("transferor"))
    assert checked(sealed_with).verdict is Verdict.VALID
    assert_caught(increment(sealed_with, {}, listed={target: place}), StrangeFile)


@pytest.mark.parametrize("text", [b"% a comment\n", b"(x)\n", b"99 0 obj\n(hidden)\nendobj\n", b"xref\n"])
def test_what_stands_between_the_objects_of_an_increment_is_caught(text: bytes) -> None:
    number = size_of(one())
    assert_caught(increment(one(), {number: b"(x)"}, before_index=text), StrangeFile)


def test_an_increment_that_does_not_follow_is_caught() -> None:
    number = size_of(one())
    assert (
        checked(increment(one(), {number: b"(x)"}, prev=start_of_index(document()))).verdict
        is Verdict.INVALID
    )


def test_an_increment_that_points_elsewhere_is_caught() -> None:
    number = size_of(one())
    made = increment(one(), {number: b"(x)"}, end=b"startxref\n%d\n%%%%EOF\n" % start_of_index(one()))
    assert checked(made).verdict is Verdict.INVALID


def test_a_body_without_an_index_is_caught() -> None:
    number = read_pages(one())[0]
    end = one()[one().rindex(b"startxref") :]
    body = b"%d 0 obj\n<< /Type /Page >>\nendobj\n" % number
    assert_caught(one() + body + end, StrangeFile)


def test_an_increment_that_defines_an_object_twice_is_caught() -> None:
    number = size_of(one())
    again = b"%d 0 obj\n(y)\nendobj\n" % number
    assert_caught(increment(one(), {number: b"(x)"}, before_index=again), StrangeFile)


def test_an_increment_that_takes_objects_away_is_caught() -> None:
    data = one()
    made = increment(data, {size_of(data): b"(x)"})
    freed = made.replace(b" 00000 n \ntrailer", b" 00001 f \ntrailer")
    assert freed != made
    assert checked(freed).verdict is Verdict.INVALID


def test_a_trailer_with_another_catalog_is_caught() -> None:
    data, number = one(), size_of(one())
    made = increment(data, {number: b"<< /Type /Catalog >>"})
    position = made.rindex(b"/Root ")
    end = made.index(b" R", position)
    assert checked(made[:position] + b"/Root %d 0" % number + made[end:]).verdict is Verdict.INVALID


def test_an_object_that_was_awaited_is_caught() -> None:
    """Prepared shadow: the signed page refers to an object that is not there yet."""
    awaited = size_of(document()) + 50

    def refer(writer: Any) -> None:
        page = writer.root["/Pages"]["/Kids"][0]
        page[named("/PieceInfo")] = generic.IndirectObject(awaited, 0, writer)
        mark(writer, page)

    prepared = updated(document(), refer)
    sealed_with = seal(prepared, Named("transferor"))
    later = increment(sealed_with, {awaited: b"<< /Private 1 >>"})
    assert_caught(later, ChangedAfter)


def test_compressed_objects_behind_a_seal_are_caught() -> None:
    number = size_of(one())
    body = zlib.compress(b"%d 0 (x)" % (number + 1))
    stream = b"<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (
        len(body),
        body,
    )
    assert checked(increment(one(), {number: stream})).verdict is Verdict.INVALID


# --- what is seen of the seal ---


def test_another_seals_picture_is_caught() -> None:
    assert_caught(shown_as(OTHER_SEAL, document(), Named("transferor")), SwappedAppearance)


def test_another_seals_slices_are_caught() -> None:
    assert_caught(shown_as(OTHER_SEAL, document(), Named("transferee"), Straddle()), SwappedAppearance)


def test_a_new_place_with_another_seals_picture_is_caught() -> None:
    assert_caught(shown_as(OTHER_SEAL, plain(), At(0, 100, 100)), SwappedAppearance)
    assert checked(seal(plain(), At(0, 100, 100))).verdict is Verdict.VALID


@pytest.mark.parametrize("parts", [(1, 0, 2), (0, 1, 1), (0, 0, 0), (2, 1, 0)])
def test_slices_in_another_order_are_caught(
    parts: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from signing.pdf import preparing

    show = preparing.show

    def moved(update: Any, widget: Any, picture: Any, drawn: Any, part: int = 0, of: int = 1) -> None:
        show(update, widget, picture, drawn, parts[part] if of == 3 else part, of)

    monkeypatch.setattr(preparing, "show", moved)
    assert_caught(seal(document(), Named("transferee"), Straddle()), SwappedAppearance)


def test_an_appearance_with_something_beside_the_seal_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from signing.pdf import preparing

    show = preparing.show

    def more(update: Any, widget: Any, *arguments: Any) -> None:
        show(update, widget, *arguments)
        look = widget.get_object()["/AP"]["/N"]
        look._data, look._encoded_data = look.data + b" 0 0 60 60 re f", None

    monkeypatch.setattr(preparing, "show", more)
    assert_caught(seal(document(), Named("transferor")), SwappedAppearance)


def drawn_by_others(content: bytes) -> Callable[..., None]:
    """`show` of a program that draws seals in its own way."""
    from signing.pdf import preparing

    show = preparing.show

    def other(update: Any, widget: Any, *arguments: Any) -> None:
        show(update, widget, *arguments)
        look = widget.get_object()["/AP"]["/N"]
        look._data, look._encoded_data = content, None

    return other


HONEST = b"q 1 0 0 1 0 0 cm /Seal Do Q"


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (HONEST, Verdict.VALID),
        (b"q /Ink gs 1 0 0 1 0 0 cm /Seal Do Q ", Verdict.VALID),
        (b"q 1 1 1 rg 0 0 119 119 re f Q " + HONEST, Verdict.INVALID),
        (HONEST + b" q 1 1 1 rg 60 60 20 20 re f Q", Verdict.INVALID),
        (HONEST + b" q 0.84 0.08 0.1 rg 30 30 6 6 re f Q", Verdict.INVALID),
        (b"q -1 0 0 1 119.055 0 cm /Seal Do Q", Verdict.INVALID),
        (b"q 0.5 0 0 0.5 0 0 cm /Seal Do Q", Verdict.INVALID),
    ],
)
def test_a_seal_drawn_by_another_program_is_compared_dot_by_dot(
    content: bytes, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    from signing.pdf import preparing

    monkeypatch.setattr(preparing, "show", drawn_by_others(content))
    report = checked(seal(places_of_50_mm(), Named("place")))
    assert report.verdict is verdict, [str(finding) for finding in report.findings]


def places_of_50_mm() -> bytes:
    from signing.pdf.places import PlaceToMake, with_places

    return with_places(plain(), [PlaceToMake("place", At(0, 60, 100), 42.0, 42.0)])


def test_a_seal_that_differs_in_its_number_alone_is_caught() -> None:
    similar = sealed(
        picture=Picture("svg", official_seal("甲方示例单位", number="4301000000007"), 42, 42),
        seal_id="43010000000007",
    )
    assert_caught(shown_as(similar, document(), Named("transferor")), SwappedAppearance)


def test_a_picture_of_dots_is_compared_as_well() -> None:
    from io import BytesIO

    from PIL import Image, ImageDraw

    def png(text: str) -> bytes:
        image = Image.new("RGBA", (300, 300), (0, 0, 0, 0))
        ImageDraw.Draw(image).ellipse((10, 10, 290, 290), outline=(215, 20, 26, 255), width=9)
        ImageDraw.Draw(image).text((120, 140), text, fill=(215, 20, 26, 255))
        out = BytesIO()
        image.save(out, "PNG")
        return out.getvalue()

    own = sealed(picture=Picture("png", png("ONE"), 40, 40))
    other = sealed(picture=Picture("png", png("TWO"), 40, 40), seal_id="43010000000009")
    assert checked(seal(document(), Named("transferor"), by=own)).verdict is Verdict.VALID
    assert_caught(shown_as(other, document(), Named("transferor"), by=own), SwappedAppearance)


@pytest.mark.parametrize("flags", [2, 32, 2 | 4])
def test_a_hidden_seal_is_caught(flags: int) -> None:
    def hide(writer: Any) -> None:
        field = field_of(writer, "transferor")
        field[named("/F")] = generic.NumberObject(flags)
        mark(writer, field)

    assert_caught(seal_anyway(updated(document(), hide), Named("transferor")), InvisibleSeal)


def test_a_seal_on_no_page_is_caught() -> None:
    def detach(writer: Any) -> None:
        page = writer.root["/Pages"]["/Kids"][0]
        page[named("/Annots")] = generic.ArrayObject()
        mark(writer, page)

    assert_caught(seal(updated(document(), detach), Named("transferor")), InvisibleSeal)


# --- what acts by itself ---


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("/OpenAction", {"/S": "/JavaScript", "/JS": "(app.alert)"}),
        ("/OpenAction", {"/S": "/Launch", "/F": "(cmd.exe)"}),
        ("/AA", {"/WC": {"/S": "/JavaScript", "/JS": "(x)"}}),
        ("/Names", {"/JavaScript": {"/Names": []}, "/EmbeddedFiles": {"/Names": []}}),
    ],
)
def test_active_content_is_not_sealed_away(key: str, value: Any) -> None:
    def act(writer: Any) -> None:
        writer.root[named(key)] = _value(value)
        writer.update_root()

    assert_caught(seal_anyway(updated(document(), act), Named("transferor")), ActiveContent)


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return generic.DictionaryObject({named(key): _value(each) for key, each in value.items()})
    if isinstance(value, list):
        return generic.ArrayObject(map(_value, value))
    return named(value) if value.startswith("/") else generic.TextStringObject(value.strip("()"))


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
        field[named(key)] = _value(value)
        mark(writer, field)

    assert checked(updated(one(), spoil)).verdict is not Verdict.VALID
    assert checked(updated(document(), spoil)).verdict is not Verdict.VALID


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(noise=st.binary(max_size=300))
def test_no_noise_makes_the_reader_raise(noise: bytes) -> None:
    for data in (b"%PDF-1.7\n" + noise, one()[:5_000] + noise, one() + noise):
        read_pdf(data)
