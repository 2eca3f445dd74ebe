"""An order as it is kept, and the reading of orders and of their history."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.scope import Case, Circumstance, PaymentWay, Service, SubjectKind, Way
from certificates.orders.states import OrderAct, OrderState
from certificates.orders.steps import Step

MOST_EVENTS: Final = 500
PAGE: Final = 20


@dataclass(frozen=True, slots=True)
class PricePart:
    """`kind`: certificate, medium, seal …, as the catalogue calls it. `ours`: a sum that we decided."""

    kind: str
    fen: int
    ours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Every column of `orders`. Money in fen, times aware UTC; what was filled in is in a box (fields.py)."""

    number: str
    account_id: int | None
    """Who began it; None: at the counter, or by telephone without an account."""
    market_subject: int | None
    """For which registered organization or person, where the account acts for one (office/subjects.py)."""
    begun_mark: str
    """A keyed hash of the telephone that began it without an account; ""."""
    channel: str
    catalogue_id: int
    """The published version of the channel's rules under which it began."""
    service: str
    subject: str
    way: str
    authority: str
    product: str
    years: int
    about_certificate: str
    """The serial of the certificate that is renewed, replaced …; "" for a first one."""
    state: OrderState
    steps: tuple[Step, ...]
    materials: tuple[str, ...]
    """Kinds that must be uploaded."""
    checks: tuple[str, ...]
    """Whose identity must be checked, and by what (catalogue.ordering.Identity.key)."""
    four_eyes: bool
    automatic: bool
    """The system reviews it, at once."""
    circumstances: tuple[str, ...]
    """What is so in this order and not in another (scope.Circumstance)."""
    done: frozenset[Step]
    number_mark: str
    """A keyed hash of the document number, by which the order query finds it."""
    contact_mark: str
    """A keyed hash of the telephone of who consents."""
    version: int
    price: tuple[PricePart, ...]
    price_fen: int
    paid_fen: int
    payment_way: str
    refund_due: bool
    pin_way: str
    collected: bool
    courier: str
    tracking: str
    medium: str
    crypto_card: str
    certificate: str
    invoice: str
    reason: str
    worked_by: int | None
    worked_until: datetime | None
    approved_first_by: int | None
    review_since: datetime | None
    review_due: datetime | None
    made_at: datetime
    submitted_at: datetime | None
    changed_at: datetime
    finished_at: datetime | None

    def worked_by_another(self, account_id: int | None, now: datetime) -> bool:
        """Whether a clerk holds it, who is not this one; a hold that has run out is none."""
        held = self.worked_by is not None and (self.worked_until is None or self.worked_until > now)
        return held and self.worked_by != account_id


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One act in the history of an order."""

    act: OrderAct
    before: OrderState
    after: OrderState
    at: datetime
    actor: str
    actor_id: int | None
    reason: str
    facts: Mapping[str, Any]


class UnknownOrder(LookupError):
    """There is no such order, or it is somebody else's: one answer for both."""


def business(order: Order) -> Case:
    """The business as the catalogue asks for it, without what is in the details: chosen identity checks."""
    return Case(
        service=Service(order.service),
        subject=SubjectKind(order.subject),
        way=Way(order.way),
        product=order.product or None,
        authority=order.authority or None,
        paid_by=PaymentWay(order.payment_way) if order.payment_way else None,
        circumstances=frozenset(Circumstance(one) for one in order.circumstances),
    )


COLUMNS: Final = tuple(field.name for field in fields(Order))
_SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM orders"  # noqa: S608 - our own names


async def locked(connection: AsyncConnection, number: str) -> Order:
    """The row, held until the end of the transaction. Raises UnknownOrder."""
    row = (await connection.execute(text(f"{_SELECT} WHERE number = :n FOR UPDATE"), {"n": number})).first()
    if row is None:
        raise UnknownOrder(number)
    return order_from(row)


async def read(connection: AsyncConnection, number: str) -> Order:
    """Raises UnknownOrder."""
    row = (await connection.execute(text(f"{_SELECT} WHERE number = :n"), {"n": number})).first()
    if row is None:
        raise UnknownOrder(number)
    return order_from(row)


