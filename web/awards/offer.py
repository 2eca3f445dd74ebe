"""The final price, offered to the holder of a priority right: take it or decline, until the deadline."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from trading.awards.awards import NotStanding
from trading.awards.offers import Offers
from trading.awards.outcome import LedgerUnfit
from trading.awards.records import Answer, Offer
from trading.lifecycle.performing import NotAllowed
from trading.lifecycle.states import LotState
from web.awards.access import account_of, sale_named
from web.awards.words import ANSWERS, NOT_NOW, STALE
from web.languages import N_
from web.pages import page
from web.visits import Visit


async def form(visit: Visit) -> Response:
    """What is offered, and by when to answer."""
    sale = await sale_named(visit)
    mine = await _mine(visit, sale.lot)
    open_ = mine.answer is Answer.ASKED and mine.due_at > visit.site.clock()
    return page(
        visit,
        "awards/offer.html",
        sale=sale,
        listing=sale.listing,
        offer=mine,
        open=open_ and sale.listing.state is LotState.PRIORITY_OFFER,
        answer=visit.text(ANSWERS[mine.answer]),
        errors={},
    )


async def answer(visit: Visit) -> Response:
    sale = await sale_named(visit)
    await _mine(visit, sale.lot)
    here = f"/sales/{sale.lot}/offer"
    said = visit.form.get("answer", "")
    if said not in ("take", "decline"):
        return visit.refused(here, visit.text(N_("请选择接受或者放弃。")), 422)
    if said == "take" and visit.form.get("price") != str(int((await _mine(visit, sale.lot)).price)):
        return visit.refused(here, visit.text(STALE))
    offers = Offers(visit.site.engine, visit.site.sealed)
    try:
        await offers.answer(sale.lot, account_of(visit), takes=said == "take", now=visit.site.clock())
    except NotStanding:
        return visit.refused(here, visit.text(N_("答复没有被接受：已经答复过，或者期限已过。")))
    except (NotAllowed, LedgerUnfit):
        return visit.refused(here, visit.text(NOT_NOW))
    done = N_("已接受最终价格。接下来由平台进行资格审查。") if said == "take" else N_("已放弃优先购买权。")
    return visit.done(here, visit.text(done))


async def _mine(visit: Visit, lot: str) -> Offer:
    """The visitor's own offer; 404 for everybody else: nobody learns who is asked."""
    offers = await Offers(visit.site.engine, visit.site.sealed).offers_of(lot)
    mine = next((one for one in offers if one.account_id == account_of(visit)), None)
    if mine is None:
        raise HTTPException(404)
    return mine
