"""What an administrator does when a sale does not go on: declare a default; have a paper made again."""

from starlette.responses import Response

from trading.awards.awards import Awards, NotStanding
from trading.awards.papers import make_again
from trading.awards.records import LONGEST_REASON, AwardState
from trading.deposits.prices import AlreadyPaid
from trading.lifecycle.performing import Lacks, NotAllowed
from trading.lifecycle.states import LotState
from trading.sale_states import Paper
from web.awards.access import Part, Seen, account_of, number_in, seen, written
from web.awards.words import NO_REASON, NOT_NOW, STALE
from web.languages import N_
from web.pages import page
from web.visits import Visit

BY_PLATFORM = (Paper.CONFIRMATION, Paper.AWARD, Paper.CERTIFICATE)


async def form(visit: Visit) -> Response:
    return _page(visit, await seen(visit, Part.OVERSEER), {})


def _page(visit: Visit, it: Seen, errors: dict[str, str], status: int = 200) -> Response:
    award = it.sale.award
    can = it.state in (LotState.CONFIRMATION, LotState.CONTRACT, LotState.PAYMENT)
    due = it.sale.listing.due_at
    return page(
        visit,
        "awards/default.html",
        status,
        it=it,
        listing=it.sale.listing,
        award=award,
        goes_on=it.sale.rules.offer_to_next_after_refusal,
        open=can and award is not None and award.state is AwardState.AWARDED,
        due=due,
        over=due is not None and due <= visit.site.clock(),
        reason=visit.form.get("reason", ""),
        errors=errors,
    )


async def declare(visit: Visit) -> Response:
    """The winner withdrew, did not seal or did not pay: the deposit is kept, the lot goes on or is unsold."""
    it = await seen(visit, Part.OVERSEER)
    reason = written(visit, "reason")
    errors: dict[str, str] = {}
    if not 0 < len(reason) <= LONGEST_REASON:
        errors["reason"] = visit.text(NO_REASON)
    if visit.form.get("sure") != "1":
        errors["sure"] = visit.text(N_("请打勾确认。"))
    if errors:
        return _page(visit, it, errors, 422)
    awards = Awards(visit.site.engine, visit.site.sealed)
    here = f"/sales/{it.lot}"
    try:
        after = await awards.default(
            it.lot, number_in(visit, "award"), reason, by=account_of(visit), now=visit.site.clock()
        )
    except NotStanding:
        return visit.refused(here, visit.text(STALE))
    except AlreadyPaid:
        return visit.refused(here, visit.text(N_("价款已经付清，不能再认定违约。")))
    except (NotAllowed, Lacks):
        return visit.refused(here, visit.text(NOT_NOW))
    done = (
        N_("已认定违约。保证金不予退还，接着征询下一位报价人。")
        if after is LotState.REVIEW
        else N_("已认定违约。保证金不予退还，标的未成交。")
    )
    return visit.done(here, visit.text(done))


async def again(visit: Visit) -> Response:
    """A paper of the platform that was ended is made again."""
    it = await seen(visit, Part.OVERSEER)
    here = f"/sales/{it.lot}"
    asked = visit.form.get("paper", "")
    if asked not in {one.value for one in BY_PLATFORM}:
        return visit.refused(here, visit.text(STALE), 422)
    async with visit.site.engine.begin() as connection:
        done = await make_again(connection, it.lot, Paper(asked))
    if not done:
        return visit.refused(here, visit.text(STALE))
    return visit.done(here, visit.text(N_("已安排重新制作，通常只要几秒。")))
