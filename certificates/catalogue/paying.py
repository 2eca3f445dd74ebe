"""Who may pay how. Pure.

Source: spec/certificates.md, "Payment": the payer rule binds bank transfers only.
"""

from dataclasses import dataclass
from enum import StrEnum

from certificates.authority.port import SubjectKind
from certificates.catalogue.model import ChannelRules, Payer, Payment
from certificates.catalogue.scope import Case, PaymentWay, covering
from office.banking.payers import same_payer


class PaymentRefusal(StrEnum):
    """Why a payment does not count."""

    WAY_NOT_TAKEN = "way_not_taken"
    """That way to pay does not exist for this case."""
    WRONG_PAYER = "wrong_payer"
    """The transfer came from an account that may not pay for this."""
    WRONG_REMARK = "wrong_remark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """Whose certificate is paid for, as bank accounts are named. `person` of O: not asked for."""

    kind: SubjectKind
    organization: str = ""
    person: str = ""


def payments_of(rules: ChannelRules, case: Case) -> tuple[Payment, ...]:
    """The ways to pay for a case; the case's own `paid_by` does not matter."""
    return covering(rules.payments, case)


def refusal(
    rules: ChannelRules, case: Case, by: PaymentWay, payer: Payer | None = None
) -> PaymentRefusal | None:
    """Whether a case can be paid so, by whom; None: it can. `payer` is asked for transfers only."""
    rows = [row for row in payments_of(rules, case) if row.by is by]
    if not rows:
        return PaymentRefusal.WAY_NOT_TAKEN
    if by is PaymentWay.TRANSFER and not any(payer in row.payers for row in rows):
        return PaymentRefusal.WRONG_PAYER
    return None


def payer_of(name: str, subscriber: Subscriber) -> Payer | None:
    """Whose account a transfer came from, by the name the bank gives; None: a stranger's."""
    if subscriber.organization and same_payer(name, subscriber.organization):
        return Payer.ORGANIZATION
    if subscriber.kind is not SubjectKind.ORGANIZATION and same_payer(name, subscriber.person):
        return Payer.OWN
    return None


def transfer_refusal(
    rules: ChannelRules, case: Case, subscriber: Subscriber, name: str, remark: str
) -> PaymentRefusal | None:
    """Whether a transfer with this payer and remark pays for a case; None: it does."""
    wrong = refusal(rules, case, PaymentWay.TRANSFER, payer_of(name, subscriber))
    if wrong is not None:
        return wrong
    asked = rules.beneficiary.remark if rules.beneficiary else ""
    return PaymentRefusal.WRONG_REMARK if asked and asked != remark.strip() else None
