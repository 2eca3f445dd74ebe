"""Sub-accounts as finance sees them: payer, amount, state. Never the lot."""

from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response

from trading.deposits import search
from trading.deposits.refunds import Refunds
from trading.deposits.states import DepositState
from trading.working_days import calendar_of
from web.finance.rooms import room
from web.visits import Visit


async def index(visit: Visit) -> Response:
    asked, words = visit.query("state"), visit.query("q", 60).replace("\0", "")
    state = DepositState(asked) if asked in set(DepositState) else None
    found = await search.sub_accounts(visit.site.engine, state, words, visit.page())
    kept = {"state": state.value if state else "", "q": words}
    address = f"/finance/deposits?{urlencode({k: v for k, v in kept.items() if v})}&page="
    return room(visit, "deposits.html", found=found, state=state, words=words, address=address)


async def show(visit: Visit) -> Response:
    number = visit.param("number")
    found = await search.sub_account(visit.site.engine, number)
    if found is None:
        raise HTTPException(404)
    async with visit.site.engine.connect() as connection:
        calendar = await calendar_of(connection)
    refund_by = calendar.add(found.decided_on, found.refund_days) if found.decided_on else None
    moneys = await search.transactions_of(visit.site.engine, number)
    return room(
        visit,
        "deposit.html",
        row=found,
        moneys=moneys,
        received=sum(money.left for money in moneys),
        refunds=await Refunds(visit.site.engine).of_account(number),
        refund_by=refund_by,
    )
