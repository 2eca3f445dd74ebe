"""Whether a certificate may be trusted for a use at a moment: path, validity, constraints, revocation.

    report = check_certificate(certificate, trust, at=moment)
    report.verdict, report.path, report.findings

`Trust` holds everything that the answer depends on; nothing is fetched and no clock is read.
Source: RFC 5280, section 6, without name constraints and policies: certificates that demand those by a
critical extension are refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

from signing.crl import Revocation, RevocationList
from signing.der import MalformedDer
from signing.findings import (
    Expired,
    Finding,
    NoPath,
    NotAnAuthority,
    NotYetValid,
    PathTooLong,
    RevocationUnknown,
    Revoked,
    RevokedLater,
    UnknownCritical,
    Verdict,
    WrongUse,
    verdict,
)
from signing.issuing import key_id
from signing.ocsp import CertificateId, OcspAnswer, Standing
from signing.x509 import Certificate, KeyUsage

MAX_PATH: Final = 6
MAX_TRIES: Final = 64
"""Signatures that are tried to find a path: hostile intermediates cost no more than this."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What one relies on. Anchors are trusted as they are; everything else has to lead to one of them."""

    anchors: tuple[Certificate, ...]
    intermediates: tuple[Certificate, ...] = ()
    seal_makers: tuple[Certificate, ...] = ()
    """Who may make seals: these very certificates, or, where one is an authority, those that it issued."""
    lists: tuple[RevocationList, ...] = ()
    answers: tuple[OcspAnswer, ...] = ()
    revocation_required: bool = True
    """False: a certificate of which no list and no answer tells anything is taken as not revoked."""


@dataclass(frozen=True, slots=True)
class CertificateReport:
    """What was found about a certificate and its path (the certificate first, the anchor last)."""

    path: tuple[Certificate, ...]
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """VALID, UNPROVEN or INVALID."""
        return verdict(self.findings)


def check_certificate(
    certificate: Certificate,
    trust: Trust,
    *,
    at: datetime,
    usage: KeyUsage = KeyUsage.SIGNATURE,
    purpose: str | None = None,
    time_is_proven: bool = False,
) -> CertificateReport:
    """Check `certificate` and its path for a use at the moment `at`.

    `purpose` is the object identifier of an extended key usage that has to be there. With `time_is_proven`
    (a time stamp says so) a later revocation does no harm; without, a later one makes the result UNPROVEN.
    """
    path = _path(certificate, trust)
    if path is None:
        issuer = str(certificate.issuer)
        return CertificateReport((certificate,), (NoPath(str(certificate), issuer),))
    findings: list[Finding] = [*_use(certificate, usage, purpose)]
    for position, link in enumerate(path):
        findings += _link(link, at)
        if position:
            findings += _as_issuer(link, path[1:position])
    for link, issuer_of_link in pairwise(path):
        findings += _revocation(link, issuer_of_link, trust, at, time_is_proven)
    return CertificateReport(path, tuple(findings))


def is_issued_by(certificate: Certificate, issuer: Certificate) -> bool:
    """Whether name, key identifier and signature lead from one to the other."""
    named = certificate.extensions.authority_key_id
    return (
        certificate.issuer == issuer.subject
        and (not named or named == key_id(issuer))
        and certificate.is_signed_by(issuer.key)
    )


def _path(certificate: Certificate, trust: Trust) -> tuple[Certificate, ...] | None:
    tries = iter(range(MAX_TRIES))

    def onward(path: tuple[Certificate, ...]) -> tuple[Certificate, ...] | None:
        last = path[-1]
        if last in trust.anchors:
            return path
        if len(path) == MAX_PATH:
            return None
        for issuer in _candidates(last, trust):
            if issuer in path:
                continue
            if next(tries, None) is None:
                return None
            if is_issued_by(last, issuer) and (found := onward((*path, issuer))):
                return found
        return None

    return onward((certificate,))


def _candidates(certificate: Certificate, trust: Trust) -> Iterator[Certificate]:
    for issuer in (*trust.anchors, *trust.intermediates):
        if issuer.subject == certificate.issuer:
            yield issuer


