"""The pages of a package as marks, or a refusal: nobody may seal what was not shown.

    pages, resources = read_pages(structure)       # raises CannotShow

Taken are the elements and attributes that `page_markup` writes, with every value they can have. Whatever else
could be seen, or could hide something, is refused by name: templates, notes, shading, clipping, fonts that
are not in the package.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from signing.ofd.characters import MAX_FONT
from signing.ofd.content_text import FontTable, glyphs_of
from signing.ofd.content_values import (
    check_attributes,
    check_children,
    matrix_of,
    paint_of,
    pen_of,
    plain_number,
    steps_of,
    truth,
)
from signing.ofd.errors import CannotShow, TooLarge
from signing.ofd.marks import Box, Image, Mark, Matrix, Shape, Text
from signing.ofd.markup import Element, attribute, children, name_of, only, optional, parse, text
from signing.ofd.structure import PageEntry, Structure, box_of, file_of, identifier, resolve

MAX_MARKS: Final = 50_000
MAX_GLYPHS: Final = 100_000
"""On one page, as many as no page can hold."""
MAX_ALL_GLYPHS: Final = 300_000

_DOCUMENT: Final = frozenset({"CommonData", "Pages", "Outlines", "Permissions", "VPreferences", "Bookmarks"})
"""Where to look first and what a reader may do: nothing that is seen."""
_COMMON: Final = frozenset({"MaxUnitID", "PageArea", "PublicRes", "DocumentRes"})


@dataclass(frozen=True, slots=True)
class Framed:
    """A mark and the boundary that it may not leave, on the page."""

    mark: Mark
    boundary: Box


@dataclass(frozen=True, slots=True)
class ReadPage:
    """One page as it is to be drawn."""

    width: float
    height: float
    marks: tuple[Framed, ...]


@dataclass(frozen=True, slots=True)
class Resources:
    """Fonts and pictures by their identifiers."""

    fonts: Mapping[int, FontTable]
    images: Mapping[int, bytes]


def read_pages(structure: Structure) -> tuple[tuple[ReadPage, ...], Resources]:
    """All pages. Raises CannotShow, or another OfdError for what is no document at all."""
    root = parse(file_of(structure.files, structure.document), structure.document, "Document")
    check_children(root, _DOCUMENT, structure.document)
    check_children(only(root, "CommonData", structure.document), _COMMON, structure.document)
    resources = _resources(structure)
    pages: list[ReadPage] = []
    glyphs = 0
    for entry in structure.pages:
        page = _page(structure, entry, resources)
        glyphs += sum(len(each.mark.glyphs) for each in page.marks if isinstance(each.mark, Text))
        if glyphs > MAX_ALL_GLYPHS:
            raise TooLarge(f"a document of more than {MAX_ALL_GLYPHS} characters")
        pages.append(page)
    return tuple(pages), resources


def _resources(structure: Structure) -> Resources:
    fonts: dict[int, FontTable] = {}
    images: dict[int, bytes] = {}
    for path in structure.resources:
        root = parse(file_of(structure.files, path), path, "Res")
        check_children(root, {"Fonts", "MultiMedias"}, path)
        base = root.get("BaseLoc", "")
        for element in (child for group in root for child in group):
            number, file = identifier(element, "ID", path), _resource_file(element, base, path)
            if number in fonts or number in images:
                raise CannotShow(f"{path} gives the identifier {number} twice")
            if name_of(element) == "Font":
                fonts[number] = _font(structure, element, file)
            else:
                images[number] = file_of(structure.files, file)
    return Resources(fonts, images)


def _resource_file(element: Element, base: str, path: str) -> str:
    kinds = {"Font": "FontFile", "MultiMedia": "MediaFile"}
    kind = kinds.get(name_of(element))
    if kind is None or (kind == "MediaFile" and element.get("Type") != "Image"):
        raise CannotShow(f"{path} has a resource of another kind than fonts and pictures")
    file = optional(element, kind, path)
    if file is None:
        raise CannotShow(f"the font {element.get('FontName', '')[:60]!r} is not in the document")
    location = text(file, path)
    if not location.startswith("/") and base:
        location = f"{base.rstrip('/')}/{location}"
    return resolve(location, path)


def _font(structure: Structure, element: Element, file: str) -> FontTable:
    program = file_of(structure.files, file)
    if len(program) > MAX_FONT:
        raise CannotShow(f"{file} is larger than a font")
    return FontTable.of(element.get("FontName", "")[:100], program)


def _page(structure: Structure, entry: PageEntry, resources: Resources) -> ReadPage:
    path = entry.path
    root = parse(file_of(structure.files, path), path, "Page")
    check_children(root, {"Area", "Content"}, path)
    area = optional(root, "Area", path)
    if area is not None:
        check_children(area, {"PhysicalBox", "ApplicationBox", "ContentBox", "BleedBox"}, path)
    content = optional(root, "Content", path)
    marks: list[Framed] = []
    if content is not None:
        check_children(content, {"Layer"}, path)
        layers = list(children(content, "Layer"))
        if len(layers) > 1:
            raise CannotShow(f"{path} has several layers")
        for layer in layers:
            check_attributes(layer, {"ID": None, "Type": ("Body",)}, path)
            marks += _marks(layer, resources, path)
    return ReadPage(entry.width, entry.height, tuple(marks))


def _marks(layer: Element, resources: Resources, path: str) -> Iterator[Framed]:
    if len(layer) > MAX_MARKS:
        raise CannotShow(f"{path} has more than {MAX_MARKS} objects")
    glyphs = 0
    for element in layer:
        kind = name_of(element)
        if kind not in _READERS:
            raise CannotShow(f"{path} has the object {kind or element.tag!r}")
        boundary = box_of(attribute(element, "Boundary", path), path)
        mark = _READERS[kind](element, boundary, resources, path)
        glyphs += len(mark.glyphs) if isinstance(mark, Text) else 0
        if glyphs > MAX_GLYPHS:
            raise CannotShow(f"{path} has more than {MAX_GLYPHS} characters")
        yield Framed(mark, boundary)


def _placed(element: Element, boundary: Box, path: str) -> Matrix:
    """From the object's own space to the page."""
    own = matrix_of(element.get("CTM"), path)
    return own.then(Matrix(1, 0, 0, 1, boundary.x, boundary.y))


