"""Seals in PDF files as they are seen: at their place, in their size, several in turn, over edges."""

import random
import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from io import BytesIO
from typing import Any

import pytest
import typst
from PIL import Image, ImageDraw
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DEFAULT_DIFF_POLICY, DiffResult

from signing.documents import (
    MAX_PLACES,
    At,
    DocumentError,
    Fault,
    Named,
    Place,
    Straddle,
    hole,
    prepare,
    seal_document,
)
from signing.findings import Verdict
from signing.issuing import TIME_STAMPER
from signing.layout import layout_of
from signing.ofd.writing import ofd_from_pdf
from signing.pdf.places import PlaceToMake, with_places
from signing.pdf.preparing import GM_SM2
from signing.pdf.preparing import prepare as prepare_pdf
from signing.pdf.widgets import grouped
from signing.seal import Picture, Seal, SealError
from signing.seal_picture import name_chop, official_seal
from signing.sm2 import PrivateKey
from signing.timestamp import Stamper, read_response, request, signature_digest
from signing.typesetting import fonts
from signing.verification import verify
from tests import sealkit
from tests.pagekit import drawn, plain_pdf, red_box, text_of

SVG = official_seal("甲方示例单位", number="4301000000001")
SEAL = sealkit.sealed(picture=Picture("svg", SVG, 42, 42))
SLACK_MM = 0.6
"""A dot at 60 dpi is 0.42 mm."""


def with_picture(kind: str, data: bytes, width: int = 42, height: int = 42) -> Seal:
    return sealkit.sealed(picture=Picture(kind, data, width, height))


def png(size: int = 200, *, alpha: bool = True) -> bytes:
    """A red ring, transparent or on white."""
    image = Image.new("RGBA", (size, size), (255, 255, 255, 0 if alpha else 255))
    ImageDraw.Draw(image).ellipse((2, 2, size - 3, size - 3), outline=(215, 20, 26, 255), width=size // 20)
    out = BytesIO()
    (image if alpha else image.convert("RGB")).save(out, "PNG")
    return out.getvalue()


def sealed(data: bytes, *places: Place, by: Seal = SEAL, **more: Any) -> bytes:
    certificate, key = sealkit.SUBSCRIBER_CERTIFICATE, sealkit.SUBSCRIBER_KEY
    return seal_document(data, by, certificate, key, places, at=sealkit.NOW, **more)


def assert_box(found: tuple[float, ...] | None, *wanted: float) -> None:
    assert found is not None
    assert found == pytest.approx(wanted, abs=SLACK_MM)


def fault_of(data: bytes, *places: Place, by: Seal = SEAL, **more: Any) -> Fault:
    with pytest.raises(DocumentError) as caught:
        prepare(data, by, places, at=sealkit.NOW, **more)
    return caught.value.fault


# Place and size


def test_a_seal_stands_where_it_was_put_in_its_own_size() -> None:
    made = sealed(plain_pdf(2), At(1, 70, 120))
    assert red_box(drawn(made, 0)) is None
    assert_box(red_box(drawn(made, 1)), 49, 99, 91, 141)


@pytest.mark.parametrize(("kind", "data"), [("png", png()), ("PNG", png(alpha=False)), ("svg", SVG)])
def test_pictures_of_each_kind_have_the_same_size(kind: str, data: bytes) -> None:
    made = sealed(plain_pdf(), At(0, 70, 120), by=with_picture(kind, data))
    assert_box(red_box(drawn(made, 0)), 49, 99, 91, 141)


def test_a_name_chop_keeps_its_sides() -> None:
    made = sealed(plain_pdf(), At(0, 70, 120), by=with_picture("svg", name_chop("测试一"), 20, 10))
    assert_box(red_box(drawn(made, 0)), 60, 115, 80, 125)


@pytest.mark.parametrize("alpha", [True, False])
def test_black_text_under_a_seal_stays_black(alpha: bool) -> None:
    """As under ink: also where the picture has a white background."""
    clear, covered = (
        drawn(pdf, 0, 100).crop((90, 90, 350, 125))
        for pdf in (plain_pdf(), sealed(plain_pdf(), At(0, 55, 28), by=with_picture("png", png(alpha=alpha))))
    )
    for before, after in zip(clear.get_flattened_data(), covered.get_flattened_data(), strict=True):
        assert max(before) > 90 or max(after) < 130


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_on_a_turned_page_the_seal_stands_upright_where_the_reader_sees_it(turn: int) -> None:
    pdf = repaired(plain_pdf().replace(b"/Type/Page/Resources", b"/Type/Page/Rotate %d/Resources" % turn))
    seal = with_picture("svg", name_chop("测试一"), 20, 10)
    image = drawn(sealed(pdf, At(0, 50, 80), by=seal), 0)
    assert image.width < image.height if turn % 180 == 0 else image.width > image.height
    assert_box(red_box(image), 40, 75, 60, 85)
    upright = drawn(sealed(plain_pdf(), At(0, 50, 80), by=seal), 0)
    size = image.crop((90, 174, 147, 204)).tobytes(), upright.crop((90, 174, 147, 204)).tobytes()
    different = sum(abs(one - other) > 80 for one, other in zip(*size, strict=True))
    assert different < 0.06 * len(size[0])


def repaired(pdf: bytes) -> bytes:
    """The index anew, after bytes were put in."""
    begin = pdf.rindex(b"xref\n0 ")
    objects = {int(found[1]): found.start() for found in re.finditer(rb"(?m)^(\d+) 0 obj$", pdf[:begin])}
    lines = [b"%010d 00000 n \n" % objects[number] for number in sorted(objects)]
    trailer = pdf[pdf.index(b"trailer", begin) :]
    end = b"startxref\n%d\n%%%%EOF" % begin
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(lines) + 1)
    return pdf[:begin] + head + b"".join(lines) + trailer[: trailer.index(b"startxref")] + end


