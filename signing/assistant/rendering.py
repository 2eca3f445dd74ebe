"""The process that reads one document: `python -m signing.assistant.rendering`, document in, pages out.

Bounded in memory, processor time and output before it reads a byte of the document. It writes frames, each
behind its length in four bytes: first a JSON object, then the pages as PNG.
"""

import io
import json
import resource
import struct
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

DPI: Final = 110
MAX_PAGES: Final = 60
MAX_PIXELS: Final = 12_000_000
MAX_OUTPUT: Final = 48 << 20
MEMORY: Final = 1536 << 20
PROCESSOR_S: Final = 25


class TooMuch(Exception):
    """More than is shown. `code` is a word for messages."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def main() -> None:
    """Read all of standard input, write frames to standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_OUTPUT, MAX_OUTPUT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer(sys.stdin.buffer.read(), sys.stdout.buffer)


def answer(data: bytes, output: BinaryIO) -> None:
    """The facts of the hole and the pages, or what is wrong."""
    from signing import SigningError
    from signing.documents import DocumentError, hole

    try:
        found = hole(data)
        pages = list(pages_of(data, found.kind.value))
    except DocumentError as error:
        _frame(output, json.dumps({"problem": f"document.{error.fault.value}"}).encode())
        return
    except TooMuch as error:
        _frame(output, json.dumps({"problem": error.code}).encode())
        return
    except SigningError as error:
        shown = {"ofd-cannot-show": "document.cannot_show", "ofd-too-large": "document.too_many_pages"}
        problem = shown.get(getattr(error, "code", ""), "document.unreadable")
        _frame(output, json.dumps({"problem": problem}).encode())
        return
    facts = {
        "kind": found.kind.value,
        "digest": found.digest.hex(),
        "covers": found.covers,
        "capacity": found.capacity,
        "pages": len(pages),
    }
    _frame(output, json.dumps(facts).encode())
    for page in pages:
        _frame(output, page)


def pages_of(data: bytes, kind: str) -> Iterator[bytes]:
    """Each page as it will be seen, as PNG."""
    return _pages_of_pdf(data) if kind == "pdf" else _pages_of_ofd(data)


def _pages_of_pdf(data: bytes) -> Iterator[bytes]:
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    document.init_forms()  # the pictures of seals are drawn with the forms
    if len(document) > MAX_PAGES:
        raise TooMuch("document.too_many_pages")
    for page in document:
        width, height = page.get_size()
        scale = DPI / 72
        if not 0 < width * height * scale * scale <= MAX_PIXELS:
            raise TooMuch("document.page_too_large")
        yield _png(page.render(scale=scale).to_pil())


def _pages_of_ofd(data: bytes) -> Iterator[bytes]:
    from signing.ofd.pages import pages_as_png

    for number, page in enumerate(pages_as_png(data, DPI)):
        if number >= MAX_PAGES:
            raise TooMuch("document.too_many_pages")
        yield page


def _png(image: Any) -> bytes:
    written = io.BytesIO()
    image.convert("RGB").save(written, "PNG", compress_level=4)
    return written.getvalue()


def _frame(output: BinaryIO, data: bytes) -> None:
    output.write(struct.pack(">I", len(data)) + data)


if __name__ == "__main__":
    main()
