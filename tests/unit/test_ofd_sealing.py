"""Sealing OFD packages: places, parties in turn, straddle seals, and packages that have no honest hole."""

from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image

from signing.documents import (
    At,
    DocumentError,
    DocumentKind,
    Fault,
    Named,
    Place,
    Straddle,
    fill,
    hole,
    kind_of,
    prepare,
)
from signing.findings import Verdict
from signing.ofd.package import read_package, write_package
from signing.ofd.pages import pages_as_png
from signing.ofd.reading import read_ofd
from signing.ofd.signatures import read_signature
from signing.seal_signature import sign_with_seal
from signing.sm3 import sm3
from signing.verification import verify
from tests.ofdfiles import (
    CHOP,
    FIRST,
    LIST,
    OTHER_SEAL,
    PAGE,
    SEAL,
    changed,
    document,
    one,
    replaced,
    seal,
    three,
    two,
)
from tests.pagekit import red_box
from tests.sealkit import NOW, SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY, trust


def prepared(*places: Place, data: bytes | None = None, name: str = "") -> bytes:
    return prepare(data or document(), SEAL, places or [Named("transferor")], at=NOW, name=name)


def refused(data: bytes, fault: Fault) -> None:
    with pytest.raises(DocumentError) as caught:
        hole(data)
    assert caught.value.fault == fault


def not_prepared(fault: Fault, *places: Place, data: bytes | None = None, name: str = "") -> None:
    with pytest.raises(DocumentError) as caught:
        prepared(*places, data=data, name=name)
    assert caught.value.fault == fault


def shown(data: bytes, page: int = 0) -> Image.Image:
    return Image.open(BytesIO(pages_as_png(data, 60)[page])).convert("RGB")


# What is signed


def test_the_hole_is_the_digest_of_signature_xml() -> None:
    data = prepared()
    found = hole(data)
    signed = read_package(data)[FIRST]
    assert (found.kind, found.name) == (DocumentKind.OFD, "transferor")
    assert (found.digest, found.signed, found.covers) == (sm3(signed), signed, f"/{FIRST}")
    assert kind_of(data) is DocumentKind.OFD


def test_everything_but_the_list_and_the_value_is_covered() -> None:
    files = read_package(prepared())
    covered = read_signature(files, FIRST).references
    assert set(files) - set(covered) == {FIRST, LIST}
    assert all(covered[name] == sm3(files[name]) for name in covered)


def test_the_same_input_gives_the_same_bytes() -> None:
    assert prepared() == prepared()


def test_one_two_and_three_parties_are_valid() -> None:
    for data, names in ((one(), 1), (two(), 2), (three(), 3)):
        report = verify(data, trust(), now=NOW)
        assert report.verdict is Verdict.VALID
        assert [entry.found.name for entry in report.seals] == ["transferor", "platform", "transferee"][
            :names
        ]


def test_a_later_seal_changes_no_file_of_an_earlier_one() -> None:
    before, after = read_package(one()), read_package(two())
    assert all(after[name] == content for name, content in before.items() if name != LIST)


def test_a_document_without_a_list_gets_one() -> None:
    files = read_package(document())
    entry = files["OFD.xml"].replace(b"<ofd:Signatures>Doc_0/Signs/Signatures.xml</ofd:Signatures>", b"")
    foreign = changed(document(), {"OFD.xml": entry, LIST: None})
    assert verify(seal(foreign, At(0, 60, 60)), trust(), now=NOW).verdict is Verdict.VALID


# Where


@pytest.mark.parametrize(
    ("place", "middle"),
    [(Named("transferor"), (140, 230)), (At(0, 50, 60), (50, 60))],
)
def test_the_seal_is_seen_at_its_place(place: Place, middle: tuple[float, float]) -> None:
    """The blue frame and the red text of the page lie above 60 mm; only the seal's box is compared."""
    before, after = shown(document()), shown(seal(document(), place))
    red = Image.new("RGB", after.size, "white")
    red.paste(after, mask=after.convert("L").point(lambda value: 255 if value < 200 else 0))
    box = red_box(after.crop((0, round((middle[1] - 22) / 25.4 * 60), *after.size)))
    assert before != after
    assert box is not None
    (found,) = read_ofd(seal(document(), place)).seals[0].places
    assert (found.x_mm + found.width_mm / 2, found.y_mm + found.height_mm / 2) == pytest.approx(
        middle, abs=0.1
    )


def test_a_small_seal_stands_in_the_middle_of_its_place() -> None:
    (found,) = read_ofd(seal(document(), Named("platform"), by=CHOP)).seals[0].places
    assert found.page == 1
    assert (found.x_mm, found.y_mm) == pytest.approx((127.5, 195))


