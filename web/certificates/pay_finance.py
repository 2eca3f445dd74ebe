"""Money of orders, for finance: what has to be looked at, and what is done with it by hand."""

from collections.abc import Awaitable
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.orders.order import read
from certificates.payments import assigning, by_hand, checking, refunds
from certificates.payments.charges import missing_of
from certificates.payments.states import BY_HAND, Standing
from office.banking.proposals import About, CannotDo, ProposalState
from web.certificates.order_words import PAYMENTS, STATES
from web.certificates.pay_words import (
    MEANINGS,
    REFUNDS,
    STANDINGS,
)
from web.finance.proposing import proposals_on
from web.finance.rooms import by, number_in, pages_of, room, version_in
from web.finance.words import OBSTACLES
from web.languages import N_
from web.visits import Visit

HERE: Final = "/finance/certificates"


async def index(visit: Visit) -> Response:
    asked, number = visit.query("standing"), visit.page()
    standing = Standing(asked) if asked in set(Standing) else None
    async with visit.site.engine.connect() as connection:
        found, count = await by_hand.found(connection, standing, number)
        verdict = await checking.check(connection)
    return room(
        visit,
        "certificates.html",
        found=[_row(visit, one) for one in found],
        standing=asked if standing else "",
        standings=[("", visit.text(N_("要处理的")))]
        + [(str(one), visit.text(word)) for one, word in STANDINGS.items()],
        number=number,
        pages=pages_of(count, by_hand.PAGE),
        sound=verdict.sound,
        verdict=verdict,
    )


def _row(visit: Visit, one: by_hand.Listed) -> dict[str, Any]:
    receipt = one.receipt
    return {
        "receipt": receipt,
        "payer": one.payer,
        "account": one.account,
        "way": visit.text(PAYMENTS[receipt.source]),
        "standing": visit.text(STANDINGS[receipt.standing]),
        "returnable": receipt.standing in BY_HAND and receipt.left > 0,
    }


async def receipt(visit: Visit) -> Response:
    return await _receipt(visit)


async def _receipt(visit: Visit, *, fault: str = "", status: int = 200) -> Response:
    """One payment: what it is, and what can be done with it; with what was typed when it did not go."""
    id_ = number_in(visit, "receipt")
    async with visit.site.engine.connect() as connection:
        found = await by_hand.listed(connection, id_)
        if found is None:
            raise HTTPException(404)
        one = found.receipt
        order = await read(connection, one.order_number) if one.order_number else None
        missing = await missing_of(connection, order) if order else 0
        gone = await refunds.of_receipt(connection, id_)
    proposals = await proposals_on(visit.site).about(About(receipt=id_))
    return room(
        visit,
        "certificate_receipt.html",
        status,
        receipt=one,
        payer=found.payer,
        payer_account=found.account,
        way=visit.text(PAYMENTS[one.source]),
        standing=visit.text(STANDINGS[one.standing]),
        returnable=one.standing in BY_HAND and one.left > 0,
        meaning=visit.text(MEANINGS[one.standing]) if one.standing in MEANINGS and one.left else "",
        order=order,
        order_state=visit.text(STATES[order.state]) if order else "",
        missing=max(0, missing),
        refunds=[(each, visit.text(REFUNDS[each.state])) for each in gone],
        proposals=proposals,
        waiting=any(each.state is ProposalState.OPEN for each in proposals),
        assignable=one.standing in assigning.ASSIGNABLE and not one.returned,
        fault=fault,
        typed=visit.form,
    )


async def give_back(visit: Visit) -> Response:
    site = visit.site
    work = by_hand.give_back(
        site.engine,
        number_in(visit, "receipt"),
        version_in(visit),
        visit.form.get("return_reason", ""),
        by=by(visit),
        now=site.clock(),
    )
    return await _done(visit, work, N_("已列入待退款，按原路退回。"))


async def assign(visit: Visit) -> Response:
    site = visit.site
    work = assigning.propose_receipt(
        site.engine,
        number_in(visit, "receipt"),
        version_in(visit),
        visit.form.get("order", ""),
        visit.form.get("reason", ""),
        by=by(visit),
        now=site.clock(),
    )
    return await _done(visit, work, N_("已提交，请另一位财务人员复核。"))


async def _done(visit: Visit, work: Awaitable[Any], said: str) -> Response:
    try:
        await work
    except CannotDo as refused:
        fault = visit.text(OBSTACLES[refused.obstacle])
        return await _receipt(visit, fault=fault, status=409)
    return visit.done(f"{HERE}/receipts/{number_in(visit, 'receipt')}", visit.text(said))