@pytest.mark.parametrize(
    "place", [At(0, 20, 120), At(0, 70, 20), At(0, 190, 120), At(0, 70, 280), At(1, 70, 70), At(-1, 70, 70)]
)
def test_a_seal_does_not_stand_over_the_edge_or_nowhere(place: At) -> None:
    assert fault_of(plain_pdf(), place) is Fault.OUTSIDE_THE_PAGE


# Several parties


def reviewed(pdf: bytes) -> list[int]:
    """Revisions whose successors are nothing but seals, by pyHanko's own policy."""
    reader = PdfFileReader(BytesIO(pdf))
    results = [
        DEFAULT_DIFF_POLICY.review_file(reader, revision)
        for revision in range(1, reader.xrefs.total_revisions)
    ]
    return [number for number, result in enumerate(results, 1) if isinstance(result, DiffResult)]


def test_three_parties_seal_in_turn_and_every_seal_stays_valid() -> None:
    names = ("transferee", "transferor", "platform")
    pdf = with_places(
        plain_pdf(), [PlaceToMake(name, At(0, 40 + 60 * index, 150)) for index, name in enumerate(names)]
    )
    for count, name in enumerate(names, 1):
        before, pdf = pdf, sealed(pdf, Named(name))
        assert pdf.startswith(before)
        report = verify(pdf, sealkit.trust(), now=sealkit.NOW)
        assert [entry.found.name for entry in report.seals] == list(names[:count])
        assert all(entry.found.coverage.holds for entry in report.seals)
        assert report.verdict is not Verdict.INVALID
    assert reviewed(pdf) == [1, 2, 3, 4]
    assert_box(red_box(drawn(pdf, 0)), 19, 129, 181, 171)


def test_a_place_is_sealed_once() -> None:
    pdf = sealed(with_places(plain_pdf(), [PlaceToMake("one", At(0, 60, 60))]), Named("one"))
    assert fault_of(pdf, Named("one")) is Fault.PLACE_TAKEN
    assert fault_of(pdf, Named("two")) is Fault.NO_SUCH_PLACE


def test_a_sealed_document_takes_no_new_places() -> None:
    pdf = sealed(plain_pdf(2), At(0, 60, 60))
    assert fault_of(pdf, At(0, 60, 160)) is Fault.SEALED_BEFORE
    assert fault_of(pdf, Straddle()) is Fault.SEALED_BEFORE


