"""Whether a time stamp holds: over this digest, signed, by whom one trusts for time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from signing import oids
from signing.chain import CertificateReport, Trust, check_certificate
from signing.crl import Reason
from signing.der import MalformedDer
from signing.findings import (
    BadSignature,
    Finding,
    RevokedLater,
    SignedInTheFuture,
    StampNotUnderstood,
    StampOfOther,
    StampSignerMissing,
    UnreadableStamp,
    Verdict,
    WrongUse,
    verdict,
)
from signing.timestamp_token import OtherAlgorithm, TimeStamp, parse_token
from signing.x509 import Certificate, KeyUsage

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
_HARMLESS_LATER: Final = {
    str(reason) for reason in (Reason.AFFILIATION_CHANGED, Reason.SUPERSEDED, Reason.CESSATION)
}
"""Who ends for these reasons stamped honestly before (RFC 3161, 4). `unspecified` may hide worse."""


@dataclass(frozen=True, slots=True)
class TimeStampReport:
    """What was found about a token."""

    stamp: TimeStamp | None
    """None: it cannot be read."""
    signer: CertificateReport | None
    own: tuple[Finding, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """About the token and about who signed it."""
        return self.own + (self.signer.findings if self.signer else ())

    @property
    def verdict(self) -> Verdict:
        """VALID, UNPROVEN or INVALID."""
        return verdict(self.findings)

    @property
    def proven_time(self) -> datetime | None:
        """The time by which what was stamped existed; None unless the token is VALID."""
        return self.stamp.time if self.stamp and self.verdict is Verdict.VALID else None


def check_token(token: bytes, digest: bytes, trust: Trust, *, now: datetime) -> TimeStampReport:
    """Check a token over `digest` (32 bytes, SM3 of what was stamped).

    Its signer has to lead to an anchor of `trust`, and be certified for time stamps and nothing else.
    """
    try:
        stamp = parse_token(token)
    except OtherAlgorithm as error:
        return TimeStampReport(None, None, (StampNotUnderstood("the time stamp", error.problem),))
    except MalformedDer as error:
        return TimeStampReport(None, None, (UnreadableStamp("the time stamp", error.problem),))
    own = [*_content(stamp, digest, now)]
    signer = _signer(stamp, trust)
    if signer is None:
        return TimeStampReport(stamp, None, (*own, StampSignerMissing(str(stamp))))
    if not stamp.is_signed_by(signer.key) or not _is_named(stamp, signer):
        own.append(BadSignature(str(stamp), str(signer)))
    return TimeStampReport(stamp, _check_signer(stamp, signer, trust), tuple(own))


def _content(stamp: TimeStamp, digest: bytes, now: datetime) -> Iterator[Finding]:
    if stamp.algorithm != oids.SM3:
        yield StampNotUnderstood(str(stamp), f"it names what was stamped by a digest of {stamp.algorithm}")
    elif stamp.digest != digest:
        yield StampOfOther(str(stamp), stamp.digest.hex(), digest.hex())
    if stamp.time - stamp.accuracy > now + CLOCK_TOLERANCE:
        yield SignedInTheFuture(str(stamp), stamp.time, now)


def _signer(stamp: TimeStamp, trust: Trust) -> Certificate | None:
    known = (*stamp.certificates, *trust.intermediates)
    return next((each for each in known if stamp.signer.names(each)), None)


def _is_named(stamp: TimeStamp, signer: Certificate) -> bool:
    """Whether what was signed names this certificate, so that nobody can exchange it."""
    named = stamp.authority is None or stamp.authority == signer.subject
    return named and bool(stamp.signer_hashes) and stamp.signer_hashes[0].names(signer)


def _check_signer(stamp: TimeStamp, signer: Certificate, trust: Trust) -> CertificateReport:
    wider = replace(trust, intermediates=(*trust.intermediates, *stamp.certificates))
    report = check_certificate(
        signer, wider, at=stamp.time, usage=KeyUsage.SIGNATURE, purpose=oids.TIME_STAMPING
    )
    found = [each for each in report.findings if not _is_harmless(each)]
    extensions = signer.extensions
    if extensions.purposes != frozenset({oids.TIME_STAMPING}) or not extensions.purposes_critical:
        found.append(WrongUse(str(signer), "time stamping as its only purpose"))
    return replace(report, findings=tuple(found))


def _is_harmless(finding: Finding) -> bool:
    return isinstance(finding, RevokedLater) and finding.reason in _HARMLESS_LATER
