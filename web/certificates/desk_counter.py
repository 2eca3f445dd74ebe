"""At the counter: money, originals, the UKey, parcel or hand-over."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue.model import Material, Person
from certificates.catalogue.scope import PaymentWay, SubjectKind
from certificates.desk.counter import Counter, brought, case_at_counter, ways_to_pay
from certificates.desk.drawer import Taking
from certificates.desk.reviewing import Decision
from certificates.desk.stock import BlankUKey, serials_of
from certificates.desk.verdicts import Verdict
from certificates.issuing.writing import NotNow
from certificates.orders.mine import Mine
from certificates.orders.order import Order
from certificates.orders.paperwork import House, handover_sheet
from certificates.orders.performing import By
from certificates.orders.states import OrderAct, OrderActor, OrderState
from certificates.orders.table import row_for
from certificates.payments.counter import NotTakenHere
from web.certificates.catalogue_words import MARKS
from web.certificates.desk_judging import Sayable, asked, read, sayable
from web.certificates.desk_own import (
    clerk_of,
    desk_address,
    in_desk_words,
    order_in_path,
    shown_version,
)
from web.certificates.order_pages import DEMONSTRATION
from web.certificates.order_words import DOCUMENTS, PAYMENTS, PERSONS
from web.certificates.writing_flow import refusal_text, writing_on
from web.languages import N_
from web.visits import Visit

NOT_TAKEN: Final = N_("这个渠道现场不收这种方式的款。")


def counter_on(visit: Visit) -> Counter:
    return Counter(visit.site.engine, visit.site.marks)


# ── what the page of an order gets besides ──────────────────────────────────────────────────────────────────


async def at_counter(
    visit: Visit, mine: Mine, ukey: BlankUKey | None, said: Mapping[str, Verdict]
) -> dict[str, Any]:
    """Money, papers, UKey and hand-over, as far as they are to be done now."""
    order = mine.order
    waits = order.state in (OrderState.AWAITING_PAPER, OrderState.AWAITING_PAYMENT)
    ways = ways_to_pay(mine) if order.state is OrderState.AWAITING_PAYMENT else ()
    known = await sayable(visit, mine, case_at_counter(mine))
    papers = brought(mine) if waits else ()
    stops = row_for(OrderAct.REVERSE_PAYMENT, order.state, OrderActor.CLERK) is not None
    taken = await _taken(visit, order) if stops else None
    return {
        "papers": [_paper(visit, known, item, one, said.get(item)) for item, one in papers],
        "ways": [(str(way), visit.text(PAYMENTS[way])) for way in ways],
        "who_comes": visit.text(PERSONS[_who_comes(mine)]),
        "ukey": ukey,
        "taken": taken,
        "taken_way": visit.text(PAYMENTS[taken.way]) if taken is not None else "",
    }


def _who_comes(mine: Mine) -> Person:
    """By the channel's rule; where it has no counter for this the operator, or a person themselves (ours)."""
    who = mine.rules.attendance_of(mine.case)
    if who is not None:
        return who.who
    return Person.APPLICANT if mine.case.subject is SubjectKind.NATURAL_PERSON else Person.OPERATOR


async def _taken(visit: Visit, order: Order) -> Taking | None:
    return await counter_on(visit).taken_today(order.number, clerk_of(visit), now=visit.site.clock())


def _paper(visit: Visit, known: Sayable, item: str, one: Material, stands: Verdict | None) -> dict[str, Any]:
    return {
        **asked(visit, known, item, str(one.document), stands),
        "word": visit.text(DOCUMENTS[one.document]),
        "copies": one.copies,
        "original": one.original,
        "marks": [visit.text(MARKS[mark]) for mark in one.marks],
        "note": one.note,
    }


# ── acts ────────────────────────────────────────────────────────────────────────────────────────────────────


@in_desk_words
async def take_money(visit: Visit) -> Response:
    """收款: the whole price, as it stands in the order; nobody types a sum."""
    mine = await order_in_path(visit)
    here, way = desk_address(mine.order.number), visit.form.get("way", "")
    if way not in set(ways_to_pay(mine)) or visit.form.get("counted") != "1":
        return visit.refused(here, visit.text(N_("请选择收款方式，并确认已收到款项。")), 422)
    try:
        await counter_on(visit).take_money(
            mine.order.number,
            clerk_of(visit),
            PaymentWay(way),
            mine.order.price_fen,
            version=shown_version(visit, mine.order),
            now=visit.site.clock(),
        )
    except NotTakenHere:
        return visit.refused(here, visit.text(NOT_TAKEN), 422)
    return visit.done(here, visit.text(N_("已收款，订单已记为已支付。")))


@in_desk_words
async def give_back(visit: Visit) -> Response:
    """撤回收款: the clerk's own, of today; the money goes back the way it came."""
    mine = await order_in_path(visit)
    here = desk_address(mine.order.number)
    if visit.form.get("returned") != "1":
        return visit.refused(here, visit.text(N_("请先把款退给付款人，或者确认没有收到这笔款。")), 422)
    await counter_on(visit).give_back(
        mine.order.number,
        clerk_of(visit),
        visit.form.get("reason", ""),
        version=shown_version(visit, mine.order),
        now=visit.site.clock(),
    )
    return visit.done(here, visit.text(N_("收款已撤回，收款记录已作废，订单等待支付。")))


