"""What must be true for an act besides state and actor: looked up on the locked row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, assert_never

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.model import ConsentBy
from certificates.catalogue.ordering import passes
from certificates.catalogue.store import channel_on
from certificates.orders import about
from certificates.orders.order import Order, business
from certificates.orders.states import OrderAct, OrderState
from certificates.orders.steps import AT_HOME, Step, to_fill
from certificates.orders.table import Need

KEPT_FOR: Final = timedelta(days=30)
"""An order that is not gone on with is kept so long (ours)."""
ARRIVES_WITHIN: Final = timedelta(days=15)
"""A parcel of which nobody says anything counts as received so long after it was sent (ours)."""
TAKEN_BACK_WITHIN: Final = timedelta(days=7)
"""Afterwards a UKey that was called handed over counts as handed over (ours)."""
LONGEST_REASON: Final = 500

_UPLOADED: Final = text(
    "SELECT DISTINCT kind FROM order_materials WHERE number = :number AND replaced_at IS NULL"
)
_REFUSED: Final = text(
    "SELECT (SELECT count(*) FROM order_materials"
    "  WHERE number = :number AND replaced_at IS NULL AND seen = 'refused')"
    " + (SELECT count(*) FROM order_verdicts"
    "  WHERE number = :number AND starts_with(item, 'section:') AND verdict = 'refused')"
)
_PASSED: Final = text(
    "SELECT DISTINCT person, way FROM identity_checks WHERE number = :number AND state = 'passed'"
)
_CAME_BACK: Final = text(
    "SELECT EXISTS (SELECT FROM blank_ukey_events WHERE number = :number)"
    " AND NOT EXISTS (SELECT FROM blank_ukeys WHERE number = :number)"
)
"""It had a UKey, and has none now: undelivered, or brought back."""
_COUNTS: Final = text(
    "SELECT coalesce(sum(fen - returned), 0)::bigint FROM order_receipts"
    " WHERE order_number = :number AND standing = 'counted'"
)
_TYPED_IN: Final = text(
    "SELECT EXISTS (SELECT FROM walk_ins WHERE number = :number AND clerk_id = :account)"
    " OR EXISTS (SELECT FROM order_events"
    " WHERE number = :number AND actor = 'applicant' AND actor_id = :account)"
)
"""A walk-in may have been taken over since: who acted for the customer stands in its history, too."""
_LAST_ACT: Final = text("SELECT act, at FROM order_events WHERE number = :number ORDER BY id DESC LIMIT 1")


@dataclass(frozen=True, slots=True)
class Asked:
    """An act that somebody asks for."""

    order: Order
    account_id: int | None
    reason: str
    facts: Mapping[str, Any]
    now: datetime


async def fulfilled(connection: AsyncConnection, need: Need, asked: Asked) -> bool:
    order, now = asked.order, asked.now
    match need:
        case Need.REASON:
            return 0 < len(asked.reason) <= LONGEST_REASON
        case Need.FILLED:
            return set(to_fill(order.steps)) - {Step.CONFIRM} <= order.done
        case Need.ACTING:
            return await about.authorized(connection, order, now)
        case Need.CERTIFICATE:
            return (await about.look_again(connection, order, now)).hindrance is None
        case Need.MATERIAL:
            return set(order.materials) <= await _found(connection, _UPLOADED, order)
        case Need.CORRECTED:
            return not await connection.scalar(_REFUSED, {"number": order.number})
        case Need.PROVED:
            return await _proved(connection, asked)
        case Need.IDENTIFIED:
            return await _identified(connection, order)
        case Need.AMOUNT:
            fen = asked.facts.get("fen")
            return isinstance(fen, int) and not isinstance(fen, bool) and fen == order.price_fen
        case Need.UNPAID:
            return order.paid_fen == 0
        case Need.MONEY:
            return order.paid_fen > 0
        case Need.UNREFUNDED:
            return order.paid_fen == int(await connection.scalar(_COUNTS, {"number": order.number}) or 0)
        case Need.HANDED_OVER:
            last = (await connection.execute(_LAST_ACT, {"number": order.number})).one()
            return str(last.act) == OrderAct.HAND_OVER and bool(now - last.at < TAKEN_BACK_WITHIN)
        case Need.PAID:
            return Step.PAYMENT not in order.steps or Step.PAYMENT in order.done
        case Need.PAPER:
            return Step.PAPER in order.steps and Step.PAPER not in order.done
        case Need.FREE:
            return not order.worked_by_another(asked.account_id, now)
        case Need.TAKEN:
            return order.worked_by == asked.account_id and order.worked_by_another(None, now)
        case Need.ANOTHER:
            whose = {"number": order.number, "account": asked.account_id}
            typed = await connection.scalar(_TYPED_IN, whose)
            return not typed and asked.account_id != order.approved_first_by
        case Need.AT_HOME:
            return not AT_HOME.isdisjoint(order.steps)
        case Need.OVERDUE:
            return now - order.changed_at >= KEPT_FOR
        case Need.ARRIVED:
            came_back = await connection.scalar(_CAME_BACK, {"number": order.number})
            return not came_back and now - order.changed_at >= ARRIVES_WITHIN
        case Need.TRACKING:
            return all(str(asked.facts.get(name, "")).strip() for name in ("courier", "tracking"))
        case _:
            assert_never(need)


async def _identified(connection: AsyncConnection, order: Order) -> bool:
    """Each row of the catalogue that the order keeps has been passed by one of its own checks."""
    rows = await connection.execute(_PASSED, {"number": order.number})
    passed = [(str(row.person), str(row.way)) for row in rows]
    return all(any(passes(key, *one) for one in passed) for key in order.checks)


async def _proved(connection: AsyncConnection, asked: Asked) -> bool:
    """All that the channel asks for: the one-time code, the signature of the UKey, or both."""
    stored = await channel_on(connection, asked.order.catalogue_id)
    rule = None if stored is None else stored.rules.consent_of(business(asked.order))
    proofs = {ConsentBy.CODE: ("code", "right"), ConsentBy.UKEY: ("signed", "valid")}
    wanted = rule.by if rule is not None else (ConsentBy.CODE,)
    return all(asked.facts.get(proofs[one][0]) == proofs[one][1] for one in wanted)


async def _found(connection: AsyncConnection, question: Any, order: Order) -> set[str]:
    return {str(one) for one in (await connection.execute(question, {"number": order.number})).scalars()}


def may_be_edited(state: OrderState) -> bool:
    """Whether the fields may be changed; files may be as well while material is awaited."""
    return state in (OrderState.FILLING, OrderState.RETURNED)
