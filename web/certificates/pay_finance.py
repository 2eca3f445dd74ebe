"""Money of orders, for finance: what has to be looked at, refunds, the reconciliation with providers."""

from collections.abc import Awaitable
from datetime import date, timedelta
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue.scope import QR, PaymentWay
from certificates.orders.order import read
from certificates.payments import assigning, by_hand, checking, reconciling, refund_history, refunds
from certificates.payments.charges import missing_of
from certificates.payments.port import ProviderAway
from certificates.payments.reconciling import DifferenceKind, FileFault
from certificates.payments.refunds import WrongState
from certificates.payments.states import BY_HAND, RefundState, Standing
from office.banking.proposals import About, CannotDo, Obstacle, ProposalState
from office.banking.recording import record_act
from office.working_days import day_of
from web.certificates.order_words import PAYMENTS, STATES
from web.certificates.pay import AWAY, provider_of
from web.certificates.pay_words import (
    ASK_THEM,
    DIFFERENCES,
    LINES,
    MEANINGS,
    REFUND_ACTS,
    REFUNDS,
    REMEDIES,
    STANDINGS,
)
from web.finance.proposing import proposals_on
from web.finance.rooms import by, day_in, download, number_in, pages_of, room, version_in
from web.finance.words import OBSTACLES
from web.languages import N_
from web.visits import Visit

HERE: Final = "/finance/certificates"
REFUNDS_HERE: Final = f"{HERE}/refunds"
DAYS_HERE: Final = f"{HERE}/reconciliation"
HOW: Final = {
    PaymentWay.ALIPAY: N_("由支付宝退回原支付账户"),
    PaymentWay.WECHAT: N_("由微信退回原支付账户"),
    PaymentWay.TRANSFER: N_("由银行退回原付款账户"),
    PaymentWay.ON_THE_SPOT: N_("在窗口退还"),
}


async def index(visit: Visit) -> Response:
    asked, number = visit.query("standing"), visit.page()
    standing = Standing(asked) if asked in set(Standing) else None
    async with visit.site.engine.connect() as connection:
        found, count = await by_hand.found(connection, standing, number)
        verdict = await checking.check(connection)
    return room(
        visit,
        "certificates.html",
        found=[_row(visit, one) for one in found],
        standing=asked if standing else "",
        standings=[("", visit.text(N_("要处理的")))]
        + [(str(one), visit.text(word)) for one, word in STANDINGS.items()],
        number=number,
        pages=pages_of(count, by_hand.PAGE),
        sound=verdict.sound,
        verdict=verdict,
    )


def _row(visit: Visit, one: by_hand.Listed) -> dict[str, Any]:
    receipt = one.receipt
    return {
        "receipt": receipt,
        "payer": one.payer,
        "account": one.account,
        "way": visit.text(PAYMENTS[receipt.source]),
        "standing": visit.text(STANDINGS[receipt.standing]),
        "returnable": receipt.standing in BY_HAND and receipt.left > 0,
    }


async def receipt(visit: Visit) -> Response:
    return await _receipt(visit)


async def _receipt(visit: Visit, *, fault: str = "", status: int = 200) -> Response:
    """One payment: what it is, and what can be done with it; with what was typed when it did not go."""
    id_ = number_in(visit, "receipt")
    async with visit.site.engine.connect() as connection:
        found = await by_hand.listed(connection, id_)
        if found is None:
            raise HTTPException(404)
        one = found.receipt
        order = await read(connection, one.order_number) if one.order_number else None
        missing = await missing_of(connection, order) if order else 0
        gone = await refunds.of_receipt(connection, id_)
    proposals = await proposals_on(visit.site).about(About(receipt=id_))
    return room(
        visit,
        "certificate_receipt.html",
        status,
        receipt=one,
        payer=found.payer,
        payer_account=found.account,
        way=visit.text(PAYMENTS[one.source]),
        standing=visit.text(STANDINGS[one.standing]),
        returnable=one.standing in BY_HAND and one.left > 0,
        meaning=visit.text(MEANINGS[one.standing]) if one.standing in MEANINGS and one.left else "",
        order=order,
        order_state=visit.text(STATES[order.state]) if order else "",
        missing=max(0, missing),
        refunds=[(each, visit.text(REFUNDS[each.state])) for each in gone],
        proposals=proposals,
        waiting=any(each.state is ProposalState.OPEN for each in proposals),
        assignable=one.standing in assigning.ASSIGNABLE and not one.returned,
        fault=fault,
        typed=visit.form,
    )


async def give_back(visit: Visit) -> Response:
    site = visit.site
    work = by_hand.give_back(
        site.engine,
        number_in(visit, "receipt"),
        version_in(visit),
        visit.form.get("return_reason", ""),
        by=by(visit),
        now=site.clock(),
    )
    return await _done(visit, work, N_("已列入待退款，按原路退回。"))


async def assign(visit: Visit) -> Response:
    site = visit.site
    work = assigning.propose_receipt(
        site.engine,
        number_in(visit, "receipt"),
        version_in(visit),
        visit.form.get("order", ""),
        visit.form.get("reason", ""),
        by=by(visit),
        now=site.clock(),
    )
    return await _done(visit, work, N_("已提交，请另一位财务人员复核。"))


