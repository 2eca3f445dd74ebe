"""A rendered PDF as OFD: the same text, the same look, fonts that others can read, places for seals."""

import re
import struct
from collections import Counter
from datetime import date
from io import BytesIO
from itertools import pairwise

import pypdfium2
import pytest
import typst
from lxml import etree
from PIL import Image, ImageChops, ImageFont

from signing.ofd.characters import characters_of
from signing.ofd.content import read_pages
from signing.ofd.errors import CannotConvert
from signing.ofd.marks import Text
from signing.ofd.markup import NAMESPACE
from signing.ofd.package import read_package
from signing.ofd.pages import pages_as_png
from signing.ofd.pdf_operators import operators
from signing.ofd.structure import read_structure
from signing.ofd.writing import ofd_from_pdf
from tests.ofdfiles import document, pdf_of, with_named_places

DAY = date(2026, 6, 1)


def made(body: str) -> bytes:
    return ofd_from_pdf(pdf_of(body), title="示例", created=DAY)


def texts(data: bytes) -> list[str]:
    pages, _ = read_pages(read_structure(read_package(data)))
    return [
        "".join(g.text for each in page.marks if isinstance(each.mark, Text) for g in each.mark.glyphs)
        for page in pages
    ]


def letters(text: str) -> Counter[str]:
    return Counter("".join(text.replace("\ufb03", "ffi").split()))


def codes(data: bytes) -> list[str]:
    """What other programs copy: the text of all TextCode elements of the first page."""
    root = etree.fromstring(read_package(data)["Doc_0/Pages/Page_0/Content.xml"])
    return [element.text or "" for element in root.iter(f"{{{NAMESPACE}}}TextCode")]


def test_the_text_is_that_of_the_pdf() -> None:
    pdf = pypdfium2.PdfDocument(pdf_of())
    root = [read_package(document())[f"Doc_0/Pages/Page_{page}/Content.xml"] for page in range(2)]
    for page, content in enumerate(root):
        found = "".join(map(str, etree.fromstring(content).itertext(f"{{{NAMESPACE}}}TextCode")))
        assert letters(found) == letters(pdf[page].get_textpage().get_text_range())
    pdf.close()


def test_lines_are_whole_so_that_a_search_finds_them() -> None:
    assert "甲方示例单位（Party A）与乙方：" in codes(document())
    assert "编号" in codes(document())


def test_the_pages_look_like_those_of_the_pdf() -> None:
    pdf = pypdfium2.PdfDocument(pdf_of())
    shown = pages_as_png(document(), 100)
    assert len(shown) == len(pdf)
    for page, png in enumerate(shown):
        ours = Image.open(BytesIO(png)).convert("RGB")
        theirs = pdf[page].render(scale=100 / 72).to_pil().convert("RGB")
        assert ours.size == theirs.size
        difference = ImageChops.difference(ours, theirs).convert("L").histogram()
        assert sum(difference[64:]) < 200, f"page {page + 1} differs"
        assert sum(ours.convert("L").histogram()[:128]) > 200, "nothing is drawn"
    pdf.close()


def test_equal_input_gives_equal_bytes() -> None:
    assert ofd_from_pdf(with_named_places(), title="成交确认书", created=DAY) == document()


def test_each_file_is_named_by_another_one() -> None:
    files = read_package(document())
    fonts = [name for name in files if name.endswith(".otf")]
    assert len(fonts) == 2
    wanted = {"OFD.xml", "Doc_0/Document.xml", "Doc_0/PublicRes.xml", "Doc_0/DocumentRes.xml", *fonts}
    wanted |= {f"Doc_0/Pages/Page_{page}/Content.xml" for page in range(2)}
    assert set(files) == wanted | {"Doc_0/Signs/Signatures.xml"}


ORDER = {
    "DocBody": ["DocInfo", "DocRoot", "Signatures"],
    "DocInfo": ["DocID", "Title", "CreationDate", "Creator", "CustomDatas"],
    "Document": ["CommonData", "Pages"],
    "CommonData": ["MaxUnitID", "PageArea", "PublicRes", "DocumentRes"],
    "Page": ["Area", "Content"],
    "TextObject": ["FillColor", "StrokeColor", "CGTransform", "TextCode"],
    "PathObject": ["StrokeColor", "FillColor", "AbbreviatedData"],
}
"""GB/T 33190-2016, the sequences of its schema, as far as they are written."""


def test_elements_stand_in_the_order_of_the_standard() -> None:
    for name, content in read_package(document()).items():
        if not name.endswith(".xml"):
            continue
        for element in etree.fromstring(content).iter():
            assert etree.QName(element).namespace == NAMESPACE
            order = ORDER.get(etree.QName(element).localname, [])
            places = [order.index(etree.QName(child).localname) for child in element] if order else []
            assert places == sorted(places), f"{name}: {element.tag}"


def test_identifiers_are_unique_and_the_largest_is_told() -> None:
    files = read_package(document())
    found: list[int] = []
    for name, content in files.items():
        if name.endswith(".xml"):
            found += [int(each.get("ID", 0)) for each in etree.fromstring(content).iter() if each.get("ID")]
    assert len(found) == len(set(found))
    largest = re.search(rb"MaxUnitID>(\d+)<", files["Doc_0/Document.xml"])
    assert largest is not None
    assert int(largest[1]) == max(found)


def test_fonts_can_be_read_by_others() -> None:
    """FreeType takes them, and finds each character that the table has."""
    for name, program in read_package(document()).items():
        if name.endswith(".otf"):
            font = ImageFont.truetype(BytesIO(program), 40)
            assert font.getname()[0] in ("NotoSerifSC", "NotoSansSC")
            missing = font.getmask("\U0010fffe")
            for code in characters_of(program):
                if not chr(code).isspace():
                    assert bytes(font.getmask(chr(code))) != bytes(missing), chr(code)