async def of_applicant(
    connection: AsyncConnection, account_id: int, subjects: Collection[int], page: int
) -> tuple[list[Order], int]:
    """One page of the orders that somebody may open now, the newest first, and how many there are in all.

    `subjects`: the market subjects that the account acts for at this moment; an order for another one is not
    the account's any more, even if it was begun there.
    """
    theirs = "((market_subject IS NULL AND account_id = :account_id) OR market_subject = ANY(:subjects))"
    values: dict[str, Any] = {"account_id": account_id, "subjects": list(subjects)}
    values |= {"most": PAGE, "skipped": (page - 1) * PAGE}
    ordered = " ORDER BY made_at DESC, number LIMIT :most OFFSET :skipped"
    rows = await connection.execute(text(f"{_SELECT} WHERE {theirs}{ordered}"), values)
    count = text(f"SELECT count(*) FROM orders WHERE {theirs}")  # noqa: S608 - our own words
    return [order_from(row) for row in rows], int(await connection.scalar(count, values) or 0)


async def of_account(connection: AsyncConnection, account_id: int, page: int) -> tuple[list[Order], int]:
    """One page of somebody's orders, the newest first, and how many there are in all."""
    values = {"account_id": account_id, "most": PAGE, "skipped": (page - 1) * PAGE}
    ordered = " ORDER BY made_at DESC, number LIMIT :most OFFSET :skipped"
    rows = await connection.execute(text(f"{_SELECT} WHERE account_id = :account_id{ordered}"), values)
    count = text("SELECT count(*) FROM orders WHERE account_id = :account_id")
    return [order_from(row) for row in rows], int(await connection.scalar(count, values) or 0)


async def begun_by(connection: AsyncConnection, begun_mark: str, most: int) -> list[Order]:
    """Orders that a telephone began without an account, the newest first."""
    found = text(f"{_SELECT} WHERE begun_mark = :mark ORDER BY made_at DESC, number LIMIT :most")
    return [order_from(row) for row in await connection.execute(found, {"mark": begun_mark, "most": most})]


async def of_contact(
    connection: AsyncConnection, number_mark: str, contact_mark: str, most: int
) -> list[Order]:
    """Orders of one document number that name this telephone, the newest first; none of no number."""
    named = "number_mark = :number AND number_mark <> '' AND contact_mark = :contact"
    found = text(f"{_SELECT} WHERE {named} ORDER BY made_at DESC, number LIMIT :most")
    values = {"number": number_mark, "contact": contact_mark, "most": most}
    return [order_from(row) for row in await connection.execute(found, values)]


async def latest_numbers(connection: AsyncConnection, most: int) -> list[str]:
    """Of the newest orders, whoever's."""
    found = text("SELECT number FROM orders ORDER BY number DESC LIMIT :most")
    return [str(number) for number in (await connection.execute(found, {"most": most})).scalars()]


async def history(connection: AsyncConnection, number: str) -> Sequence[OrderEvent]:
    """What was done to it, the oldest first."""
    found = text(
        "SELECT act, before, after, at, actor, actor_id, reason, facts FROM order_events"
        " WHERE number = :number ORDER BY id LIMIT :most"
    )
    rows = await connection.execute(found, {"number": number, "most": MOST_EVENTS})
    return [
        OrderEvent(
            OrderAct(row.act),
            OrderState(row.before),
            OrderState(row.after),
            row.at,
            row.actor,
            row.actor_id,
            row.reason,
            row.facts,
        )
        for row in rows
    ]


def order_from(row: Row[Any]) -> Order:
    values = dict(row._mapping)
    values |= {
        "state": OrderState(row.state),
        "steps": tuple(Step(step) for step in row.steps),
        "materials": tuple(row.materials),
        "checks": tuple(row.checks),
        "circumstances": tuple(row.circumstances),
        "done": frozenset(Step(step) for step in row.done),
        "price": tuple(PricePart(**part) for part in row.price),
    }
    return Order(**values)