def test_a_straddle_seal_is_cut_over_the_edges() -> None:
    data = seal(document(), Straddle(150), name="edge")
    found = read_ofd(data).seals[0]
    assert found.name == "edge"
    assert [(p.page, p.x_mm, p.y_mm, p.width_mm) for p in found.places] == [
        (0, 189, 129, 21),
        (1, 189, 129, 21),
    ]
    stamps = read_signature(read_package(data), FIRST).stamps
    assert [tuple(stamp.clip or ()) for stamp in stamps] == [(0, 0, 21, 42), (21, 0, 21, 42)]
    halves = []
    for page in range(2):
        image = shown(data, page)
        halves.append(image.crop((image.width - 50, 305, image.width, 405)))
    whole = Image.new("RGB", (100, 100))
    for index, half in enumerate(halves):
        whole.paste(half, (50 * index, 0))
    box = red_box(whole)
    assert box is not None
    assert box[2] - box[0] == pytest.approx(42, abs=1.5)


def test_a_foreseen_straddle_seal_goes_where_it_was_foreseen() -> None:
    data = seal(document(), Named("transferee"), Straddle())
    assert {place.y_mm for place in read_ofd(data).seals[0].places[1:]} == {79.0}


def test_text_under_a_seal_stays_black() -> None:
    before, after = shown(document()), shown(seal(document(), At(0, 40, 45)))
    dark = [place for place in range(200) if before.convert("L").tobytes()[170 * before.width + place] < 60]
    assert all(after.convert("L").tobytes()[170 * after.width + place] < 90 for place in dark)


@pytest.mark.parametrize(
    ("places", "fault"),
    [
        ([Named("nobody")], Fault.NO_SUCH_PLACE),
        ([At(7, 50, 50)], Fault.OUTSIDE_THE_PAGE),
        ([At(-1, 50, 50)], Fault.OUTSIDE_THE_PAGE),
        ([At(0, 10, 50)], Fault.OUTSIDE_THE_PAGE),
        ([At(0, 100, 290)], Fault.OUTSIDE_THE_PAGE),
        ([At(0, float("nan"), 50)], Fault.OUTSIDE_THE_PAGE),
        ([Straddle(5)], Fault.OUTSIDE_THE_PAGE),
        ([Named("transferor"), At(0, 50, 50)], Fault.NO_SUCH_PLACE),
        ([Named("transferor"), Named("platform")], Fault.NO_SUCH_PLACE),
    ],
)
def test_places_that_do_not_go_are_refused(places: list[Place], fault: Fault) -> None:
    not_prepared(fault, *places)


def test_a_place_is_filled_once() -> None:
    not_prepared(Fault.PLACE_TAKEN, data=one())
    not_prepared(Fault.PLACE_TAKEN, At(0, 50, 50), data=one(), name="transferor")


@pytest.mark.parametrize("name", ["1", "a b", "a.b", "<x>", "x" * 101])
def test_names_that_xml_does_not_take_are_refused(name: str) -> None:
    not_prepared(Fault.NO_SUCH_PLACE, At(0, 50, 50), name=name)


def test_names_may_be_chinese() -> None:
    assert hole(prepared(At(0, 50, 50), name="受让方")).name == "受让方"


def test_a_large_seal_does_not_go_into_a_small_place() -> None:
    small = replaced(document(), "OFD.xml", " 205.0002 50.0003 49.9999<", " 205 50 41.5<")
    not_prepared(Fault.LARGER_THAN_ITS_PLACE, data=small)


def test_a_document_that_waits_for_a_sealing_takes_no_other() -> None:
    not_prepared(Fault.SEVERAL_HOLES, At(0, 50, 50), data=prepared())


def test_a_document_that_a_signature_closed_takes_no_other() -> None:
    closed = replaced(one(), FIRST, 'FileRef="/OFD.xml"', f'FileRef="/{LIST}"')
    not_prepared(Fault.NO_SUCH_PLACE, At(0, 50, 50), data=closed)


def test_damaged_documents_are_refused() -> None:
    not_prepared(Fault.UNREADABLE, data=changed(document(), {"Doc_0/Document.xml": b"<x"}))
    not_prepared(Fault.UNREADABLE, data=changed(document(), {PAGE: None}))
    not_prepared(Fault.UNREADABLE, data=document() + b"x")


# Holes that are none


