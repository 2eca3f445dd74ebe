"""Files are taken for what they are: by their content, within bounds, and pictures are drawn again."""

import io
import struct
import zlib

import pytest
from PIL import Image

from tests.listingkit import a_package, a_pdf, a_picture
from trading.listings import contents, pictures
from trading.listings.contents import take, tidy_name
from trading.listings.file_kinds import BOUNDS, FileKind, FileRefused, FileWrong, Form

WORD = {"[Content_Types]_dot_xml": "<Types/>", "word__document_dot_xml": "<w/>"}
SHEET = {"[Content_Types]_dot_xml": "<Types/>", "xl__workbook_dot_xml": "<w/>"}


def refused(kind: FileKind, name: str, content: bytes) -> FileWrong:
    with pytest.raises(FileRefused) as told:
        take(kind, name, content)
    return told.value.wrong


@pytest.mark.parametrize(("form", "name"), [("JPEG", "a.JPG"), ("PNG", "a.png"), ("WEBP", "a.webp")])
def test_pictures_are_taken_as_jpeg_with_a_thumbnail(form: str, name: str) -> None:
    taken = take(FileKind.PICTURE, name, a_picture(1000, 500, form))
    assert taken.media_type == "image/jpeg"
    assert taken.name == "a.jpg"
    assert (taken.width, taken.height) == (1000, 500)
    with Image.open(io.BytesIO(taken.thumbnail)) as small:
        assert small.size == (480, 240)


def test_where_a_picture_was_taken_does_not_go_out() -> None:
    exif = Image.Exif()
    exif[0x010E] = "the secret place"
    exif[0x0112] = 6
    content = a_picture(40, 20, exif=exif, comment=b"hidden words")
    assert b"the secret place" in content
    taken = take(FileKind.PICTURE, "a.jpg", content)
    assert b"secret place" not in taken.content
    assert b"hidden words" not in taken.content
    with Image.open(io.BytesIO(taken.content)) as drawn:
        assert not drawn.getexif()
        assert drawn.size == (20, 40), "it stands upright without the mark that says how"


def test_what_is_transparent_becomes_white() -> None:
    to = io.BytesIO()
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(to, "PNG")
    taken = take(FileKind.PICTURE, "a.png", to.getvalue())
    with Image.open(io.BytesIO(taken.content)) as drawn:
        assert drawn.getpixel((5, 5)) == (255, 255, 255)


def test_a_picture_bomb_is_refused_before_it_unfolds() -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    assert refused(FileKind.PICTURE, "a.png", bomb + chunk(b"IEND", b"")) is FileWrong.TOO_MANY_PIXELS


def test_large_pictures_become_small_enough() -> None:
    taken = take(FileKind.PICTURE, "a.jpg", a_picture(5000, 100))
    assert max(taken.width, taken.height) == pictures.SIDE


@pytest.mark.parametrize(
    ("kind", "name", "content", "wrong"),
    [
        (FileKind.PICTURE, "a.jpg", b"", FileWrong.EMPTY),
        (FileKind.PICTURE, "a.jpg", b"MZ\x90\0" * 100, FileWrong.NOT_THIS_FORM),
        (FileKind.PICTURE, "a.jpg", b"<svg onload='x'/>", FileWrong.NOT_THIS_FORM),
        (FileKind.PICTURE, "a.pdf", a_pdf(), FileWrong.NOT_THIS_FORM),
        (FileKind.PICTURE, "a.jpg", a_picture(form="PNG"), FileWrong.OTHER_THAN_ITS_NAME),
        (FileKind.PICTURE, "a.jpg", a_picture()[:300], FileWrong.DAMAGED),
        (FileKind.ATTACHMENT, "a.exe", a_pdf(), FileWrong.OTHER_THAN_ITS_NAME),
        (FileKind.ATTACHMENT, "a.pdf", b"%PDF-1.7\nnothing", FileWrong.DAMAGED),
        (FileKind.ATTACHMENT, "a.zip", a_package(readme_dot_txt="x"), FileWrong.NOT_THIS_FORM),
        (FileKind.ATTACHMENT, "a.ofd", a_package(OFD_dot_xml="<x/>")[:-30], FileWrong.NOT_THIS_FORM),
        (FileKind.DECISION, "a.docx", a_package(**WORD), FileWrong.NOT_THIS_FORM),
        (
            FileKind.ATTACHMENT,
            "a.docx",
            a_package(**WORD, word__vbaProject_dot_bin="x"),
            FileWrong.ACTIVE,
        ),
        (
            FileKind.ATTACHMENT,
            "a.xlsx",
            a_package(**SHEET, xl__embeddings__a_dot_bin="x"),
            FileWrong.ACTIVE,
        ),
    ],
    ids=lambda value: value.value if isinstance(value, FileWrong) else None,
)
def test_what_is_not_taken(kind: FileKind, name: str, content: bytes, wrong: FileWrong) -> None:
    assert refused(kind, name, content) is wrong


def test_a_package_that_unfolds_too_far_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "LARGEST_INFLATED", 1 << 20)
    parts = {"[Content_Types]_dot_xml": "<T/>", "word__document_dot_xml": b"\0" * (2 << 20)}
    assert refused(FileKind.ATTACHMENT, "a.docx", a_package(**parts)) is FileWrong.DAMAGED


def test_a_file_over_the_limit_is_refused() -> None:
    content = b"%PDF-1.7" + b" " * BOUNDS[FileKind.ATTACHMENT].largest
    assert refused(FileKind.ATTACHMENT, "a.pdf", content) is FileWrong.TOO_LARGE


def test_a_pdf_with_a_program_or_with_a_password_is_refused() -> None:
    program = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R/Names<</JavaScript<</Names[(a) 4 0 R]>>>>>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n"
        b"4 0 obj<</S/JavaScript/JS(app.alert\\(1\\))>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
    )
    assert refused(FileKind.ATTACHMENT, "a.pdf", program) is FileWrong.ACTIVE


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.pdf", a_pdf(), Form.PDF),
        ("清单", a_pdf(), Form.PDF),
        ("a.docx", a_package(**WORD), Form.DOCX),
        ("a.xlsx", a_package(**SHEET), Form.XLSX),
        ("a.ofd", a_package(OFD_dot_xml="<x/>"), Form.OFD),
    ],
)
def test_what_is_taken_as_it_is(name: str, content: bytes, form: Form) -> None:
    taken = take(FileKind.ATTACHMENT, name, content)
    assert taken.form is form
    assert taken.content == content
    assert taken.name.endswith(f".{form.value}")


@pytest.mark.parametrize(
    ("name", "tidy"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Users\\甲\\平面图.PDF", "平面图.pdf"),
        ("cod\u202efdp.exe.pdf", "codfdp.exe.pdf"),
        ("a<b>:c|d?.pdf", "a_b__c_d_.pdf"),
        ("", "文件.pdf"),
        (" .. ", "文件.pdf"),
        ("长" * 500 + ".pdf", "长" * 120 + ".pdf"),
        ("v1.2 final", "v1.2 final.pdf"),
    ],
)
def test_names_are_harmless_everywhere(name: str, tidy: str) -> None:
    assert tidy_name(name, Form.PDF) == tidy