_GRAPHIC: Final[dict[str, tuple[str, ...] | None]] = {
    "ID": None,
    "Boundary": None,
    "CTM": None,
    "Alpha": None,
    "Name": None,
    "Visible": ("true", "1"),
}
_LINES: Final[dict[str, tuple[str, ...] | None]] = {
    "LineWidth": None,
    "Cap": ("Butt", "Round", "Square"),
    "Join": ("Miter", "Round", "Bevel"),
    "MiterLimit": None,
    "DashOffset": None,
    "DashPattern": None,
    "Stroke": ("true", "false", "1", "0"),
    "Fill": ("true", "false", "1", "0"),
}
_TEXT: Final = _GRAPHIC | _LINES | {
    "Font": None,
    "Size": None,
    "HScale": ("1", "1.0"),
    "ReadDirection": ("0",),
    "CharDirection": ("0",),
    "Weight": ("400",),
    "Italic": ("false", "0"),
}  # fmt: skip


def _text(element: Element, boundary: Box, resources: Resources, path: str) -> Mark:
    check_attributes(element, _TEXT, path)
    check_children(element, {"FillColor", "StrokeColor", "CGTransform", "TextCode"}, path)
    number = identifier(element, "Font", path)
    font = resources.fonts.get(number)
    if font is None:
        raise CannotShow(f"{path} names the font {number}, which is not there")
    placed = _placed(element, boundary, path)
    size = plain_number(attribute(element, "Size", path), path)
    filled, stroked = truth(element, "Fill", True), truth(element, "Stroke", False)
    return Text(
        font=str(number),
        size=size,
        glyphs=tuple(glyphs_of(element, font, placed, path)),
        fill=paint_of(element, "FillColor", path, default=(0, 0, 0)) if filled else None,
        stroke=pen_of(element, placed, path) if stroked else None,
        turn=Matrix(*placed[:4], 0.0, 0.0),
    )


def _shape(element: Element, boundary: Box, resources: Resources, path: str) -> Mark:
    check_attributes(element, {**_GRAPHIC, **_LINES, "Rule": ("NonZero", "Even-Odd")}, path)
    check_children(element, {"FillColor", "StrokeColor", "AbbreviatedData"}, path)
    placed = _placed(element, boundary, path)
    filled, stroked = truth(element, "Fill", False), truth(element, "Stroke", True)
    return Shape(
        steps=tuple(steps_of(text(only(element, "AbbreviatedData", path), path), placed, path)),
        fill=paint_of(element, "FillColor", path) if filled else None,
        stroke=pen_of(element, placed, path) if stroked else None,
        even_odd=element.get("Rule") == "Even-Odd",
    )


def _image(element: Element, boundary: Box, resources: Resources, path: str) -> Mark:
    check_attributes(element, {**_GRAPHIC, "ResourceID": None}, path)
    check_children(element, set(), path)
    number = identifier(element, "ResourceID", path)
    if number not in resources.images or element.get("CTM") is None:
        raise CannotShow(f"{path} has a picture that is not there, or has no size")
    alpha = element.get("Alpha", "255")
    return Image(str(number), _placed(element, boundary, path), round(plain_number(alpha, path)))


_READERS: Final = {"TextObject": _text, "PathObject": _shape, "ImageObject": _image}
