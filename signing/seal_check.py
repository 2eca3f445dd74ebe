"""Whether a seal, and a sealing with it, hold: every check is made, every fault is a finding.

The maker is not trusted because a path leads to a root: any subscriber of the same authority could then make
anybody's seal. `Trust.seal_makers` says who may.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from signing.chain import CertificateReport, Trust, check_certificate, is_issued_by, revocation_of
from signing.der import MalformedDer
from signing.findings import (
    BadSignature,
    CannotCompare,
    ContentChanged,
    ContentNotCompared,
    Finding,
    RevocationUnknown,
    SealExpired,
    SealNotYetValid,
    SignedInTheFuture,
    SignerNotInSeal,
    StatedAfterStamp,
    UnknownCriticalData,
    UnreadableCertificate,
    UntrustedMaker,
    UnusualVersion,
    Verdict,
    verdict,
)
from signing.seal import ExtData, Seal
from signing.seal_signature import SealSignature
from signing.seal_structures import WRITTEN_VERSION
from signing.timestamp_check import TimeStampReport, check_token
from signing.timestamp_token import signature_digest
from signing.x509 import Certificate, KeyUsage, parse_certificate

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""How far a signer's clock may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class SealReport:
    """What was found about a seal at a moment."""

    seal: Seal
    maker: CertificateReport | None
    """None: the maker's certificate cannot be read."""
    own: tuple[Finding, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """About the seal and about its maker."""
        return self.own + (self.maker.findings if self.maker else ())

    @property
    def verdict(self) -> Verdict:
        """VALID, UNPROVEN or INVALID."""
        return verdict(self.findings)


@dataclass(frozen=True, slots=True)
class SealSignatureReport:
    """What was found about a sealing: about itself, its seal, and its signer."""

    signature: SealSignature
    moment: datetime
    """The time for which everything was checked."""
    time_is_proven: bool
    seal: SealReport
    signer: CertificateReport | None
    own: tuple[Finding, ...]
    stamp: TimeStampReport | None = None
    """About the time stamp in the sealing. None: there is none, or the caller checked it."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of them."""
        stamp = self.stamp.findings if self.stamp else ()
        return self.own + stamp + self.seal.findings + (self.signer.findings if self.signer else ())

    @property
    def verdict(self) -> Verdict:
        """VALID, UNPROVEN or INVALID."""
        return verdict(self.findings)


def check_seal(seal: Seal, trust: Trust, *, at: datetime) -> SealReport:
    """Check a seal for its use at the moment `at`: dates, maker's signature, certificate and right."""
    own = [*_dates(seal, at), *_unknown(str(seal), seal.info.extensions)]
    own += _version(str(seal), seal.info.version)
    try:
        maker = parse_certificate(seal.maker)
    except MalformedDer as error:
        return SealReport(seal, None, (*own, UnreadableCertificate(str(seal), str(error))))
    if not seal.is_signed_by(maker.key):
        own.append(BadSignature(str(seal), str(maker)))
    if not _may_make_seals(maker, trust):
        own.append(UntrustedMaker(str(seal), str(maker)))
    return SealReport(seal, _check_maker(maker, trust, seal.info.created, at), tuple(own))


def check_seal_signature(
    signature: SealSignature,
    digest: bytes | None,
    trust: Trust,
    *,
    now: datetime,
    proven_time: datetime | None = None,
) -> SealSignatureReport:
    """Check a sealing of the content whose SM3 is `digest` (None: not at hand; UNPROVEN at best).

    A time stamp in the sealing is checked, and the time that it proves is the one for which everything else
    is. Without one the signer's own statement counts, and a certificate that was revoked since makes the
    result UNPROVEN. A caller who has better proof of the time gives it as `proven_time`.
    """
    stamp = None
    if proven_time is None and (stamp := check_stamp(signature, trust, now=now)):
        proven_time = stamp.proven_time
    moment = proven_time or signature.stated_time
    proven = proven_time is not None
    seal = check_seal(signature.seal, trust, at=moment)
    own = [*_content(signature, digest), *_unknown(str(signature), signature.extensions)]
    own += _version(str(signature), signature.version)
    own += _times(signature, proven_time, now)
    try:
        signer = parse_certificate(signature.certificate)
    except MalformedDer as error:
        own.append(UnreadableCertificate(str(signature), str(error)))
        return SealSignatureReport(signature, moment, proven, seal, None, tuple(own), stamp)
    own += _signer(signature, signer)
    found = check_certificate(signer, trust, at=moment, usage=KeyUsage.SIGNATURE, time_is_proven=proven)
    return SealSignatureReport(signature, moment, proven, seal, found, tuple(own), stamp)


def check_stamp(signature: SealSignature, trust: Trust, *, now: datetime) -> TimeStampReport | None:
    """Check the time stamp over the signature value; None when the sealing has none."""
    if not signature.time_stamp:
        return None
    return check_token(signature.time_stamp, signature_digest(signature.signature), trust, now=now)


def _times(signature: SealSignature, proven: datetime | None, now: datetime) -> Iterator[Finding]:
    if signature.stated_time > now + CLOCK_TOLERANCE:
        yield SignedInTheFuture(str(signature), signature.stated_time, now)
    elif proven is not None and signature.stated_time > proven + CLOCK_TOLERANCE:
        yield StatedAfterStamp(str(signature), signature.stated_time, proven)


def _dates(seal: Seal, at: datetime) -> Iterator[Finding]:
    if at < seal.info.valid_from:
        yield SealNotYetValid(str(seal), seal.info.valid_from, at)
    if at > seal.info.valid_until:
        yield SealExpired(str(seal), seal.info.valid_until, at)


def _unknown(name: str, extensions: tuple[ExtData, ...]) -> Iterator[Finding]:
    """None is understood yet, so every critical one is refused."""
    for extension in extensions:
        if extension.critical:
            yield UnknownCriticalData(name, extension.oid)


def _version(name: str, version: int) -> Iterator[Finding]:
    if version != WRITTEN_VERSION:
        yield UnusualVersion(name, version)


def _may_make_seals(maker: Certificate, trust: Trust) -> bool:
    if maker in trust.seal_makers:
        return True
    authorities = (own for own in trust.seal_makers if own.extensions.is_authority)
    return any(is_issued_by(maker, authority) for authority in authorities)


def _check_maker(maker: Certificate, trust: Trust, created: datetime, at: datetime) -> CertificateReport:
    """Path and validity for the time when the seal was made; what is known of revocation, when it is used."""
    made = check_certificate(maker, replace(trust, revocation_required=False), at=created)
    if trust.revocation_required and len(made.path) > 1:
        known, _, why = revocation_of(maker, made.path[1], trust, at)
        if not known:
            return replace(made, findings=(*made.findings, RevocationUnknown(str(maker), why)))
    return made


def _content(signature: SealSignature, digest: bytes | None) -> Iterator[Finding]:
    if digest is None:
        yield ContentNotCompared(str(signature))
    elif digest != signature.digest:
        yield ContentChanged(str(signature), signature.digest.hex(), digest.hex())


def _signer(signature: SealSignature, signer: Certificate) -> Iterator[Finding]:
    if not signature.is_signed_by(signer.key):
        yield BadSignature(str(signature), str(signer))
    info = signature.seal.info
    if info.lists(signer):
        return
    strange = next((each.kind for each in info.digests if not each.is_sm3), None)
    if strange is not None:
        yield CannotCompare(str(signature.seal), strange)
    else:
        yield SignerNotInSeal(str(signature.seal), str(signer))
