"""A seal's picture that is SVG, as a page of a PDF: vectors, with the program's own fonts.

Taken are shapes and text, and nothing that is fetched, runs or repeats itself.
"""

from functools import lru_cache
from typing import Any, Final

import typst
from lxml import etree

from signing.documents import DocumentError, Fault
from signing.seal_picture import DIGIT_FONTS
from signing.typesetting import SANS, SERIF, fonts

MAX_ELEMENTS: Final = 5_000

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


@lru_cache(maxsize=64)
def svg_page(svg: bytes, width_mm: int, height_mm: int) -> bytes:
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
