"""What is shown before sealing: all of it, or nothing. Each thing that cannot be shown is refused by name."""

from io import BytesIO

import pytest
from PIL import Image

from signing.documents import At, prepare
from signing.ofd import content, pages
from signing.ofd.characters import characters_of, glyphs_in
from signing.ofd.content import read_pages
from signing.ofd.content_values import steps_of
from signing.ofd.errors import CannotShow, OfdError, TooLarge
from signing.ofd.fonts import opentype
from signing.ofd.marks import IDENTITY, Step, Text
from signing.ofd.package import read_package
from signing.ofd.pages import pages_as_png, seal_image
from signing.ofd.structure import read_structure
from signing.ofd.writing import ofd_from_pdf
from signing.seal import Picture
from tests.ofdfiles import (
    FIRST,
    OTHER_SEAL,
    PAGE,
    SEAL,
    changed,
    document,
    one,
    pdf_of,
    replaced,
    seal,
    three,
)
from tests.sealkit import NOW, sealed

DOC, PUBLIC = "Doc_0/Document.xml", "Doc_0/PublicRes.xml"


def picture(data: bytes, page: int = 0, dpi: int = 60) -> Image.Image:
    return Image.open(BytesIO(pages_as_png(data, dpi)[page])).convert("RGB")


def red(image: Image.Image) -> int:
    """Pixels in the red of a seal."""
    colours = zip(*(band.tobytes() for band in image.split()), strict=True)
    return sum(r > 180 and g < 90 and b < 90 for r, g, b in colours)


def png(colour: tuple[int, int, int, int]) -> bytes:
    target = BytesIO()
    Image.new("RGBA", (42, 42), colour).save(target, "PNG")
    return target.getvalue()


def test_every_page_is_shown_in_its_size() -> None:
    sizes = [Image.open(BytesIO(data)).size for data in pages_as_png(document(), 100)]
    assert len(sizes) == 2
    assert all(size == pytest.approx((827, 1169), abs=1) for size in sizes)


def test_a_prepared_document_shows_the_seal_that_is_to_be_set() -> None:
    before = picture(document())
    after = picture(prepare(document(), SEAL, [At(0, 100, 200)], at=NOW))
    assert red(after) > red(before) + 500


def test_all_seals_are_shown() -> None:
    counts = [red(picture(data, page)) for data in (document(), one(), three()) for page in (0, 1)]
    assert counts[0] < counts[2] < counts[4]
    assert counts[1] == counts[3] < counts[5]


