"""An order as somebody has it open: with its rules and what was filled in; what follows from the three."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.model import ChannelRules, Identity, SubjectKind
from certificates.catalogue.scope import Case, IdentityCheck, Person
from certificates.orders import fields
from certificates.orders.fields import Field
from certificates.orders.order import Order, business
from certificates.orders.performing import By, perform
from certificates.orders.states import OrderAct
from certificates.orders.steps import Step, to_fill


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """An order with what was filled in; it can't print that."""

    order: Order
    rules: ChannelRules
    details: Mapping[str, str] = field(repr=False)
    by: By

    @property
    def case(self) -> Case:
        return case_of(self.order, self.details)

    @property
    def fields(self) -> tuple[Field, ...]:
        return fields.detail_fields(self.rules, self.case, chosen_checks(self.details))


def case_of(order: Order, details: Mapping[str, str]) -> Case:
    """The business as the catalogue asks for it."""
    return replace(
        business(order), identified_by=frozenset(IdentityCheck(one) for one in chosen_checks(details))
    )


def chosen_checks(details: Mapping[str, str]) -> frozenset[str]:
    return frozenset(value for name, value in details.items() if name.startswith("check_") and value)


def check_of(identity: Identity, details: Mapping[str, str]) -> IdentityCheck:
    """The chosen check of a person; where nothing was chosen, the first."""
    asked = details.get(f"check_{identity.whose}", "")
    return IdentityCheck(asked) if asked in identity.checks else identity.checks[0]


async def act_on(connection: AsyncConnection, mine: Mine, act: OrderAct, now: datetime, **more: Any) -> Order:
    """An act on the order as the form showed it. `more`: of performing.perform, which says what is raised."""
    return await perform(
        connection, mine.order.number, act, mine.by, now=now, version=mine.order.version, **more
    )


def open_step(order: Order, asked: Step) -> bool:
    """Whether a page of the form may be opened: earlier ones may be changed, later ones wait."""
    pages = to_fill(order.steps)
    reached = next((step for step in pages if step not in order.done), pages[-1])
    return asked in pages and pages.index(asked) <= pages.index(reached)


def next_page(order: Order) -> Step:
    """The first page of the form that is not done."""
    return next((step for step in to_fill(order.steps) if step not in order.done), Step.CONFIRM)


def _whose_contact(rules: ChannelRules, case: Case) -> str:
    """Who consents, as the fields begin: the operator, the applicant, or whom the channel names."""
    consent = rules.consent_of(case)
    if consent is not None:
        return "representative" if consent.whose is Person.LEGAL_REPRESENTATIVE else str(consent.whose)
    return "applicant" if case.subject is SubjectKind.NATURAL_PERSON else "operator"


def contact_field(rules: ChannelRules, case: Case) -> str:
    """The field with the telephone of who consents."""
    return f"{_whose_contact(rules, case)}_phone"


def telephone_of(rules: ChannelRules, case: Case, details: Mapping[str, str]) -> str:
    """As it stands in these details; "" while nothing is typed."""
    return details.get(contact_field(rules, case), "")


def contact_of(mine: Mine) -> tuple[str, str]:
    """Name and telephone of who consents, for the page."""
    whose = _whose_contact(mine.rules, mine.case)
    return mine.details.get(f"{whose}_name", ""), mine.details.get(f"{whose}_phone", "")
