"""For whom an account acts: its own subject, and the organizations whose authority stands at this moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from office.subject_operators import Operator, SubjectOperators
from office.subjects import MarketSubject, Subjects
from web.site import Site


@dataclass(frozen=True, slots=True)
class Acting:
    """`operator`: by which authority; None: the account's own subject."""

    subject: MarketSubject
    operator: Operator | None


def subjects_on(site: Site) -> Subjects:
    return Subjects(site.engine, site.marks)


def operators_on(site: Site) -> SubjectOperators:
    return SubjectOperators(site.engine, site.marks)


async def all_of(site: Site, account_id: int, now: datetime) -> Sequence[Acting]:
    """The own subject first."""
    own = await subjects_on(site).of(account_id)
    found = [] if own is None else [Acting(own, None)]
    for one in await operators_on(site).offered_to(account_id):
        subject = await subjects_on(site).get(one.subject_id) if one.stands(now) else None
        if subject is not None:
            found.append(Acting(subject, one))
    return found


async def may_act(site: Site, account_id: int, subject_id: int, now: datetime) -> Acting | None:
    """None: the account does not act for this subject, or not any more."""
    subject = await subjects_on(site).get(subject_id)
    if subject is None:
        return None
    if subject.account_id == account_id:
        return Acting(subject, None)
    operator = await operators_on(site).standing(subject_id, account_id, now)
    return None if operator is None else Acting(subject, operator)
