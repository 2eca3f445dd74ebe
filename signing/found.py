"""What reading a document found out about its seals. PDF and OFD readers give the same values.

Nothing here is trusted yet: `signing.verification` decides what it is worth.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from signing.findings import Finding
from signing.seal_signature import SealSignature


class ChangeKind(StrEnum):
    """What was added to a document after a seal."""

    SEAL = "seal"
    """Another seal, in a place that was made for it before; it shows its own picture and nothing else."""
    PAGES = "pages"
    PAGE_CONTENT = "page_content"
    ANNOTATION = "annotation"
    """Something that lies over a page: a note, a drawing, a link, a field that was not there."""
    APPEARANCE = "appearance"
    """What a field or a seal looks like."""
    FORM = "form"
    """A value that somebody filled in."""
    STRUCTURE = "structure"
    """The inner order of the file: its beginning, its index, its trailer, an attachment, a script."""
    OTHER = "other"


ALLOWED: Final = frozenset({ChangeKind.SEAL})
"""The only thing that may follow a seal is the next one."""


@dataclass(frozen=True, slots=True)
class Change:
    """One addition after a seal. `where` names the page, the field or the object, in a few words."""

    kind: ChangeKind
    where: str

    @property
    def allowed(self) -> bool:
        """Whether the seal stays valid with it."""
        return self.kind in ALLOWED


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a seal covers, and what came after it.

    `covers_all`: everything in the document but the signature itself. Otherwise it covers the document as it
    was then, and `changes` says what was added; none of them may be a change that is not allowed.
    """

    covers_all: bool
    changes: tuple[Change, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether what is seen now is what was sealed, and later seals."""
        return all(change.allowed for change in self.changes)


@dataclass(frozen=True, slots=True)
class SealPlace:
    """Where a seal is seen: the page from 0, millimetres from the page's top left."""

    page: int
    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float


@dataclass(frozen=True, slots=True)
class FoundSeal:
    """One seal as it stands in a document.

    Exactly one of `signature` and `problem` is there, unless the place of the signature is sound and what
    stands in it is not: then `problem` says what is wrong with it.
    `digest` is the SM3 of what the signature has to be about, computed here and not read from it; None when
    that cannot be said. `signed` is that content itself, for other software (data.bin).
    `findings` holds everything else that is wrong with how it stands there.
    """

    name: str
    signature: SealSignature | None
    problem: Finding | None
    digest: bytes | None
    signed: bytes = field(repr=False)
    coverage: Coverage
    places: tuple[SealPlace, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """A whole document: its seals in the order in which they were made, and what is wrong with the file."""

    seals: tuple[FoundSeal, ...]
    findings: tuple[Finding, ...] = ()
