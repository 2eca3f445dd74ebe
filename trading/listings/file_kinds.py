"""What kinds of files a listing has, how many, how large, and who sees them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class FileKind(StrEnum):
    PICTURE = "picture"
    ATTACHMENT = "attachment"
    VALUATION = "valuation"
    """The valuation report."""
    DECISION = "decision"
    """The decision documents of the transferor."""
    PRICE_APPROVAL = "price_approval"
    """The approval of a starting price under the floor against the valuation."""
    PRIORITY_PROOF = "priority_proof"
    """What proves a priority right; it names people."""


class Form(StrEnum):
    """What a file may be. Its content decides, never its name."""

    JPEG = "jpg"
    PNG = "png"
    WEBP = "webp"
    PDF = "pdf"
    OFD = "ofd"
    DOCX = "docx"
    XLSX = "xlsx"


MEDIA_TYPES: Final[Mapping[Form, str]] = {
    Form.JPEG: "image/jpeg",
    Form.PNG: "image/png",
    Form.WEBP: "image/webp",
    Form.PDF: "application/pdf",
    Form.OFD: "application/ofd",
    Form.DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    Form.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
PICTURES: Final = frozenset({Form.JPEG, Form.PNG, Form.WEBP})
PAPERS: Final = frozenset({Form.PDF, Form.OFD})
MEGABYTE: Final = 1 << 20
LARGEST_FILE: Final = 20 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Bounds:
    """`public`: everybody sees the file once the lot is announced; others only the transferor who put it
    there, administrators and regulators."""

    forms: frozenset[Form]
    largest: int
    most: int
    public: bool = False


BOUNDS: Final[Mapping[FileKind, Bounds]] = {
    FileKind.PICTURE: Bounds(PICTURES, 10 * MEGABYTE, 30, public=True),
    FileKind.ATTACHMENT: Bounds(PAPERS | {Form.DOCX, Form.XLSX}, LARGEST_FILE, 20, public=True),
    FileKind.VALUATION: Bounds(PAPERS | PICTURES, LARGEST_FILE, 10),
    FileKind.DECISION: Bounds(PAPERS | PICTURES, LARGEST_FILE, 10),
    FileKind.PRICE_APPROVAL: Bounds(PAPERS | PICTURES, LARGEST_FILE, 10),
    FileKind.PRIORITY_PROOF: Bounds(PAPERS | PICTURES, LARGEST_FILE, 20),
}


class FileWrong(StrEnum):
    """Why a file is not taken."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    NOT_THIS_FORM = "not_this_form"
    OTHER_THAN_ITS_NAME = "other_than_its_name"
    DAMAGED = "damaged"
    LOCKED = "locked"
    """It asks for a password."""
    ACTIVE = "active"
    """It holds programs, or other files inside."""
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_MANY_PAGES = "too_many_pages"
    THERE_ALREADY = "there_already"


class FileRefused(Exception):
    """A file that is not taken, and why."""

    def __init__(self, wrong: FileWrong, **facts: str | int) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.facts = facts
