"""Pages of our own PDF files as pictures. PDFium takes one caller at a time."""

import asyncio
import io
import threading
from functools import lru_cache
from typing import Final

import pypdfium2

DPI: Final = 110
_one_at_a_time: Final = threading.Lock()


def pages_in(pdf: bytes) -> int:
    with _one_at_a_time:
        document = pypdfium2.PdfDocument(pdf)
        try:
            return len(document)
        finally:
            document.close()


async def page_image(pdf: bytes, number: int) -> bytes:
    """Page `number`, from 1, as PNG, seals included."""
    return await asyncio.to_thread(_rendered, pdf, number)


@lru_cache(maxsize=32)
def _rendered(pdf: bytes, number: int) -> bytes:
    with _one_at_a_time:
        document = pypdfium2.PdfDocument(pdf)
        try:
            document.init_forms()
            picture = document[number - 1].render(scale=DPI / 72, may_draw_forms=True).to_pil()
        finally:
            document.close()
    out = io.BytesIO()
    picture.convert("RGB").save(out, "PNG", optimize=False)
    return out.getvalue()
