"""Tampered OFD packages, each from a really sealed one: what was done is found, what holds still holds."""

from collections.abc import Mapping
from typing import Any

import pytest

from signing.document_findings import (
    ChangedAfter,
    ForgedRange,
    InvisibleSeal,
    NotASeal,
    OtherCoverage,
    OutdatedSeal,
    SharedRange,
    StrangeFile,
    SwappedAppearance,
    Unreadable,
    UnreadableSeal,
)
from signing.documents import At, prepare
from signing.findings import ContentChanged, Finding, Verdict
from signing.found import ChangeKind
from signing.ofd.findings import SealsTakenOut
from signing.ofd.markup import NAMESPACE
from signing.ofd.package import read_package
from signing.ofd.reading import read_ofd
from signing.verification import verify
from tests.ofdfiles import (
    FIRST,
    LIST,
    OTHER_SEAL,
    PAGE,
    SEAL,
    SECOND,
    changed,
    document,
    one,
    replaced,
    seal,
    three,
    two,
)
from tests.sealkit import NOW, trust

VALUE = "Doc_0/Signs/Sign_0/SignedValue.dat"
ENTRY = f'<ofd:Signature ID="s001" Type="Seal" BaseLoc="/{FIRST}"/>'


def judged(data: bytes) -> tuple[Verdict, list[Finding]]:
    report = verify(data, trust(), now=NOW)
    found = [finding for entry in report.seals for finding in entry.findings]
    return report.verdict, [*found, *report.findings]


def invalid(data: bytes, *kinds: type[Finding]) -> list[Finding]:
    verdict, findings = judged(data)
    assert verdict is Verdict.INVALID
    for kind in kinds:
        assert any(isinstance(finding, kind) for finding in findings), [str(each) for each in findings]
    return findings


def test_an_honest_document_has_no_findings() -> None:
    reading = read_ofd(three())
    assert [found.name for found in reading.seals] == ["transferor", "platform", "transferee"]
    assert all(found.findings == () for found in reading.seals)
    assert all(found.digest == found.signature.digest for found in reading.seals if found.signature)
    assert reading.findings == ()


def test_what_came_after_each_seal_is_told() -> None:
    first, second, third = (found.coverage for found in read_ofd(three()).seals)
    assert [(change.kind, change.where) for change in first.changes] == [
        (ChangeKind.SEAL, "platform"),
        (ChangeKind.SEAL, "transferee"),
    ]
    assert [change.where for change in second.changes] == ["transferee"]
    assert third.covers_all
    assert first.holds
    assert second.holds


def test_an_unsealed_document_has_no_seals() -> None:
    assert read_ofd(document()).seals == ()
    assert verify(document(), trust(), now=NOW).verdict is Verdict.UNPROVEN


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({PAGE: b'<ofd:Page xmlns:ofd="http://www.ofdspec.org/2016"/>'}, ChangeKind.PAGE_CONTENT),
        ({"Doc_0/Res/font_1.otf": b"x"}, ChangeKind.OTHER),
        ({"Doc_0/PublicRes.xml": b"<x/>"}, ChangeKind.STRUCTURE),
        ({"Doc_0/PublicRes.xml": None}, ChangeKind.STRUCTURE),
        ({"Doc_0/Annots.xml": b"<x/>"}, ChangeKind.STRUCTURE),
        ({"note.txt": b"x"}, ChangeKind.OTHER),
    ],
)
def test_a_changed_added_or_missing_file_is_told(
    changes: Mapping[str, bytes | None], kind: ChangeKind
) -> None:
    for data in (one(), three()):
        found = invalid(changed(data, changes), ChangedAfter)
        after = {each.subject: each.kind for each in found if isinstance(each, ChangedAfter)}
        assert set(after.values()) == {kind}
        assert len(after) == len(read_ofd(data).seals)


def test_one_changed_character_is_told() -> None:
    invalid(replaced(two(), PAGE, "1,234.00", "9,234.00"), ChangedAfter)


