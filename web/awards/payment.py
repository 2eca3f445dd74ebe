"""The price: where to pay, how much, by when, what has come. For both parties and for those who watch."""

from collections.abc import Collection
from datetime import date
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.accounts import Role
from trading.awards.arrears import (
    Arrears,
    LateInstalment,
    NotedAlready,
    NotLate,
    missing_of,
    penalty_of,
)
from trading.awards.contracts import sealed_fields
from trading.awards.payments import next_due, overdue
from trading.awards.records import LONGEST_REASON
from trading.deposits import fees
from trading.deposits.prices import PriceStanding
from trading.lifecycle.states import LotState
from trading.working_days import day_of
from web.awards.access import Part, Seen, account_of, number_in, price_account, seen, written
from web.awards.words import NO_REASON, STALE
from web.languages import N_
from web.pages import page
from web.visits import Visit


async def show(visit: Visit) -> Response:
    it = await seen(visit)
    standing = await price_account(visit, it)
    if standing is None and it.state is not LotState.PAYMENT:
        raise HTTPException(404)
    return await _page(visit, it, standing, {})


async def _page(
    visit: Visit, it: Seen, standing: PriceStanding | None, errors: dict[str, str], status: int = 200
) -> Response:
    today = day_of(visit.site.clock())
    amount, due_on = next_due(standing) if standing else (0, None)
    noted = await Arrears(visit.site.engine).of(standing.number) if standing else ()
    return page(
        visit,
        "awards/payment.html",
        status,
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
        noted=[_shown(each, standing, await _penalty(visit, it), today) for each in noted if standing],
        may_note=_may_note(visit, it, standing, {each.place for each in noted}, today),
        reason=visit.form.get("reason", ""),
        errors=errors,
    )


def _shown(late: LateInstalment, standing: PriceStanding, per_day: int, today: date) -> dict[str, Any]:
    missing = missing_of(standing, late.place)
    due_on = standing.instalments[late.place - 1].due_on
    return {
        "late": late,
        "missing": missing,
        "per_day": per_day,
        "penalty": penalty_of(missing, per_day, due_on, today),
        "over": bool(missing) and late.grace_until < today,
    }


async def _penalty(visit: Visit, it: Seen) -> int:
    """Ten-thousandths a day, by the contract that was sealed; 0 where it is the parties' own text."""
    fields = await sealed_fields(visit.site.engine, it.lot)
    return int(fields.get("penalty", "0"))


def _may_note(
    visit: Visit, it: Seen, standing: PriceStanding | None, noted: Collection[int], today: date
) -> list[tuple[str, str]]:
    """Instalments that an administrator may note as in default: number and words."""
    if visit.role is not Role.ADMINISTRATOR or standing is None or it.state is not LotState.PAYMENT:
        return []
    said = visit.text(N_("第 %(n)s 期，%(day)s 到期"))
    return [
        (str(n), said % {"n": n, "day": each.due_on})
        for n, (each, covered) in enumerate(standing.covered(), 1)
        if not covered and each.due_on < today and n not in noted
    ]


async def note(visit: Visit) -> Response:
    """An instalment is in default: noted, with a reason. The sale goes on."""
    it = await seen(visit, Part.OVERSEER)
    reason = written(visit, "reason")
    if not 0 < len(reason) <= LONGEST_REASON:
        standing = await price_account(visit, it)
        return await _page(visit, it, standing, {"reason": visit.text(NO_REASON)}, 422)
    here, arrears = f"/sales/{it.lot}/payment", Arrears(visit.site.engine)
    try:
        last = await arrears.note(
            it.lot, number_in(visit, "part", 2), reason, by=account_of(visit), now=visit.site.clock()
        )
    except (NotLate, NotedAlready):
        return visit.refused(here, visit.text(STALE))
    said = N_("已认定逾期违约，双方已收到通知。宽限到 %(day)s；仍未付清的，可以认定整个交易违约。")
    return visit.done(here, visit.text(said) % {"day": last.isoformat()})
