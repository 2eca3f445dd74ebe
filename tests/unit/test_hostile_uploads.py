"""Uploads to an order that were made to do harm, or that come as telephones make them."""

import io
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from certificates.orders.uploads import SIDE, Bounds, Remark, UploadRefused, UploadWrong, check
from tests.listingkit import a_package, a_pdf
from tests.orderkit import sheet

SHARED = Bounds(("gif", "jpg", "jpeg", "png"), 1_572_864)
"""As the shared platform takes them: 1.5 MB."""
FORMS = Bounds(("jpg", "png"), 1_572_864, pdf=True)
GIF_AND_SCRIPT = b"GIF89a/*" + bytes(40) + b"*/=1;alert(1)"


def refused(content: bytes, bounds: Bounds = SHARED) -> UploadWrong:
    with pytest.raises(UploadRefused) as told:
        check(content, bounds)
    return told.value.wrong


def png_of(width: int, height: int, depth: int = 8) -> bytes:
    """A PNG that says how large it is, with very little in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(50_000), 9))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b"")


def jpeg_that_says(width: int, height: int) -> bytes:
    """A JPEG whose header claims another size than what is in it."""
    content = bytearray(sheet(400, 300))
    at = content.index(b"\xff\xc0") if b"\xff\xc0" in content else content.index(b"\xff\xc2")
    content[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def padded(size: int) -> bytes:
    """A good photograph of exactly so many bytes."""
    content = sheet()
    return content + bytes(size - len(content))


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", UploadWrong.EMPTY),
        (b"<html><script>alert(1)</script>", UploadWrong.NOT_THIS_FORM),
        (b"\xef\xbb\xbf<svg xmlns='http://www.w3.org/2000/svg' onload='x'/>", UploadWrong.NOT_THIS_FORM),
        (b"<?xml version='1.0'?><svg/>", UploadWrong.NOT_THIS_FORM),
        (b"BM" + bytes(2_000), UploadWrong.NOT_THIS_FORM),
        (b"II*\0" + bytes(2_000), UploadWrong.NOT_THIS_FORM),
        (b"\0\0\0 ftypheic" + bytes(2_000), UploadWrong.NOT_THIS_FORM),
        (b" " + sheet(), UploadWrong.NOT_THIS_FORM),
        (a_package(readme_dot_txt="x"), UploadWrong.NOT_THIS_FORM),
        (a_pdf(), UploadWrong.NOT_THIS_FORM),
        (GIF_AND_SCRIPT, UploadWrong.DAMAGED),
        (b"\xff\xd8\xff" + b"<script>alert(1)</script>" * 9, UploadWrong.DAMAGED),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), UploadWrong.DAMAGED),
        (sheet()[:400], UploadWrong.DAMAGED),
        (png_of(10_000, 10_000), UploadWrong.TOO_MANY_PIXELS),
        (png_of(10_000, 10_000, depth=1), UploadWrong.TOO_MANY_PIXELS),
        (png_of(2_000_000, 1), UploadWrong.TOO_MANY_PIXELS),
        (jpeg_that_says(10_000, 10_000), UploadWrong.TOO_MANY_PIXELS),
        (jpeg_that_says(65_000, 65_000), UploadWrong.TOO_MANY_PIXELS),
        (sheet(1_000, 150), UploadWrong.TOO_SMALL),
    ],
)
def test_what_is_no_picture_of_the_channel_is_refused(content: bytes, wrong: UploadWrong) -> None:
    assert refused(content) is wrong


def test_the_bound_holds_to_the_byte() -> None:
    most = SHARED.most_bytes
    assert check(padded(most), SHARED).media_type == "image/jpeg"
    assert refused(padded(most + 1)) is UploadWrong.TOO_LARGE


def test_a_picture_that_only_some_channel_takes_is_refused_elsewhere() -> None:
    gif = sheet(form="GIF")
    assert check(gif, SHARED).media_type == "image/jpeg"
    assert refused(gif, FORMS) is UploadWrong.NOT_THIS_FORM


def test_a_half_that_came_through_is_not_taken_for_the_whole() -> None:
    """Cut off in the middle of its pixels: a photograph of which the lower half is grey."""
    whole = sheet(1_200, 900)
    assert refused(whole[: len(whole) // 2]) is UploadWrong.DAMAGED


@pytest.mark.parametrize("turned", range(1, 9))
def test_a_photograph_lies_as_the_telephone_says_it_was_held(turned: int) -> None:
    """EXIF orientation, all eight of them: it is set upright, and the note is gone."""
    picture = Image.new("RGB", (600, 400), "white")
    picture.paste("black", (0, 0, 300, 200))  # the upper left quarter of what the sensor saw
    exif = Image.Exif()
    exif[0x0112] = turned
    exif[0x010F] = "a telephone"
    made = io.BytesIO()
    picture.save(made, "JPEG", exif=exif)
    kept = check(made.getvalue(), SHARED)
    assert (kept.width > kept.height) == (turned < 5)
    with Image.open(io.BytesIO(kept.content)) as shown:
        assert not shown.getexif()
        grey = shown.convert("L").resize((2, 2), Image.Resampling.BOX)
    dark = [(x, y) for x in (0, 1) for y in (0, 1) if int(grey.getpixel((x, y)) or 0) < 128]  # type: ignore[arg-type]
    upright = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}
    assert dark == [upright[turned]]


def test_passengers_are_left_behind() -> None:
    """Text, a profile, another file behind it: what is kept was drawn here."""
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", "<script>alert(1)</script>")
    made = io.BytesIO()
    with Image.open(io.BytesIO(sheet(form="PNG"))) as picture:
        picture.save(made, "PNG", pnginfo=note, icc_profile=b"a profile with a secret")
    for content in (made.getvalue() + a_package(evil_dot_html="<script>"), sheet() + a_pdf()):
        kept = check(content, SHARED).content
        assert kept.startswith(b"\xff\xd8\xff")
        for passenger in (b"script", b"secret", b"PK\x03\x04", b"%PDF"):
            assert passenger not in kept


def test_a_large_photograph_is_kept_small_enough_and_a_coarse_one_is_named() -> None:
    kept = check(sheet(3_000, 2_000), SHARED)
    assert max(kept.width, kept.height) == SIDE
    assert len(kept.content) <= SHARED.most_bytes
    assert Remark.COARSE in check(sheet(420, 300), SHARED).remarks


def pdf_of(catalog: bytes = b"", page: bytes = b"") -> bytes:
    return (
        b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R " + catalog + b">>\nendobj\n"
        b"2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n"
        b"3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9] " + page + b">>\nendobj\n"
        b"trailer\n<</Root 1 0 R>>\n%%EOF"
    )


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (pdf_of(b"/OpenAction<</S/JavaScript/JS(app.alert(1))>>"), UploadWrong.ACTIVE),
        (pdf_of(b"/OpenAction<</S/Launch/F(cmd.exe)>>"), UploadWrong.ACTIVE),
        (pdf_of(page=b"/AA<</O<</S/J#61vaScript/JS(x)>>>>"), UploadWrong.ACTIVE),
        (pdf_of(page=b"/Annots[<</Subtype/FileAttachment/FS<</F(x.exe)>>>>]"), UploadWrong.ACTIVE),
        (a_pdf() + a_package(readme_dot_txt="x"), UploadWrong.ACTIVE),
        (b"%PDF-1.7\n" + bytes(500), UploadWrong.DAMAGED),
        (b"<html>" + a_pdf(), UploadWrong.NOT_THIS_FORM),
    ],
)
def test_a_form_that_acts_or_is_two_files_is_refused(content: bytes, wrong: UploadWrong) -> None:
    assert refused(content, FORMS) is wrong


def test_a_signed_form_is_kept_as_it_is() -> None:
    content = a_pdf(2)
    assert check(content, FORMS).content == content
