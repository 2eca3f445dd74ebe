"""Files that were made to do harm: two things in one, bombs, hidden programs, names that lie."""

import io
import struct
import zipfile
import zlib

import pytest
from PIL import Image

from tests.listingkit import a_package, a_pdf, a_picture
from trading.listings.contents import take
from trading.listings.file_kinds import FileKind, FileRefused, FileWrong

A, P = FileKind.ATTACHMENT, FileKind.PICTURE
TYPES = {"[Content_Types]_dot_xml": "<Types/>"}
WORD = a_package(**TYPES, word__document_dot_xml="<w/>")
TEMPLATE = (
    '<Relationships><Relationship Id="1" Type="http://x/attachedTemplate" TargetMode="External"'
    ' Target="{}"/></Relationships>'
)


def refused(kind: FileKind, name: str, content: bytes) -> FileWrong:
    with pytest.raises(FileRefused) as told:
        take(kind, name, content)
    return told.value.wrong


def pdf_of(catalog: bytes = b"", page: bytes = b"", more: bytes = b"") -> bytes:
    return (
        b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R " + catalog + b">>\nendobj\n"
        b"2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n"
        b"3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9] "
        + page
        + b">>\nendobj\n"
        + more
        + b"trailer\n<</Root 1 0 R>>\n%%EOF"
    )


def packed(objects: bytes) -> bytes:
    return stream_of(zlib.compress(objects), b"/Filter /FlateDecode")


def stream_of(data: bytes, filters: bytes) -> bytes:
    head = b"4 0 obj\n<</Type /ObjStm /N 1 /First 4 %s /Length %d>>\nstream\n" % (filters, len(data))
    return head + data + b"\nendstream\nendobj\n"


SCRIPT = zlib.compress(b"5 0 <</S/JavaScript/JS(x)>>")


def test_a_plain_pdf_is_taken() -> None:
    text = b"4 0 obj\n<</Length 30>>\nstream\n(see /JavaScript here) Tj    \nendstream\nendobj\n"
    fonts = b"5 0 <</Type/Font>>"
    signed = b"6 0 obj\n<</Type/Sig/Filter/Adobe.PPKLite>>\nendobj\n"
    once = (packed(fonts), stream_of(zlib.compress(fonts), b"/Filter[/FlateDecode]"), stream_of(fonts, b""))
    for content in (pdf_of(), pdf_of(more=text), *(pdf_of(more=signed + each) for each in once), a_pdf(3)):
        assert take(A, "a.pdf", content).content == content


@pytest.mark.parametrize(
    "content",
    [
        pdf_of(b"/OpenAction<</S/JavaScript/JS(app.alert(1))>>"),
        pdf_of(b"/OpenAction<</S/Launch/F(cmd.exe)>>"),
        pdf_of(b"/OpenAction<</S/J#61vaScript/J#53(x)>>"),
        pdf_of(b"/AcroForm<</XFA 4 0 R>>"),
        pdf_of(page=b"/AA<</O<</S/JavaScript/JS(x)>>>>"),
        pdf_of(page=b"/Annots[<</Subtype/FileAttachment/FS<</F(x.exe)>>>>]"),
        pdf_of(more=packed(b"5 0 <</S/JavaScript/JS(x)>>")),
        pdf_of(more=stream_of(SCRIPT, b"/Filter /FlateDecode /X (" + b"a" * 3_000 + b")")),
        pdf_of(more=stream_of(SCRIPT.hex().encode() + b">", b"/Filter [/ASCIIHexDecode /FlateDecode]")),
        pdf_of(more=stream_of(zlib.compress(SCRIPT), b"/Filter [/FlateDecode /FlateDecode]")),
        pdf_of(more=stream_of(SCRIPT, b"/Filter 9 0 R")),
        pdf_of(more=stream_of(SCRIPT, b"/Filter /FlateDecode").replace(b"/Type /ObjStm", b"/Type 9 0 R")),
        pdf_of(more=packed(b"5 0 <</S/JavaScript/JS(x)>>").replace(b"/Type /ObjStm", b"/Type%1\n9 0 R")),
        pdf_of(more=packed(b"5 0 <</S/JavaScript/JS(x)>>").replace(b"/Type /ObjStm", b"/Type%1\n\0/ObjStm")),
        pdf_of(more=2 * packed(b" " * (17 << 20)) + packed(b"5 0 <</S/JavaScript/JS(x)>>")),
        a_pdf() + a_package(readme_dot_txt="x"),
        a_pdf() + WORD,
    ],
)
def test_a_pdf_that_acts_or_is_two_files_is_refused(content: bytes) -> None:
    assert refused(A, "a.pdf", content) is FileWrong.ACTIVE


