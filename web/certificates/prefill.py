"""What a form of an order knows already: from the registration profile, grey; from the operator's entry and
the address, as a proposal; the telephone that began it, grey.

Source: spec/certificates.md, "Steps", hunan-shared and shenzhen-ca.
"""

from collections.abc import Mapping
from typing import Final

from certificates.orders.mine import Mine, contact_field
from office.subjects import MarketSubject, MarketSubjectKind
from web.subjects.acting import Acting, may_act, subjects_on
from web.visits import Visit

GREY: Final[Mapping[MarketSubjectKind, tuple[str, ...]]] = {
    MarketSubjectKind.ORGANIZATION: (
        *("organization_name", "credit_code", "representative_name", "representative_document"),
        *("representative_number", "representative_phone", "account_bank", "account_number"),
    ),
    MarketSubjectKind.NATURAL_PERSON: (
        *("applicant_name", "applicant_document", "applicant_number", "applicant_phone"),
    ),
}
"""Changed in the profile alone; "a change there needs a new request"."""
OFFERED: Final = (
    *("province", "city", "address", "organization_phone", "applicant_email"),
    *("account_bank", "account_number"),
)
OPERATOR: Final = (
    "operator_name",
    "operator_document",
    "operator_number",
    "operator_phone",
    "operator_email",
)


def fits(kind: MarketSubjectKind, subject: str) -> bool:
    """Whether a profile of this kind is for orders of this subject."""
    return (kind is MarketSubjectKind.NATURAL_PERSON) == (subject == "natural_person")


async def _acting(visit: Visit, mine: Mine) -> Acting | None:
    order = mine.order
    if order.account_id is None:
        return None
    if order.market_subject is not None:
        return await may_act(visit.site, order.account_id, order.market_subject, visit.site.clock())
    own = await subjects_on(visit.site).of(order.account_id)
    return None if own is None else Acting(own, None)


def _profile(subject: MarketSubject, mine: Mine) -> Mapping[str, str]:
    return subject.profile if fits(subject.kind, mine.order.subject) else {}


async def fixed_of(visit: Visit, mine: Mine) -> dict[str, str]:
    """Fields that are decided elsewhere: shown grey, and what a form sends for them does not count."""
    if mine.order.begun_mark:
        name = contact_field(mine.rules, mine.case)
        return {name: mine.details.get(name, "")}
    acting = await _acting(visit, mine)
    if acting is None:
        return {}
    profile = _profile(acting.subject, mine)
    names = GREY[acting.subject.kind]
    return {name: profile[name] for name in names if profile.get(name)}


async def verified_of(visit: Visit, mine: Mine) -> MarketSubject | None:
    """The subject, when it is of this kind and its name was checked: somebody has looked at whom it names."""
    acting = await _acting(visit, mine)
    if acting is None or acting.subject.verified_at is None:
        return None
    return acting.subject if fits(acting.subject.kind, mine.order.subject) else None


async def offered_of(visit: Visit, mine: Mine) -> dict[str, str]:
    """What stands in the form before anything is typed, and may be changed there."""
    acting = await _acting(visit, mine)
    if acting is None:
        return {}
    profile = _profile(acting.subject, mine)
    found = {name: profile[name] for name in OFFERED if profile.get(name)}
    if acting.operator is not None:
        person = acting.operator.person
        found |= {name: person[name] for name in OPERATOR if person.get(name)}
    return found