def test_an_added_page_is_told() -> None:
    added = "Doc_0/Pages/Page_9/Content.xml"
    more = replaced(one(), "Doc_0/Document.xml", "</ofd:Pages>", '<ofd:Page ID="999" BaseLoc="Pages/Page_9/Content.xml"/></ofd:Pages>')  # fmt: skip  # noqa: E501
    page = b'<ofd:Page xmlns:ofd="http://www.ofdspec.org/2016"/>'
    found = invalid(changed(more, {added: page}), ChangedAfter)
    kinds = {each.kind for each in found if isinstance(each, ChangedAfter)}
    assert kinds == {ChangeKind.PAGES, ChangeKind.PAGE_CONTENT}


def test_a_swapped_seal_picture_is_told() -> None:
    invalid(changed(one(), {"Doc_0/Signs/Sign_0/Seal.esl": OTHER_SEAL.der}), SwappedAppearance, ChangedAfter)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('Boundary="119 209', 'Boundary="19 209'),
        ("1.2.156.10197.1.501", "1.2.156.10197.1.502"),
        ("<ofd:StampAnnot ", '<ofd:StampAnnot Clip="0 0 1 1" '),
    ],
)
def test_a_moved_stamp_or_another_word_is_told(old: str, new: str) -> None:
    invalid(replaced(one(), FIRST, old, new), ContentChanged)


def test_a_signature_xml_without_a_file_is_told() -> None:
    """Leaving a file out of the references changes what was signed, and leaves the file uncovered."""
    reference = read_package(one())[FIRST].decode()
    start = reference.index(f'<ofd:Reference FileRef="/{PAGE}">')
    end = reference.index("</ofd:Reference>", start) + len("</ofd:Reference>")
    shorter = reference[:start] + reference[end:]
    invalid(changed(one(), {FIRST: shorter.encode()}), ContentChanged, ChangedAfter)


def test_a_replaced_signature_xml_is_told() -> None:
    """That of another document, sealed by the same person."""
    other = read_package(seal(document(), At(1, 100, 100)))
    invalid(changed(one(), {FIRST: other[FIRST]}), ContentChanged)
    invalid(changed(one(), {FIRST: other[FIRST], VALUE: read_package(two())[VALUE]}), ContentChanged)


def test_a_value_that_is_about_another_file_is_told() -> None:
    files = read_package(two())
    swapped = {VALUE: files["Doc_0/Signs/Sign_1/SignedValue.dat"]}
    invalid(changed(two(), swapped), OtherCoverage, ContentChanged, SwappedAppearance, SharedRange)


def test_a_removed_earlier_seal_is_told_by_the_later_one() -> None:
    gone = {name: None for name in read_package(two()) if "Sign_0/" in name}
    invalid(replaced(changed(two(), gone), LIST, ENTRY, ""), ChangedAfter)


def test_a_removed_later_seal_is_noted() -> None:
    gone = {name: None for name in read_package(two()) if "Sign_1/" in name}
    entry = f'<ofd:Signature ID="s002" Type="Seal" BaseLoc="/{SECOND}"/>'
    verdict, findings = judged(replaced(changed(two(), gone), LIST, entry, ""))
    assert verdict is Verdict.VALID
    assert SealsTakenOut("the file", 1) in findings


def test_a_seal_that_only_left_the_list_is_told() -> None:
    invalid(replaced(two(), LIST, ENTRY, ""), StrangeFile)
    invalid(changed(one(), {LIST: f'<ofd:Signatures xmlns:ofd="{NAMESPACE}"/>'.encode()}), StrangeFile)


def test_the_same_seal_twice_is_told() -> None:
    again = f'<ofd:Signature ID="s002" Type="Seal" BaseLoc="/{FIRST}"/></ofd:Signatures>'
    invalid(replaced(one(), LIST, "</ofd:Signatures>", again), SharedRange)
    invalid(replaced(two(), LIST, 'ID="s002"', 'ID="s001"'), SharedRange)


