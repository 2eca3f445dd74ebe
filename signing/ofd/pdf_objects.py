"""What is common to all that is read from a PDF: references, inherited entries, the pages in their order."""

from typing import Any, Final

from pyhanko.pdf_utils.reader import PdfFileReader

from signing.ofd.errors import CannotConvert

MM: Final = 25.4 / 72
"""Millimetres of a point."""
MAX_PAGES: Final = 500


def resolved(value: Any) -> Any:
    """What a reference leads to."""
    return value.get_object() if hasattr(value, "get_object") else value


def inherited(page: Any, key: str, default: Any = None) -> Any:
    """An entry of a page, or of what is above it."""
    for _ in range(32):
        if key in page:
            return page[key]
        if "/Parent" not in page:
            break
        page = page["/Parent"]
    if default is None:
        raise CannotConvert(f"a page without {key[1:]}")
    return default


def pages_of(reader: PdfFileReader) -> list[Any]:
    """The pages' dictionaries in their order. Raises CannotConvert."""
    found: list[Any] = []
    pending = [(reader.root["/Pages"], 0)]
    while pending:
        node, depth = pending.pop()
        if node.get("/Type") == "/Page":
            found.append(node)
        elif depth < 16:
            pending += [(resolved(kid), depth + 1) for kid in reversed(node["/Kids"])]
        if len(found) > MAX_PAGES or len(pending) > MAX_PAGES:
            raise CannotConvert(f"more than {MAX_PAGES} pages")
    return found
