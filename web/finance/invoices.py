"""Invoices of the transaction service fee: the list, one with what took it back and what replaced it, its
correction, and the PDF for finance and for whoever paid."""

import asyncio
from collections.abc import Mapping
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from trading.deposits import fees
from trading.deposits.corrections import (
    LONGEST_NAME,
    LONGEST_REASON,
    LONGEST_TITLE,
    Correction,
    NotCorrected,
    Obstacle,
    correct,
)
from web.awards.access import Part, seen
from web.finance.rooms import by, download, pages_of, room
from web.languages import N_
from web.visits import Visit

HERE: Final = "/finance/invoices"
DEMO_NOTICE: Final = "演示环境生成，不是真实发票，没有法律效力"
OBSTACLES: Final[Mapping[Obstacle, tuple[str, str]]] = {
    Obstacle.NO_REASON: ("reason", N_("请写明为什么要冲红重开，最多 200 个字。")),
    Obstacle.NO_PAYER: ("payer_name", N_("请填写付款人的全称。")),
    Obstacle.TOO_LONG: ("reason", N_("文字太长了，请缩短。")),
    Obstacle.NOTHING_CHANGED: ("payer_name", N_("付款人和标的名称都和原发票一样，不用冲红。")),
    Obstacle.OVERTAKEN: ("", N_("这张发票已经冲红，不能再冲一次。请打开重开的发票查看。")),
    Obstacle.TOO_OFTEN: ("", N_("这个标的的发票已经重开了很多次，不能再开。请联系平台技术人员。")),
}
"""{obstacle: (field it belongs to, words)}."""


async def index(visit: Visit) -> Response:
    number = visit.page()
    found, count = await fees.invoices(visit.site.engine, number)
    return room(visit, "invoices.html", found=found, number=number, pages=pages_of(count, fees.PAGE))


async def show(visit: Visit) -> Response:
    return await _shown(visit, await _named(visit))


async def _shown(
    visit: Visit, invoice: fees.Invoice, errors: dict[str, str] | None = None, status: int = 200
) -> Response:
    """With the form for its correction, as it was typed when it did not go."""
    shown = {"payer_name": invoice.payer_name, "title": invoice.title, "reason": ""}
    return room(
        visit,
        "invoice.html",
        status,
        row=invoice,
        related=await fees.invoices_of_lot(visit.site.engine, invoice.lot),
        typed={name: visit.form.get(name, value) for name, value in shown.items()},
        longest={"payer_name": LONGEST_NAME, "title": LONGEST_TITLE, "reason": LONGEST_REASON},
        errors=errors or {},
    )


async def reissue(visit: Visit) -> Response:
    """Take it back and issue another; the page of the other one says so."""
    invoice = await _named(visit)
    typed = {name: visit.form.get(name, "") for name in ("payer_name", "title", "reason")}
    if visit.form.get("sure") != "1":
        said = {"sure": visit.text(N_("请核对后打勾确认：冲红以后不能撤销。"))}
        return await _shown(visit, invoice, said, 422)
    try:
        made = await correct(
            visit.site.engine, invoice.number, Correction(**typed), by=by(visit), now=visit.site.clock()
        )
    except LookupError as unknown:
        raise HTTPException(404) from unknown
    except NotCorrected as refused:
        field, said_ = OBSTACLES[refused.obstacle]
        if not field:
            return visit.refused(f"{HERE}/{invoice.number}", visit.text(said_))
        return await _shown(visit, invoice, {field: visit.text(said_)}, 422)
    told = N_("原发票 %(old)s 已冲红，重开的是这一张。")
    return visit.done(f"{HERE}/{made.number}", visit.text(told) % {"old": invoice.number})


async def pdf(visit: Visit) -> Response:
    return await _as_pdf(visit, await _named(visit))


async def pdf_of_sale(visit: Visit) -> Response:
    """For who bought, and for who watches: each invoice of the lot, those that were taken back too."""
    it = await seen(visit, Part.TRANSFEREE, Part.OVERSEER)
    invoice = await _named(visit)
    if invoice.lot != it.lot:
        raise HTTPException(404)
    return await _as_pdf(visit, invoice)


async def _named(visit: Visit) -> fees.Invoice:
    async with visit.site.engine.connect() as connection:
        found = await fees.invoice_called(connection, visit.param("number")[:40])
    if found is None:
        raise HTTPException(404)
    return found


async def _as_pdf(visit: Visit, invoice: fees.Invoice) -> Response:
    seller = visit.site.settings.platform_name
    notice = DEMO_NOTICE if visit.site.settings.demo else ""
    content = await asyncio.to_thread(fees.render, invoice, seller=seller, notice=notice)
    return download(content, f"{invoice.number}.pdf", "application/pdf")
