"""Pages drawn by PDFium, mark by mark: exactly these glyphs of exactly these fonts.

Nothing outside an object's boundary is drawn, since nothing there is taken: other programs would cut it off.
PDFium works on one thing at a time; a lock keeps it so within a process.
"""

import ctypes
from collections.abc import Sequence
from io import BytesIO
from threading import RLock
from typing import Any, Final

import PIL.Image
import pypdfium2
import pypdfium2.raw as native
from PIL import UnidentifiedImageError

from signing.ofd.content import Framed, ReadPage, Resources
from signing.ofd.errors import CannotShow, TooLarge
from signing.ofd.marks import Box, Image, Mark, Matrix, Paint, Pen, Shape, Text

POINTS: Final = 72 / 25.4
"""Per millimetre."""
MAX_PIXELS: Final = 40_000_000
MAX_IMAGE_PIXELS: Final = 16_000_000
TOLERANCE_MM: Final = 0.3

LOCK: Final = RLock()

_CAPS: Final = {
    "Butt": native.FPDF_LINECAP_BUTT,
    "Round": native.FPDF_LINECAP_ROUND,
    "Square": native.FPDF_LINECAP_PROJECTING_SQUARE,
}
_JOINS: Final = {
    "Miter": native.FPDF_LINEJOIN_MITER,
    "Round": native.FPDF_LINEJOIN_ROUND,
    "Bevel": native.FPDF_LINEJOIN_BEVEL,
}


class Overlay:
    """A picture with transparent parts, laid over a page like ink: what is under it stays readable."""

    __slots__ = ("box", "picture")

    def __init__(self, picture: PIL.Image.Image, box: Box) -> None:
        self.picture = picture
        self.box = box


def draw(page: ReadPage, resources: Resources, overlays: Sequence[Overlay], dpi: int) -> PIL.Image.Image:
    """One page with what lies over it, white where nothing is. Raises CannotShow or TooLarge."""
    pixels = page.width * page.height * (dpi / 25.4) ** 2
    if not 10 <= dpi <= 600 or pixels > MAX_PIXELS:
        raise TooLarge(f"a page of {pixels:.0f} pixels; {MAX_PIXELS} are drawn")
    with LOCK:
        document = pypdfium2.PdfDocument.new()
        try:
            sheet = _Sheet(document, page, resources)
            for framed in page.marks:
                sheet.add(framed)
            for overlay in overlays:
                sheet.lay_over(overlay)
            rendered = sheet.page.render(scale=dpi / 72, fill_color=(255, 255, 255, 255))
            image: PIL.Image.Image = rendered.to_pil().convert("RGB")
        finally:
            document.close()
    return image


