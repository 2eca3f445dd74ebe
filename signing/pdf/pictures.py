# mypy: disable-error-code="no-untyped-call"
"""The picture of a seal as a form XObject of exact size.

Drawings stay vectors: OFD of plain shapes, as our own seals have it, and SVG. PNG keeps what is transparent.
An OFD picture with more than shapes becomes dots.

The picture multiplies with what is under it, as ink does: black text under a seal stays black.
"""

import zlib
from functools import lru_cache
from io import BytesIO
from typing import Any, Final

from PIL import Image, UnidentifiedImageError
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.documents import DocumentError, Fault
from signing.ofd.picture import as_dots, as_page
from signing.pdf.geometry import POINTS_PER_MM
from signing.pdf.svg import svg_page
from signing.pdf.update import Update, dictionary, name, number, numbers
from signing.seal import Picture

MAX_PIXELS: Final = 16_000_000

_Pixels = tuple[int, int, bytes, bytes]
_RASTER: Final = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "bmp": "BMP", "gif": "GIF"}


def add_picture(update: Update, picture: Picture) -> Any:
    """The reference of a form XObject that shows the picture, its BBox in points from (0, 0).

    Raises DocumentError for a picture that cannot be shown.
    """
    page = vectors_of(picture)
    if page is None:
        return _add_image(update, picture, _pixels(*dots_of(picture)))
    return _add_page(update, page)


def vectors_of(picture: Picture) -> bytes | None:
    """A PDF file of one page that is the picture; None for one of dots. Raises DocumentError."""
    match _kind(picture):
        case "svg":
            return svg_page(picture.data, picture.width_mm, picture.height_mm)
        case "ofd":
            return as_page(picture.data, picture.width_mm, picture.height_mm)
        case _:
            return None


def dots_of(picture: Picture) -> tuple[bytes, str]:
    """The file of a picture of dots, and its format as Pillow names it. Raises DocumentError."""
    kind = _kind(picture)
    if kind == "ofd":
        return as_dots(picture.data), "PNG"
    if kind not in _RASTER:
        raise DocumentError(
            f"the seal's picture is of the kind {picture.kind[:20]!r}: not shown", Fault.PICTURE
        )
    return picture.data, _RASTER[kind]


def _kind(picture: Picture) -> str:
    return picture.kind.lower().lstrip(".")


def size_of(picture: Picture) -> tuple[float, float]:
    """(width, height) in points."""
    return picture.width_mm * POINTS_PER_MM, picture.height_mm * POINTS_PER_MM


def _add_page(update: Update, page: bytes) -> Any:
    reference = update.import_page_as_xobject(PdfFileReader(BytesIO(page)))
    reference.get_object()[name("/FormType")] = number(1)
    return reference


def _add_image(update: Update, picture: Picture, pixels: _Pixels) -> Any:
    width, height, colours, alpha = pixels
    image = _image(width, height, "/DeviceRGB", colours)
    if alpha:
        image[name("/SMask")] = update.add_object(_image(width, height, "/DeviceGray", alpha))
    across, up = size_of(picture)
    form = generic.StreamObject(
        dictionary(
            Type=name("/XObject"),
            Subtype=name("/Form"),
            FormType=number(1),
            BBox=numbers(0, 0, across, up),
            Resources=dictionary(XObject=dictionary(Picture=update.add_object(image))),
        ),
        stream_data=f"q {across:.3f} 0 0 {up:.3f} 0 0 cm /Picture Do Q".encode(),
    )
    return update.add_object(form)


@lru_cache(maxsize=16)
def _pixels(data: bytes, kind: str) -> _Pixels:
    """(width, height, RGB, opacity), both compressed; no opacity when nothing is transparent."""
    try:
        with Image.open(BytesIO(data), formats=[kind]) as image:
            if image.width * image.height > MAX_PIXELS:
                raise DocumentError(f"the seal's picture has over {MAX_PIXELS} pixels", Fault.PICTURE)
            full = image.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DocumentError(f"the seal's picture is no {kind}", Fault.PICTURE) from error
    alpha = full.getchannel("A")
    opaque = alpha.getextrema() == (255, 255)
    colours = zlib.compress(full.convert("RGB").tobytes(), 6)
    return full.width, full.height, colours, b"" if opaque else zlib.compress(alpha.tobytes(), 6)


def _image(width: int, height: int, colours: str, compressed: bytes) -> generic.StreamObject:
    return generic.StreamObject(
        dictionary(
            Type=name("/XObject"),
            Subtype=name("/Image"),
            Width=number(width),
            Height=number(height),
            ColorSpace=name(colours),
            BitsPerComponent=number(8),
            Filter=name("/FlateDecode"),
        ),
        encoded_data=compressed,
    )