def test_an_order_of_the_list_that_is_not_that_of_the_seals_changes_nothing() -> None:
    listed = read_package(two())[LIST].decode()
    turned = listed.replace(ENTRY, "").replace("</ofd:Signatures>", f"{ENTRY}</ofd:Signatures>")
    reading = read_ofd(changed(two(), {LIST: turned.encode()}))
    assert [found.name for found in reading.seals] == ["transferor", "platform"]
    assert all(found.coverage.holds for found in reading.seals)


def test_a_later_seal_may_not_bring_files_from_elsewhere() -> None:
    """Its "seal" is a font that the document asks for and did not have."""
    files = read_package(two())
    forged = files[SECOND].decode().replace("/Doc_0/Signs/Sign_1/Seal.esl", "/Doc_0/Res/font_9.otf")
    data = changed(two(), {SECOND: forged.encode(), "Doc_0/Res/font_9.otf": b"x"})
    assert not read_ofd(data).seals[0].coverage.holds


def test_a_later_seal_may_not_lie_among_other_files() -> None:
    """Its own folder is that of the fonts, and its "seal" again a font that was missing."""
    files = read_package(two())
    moved = {name: None for name in files if "Sign_1/" in name}
    forged = files[SECOND].decode().replace("/Doc_0/Signs/Sign_1/Seal.esl", "/Doc_0/Res/font_9.otf")
    forged = forged.replace("Doc_0/Signs/Sign_1/", "Doc_0/Res/")
    added = {"Doc_0/Res/Signature.xml": forged.encode(), "Doc_0/Res/font_9.otf": b"x"}
    added["Doc_0/Res/SignedValue.dat"] = files["Doc_0/Signs/Sign_1/SignedValue.dat"]
    data = changed(replaced(two(), LIST, SECOND, "Doc_0/Res/Signature.xml"), {**moved, **added})
    assert [found.name for found in read_ofd(data).seals] == ["transferor", "platform"]
    assert not read_ofd(data).seals[0].coverage.holds


def test_a_seal_that_does_not_cover_the_one_before_is_no_later_seal() -> None:
    """Two parties who sealed the same file side by side, put together by somebody."""
    one_more = read_package(seal(document(), At(1, 100, 100)))
    beside = {
        name.replace("Sign_0", "Sign_1"): content for name, content in one_more.items() if "Sign_0/" in name
    }
    beside[SECOND] = beside[SECOND].replace(b"Sign_0", b"Sign_1")
    listed = read_package(two())[LIST]
    invalid(changed(one(), {**beside, LIST: listed}), ChangedAfter)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("1.2.156.10197.1.401", "MD5", ForgedRange),
        ("1.2.156.10197.1.401", "SHA1", ForgedRange),
        ("PageRef=", 'PageRef="77" Old=', SwappedAppearance),
        ('Boundary="119 209', 'Boundary="189 209', SwappedAppearance),
        ('Boundary="119 209', 'Boundary="119 -30', SwappedAppearance),
        ("<ofd:StampAnnot", "<ofd:Stamp", InvisibleSeal),
        ("<ofd:References", "<ofd:Refs", UnreadableSeal),
        ("<ofd:CheckValue>", "<ofd:CheckValue>!", UnreadableSeal),
        ("</ofd:Signature>", "", UnreadableSeal),
    ],
)
def test_what_a_signature_says_is_checked(old: str, new: str, kind: type[Finding]) -> None:
    invalid(replaced(one(), FIRST, old, new), kind)


@pytest.mark.parametrize("value", [b"", b"x", b"\x30\x03\x02\x01\x00", SEAL.der])
def test_a_value_that_is_no_sealing_is_told(value: bytes) -> None:
    invalid(changed(one(), {VALUE: value}), UnreadableSeal)


def test_a_sealing_of_the_form_before_2020_is_named() -> None:
    old = b"\x30\x09\x30\x03\x02\x01\x01\x03\x02\x00\x01"
    invalid(changed(one(), {VALUE: old}), OutdatedSeal)


def test_the_largest_identity_is_taken_where_a_writer_left_several() -> None:
    several = "<ofd:MaxSignId>s009</ofd:MaxSignId><ofd:MaxSignId>s003</ofd:MaxSignId></ofd:Signatures>"
    verdict, findings = judged(replaced(one(), LIST, "</ofd:Signatures>", several))
    assert verdict is Verdict.VALID
    assert SealsTakenOut("the file", 8) in findings


