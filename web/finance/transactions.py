"""Transactions of the banks: found, looked at, and what is done by hand with those that did not find their
way."""

from collections.abc import Awaitable
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.banking.banks import banks
from trading.deposits import search
from trading.deposits.by_hand import ASSIGNABLE, PAGE, RETURNABLE, ByHand, CannotDo, ProposalState
from trading.deposits.planning import AlreadyReturned
from trading.deposits.search import Wanted
from trading.deposits.states import MoneyStanding
from web.finance.rooms import by, day_in, number_in, pages_of, room, version_in
from web.finance.words import OBSTACLES
from web.languages import N_
from web.visits import Visit

HERE = "/finance/transactions"


async def index(visit: Visit) -> Response:
    wanted = _wanted(visit)
    found = await search.transactions(visit.site.engine, wanted)
    return room(visit, "transactions.html", wanted=wanted, found=found, address=_address(visit))


def _wanted(visit: Visit) -> Wanted:
    asked = visit.query("standing")
    return Wanted(
        bank=visit.query("bank") if visit.query("bank") in banks() else "",
        standing=MoneyStanding(asked) if asked in set(MoneyStanding) else None,
        problems=asked == "problems",
        words=visit.query("q", 60).replace("\0", ""),
        since=day_in(visit, "since"),
        until=day_in(visit, "until"),
        page=visit.page(),
    )


def _address(visit: Visit) -> str:
    """This search, for the links to its other pages."""
    kept = {name: visit.query(name, 60) for name in ("standing", "bank", "q", "since", "until")}
    return f"{HERE}?{urlencode({name: text for name, text in kept.items() if text})}&page="


async def show(visit: Visit) -> Response:
    return await _shown(visit, number_in(visit, "transaction"))


async def _shown(
    visit: Visit, transaction_id: int, *, fault: str = "", form: str = "", status: int = 200
) -> Response:
    """With what can be done, and what was typed in when it did not go."""
    found = await search.transaction(visit.site.engine, transaction_id)
    if found is None:
        raise HTTPException(404)
    proposals = await ByHand(visit.site.engine).proposals_about(transaction=transaction_id)
    account = await search.sub_account(visit.site.engine, found.account) if found.account else None
    over = account is not None and account.state == "overpaid"
    returnable = found.standing in RETURNABLE and (found.standing is not MoneyStanding.COUNTED or over)
    return room(
        visit,
        "transaction.html",
        status,
        row=found,
        account_row=account,
        proposals=proposals,
        waiting=any(each.state is ProposalState.OPEN for each in proposals),
        returnable=returnable,
        assignable=found.standing in ASSIGNABLE and not found.returned,
        acceptable=found.standing is MoneyStanding.FOREIGN,
        fault=fault,
        form=form,
        typed=visit.form,
    )


async def give_back(visit: Visit) -> Response:
    id_ = number_in(visit, "transaction")
    work = ByHand(visit.site.engine).give_back(
        id_, version_in(visit), visit.form.get("reason", ""), by=by(visit), now=visit.site.clock()
    )
    return await _done(visit, id_, "return", work, N_("已列入待退款，按原付款账户退回。"))


async def assign(visit: Visit) -> Response:
    id_ = number_in(visit, "transaction")
    work = ByHand(visit.site.engine).propose_assigning(
        id_,
        version_in(visit),
        visit.form.get("account", "")[:40],
        visit.form.get("reason", ""),
        by=by(visit),
        now=visit.site.clock(),
    )
    return await _done(visit, id_, "assign", work, N_("已提交，请另一位财务人员复核。"))


async def accept(visit: Visit) -> Response:
    id_ = number_in(visit, "transaction")
    work = ByHand(visit.site.engine).propose_accepting(
        id_, version_in(visit), visit.form.get("reason", ""), by=by(visit), now=visit.site.clock()
    )
    return await _done(visit, id_, "accept", work, N_("已提交，请另一位财务人员复核。"))


async def _done(visit: Visit, id_: int, form: str, work: Awaitable[Any], said: str) -> Response:
    if await search.transaction(visit.site.engine, id_) is None:
        work.close()  # type: ignore[attr-defined]
        raise HTTPException(404)
    try:
        await work
    except CannotDo as refused:
        fault = visit.text(OBSTACLES[refused.obstacle])
    except AlreadyReturned:
        fault = visit.text(OBSTACLES["overtaken"])
    else:
        return visit.done(f"{HERE}/{id_}", visit.text(said))
    if visit.wants_json:
        return visit.refused(HERE, fault)
    return await _shown(visit, id_, fault=fault, form=form, status=409)


# four eyes


async def proposals(visit: Visit) -> Response:
    number, only_open = visit.page(), visit.query("all") != "1"
    found, count = await ByHand(visit.site.engine).proposals(number, only_open=only_open)
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
    back = "/finance/proposals"
    try:
        state = await ByHand(visit.site.engine).decide(
            number_in(visit, "proposal"), agreed, by=by(visit), now=visit.site.clock()
        )
    except CannotDo as refused:
        return visit.refused(back, visit.text(OBSTACLES[refused.obstacle]))
    said = {
        ProposalState.AGREED: N_("已同意，并已生效。"),
        ProposalState.REFUSED: N_("已标为未同意。"),
        ProposalState.WITHDRAWN: N_("已撤回。"),
    }
    return visit.done(back, visit.text(said[state]))
