"""Pages of our own PDF files as pictures. PDFium takes one caller at a time, in a thread beside the loop."""

import asyncio
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

import pypdfium2

DPI: Final = 110
_one_at_a_time: Final = threading.Lock()


async def pages_in(pdf: bytes) -> int:
    return await asyncio.to_thread(_counted, pdf)


async def page_image(pdf: bytes, number: int) -> bytes:
    """Page `number`, from 1, as PNG, seals included."""
    return await asyncio.to_thread(_rendered, pdf, number)


@lru_cache(maxsize=32)
def _counted(pdf: bytes) -> int:
    with _opened(pdf) as document:
        return len(document)


@lru_cache(maxsize=32)
def _rendered(pdf: bytes, number: int) -> bytes:
    with _opened(pdf) as document:
        document.init_forms()
        picture = document[number - 1].render(scale=DPI / 72, may_draw_forms=True).to_pil()
    out = io.BytesIO()
    picture.convert("RGB").save(out, "PNG")
    return out.getvalue()


@contextmanager
def _opened(pdf: bytes) -> Iterator[Any]:
    with _one_at_a_time:
        document = pypdfium2.PdfDocument(pdf)
        try:
            yield document
        finally:
            document.close()
