"""What a certificate says: whom it names, until when it holds, what its seal looks like. Pure.

A renewed, replaced or converted certificate names whom the former one names; an issued or modified one whom
the order names, as it was reviewed. Source: spec/certificates.md, "Who takes part", "The other services".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from certificates.authority.port import Applicant, SubjectKind
from certificates.catalogue.model import ChannelRules, Document
from certificates.catalogue.scope import Case, Service
from certificates.catalogue.terms import issued_term, kept_term, renewed_term, term_months
from certificates.issuing.states import CHOOSES_AUTHORITY
from certificates.orders.fields import counted
from certificates.orders.mine import case_of
from certificates.orders.order import Order
from certificates.seal_image import SealImageError, seal_on_sheet
from signing.installing import Bundle
from signing.seal import Picture, SealKind

MAKES: Final = frozenset(
    {Service.ISSUE, Service.ADDITIONAL, Service.RENEW, Service.REPLACE, Service.MODIFY, Service.CONVERT}
)
"""The services at whose end there is a certificate."""
FIRST: Final = frozenset({Service.ISSUE, Service.ADDITIONAL})
"""Come in nobody's place; an additional one's order names the certificate that signed for it."""
SAME_UKEY: Final = frozenset({Service.RENEW, Service.MODIFY, Service.CONVERT})
"""Written into the UKey that is held, for its key."""
SAME_NAME: Final = frozenset({Service.RENEW, Service.REPLACE, Service.CONVERT})
SAME_SEAL: Final = frozenset({Service.RENEW, Service.REPLACE})
SAMPLE: Final = Document.SEAL_SAMPLE_FORM.value


@dataclass(frozen=True, slots=True)
class Former:
    """The certificate that an order is about."""

    bundle: Bundle
    valid_until: datetime
    authority: str = ""
    """Who issued it, by the catalogue's key."""


class NothingBefore(ValueError):
    """The order is about a certificate that is not known here."""


def authority(order: Order, former: Former | None) -> str:
    """Who issues: whoever was chosen; a certificate goes on at the authority that issued it. A seal may be
    exchanged at another one. Source: spec/certificates.md, "Who takes part"; seed 004."""
    if former is None:
        return order.authority
    if Service(order.service) in CHOOSES_AUTHORITY:
        return order.authority or former.authority
    return former.authority


def applicant(
    order: Order, rules: ChannelRules, details: Mapping[str, str], former: Former | None
) -> Applicant:
    """The product decides whether a person's certificate names an organization, never what was typed.

    Raises NotIssued, NothingBefore.
    """
    kind = SubjectKind(order.subject)
    if Service(order.service) in SAME_NAME:
        return _of_certificate(kind, former)
    details = counted(rules, order.subject, order.product, details)
    organization = details.get("organization_name", "")
    if kind is SubjectKind.ORGANIZATION:
        return Applicant(kind, organization, credit_code=details.get("credit_code", ""))
    name, number = details.get("applicant_name", ""), details.get("applicant_number", "")
    if rules.names_organization(kind, order.product):  # both are named
        code = details.get("credit_code", "")
        return Applicant(SubjectKind.LEGAL_REPRESENTATIVE, name, organization, code, number)
    return Applicant(kind, name, person_id=number)


def _of_certificate(kind: SubjectKind, former: Former | None) -> Applicant:
    if former is None:
        raise NothingBefore
    certificate = former.bundle.certificate
    name, organization = certificate.subject.common_name, certificate.subject.organization
    person = certificate.extensions.person_id
    if kind is SubjectKind.ORGANIZATION:
        return Applicant(kind, name, credit_code=certificate.credit_code)
    if organization:
        return Applicant(
            SubjectKind.LEGAL_REPRESENTATIVE, name, organization, certificate.credit_code, person
        )
    return Applicant(kind, name, person_id=person)


def until(
    order: Order, rules: ChannelRules, details: Mapping[str, str], former: Former | None, now: datetime
) -> datetime:
    """The end of the new term, to the day that the channel's rule names.

    Raises NothingBefore, terms.Expired, LookupError.
    """
    case: Case = case_of(order, details)
    months = term_months(rules, case, order.years or None)
    if Service(order.service) in (Service.ISSUE, Service.ADDITIONAL):
        assert months is not None
        return issued_term(now, months).not_after
    if former is None:
        raise NothingBefore
    if months is None:
        return kept_term(former.valid_until, now).not_after
    return renewed_term(former.valid_until, now, months).not_after


def picture(order: Order, kind: SealKind, former: Former | None, sample: bytes | None) -> Picture | None:
    """The seal's picture: the former one, or what is on the uploaded sample. None: it is drawn from the name.

    A sample from which no single seal can be cut out is left alone. The clerk who reviews sees which it is.
    """
    if Service(order.service) in SAME_SEAL and former is not None:
        return former.bundle.seal.info.picture
    if not sample:
        return None
    try:
        return seal_on_sheet(sample, kind=kind)
    except SealImageError:
        return None