def test_a_document_that_waits_for_one_party_is_not_prepared_for_another() -> None:
    pdf = with_places(plain_pdf(), [PlaceToMake("one", At(0, 60, 60)), PlaceToMake("two", At(0, 60, 160))])
    waiting = prepare(pdf, SEAL, [Named("one")], at=sealkit.NOW)
    assert fault_of(waiting, Named("two")) is Fault.SEVERAL_HOLES


def test_a_seal_larger_than_its_place_is_refused() -> None:
    pdf = with_places(plain_pdf(2), [PlaceToMake("small", At(0, 60, 60), 40, 40)])
    assert fault_of(pdf, Named("small")) is Fault.LARGER_THAN_ITS_PLACE
    assert sealed(pdf, Named("small"), by=with_picture("svg", SVG, 40, 40))


def test_a_named_place_goes_alone_or_with_its_own_straddle_seal() -> None:
    places = [
        PlaceToMake("plain", At(0, 60, 60)),
        PlaceToMake("more", At(0, 60, 160), straddle=Straddle()),
    ]
    pdf = with_places(plain_pdf(2), places)
    for wrong in (
        [Named("plain"), Straddle()],
        [Named("plain"), Named("more")],
        [Named("more"), At(0, 60, 60)],
        [Named("more"), Straddle(99)],
        [Named("more"), Straddle(), Straddle()],
    ):
        assert fault_of(pdf, *wrong) is Fault.NO_SUCH_PLACE
    assert fault_of(pdf) is Fault.NO_SUCH_PLACE
    assert fault_of(pdf, *[At(0, 60, 60)] * (MAX_PLACES + 1)) is Fault.NO_SUCH_PLACE


@pytest.mark.parametrize("name", ["a.b", "x" * 101, "one", "line\nend"])
def test_names_that_a_place_cannot_have(name: str) -> None:
    pdf = with_places(plain_pdf(), [PlaceToMake("one", At(0, 60, 60))])
    assert fault_of(pdf, At(0, 60, 160), name=name) in (Fault.NO_SUCH_PLACE, Fault.PLACE_TAKEN)
    with pytest.raises(DocumentError):
        with_places(pdf, [PlaceToMake(name, At(0, 60, 160))])


def test_the_layout_names_the_empty_places() -> None:
    pdf = with_places(plain_pdf(2), [PlaceToMake(name, At(0, 60, y)) for name, y in (("a", 60), ("b", 160))])
    layout = layout_of(pdf)
    assert (len(layout.pages), layout.free, layout.sealed) == (2, ("a", "b"), False)
    assert layout.pages[0] == pytest.approx((210, 297), abs=0.01)
    assert (layout_of(sealed(pdf, Named("a"))).free, layout_of(sealed(pdf, Named("a"))).sealed) == (
        ("b",),
        True,
    )


# Over the edges of pages


@pytest.mark.parametrize("pages", [2, 3, 7])
def test_the_slices_of_a_straddle_seal_make_up_the_seal(pages: int) -> None:
    pdf = sealed(plain_pdf(pages), Straddle(150))
    whole = drawn(sealed(plain_pdf(), At(0, 100, 150)), 0, 144)
    left, top, size = (round(value * 144 / 25.4) for value in (79, 129, 42))
    expected = whole.crop((left, top, left + size, top + size))
    put_together = Image.new("RGB", (size, size), "white")
    for page in range(pages):
        image = drawn(pdf, page, 144)
        across = 42 * 144 / 25.4 / pages
        part = image.crop((round(image.width - across), top, image.width, top + size))
        put_together.paste(part, (round(page * across), 0))
    pairs = zip(expected.convert("L").tobytes(), put_together.convert("L").tobytes(), strict=True)
    different = sum(abs(one - other) > 100 for one, other in pairs)
    assert different < 0.05 * size * size
    assert red_box(drawn(pdf, 0)) is not None