def _link(certificate: Certificate, at: datetime) -> Iterator[Finding]:
    name = str(certificate)
    if at < certificate.valid_from:
        yield NotYetValid(name, certificate.valid_from, at)
    if at > certificate.valid_until:
        yield Expired(name, certificate.valid_until, at)
    for extension in certificate.extensions.unknown_critical:
        yield UnknownCritical(name, extension)


def _as_issuer(certificate: Certificate, below: Sequence[Certificate]) -> Iterator[Finding]:
    name = str(certificate)
    if not certificate.extensions.is_authority or not certificate.may(KeyUsage.SIGN_CERTIFICATES):
        yield NotAnAuthority(name)
    permitted = certificate.extensions.path_length
    authorities = sum(1 for authority in below if not authority.is_self_issued)
    if permitted is not None and authorities > permitted:
        yield PathTooLong(name, permitted, authorities)


def _use(certificate: Certificate, usage: KeyUsage, purpose: str | None) -> Iterator[Finding]:
    if not certificate.may(usage):
        yield WrongUse(str(certificate), str(usage))
    purposes = certificate.extensions.purposes
    if purpose is not None and purpose not in (purposes or ()):
        yield WrongUse(str(certificate), purpose)


def _revocation(
    certificate: Certificate, issuer: Certificate, trust: Trust, at: datetime, time_is_proven: bool
) -> Iterator[Finding]:
    known, revocation, why = revocation_of(certificate, issuer, trust, at)
    name = str(certificate)
    if revocation is not None:
        if revocation.effective <= at:
            yield Revoked(name, revocation.effective, str(revocation.reason))
        elif not time_is_proven:
            yield RevokedLater(name, revocation.at, str(revocation.reason))
    elif not known and trust.revocation_required:
        yield RevocationUnknown(name, why)


def revocation_of(
    certificate: Certificate, issuer: Certificate, trust: Trust, at: datetime
) -> tuple[bool, Revocation | None, str]:
    """(known, revocation, why not known) from the lists and answers that tell about the moment `at`.

    A revocation counts wherever it stands. "Not revoked" counts only from a source that is not older than
    its own end at `at`, and that did not begin after the certificate had ended: lists drop ended ones.
    """
    known, why = False, "no list and no answer tells about it"
    for found_known, revocation, problem in _sources(certificate, issuer, trust, at):
        if revocation is not None:
            return True, revocation, ""
        known = known or found_known
        why = problem or why
    return known, None, "" if known else why


def _sources(
    certificate: Certificate, issuer: Certificate, trust: Trust, at: datetime
) -> Iterator[tuple[bool, Revocation | None, str]]:
    for revocations in trust.lists:
        if revocations.issuer == issuer.subject:
            yield _by_list(certificate, issuer, revocations, at)
    about = CertificateId.of(certificate, issuer)
    for given in trust.answers:
        if given.about == about:
            yield _by_answer(certificate, issuer, given, at)


def _by_list(
    certificate: Certificate, issuer: Certificate, revocations: RevocationList, at: datetime
) -> tuple[bool, Revocation | None, str]:
    if not issuer.may(KeyUsage.SIGN_LISTS) or not revocations.is_signed_by(issuer.key):
        return False, None, "the list is not signed by the issuer"
    try:
        revocation = revocations.revocation(certificate.serial)
    except MalformedDer as error:
        return False, None, str(error)
    problem = _too_old_or_new(certificate, revocations.this_update, revocations.next_update, at, "list")
    return not problem, revocation, problem


def _by_answer(
    certificate: Certificate, issuer: Certificate, given: OcspAnswer, at: datetime
) -> tuple[bool, Revocation | None, str]:
    if given.responder_of(issuer) is None:
        return False, None, "the answer is not signed by the issuer, nor by one whom it appointed"
    if given.standing is Standing.UNKNOWN:
        return False, None, "the responder does not know it"
    problem = _too_old_or_new(certificate, given.this_update, given.next_update, at, "answer")
    return not problem, given.revocation, problem


def _too_old_or_new(
    certificate: Certificate, begun: datetime, ends: datetime | None, at: datetime, what: str
) -> str:
    if at > (ends or begun):
        return f"the {what} ended at {ends or begun}"
    if begun > certificate.valid_until:
        return f"the {what} began after the certificate had ended"
    return ""