def test_a_value_that_is_missing_is_told() -> None:
    invalid(changed(one(), {VALUE: None}), UnreadableSeal)
    invalid(prepare(document(), SEAL, [At(0, 100, 100)], at=NOW), UnreadableSeal)


def test_a_signature_of_another_kind_is_no_seal() -> None:
    data = changed(replaced(one(), LIST, 'Type="Seal"', 'Type="Sign"'), {VALUE: b"\x30\x00"})
    assert isinstance(read_ofd(data).seals[0].problem, NotASeal)


XXE = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
LAUGHS = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
DEEP = b"<a>" * 5000 + b"</a>" * 5000
WIDE = b"<r>" + b"<a/>" * 250_000 + b"</r>"
UTF16 = '<?xml version="1.0" encoding="UTF-16"?><ofd:OFD/>'.encode("utf-16")


@pytest.mark.parametrize("path", ["OFD.xml", "Doc_0/Document.xml", PAGE, LIST])
@pytest.mark.parametrize("content", [b"", XXE, LAUGHS, DEEP, WIDE, UTF16, b"<a>", b"\xff\xfe", b"<OFD/>"])
def test_hostile_xml_is_refused_in_every_file(path: str, content: bytes) -> None:
    whole = read_package(one())[path]
    for data in {content, content and content + whole.partition(b"?>")[2]}:
        reading = read_ofd(changed(one(), {path: data}))
        assert reading.seals == ()
        assert isinstance(reading.findings[0], Unreadable | StrangeFile)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("OFD.xml", "<ofd:DocRoot>", "<ofd:DocRoot>../../"),
        ("OFD.xml", "<ofd:DocRoot>", "<ofd:DocRoot>file:///"),
        ("OFD.xml", "</ofd:DocBody>", "</ofd:DocBody><ofd:DocBody/>"),
        ("OFD.xml", "<ofd:DocRoot>", "<ofd:Versions/><ofd:DocRoot>"),
        ("OFD.xml", "<ofd:DocRoot>", "<ofd:DocRoot>x.xml</ofd:DocRoot><ofd:DocRoot>"),
        ("OFD.xml", 'SealPlace.platform">1 ', 'SealPlace.platform">9 '),
        ("Doc_0/Document.xml", 'BaseLoc="Pages/Page_1/', 'BaseLoc="Pages/Page_0/'),
        ("Doc_0/Document.xml", 'BaseLoc="Pages/Page_1/', 'BaseLoc="/Pages/Page_1/'),
        ("Doc_0/Document.xml", "<ofd:Pages>", "<ofd:Pages/><ofd:Pages>"),
        (PAGE, "0 0 210 297", "5 5 210 297"),
        (PAGE, "0 0 210 297", "0 0 1e9 297"),
        (PAGE, "0 0 210 297", "0 0 -1 297"),
        (PAGE, "0 0 210 297", "0 0 210"),
    ],
)
def test_structures_that_programs_read_differently_are_refused(path: str, old: str, new: str) -> None:
    reading = read_ofd(replaced(one(), path, old, new))
    assert reading.seals == ()
    assert isinstance(reading.findings[0], Unreadable)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"%PDF-1.7", b"x" * 1000, one()[:-1], one()[:500]])
def test_what_is_no_package_is_told(data: bytes) -> None:
    reading = read_ofd(data)
    assert isinstance(reading.findings[0], StrangeFile)


def test_a_flipped_bit_anywhere_is_told() -> None:
    """Every part of the package is under a digest, a checksum, or read strictly."""
    honest = one()
    unnoticed: list[Any] = []
    for place in range(0, len(honest), 211):
        data = bytearray(honest)
        data[place] ^= 1
        if verify(bytes(data), trust(), now=NOW).verdict is Verdict.VALID and read_package(
            honest
        ) != read_package(bytes(data)):
            unnoticed.append(place)
    assert unnoticed == []
