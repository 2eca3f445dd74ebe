"""Orders in a list, as the order query shows them: everything of the handbook's row."""

from collections.abc import Sequence
from typing import Any

from certificates.issuing.pins import FirstPin
from certificates.orders.mine import Mine
from certificates.orders.order import Order
from certificates.orders.paperwork import Form, forms_of
from certificates.orders.performing import By
from certificates.orders.states import OrderState
from certificates.orders.table import FINAL
from certificates.payments.invoices import standing
from web.certificates.first_pin import pins_of, told_word
from web.certificates.order_words import BADGES, NEXT, SERVICES, state_of
from web.certificates.own import base, orders_on
from web.certificates.showing import certificate_name
from web.languages import N_
from web.visits import Visit

_REVIEWS = {
    OrderState.IN_REVIEW: N_("未审核"),
    OrderState.SECOND_REVIEW: N_("复核中"),
    OrderState.RETURNED: N_("已驳回"),
    OrderState.REJECTED: N_("不予办理"),
}
_REVIEWED = frozenset(
    {
        OrderState.APPROVED,
        OrderState.ISSUING,
        OrderState.AWAITING_COLLECTION,
        OrderState.AWAITING_DELIVERY,
        OrderState.SHIPPED,
        OrderState.DONE,
    }
)
_DELIVERIES = {
    OrderState.AWAITING_DELIVERY: N_("未发货"),
    OrderState.AWAITING_COLLECTION: N_("待领取"),
    OrderState.SHIPPED: N_("已发货"),
}


async def rows_of(visit: Visit, orders: Sequence[Order]) -> list[dict[str, Any]]:
    told = await pins_of(visit.site, orders)
    found = [await orders_on(visit.site).of(one.number, By.applicant(None)) for one in orders]
    async with visit.site.engine.connect() as connection:
        valid = await standing(connection, [one.number for one in orders])
    return [row(visit, mine, told.get(mine.order.number), mine.order.number in valid) for mine in found]


def row(visit: Visit, mine: Mine, pin: FirstPin | None, invoice_holds: bool) -> dict[str, Any]:
    """One order: the columns of the handbook, in its order; "" where there is nothing to say yet."""
    order = mine.order
    return {
        "order": order,
        "href": base(order),
        "over": order.state in FINAL,
        "name": certificate_name(mine),
        "service": visit.text(SERVICES[order.service]),
        "state": visit.text(state_of(order.service, order.state)),
        "badge": BADGES.get(order.state, "neutral"),
        "review": _review(visit, order),
        "invoice_holds": invoice_holds,
        "pin": told_word(visit, order, pin) if order.submitted_at else "",
        "delivery": _delivery(visit, order),
        "form": _form(mine),
        "action": visit.text(NEXT.get(order.state, N_("查看详细"))),
    }


def _form(mine: Mine) -> str:
    """Where the application form is downloaded; "" while there is none."""
    made = order_forms(mine)
    return f"{base(mine.order)}/forms/{made[0]}.pdf" if made else ""


def order_forms(mine: Mine) -> Sequence[Form]:
    """The printable forms; they are made of what was confirmed."""
    if mine.order.state in (OrderState.FILLING, OrderState.CANCELLED, OrderState.EXPIRED):
        return ()
    return tuple(forms_of(mine))


def _review(visit: Visit, order: Order) -> str:
    word = N_("已通过") if order.state in _REVIEWED else _REVIEWS.get(order.state, "")
    return visit.text(word) if word else ""


def _delivery(visit: Visit, order: Order) -> str:
    """Whether it was sent; by whom and under which number stays there after it has arrived."""
    word = _DELIVERIES.get(order.state, "")
    said = (visit.text(word) if word else "", order.courier, order.tracking)
    return " ".join(one for one in said if one)
