"""At the counter: an order for who stands there, money, originals, the UKey, parcel or hand-over."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue.model import Material, Person, Service, SubjectKind, Way
from certificates.catalogue.scope import Case, PaymentWay
from certificates.catalogue.store import Catalogue
from certificates.desk import reasons
from certificates.desk.counter import Counter, brought, case_at_counter, ways_to_pay
from certificates.desk.reviewing import Decision
from certificates.desk.stock import BlankUKey, serials_of
from certificates.desk.verdicts import Verdict
from certificates.orders.orders import Mine, NotOffered
from certificates.orders.paperwork import House, handover_sheet
from certificates.orders.states import OrderState
from certificates.payments.counter import NotTakenHere
from web.certificates.desk_own import (
    DESK,
    clerk_of,
    desk_address,
    in_desk_words,
    order_in_path,
    shown_version,
)
from web.certificates.order_pages import DEMONSTRATION
from web.certificates.order_words import DOCUMENTS, PAYMENTS, PERSONS, SERVICES, STATES, SUBJECTS
from web.languages import N_
from web.pages import page
from web.visits import Visit

WALK_IN: Final = f"{DESK}/walk-in"
NOT_OFFERED: Final = N_("这个渠道没有这项现场业务，请看办理方式说明。")
NOT_TAKEN: Final = N_("这个渠道现场不收这种方式的款。")
MARKS: Final = {
    "stamp": N_("加盖单位公章"),
    "operator_signature": N_("经办人签名"),
    "applicant_signature": N_("申请人签名"),
    "applicant_seal_or_signature": N_("申请人签名或者盖章"),
}


def counter_on(visit: Visit) -> Counter:
    return Counter(visit.site.engine, visit.site.marks)


# ── somebody stands there ───────────────────────────────────────────────────────────────────────────────────


async def walk_in_form(visit: Visit) -> Response:
    """Which business; what a channel does at its counter is its data."""
    channels = await Catalogue(visit.site.engine).channels()
    offered = []
    for stored in channels:
        rows = [
            (
                f"{stored.key}:{service}:{subject}",
                f"{visit.text(SERVICES[service])} · {visit.text(SUBJECTS[subject])}",
            )
            for service in Service
            for subject in SubjectKind
            if Way.COUNTER in stored.rules.ways(service, subject)
        ]
        if rows:
            offered.append({"name": stored.rules.name, "rows": rows})
    names = {one.key: one.rules.name for one in channels}
    return page(
        visit,
        "certificates/desk/walk_in.html",
        offered=offered,
        unfinished=[
            {
                "number": one.number,
                "at": one.at,
                "what": f"{visit.text(SERVICES[one.service])} · {visit.text(SUBJECTS[one.subject])}",
                "channel": names.get(one.channel, one.channel),
                "state": visit.text(STATES[one.state]),
            }
            for one in await counter_on(visit).unfinished(clerk_of(visit))
        ],
    )


async def walk_in(visit: Visit) -> Response:
    """Begin the order; the pages of the form follow, typed in by the clerk."""
    channel, _, rest = visit.form.get("business", "")[:120].partition(":")
    service, _, subject = rest.partition(":")
    stored = await Catalogue(visit.site.engine).published(channel[:40])
    try:
        case = Case(service=Service(service), subject=SubjectKind(subject), way=Way.COUNTER)
        if stored is None:
            raise NotOffered(channel)
        number = await counter_on(visit).begin(clerk_of(visit), stored, case, now=visit.site.clock())
    except (ValueError, NotOffered):
        return visit.refused(WALK_IN, visit.text(NOT_OFFERED), 422)
    return visit.redirect(f"/certificates/orders/{number}/go-on")


# ── what the page of an order gets besides ──────────────────────────────────────────────────────────────────


def at_counter(visit: Visit, mine: Mine, ukey: BlankUKey | None) -> dict[str, Any]:
    """Money, papers, UKey and hand-over, as far as they are to be done now."""
    order = mine.order
    waits = order.state in (OrderState.AWAITING_PAPER, OrderState.AWAITING_PAYMENT)
    ways = ways_to_pay(mine) if order.state is OrderState.AWAITING_PAYMENT else ()
    who = mine.rules.attendance_of(mine.case)
    return {
        "papers": [_paper(visit, mine, item, one) for item, one in brought(mine)] if waits else [],
        "ways": [(str(way), visit.text(PAYMENTS[way])) for way in ways],
        "who_comes": visit.text(PERSONS[who.who if who is not None else Person.APPLICANT]),
        "ukey": ukey,
    }


def _paper(visit: Visit, mine: Mine, item: str, one: Material) -> dict[str, Any]:
    case = case_at_counter(mine)
    found = reasons.for_item(mine.order.channel, case, str(one.document))
    return {
        "item": item,
        "word": visit.text(DOCUMENTS[one.document]),
        "copies": one.copies,
        "original": one.original,
        "marks": [visit.text(MARKS[mark]) for mark in one.marks],
        "note": one.note,
        "verdict": "",
        "reason": "",
        "reasons": [("", visit.text(N_("选择常用原因（选填）"))), *((each.key, each.text) for each in found)],
    }


# ── acts ────────────────────────────────────────────────────────────────────────────────────────────────────


@in_desk_words
async def take_money(visit: Visit) -> Response:
    """收款: the whole price, as it stands in the order; nobody types a sum."""
    mine = await order_in_path(visit)
    here, asked = desk_address(mine.order.number), visit.form.get("way", "")
    if asked not in set(ways_to_pay(mine)) or visit.form.get("counted") != "1":
        return visit.refused(here, visit.text(N_("请选择收款方式，并确认已收到款项。")), 422)
    try:
        await counter_on(visit).take_money(
            mine.order.number,
            clerk_of(visit),
            PaymentWay(asked),
            mine.order.price_fen,
            version=shown_version(visit, mine.order),
            now=visit.site.clock(),
        )
    except NotTakenHere:
        return visit.refused(here, visit.text(NOT_TAKEN), 422)
    return visit.done(here, visit.text(N_("已收款，订单已记为已支付。")))


@in_desk_words
async def receive_paper(visit: Visit) -> Response:
    """收资料: every item was held in the hand; what is wrong goes back."""
    mine = await order_in_path(visit)
    asked = visit.form.get("decision", "")
    if asked not in (Decision.APPROVE, Decision.RETURN):
        raise HTTPException(400)
    if shown_version(visit, mine.order) == 0:
        return visit.refused(desk_address(mine.order.number), visit.text(N_("订单已有变化，请再看一遍。")))
    named = {item: visit.text(DOCUMENTS[one.document]) for item, one in brought(mine)}
    await counter_on(visit).receive(
        mine,
        clerk_of(visit),
        _typed(visit, mine),
        Decision(asked),
        named,
        now=visit.site.clock(),
    )
    text = N_("资料已收，可以审核。") if asked == Decision.APPROVE else N_("已驳回，原因用短信告诉申请人。")
    return visit.done(desk_address(mine.order.number), visit.text(text))


def _typed(visit: Visit, mine: Mine) -> list[Verdict]:
    found = []
    for item, one in brought(mine):
        said = visit.form.get(f"verdict-{item}", "")
        if said == "accepted":
            found.append(Verdict(item=item))
        elif said == "refused":
            known = _texts(mine, one)
            template, words = visit.form.get(f"template-{item}", ""), visit.form.get(f"reason-{item}", "")
            parts = [part for part in (known.get(template, ""), words.strip()) if part]
            if parts:
                found.append(Verdict(item=item, reason="；".join(dict.fromkeys(parts)), template=template))
    return found


def _texts(mine: Mine, one: Material) -> Mapping[str, str]:
    known = reasons.for_item(mine.order.channel, case_at_counter(mine), str(one.document))
    return {each.key: each.text for each in known}


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
    )
    return visit.done(here, visit.text(N_("已交付，业务完成。")))


@in_desk_words
async def sheet(visit: Visit) -> Response:
    """签收单, to print and sign by hand."""
    mine = await order_in_path(visit)
    if mine.order.state not in (OrderState.AWAITING_COLLECTION, OrderState.DONE):
        raise HTTPException(404)
    site = visit.site
    assert visit.signed_in is not None
    who = mine.rules.attendance_of(mine.case)
    house = House(name=site.settings.platform_name, notice=DEMONSTRATION if site.settings.demo else "")
    pdf = await asyncio.to_thread(
        handover_sheet,
        mine,
        house,
        clerk=visit.signed_in.name,
        who=str(who.who if who is not None else Person.APPLICANT),
        as_of=site.clock(),
    )
    name = f"handover-{mine.order.number}.pdf"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(pdf, media_type="application/pdf", headers=headers)
