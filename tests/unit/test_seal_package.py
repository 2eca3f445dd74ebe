"""Seals' pictures as packages: what the authority draws is vectors of exact size, everywhere it is shown."""

from io import BytesIO
from typing import Any

import pypdfium2
import pytest
from PIL import Image, ImageChops
from pyhanko.pdf_utils.reader import PdfFileReader

from certificates.authority.drawing import drawn
from certificates.authority.port import NotIssued
from signing.assistant.pages import source_of
from signing.document_findings import AppearanceNotCompared, SwappedAppearance
from signing.documents import At, DocumentError, Named
from signing.ofd.content import read_pages
from signing.ofd.marks import Box, Shape
from signing.ofd.package import read_package, write_package
from signing.ofd.pages import seal_image
from signing.ofd.picture import as_dots, as_page, packaged
from signing.ofd.structure import read_structure
from signing.pdf.drawing import as_png
from signing.pdf.pictures import dots_of, vectors_of
from signing.pdf.svg import svg_page
from signing.seal import Picture, SealKind
from signing.seal_picture import official_seal
from signing.sm3 import sm3
from signing.verification import SealedDocument
from tests.pdfkit import CHOP, SEAL, document, plain, seal

NAME = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥东南西北上下左右"
ROUND = drawn("甲方示例单位", SealKind.ORGANIZATION, "4301000000001")
PERSON = drawn("测试一", SealKind.PERSON, "")
CONTENT = "Doc_0/Pages/Page_0/Content.xml"


def rendered(pdf: bytes) -> Any:
    return pypdfium2.PdfDocument(pdf)[0].render(scale=6).to_pil().convert("L")


def changed(picture: Picture, old: bytes, new: bytes) -> Picture:
    files = dict(read_package(picture.data))
    assert old in files[CONTENT]
    files[CONTENT] = files[CONTENT].replace(old, new)
    return Picture("ofd", write_package(files), picture.width_mm, picture.height_mm)


def forms_of(pdf: bytes) -> list[Any]:
    """The forms /Seal in the appearances of a PDF."""
    root: Any = PdfFileReader(BytesIO(pdf)).root
    pages = [kid.get_object() for kid in root["/Pages"]["/Kids"]]
    widgets = [widget.get_object() for page in pages for widget in page.get("/Annots", [])]
    normals = [widget["/AP"]["/N"] for widget in widgets if "/AP" in widget]
    return [each["/Resources"]["/XObject"]["/Seal"] for each in normals if b"/Seal Do" in each.data]


@pytest.mark.parametrize(("picture", "size"), [(ROUND, (42, 42)), (PERSON, (20, 10))])
def test_the_authority_draws_shapes_of_exact_size(picture: Picture, size: tuple[int, int]) -> None:
    structure = read_structure(read_package(picture.data))
    pages, resources = read_pages(structure)
    assert picture.kind == "ofd"
    assert not structure.signatures
    assert (picture.width_mm, picture.height_mm) == size
    assert [pages[0].width, pages[0].height] == list(size)
    shapes = [framed.mark for framed in pages[0].marks if isinstance(framed.mark, Shape)]
    assert len(shapes) == len(pages[0].marks) > 3
    large = [shape for shape in shapes if Box.around(shape.points).height > 4]
    assert all(shape.stroke for shape in large), "some readers draw lines only"
    assert not resources.fonts
    assert not resources.images


def test_the_same_name_gives_the_same_bytes_and_few_of_them() -> None:
    assert drawn("甲方示例单位", SealKind.ORGANIZATION, "4301000000001") == ROUND
    assert drawn("乙方示例单位", SealKind.ORGANIZATION, "4301000000001") != ROUND
    assert len(drawn(NAME, SealKind.ORGANIZATION, "4301000000001").data) < 60_000


@pytest.mark.parametrize("number", ["", "4301000000001"])
def test_the_outlines_look_like_the_text_that_was_drawn(number: str) -> None:
    svg = official_seal(NAME, number=number, lower_text="合同专用章")
    page = as_page(packaged(svg, 42, 42, title=NAME).data, 42, 42)
    assert page is not None
    difference = worst(ImageChops.difference(rendered(page), rendered(svg_page(svg, 42, 42))))
    missing = worst(ImageChops.subtract(rendered(page), rendered(svg_page(svg, 42, 42))))
    assert difference < 40
    assert missing < 32
    assert rendered(page).getextrema()[0] < 100


def worst(difference: Any) -> int:
    """At any spot of half a millimetre."""
    return int(difference.resize((84, 84), Image.Resampling.BOX).getextrema()[1])


def test_a_name_with_a_character_that_our_fonts_lack_is_not_drawn_without_it() -> None:
    with pytest.raises(NotIssued):
        drawn("老𠮷", SealKind.PERSON, "")