@in_desk_words
async def receive_paper(visit: Visit) -> Response:
    """收资料: every item was held in the hand; what is wrong goes back."""
    mine = await order_in_path(visit)
    decision = visit.form.get("decision", "")
    if decision not in (Decision.APPROVE, Decision.RETURN):
        raise HTTPException(400)
    if shown_version(visit, mine.order) == 0:
        return visit.refused(desk_address(mine.order.number), visit.text(N_("订单已有变化，请再看一遍。")))
    items = dict(brought(mine))
    named = {item: DOCUMENTS[one.document] for item, one in items.items()}  # for the applicant: Chinese
    known = await sayable(visit, mine, case_at_counter(mine))
    await counter_on(visit).receive(
        mine,
        clerk_of(visit),
        read(visit, known, {item: str(one.document) for item, one in items.items()}),
        Decision(decision),
        named,
        now=visit.site.clock(),
    )
    text = (
        N_("资料已收，可以审核。") if decision == Decision.APPROVE else N_("已驳回，原因用短信告诉申请人。")
    )
    return visit.done(desk_address(mine.order.number), visit.text(text))


@in_desk_words
async def assign(visit: Visit) -> Response:
    """配 UKey: which blank one lies with the order."""
    mine = await order_in_path(visit)
    serial = serials_of(visit.form.get("serial", "")[:60])[0]
    found = await counter_on(visit).assign(mine.order.number, clerk_of(visit), serial, now=visit.site.clock())
    text = visit.text(N_("UKey %(serial)s 已配给这个订单。")) % {"serial": found.serial}
    return visit.done(desk_address(mine.order.number), text)


@in_desk_words
async def release(visit: Visit) -> Response:
    """退回库存，或者报废."""
    mine = await order_in_path(visit)
    reason = visit.form.get("reason", "")
    await counter_on(visit).release(mine.order.number, clerk_of(visit), reason, now=visit.site.clock())
    text = N_("这个 UKey 已报废，请另配一个。") if reason.strip() else N_("UKey 已退回库存。")
    return visit.done(desk_address(mine.order.number), visit.text(text))


@in_desk_words
async def ship(visit: Visit) -> Response:
    mine = await order_in_path(visit)
    await counter_on(visit).ship(
        mine.order.number,
        clerk_of(visit),
        visit.form.get("courier", ""),
        visit.form.get("tracking", ""),
        version=shown_version(visit, mine.order),
        now=visit.site.clock(),
    )
    return visit.done(desk_address(mine.order.number), visit.text(N_("已发货，单号用短信告诉申请人。")))


@in_desk_words
async def arrived(visit: Visit) -> Response:
    """已签收: the courier's page says so; the subscriber need not."""
    mine = await order_in_path(visit)
    await counter_on(visit).arrived(
        mine.order.number,
        clerk_of(visit),
        version=shown_version(visit, mine.order),
        now=visit.site.clock(),
    )
    return visit.done(desk_address(mine.order.number), visit.text(N_("已记为签收，业务完成。")))


@in_desk_words
async def reissue(visit: Visit) -> Response:
    """重新制证: the written UKey broke or was lost before its holder had it."""
    mine = await order_in_path(visit)
    here, what = desk_address(mine.order.number), visit.form.get("what", "")
    if what not in ("broken", "lost"):
        return visit.refused(here, visit.text(N_("请选择 UKey 是坏了还是丢了。")), 422)
    try:
        await writing_on(visit.site).reissue(
            mine.order.number,
            By.clerk(clerk_of(visit)),
            visit.form.get("reason", ""),
            lost=what == "lost",
            version=shown_version(visit, mine.order),
            now=visit.site.clock(),
        )
    except NotNow as why:
        return visit.refused(here, visit.text(refusal_text(why.code)), 409)
    return visit.done(here, visit.text(N_("已作废原来的证书。请另配一个空白 UKey，重新写入。")))


@in_desk_words
async def hand_over(visit: Visit) -> Response:
    """领取: against a signature on the printed sheet."""
    mine = await order_in_path(visit)
    here = desk_address(mine.order.number)
    if visit.form.get("signed") != "1" or visit.form.get("identified") != "1":
        return visit.refused(here, visit.text(N_("请核对领取人的证件原件，并请领取人在签收单上签名。")), 422)
    await counter_on(visit).hand_over(
        mine.order.number,
        clerk_of(visit),
        version=shown_version(visit, mine.order),
        now=visit.site.clock(),
        reason=visit.form.get("reason", ""),
    )
    return visit.done(here, visit.text(N_("已交付，业务完成。")))


@in_desk_words
async def take_back(visit: Visit) -> Response:
    """撤回交付: nobody has the UKey, it lies here."""
    mine = await order_in_path(visit)
    here = desk_address(mine.order.number)
    if visit.form.get("here") != "1":
        return visit.refused(here, visit.text(N_("请确认 UKey 在手里。已经交给别人的，不能撤回。")), 422)
    await counter_on(visit).take_back(
        mine.order.number,
        clerk_of(visit),
        visit.form.get("reason", ""),
        version=shown_version(visit, mine.order),
        now=visit.site.clock(),
    )
    return visit.done(here, visit.text(N_("已撤回交付，订单等待领取或寄出。")))


@in_desk_words
async def sheet(visit: Visit) -> Response:
    """签收单, to print and sign by hand."""
    mine = await order_in_path(visit)
    if (
        mine.order.state is not OrderState.DONE
        and row_for(OrderAct.HAND_OVER, mine.order.state, OrderActor.CLERK) is None
    ):
        raise HTTPException(404)
    site = visit.site
    assert visit.signed_in is not None
    house = House(name=site.settings.platform_name, notice=DEMONSTRATION if site.settings.demo else "")
    pdf = await asyncio.to_thread(
        handover_sheet,
        mine,
        house,
        clerk=visit.signed_in.name,
        who=str(_who_comes(mine)),
        as_of=site.clock(),
    )
    name = f"handover-{mine.order.number}.pdf"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(pdf, media_type="application/pdf", headers=headers)
