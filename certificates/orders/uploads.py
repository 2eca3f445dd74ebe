"""What an uploaded file really is, by its content: pictures are drawn again and set straight, forms are PDFs.

    upload = await asyncio.to_thread(check, content, bounds)     # raises UploadRefused

Blocking: Pillow and pdfium work here. What is kept is our own drawing: nothing else of the file survives, no
passengers, no place where it was taken. Source: spec/certificates.md, "Material".
"""

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from threading import BoundedSemaphore
from typing import Any, Final

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image, ImageFilter, ImageOps, ImageStat

from office.active_files import pdf_acts
from office.pdfium import PDFIUM

MOST_PIXELS: Final = 40_000_000
"""Of a JPEG, which is read no larger than needed."""
MOST_PIXELS_WHOLE: Final = 16_000_000
"""Of what can only be read as a whole."""
LONGEST_SIDE: Final = 12_000
SIDE: Final = 2_000
THUMBNAIL_SIDE: Final = 320
LEAST_SIDE: Final = 200
"""Of the shorter side: under it nobody reads anything."""
READABLE_SIDE: Final = 500
MOST_PAGES: Final = 20
QUALITY: Final = 85
SMALLER_QUALITY: Final = (75, 60, 45)
MOST_TURNED: Final = 6
"""Degrees by which a picture is set straight at most; steps of half a degree."""
_FORMATS: Final = {"JPEG": ("jpg", "jpeg"), "PNG": ("png",), "GIF": ("gif",)}
_MAGIC: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)
_AT_ONCE: Final = BoundedSemaphore(2)
_FAULTS: Final = (OSError, ValueError, SyntaxError, struct.error, EOFError, MemoryError, IndexError, KeyError)


class UploadWrong(StrEnum):
    """Why a file is not taken."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NOT_THIS_FORM = "not_this_form"
    DAMAGED = "damaged"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SMALL = "too_small"
    BLANK = "blank"
    LOCKED = "locked"
    ACTIVE = "active"
    TOO_MANY_PAGES = "too_many_pages"


class Remark(StrEnum):
    """What makes a picture hard to read: it is taken, and the applicant is told to look again."""

    COARSE = "coarse"
    DARK = "dark"
    BRIGHT = "bright"
    FAINT = "faint"
    BLURRED = "blurred"
    STRAIGHTENED = "straightened"


class UploadRefused(Exception):
    def __init__(self, wrong: UploadWrong, **facts: str | int) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.facts = facts


@dataclass(frozen=True, slots=True)
class Bounds:
    """`images`: endings as the channel names them; `pdf`: also signed forms as PDF."""

    images: tuple[str, ...]
    most_bytes: int
    pdf: bool = False

    @property
    def accept(self) -> str:
        return ",".join(f".{one}" for one in (*self.images, *(("pdf",) if self.pdf else ())))


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it is kept; the preview is a JPEG, b"" for a PDF."""

    content: bytes = field(repr=False)
    media_type: str
    preview: bytes = field(default=b"", repr=False)
    width: int = 0
    height: int = 0
    remarks: tuple[Remark, ...] = ()


def check(content: bytes, bounds: Bounds) -> Upload:
    """Check a file and make it ready to be kept. Raises UploadRefused."""
    if not content:
        raise UploadRefused(UploadWrong.EMPTY)
    if len(content) > bounds.most_bytes:
        raise UploadRefused(UploadWrong.TOO_LARGE, megabytes=f"{bounds.most_bytes / 2**20:g}")
    form = next((name for magic, name in _MAGIC if content.startswith(magic)), None)
    if form is not None and set(_FORMATS[form]) & set(bounds.images):
        return _picture(content, form, bounds)
    if form is None and bounds.pdf and content.startswith(b"%PDF-"):
        _check_pdf(content)
        return Upload(content, "application/pdf")
    forms = "、".join(one.upper() for one in (*bounds.images, *(("pdf",) if bounds.pdf else ())))
    raise UploadRefused(UploadWrong.NOT_THIS_FORM, forms=forms)


# ── pictures ────────────────────────────────────────────────────────────────────────────────────────────────


