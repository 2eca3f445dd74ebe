"""What of a real authority's answers is believed: what can be checked, and is what was asked for. Pure.

certificate   for the key that was asked for, begun now, signed by the authority of the settings; the name,
              organization, numbers and term that were asked for
seal          of that certificate, with its name, kind and picture, no longer than it; signed by one of the
              makers of the settings, or by whom one of them, a CA, issued to
revocation    of that certificate, not in the future

Everything else is an AuthorityError, and nothing of it is written into a UKey; Unusable where a certificate
was made that has to be revoked.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from certificates.authority.port import Applicant, AuthorityError, Unusable
from signing import seal_check
from signing.chain import Trust
from signing.crl import Revocation
from signing.findings import Verdict
from signing.seal import Picture, Seal, SealKind
from signing.sm2 import PublicKey
from signing.x509 import Certificate

TERM_OFF: Final = timedelta(days=1)
"""By how much a term may differ from the one that was asked for: authorities count days."""
LONGEST_WAIT: Final = timedelta(days=60)
"""A certificate may have been made so long before its answer came; ours."""
CLOCK_OFF: Final = timedelta(minutes=10)
"""By how much the other side's clock may be ahead."""


def check_issuer(certificate: Certificate, issuer: Certificate) -> None:
    if not certificate.is_signed_by(issuer.key):
        raise AuthorityError("the certificate is not of the authority that the settings name")


def check_made(certificate: Certificate, key: PublicKey, issuer: Certificate, now: datetime) -> None:
    """Made now, for this key, by this authority: if anything else is wrong with it, it is to be revoked.

    Raises AuthorityError for what may be somebody else's, which is left alone.
    """
    if certificate.key != key:
        raise AuthorityError("the authority issued for another key")
    check_issuer(certificate, issuer)
    if not now - LONGEST_WAIT <= certificate.valid_from <= now + TERM_OFF or now >= certificate.valid_until:
        raise AuthorityError("the authority issued a certificate that does not begin now")


def check_names(made: Certificate, applicant: Applicant) -> None:
    """Raises Unusable unless it names exactly whom it was asked to."""
    wanted = applicant.subject("")
    if (made.subject.common_name, made.credit_code) != (applicant.name, applicant.credit_code):
        raise Unusable("the authority issued for another name", made)
    if made.subject.organization != wanted.organization:
        raise Unusable("the authority issued for another organization", made)
    if made.extensions.person_id != applicant.person_id:
        raise Unusable("the authority issued for another person", made)


def check_term(made: Certificate, until: datetime, now: datetime) -> None:
    """Its end, or its length, is what was asked for: who asks again days later, counting from then, gets the
    certificate that was made at first. Raises Unusable."""
    start, end = made.valid_from, made.valid_until
    if min(abs(end - until), abs((end - start) - (until - now))) > TERM_OFF:
        raise Unusable("the authority issued for another term", made)


def check_seal(
    seal: Seal,
    certificate: Certificate,
    name: str,
    kind: SealKind | None,
    picture: Picture | None,
    now: datetime,
) -> None:
    """What it says. `name` "": the certificate's; `kind`, `picture` None: the authority chose them."""
    info = seal.info
    if not info.lists(certificate):
        raise AuthorityError("the authority made a seal for another certificate")
    if info.name != (name or certificate.subject.common_name):
        raise AuthorityError("the authority made a seal with another name")
    if kind not in (None, info.kind) or picture not in (None, info.picture):
        raise AuthorityError("the authority made a seal of another kind, or with another picture")
    begins = certificate.valid_from - TERM_OFF <= info.valid_from <= now + CLOCK_OFF
    if not begins or not now < info.valid_until <= certificate.valid_until + TERM_OFF:
        raise AuthorityError("the authority made a seal for another term")


def check_maker(seal: Seal, makers: Sequence[Certificate], now: datetime) -> None:
    """The same that holds for every sealing later (signing.seal_check), but no list of revoked makers."""
    known = tuple(makers)
    trust = Trust(anchors=known, seal_makers=known, revocation_required=False)
    report = seal_check.check_seal(seal, trust, at=max(now, seal.info.valid_from))
    if report.verdict is not Verdict.VALID:
        raise AuthorityError(f"the seal does not hold: {'; '.join(map(str, report.findings))[:300]}")


def revocation_of(revocation: Revocation, serial: int, now: datetime) -> Revocation:
    """Raises AuthorityError for the revocation of another certificate, or one that is still to come."""
    if revocation.serial != serial:
        raise AuthorityError("the authority revoked another certificate")
    if revocation.at > now + CLOCK_OFF:
        raise AuthorityError("the authority revoked it in the future")
    return revocation
