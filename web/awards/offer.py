"""A lot, offered to the holder of a priority right or to the next bidder: take it or decline, in time."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from trading.awards.awards import NotStanding
from trading.awards.offers import Offers
from trading.awards.outcome import LedgerUnfit
from trading.awards.records import Answer, Offer, Source
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
        open=open_ and sale.listing.state in (LotState.PRIORITY_OFFER, LotState.NEXT_OFFER),
        by_right=mine.source is Source.PRIORITY,
        answer=visit.text(_word(mine)),
        taken=mine.answer is Answer.TAKEN,
        errors={},
    )


def _word(mine: Offer) -> str:
    """A right is given up; who is asked as the next bidder has none to give up."""
    if mine.answer is Answer.DECLINED and mine.source is Source.NEXT_BIDDER:
        return N_("不接受")
    return ANSWERS[mine.answer]


async def answer(visit: Visit) -> Response:
    sale = await sale_named(visit)
    mine = await _mine(visit, sale.lot)
    here = f"/sales/{sale.lot}/offer"
    said = visit.form.get("answer", "")
    if said not in ("take", "decline"):
        return visit.refused(here, visit.text(N_("请选择接受或者放弃。")), 422)
    if said == "take" and visit.form.get("price") != str(int(mine.price)):
        return visit.refused(here, visit.text(STALE))
    offers = Offers(visit.site.engine, visit.site.sealed)
    try:
        await offers.answer(sale.lot, account_of(visit), takes=said == "take", now=visit.site.clock())
    except NotStanding:
        return visit.refused(here, visit.text(N_("答复没有被接受：已经答复过，或者期限已过。")))
    except (NotAllowed, LedgerUnfit):
        return visit.refused(here, visit.text(NOT_NOW))
    by_right = mine.source is Source.PRIORITY
    declined = N_("已放弃优先购买权。") if by_right else N_("已答复：不受让。您不需要再做什么。")
    done = N_("已接受。接下来由平台进行资格审查。") if said == "take" else declined
    return visit.done(here, visit.text(done))


async def _mine(visit: Visit, lot: str) -> Offer:
    """The visitor's own offer, the latest; 404 for everybody else: nobody learns who is asked."""
    offers = await Offers(visit.site.engine, visit.site.sealed).offers_of(lot)
    mine = [one for one in offers if one.account_id == account_of(visit)]
    if not mine:
        raise HTTPException(404)
    return mine[-1]
