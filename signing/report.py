"""A report reduced to what is shown: plain values that pass between processes as JSON.

    summary = summarize(verify(data, trust, now=now))
    text = to_json(summary);  summary == from_json(text)

Sentences are made from it by `report_words`; a page, the shell and the PDF all say the same.
"""

import base64
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter

from signing.findings import Finding, Verdict
from signing.found import SealPlace
from signing.seal import Picture, SealKind
from signing.verification import Report, SealEntry
from signing.x509 import Certificate

MAX_TEXT: Final = 300
MAX_FINDINGS: Final = 60


@dataclass(frozen=True, slots=True)
class Said:
    """One finding: its type's name, its weight, its facts as texts, and its English sentence."""

    kind: str
    weight: int
    facts: dict[str, str]
    english: str


@dataclass(frozen=True, slots=True)
class Link:
    """One certificate of a path."""

    name: str
    organization: str
    serial: str
    valid_from: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was added after a seal."""

    kind: str
    where: str
    allowed: bool


@dataclass(frozen=True, slots=True)
class Seal:
    """One seal. What could not be read is empty."""

    name: str
    verdict: int
    seal_name: str
    seal_id: str
    seal_kind: str
    """organization, person, or a number."""
    valid_from: datetime | None
    valid_until: datetime | None
    maker: str
    signer: str
    organization: str
    credit_code: str
    path: tuple[Link, ...]
    stated_time: datetime | None
    proven_time: datetime | None
    digest: str
    """SM3 of what is covered, as found here, in hexadecimal."""
    covers_all: bool
    changes: tuple[Change, ...]
    places: tuple[SealPlace, ...]
    findings: tuple[Said, ...]
    picture: str
    """The seal's own picture as PNG in base64, or nothing."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The whole document. `kind` is pdf, ofd, or nothing."""

    kind: str
    digest: str
    size: int
    now: datetime
    verdict: int
    findings: tuple[Said, ...]
    seals: tuple[Seal, ...]

    @property
    def exit_code(self) -> int:
        """0 valid, 1 not valid, 2 unproven."""
        return {Verdict.VALID: 0, Verdict.INVALID: 1, Verdict.UNPROVEN: 2}[Verdict(self.verdict)]


_ADAPTER: Final = TypeAdapter(Summary)


def to_json(summary: Summary) -> bytes:
    """For programs, and between processes."""
    return _ADAPTER.dump_json(summary)


def as_dict(summary: Summary) -> Any:
    """The same as plain values."""
    return _ADAPTER.dump_python(summary, mode="json")


def from_json(text: bytes) -> Summary:
    """Raises ValueError."""
    return _ADAPTER.validate_json(text)


def summarize(report: Report, *, pictures: bool = True) -> Summary:
    """The report as it is shown. `pictures`: with the seals' pictures."""
    return Summary(
        kind=str(report.kind or ""),
        digest=report.digest.hex(),
        size=report.size,
        now=report.now,
        verdict=int(report.verdict),
        findings=_said(report.own),
        seals=tuple(_seal(entry, pictures=pictures) for entry in report.seals),
    )


def refused(finding: Finding, digest: bytes, size: int, now: datetime) -> Summary:
    """For a file that was not read to its end."""
    verdict = int(Verdict(int(finding.weight)))
    return Summary("", digest.hex(), size, now, verdict, _said((finding,)), ())


def said(finding: Finding) -> Said:
    """One finding as plain texts."""
    facts = {each.name: harmless(getattr(finding, each.name)) for each in fields(finding)}
    return Said(type(finding).__name__, int(finding.weight), facts, harmless(finding))


def _said(findings: tuple[Finding, ...]) -> tuple[Said, ...]:
    return tuple(said(finding) for finding in dict.fromkeys(findings))[:MAX_FINDINGS]


def _seal(entry: SealEntry, *, pictures: bool) -> Seal:
    signature = entry.found.signature
    info = signature.seal.info if signature else None
    signer, made = entry.signer, entry.sealing.seal.maker if entry.sealing else None
    return Seal(
        name=harmless(entry.found.name),
        verdict=int(entry.verdict),
        seal_name=harmless(info.name) if info else "",
        seal_id=harmless(info.seal_id) if info else "",
        seal_kind=_kind(info.kind) if info else "",
        valid_from=info.valid_from if info else None,
        valid_until=info.valid_until if info else None,
        maker=harmless(made.path[0].subject.common_name) if made else "",
        signer=harmless(signer.subject.common_name) if signer else "",
        organization=harmless(signer.subject.organization) if signer else "",
        credit_code=harmless(signer.credit_code) if signer else "",
        path=tuple(_link(certificate) for certificate in entry.path),
        stated_time=entry.stated_time,
        proven_time=entry.proven_time,
        digest=entry.found.digest.hex() if entry.found.digest else "",
        covers_all=entry.found.coverage.covers_all,
        changes=tuple(
            Change(str(each.kind), harmless(each.where), each.allowed)
            for each in entry.found.coverage.changes[:MAX_FINDINGS]
        ),
        places=entry.found.places,
        findings=_said(entry.findings),
        picture=_png(info.picture) if info and pictures else "",
    )


def _kind(kind: int) -> str:
    names = {SealKind.ORGANIZATION: "organization", SealKind.PERSON: "person"}
    return names.get(SealKind(kind), str(kind)) if kind in set(SealKind) else str(kind)


def _link(certificate: Certificate) -> Link:
    subject = certificate.subject
    return Link(
        name=harmless(subject.common_name or subject),
        organization=harmless(subject.organization),
        serial=f"{certificate.serial:x}",
        valid_from=certificate.valid_from,
        valid_until=certificate.valid_until,
    )


def _png(picture: Picture) -> str:
    from signing.pdf.drawing import Undrawable, as_png  # it reads in a lot

    try:
        return base64.b64encode(as_png(picture)).decode()
    except Undrawable:
        return ""


def harmless(value: object) -> str:
    """What a hostile file says must not steer a terminal, nor fill a page."""
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)[:MAX_TEXT]
    return "".join(character if character.isprintable() else "�" for character in text)