@pytest.mark.parametrize("before", [b"<html><script>1</script>", b"\0" * 1_000, b"MZ" + b"\0" * 90])
def test_what_begins_as_something_else_is_nothing_that_is_taken(before: bytes) -> None:
    for name, content in (("a.pdf", a_pdf()), ("a.docx", WORD)):
        assert refused(A, name, before + content) is FileWrong.NOT_THIS_FORM


def test_a_package_with_something_behind_it_is_refused() -> None:
    assert refused(A, "a.docx", WORD + a_pdf()) is FileWrong.NOT_THIS_FORM


def test_a_directory_of_very_many_parts_is_refused_unread() -> None:
    to = io.BytesIO()
    with zipfile.ZipFile(to, "w") as package:
        for number in range(20_000):
            package.writestr(f"word/{number}.xml", "")
    assert refused(A, "a.docx", to.getvalue()) is FileWrong.NOT_THIS_FORM


def test_a_size_that_lies_is_not_believed() -> None:
    size = 3 << 20
    content = bytearray(a_package(**TYPES, word__document_dot_xml=b"a" * size))
    lie = bytes(content).replace(struct.pack("<I", size), struct.pack("<I", 100))
    assert lie != bytes(content)
    assert refused(A, "a.docx", lie) is FileWrong.DAMAGED


@pytest.mark.parametrize(
    "parts",
    [
        {"word__vbaProject_dot_bin": "x"},
        {"word__afchunk_dot_htm": "<script>"},
        {"xl__macrosheets__sheet1_dot_xml": "x"},
        {"evil_dot_exe": "MZ"},
        {"word___rels__settings_dot_xml_dot_rels": TEMPLATE.format("http://evil/x.dotm")},
        {"word___rels__settings_dot_xml_dot_rels": TEMPLATE.format("\\\\evil\\x.dotm")},
    ],
)
def test_an_office_file_that_acts_or_leads_away_is_refused(parts: dict[str, str]) -> None:
    content = a_package(**TYPES, word__document_dot_xml="<w/>", **parts)
    assert refused(A, "a.docx", content) is FileWrong.ACTIVE


def test_a_macro_type_is_refused_and_what_word_itself_writes_is_taken() -> None:
    macro = '<Types><Override ContentType="application/vnd.ms-word.document.macroEnabled.main+xml"/></Types>'
    content = a_package(**{"[Content_Types]_dot_xml": macro}, word__document_dot_xml="<w/>")
    assert refused(A, "a.docx", content) is FileWrong.ACTIVE
    own = TEMPLATE.format("file:///C:\\Users\\a\\Normal.dotm")
    usual = a_package(
        **TYPES,
        word__document_dot_xml="<w/>",
        word__media__image1_dot_jpeg="x",
        word___rels__settings_dot_xml_dot_rels=own,
    )
    assert take(A, "a.docx", usual).content == usual


def test_pictures_of_too_many_pixels_are_refused_before_they_unfold() -> None:
    def drawn(form: str, mode: str, side: int, **more: object) -> bytes:
        to = io.BytesIO()
        Image.new(mode, (side, side)).save(to, form, **more)
        return to.getvalue()

    for name, content in (
        ("a.png", drawn("PNG", "1", 10_000)),
        ("a.jpg", drawn("JPEG", "L", 10_000, quality=5)),
        ("a.jpg", drawn("JPEG", "L", 6_000, quality=5, progressive=True)),
    ):
        assert refused(P, name, content) is FileWrong.TOO_MANY_PIXELS


def test_a_picture_loses_its_passengers() -> None:
    for passenger in (a_package(readme_dot_txt="x"), b"<script>alert(1)</script>"):
        taken = take(P, "a.jpg", a_picture() + passenger)
        assert passenger not in taken.content


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("CON.pdf", "_CON.pdf"),
        ("nul", "_nul.pdf"),
        ("lpt1.a.pdf", "_lpt1.a.pdf"),
        ("a.PDF ", "a.pdf"),
        ("a.pdf.", "a.pdf"),
    ],
)
def test_names_of_devices_and_ends_that_windows_drops(name: str, called: str) -> None:
    assert take(A, name, a_pdf()).name == called
