"""The price: where to pay, how much, by when, what has come. For both parties and for those who watch."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from trading.awards.payments import next_due, overdue
from trading.deposits import fees
from trading.lifecycle.states import LotState
from trading.working_days import day_of
from web.awards.access import Part, price_account, seen
from web.pages import page
from web.visits import Visit


async def show(visit: Visit) -> Response:
    it = await seen(visit)
    standing = await price_account(visit, it)
    if standing is None and it.state is not LotState.PAYMENT:
        raise HTTPException(404)
    today = day_of(visit.site.clock())
    amount, due_on = next_due(standing) if standing else (0, None)
    return page(
        visit,
        "awards/payment.html",
        it=it,
        part=it.part.value,
        listing=it.sale.listing,
        standing=standing,
        invoices=() if it.part is Part.TRANSFEROR else await fees.invoices_of_lot(visit.site.engine, it.lot),
        amount=amount,
        due_on=due_on,
        late=bool(standing and overdue(standing, today)),
        today=today,
        paying=it.state is LotState.PAYMENT,
        errors={},
    )