def test_raster_seals_keep_what_is_transparent() -> None:
    clear = sealed(picture=Picture("png", png((255, 0, 0, 0)), 42, 42))
    full = sealed(picture=Picture("png", png((255, 0, 0, 255)), 42, 42))
    assert picture(seal(document(), At(0, 100, 200), by=clear)).tobytes() == picture(document()).tobytes()
    drawn = picture(seal(document(), At(0, 100, 200), by=full))
    assert drawn.getpixel((236, 472)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        # on a page
        (PAGE, "<ofd:Content>", '<ofd:Template TemplateID="1"/><ofd:Content>'),
        (PAGE, "<ofd:Content>", "<ofd:PageRes>x.xml</ofd:PageRes><ofd:Content>"),
        (PAGE, "</ofd:Page>", '<ofd:Actions><ofd:Action Event="PO"/></ofd:Actions></ofd:Page>'),
        (PAGE, "</ofd:Content>", '<ofd:Layer ID="9999"/></ofd:Content>'),
        (PAGE, 'Type="Body"', 'Type="Foreground"'),
        (PAGE, 'Type="Body"', 'Type="Body" DrawParam="3"'),
        (PAGE, "</ofd:Layer>", '<ofd:CompositeObject ID="9" Boundary="0 0 1 1" ResourceID="1"/></ofd:Layer>'),
        (PAGE, "</ofd:Layer>", '<ofd:PageBlock ID="9"/></ofd:Layer>'),
        (PAGE, "</ofd:Layer>", '<x:Note xmlns:x="urn:x">hidden</x:Note></ofd:Layer>'),
        (PAGE, "</ofd:Layer>", "<!-- a comment --></ofd:Layer>"),
        (PAGE, "</ofd:Layer>", '<ofd:ImageObject ID="9" Boundary="0 0 1 1" ResourceID="77" CTM="1 0 0 1 0 0"/></ofd:Layer>'),  # noqa: E501
        # on an object
        (PAGE, "<ofd:TextObject ", '<ofd:TextObject Visible="false" '),
        (PAGE, "<ofd:TextObject ", '<ofd:TextObject Blend="Multiply" '),
        (PAGE, "<ofd:TextObject ", '<ofd:TextObject HScale="0.5" '),
        (PAGE, "<ofd:TextObject ", '<ofd:TextObject CharDirection="90" '),
        (PAGE, "<ofd:TextObject ", '<ofd:TextObject Weight="700" '),
        (PAGE, "<ofd:TextObject ", '<ofd:TextObject CTM="1 2 3" '),
        (PAGE, "<ofd:FillColor ", "<ofd:Clips/><ofd:FillColor "),
        (PAGE, "<ofd:FillColor ", '<ofd:FillColor ColorSpace="5" '),
        (PAGE, 'FillColor Value="0 0 0"', 'FillColor Value="0 0 0 0"'),
        (PAGE, 'FillColor Value="0 0 0"', 'FillColor Value="0 0 300"'),
        (PAGE, 'FillColor Value="0 0 0"/', 'FillColor Value="0 0 0"><ofd:AxialShd/></ofd:FillColor'),
        (PAGE, ">M ", ">A 1 1 0 0 0 "),
        (PAGE, ">M ", ">M 1 "),
        (PAGE, ">M ", ">L "),
        (PAGE, "<ofd:PathObject ", '<ofd:PathObject Rule="Odd" '),
        (PAGE, 'DashPattern="', 'DashPattern="-1 '),
        # in a text
        (PAGE, "成交", "成交\u202e"),
        (PAGE, "成交", "成交\u200b"),
        (PAGE, "成交", "龘交"),
        (PAGE, "成交", "成"),
        (PAGE, 'DeltaX="', 'DeltaX="1 '),
        (PAGE, 'DeltaX="', 'DeltaX="g 99999 1 '),
        (PAGE, 'DeltaX="', 'Old="'),
        (PAGE, "<ofd:Glyphs>", "<ofd:Glyphs>9999 "),
        (PAGE, "<ofd:Glyphs>", "<ofd:Glyphs>9"),
        (PAGE, 'CodePosition="0"', 'CodePosition="1"'),
        (PAGE, 'Font="', 'Font="99'),
        # over a page
        (DOC, "</ofd:Document>", "<ofd:Annotations>A.xml</ofd:Annotations></ofd:Document>"),
        (DOC, "</ofd:Document>", "<ofd:Attachments>A.xml</ofd:Attachments></ofd:Document>"),
        (DOC, "</ofd:Document>", "<ofd:Extensions>A.xml</ofd:Extensions></ofd:Document>"),
        (DOC, "</ofd:Document>", "<ofd:Actions/></ofd:Document>"),
        (DOC, "</ofd:CommonData>", '<ofd:TemplatePage ID="1" BaseLoc="x"/></ofd:CommonData>'),
        # in the resources
        (PUBLIC, "<ofd:FontFile>", "<ofd:Old>"),
        (PUBLIC, "<ofd:FontFile>", "<ofd:FontFile>../"),
        (PUBLIC, "<ofd:FontFile>", "<ofd:FontFile>missing/"),
        (PUBLIC, "<ofd:Fonts>", "<ofd:DrawParams/><ofd:Fonts>"),
        (PUBLIC, 'ID="2"', 'ID="1"'),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_refused(path: str, old: str, new: str) -> None:
    source = read_package(document())[path].decode()
    if old == "<ofd:FontFile>" and "Old" in new:
        source = source.replace("</ofd:FontFile>", "</ofd:Old>")
    assert old in source, f"{old} is not in {path}"
    with pytest.raises(OfdError):
        pages_as_png(changed(document(), {path: source.replace(old, new).encode()}), 60)


def test_what_leaves_its_boundary_is_refused() -> None:
    """Other programs cut it off: they would show something else."""
    source = read_package(document())[PAGE].decode()
    start = source.index("成交确认书")
    head = source.rindex("Boundary=", 0, start)
    boundary = source[head : source.index('" Font', head)]
    left, top, _, height = boundary.removeprefix('Boundary="').split()
    narrow = source.replace(boundary, f'Boundary="{left} {top} 9 {height}', 1)
    with pytest.raises(CannotShow, match="boundary"):
        pages_as_png(changed(document(), {PAGE: narrow.encode()}), 60)


@pytest.mark.parametrize("name", ["Doc_0/Res/font_1.otf", "Doc_0/Res/font_2.otf"])
def test_damaged_fonts_are_refused(name: str) -> None:
    program = read_package(document())[name]
    cmap, maxp = program.index(b"cmap"), program.index(b"maxp")
    for broken in (
        b"",
        b"OTTO",
        b"wOFF" + program[4:],
        program[:60],
        program[:cmap] + b"xmap" + program[cmap + 4 :],
        program[:maxp] + b"xaxp" + program[maxp + 4 :],
        program[: cmap + 8] + b"\xff\xff\xff\xf0" + program[cmap + 12 :],
    ):
        with pytest.raises(CannotShow):
            pages_as_png(changed(document(), {name: broken}), 60)


def test_pictures_of_seals_that_cannot_be_shown_are_refused() -> None:
    for kind, data in (
        ("ofd", document()),
        ("eps", b"x"),
        ("png", b"x"),
        ("svg", b"<svg/>"),
        ("gif", png((1, 2, 3, 4))),
    ):
        with pytest.raises(CannotShow):
            seal_image(Picture(kind, data, 42, 42), 60)


def test_a_seal_whose_picture_is_an_ofd_of_one_page_is_shown() -> None:
    package = ofd_from_pdf(
        pdf_of("#rect(fill: rgb(200, 20, 20), width: 5cm, height: 5cm)"), title="x", created=NOW
    )
    by = sealed(picture=Picture("ofd", package, 42, 59))
    sealed_with_it = picture(seal(document(), At(0, 100, 200), by=by))
    assert red(sealed_with_it) > red(picture(document())) + 200
    nested = Picture("ofd", seal(package, At(0, 50, 50)), 42, 42)
    with pytest.raises(CannotShow):
        seal_image(nested, 60)


def test_a_seal_that_cannot_be_read_or_lies_elsewhere_is_refused() -> None:
    for change in (
        changed(one(), {"Doc_0/Signs/Sign_0/Seal.esl": b"x"}),
        changed(one(), {"Doc_0/Signs/Sign_0/Seal.esl": None}),
        replaced(one(), FIRST, "PageRef=", 'PageRef="99" Old='),
        replaced(one(), FIRST, 'Boundary="119', 'Boundary="200'),
        replaced(one(), FIRST, "<ofd:StampAnnot ", '<ofd:StampAnnot Clip="30 0 21 42" '),
    ):
        with pytest.raises(OfdError):
            pages_as_png(change, 60)


def test_another_seal_is_seen_as_another_one() -> None:
    other = changed(one(), {"Doc_0/Signs/Sign_0/Seal.esl": OTHER_SEAL.der})
    assert picture(other).tobytes() != picture(one()).tobytes()


def test_pages_and_pixels_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooLarge):
        pages_as_png(replaced(document(), PAGE, "0 0 210 297", "0 0 1990 1990"), 600)
    for dpi in (0, 9, 601, 10_000):
        with pytest.raises(TooLarge):
            pages_as_png(document(), dpi)
    monkeypatch.setattr(pages, "MAX_PAGES", 1)
    with pytest.raises(TooLarge):
        pages_as_png(document(), 60)


