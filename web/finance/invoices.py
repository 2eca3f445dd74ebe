"""Invoices of the transaction service fee."""

import asyncio
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from trading.deposits import fees
from web.finance.rooms import download, pages_of, room
from web.visits import Visit

DEMO_NOTICE: Final = "演示环境生成，不是真实发票，没有法律效力"


async def index(visit: Visit) -> Response:
    number = visit.page()
    found, count = await fees.invoices(visit.site.engine, number)
    return room(visit, "invoices.html", found=found, number=number, pages=pages_of(count, fees.PAGE))


async def pdf(visit: Visit) -> Response:
    found = await fees.invoice_called(visit.site.engine, visit.param("number")[:40])
    if found is None:
        raise HTTPException(404)
    return await as_pdf(visit, found)


async def as_pdf(visit: Visit, invoice: fees.Invoice) -> Response:
    """For finance, and for whoever else may see this one."""
    seller = visit.site.settings.platform_name
    notice = DEMO_NOTICE if visit.site.settings.demo else ""
    content = await asyncio.to_thread(fees.render, invoice, seller=seller, notice=notice)
    return download(content, f"{invoice.number}.pdf", "application/pdf")
