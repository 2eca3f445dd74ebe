"""The queue of the desk: what lies there, by what is to be done with it, the most urgent first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.desk import dues
from certificates.desk.dues import Urgency, urgency
from certificates.orders.order import COLUMNS, Order, order_from
from certificates.orders.states import OrderState
from office.working_days import day_of

PAGE: Final = 20
MOST_PAGES: Final = 500


class Shelf(StrEnum):
    """What the desk does with an order: a tab of the queue."""

    REVIEW = "review"
    PAPER = "paper"
    """Paper and, at the counter, money are waited for."""
    WRITE = "write"
    """Approved: a UKey is written."""
    GIVE_OUT = "give_out"
    """Handed over or sent."""
    RETURNED = "returned"
    """The applicant corrects, or has paid and does not go on."""
    OVER = "over"


STATES: Final[Mapping[Shelf, tuple[OrderState, ...]]] = {
    Shelf.REVIEW: (OrderState.IN_REVIEW, OrderState.SECOND_REVIEW),
    Shelf.PAPER: (OrderState.AWAITING_PAPER,),
    Shelf.WRITE: (OrderState.APPROVED, OrderState.ISSUING),
    Shelf.GIVE_OUT: (OrderState.AWAITING_COLLECTION, OrderState.AWAITING_DELIVERY, OrderState.SHIPPED),
    Shelf.RETURNED: (OrderState.RETURNED,),
    Shelf.OVER: (OrderState.DONE, OrderState.REJECTED),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the queue is shown; "" for all channels, any number."""

    shelf: Shelf = Shelf.REVIEW
    channel: str = ""
    number: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class Lying:
    """An order in the queue. `walk_in`: somebody stood there; `outside`: out of the counter's hours, why."""

    order: Order
    due_on: date | None
    provisional: bool
    urgency: Urgency | None
    held_by: str
    """The name of the clerk who works on it; "": nobody."""
    walk_in: bool
    outside: str


@dataclass(frozen=True, slots=True)
class Found:
    rows: Sequence[Lying]
    page: int
    pages: int
    counts: Mapping[Shelf, int]
    late: int
    channels: Sequence[str]


_COLUMNS: Final = ", ".join(f"o.{name}" for name in COLUMNS)
_COUNTER: Final = "(o.state = 'awaiting_payment' AND w.number IS NOT NULL)"
_PAID: Final = (
    "(o.state IN ('awaiting_material', 'awaiting_consent', 'awaiting_identity') AND o.paid_fen > 0)"
)
_FROM: Final = (
    " FROM orders o LEFT JOIN desk_dues d ON d.number = o.number"
    " AND o.state IN ('in_review', 'second_review')"
    " LEFT JOIN walk_ins w ON w.number = o.number LEFT JOIN accounts a ON a.id = o.worked_by"
)
_WHERE: Final = (
    f" WHERE (o.state = ANY(:states) OR :counter AND {_COUNTER} OR :paid AND {_PAID})"
    " AND (:channel = '' OR o.channel = :channel) AND (:number = '' OR o.number = :number)"
)
_ROWS: Final = text(
    f"SELECT {_COLUMNS}{_FROM}{_WHERE}"
    " ORDER BY CASE WHEN o.state = ANY(:over) THEN NULL ELSE d.due_on END NULLS LAST,"
    " CASE WHEN o.state = ANY(:over) THEN NULL ELSE coalesce(o.review_since, o.changed_at) END,"
    " o.changed_at DESC, o.number LIMIT :most OFFSET :skipped"
)
_BESIDE: Final = text(
    "SELECT o.number, d.due_on, d.warned_on, d.provisional, a.name AS holder, w.number AS walked, w.outside"
    f"{_FROM} WHERE o.number = ANY(:numbers)"
)
_TOTAL: Final = text(f"SELECT count(*){_FROM}{_WHERE}")
_COUNTS: Final = text(
    f"SELECT o.state, {_COUNTER} AS at_counter, {_PAID} AS paid, count(*) AS n{_FROM}"
    f" WHERE o.state = ANY(:all) OR {_COUNTER} OR {_PAID} GROUP BY 1, 2, 3"
)
_LATE: Final = text(f"SELECT count(*){_FROM} WHERE d.due_on < :today")
_CHANNELS: Final = text("SELECT DISTINCT channel FROM orders WHERE state = ANY(:all) ORDER BY 1 LIMIT 100")
_ALL: Final = sorted({str(state) for states in STATES.values() for state in states})
_OVER: Final = [str(state) for state in STATES[Shelf.OVER]]


class Queue:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def page_of(self, wanted: Wanted, *, now: datetime) -> Found:
        """One page of a shelf: by due day, then the oldest; what is over, the newest first."""
        async with self._engine.begin() as connection:
            await dues.keep_new(connection)
            values = _values(wanted)
            total = int(await connection.scalar(_TOTAL, values) or 0)
            pages = min(MOST_PAGES, max(1, -(-total // PAGE)))
            number = min(max(1, wanted.page), pages)
            bounds = {"most": PAGE, "skipped": (number - 1) * PAGE, "over": _OVER}
            orders = [order_from(row) for row in await connection.execute(_ROWS, values | bounds)]
            rows = await _beside(connection, orders, now)
            late = int(await connection.scalar(_LATE, {"today": day_of(now)}) or 0)
            channels = list((await connection.execute(_CHANNELS, {"all": _ALL})).scalars())
            counts = await _counts(connection)
        return Found(rows, number, pages, counts, late, channels)


def _values(wanted: Wanted) -> dict[str, Any]:
    return {
        "states": [str(state) for state in STATES[wanted.shelf]],
        "counter": wanted.shelf is Shelf.PAPER,
        "paid": wanted.shelf is Shelf.RETURNED,
        "channel": wanted.channel,
        "number": wanted.number,
    }


async def _counts(connection: AsyncConnection) -> Mapping[Shelf, int]:
    found = dict.fromkeys(Shelf, 0)
    for row in await connection.execute(_COUNTS, {"all": _ALL}):
        if row.at_counter or row.paid:
            found[Shelf.PAPER if row.at_counter else Shelf.RETURNED] += row.n
            continue
        shelf = next(one for one, states in STATES.items() if OrderState(row.state) in states)
        found[shelf] += row.n
    return found


async def _beside(connection: AsyncConnection, orders: Sequence[Order], now: datetime) -> list[Lying]:
    """Orders with what stands beside them, in the order they came."""
    numbers = {"numbers": [order.number for order in orders]}
    known = {row.number: row for row in await connection.execute(_BESIDE, numbers)}
    return [_lying(order, known[order.number], now) for order in orders]


def _lying(order: Order, row: Row[Any], now: datetime) -> Lying:
    held = order.worked_by_another(None, now)
    stands = urgency(row.due_on, row.warned_on, now) if row.due_on is not None else None
    return Lying(
        order,
        row.due_on,
        bool(row.provisional),
        stands,
        row.holder if held and row.holder else "",
        row.walked is not None,
        row.outside or "",
    )


async def lying(engine: AsyncEngine, order: Order, *, now: datetime) -> Lying:
    """One order as the queue has it."""
    async with engine.begin() as connection:
        await dues.keep_new(connection)
        return (await _beside(connection, [order], now))[0]
