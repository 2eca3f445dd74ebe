"""我的交易: one's own registrations, and the lots on which one holds a paddle."""

from collections.abc import Mapping, Sequence
from typing import Final

from starlette.responses import Response

from trading.deposits.deposits import Deposit, Deposits
from trading.registrations.registrations import Registrations
from trading.registrations.states import ENDED
from web import lot_search
from web.lot_search import ShownLot
from web.lots import now_ms
from web.pages import page
from web.registrations.words import ANSWERS, KINDS_OF_STATES, NEXT, STATES
from web.visits import Visit

PAGE: Final = 20


async def trades(visit: Visit) -> Response:
    assert visit.signed_in is not None
    account = visit.signed_in.account_id
    held = await visit.site.sealed.lots_of(account)
    lots = await lot_search.several(visit.site.engine, held)
    ordered = sorted(lots, key=lambda lot: _place(lot, held))
    mine = await Registrations(visit.site.engine, visit.site.sealed).everything_of(account)
    known = {lot.id for lot in lots}
    waiting = [(facts, lot) for facts, lot in mine if lot.lot not in known or facts.state in ENDED]
    pages = max(1, -(-len(waiting) // PAGE))
    number = min(visit.page(), pages)
    shown = waiting[(number - 1) * PAGE : number * PAGE]
    return page(
        visit,
        "trades.html",
        lots=ordered if number == 1 else [],
        held=held,
        now=now_ms(),
        registrations=shown,
        deposits=await _deposits(visit, [facts.registration for facts, _ in shown]),
        registration_of={lot.lot: facts.registration for facts, lot in mine if facts.state not in ENDED},
        state_words={state: visit.text(text) for state, text in STATES.items()},
        state_kinds=KINDS_OF_STATES,
        next_words={state: visit.text(text) for state, text in NEXT.items()},
        open_now={lot.lot for _, lot in shown if lot.is_open(visit.site.clock())},
        invitations=await visit.site.sealed.invitations(account) if number == 1 else [],
        answer_words={answer: visit.text(text) for answer, text in ANSWERS.items()},
        number=number,
        pages=pages,
    )


async def _deposits(visit: Visit, registrations: Sequence[str]) -> dict[str, Deposit]:
    """Of the registrations that have a sub-account."""
    deposits = Deposits(visit.site.engine, visit.site.sealed)
    found = {name: await deposits.of_registration(name) for name in registrations}
    return {name: deposit for name, deposit in found.items() if deposit is not None}


def _place(lot: ShownLot, held: Mapping[str, tuple[str, int]]) -> tuple[int, int, str]:
    """Won lots first, then those in progress, what opens next, and what has ended, the newest first."""
    if lot.sold and lot.winner == held[lot.id][0]:
        return 0, -(lot.closed_at or 0), lot.id
    if lot.live:
        return 1, -lot.opens_at, lot.id
    return (3, -(lot.closed_at or 0), lot.id) if lot.ended else (2, lot.opens_at, lot.id)