def test_markup_in_a_name_is_text() -> None:
    assert vectors_of(drawn("<&>甲", SealKind.PERSON, "")) is not None


def test_a_sealed_pdf_has_vectors() -> None:
    forms = forms_of(seal(document(), Named("transferor")))
    assert len(forms) == 1
    assert b"/Picture Do" not in forms[0].data
    assert forms[0].data.count(b" c\n") > 50
    assert "/XObject" not in forms[0]["/Resources"]
    left, bottom, right, top = (float(side) for side in forms[0]["/BBox"])
    assert (left, bottom) == (0, 0)
    assert (right, top) == pytest.approx((42 / 25.4 * 72,) * 2, abs=0.01)


def test_what_is_prepared_twice_is_the_same() -> None:
    first, second = (forms_of(seal(document(), Named("transferor"), by=SEAL))[0].data for _ in range(2))
    assert sm3(first) == sm3(second)
    assert forms_of(seal(document(), Named("transferor"), by=CHOP))[0].data != first


@pytest.mark.parametrize("picture", [ROUND, PERSON])
def test_it_is_shown_on_pages_of_ofd_with_nothing_behind_it(picture: Picture) -> None:
    image = seal_image(picture, 150)
    opaque = image.getchannel("A").histogram()
    assert opaque[0] > sum(opaque) * 0.5
    assert opaque[255] > sum(opaque) * 0.1
    assert image.width / image.height == pytest.approx(picture.width_mm / picture.height_mm, rel=0.02)


def test_the_assistant_and_the_report_show_it() -> None:
    assert source_of(ROUND).startswith("data:image/png;base64,")
    with Image.open(BytesIO(as_png(ROUND))) as image:
        red, green, _ = (channel.histogram() for channel in image.convert("RGB").split())
    assert sum(green[:80]) > 500 > sum(red[:80])
    assert source_of(Picture("ofd", b"x", 42, 42)) == ""
    assert source_of(Picture("eps", b"x", 42, 42)) == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'Value="215 20 26"/><ofd:Abb', b'Value="215 20 26" Alpha="100"/><ofd:Abb'),
        (b'Boundary="', b'Boundary="9'),
        (b'MiterLimit="4"', b'MiterLimit="0.5"'),
        (b"<ofd:AbbreviatedData>M", b"<ofd:AbbreviatedData>C M"),
    ],
    ids=["transparent", "beyond its boundary", "an impossible limit", "no beginning"],
)
def test_what_is_more_than_plain_shapes_is_dots_or_refused(old: bytes, new: bytes) -> None:
    """As PDFium draws it from the package, or not at all: never as other programs would not show it."""
    picture = changed(ROUND, old, new)
    try:
        assert vectors_of(picture) is None
        assert dots_of(picture)[1] == "PNG"
    except DocumentError:
        pass


def test_lines_areas_dashes_and_rules_are_drawn_as_pdfium_draws_them() -> None:
    shapes = (
        b'<ofd:PathObject ID="900" Boundary="0 0 42 42" LineWidth="1" Cap="Round" Join="Bevel" Stroke="true" '
        b'DashPattern="3 2" DashOffset="1"><ofd:StrokeColor Value="0 0 255"/>'
        b"<ofd:AbbreviatedData>M 5 30 L 20 36 Q 30 30 37 35</ofd:AbbreviatedData></ofd:PathObject>"
        b'<ofd:PathObject ID="901" Boundary="0 0 42 42" Stroke="false" Fill="true" Rule="Even-Odd">'
        b'<ofd:FillColor Value="0 128 0"/><ofd:AbbreviatedData>M 8 8 L 34 8 L 34 20 L 8 20 C '
        b"M 12 10 L 30 10 L 30 18 L 12 18 C</ofd:AbbreviatedData></ofd:PathObject></ofd:Layer>"
    )
    picture = changed(ROUND, b"</ofd:Layer>", shapes)
    page = vectors_of(picture)
    assert page is not None
    vectors = rendered(page)
    dots = Image.open(BytesIO(as_dots(picture.data))).convert("L").resize(vectors.size, Image.Resampling.BOX)
    assert worst(ImageChops.difference(vectors, dots)) < 40


def test_a_seal_put_in_as_dots_still_counts_as_its_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of the kind "ofd" were dots before, and are in the files of other programs."""
    with monkeypatch.context() as before:
        before.setattr("signing.pdf.pictures.vectors_of", lambda picture: None)
        dots = seal(plain(), At(0, 100, 150))
    assert b"/Picture Do" in forms_of(dots)[0].data
    findings = SealedDocument.open(dots).seals[0].findings
    assert not [each for each in findings if isinstance(each, SwappedAppearance | AppearanceNotCompared)]
