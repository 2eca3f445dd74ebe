"""PDF files for the tests: plain ones, from typst, made once; and what is seen and read on their pages."""

from functools import cache
from typing import Any

import pypdfium2
import typst
from PIL import Image

from signing.typesetting import ACCESSIBLE, fonts

DPI = 60
_PAGE = '#set page(paper: "a4")\n#set text(lang: "zh", font: "Noto Serif SC")\n#set document(title: "示例")\n'


@cache
def plain_pdf(pages: int = 1) -> bytes:
    """A4 pages with a line of Chinese text each, PDF/A-2a and tagged."""
    body = "\n#pagebreak()\n".join(f"第{number + 1}页：成交确认书示例。" for number in range(pages))
    compiler = typst.Compiler(font_paths=fonts(), ignore_system_fonts=True)
    standards: Any = list(ACCESSIBLE)
    made = compiler.compile((_PAGE + body).encode(), format="pdf", pdf_standards=standards, timestamp=0)
    assert isinstance(made, bytes)
    return made


def drawn(pdf: bytes, page: int, dpi: int = DPI) -> Image.Image:
    """A page as a reader shows it, seals and all."""
    document = pypdfium2.PdfDocument(pdf)
    document.init_forms()
    image: Image.Image = document[page].render(scale=dpi / 72, may_draw_forms=True).to_pil().convert("RGB")
    return image


def text_of(pdf: bytes, page: int) -> str:
    """What can be copied from a page."""
    return str(pypdfium2.PdfDocument(pdf)[page].get_textpage().get_text_bounded())


def red_box(image: Image.Image, dpi: int = DPI) -> tuple[float, float, float, float] | None:
    """(left, top, right, bottom) in mm of all that is red on a page; None when nothing is."""
    red, green, blue = image.split()
    is_red = [
        255 if r > 150 and g < 120 and b < 120 else 0
        for r, g, b in zip(red.tobytes(), green.tobytes(), blue.tobytes(), strict=True)
    ]
    mask = Image.new("L", image.size)
    mask.putdata(is_red)
    box = mask.getbbox()
    if box is None:
        return None
    left, top, right, bottom = (value * 25.4 / dpi for value in box)
    return left, top, right, bottom
