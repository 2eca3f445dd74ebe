"""A seal's picture drawn for comparison: as the form that sealing puts into a PDF, and as dots."""

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any, Final

import pypdfium2
from PIL import ImageChops, ImageFilter, ImageStat
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter

from signing import SigningError
from signing.documents import DocumentError
from signing.pdf.fields import Widget, raw_get, rectangle_of
from signing.pdf.pictures import add_picture, size_of
from signing.pdf.update import dictionary, name, numbers
from signing.seal import Picture

DOTS_PER_MM: Final = 6
MAX_DIFFERENCE: Final = 40
"""Of 255, at any spot of about half a millimetre: edges differ a little between programs, lines do not."""
MAX_MEAN: Final = 4.0

_WRITER: Any = PdfFileWriter
_PAGE: Any = PageObject


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
    reader = PdfFileReader(BytesIO(_drawn(picture)))
    page = reader.root["/Pages"]["/Kids"][0]
    return Form(page["/Resources"]["/XObject"].raw_get("/Seal").get_object(), width, height)


@lru_cache(maxsize=32)
def _drawn(picture: Picture) -> bytes:
    """A page that shows the picture and nothing else."""
    writer = _WRITER()
    try:
        form = add_picture(writer, picture)
    except DocumentError as error:
        raise Undrawable(str(error)) from error
    return _page(writer, form, *size_of(picture))


def _page(writer: Any, form: Any, width: float, height: float) -> bytes:
    content = writer.add_object(generic.StreamObject(stream_data=b"/Seal Do"))
    resources = dictionary(XObject=dictionary(Seal=form))
    page = _PAGE(contents=content, media_box=numbers(0, 0, width, height), resources=resources)
    writer.insert_page(page)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def look_alike(normal: Any, widget: Widget, picture: Picture, index: int, count: int) -> bool:
    """Whether a widget of another program's making looks like the picture, or like its slice of several.

    Dot by dot, on white. Slices are taken to be equal, from left to right.
    """
    rect, box = rectangle_of(raw_get(widget.value, "/Rect")), rectangle_of(raw_get(normal, "/BBox"))
    if normal is None or rect is None or box is None or "/OC" in widget.value:
        return False
    shown = _dots(_alone(normal, box), box[2] - box[0], box[3] - box[1])
    try:
        wanted = _dots(_drawn(picture), *size_of(picture))
    except Undrawable:
        return False
    if count > 1:
        part = wanted.width / count
        wanted = wanted.crop((round(index * part), 0, round((index + 1) * part), wanted.height))
    return _alike(shown.resize(wanted.size), wanted)


def _alone(normal: Any, box: tuple[float, float, float, float]) -> bytes:
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
    return _page(writer, writer.add_object(moved), width, height)


def _dots(page: bytes, width: float, height: float) -> Any:
    """The page as grey and colour, at most a few million dots."""
    scale = min(DOTS_PER_MM * 25.4 / 72, 4_000 / max(width, height, 1))
    document = pypdfium2.PdfDocument(page)
    try:
        return document[0].render(scale=scale, may_draw_forms=False).to_pil().convert("RGB")
    finally:
        document.close()


def _alike(one: Any, other: Any) -> bool:
    blurred = [image.filter(ImageFilter.BoxBlur(2)) for image in (one, other)]
    difference = ImageChops.difference(*blurred)
    extremes: Any = difference.getextrema()
    worst = max(high for _, high in extremes)
    return worst <= MAX_DIFFERENCE and max(ImageStat.Stat(difference).mean) <= MAX_MEAN


def as_png(picture: Picture) -> bytes:
    """The picture for a screen, on white, about 250 dots wide. Raises Undrawable."""
    width, height = size_of(picture)
    page = _dots(_drawn(picture), width, height)
    page.thumbnail((260, 260))
    out = BytesIO()
    page.save(out, format="PNG", optimize=True)
    return out.getvalue()
