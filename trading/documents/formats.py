"""A paper in both formats: the PDF, and the OFD made from it, of the same content.

files = in_both_formats(pdf, "成交确认书", "CJ2026-XX-0001", as_of=moment)
"""

from datetime import datetime
from typing import Final

import structlog

from signing import SigningError
from signing.documents import DocumentKind
from signing.ofd.pages import pages_as_png
from signing.ofd.writing import ofd_from_pdf
from trading.working_days import day_of

log = structlog.get_logger(__name__)

SMALL: Final = 36
"""Dots per inch: an OFD is drawn once before it is given out, as nobody can seal what isn't shown to them."""


def in_both_formats(pdf: bytes, name: str, number: str, *, as_of: datetime) -> dict[DocumentKind, bytes]:
    """`pdf` is one of ours, of our fonts. A sale does not wait for an OFD that can't be made."""
    files = {DocumentKind.PDF: pdf}
    try:
        ofd = ofd_from_pdf(pdf, title=f"{name} {number}", created=day_of(as_of))
        pages_as_png(ofd, dpi=SMALL)
    except SigningError as fault:
        log.error("ofd_not_made", number=number, fault=str(fault))
    else:
        files[DocumentKind.OFD] = ofd
    return files
