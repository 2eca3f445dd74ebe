"""An order's own page: where it stands, its history, its price; what else may be done with it."""

import asyncio
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue.model import Service, Step
from certificates.catalogue.store import Catalogue
from certificates.desk.queue import lying
from certificates.orders.mine import Mine
from certificates.orders.needs import KEPT_FOR
from certificates.orders.order import Order, history
from certificates.orders.paperwork import Form, House, render
from certificates.orders.states import OrderActor, OrderState
from certificates.orders.steps import AT_HOME
from certificates.orders.table import AT_REVIEW, acts_of
from certificates.orders.unlocking import UNLOCKABLE
from certificates.payments.invoices import standing
from certificates.payments.refunds import of_order as refunds_of
from office.working_days import day_of
from web.certificates import first_pin
from web.certificates.listing import order_forms
from web.certificates.order_words import (
    ACTS,
    DOCUMENTS,
    HIDDEN_ACTS,
    NEXT,
    PAYMENTS,
    REMARKS,
    SIDES,
    UNTIL,
    WHAT_NEXT,
)
from web.certificates.own import base, in_words, mine_in_path, orders_on, place_of
from web.certificates.pay_words import REFUNDS
from web.certificates.showing import around, certificate_name, facts, order_price, pin_word, with_note
from web.languages import N_
from web.pages import page
from web.visits import Visit

_NEXT: Final = {**NEXT, OrderState.APPROVED: N_("写入证书"), OrderState.ISSUING: N_("继续写入")}
UNLOCK_AT_HOME: Final = N_("审核已通过：请获取解锁授权码，给 UKey 设置新密码。")
UNLOCK_AT_DESK: Final = N_("审核已通过：办证人员会给您的 UKey 解锁。")
DEMONSTRATION: Final = "演示环境：数据均为虚构，证书和印章没有法律效力"


@in_words
async def go_on(visit: Visit) -> Response:
    """Wherever the order goes on."""
    return visit.redirect(place_of((await mine_in_path(visit)).order))


@in_words
async def show(visit: Visit) -> Response:
    mine = await mine_in_path(visit)
    order, orders = mine.order, orders_on(visit.site)
    async with visit.site.engine.connect() as connection:
        events = await history(connection, order.number)
        refunds = await refunds_of(connection, order.number)
        invoice_holds = bool(await standing(connection, [order.number]))
    return page(
        visit,
        "certificates/order.html",
        **around(visit, mine, None),
        what_next=_what_next(visit, order),
        due=await _due(visit, order),
        go_on=_go_on(visit, order),
        go_to=place_of(order),
        acts=frozenset(acts_of(order.state, OrderActor.APPLICANT)),
        events=[
            (event.at, visit.text(ACTS[event.act]), event.reason)
            for event in events
            if event.act not in HIDDEN_ACTS
        ],
        refunds=[(one, visit.text(REFUNDS[one.state])) for one in refunds],
        parts=order_price(visit, order),
        invoice_holds=invoice_holds,
        payment=visit.text(PAYMENTS[order.payment_way]) if order.payment_way in PAYMENTS else "",
        pin=pin_word(visit, order),
        first_pin=await first_pin.shown(visit, order),
        name=certificate_name(mine),
        authority=await authority_name(visit, order),
        facts=facts(visit, mine),
        files=[material_row(visit, one) for one in await orders.files.of(order.number)],
        accepted=await orders.accepted(order.number),
        titles={one.kind: one.title for one in mine.rules.agreements_for(mine.case)},
        forms=form_links(visit, mine),
    )


async def _due(visit: Visit, order: Order) -> str:
    """The last day of the review, by the channel's rule; "" where nothing is reviewed."""
    if order.state not in AT_REVIEW:
        return ""
    lies = await lying(visit.site.engine, order, now=visit.site.clock())
    return "" if lies.due_on is None else lies.due_on.isoformat()


