"""What the platform hands out to be sealed, and what it accepts back. Pure: files, time and trust come in.

    prepared = prepare_for(document, party, seal, at=now)
    sealed = accept(prepared, answer, handed_out, trust, now=now, stamp=stamp)

Nothing that a page or an assistant says is taken on trust: signature, certificate, path, revocation, the
seal with its list and dates, the digest of the very file that was handed out, and the time are checked here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from signing.chain import Trust
from signing.der import MalformedDer
from signing.documents import DocumentError, Named, fill, hole, prepare
from signing.findings import (
    BadSignature,
    ContentChanged,
    Expired,
    Finding,
    NotYetValid,
    RevocationUnknown,
    Revoked,
    RevokedLater,
    SealExpired,
    SealNotYetValid,
    SignerNotInSeal,
    Verdict,
)
from signing.seal import Seal
from signing.seal_check import check_seal_signature, check_stamp
from signing.seal_signature import SealSignature, assemble, parse_seal_signature
from signing.sm3 import sm3
from signing.timestamp import NoStamp
from signing.x509 import Certificate, parse_certificate
from trading.sale_states import Party

CLOCKS_APART: Final = timedelta(minutes=5)

Stamp = Callable[[bytes], bytes]
"""A signature's value → an RFC 3161 token over it."""


class Refusal(StrEnum):
    """Why a sealing is not accepted: what a page puts into words."""

    UNREADABLE = "unreadable"
    OTHER_FILE = "other_file"
    OTHER_CERTIFICATE = "other_certificate"
    OTHER_SEAL = "other_seal"
    SIGNATURE = "signature"
    SEAL_LIST = "seal_list"
    REVOKED = "revoked"
    REVOCATION_UNKNOWN = "revocation_unknown"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    NOT_TRUSTED = "not_trusted"
    TIME = "time"
    DOCUMENT = "document"


class SealingRefused(Exception):
    """A sealing that is not accepted; `facts` are the findings, in English, for the log."""

    def __init__(self, refusal: Refusal, *facts: str) -> None:
        super().__init__(f"{refusal}: {'; '.join(facts)}" if facts else str(refusal))
        self.refusal = refusal
        self.facts = facts


@dataclass(frozen=True, slots=True)
class HandedOut:
    """What one job gave out, and to whom: `digest` is SM3 of the prepared file."""

    digest: bytes
    certificate: bytes = field(repr=False)
    seal: bytes = field(repr=False)
    at: datetime


_REFUSALS: Final[tuple[tuple[type[Finding], Refusal], ...]] = (
    (BadSignature, Refusal.SIGNATURE),
    (ContentChanged, Refusal.OTHER_FILE),
    (SignerNotInSeal, Refusal.SEAL_LIST),
    (Revoked, Refusal.REVOKED),
    (RevokedLater, Refusal.REVOKED),
    (SealExpired, Refusal.EXPIRED),
    (SealNotYetValid, Refusal.NOT_YET_VALID),
    (Expired, Refusal.EXPIRED),
    (NotYetValid, Refusal.NOT_YET_VALID),
    (RevocationUnknown, Refusal.REVOCATION_UNKNOWN),
)


def prepare_for(document: bytes, party: Party, seal: Seal, *, at: datetime) -> bytes:
    """The document with the party's seal at its place and a hole for the sealing. Raises DocumentError."""
    return prepare(document, seal, [Named(party.value)], at=at)


def accept(
    prepared: bytes,
    answer: bytes,
    handed_out: HandedOut,
    trust: Trust,
    *,
    now: datetime,
    stamp: Stamp | None = None,
) -> bytes:
    """The sealed file. Raises SealingRefused; what `stamp` raises, and NoStamp for one that does not hold."""
    if sm3(prepared) != handed_out.digest:
        raise SealingRefused(Refusal.OTHER_FILE, "the prepared file is not the one that was handed out")
    sealing = _read(answer)
    certificate = _check_who(sealing, handed_out)
    if not handed_out.at - CLOCKS_APART <= sealing.stated_time <= now + CLOCKS_APART:
        raise SealingRefused(Refusal.TIME, f"stated {sealing.stated_time}, handed out {handed_out.at}")
    try:
        report = check_seal_signature(sealing, hole(prepared).digest, trust, now=now)
        if report.verdict is not Verdict.VALID:
            raise SealingRefused(refusal_for(report.findings), *map(str, report.findings))
        if stamp is not None:
            token = stamp(sealing.signature)
            sealing = assemble(sealing.signed_part, certificate, sealing.signature, time_stamp=token)
            _check_stamp(sealing, trust, now)
        return fill(prepared, sealing)
    except DocumentError as error:
        raise SealingRefused(Refusal.DOCUMENT, str(error)) from error


def refusal_for(findings: tuple[Finding, ...]) -> Refusal:
    """The gravest of what was found, for a page."""
    for kind, refusal in _REFUSALS:
        if any(isinstance(finding, kind) for finding in findings):
            return refusal
    return Refusal.NOT_TRUSTED


def _check_stamp(sealing: SealSignature, trust: Trust, now: datetime) -> None:
    """With a stamp that does not hold the document would never be valid. Raises NoStamp."""
    report = check_stamp(sealing, trust, now=now)
    if report is None or report.verdict is not Verdict.VALID:
        found = map(str, report.findings) if report else ("there is none",)
        raise NoStamp(f"the time stamp does not hold here: {'; '.join(found)}")


def _read(answer: bytes) -> SealSignature:
    try:
        return parse_seal_signature(answer)
    except MalformedDer as error:
        raise SealingRefused(Refusal.UNREADABLE, str(error)) from error


def _check_who(sealing: SealSignature, handed_out: HandedOut) -> Certificate:
    if sealing.certificate != handed_out.certificate:
        raise SealingRefused(Refusal.OTHER_CERTIFICATE)
    if sealing.seal.der != handed_out.seal:
        raise SealingRefused(Refusal.OTHER_SEAL)
    return parse_certificate(handed_out.certificate)
