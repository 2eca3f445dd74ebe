"""The reconciliation with payment providers, for finance: day by day, and what is taken from a file."""

from dataclasses import asdict
from datetime import date, timedelta
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue.scope import QR, PaymentWay
from certificates.payments import reconciling
from certificates.payments.port import ProviderAway
from certificates.payments.reconciling import DifferenceKind, FileFault
from office.banking.recording import record_act
from office.working_days import day_of
from web.certificates.order_words import PAYMENTS
from web.certificates.pay import AWAY, provider_of
from web.certificates.pay_words import (
    ASK_THEM,
    DIFFERENCES,
    LINES,
    REMEDIES,
)
from web.finance.rooms import by, day_in, day_of_text, download, number_in, pages_of, room
from web.languages import N_
from web.visits import Visit

HERE: Final = "/finance/certificates/reconciliation"


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
            content = await reconciling.daily_of(provider_of(site), PaymentWay(way), day)
        async with site.engine.begin() as connection:
            made = await reconciling.reconcile(
                connection, PaymentWay(way), day, content, by=by(visit), now=site.clock()
            )
    except ProviderAway:
        return await _days(visit, {"file": visit.text(AWAY)})
    except FileFault as fault:
        said = N_("文件读不出来：第 %(line)s 行不对。请上传支付机构给的日对账文件（CSV）。")
        return await _days(visit, {"file": visit.text(said) % {"line": fault.line}})
    return visit.redirect(f"{HERE}/{made}")


def day_in_form(visit: Visit) -> date | None:
    """A date that was typed; None: none."""
    return day_of_text(visit.form.get("day", "")[:10])


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
    """What the provider has and we do not: as if it had told us. It is asked for its own file again: nobody
    makes an order paid with a file of theirs."""
    site, id_ = visit.site, number_in(visit, "reconciliation")
    async with site.engine.connect() as connection:
        found = await reconciling.one(connection, id_)
    if found is None:
        raise HTTPException(404)
    here = f"{HERE}/{id_}"
    try:
        own = await reconciling.daily_of(provider_of(site), found.way, found.day)
        async with site.engine.begin() as connection:
            done = await reconciling.take_missing(connection, site.marks, found, own, site.clock())
            await record_act(
                connection, by(visit), "payment.take_missing", str(id_), asdict(done), site.clock()
            )
    except (ProviderAway, FileFault):
        said = N_("支付机构没有给出这一天的对账文件，所以没有补记。请过一会儿再试。")
        return visit.refused(here, visit.text(said), 503)
    if done.unconfirmed:
        said = N_(
            "已补记 %(count)s 笔来款。另有 %(wrong)s 笔，支付机构自己的对账文件里没有或者不一样，没有补记："
            "请与支付机构核对。"
        )
        return visit.refused(here, visit.text(said) % {"count": done.taken, "wrong": done.unconfirmed})
    return visit.done(here, visit.text(N_("已补记 %(count)s 笔来款。请再对一次账。")) % {"count": done.taken})


async def daily_file(visit: Visit) -> Response:
    """The provider's own file of a day."""
    way, day = visit.query("way"), day_in(visit, "day")
    if way not in QR or day is None:
        raise HTTPException(404)
    try:
        content = await reconciling.daily_of(provider_of(visit.site), PaymentWay(way), day)
    except ProviderAway as away:
        raise HTTPException(503) from away
    return download(content, f"{way}-{day}.csv", "text/csv; charset=utf-8")
