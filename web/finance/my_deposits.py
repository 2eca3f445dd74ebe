"""A bidder's own deposits: where to pay, what has come, what happens next. 我的交易, 保证金缴纳情况查询.

The own registrations come from the sealed process; nobody else's are ever asked for.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from starlette.responses import Response

from trading.deposits.deposits import Deposit, Deposits
from web.finance.rooms import by, pages_of
from web.pages import page
from web.visits import Visit

PAGE: Final = 10
_LOTS: Final = text("SELECT lot, title, deposit_ends FROM listings WHERE lot = ANY(:lots)")


@dataclass(frozen=True, slots=True)
class OwnDeposit:
    """One deposit with its lot; `deadline` by the bank's value time."""

    lot: str
    title: str
    deadline: datetime | None
    deposit: Deposit


async def index(visit: Visit) -> Response:
    """The latest first: one call of the sealed process, one query for each table. Registrations that have no
    sub-account yet are left out."""
    affairs = await visit.site.sealed.affairs_of(by(visit))
    own = [each for each in affairs.registrations if each.registration in affairs.sub_accounts]
    number = min(visit.page(), pages_of(len(own), PAGE))
    shown = own[(number - 1) * PAGE : number * PAGE]
    numbers = [affairs.sub_accounts[each.registration] for each in shown]
    async with visit.site.engine.connect() as connection:
        rows = await connection.execute(_LOTS, {"lots": [each.lot for each in shown]})
        lots = {row.lot: row for row in rows}
    deposits = await Deposits(visit.site.engine, visit.site.sealed).of_sub_accounts(numbers)
    found = [
        _own(each.lot, lots.get(each.lot), deposits.get(number_))
        for each, number_ in zip(shown, numbers, strict=True)
    ]
    return page(
        visit,
        "finance/my_deposits.html",
        found=[each for each in found if each is not None],
        number=number,
        pages=pages_of(len(own), PAGE),
    )


def _own(lot: str, row: Row[Any] | None, deposit: Deposit | None) -> OwnDeposit | None:
    if deposit is None:
        return None
    title, deadline = (row.title, row.deposit_ends) if row else (lot, None)
    return OwnDeposit(lot, title, deadline, deposit)
