"""A bidder's own deposits: where to pay, what has come, what happens next. 我的交易, 保证金缴纳情况查询.

The own registrations come from the sealed process; nobody else's are ever asked for.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
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
    """The latest first. Registrations that have no sub-account yet are left out."""
    own = await visit.site.sealed.registrations_of(by(visit))
    number = min(visit.page(), pages_of(len(own), PAGE))
    shown = own[(number - 1) * PAGE : number * PAGE]
    async with visit.site.engine.connect() as connection:
        rows = await connection.execute(_LOTS, {"lots": [each.lot for each in shown]})
        lots = {row.lot: row for row in rows}
    deposits, found = Deposits(visit.site.engine, visit.site.sealed), list[OwnDeposit]()
    for each in shown:
        deposit = await deposits.of_registration(each.registration)
        if deposit is not None:
            lot = lots.get(each.lot)
            title, deadline = (lot.title, lot.deposit_ends) if lot else (each.lot, None)
            found.append(OwnDeposit(each.lot, title, deadline, deposit))
    return page(visit, "finance/my_deposits.html", found=found, number=number, pages=pages_of(len(own), PAGE))
