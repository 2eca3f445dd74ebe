"""What a clerk has to see of an order besides what was filled in: what is bought, who was checked how and
with what outcome, who stands there, and where the parcel goes."""

from collections.abc import Mapping
from typing import Any, Final

from certificates.catalogue.model import Step
from certificates.desk.counter import brought
from certificates.orders.mine import Mine, check_of, contact_of
from certificates.orders.states import OrderAct, OrderActor
from certificates.orders.table import row_for
from web.certificates.desk_counter import counter_on
from web.certificates.desk_own import clerk_of
from web.certificates.order_words import CHECKS, CHOICES, LABELS, PERSONS
from web.certificates.own import identifying_on
from web.certificates.showing import product_rows
from web.languages import N_
from web.visits import Visit

OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    "passed": (N_("已通过"), "good"),
    "asked": (N_("还没有核验完"), "waiting"),
    "failed": (N_("没有通过"), "warning"),
    "stale": (N_("核验以后信息改过，要重新核验"), "warning"),
    "": (N_("还没有核验"), "neutral"),
}


async def business(visit: Visit, mine: Mine) -> dict[str, Any]:
    """The product, and each check that the channel asks for with its last outcome."""
    outcomes = await identifying_on(visit.site).outcomes(mine)
    checks = []
    for identity in mine.rules.identities_for(mine.case):
        found = outcomes.get(identity.key)
        word, badge = OUTCOMES[found.state if found is not None else ""]
        way = found.way if found is not None else str(check_of(identity, mine.details))
        checks.append(
            {
                "person": visit.text(PERSONS[identity.whose]),
                "way": visit.text(CHECKS[way]),
                "word": visit.text(word),
                "badge": badge,
                "at": found.made_at if found is not None else None,
            }
        )
    return {"bought": product_rows(visit, mine), "checked": checks}


COMPARED: Final = (
    *("organization_name", "credit_code"),
    *("representative_name", "representative_document", "representative_number"),
    *("applicant_name", "applicant_document", "applicant_number"),
    *("operator_name", "operator_document", "operator_number"),
)
"""What stands in the documents that are brought."""


async def persons(visit: Visit, mine: Mine) -> list[tuple[str, str]]:
    """Names and numbers in full, to compare them with the documents on the table: as long as these are to be
    received, when the clerk asks for it, and not while another works on the order. Each look is recorded."""
    order, now = mine.order, visit.site.clock()
    waits = Step.PAPER in order.steps and Step.PAPER not in order.done and bool(brought(mine))
    receives = row_for(OrderAct.RECEIVE_PAPER, order.state, OrderActor.CLERK) is not None
    asked = visit.query("persons") == "1"  # a page that is merely opened tells and records nothing
    if not (asked and waits and receives) or order.worked_by_another(clerk_of(visit), now):
        return []
    await counter_on(visit).look_at_persons(order.number, clerk_of(visit), now=now)
    found = ((name, mine.details.get(name, "")) for name in COMPARED)
    return [
        (visit.text(LABELS[name]), visit.text(CHOICES[value]) if value in CHOICES else value)
        for name, value in found
        if value
    ]


async def parcel(visit: Visit, mine: Mine) -> list[tuple[str, str]]:
    """To whom and where it is sent, in full: once it lies there to be sent, and each look is recorded."""
    order, text = mine.order, visit.text
    if row_for(OrderAct.SHIP, order.state, OrderActor.CLERK) is None:
        return []
    await counter_on(visit).look_at_address(order.number, clerk_of(visit), now=visit.site.clock())
    name, phone = contact_of(mine)
    where = "".join(mine.details.get(part, "") for part in ("province", "city", "address"))
    return [
        (text(N_("收件人")), name or "—"),
        (text(N_("收件电话")), phone.removeprefix("+86") or "—"),
        (text(N_("收件地址")), where or "—"),
    ]