def test_a_sealed_or_untouched_document_has_no_hole() -> None:
    refused(document(), Fault.NO_HOLE)
    refused(one(), Fault.NO_HOLE)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({PAGE: b'<ofd:Page xmlns:ofd="http://www.ofdspec.org/2016"/>'}, Fault.OTHER_CONTENT),
        ({"Doc_0/Res/new.otf": b"x"}, Fault.LEAVES_OUT_MORE),
        ({"Doc_0/Signs/Sign_0/note.xml": b"x"}, Fault.LEAVES_OUT_MORE),
        ({"Doc_0/DocumentRes.xml": None}, Fault.LEAVES_OUT_MORE),
        ({"Doc_0/Signs/Sign_0/Seal.esl": OTHER_SEAL.der}, Fault.OTHER_CONTENT),
    ],
)
def test_a_file_that_is_not_listed_with_its_digest_is_refused(
    changes: Mapping[str, bytes | None], fault: Fault
) -> None:
    refused(changed(prepared(), changes), fault)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('CheckMethod="1.2.156.10197.1.401"', 'CheckMethod="MD5"', Fault.LEAVES_OUT_MORE),
        ('FileRef="/OFD.xml"', 'FileRef="/OFD2.xml"', Fault.LEAVES_OUT_MORE),
        ('FileRef="/OFD.xml"', 'FileRef="/../OFD.xml"', Fault.UNREADABLE),
        ('FileRef="/OFD.xml"', f'FileRef="/{PAGE}"', Fault.UNREADABLE),
        ("Sign_0/SignedValue.dat", "SignedValue.dat", Fault.LEAVES_OUT_MORE),
        ("/Doc_0/Signs/Sign_0/Seal.esl</", "/OFD.xml</", Fault.LEAVES_OUT_MORE),
        ('Boundary="119', 'Boundary="219', Fault.OUTSIDE_THE_PAGE),
        ("PageRef=", 'PageRef="99" Old=', Fault.NO_SUCH_PLACE),
        ("<ofd:StampAnnot", "<ofd:Stamp", Fault.NO_SUCH_PLACE),
        ('ID="transferor.0"', f'ID="{"x" * 200}"', Fault.UNREADABLE),
        ('Boundary="119 209.0002 42 42"', 'Boundary="1 2 3"', Fault.UNREADABLE),
        ('Boundary="119 209.0002 42 42"', 'Boundary="nan nan nan nan"', Fault.UNREADABLE),
    ],
)
def test_a_signature_that_says_something_else_is_refused(old: str, new: str, fault: Fault) -> None:
    refused(replaced(prepared(), FIRST, old, new), fault)


def test_lists_that_are_not_honest_are_refused() -> None:
    again = f'<ofd:Signature ID="s009" Type="Seal" BaseLoc="/{FIRST}"/></ofd:Signatures>'
    refused(replaced(prepared(), LIST, "</ofd:Signatures>", again), Fault.SEVERAL_HOLES)
    refused(replaced(prepared(), LIST, 'Type="Seal"', 'Type="Sign"'), Fault.NO_HOLE)
    first = read_package(one())[LIST].replace(b"s001", b"s000")
    refused(changed(prepared(Named("platform"), data=one()), {LIST: first}), Fault.NO_HOLE)
    refused(changed(prepared(), {LIST: None}), Fault.UNREADABLE)


def test_the_hole_of_a_second_party_has_to_be_the_last() -> None:
    data = prepared(Named("platform"), data=one())
    listed = read_package(data)[LIST]
    head, *entries = listed.decode().split("<ofd:Signature ")
    entries[-1] = entries[-1].removesuffix("</ofd:Signatures>")
    turned = head + "".join(f"<ofd:Signature {each}" for each in reversed(entries)) + "</ofd:Signatures>"
    refused(changed(data, {LIST: turned.encode()}), Fault.NO_HOLE)


# Filling


def test_only_the_sealing_of_this_document_is_taken() -> None:
    data = prepared()
    found = hole(data)
    right = sign_with_seal(
        SEAL, found.digest, SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY, at=NOW, covers=found.covers
    )
    assert verify(fill(data, right), trust(), now=NOW).verdict is Verdict.VALID
    other = sign_with_seal(
        OTHER_SEAL, found.digest, SUBSCRIBER_CERTIFICATE, SUBSCRIBER_KEY, at=NOW, covers=found.covers
    )
    for wrong in (replace(right, digest=sm3(b"x")), replace(right, covers="/OFD.xml"), other):
        with pytest.raises(DocumentError) as caught:
            fill(data, wrong)
        assert caught.value.fault == Fault.OTHER_CONTENT


def test_filling_changes_nothing_else() -> None:
    before = read_package(prepared())
    after = read_package(one())
    value = after.pop("Doc_0/Signs/Sign_0/SignedValue.dat")
    assert after == before
    assert read_ofd(write_package(after | {"Doc_0/Signs/Sign_0/SignedValue.dat": value})).seals[0].signature
