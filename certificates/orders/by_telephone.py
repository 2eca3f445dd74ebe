"""What a proved telephone opens without an account, and who is listed as an applicant in the order query.

A telephone stands for the orders that it began, and for those of one document number that name it. An order
of a market subject it opens while who began the order acts for that subject, or while the telephone is a
standing operator's; never a former operator's. It is asked at every opening: an old proof counts no more.
Source: spec/certificates.md, "order query (shared)"; docs/subjects.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.orders.boxes import OrderBoxes
from certificates.orders.order import Order
from certificates.orders.states import OrderState
from certificates.orders.steps import Step
from office.marks import Marks
from office.subject_operators import actors_of

SENT_OFF: Final = (
    OrderState.RETURNED,
    OrderState.APPROVED,
    OrderState.ISSUING,
    OrderState.AWAITING_COLLECTION,
    OrderState.AWAITING_DELIVERY,
    OrderState.SHIPPED,
    OrderState.DONE,
)
"""Whoever gets an order so far has proved more than a form; `submitted_at` says it where a review came."""
_MOST_READ: Final = 200
_CONTACTS: Final = text(
    "SELECT number, contact_mark, account_id, market_subject,"
    " bool_or(state = 'done') OVER (PARTITION BY contact_mark) AS served FROM ("
    "SELECT DISTINCT ON (contact_mark, account_id, market_subject)"
    " number, contact_mark, account_id, market_subject, state, made_at FROM orders"
    " WHERE number_mark = :mark AND contact_mark <> '' AND (submitted_at IS NOT NULL"
    " OR state = ANY(:sent_off) OR :consent = ANY(done) OR begun_mark = contact_mark)"
    " ORDER BY contact_mark, account_id, market_subject, state = 'done' DESC, made_at DESC, number) one"
    " ORDER BY served DESC, made_at DESC, number LIMIT :most"
)


@dataclass(frozen=True, slots=True)
class Access:
    """A proved telephone. `number_mark`: the document number that was asked for; "": none.

    `phone`: in the clear, where it signed in to begin an order; "" from the query.
    """

    number_mark: str
    contact_mark: str
    phone: str = field(default="", repr=False)

    def names(self, order: Order) -> bool:
        """Whether the order was begun by it, or is of the number and names it."""
        if not self.contact_mark:
            return False
        named = bool(self.number_mark) and order.number_mark == self.number_mark
        return order.begun_mark == self.contact_mark or (named and order.contact_mark == self.contact_mark)


async def opened(
    connection: AsyncConnection, marks: Marks, access: Access, orders: Sequence[Order], now: datetime
) -> list[Order]:
    """Of these orders, those that the telephone opens at this moment."""
    named = [one for one in orders if access.names(one)]
    acting = await _acting(connection, marks, [one.market_subject for one in named], now)
    return [one for one in named if _stands(acting, one.market_subject, one.account_id, access.contact_mark)]


async def contacts(
    connection: AsyncConnection, marks: Marks, number_mark: str, most: int, now: datetime
) -> list[str]:
    """An order of each telephone that may be asked about a document number: those that were served first,
    then the newest.

    Only what was sent off, consented to by code or begun with that telephone counts: a draft names whomever
    somebody typed.
    """
    values = {"mark": number_mark, "most": _MOST_READ, "consent": str(Step.CONSENT)}
    rows = (await connection.execute(_CONTACTS, values | {"sent_off": [str(one) for one in SENT_OFF]})).all()
    acting = await _acting(connection, marks, [row.market_subject for row in rows], now)
    found: dict[str, str] = {}
    for row in rows:
        if _stands(acting, row.market_subject, row.account_id, row.contact_mark):
            found.setdefault(row.contact_mark, row.number)
    return list(found.values())[:most]


async def is_former_operators(
    connection: AsyncConnection, marks: Marks, subject: int, telephone: str, now: datetime
) -> bool:
    """Whether the telephone is only that of somebody whose authority for this subject has ended."""
    acting = await _acting(connection, marks, [subject], now)
    mark = OrderBoxes(marks).address_mark(telephone)
    return mark in acting[subject].former and mark not in acting[subject].standing


@dataclass(frozen=True, slots=True)
class _Acting:
    """Who acts for one market subject now. `standing`, `former`: marks of its operators' telephones."""

    accounts: frozenset[int]
    standing: frozenset[str]
    former: frozenset[str]


async def _acting(
    connection: AsyncConnection, marks: Marks, subjects: Sequence[int | None], now: datetime
) -> Mapping[int, _Acting]:
    """The same questions whether there is a subject or not: the time of the answer tells nothing."""
    wanted = {one for one in subjects if one is not None}
    found, mark = await actors_of(connection, marks, wanted, now), OrderBoxes(marks).address_mark
    return {
        subject: _Acting(
            one.accounts,
            frozenset(map(mark, one.telephones)),
            frozenset(map(mark, one.former_telephones)),
        )
        for subject, one in found.items()
    }


def _stands(
    acting: Mapping[int, _Acting], subject: int | None, account_id: int | None, contact_mark: str
) -> bool:
    """Whether this telephone stands for an order of this subject, begun by this account."""
    if subject is None:
        return True
    one = acting[subject]
    return contact_mark in one.standing or (account_id in one.accounts and contact_mark not in one.former)
