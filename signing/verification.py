"""Whether a sealed document holds: every seal, everything behind it, one verdict.

    report = verify(data, trust, now=moment)
    report.verdict, [str(finding) for finding in report.findings]
    for entry in report.seals: entry.signer, entry.stated_time, entry.proven_time, entry.verdict

Nothing is fetched and no clock is read: `trust` and `now` say everything that the answer depends on. Files of
strangers belong into `signing.bounded`, which gives them a process with limits.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Self

from signing.chain import Trust, revocation_of
from signing.document_findings import (
    NoSeals,
    TimeNotProven,
    TimesDiffer,
    TooLarge,
    UnknownFormat,
)
from signing.documents import MAX_DOCUMENT, DocumentError, DocumentKind, kind_of
from signing.endings import wrong_ending
from signing.findings import Finding, RevocationUnknown, Verdict, verdict
from signing.found import FoundSeal, Reading
from signing.opinions import differing
from signing.seal_check import SealSignatureReport, check_seal_signature
from signing.sm3 import sm3
from signing.timestamp import TimeStampReport
from signing.x509 import Certificate

FILE: Final = "the file"
TIMES_APART: Final = timedelta(hours=1)
"""From where on it is said that the stated time and the proven one differ."""


@dataclass(frozen=True, slots=True)
class SealedDocument:
    """A document that was read and not judged yet. `kind` None: neither PDF nor OFD."""

    kind: DocumentKind | None
    digest: bytes
    size: int
    seals: tuple[FoundSeal, ...]
    findings: tuple[Finding, ...]

    @classmethod
    def open(cls, data: bytes) -> Self:
        """Read `data`. Never raises for what a file holds: that is a finding."""
        digest = sm3(data[: MAX_DOCUMENT + 1])
        if len(data) > MAX_DOCUMENT:
            return cls(None, digest, len(data), (), (TooLarge(FILE, len(data), MAX_DOCUMENT),))
        try:
            kind = kind_of(data)
        except DocumentError:
            return cls(None, digest, len(data), (), (UnknownFormat(FILE),))
        reading = _read(kind, data)
        ending = wrong_ending(FILE, kind, data) if reading.findings and not reading.seals else ()
        return cls(kind, digest, len(data), reading.seals, (*ending, *reading.findings))


@dataclass(frozen=True, slots=True)
class SealEntry:
    """One seal of a document and all that was found about it."""

    found: FoundSeal
    sealing: SealSignatureReport | None
    """None: there is no seal that could be read."""
    own: tuple[Finding, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """About its place, its signature, its certificates, its time."""
        stood = (self.found.problem,) if self.found.problem else ()
        checked = self.sealing.findings if self.sealing else ()
        return (*stood, *self.found.findings, *checked, *self.own)

    @property
    def stamp(self) -> TimeStampReport | None:
        """None: it brings no time stamp."""
        return self.sealing.stamp if self.sealing else None

    @property
    def verdict(self) -> Verdict:
        """VALID, UNPROVEN or INVALID."""
        return verdict(self.findings)

    @property
    def signer(self) -> Certificate | None:
        """Whose certificate it is; whether it is trusted is in the findings."""
        return self.sealing.signer.path[0] if self.sealing and self.sealing.signer else None

    @property
    def path(self) -> tuple[Certificate, ...]:
        """From the signer's certificate to the trusted one, as far as it was found."""
        return self.sealing.signer.path if self.sealing and self.sealing.signer else ()

    @property
    def stated_time(self) -> datetime | None:
        """What the signer says."""
        return self.found.signature.stated_time if self.found.signature else None

    @property
    def proven_time(self) -> datetime | None:
        """What a time stamp that holds says."""
        return self.stamp.proven_time if self.stamp else None


@dataclass(frozen=True, slots=True)
class Report:
    """The whole document. `digest` is the SM3 of the file as it was given."""

    kind: DocumentKind | None
    digest: bytes
    size: int
    now: datetime
    seals: tuple[SealEntry, ...]
    own: tuple[Finding, ...] = field(default=())

    @property
    def findings(self) -> tuple[Finding, ...]:
        """About the file, then about each seal."""
        return (*self.own, *(finding for entry in self.seals for finding in entry.findings))

    @property
    def verdict(self) -> Verdict:
        """The worst of all: a document with one broken seal does not hold."""
        return verdict(self.findings)


def verify(data: bytes, trust: Trust, *, now: datetime) -> Report:
    """Check every seal of a PDF or OFD for `now`. Raises nothing for what `data` holds."""
    document = SealedDocument.open(data)
    seals = tuple(check_found(found, trust, now=now) for found in document.seals)
    own = document.findings
    if not seals and verdict(own) is Verdict.VALID:
        own = (*own, NoSeals(FILE))
    return Report(document.kind, document.digest, document.size, now, seals, own)


def check_found(found: FoundSeal, trust: Trust, *, now: datetime) -> SealEntry:
    """Check one seal as it was found in a document."""
    if found.signature is None:
        return SealEntry(found, None, ())
    sealing = check_seal_signature(found.signature, found.digest, trust, now=now)
    own = [
        *_time(found.name, sealing),
        *_known_today(sealing, trust, now),
        *differing(found.name, sealing, sealing.stamp),
    ]
    return SealEntry(found, sealing, tuple(own))


def _read(kind: DocumentKind, data: bytes) -> Reading:
    match kind:
        case DocumentKind.PDF:
            from signing.pdf.reading import read_pdf

            return read_pdf(data)
        case DocumentKind.OFD:
            from signing.ofd.reading import read_ofd

            return read_ofd(data)


def _time(name: str, sealing: SealSignatureReport) -> Iterator[Finding]:
    stated = sealing.signature.stated_time
    if sealing.stamp is None:
        yield TimeNotProven(name)
    elif (proven := sealing.stamp.proven_time) and abs(proven - stated) > TIMES_APART:
        yield TimesDiffer(name, stated, proven)


def _known_today(sealing: SealSignatureReport, trust: Trust, now: datetime) -> Iterator[Finding]:
    """Without a proven time the signer may have signed at any time up to now, revoked or not: lists and
    answers that tell about the stated time alone prove nothing."""
    if sealing.time_is_proven or sealing.signer is None or not trust.revocation_required:
        return
    told = {each.subject for each in sealing.findings if isinstance(each, RevocationUnknown)}
    for certificate, issuer in pairwise(sealing.signer.path):
        known, _, why = revocation_of(certificate, issuer, trust, now)
        if not known and str(certificate) not in told:
            yield RevocationUnknown(str(certificate), why)


__all__ = ["Report", "SealEntry", "SealedDocument", "check_found", "verify"]