def _what_next(visit: Visit, order: Order) -> str:
    """Where the order stands; of one that makes no certificate in its own words. What is done at home, until
    when."""
    words, home = visit.text(WHAT_NEXT[order.state]), not AT_HOME.isdisjoint(order.steps)
    if order.state not in UNLOCKABLE:
        return words
    if order.service == Service.UNLOCK:
        words = visit.text(UNLOCK_AT_HOME if home else UNLOCK_AT_DESK)
    day = day_of(order.changed_at + KEPT_FOR).isoformat()
    return f"{words} {visit.text(UNTIL) % {'day': day}}" if home else words


def _go_on(visit: Visit, order: Order) -> str:
    """What the button says that leads on; "" where nothing is the applicant's to do."""
    if order.state not in _NEXT or place_of(order) == base(order):
        return ""
    unlocks = order.state in UNLOCKABLE and Step.AUTHORIZATION_CODE in order.steps
    return visit.text(N_("解锁，重设密码")) if unlocks else visit.text(_NEXT[order.state])


async def authority_name(visit: Visit, order: Order) -> str:
    """Who issues it; "" while nobody is chosen."""
    known = (await Catalogue(visit.site.engine).authorities()).get(order.authority)
    return visit.named(known) if known is not None else ""


def material_row(visit: Visit, one: Any) -> dict[str, Any]:
    """An uploaded file in the visit's words."""
    return {
        "file": one,
        "word": kind_word(visit, one.kind),
        "remarks": [visit.text(REMARKS[r]) for r in one.remarks],
    }


def kind_word(visit: Visit, kind: str) -> str:
    document, _, side = kind.partition(".")
    word = visit.text(DOCUMENTS[document])
    return with_note(visit, word, visit.text(SIDES[side])) if side in SIDES else word


def form_links(visit: Visit, mine: Mine) -> list[tuple[str, str]]:
    """The printable forms; they are made of what was confirmed."""
    words = {Form.APPLICATION: N_("下载申请表"), Form.SAMPLE: N_("下载签章采样表")}
    return [(f"{base(mine.order)}/forms/{form}.pdf", visit.text(words[form])) for form in order_forms(mine)]


@in_words
async def form(visit: Visit) -> Response:
    """One form as PDF, for whose order it is: it has everything in the clear."""
    mine = await mine_in_path(visit)
    asked = visit.param("form")
    if asked not in set(Form) or Form(asked) not in order_forms(mine):
        raise HTTPException(404)
    site = visit.site
    house = House(name=site.settings.platform_name, notice=DEMONSTRATION if site.settings.demo else "")
    pdf = await asyncio.to_thread(render, Form(asked), mine, house, as_of=site.clock())
    headers = {
        "Content-Disposition": f'attachment; filename="{asked}-{mine.order.number}.pdf"',
        "Cache-Control": "no-store",
    }
    return Response(pdf, media_type="application/pdf", headers=headers)


@in_words
async def change(visit: Visit) -> Response:
    """返回修改."""
    mine = await mine_in_path(visit)
    await orders_on(visit.site).change(mine, now=visit.site.clock())
    return visit.done(f"{base(mine.order)}/go-on", visit.text(N_("可以修改了。改完以后要重新确认。")))


@in_words
async def cancel(visit: Visit) -> Response:
    mine = await mine_in_path(visit)
    if visit.form.get("sure") != "1":
        return visit.refused(base(mine.order), visit.text(N_("请先勾选“我要取消这个订单”。")), 422)
    done = await orders_on(visit.site).cancel(mine, now=visit.site.clock())
    refund = visit.text(N_("已付的费用会原路退回。")) if done.refund_due else ""
    return visit.done(base(mine.order), visit.text(N_("订单已取消。")) + refund)


@in_words
async def resubmit(visit: Visit) -> Response:
    mine = await mine_in_path(visit)
    await orders_on(visit.site).resubmit(mine, now=visit.site.clock())
    return visit.done(f"{base(mine.order)}/go-on", visit.text(N_("已重新提交。")))


@in_words
async def receive(visit: Visit) -> Response:
    mine = await mine_in_path(visit)
    await orders_on(visit.site).receive(mine, now=visit.site.clock())
    return visit.done(base(mine.order), visit.text(N_("已确认收到证书。")))
