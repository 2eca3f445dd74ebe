"""What is so in one order and not in another, and what follows: route, material, review.

The operator of the subscriber's last order unlocks without material; a dissolved organization proves that it
is. Which circumstances count where, the channel's rows say (`when`, `unless`).
Source: spec/certificates.md, "The other services", unlock and revoke; "Material".
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.model import ChannelRules, SubjectKind
from certificates.catalogue.scope import Case, Circumstance
from certificates.orders import fields, materials
from certificates.orders.boxes import OrderBoxes
from certificates.orders.by_telephone import is_former_operators
from certificates.orders.fields import OrganizationState
from certificates.orders.order import Order, business
from office.marks import BoxUnreadable, Marks

_PARTS: Final = ("name", "document", "number", "phone")
_LAST: Final = text(
    "SELECT number FROM orders WHERE number_mark = :mark AND subject = :subject AND state = 'done'"
    " AND number_mark <> '' AND number <> :number ORDER BY finished_at DESC, number LIMIT 1"
)


async def found(
    connection: AsyncConnection,
    marks: Marks,
    rules: ChannelRules,
    order: Order,
    details: Mapping[str, str],
    now: datetime,
) -> frozenset[Circumstance]:
    """What is so, of all that the rows of this business look at. `order`: with its number_mark."""
    case, true = replace(business(order), circumstances=frozenset()), set[Circumstance]()
    dissolved = details.get(fields.STANDING) == OrganizationState.DISSOLVED
    if dissolved and rules.looks_at(case, Circumstance.DISSOLVED):
        true.add(Circumstance.DISSOLVED)
    looked_at = rules.looks_at(case, Circumstance.SAME_OPERATOR)
    if looked_at and await _same_operator(connection, marks, order, details, now):
        true.add(Circumstance.SAME_OPERATOR)
    return frozenset(true)


async def _same_operator(
    connection: AsyncConnection, marks: Marks, order: Order, details: Mapping[str, str], now: datetime
) -> bool:
    """Whether who applies is who applied last, in every field: 经办人信息与上笔业务的相符合.

    Who has lost the organization's authority since is not.
    """
    values = {"mark": order.number_mark, "subject": order.subject, "number": order.number}
    last = await connection.scalar(_LAST, values)
    if last is None:
        return False
    try:
        before = await OrderBoxes(marks).details(connection, str(last))
    except BoxUnreadable:
        return False
    whose = "applicant" if order.subject == SubjectKind.NATURAL_PERSON else "operator"
    names = [f"{whose}_{part}" for part in _PARTS]
    if not all(details.get(name) and details.get(name) == before.get(name) for name in names):
        return False
    subject, telephone = order.market_subject, details[f"{whose}_phone"]
    return subject is None or not await is_former_operators(connection, marks, subject, telephone, now)


def routed(rules: ChannelRules, case: Case) -> dict[str, Any]:
    """The columns that follow from the circumstances: the route, what is uploaded, how it is reviewed."""
    route, review = rules.route(case), rules.review_of(case)
    if route is None:
        raise LookupError(f"{rules.key}: no route for {case.service}, {case.subject}, {case.way}")
    return {
        "steps": route.steps,
        "materials": [one.kind for one in materials.wanted(rules, case)],
        "automatic": review is not None and review.automatic,
        "four_eyes": review is not None and review.four_eyes,
        "circumstances": sorted(str(one) for one in case.circumstances),
    }
