"""Transactions of the banks: found, looked at, and what is done by hand with those that did not find their
way."""

from collections.abc import Awaitable
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.payments import assigning
from office.banking.banks import banks
from office.banking.proposals import About, CannotDo, ProposalState
from trading.deposits import search
from trading.deposits.by_hand import ASSIGNABLE, RETURNABLE, ByHand
from trading.deposits.planning import AlreadyReturned
from trading.deposits.search import Wanted
from trading.deposits.states import MoneyStanding
from web.finance.proposing import proposals_on
from web.finance.rooms import by, day_in, number_in, room, version_in
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
    proposals = await proposals_on(visit.site).about(About(transaction=transaction_id))
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
        for_order=found.standing is MoneyStanding.UNMATCHED and not found.returned,
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


async def assign_to_order(visit: Visit) -> Response:
    """To an order for certificate services: from then on it is money of orders."""
    id_ = number_in(visit, "transaction")
    work = assigning.propose_transaction(
        visit.site.engine,
        id_,
        version_in(visit),
        visit.form.get("order", ""),
        visit.form.get("order_reason", ""),
        by=by(visit),
        now=visit.site.clock(),
    )
    return await _done(visit, id_, "order", work, N_("已提交，请另一位财务人员复核。"))


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
