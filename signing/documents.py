"""Documents that take seals: PDF and OFD behind one set of functions.

    prepared = prepare(document, seal, [Named("transferee")], at=now)   # picture in place, an empty hole
    found = hole(prepared)                                              # digest and name of what is signed
    sealing = sign_with_seal(seal, found.digest, certificate, ukey, at=now, covers=found.covers)
    sealed = fill(prepared, sealing)

`seal_document` does all of it at once where document and key are in one place. docs/documents.md tells more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from importlib import import_module
from types import ModuleType
from typing import Final

from signing import SigningError
from signing.seal import Seal
from signing.seal_signature import SealSignature, assemble, sign_with_seal
from signing.signer import Signer
from signing.x509 import Certificate

MAX_DOCUMENT: Final = 20 << 20
MAX_PAGES: Final = 500
MAX_PLACES: Final = 16


class DocumentKind(StrEnum):
    """What is told apart, by content."""

    PDF = "pdf"
    OFD = "ofd"


class Fault(StrEnum):
    """Why a document is not sealed: what a page translates."""

    UNKNOWN_KIND = "unknown_kind"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    ENCRYPTED = "encrypted"
    NO_SUCH_PLACE = "no_such_place"
    PLACE_TAKEN = "place_taken"
    SEALED_BEFORE = "sealed_before"
    """A new place would change what earlier seals are about: places are made before the first seal."""
    OUTSIDE_THE_PAGE = "outside_the_page"
    LARGER_THAN_ITS_PLACE = "larger_than_its_place"
    PICTURE = "picture"
    NO_HOLE = "no_hole"
    SEVERAL_HOLES = "several_holes"
    LEAVES_OUT_MORE = "leaves_out_more"
    DOES_NOT_FIT = "does_not_fit"
    OTHER_CONTENT = "other_content"


class DocumentError(SigningError):
    """A document that is not sealed. Says why; `fault` is the same for programs."""

    def __init__(self, text: str, fault: Fault = Fault.UNREADABLE) -> None:
        super().__init__(text)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class At:
    """The middle of the seal: the page from 0, millimetres from the page's top left as it is shown."""

    page: int
    x_mm: float
    y_mm: float


@dataclass(frozen=True, slots=True)
class Named:
    """A place that was made and named with the document: "transferee", "transferor", "platform"."""

    name: str


@dataclass(frozen=True, slots=True)
class Straddle:
    """A straddle seal (骑缝章): slices of one picture along the right edges of all pages.

    `y_mm` is its middle from the top; None is the place made for it, or the middle of the page.
    """

    y_mm: float | None = None


Place = At | Named | Straddle


@dataclass(frozen=True, slots=True)
class Hole:
    """The one empty place in a prepared document."""

    kind: DocumentKind
    digest: bytes
    """SM3 of `signed`."""
    covers: str
    """The propertyInfo of the sealing."""
    signed: bytes = field(repr=False)
    """Everything but the hole."""
    capacity: int
    """Bytes of a sealing's DER that fit."""
    name: str
    """Of the place that is filled."""


def kind_of(data: bytes) -> DocumentKind:
    """By content. Raises DocumentError for everything else, and for what is larger than MAX_DOCUMENT."""
    if len(data) > MAX_DOCUMENT:
        raise DocumentError(f"more than {MAX_DOCUMENT >> 20} MB", Fault.TOO_LARGE)
    if data.startswith(b"%PDF-"):
        return DocumentKind.PDF
    if data.startswith(b"PK\x03\x04") and b"OFD.xml" in data:
        return DocumentKind.OFD
    raise DocumentError("neither a PDF nor an OFD document", Fault.UNKNOWN_KIND)


def prepare(data: bytes, seal: Seal, places: Sequence[Place], *, at: datetime, name: str = "") -> bytes:
    """The document with the seal's picture at its places and an empty hole for the sealing.

    The same input gives the same bytes. `name` names a new place; a `Named` place has its own.
    Raises DocumentError; ValueError for a time without a zone.
    """
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    if not 0 < len(places) <= MAX_PLACES:
        raise DocumentError(f"{len(places)} places; 1 to {MAX_PLACES} are filled", Fault.NO_SUCH_PLACE)
    prepared: bytes = _sealing_of(kind_of(data)).prepare(data, seal, places, at=at, name=name)
    if len(prepared) > MAX_DOCUMENT:
        raise DocumentError("the document would become too large", Fault.TOO_LARGE)
    return prepared


def hole(prepared: bytes) -> Hole:
    """What is to be signed in a prepared document.

    Raises DocumentError unless there is exactly one empty hole and the signed part leaves out nothing but it.
    """
    found: Hole = _sealing_of(kind_of(prepared)).hole(prepared)
    return found


def fill(prepared: bytes, sealing: SealSignature) -> bytes:
    """The sealed document. Raises DocumentError when the sealing does not fit, or is about something else."""
    sealed: bytes = _sealing_of(kind_of(prepared)).fill(prepared, sealing)
    return sealed


def seal_document(
    data: bytes,
    seal: Seal,
    certificate: Certificate,
    signer: Signer,
    places: Sequence[Place],
    *,
    at: datetime,
    name: str = "",
    stamp: Callable[[bytes], bytes] | None = None,
) -> bytes:
    """Prepare, sign and fill. `stamp` takes the signature value and gives an RFC 3161 token over it.

    Raises DocumentError; SealError when the seal is not for this certificate or time.
    """
    prepared = prepare(data, seal, places, at=at, name=name)
    found = hole(prepared)
    sealing = sign_with_seal(seal, found.digest, certificate, signer, at=at, covers=found.covers)
    if stamp is not None:
        token = stamp(sealing.signature)
        sealing = assemble(sealing.signed_part, certificate, sealing.signature, time_stamp=token)
    return fill(prepared, sealing)


def _sealing_of(kind: DocumentKind) -> ModuleType:
    """The module with `prepare`, `hole` and `fill`; read in when it is needed, since it reads in a lot."""
    return import_module(f"signing.{kind}.sealing")