def test_a_fonts_checksums_are_right() -> None:
    program = next(data for name, data in read_package(document()).items() if name.endswith(".otf"))
    words = struct.unpack(f">{len(program) // 4}L", program)
    assert sum(words) % (1 << 32) == 0xB1B0AFBA
    (count,) = struct.unpack_from(">H", program, 4)
    tables = [struct.unpack_from(">4sLLL", program, 12 + 16 * index) for index in range(count)]
    for tag, checksum, offset, length in tables:
        padded = program[offset : offset + length] + bytes(-length % 4)
        total = sum(struct.unpack(f">{len(padded) // 4}L", padded)) % (1 << 32)
        assert tag == b"head" or total == checksum
    assert all(one[0] < other[0] for one, other in pairwise(tables))


def test_a_ligature_keeps_its_characters_and_its_glyph() -> None:
    data = made("office")
    assert codes(data) == ["o", "ffi", "ce", "第 1 页"]
    assert b"<ofd:Glyphs>" in read_package(data)["Doc_0/Pages/Page_0/Content.xml"]


def test_named_places_are_where_the_pdf_has_them() -> None:
    areas = read_structure(read_package(document())).areas
    assert set(areas) == {"transferee", "transferor", "platform"}
    place = areas["transferor"]
    assert (place.page, place.straddle_y) == (0, None)
    assert tuple(place.box) == pytest.approx((115, 205, 50, 50), abs=0.01)
    assert areas["transferee"].straddle_y == pytest.approx(100, abs=0.01)
    assert areas["platform"].page == 1


def test_text_that_looks_like_markup_stays_text() -> None:
    found = "".join(codes(made('#"<a> & ]]> #panic() $x$ &amp; \\"q\\""')))
    assert "<a>&]]>#panic()$x$&amp;" in "".join(found.split())


def test_pictures_keep_their_pixels() -> None:
    picture = BytesIO()
    Image.new("RGBA", (20, 10), (200, 10, 10, 128)).save(picture, "PNG")
    listed = ",".join(map(str, picture.getvalue()))
    data = made(f'#image(bytes(({listed})), width: 4cm, alt: "x")')
    name = next(name for name in read_package(data) if "image" in name)
    with Image.open(BytesIO(read_package(data)[name])) as found:
        assert found.size == (20, 10)
        assert found.convert("RGBA").getpixel((3, 3)) == (200, 10, 10, 128)
    shown = Image.open(BytesIO(pages_as_png(data, 72)[0])).convert("RGB")
    red, green, _ = shown.crop((100, 90, 101, 91)).tobytes()
    assert red > 200
    assert 100 < green < 160


@pytest.mark.parametrize(
    "body",
    [
        "#rect(fill: gradient.linear(red, blue), width: 3cm)",
        "#box(clip: true, width: 1cm, height: 3mm)[far too wide for this]",
        "#rect(fill: tiling(size: (5pt, 5pt))[x], width: 3cm)",
    ],
)
def test_what_has_no_counterpart_is_refused(body: str) -> None:
    with pytest.raises(CannotConvert):
        made(body)


@pytest.mark.parametrize("wrong", [b"", b"%PDF-1.7\n", b"x" * 100, pdf_of()[:-200], pdf_of()[:3000]])
def test_what_is_no_pdf_is_refused(wrong: bytes) -> None:
    with pytest.raises(CannotConvert):
        ofd_from_pdf(wrong, title="x", created=DAY)


def test_other_fonts_of_typst_are_taken() -> None:
    made_pdf = typst.compile(b"Plain *bold* _slanted_ $x^2 + y$", format="pdf", timestamp=0)
    assert isinstance(made_pdf, bytes)
    assert letters("".join(codes(ofd_from_pdf(made_pdf, title="x", created=DAY))))["P"] == 1


def test_a_page_at_a_slant_is_drawn_at_a_slant() -> None:
    data = made("#rotate(-30deg, reflow: true)[斜着的一行字]")
    assert b" CTM=" in read_package(data)["Doc_0/Pages/Page_0/Content.xml"]
    pdf = pypdfium2.PdfDocument(pdf_of("#rotate(-30deg, reflow: true)[斜着的一行字]"))
    ours = Image.open(BytesIO(pages_as_png(data, 100)[0])).convert("L")
    theirs = pdf[0].render(scale=100 / 72).to_pil().convert("L")
    assert sum(ImageChops.difference(ours, theirs).histogram()[64:]) < 100
    pdf.close()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"1 -.5 0.25 m", [("m", [1.0, -0.5, 0.25])]),
        (b"(a\\(b\\)\\101\\n(in)\\\r\nx) Tj", [("Tj", [b"a(b)A\n(in)x"])]),
        (b"<4 1 42 4> Tj % end\nET", [("Tj", [b"AB@"]), ("ET", [])]),
        (b"[(a) -3 <42>] TJ", [("TJ", [[b"a", -3.0, b"B"]])]),
        (b"/Span <</MCID 0 /L (x)>> BDC", [("BDC", ["Span", {"MCID": 0.0, "L": b"x"}])]),
        (b"/A#20B gs", [("gs", ["A B"])]),
    ],
)
def test_content_is_read_token_by_token(content: bytes, found: list[object]) -> None:
    assert list(operators(content)) == found


@pytest.mark.parametrize(
    "content", [b"(open", b"]", b"1 2", b"[1", b"BI /W 1 ID x EI", b"\xff", b"[" * 20 + b"m"]
)
def test_damaged_content_is_refused(content: bytes) -> None:
    with pytest.raises(CannotConvert):
        list(operators(content))
