# mypy: disable-error-code="no-untyped-call"
"""The picture of a seal as a form XObject of exact size.

SVG stays vectors, PNG keeps what is transparent, an OFD picture (real seals often have one) becomes dots.

The picture multiplies with what is under it, as ink does: black text under a seal stays black.
"""

import zlib
from functools import lru_cache
from io import BytesIO
from typing import Any, Final

import typst
from lxml import etree
from PIL import Image, UnidentifiedImageError
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.documents import DocumentError, Fault
from signing.pdf.geometry import POINTS_PER_MM
from signing.pdf.update import Update, dictionary, name, number, numbers
from signing.seal import Picture
from signing.seal_picture import DIGIT_FONTS
from signing.typesetting import SANS, SERIF, fonts

MAX_PIXELS: Final = 16_000_000
MAX_ELEMENTS: Final = 5_000
OFD_DPI: Final = 400

_SVG: Final = "{http://www.w3.org/2000/svg}"
_ELEMENTS: Final = frozenset(
    f"{_SVG}{tag}"
    for tag in ("svg", "g", "title", "desc", "text", "tspan", "path", "circle", "ellipse", "rect", "line")
) | {f"{_SVG}polygon", f"{_SVG}polyline"}
_BOLD: Final = 600
_EMBOLDEN: Final = 0.035
"""Our fonts have one weight: bolder characters get a line of this share of their size around them."""

_PAGE: Final = b"""
#let side = json(bytes(sys.inputs.side))
#set page(width: side.w * 1mm, height: side.h * 1mm, margin: 0pt, fill: none)
#pdf.artifact(image(bytes(sys.inputs.svg), format: "svg", width: 100%, height: 100%, fit: "stretch"))
"""
_Pixels = tuple[int, int, bytes, bytes]
_RASTER: Final = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "bmp": "BMP", "gif": "GIF"}


def add_picture(update: Update, picture: Picture) -> Any:
    """The reference of a form XObject that shows the picture, its BBox in points from (0, 0).

    Raises DocumentError for a picture that cannot be shown.
    """
    kind = picture.kind.lower().lstrip(".")
    if kind == "svg":
        return _add_page(update, _vectors(picture.data, picture.width_mm, picture.height_mm))
    if kind in _RASTER:
        return _add_image(update, picture, _pixels(picture.data, _RASTER[kind]))
    if kind == "ofd":
        return _add_image(update, picture, _pixels(_drawn_package(picture.data), "PNG"))
    raise DocumentError(f"the seal's picture is of the kind {picture.kind[:20]!r}: not shown", Fault.PICTURE)


def size_of(picture: Picture) -> tuple[float, float]:
    """(width, height) in points."""
    return picture.width_mm * POINTS_PER_MM, picture.height_mm * POINTS_PER_MM


def _add_page(update: Update, page: bytes) -> Any:
    reference = update.import_page_as_xobject(PdfFileReader(BytesIO(page)))
    reference.get_object()[name("/FormType")] = number(1)
    return reference


@lru_cache(maxsize=64)
def _vectors(svg: bytes, width_mm: int, height_mm: int) -> bytes:
    """A PDF file of one page of this size. The same picture is asked for at every sealing."""
    inputs = {"svg": _checked(svg).decode(), "side": f'{{"w": {width_mm}, "h": {height_mm}}}'}
    try:
        compiler = typst.Compiler(font_paths=fonts(), ignore_system_fonts=True)
        made = compiler.compile(_PAGE, format="pdf", sys_inputs=inputs, timestamp=0)
    except typst.TypstError as error:
        raise DocumentError(
            f"the seal's picture cannot be drawn: {error.message[:200]}", Fault.PICTURE
        ) from error
    assert isinstance(made, bytes)
    return made


def _checked(svg: bytes) -> bytes:
    """The drawing with our fonts. Only shapes and text: nothing that is fetched, runs or repeats itself."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(svg, parser)
    except etree.XMLSyntaxError as error:
        raise DocumentError(f"the seal's picture is no SVG: {error}", Fault.PICTURE) from error
    elements = list(root.iter())
    docinfo: Any = root.getroottree().docinfo
    if root.tag != f"{_SVG}svg" or str(docinfo.doctype) or len(elements) > MAX_ELEMENTS:
        raise DocumentError("the seal's picture is no plain SVG", Fault.PICTURE)
    for element in elements:
        _check_element(element)
        _set_font(element)
    return etree.tostring(root)


def _check_element(element: etree._Element) -> None:
    plain = element.tag in _ELEMENTS and all(
        "href" not in key and key != "style" and not key.startswith("on") and "url(" not in value
        for key, value in ((str(key), str(value)) for key, value in element.items())
    )
    if not plain:
        raise DocumentError("the seal's picture has more than shapes and text", Fault.PICTURE)


def _set_font(element: etree._Element) -> None:
    if element.tag not in (f"{_SVG}text", f"{_SVG}tspan"):
        return
    digits = element.get("font-family") == DIGIT_FONTS
    element.set("font-family", SANS if digits else SERIF)
    weight, size = element.attrib.pop("font-weight", "400"), element.get("font-size", "")
    if weight.isdigit() and int(weight) >= _BOLD and _is_number(size):
        element.set("stroke", element.get("fill") or element.getroottree().getroot().get("fill") or "black")
        element.set("stroke-width", f"{float(size) * _EMBOLDEN:.3f}")


def _is_number(value: str) -> bool:
    return value.replace(".", "", 1).isdigit() and len(value) < 12


@lru_cache(maxsize=16)
def _drawn_package(data: bytes) -> bytes:
    """The one page of an OFD document, as PNG on white, which multiplies to nothing."""
    from signing.ofd.errors import OfdError
    from signing.ofd.package import read_package
    from signing.ofd.pages import pages_as_png
    from signing.ofd.signatures import read_list
    from signing.ofd.structure import read_structure

    try:
        structure = read_structure(read_package(data))
        listed = read_list(structure.files, structure.signatures).entries if structure.signatures else ()
        if listed or len(structure.pages) != 1:  # a seal in the picture of a seal, and so on, has no end
            raise DocumentError("the seal's picture is an OFD document with more than a page", Fault.PICTURE)
        return pages_as_png(data, OFD_DPI)[0]
    except OfdError as error:
        raise DocumentError(f"the seal's picture cannot be drawn: {error}", Fault.PICTURE) from error


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
