"""Four eyes on pages: what was proposed about money, and the other person's word on it."""

from typing import Final

from starlette.responses import Response

from certificates.payments import assigning
from office.banking.proposals import PAGE, CannotDo, Proposals, ProposalState
from trading.deposits.by_hand import CARRIED_OUT
from web.finance.rooms import by, number_in, pages_of, room
from web.finance.words import OBSTACLES
from web.languages import N_
from web.site import Site
from web.visits import Visit

HERE: Final = "/finance/proposals"


def proposals_on(site: Site) -> Proposals:
    """With what is done when somebody agrees, whoever owns it."""
    return Proposals(site.engine, {**CARRIED_OUT, **assigning.carried_out(site.marks)})


async def index(visit: Visit) -> Response:
    number, only_open = visit.page(), visit.query("all") != "1"
    found, count = await proposals_on(visit.site).page(number, only_open=only_open)
    return room(
        visit,
        "proposals.html",
        found=found,
        number=number,
        pages=pages_of(count, PAGE),
        only_open=only_open,
        me=by(visit),
    )


async def decide(visit: Visit) -> Response:
    """Another person agrees or refuses; the one who asked takes it back."""
    agreed = visit.form.get("decision") == "agree"
    try:
        state = await proposals_on(visit.site).decide(
            number_in(visit, "proposal"), agreed, by=by(visit), now=visit.site.clock()
        )
    except CannotDo as refused:
        return visit.refused(HERE, visit.text(OBSTACLES[refused.obstacle]))
    said = {
        ProposalState.AGREED: N_("已同意，并已生效。"),
        ProposalState.REFUSED: N_("已标为未同意。"),
        ProposalState.WITHDRAWN: N_("已撤回。"),
    }
    return visit.done(HERE, visit.text(said[state]))
