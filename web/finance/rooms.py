"""What all pages of finance share: the tabs, the words, and how ids and days come from an address."""

import re
from datetime import date
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.banking.banks import banks
from office.banking.signed import EARLIEST, LATEST
from web.finance.words import words_for
from web.languages import N_
from web.pages import page
from web.visits import Visit

TABS: Final[tuple[tuple[str, str], ...]] = (
    ("/finance", N_("总览")),
    ("/finance/statements", N_("对账单")),
    ("/finance/transactions", N_("银行流水")),
    ("/finance/deposits", N_("保证金")),
    ("/finance/proposals", N_("复核")),
    ("/finance/refunds", N_("退款")),
    ("/finance/prices", N_("价款")),
    ("/finance/journal", N_("总账")),
    ("/finance/invoices", N_("服务费发票")),
    ("/finance/certificates", N_("办证收款")),
)
_ID: Final = re.compile(r"[0-9]{1,15}")


def room(visit: Visit, template: str, status: int = 200, **context: Any) -> Response:
    """A page of finance, with its tabs."""
    here = visit.request.url.path
    current = max((href for href, _ in TABS if here == href or here.startswith(f"{href}/")), key=len)
    tabs = [{"href": href, "text": visit.text(name), "current": href == current} for href, name in TABS]
    return page(visit, f"finance/{template}", status, tabs=tabs, w=words_for(visit), banks=banks(), **context)


def number_in(visit: Visit, name: str) -> int:
    """An id in the address. Raises 404 for anything else."""
    written = visit.param(name)
    if not _ID.fullmatch(written):
        raise HTTPException(404)
    return int(written)


def version_in(visit: Visit) -> int:
    """The version that the page showed; nothing fits a form without one."""
    written = visit.form.get("version", "")
    return int(written) if _ID.fullmatch(written) else -1


def by(visit: Visit) -> int:
    assert visit.signed_in is not None
    return visit.signed_in.account_id


def day_in(visit: Visit, name: str) -> date | None:
    return day_of_text(visit.query(name, 10))


def day_of_text(written: str) -> date | None:
    """A day that money can have moved on; None: none."""
    try:
        day = date.fromisoformat(written)
    except ValueError:
        return None
    return day if EARLIEST <= day.year <= LATEST else None


def pages_of(count: int, size: int) -> int:
    return max(1, -(-count // size))


def download(content: bytes, name: str, media_type: str) -> Response:
    """A file to keep; its name is ours, in plain letters."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)
