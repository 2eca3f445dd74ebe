"""Refunds of orders, for finance: on their way, failed, at the counter; what happened to each."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue.scope import QR, PaymentWay
from certificates.payments import paying_back, refund_history, refunds
from certificates.payments.paying_back import WrongState
from certificates.payments.states import RefundState
from office.banking.proposals import Obstacle
from office.banking.recording import record_act
from web.certificates.order_words import PAYMENTS
from web.certificates.pay_words import (
    REFUND_ACTS,
    REFUNDS,
)
from web.finance.rooms import by, number_in, pages_of, room, version_in
from web.finance.words import OBSTACLES
from web.languages import N_
from web.visits import Visit

HERE: Final = "/finance/certificates/refunds"
HOW: Final = {
    PaymentWay.ALIPAY: N_("由支付宝退回原支付账户"),
    PaymentWay.WECHAT: N_("由微信退回原支付账户"),
    PaymentWay.TRANSFER: N_("由银行退回原付款账户"),
    PaymentWay.ON_THE_SPOT: N_("在窗口退还"),
}


async def refund_list(visit: Visit) -> Response:
    asked, number = visit.query("state"), visit.page()
    state = asked if asked in set(RefundState) else ""
    async with visit.site.engine.connect() as connection:
        found, count = await refunds.page(connection, state, number)
    return room(
        visit,
        "certificate_refunds.html",
        found=[
            {"refund": one, "way": visit.text(PAYMENTS[one.way]), "state": visit.text(REFUNDS[one.state])}
            for one in found
        ],
        state=state,
        states=[("", visit.text(N_("全部")))]
        + [(str(one), visit.text(word)) for one, word in REFUNDS.items()],
        number=number,
        pages=pages_of(count, refunds.PAGE),
        most=paying_back.MOST_ATTEMPTS,
    )


async def one_refund(visit: Visit) -> Response:
    """One refund, and all that happened to it."""
    async with visit.site.engine.connect() as connection:
        found = await refunds.one(connection, number_in(visit, "refund"))
        if found is None:
            raise HTTPException(404)
        events = await refund_history.events(connection, found.id)
    return room(
        visit,
        "certificate_refund.html",
        refund=found,
        state=visit.text(REFUNDS[found.state]),
        how=visit.text(HOW[found.way]),
        act=_act_on(found),
        events=[(each, visit.text(REFUND_ACTS[each.act])) for each in events],
    )


def _act_on(found: refunds.OrderRefund) -> str:
    """What finance can do about it here; "": nothing, or in the bank's batches."""
    if found.way is PaymentWay.ON_THE_SPOT and found.state is RefundState.DUE:
        return "handed-back"
    return "again" if found.way in QR and found.state is RefundState.FAILED else ""


async def again(visit: Visit) -> Response:
    return await _act(visit, "again", N_("会再次请支付机构退款，编号不变，不会重复退。"))


async def handed_back(visit: Visit) -> Response:
    return await _act(visit, "handed_back", N_("已记为在窗口退还。"))


async def _act(visit: Visit, act: str, said: str) -> Response:
    id_, version, now = number_in(visit, "refund"), version_in(visit), visit.site.clock()
    work = {"again": paying_back.again, "handed_back": paying_back.handed_back}[act]
    try:
        async with visit.site.engine.begin() as connection:
            await work(connection, id_, version, now)
            await record_act(connection, by(visit), f"payment.refund_{act}", str(id_), {}, now)
    except WrongState:
        return visit.refused(f"{HERE}/{id_}", visit.text(OBSTACLES[Obstacle.OVERTAKEN]))
    return visit.done(f"{HERE}/{id_}", visit.text(said))
