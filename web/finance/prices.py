"""Prices of sold lots as finance sees them: what is to be paid, what came, and the payout to the transferor.

After the award it is public who won, so the lot stands here.
"""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.banking.journal import PAGE
from trading.deposits import fees, prices, search
from trading.deposits.prices import NoPriceAccount, NotPaid, Payee
from trading.deposits.refunds import Refunds
from trading.deposits.states import RefundKind
from web.finance.rooms import by, pages_of, room
from web.languages import N_
from web.visits import Visit


async def index(visit: Visit) -> Response:
    number = visit.page()
    found, count = await prices.page_of_accounts(visit.site.engine, number)
    return room(visit, "prices.html", found=found, number=number, pages=pages_of(count, PAGE))


async def show(visit: Visit) -> Response:
    """One account of the lot, and the others beside it. Without a number: the one that stands."""
    lot, number = visit.param("lot"), visit.query("account")
    accounts = await prices.all_of(visit.site.engine, lot)
    found = next((each for each in accounts if number in ("", each.number)), None)
    if found is None:
        raise HTTPException(404)
    refunds = await Refunds(visit.site.engine).of_account(found.number)
    return room(
        visit,
        "price.html",
        row=found,
        covered=found.covered(),
        others=[each for each in accounts if each.number != found.number],
        moneys=await search.transactions_of(visit.site.engine, found.number),
        refunds=refunds,
        invoices=await fees.invoices_of_lot(visit.site.engine, lot),
        paid_out=any(each.kind is RefundKind.PAYOUT for each in refunds),
    )


async def pay_out(visit: Visit) -> Response:
    """To the transferor, once. The account comes with four eyes, on the page of the payout."""
    lot = visit.param("lot")
    here = f"/finance/prices/{lot}"
    transferor = await prices.transferor_of(visit.site.engine, lot)
    try:
        async with visit.site.engine.begin() as connection:
            payout = await prices.pay_out(
                connection, lot, Payee(transferor, "", ""), now=visit.site.clock(), by=by(visit)
            )
    except NoPriceAccount as unknown:
        raise HTTPException(404) from unknown
    except NotPaid:
        return visit.refused(here, visit.text(N_("价款还没有付清，或者已经列入划转。")))
    said = N_("已列入划转。请在这里填写转让方的收款账户，由另一位财务人员复核后进入批次。")
    return visit.done(f"/finance/refunds/{payout}", visit.text(said))
