"""我的交易: one's own registrations, and the lots on which one holds a paddle."""

from collections.abc import Mapping, Sequence
from typing import Final

from starlette.responses import Response

from office.sealed.port import MOST_REGISTRATIONS, Affairs
from trading.awards.records import AwardRecords
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
    """One call of the sealed process, and one query for each table, however many there are.

    `skip`: of somebody with more registrations than one answer holds, so many of the newest are left out.
    """
    assert visit.signed_in is not None
    account, skip = visit.signed_in.account_id, _skip(visit)
    mine = await Registrations(visit.site.engine, visit.site.sealed).everything_of(account, skip)
    affairs, held = mine.affairs, mine.affairs.paddles
    lots = await lot_search.several(visit.site.engine, held) if held else ()
    known = {lot.id for lot in lots}
    waiting = [
        (facts, lot) for facts, lot in mine.registrations if lot.lot not in known or facts.state in ENDED
    ]
    pages = max(1, -(-len(waiting) // PAGE))
    number = min(visit.page(), pages)
    shown = waiting[(number - 1) * PAGE : number * PAGE]
    first = number == 1 and not skip
    return page(
        visit,
        "trades.html",
        lots=sorted(lots, key=lambda lot: _place(lot, held)) if first else [],
        held=held,
        turns=await AwardRecords(visit.site.engine).mine(account, known) if known else {},
        now=now_ms(),
        registrations=shown,
        deposits=await _deposits(visit, affairs, [facts.registration for facts, _ in shown]),
        registration_of={
            lot.lot: facts.registration for facts, lot in mine.registrations if facts.state not in ENDED
        },
        state_words={state: visit.text(text) for state, text in STATES.items()},
        state_kinds=KINDS_OF_STATES,
        next_words={state: visit.text(text) for state, text in NEXT.items()},
        open_now={lot.lot for _, lot in shown if lot.is_open(visit.site.clock())},
        invitations=affairs.invitations if first else [],
        answer_words={answer: visit.text(text) for answer, text in ANSWERS.items()},
        number=number,
        pages=pages,
        address=f"/my/trades?skip={skip}&page=" if skip else "/my/trades?page=",
        skip=skip,
        at_once=MOST_REGISTRATIONS,
        earlier=max(0, affairs.total - skip - MOST_REGISTRATIONS),
    )


def _skip(visit: Visit) -> int:
    """A multiple of what one answer holds; anything else is none."""
    asked = visit.query("skip", 7)
    skip = int(asked) if asked.isascii() and asked.isdigit() else 0
    return skip if skip % MOST_REGISTRATIONS == 0 else 0


async def _deposits(visit: Visit, affairs: Affairs, shown: Sequence[str]) -> dict[str, Deposit]:
    """Of the registrations that have a sub-account."""
    numbers = {name: affairs.sub_accounts[name] for name in shown if name in affairs.sub_accounts}
    if not numbers:
        return {}
    found = await Deposits(visit.site.engine, visit.site.sealed).of_sub_accounts(numbers.values())
    return {name: found[number] for name, number in numbers.items() if number in found}


def _place(lot: ShownLot, held: Mapping[str, tuple[str, int]]) -> tuple[int, int, str]:
    """Won lots first, then those in progress, what opens next, and what has ended, the newest first."""
    if lot.sold and lot.winner == held[lot.id][0]:
        return 0, -(lot.closed_at or 0), lot.id
    if lot.live:
        return 1, -lot.opens_at, lot.id
    return (3, -(lot.closed_at or 0), lot.id) if lot.ended else (2, lot.opens_at, lot.id)