class _Sheet:
    """One page that is being drawn. PDFium counts from the bottom left, in points."""

    def __init__(self, document: Any, page: ReadPage, resources: Resources) -> None:
        self.document = document
        self.page = document.new_page(page.width * POINTS, page.height * POINTS)
        self.resources = resources
        self.to_sheet = Matrix(POINTS, 0, 0, -POINTS, 0, page.height * POINTS)
        self.fonts: dict[str, Any] = {}
        self.kept: list[Any] = []
        """Buffers that PDFium reads from while the document is open."""

    def add(self, framed: Framed) -> None:
        """Draw one mark. Raises CannotShow when it leaves its boundary."""
        for drawn in self._objects(framed.mark):
            if not isinstance(framed.mark, Image):
                self._check_inside(drawn, framed)
            native.FPDFPage_InsertObject(self.page, drawn)

    def _objects(self, mark: Mark) -> list[Any]:
        match mark:
            case Text():
                return [self._glyph(mark, index) for index in range(len(mark.glyphs))]
            case Shape():
                return [self._path(mark)]
            case Image():
                return [
                    self._image(
                        picture_of(self.resources.images[int(mark.resource)]), mark.matrix, mark.alpha
                    )
                ]

    def _check_inside(self, drawn: Any, framed: Framed) -> None:
        sides = [ctypes.c_float() for _ in range(4)]
        if not native.FPDFPageObj_GetBounds(drawn, *sides):
            return  # nothing to be seen, such as a space
        left, bottom, right, top = (side.value for side in sides)
        height = self.to_sheet.f
        found = Box(left / POINTS, (height - top) / POINTS, (right - left) / POINTS, (top - bottom) / POINTS)
        if found.width > 0 and found.height > 0 and not framed.boundary.holds(found, TOLERANCE_MM):
            raise CannotShow(f"something at {found.x:.0f}, {found.y:.0f} mm leaves its boundary")

    # --- text ---

    def _glyph(self, text: Text, index: int) -> Any:
        glyph = text.glyphs[index]
        drawn = native.FPDFPageObj_CreateTextObj(self.document, self._font(text.font), text.size * POINTS)
        codes = (ctypes.c_uint32 * 1)(glyph.number)
        if not drawn or not native.FPDFText_SetCharcodes(drawn, codes, 1):
            raise CannotShow(f"the glyph {glyph.number} cannot be drawn")
        a, b, c, d = text.turn[:4]
        x, y = self.to_sheet.at(glyph.x, glyph.y)
        native.FPDFPageObj_Transform(drawn, a, -b, -c, d, x, y)
        self._colour(drawn, text.fill, text.stroke)
        mode = (
            native.FPDF_TEXTRENDERMODE_FILL
            if text.stroke is None
            else native.FPDF_TEXTRENDERMODE_FILL_STROKE
            if text.fill
            else native.FPDF_TEXTRENDERMODE_STROKE
        )
        native.FPDFTextObj_SetTextRenderMode(drawn, mode)
        return drawn

    def _font(self, key: str) -> Any:
        """Loaded so that the codes of text are the numbers of glyphs."""
        if key not in self.fonts:
            program = self.resources.fonts[int(key)].program
            buffer = (ctypes.c_uint8 * len(program)).from_buffer_copy(program)
            font = native.FPDFText_LoadFont(
                self.document, buffer, len(program), native.FPDF_FONT_TRUETYPE, True
            )
            if not font:
                raise CannotShow("a font that cannot be drawn")
            self.kept.append(buffer)
            self.fonts[key] = font
        return self.fonts[key]

    # --- shapes ---

    def _path(self, shape: Shape) -> Any:
        drawn = native.FPDFPageObj_CreateNewPath(0.0, 0.0)
        for step in shape.steps:
            points = [coordinate for point in step.points for coordinate in self.to_sheet.at(*point)]
            match step.kind:
                case "M":
                    native.FPDFPath_MoveTo(drawn, *points)
                case "L":
                    native.FPDFPath_LineTo(drawn, *points)
                case "B":
                    native.FPDFPath_BezierTo(drawn, *points)
                case _:
                    native.FPDFPath_Close(drawn)
        rule = native.FPDF_FILLMODE_NONE
        if shape.fill:
            rule = native.FPDF_FILLMODE_ALTERNATE if shape.even_odd else native.FPDF_FILLMODE_WINDING
        native.FPDFPath_SetDrawMode(drawn, rule, shape.stroke is not None)
        self._colour(drawn, shape.fill, shape.stroke)
        return drawn

    def _colour(self, drawn: Any, fill: Paint | None, stroke: Pen | None) -> None:
        if fill:
            native.FPDFPageObj_SetFillColor(drawn, *fill.colour, fill.alpha)
        if stroke is None:
            return
        native.FPDFPageObj_SetStrokeColor(drawn, *stroke.paint.colour, stroke.paint.alpha)
        native.FPDFPageObj_SetStrokeWidth(drawn, stroke.width * POINTS)
        native.FPDFPageObj_SetLineCap(drawn, _CAPS[stroke.cap])
        native.FPDFPageObj_SetLineJoin(drawn, _JOINS[stroke.join])
        if stroke.dash:
            lengths = [length * POINTS for length in stroke.dash]
            array = (ctypes.c_float * len(lengths))(*lengths)
            native.FPDFPageObj_SetDashArray(drawn, array, len(lengths), stroke.dash_offset * POINTS)

    # --- pictures ---

    def lay_over(self, overlay: Overlay) -> None:
        """A seal: it multiplies with what is under it."""
        box = overlay.box
        matrix = Matrix(box.width, 0, 0, box.height, box.x, box.y)
        drawn = self._image(overlay.picture, matrix, 255)
        native.FPDFPageObj_SetBlendMode(drawn, b"Multiply")
        native.FPDFPage_InsertObject(self.page, drawn)

    def _image(self, picture: PIL.Image.Image, matrix: Matrix, alpha: int) -> Any:
        """PDFium's pictures stand on their lower edge."""
        if alpha != 255:
            picture = picture.convert("RGBA")
            picture.putalpha(picture.getchannel("A").point(lambda value: value * alpha // 255))
        bitmap = pypdfium2.PdfBitmap.from_pil(picture.convert("RGBA"))
        drawn = native.FPDFPageObj_NewImageObj(self.document)
        if not native.FPDFImageObj_SetBitmap(None, 0, drawn, bitmap):
            raise CannotShow("a picture that cannot be drawn")
        upright = Matrix(1, 0, 0, -1, 0, 1).then(matrix).then(self.to_sheet)
        native.FPDFPageObj_Transform(drawn, *upright)
        self.kept.append(bitmap)
        return drawn


def picture_of(data: bytes, formats: Sequence[str] = ("PNG", "JPEG")) -> PIL.Image.Image:
    """A picture of one of these formats. Raises CannotShow."""
    try:
        with PIL.Image.open(BytesIO(data), formats=list(formats)) as picture:
            if picture.width * picture.height > MAX_IMAGE_PIXELS:
                raise CannotShow("a picture with too many pixels")
            return picture.convert("RGBA")
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,
        PIL.Image.DecompressionBombError,
    ) as error:
        raise CannotShow("a picture that cannot be read") from error
