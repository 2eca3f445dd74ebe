# mypy: disable-error-code="no-untyped-call"
"""Where a seal is seen: widgets of signature fields, and the appearances that go into them.

A field with one widget is its widget. A field with several lists them in /Kids: the picture first, then, for
a straddle seal, its slice on every page in order.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from pyhanko.pdf_utils import generic

from signing.pdf.geometry import Area, Sheet, sheet_of
from signing.pdf.pictures import size_of
from signing.pdf.update import Update, dictionary, name, number, numbers
from signing.seal import Picture

PRINT_AND_LOCKED: Final = 4 | 128
SLICED_TOGETHER: Final = 12
"""Pages that share one straddle picture. Longer documents have several, one group of pages after another."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One widget to be: a page and an area of it. `part` of `parts` is the slice of the picture it shows."""

    page: int
    area: Area
    part: int = 0
    parts: int = 1


def slices(pages: int, width: float, height: float, middle: float, page_widths: list[float]) -> list[Spot]:
    """A picture of this size cut over the right edges of all pages. One page has the whole of it.

    Pages go in groups of nearly one size, each group has a picture of its own.
    """
    spots: list[Spot] = []
    for group in grouped(pages):
        across = width / len(group)
        for part, page in enumerate(group):
            area = Area(page_widths[page] - across, middle - height / 2, across, height)
            spots.append(Spot(page, area, part, len(group)))
    return spots


def grouped(pages: int) -> list[range]:
    """Pages 0 … in groups of at most SLICED_TOGETHER, as equal as they can be."""
    count = -(-pages // SLICED_TOGETHER)
    bounds = [index * pages // count for index in range(count + 1)]
    return [range(start, end) for start, end in pairwise(bounds)]


def add_field(update: Update, title: str, spots: list[Spot]) -> Any:
    """A new empty signature field with a widget at each spot. Returns its reference."""
    field = dictionary(FT=name("/Sig"), T=generic.TextStringObject(title))
    if len(spots) == 1:
        field.update(_widget(update, spots[0]))
        reference = update.add_object(field)
        update.register_annotation(update.page(spots[0].page), reference)
    else:
        reference = update.add_object(field)
        field[name("/Kids")] = generic.ArrayObject([_add_kid(update, reference, spot) for spot in spots])
    _form(update)["/Fields"].append(reference)
    return reference


def _add_kid(update: Update, parent: Any, spot: Spot) -> Any:
    widget = _widget(update, spot)
    widget[name("/Parent")] = parent
    reference = update.add_object(widget)
    update.register_annotation(update.page(spot.page), reference)
    return reference


def _widget(update: Update, spot: Spot) -> generic.DictionaryObject:
    page = update.page(spot.page)
    rect = sheet_of(page.get_object()).rect(spot.area)
    empty = _form_xobject(dictionary(), b"", rect[2] - rect[0], rect[3] - rect[1])
    return dictionary(
        Type=name("/Annot"),
        Subtype=name("/Widget"),
        F=number(PRINT_AND_LOCKED),
        P=page,
        Rect=numbers(*rect),
        AP=dictionary(N=update.add_object(empty)),
    )


def _form(update: Update) -> generic.DictionaryObject:
    """The document's form, made when there is none, and marked as changed."""
    root = update.root
    if "/AcroForm" not in root:
        fields = dictionary(Fields=generic.ArrayObject(), SigFlags=number(3))
        root[name("/AcroForm")] = update.add_object(fields)
        update.update_root()
    form: generic.DictionaryObject = root["/AcroForm"]
    if "/Fields" not in form:
        form[name("/Fields")] = generic.ArrayObject()
    update.update_container(form)
    update.update_container(form["/Fields"])
    return form


def room_of(widget: Any) -> tuple[float, float]:
    """(width, height) of a widget in mm, on the page as it is shown."""
    holder = widget.get_object()
    x1, y1, x2, y2 = (float(each) for each in holder["/Rect"])
    sheet = sheet_of(holder["/P"])
    sides = (abs(x2 - x1) / sheet.scale, abs(y2 - y1) / sheet.scale)
    return sides if sheet.turn % 180 == 0 else (sides[1], sides[0])


def show(update: Update, widget: Any, picture: Any, drawn: Picture, part: int = 0, parts: int = 1) -> None:
    """Give a widget an appearance: the picture in its middle; of several parts, one, at its right edge.

    `picture` is the form XObject. The widget stays as large as it is, and so does the picture.
    """
    holder = widget.get_object()
    x1, y1, x2, y2 = (float(each) for each in holder["/Rect"])
    sheet = sheet_of(holder["/P"])
    box_width, box_height = (x2 - x1, y2 - y1) if sheet.turn % 180 == 0 else (y2 - y1, x2 - x1)
    width, height = size_of(drawn)
    across = width / parts
    left = (box_width - across) / 2 if parts == 1 else box_width - across
    bottom = (box_height - height) / 2
    content = (
        f"q /Ink gs {left:.3f} {bottom:.3f} {across:.3f} {height:.3f} re W n "
        f"1 0 0 1 {left - part * across:.3f} {bottom:.3f} cm /Seal Do Q"
    )
    resources = dictionary(
        XObject=dictionary(Seal=picture),
        ExtGState=dictionary(Ink=dictionary(Type=name("/ExtGState"), BM=name("/Multiply"))),
    )
    appearance = _form_xobject(resources, content.encode(), box_width, box_height, sheet)
    holder[name("/AP")] = dictionary(N=update.add_object(appearance))
    update.mark_update(generic.Reference(widget.idnum, widget.generation, update))


def _form_xobject(
    resources: generic.DictionaryObject,
    content: bytes,
    width: float,
    height: float,
    sheet: Sheet | None = None,
) -> generic.StreamObject:
    form = dictionary(
        Type=name("/XObject"),
        Subtype=name("/Form"),
        FormType=number(1),
        BBox=numbers(0, 0, width, height),
        Resources=resources,
    )
    if sheet is not None and sheet.turn:
        form[name("/Matrix")] = generic.ArrayObject([number(each) for each in (*sheet.upright, 0, 0)])
    return generic.StreamObject(form, stream_data=content)
