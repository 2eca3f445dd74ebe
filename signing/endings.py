"""How a file that cannot be read ends: cut off, or with something behind its end. For people who ask why."""

import re
from typing import Final

from signing.document_findings import Appended, CutOff
from signing.documents import DocumentKind
from signing.findings import Finding

_PDF_END: Final = b"%%EOF"
_UNFINISHED: Final = re.compile(rb"\s*(?:\d{1,10} \d{1,5} obj\b|xref\b|\d{1,10}\s*\d{0,5}\s*o?b?\Z)")
"""An addition that was begun and has no end."""
_ZIP_END: Final = b"PK\x05\x06"
_ZIP_END_SIZE: Final = 22


def wrong_ending(subject: str, kind: DocumentKind, data: bytes) -> tuple[Finding, ...]:
    """One finding, or none when the file ends as it should, or nobody can tell."""
    end = _end_of_pdf(data) if kind is DocumentKind.PDF else _end_of_package(data)
    if end is None:
        return (CutOff(subject),)
    behind = data[end:]
    if not behind.strip():
        return ()
    if kind is DocumentKind.PDF and _UNFINISHED.match(behind[:64]):
        return (CutOff(subject),)
    return (Appended(subject, len(behind)),)


def _end_of_pdf(data: bytes) -> int | None:
    """Behind the last end that there is, and its line."""
    found = data.rfind(_PDF_END)
    if found < 0:
        return None
    end = found + len(_PDF_END)
    return end + len(data[end : end + 2]) - len(data[end : end + 2].lstrip(b"\r\n"))


def _end_of_package(data: bytes) -> int | None:
    """Behind the list at its end, and the comment that belongs to it."""
    found = data.rfind(_ZIP_END)
    if found < 0 or len(data) < found + _ZIP_END_SIZE:
        return None
    return found + _ZIP_END_SIZE + int.from_bytes(data[found + 20 : found + 22], "little")