def test_a_straddle_seal_and_a_seal_are_one_sealing() -> None:
    made = [PlaceToMake("party", At(2, 60, 60), straddle=Straddle(100))]
    pdf = sealed(with_places(plain_pdf(3), made), Named("party"), Straddle())
    report = verify(pdf, sealkit.trust(), now=sealkit.NOW)
    assert [entry.found.name for entry in report.seals] == ["party"]
    assert [place.page for place in report.seals[0].found.places] == [2, 0, 1, 2]
    assert report.verdict is not Verdict.INVALID
    assert_box(red_box(drawn(pdf, 0)), 196, 80.2, 210, 119.8)  # a third of a circle


def test_the_straddle_places_of_two_parties_are_filled_in_turn() -> None:
    made = [
        PlaceToMake(name, At(2, x, 60), straddle=Straddle(y))
        for name, x, y in (("a", 60, 100), ("b", 140, 180))
    ]
    pdf = with_places(plain_pdf(3), made)
    for name in ("a", "b"):
        pdf = sealed(pdf, Named(name), Straddle())
    report = verify(pdf, sealkit.trust(), now=sealkit.NOW)
    assert all(entry.found.coverage.holds for entry in report.seals)
    assert report.verdict is not Verdict.INVALID
    assert_box(red_box(drawn(pdf, 1)), 196, 79, 210, 201)


def test_two_parties_straddle_thirteen_pages_in_pdf_and_ofd() -> None:
    made = [
        PlaceToMake("a", At(12, 60, 60), straddle=Straddle(100)),
        PlaceToMake("b", At(12, 140, 60), straddle=Straddle(200)),
    ]
    pdf = with_places(plain_pdf(13), made)
    for document in (pdf, ofd_from_pdf(pdf, title="示例", created=sealkit.NOW)):
        for name in ("a", "b"):
            document = sealed(document, Named(name), Straddle())
        report = verify(document, sealkit.trust(), now=sealkit.NOW)
        assert report.verdict is Verdict.VALID, [str(finding) for finding in report.findings]
        assert [len(entry.found.places) for entry in report.seals] == [14, 14]


def test_one_page_has_nothing_to_straddle() -> None:
    assert fault_of(plain_pdf(), Straddle()) is Fault.NO_SUCH_PLACE
    assert fault_of(plain_pdf(2), Straddle(5)) is Fault.OUTSIDE_THE_PAGE


def test_long_documents_have_several_pictures_over_their_edges() -> None:
    assert [len(group) for group in grouped(12)] == [12]
    assert [len(group) for group in grouped(13)] == [6, 7]
    assert [len(group) for group in grouped(30)] == [10, 10, 10]
    for pages in range(2, 200):
        covered = [page for group in grouped(pages) for page in group]
        assert covered == list(range(pages))
        assert all(2 <= len(group) <= 12 for group in grouped(pages))


# Pictures that are not shown


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("png", b"\x89PNG no picture"),
        ("png", b""),
        ("jpg", png()),
        ("ofd", b"PK"),
        ("exe", b"MZ"),
        ("svg", b"<svg"),
        ("svg", b"<html/>"),
        (
            "svg",
            b'<!DOCTYPE svg [<!ENTITY a "aa">]><svg xmlns="http://www.w3.org/2000/svg"><text>&a;</text></svg>',
        ),
        ("svg", b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'),
        ("svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>'),
        ("svg", b'<svg xmlns="http://www.w3.org/2000/svg"><rect fill="url(http://x.example/a)"/></svg>'),
        ("svg", b'<svg xmlns="http://www.w3.org/2000/svg"><text style="fill:red">a</text></svg>'),
        ("svg", b'<svg xmlns="http://www.w3.org/2000/svg">' + b"<g/>" * 6_000 + b"</svg>"),
        ("svg", b"\xff\xfe"),
    ],
)
def test_a_picture_that_is_not_shown_is_a_reason(kind: str, data: bytes) -> None:
    assert fault_of(plain_pdf(), At(0, 60, 60), by=with_picture(kind, data)) is Fault.PICTURE


def test_a_picture_that_unpacks_to_too_much_is_refused() -> None:
    image = Image.new("1", (20_000, 20_000))
    out = BytesIO()
    image.save(out, "PNG")
    assert len(out.getvalue()) < 200_000
    assert fault_of(plain_pdf(), At(0, 60, 60), by=with_picture("png", out.getvalue())) is Fault.PICTURE