def test_characters_are_bounded_on_a_page_and_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("MAX_GLYPHS", "MAX_ALL_GLYPHS", "MAX_MARKS"):
        with monkeypatch.context() as patch:
            patch.setattr(content, limit, 3)
            with pytest.raises(OfdError, match="more than 3"):
                pages_as_png(document(), 60)


def test_the_same_document_gives_the_same_pictures() -> None:
    assert pages_as_png(three(), 72) == pages_as_png(three(), 72)


def test_places_between_glyphs_may_be_abbreviated() -> None:
    plain = document()
    source = read_package(plain)[PAGE].decode()
    assert ' DeltaX="' in source
    start = source.index("成交确认书")
    head = source.rindex('DeltaX="', 0, start) + 8
    old = source[head : source.index('"', head)]
    steps = old.split()
    assert len(set(steps[:3])) <= 2
    short = source.replace(old, f"g 4 {steps[0]}", 1)
    first, second = (_first_text(each) for each in (plain, changed(plain, {PAGE: short.encode()})))
    assert [glyph.number for glyph in first.glyphs] == [glyph.number for glyph in second.glyphs]
    assert [glyph.x for glyph in first.glyphs] == pytest.approx(
        [glyph.x for glyph in second.glyphs], abs=0.001
    )


def _first_text(data: bytes) -> Text:
    found, _ = read_pages(read_structure(read_package(data)))
    return next(each.mark for each in found[0].marks if isinstance(each.mark, Text))


def test_curves_of_both_kinds_are_read() -> None:
    steps = list(steps_of("S 0 0 L 3 0 Q 3 3 6 3 B 1 1 2 2 3 3 C", IDENTITY, "x"))
    assert [step.kind for step in steps] == ["M", "L", "B", "B", "C"]
    assert steps[2] == Step("B", ((3.0, 2.0), (4.0, 3.0), (6.0, 3.0)))


def test_characters_of_all_planes_are_found() -> None:
    program = next(data for name, data in read_package(document()).items() if name.endswith(".otf"))
    cff = program[program.index(b"\x01\x00\x04") :]
    characters = {0x20: 1, 0x21: 2, 0x6210: 3, 0x20BB7: 4}
    font = opentype(cff, "Test-Regular", [500] * 5, characters, [0, -100, 900, 900])
    assert characters_of(font) == characters
    assert glyphs_in(font) > 4