async def _done(visit: Visit, work: Awaitable[Any], said: str) -> Response:
    try:
        await work
    except CannotDo as refused:
        fault = visit.text(OBSTACLES[refused.obstacle])
        return await _receipt(visit, fault=fault, status=409)
    return visit.done(f"{HERE}/receipts/{number_in(visit, 'receipt')}", visit.text(said))


# ── refunds ─────────────────────────────────────────────────────────────────────────────────────────────────


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
        most=refunds.MOST_ATTEMPTS,
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
    work = {"again": refunds.again, "handed_back": refunds.handed_back}[act]
    try:
        async with visit.site.engine.begin() as connection:
            await work(connection, id_, version, now)
            await record_act(connection, by(visit), f"payment.refund_{act}", str(id_), {}, now)
    except WrongState:
        return visit.refused(f"{REFUNDS_HERE}/{id_}", visit.text(OBSTACLES[Obstacle.OVERTAKEN]))
    return visit.done(f"{REFUNDS_HERE}/{id_}", visit.text(said))


# ── reconciliation ──────────────────────────────────────────────────────────────────────────────────────────


async def days(visit: Visit) -> Response:
    return await _days(visit, {})


async def _days(visit: Visit, errors: dict[str, str]) -> Response:
    number = visit.page()
    async with visit.site.engine.connect() as connection:
        found, count = await reconciling.latest(connection, number)
    yesterday = day_of(visit.site.clock()) - timedelta(days=1)
    return room(
        visit,
        "reconciliations.html",
        422 if errors else 200,
        found=[{"one": one, "way": visit.text(PAYMENTS[one.way])} for one in found],
        ways=[(str(way), visit.text(PAYMENTS[way])) for way in sorted(QR)],
        day=visit.form.get("day") or yesterday.isoformat(),
        way=visit.form.get("way", ""),
        number=number,
        pages=pages_of(count, reconciling.PAGE),
        errors=errors,
    )


async def reconcile(visit: Visit) -> Response:
    """With the file that was uploaded, or without one: the provider is asked for it."""
    way, site = visit.form.get("way", ""), visit.site
    day = day_in_form(visit)
    errors = {}
    if way not in QR:
        errors["way"] = visit.text(N_("请选择支付方式。"))
    if day is None:
        errors["day"] = visit.text(N_("请填写日期。"))
    if errors or day is None:
        return await _days(visit, errors)
    content = visit.files.get("file", b"")
    try:
        if not content:
            content = await provider_of(site).daily(PaymentWay(way), day)
        async with site.engine.begin() as connection:
            made = await reconciling.reconcile(
                connection, PaymentWay(way), day, content, by=by(visit), now=site.clock()
            )
    except ProviderAway:
        return await _days(visit, {"file": visit.text(AWAY)})
    except FileFault as fault:
        said = N_("文件读不出来：第 %(line)s 行不对。请上传支付机构给的日对账文件（CSV）。")
        return await _days(visit, {"file": visit.text(said) % {"line": fault.line}})
    return visit.redirect(f"{DAYS_HERE}/{made}")


def day_in_form(visit: Visit) -> date | None:
    """A date that was typed; None: none."""
    try:
        return date.fromisoformat(visit.form.get("day", "")[:10])
    except ValueError:
        return None


async def one_day(visit: Visit) -> Response:
    async with visit.site.engine.connect() as connection:
        found = await reconciling.one(connection, number_in(visit, "reconciliation"))
    if found is None:
        raise HTTPException(404)
    return room(
        visit,
        "reconciliation.html",
        one=found,
        way=visit.text(PAYMENTS[found.way]),
        rows=[
            {
                "d": each,
                "word": visit.text(DIFFERENCES[each.kind]),
                "line": visit.text(LINES[each.line]),
                "remedy": visit.text(REMEDIES.get((each.kind, each.line), ASK_THEM)),
            }
            for each in found.differences
        ],
        takeable=any(
            each.kind is DifferenceKind.ONLY_THEIRS and each.line == "payment" for each in found.differences
        ),
        most=reconciling.MOST_DIFFERENCES,
    )


async def take_missing(visit: Visit) -> Response:
    """What the provider has and we do not: as if it had told us."""
    site, id_ = visit.site, number_in(visit, "reconciliation")
    async with site.engine.begin() as connection:
        found = await reconciling.one(connection, id_)
        if found is None:
            raise HTTPException(404)
        taken, conflicts = await reconciling.take_missing(connection, site.marks, found, site.clock())
        facts = {"taken": taken, "conflicts": conflicts}
        await record_act(connection, by(visit), "payment.take_missing", str(id_), facts, site.clock())
    said = visit.text(N_("已补记 %(count)s 笔来款。请再对一次账。")) % {"count": taken}
    return visit.done(f"{DAYS_HERE}/{id_}", said)


async def daily_file(visit: Visit) -> Response:
    """The provider's own file of a day."""
    way, day = visit.query("way"), day_in(visit, "day")
    if way not in QR or day is None:
        raise HTTPException(404)
    try:
        content = await provider_of(visit.site).daily(PaymentWay(way), day)
    except ProviderAway as away:
        raise HTTPException(503) from away
    return download(content, f"{way}-{day}.csv", "text/csv; charset=utf-8")