# Around the signature


def test_a_time_stamp_goes_into_the_sealing_and_proves_its_time() -> None:
    key = PrivateKey.generate()
    stamper = Stamper(
        sealkit.issued("示例时间戳", key, TIME_STAMPER), key, "1.3.6.1.4.1.99999.1", (sealkit.CA,)
    )

    def stamp(signature: bytes) -> bytes:
        asked = request(signature_digest(signature))
        return read_response(stamper.answer(asked.der, now=sealkit.NOW), asked)

    pdf = with_places(plain_pdf(2), [PlaceToMake(name, At(1, 60, y)) for name, y in (("a", 60), ("b", 160))])
    for name in ("a", "b"):
        pdf = sealed(pdf, Named(name), stamp=stamp)
    report = verify(pdf, sealkit.trust(), now=sealkit.NOW + sealkit.DAY)
    assert (report.verdict, report.findings) == (Verdict.VALID, ())
    assert [entry.proven_time for entry in report.seals] == [sealkit.NOW] * 2


def test_a_stamp_that_is_too_long_is_refused_before_anything_is_written() -> None:
    with pytest.raises(DocumentError) as caught:
        sealed(plain_pdf(), At(0, 60, 60), stamp=lambda _signature: bytes(40_000))
    assert caught.value.fault is Fault.DOES_NOT_FIT


def test_a_seal_is_used_by_its_owner_and_in_its_time() -> None:
    certificate, key = sealkit.OTHER_CERTIFICATE, sealkit.OTHER_KEY
    with pytest.raises(SealError):
        seal_document(plain_pdf(), SEAL, certificate, key, [At(0, 60, 60)], at=sealkit.NOW)
    late = sealkit.NOW + 400 * sealkit.DAY
    certificate, key = sealkit.SUBSCRIBER_CERTIFICATE, sealkit.SUBSCRIBER_KEY
    with pytest.raises(SealError):
        seal_document(plain_pdf(), SEAL, certificate, key, [At(0, 60, 60)], at=late)


def test_filter_and_subfilter_are_what_is_asked_for() -> None:
    usual = prepare_pdf(plain_pdf(), SEAL, [At(0, 60, 60)], at=sealkit.NOW)
    other = prepare_pdf(plain_pdf(), SEAL, [At(0, 60, 60)], at=sealkit.NOW, names=GM_SM2)
    assert b"/Filter /Gomain.GMPkiLite\n/SubFilter /GM.sm2seal\n" in usual
    assert b"/Filter /GM.PKILite\n/SubFilter /GM.SM2\n" in other
    assert hole(other).capacity == hole(usual).capacity


def test_text_under_seals_can_still_be_copied() -> None:
    assert "成交确认书示例" in text_of(sealed(plain_pdf(), At(0, 60, 40)), 0)


def test_places_leave_a_document_tagged_and_archivable() -> None:
    """What PDF/A and PDF/UA ask of a field: printed, with an appearance, named, part of the structure."""
    pdf = with_places(plain_pdf(2), [PlaceToMake("one", At(0, 60, 60), straddle=Straddle(), label="盖章处")])
    reader = PdfFileReader(BytesIO(pdf))
    field = reader.root["/AcroForm"]["/Fields"][0]
    assert field["/TU"] == "盖章处"
    tree = reader.root["/StructTreeRoot"]
    numbers = tree["/ParentTree"]["/Nums"]
    parents = {int(numbers[index]): numbers[index + 1] for index in range(0, len(numbers), 2)}
    for widget in (reference.get_object() for reference in field["/Kids"]):
        assert int(widget["/F"]) & 4
        assert widget["/AP"]["/N"].data == b""
        element = parents[int(widget["/StructParent"])]
        assert (element["/S"], element["/K"]["/Type"]) == ("/Form", "/OBJR")
        assert element["/K"].raw_get("/Obj").idnum == widget.container_ref.idnum
    assert int(tree["/ParentTreeNextKey"]) == max(parents) + 1


