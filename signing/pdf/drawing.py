"""A seal's picture drawn for comparison: as the form that sealing puts into a PDF, and as dots."""

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any, Final

import pypdfium2
from PIL import Image, ImageChops, ImageFilter, ImageStat
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter

from signing import SigningError
from signing.documents import DocumentError
from signing.pdf.fields import Widget, raw_get, rectangle_of, resolve
from signing.pdf.pictures import add_picture, size_of
from signing.pdf.update import dictionary, name, numbers
from signing.seal import Picture

DOTS_PER_MM: Final = 6
FINE_DOTS_PER_MM: Final = 12
MAX_DIFFERENCE: Final = 40
"""Of 255, at any spot of about half a millimetre: edges differ a little between programs, lines do not."""
MAX_MEAN: Final = 4.0
MAX_VALUES: Final = 20_000
Colour = tuple[int, int, int]
_WHITE: Final[Colour] = (255, 255, 255)
_GREEN: Final[Colour] = (60, 200, 90)

_WRITER: Any = PdfFileWriter
_PAGE: Any = PageObject
_IMAGE: Any = Image


class Undrawable(SigningError):
    """A picture that this program cannot draw. Says why."""


@dataclass(frozen=True, slots=True)
class Form:
    """The form XObject of a picture, and its size in points."""

    value: Any
    width: float
    height: float


def drawn_form(picture: Picture) -> Form:
    """The form that sealing would use. Raises Undrawable."""
    width, height = size_of(picture)
    reader = PdfFileReader(BytesIO(_drawn(picture, _WHITE)))
    page = reader.root["/Pages"]["/Kids"][0]
    return Form(page["/Resources"]["/XObject"].raw_get("/Seal").get_object(), width, height)


@lru_cache(maxsize=32)
def _drawn(picture: Picture, on: Colour) -> bytes:
    """A page that shows the picture and nothing else."""
    writer = _WRITER()
    try:
        form = add_picture(writer, picture)
    except DocumentError as error:
        raise Undrawable(str(error)) from error
    return _page(writer, form, *size_of(picture), on)


def _page(writer: Any, form: Any, width: float, height: float, on: Colour, ink: Any = None) -> bytes:
    red, green, blue = (each / 255 for each in on)
    paper = f"q {red:.4f} {green:.4f} {blue:.4f} rg 0 0 {width:.3f} {height:.3f} re f Q"
    paper += " /Seal Do" if ink is None else " /Ink gs /Seal Do"
    content = writer.add_object(generic.StreamObject(stream_data=paper.encode()))
    states = {} if ink is None else {"ExtGState": dictionary(Ink=ink)}
    resources = dictionary(XObject=dictionary(Seal=form), **states)
    page = _PAGE(contents=content, media_box=numbers(0, 0, width, height), resources=resources)
    writer.insert_page(page)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def look_alike(normal: Any, widget: Widget, picture: Picture, index: int, count: int) -> bool:
    """Whether a widget of another program's making looks like the picture, or like its slice of several.

    Dot by dot, on white and on a colour: nothing may cover the page where the picture does not. Slices are
    taken to be equal, from left to right.
    """
    rect, box = rectangle_of(raw_get(widget.value, "/Rect")), rectangle_of(raw_get(normal, "/BBox"))
    if normal is None or rect is None or box is None or "/OC" in widget.value or _has_layers(normal):
        return False
    size = box[2] - box[0], box[3] - box[1]
    try:
        drawn = [_dots(_drawn(picture, on), *size_of(picture)) for on in (_WHITE, _GREEN)]
    except Undrawable:
        return False
    white, colour = (_sliced(each, index, count) for each in drawn)
    inked = ImageChops.multiply(white, _IMAGE.new("RGB", white.size, _GREEN))
    on_white, on_colour = (
        _dots(_alone(normal, box, on), *size).resize(white.size) for on in (_WHITE, _GREEN)
    )
    return _alike(on_white, white) and (_alike(on_colour, colour) or _alike(on_colour, inked))