def _picture(content: bytes, form: str, bounds: Bounds) -> Upload:
    try:
        with _AT_ONCE:
            plain = _read(content, form)
            if min(plain.size) < LEAST_SIDE:
                raise UploadRefused(UploadWrong.TOO_SMALL, pixels=LEAST_SIDE)
            turned, angle = straightened(plain)
            remarks = _remarks(turned, (Remark.STRAIGHTENED,) if angle else ())
            small = turned.copy()
            small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
            kept = _bounded_jpeg(turned, bounds.most_bytes)
            return Upload(kept, "image/jpeg", _jpeg(small), turned.width, turned.height, remarks)
    except Image.DecompressionBombError as bomb:
        raise UploadRefused(UploadWrong.TOO_MANY_PIXELS, most=MOST_PIXELS_WHOLE // 10_000) from bomb
    except UploadRefused:
        raise
    except _FAULTS as fault:
        raise UploadRefused(UploadWrong.DAMAGED) from fault


def _read(content: bytes, form: str) -> Image.Image:
    """Upright, in RGB, at most SIDE long. The size is known, and bounded, before a pixel is unpacked."""
    with Image.open(io.BytesIO(content), formats=(form,)) as opened:
        width, height = opened.size
        most = MOST_PIXELS if form == "JPEG" else MOST_PIXELS_WHOLE
        if width * height > most or max(width, height) > LONGEST_SIDE:
            raise Image.DecompressionBombError(f"{width} x {height}")
        opened.draft("RGB", (SIDE, SIDE))
        upright = ImageOps.exif_transpose(opened)
        layer = upright.convert("RGBA") if upright.has_transparency_data else None
        plain = upright.convert("RGB")
    if layer is not None:
        plain = Image.new("RGB", layer.size, "white")
        plain.paste(layer, mask=layer.getchannel("A"))
    plain.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return plain


def straightened(picture: Image.Image) -> tuple[Image.Image, float]:
    """Turned so that its lines of writing lie level, and by how many degrees; 0.0: they did, or there are
    none. The sharper the rows of a small grey copy differ from each other, the straighter it lies."""
    small = ImageOps.grayscale(picture)
    small.thumbnail((360, 360))
    small = ImageOps.autocontrast(small)
    level = _levelness(small)
    angles = [half / 2 for half in range(-2 * MOST_TURNED, 2 * MOST_TURNED + 1) if half]
    best = max(angles, key=lambda angle: _levelness(small.rotate(angle, fillcolor=255)))
    if abs(best) < 1 or _levelness(small.rotate(best, fillcolor=255)) < 1.25 * level:
        return picture, 0.0
    return picture.rotate(best, Image.Resampling.BICUBIC, expand=True, fillcolor="white"), best


def _levelness(grey: Image.Image) -> float:
    """Variance of the rows' mean brightness, of the middle, where turning leaves no corners."""
    width, height = grey.size
    middle = grey.crop((width // 6, height // 6, width - width // 6, height - height // 6))
    rows = middle.resize((1, middle.height), Image.Resampling.BOX)
    return float(ImageStat.Stat(rows).var[0]) + 1.0


def _remarks(picture: Image.Image, found: Sequence[Remark]) -> tuple[Remark, ...]:
    """Whether it can be read: size, light, contrast, sharpness. Raises UploadRefused for an empty sheet."""
    remarks = list(found)
    grey = ImageOps.grayscale(picture)
    grey.thumbnail((800, 800))
    light, spread = ImageStat.Stat(grey).mean[0], ImageStat.Stat(grey).stddev[0]
    if spread < 2.0:
        raise UploadRefused(UploadWrong.BLANK)
    edges = grey.filter(ImageFilter.Kernel((3, 3), (0, -1, 0, -1, 4, -1, 0, -1, 0), scale=1, offset=128))
    sharpness = ImageStat.Stat(edges).var[0]
    tests = (
        (min(picture.size) < READABLE_SIDE, Remark.COARSE),
        (light < 50, Remark.DARK),
        (light > 248, Remark.BRIGHT),
        (spread < 12, Remark.FAINT),
        (sharpness < 12 and spread >= 12, Remark.BLURRED),
    )
    return (*remarks, *(remark for wrong, remark in tests if wrong))


def _bounded_jpeg(picture: Image.Image, most: int) -> bytes:
    """Within the channel's bound, too, after it was drawn again."""
    made = _jpeg(picture)
    for quality in SMALLER_QUALITY:
        if len(made) <= most:
            break
        made = _jpeg(picture, quality)
    return made


def _jpeg(picture: Image.Image, quality: int = QUALITY) -> bytes:
    """Pixels alone: no EXIF, no profile, no comment."""
    drawn = Image.new("RGB", picture.size)
    drawn.paste(picture)
    to = io.BytesIO()
    drawn.save(to, "JPEG", quality=quality, optimize=True)
    return to.getvalue()


# ── forms ───────────────────────────────────────────────────────────────────────────────────────────────────


def _check_pdf(content: bytes) -> None:
    with PDFIUM:
        try:
            document = pypdfium2.PdfDocument(content)
        except pypdfium2.PdfiumError as error:
            locked = getattr(error, "err_code", None) == pdfium.FPDF_ERR_PASSWORD or "assword" in str(error)
            raise UploadRefused(UploadWrong.LOCKED if locked else UploadWrong.DAMAGED) from error
        try:
            _check_opened(document)
        finally:
            document.close()
    if pdf_acts(content):
        raise UploadRefused(UploadWrong.ACTIVE)


def _check_opened(document: Any) -> None:
    pages = len(document)
    if pages < 1:
        raise UploadRefused(UploadWrong.DAMAGED)
    if pages > MOST_PAGES:
        raise UploadRefused(UploadWrong.TOO_MANY_PAGES, most=MOST_PAGES)
    if pdfium.FPDFDoc_GetJavaScriptActionCount(document.raw) > 0:
        raise UploadRefused(UploadWrong.ACTIVE)
    if pdfium.FPDFDoc_GetAttachmentCount(document.raw) > 0:
        raise UploadRefused(UploadWrong.ACTIVE)