def test_a_document_without_structure_is_sealed_too() -> None:
    compiler = typst.Compiler(font_paths=fonts(), ignore_system_fonts=True)
    made = compiler.compile(b'#set page(paper: "a5")\nA', format="pdf", pdf_standards="1.4", timestamp=0)
    assert isinstance(made, bytes)
    pdf = sealed(with_places(made, [PlaceToMake("one", At(0, 60, 60))]), Named("one"))
    assert_box(red_box(drawn(pdf, 0)), 39, 39, 81, 81)


def test_a_larger_document_than_is_read_is_refused() -> None:
    with pytest.raises(DocumentError) as caught:
        prepare(b"%PDF-1.7\n" + bytes(21 << 20), SEAL, [At(0, 60, 60)], at=sealkit.NOW)
    assert caught.value.fault is Fault.TOO_LARGE


# Pictures that are OFD documents


@cache
def ofd_picture() -> bytes:
    """A ring with two characters, as makers of seals draw them."""
    source = (
        "#set page(width: 42mm, height: 42mm, margin: 0pt)\n"
        '#set text(font: "Noto Serif SC", fill: red, size: 20pt)\n'
        "#place(dx: 0.5mm, dy: 0.5mm, circle(radius: 20.5mm, stroke: 1mm + red))\n"
        "#place(center + horizon)[公章]"
    )
    compiler = typst.Compiler(font_paths=fonts(), ignore_system_fonts=True)
    page = compiler.compile(source.encode(), format="pdf", timestamp=0)
    assert isinstance(page, bytes)
    return ofd_from_pdf(page, title="印章", created=sealkit.NOW)


def test_a_picture_that_is_an_ofd_document_is_drawn() -> None:
    made = sealed(plain_pdf(), At(0, 70, 120), by=with_picture("ofd", ofd_picture()))
    assert_box(red_box(drawn(made, 0)), 49, 99, 91, 141)


def test_a_picture_with_a_seal_in_it_or_with_pages_is_not_drawn() -> None:
    inner = with_picture("ofd", ofd_picture(), 10, 10)
    sealed_picture = sealed(ofd_picture(), At(0, 20, 20), by=inner)
    two_pages = ofd_from_pdf(plain_pdf(2), title="印章", created=sealkit.NOW)
    for data in (sealed_picture, two_pages, b"PK\x03\x04"):
        assert fault_of(plain_pdf(), At(0, 60, 60), by=with_picture("ofd", data)) is Fault.PICTURE


# Files that are broken


MARKS = (b"/Kids", b"/Parent", b"/P ", b"/Rect", b"/Annots", b"/AcroForm", b"/Fields", b"/V ", b"/MediaBox")
MORE_MARKS = (b" 0 R", b"/Count", b"/AP", b"/StructTreeRoot", b"/ParentTree", b"/Nums", b"/K", b"/Type")


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_file_is_refused_with_a_reason_or_sealed_as_it_is(seed: int) -> None:
    dice = random.Random(seed)
    chop = with_picture("svg", name_chop("测试一"), 20, 10)
    base = with_places(plain_pdf(2), [PlaceToMake("one", At(0, 60, 60), straddle=Straddle())])
    prepared = prepare(base, chop, [Named("one"), Straddle()], at=sealkit.NOW)
    steps: list[Callable[[bytes], Any]] = [
        hole,
        layout_of,
        lambda data: prepare(data, chop, [Named("one"), Straddle()], at=sealkit.NOW),
        lambda data: prepare(data, chop, [At(0, 60, 100)], at=sealkit.NOW),
        lambda data: with_places(data, [PlaceToMake("two", At(1, 60, 60))]),
    ]
    for _ in range(25):
        data = damaged(dice.choice((base, prepared)), dice)
        for step in steps:
            with suppress(DocumentError):  # and no other error
                step(data)


def damaged(data: bytes, dice: random.Random) -> bytes:
    """A few bytes changed, half of them where they count."""
    changed = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        mark = dice.choice(MARKS + MORE_MARKS)
        found = changed.find(mark, dice.randrange(len(changed)))
        if dice.random() < 0.5 and found >= 0:
            place = min(found + len(mark) + dice.randrange(6), len(changed) - 1)
            changed[place] = dice.choice(b"0123456789 <>[]()/")
        else:
            changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)