def draws(form: Any, picture: Picture) -> bool:
    """Whether a form draws the picture in the picture's own box, dot by dot: as ink, and by covering.

    Sealing by another version writes the same lines with other numbers; everything else is another picture.
    """
    if not isinstance(form, generic.StreamObject) or _has_layers(form):
        return False
    own = drawn_form(picture).value
    for how in ("/Multiply", "/Normal"):
        for on in (_WHITE, _GREEN):
            one, other = (_blended(each, *size_of(picture), on, how) for each in (form, own))
            if not _alike(one, other, blur=1):
                return False
    return True


def _blended(form: Any, width: float, height: float, on: Colour, how: str) -> Any:
    """The dots of this form alone; "/Multiply" is how it stands in a seal's place."""
    writer = _WRITER()
    ink = dictionary(Type=name("/ExtGState"), BM=name(how))
    page = _page(writer, writer.add_object(writer.import_object(form)), width, height, on, ink)
    return _dots(page, width, height, FINE_DOTS_PER_MM)


def _sliced(image: Any, index: int, count: int) -> Any:
    part = image.width / count
    return image.crop((round(index * part), 0, round((index + 1) * part), image.height))


def _has_layers(normal: Any) -> bool:
    """Whether anything in it could be switched on and off."""
    pending, seen, left = [normal], set[int](), MAX_VALUES
    while pending:
        each = resolve(pending.pop())
        left -= 1
        if left < 0:
            return True
        if isinstance(each, generic.DictionaryObject | generic.ArrayObject):
            if id(each) in seen:
                continue
            seen.add(id(each))
            if isinstance(each, generic.ArrayObject):
                pending += [each.raw_get(place) for place in range(len(each))]
            elif "/OC" in each:
                return True
            else:
                pending += [each.raw_get(key) for key in each if key not in ("/P", "/Parent")]
    return False


def _alone(normal: Any, box: tuple[float, float, float, float], on: Colour) -> bytes:
    """A page with only this appearance on it."""
    writer = _WRITER()
    width, height = box[2] - box[0], box[3] - box[1]
    moved = generic.StreamObject(
        dictionary(
            Type=name("/XObject"),
            Subtype=name("/Form"),
            BBox=numbers(0, 0, width, height),
            Resources=dictionary(XObject=dictionary(It=writer.add_object(writer.import_object(normal)))),
        ),
        stream_data=f"q 1 0 0 1 {-box[0]:.3f} {-box[1]:.3f} cm /It Do Q".encode(),
    )
    return _page(writer, writer.add_object(moved), width, height, on)


def _dots(page: bytes, width: float, height: float, per_mm: int = DOTS_PER_MM) -> Any:
    """The page as dots, at most a few million."""
    scale = min(per_mm * 25.4 / 72, 4_000 / max(width, height, 1))
    document = pypdfium2.PdfDocument(page)
    try:
        return document[0].render(scale=scale, may_draw_forms=False).to_pil().convert("RGB")
    finally:
        document.close()


def _alike(one: Any, other: Any, blur: int = 2) -> bool:
    blurred = [image.filter(ImageFilter.BoxBlur(blur)) for image in (one, other)]
    difference = ImageChops.difference(*blurred)
    extremes: Any = difference.getextrema()
    worst = max(high for _, high in extremes)
    return worst <= MAX_DIFFERENCE and max(ImageStat.Stat(difference).mean) <= MAX_MEAN


@lru_cache(maxsize=32)
def as_png(picture: Picture) -> bytes:
    """The picture for a screen, on white, about 250 dots wide. Raises Undrawable."""
    width, height = size_of(picture)
    page = _dots(_drawn(picture, _WHITE), width, height)
    page.thumbnail((260, 260))
    out = BytesIO()
    page.save(out, format="PNG", optimize=True)
    return out.getvalue()
