"""The first PIN of a new UKey: drawn where the authorization codes lie, set by the clerk's assistant, told to
its holder alone.

    drawn       by the authority's process (answering.py), encrypted to the assistant that writes; the web and
                the clerk see neither it nor the code by which it is set
    set         with the receipt (writing.written); the UKey signs nothing until its holder has changed it
    told        by the channel's way (catalogue: pins): an SMS, or the remark of a transfer of 0.01 yuan.
                Where the channel's steps have it before the parcel: at once; else after the UKey left
    emptied     MOST_SENDS times told, KEPT_FOR after it was told, or when the UKey does not go out

Until then it lies in a box; after that nobody can tell it any more, and a forgotten PIN is unlocked.
Source: spec/certificates.md, "PIN, invoice, delivery"; bounds are ours.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.handling import PinLength, PinWay
from certificates.catalogue.scope import Service
from certificates.issuing.requests import Request
from certificates.orders.order import Order
from certificates.orders.states import OrderState
from certificates.orders.steps import HANDING_OVER, Step
from office.marks import Marks
from signing.token.port import Pin

DIGITS: Final = 8
"""Typed once, by people who read it in an SMS; it is changed at its first use."""
MOST_SENDS: Final = 3
PAUSE: Final = timedelta(minutes=10)
KEPT_FOR: Final = timedelta(days=3)
"""From when it was told: a transfer takes a day."""
AT_ONCE: Final = 50
NEW_UKEY: Final = frozenset({Service.ISSUE, Service.ADDITIONAL, Service.REPLACE})
TOLD: Final = frozenset({PinWay.SMS, PinWay.TRANSFER_REMARK})
WRITTEN: Final = frozenset(
    {OrderState.AWAITING_COLLECTION, OrderState.AWAITING_DELIVERY, OrderState.SHIPPED, OrderState.DONE}
)
LEFT: Final = frozenset({OrderState.SHIPPED, OrderState.DONE})


class PinFault(StrEnum):
    """Why a PIN was not told; it is tried again."""

    NO_ADDRESS = "no_address"
    """The order names no telephone or account to which it may go."""
    BANK_AWAY = "bank_away"
    BOX = "box"


@dataclass(frozen=True, slots=True)
class FirstPin:
    """One row of first_pins."""

    request_id: int
    number: str
    card: str
    box: bytes | None = field(repr=False)
    drawn_at: datetime
    set_at: datetime | None
    sends: int
    sent_at: datetime | None
    fault: str
    emptied_at: datetime | None

    def opened(self, marks: Marks) -> Pin:
        """Raises BoxUnreadable, ValueError when it was emptied."""
        if self.box is None:
            raise ValueError("a PIN that was emptied")
        return Pin(marks.unbox(purpose(self.request_id), self.box).decode())


_COLUMNS: Final = "request_id, number, card, box, drawn_at, set_at, sends, sent_at, fault, emptied_at"
_DRAW: Final = text(
    "INSERT INTO first_pins (request_id, number, card, box, drawn_at)"
    " VALUES (:request_id, :number, :card, :box, :now) ON CONFLICT (request_id) DO NOTHING"
)
_ONE: Final = text(f"SELECT {_COLUMNS} FROM first_pins WHERE request_id = :request_id")  # noqa: S608
_OF: Final = text(
    f"SELECT {_COLUMNS} FROM first_pins WHERE number = ANY(:numbers) ORDER BY request_id"  # noqa: S608
)
_HELD: Final = text(
    f"SELECT {_COLUMNS} FROM first_pins WHERE request_id = :request_id"  # noqa: S608
    " FOR UPDATE SKIP LOCKED"
)
_SET: Final = text("UPDATE first_pins SET set_at = :now WHERE request_id = :request_id AND set_at IS NULL")
_SENT: Final = text(
    "UPDATE first_pins SET sends = sends + 1, sent_at = :now, fault = '' WHERE request_id = :request_id"
)
_FAULT: Final = text("UPDATE first_pins SET fault = :fault WHERE request_id = :request_id")
_EMPTY: Final = text(
    "UPDATE first_pins SET box = NULL, emptied_at = :now WHERE request_id = :request_id AND box IS NOT NULL"
)
_EMPTY_OLD: Final = text(
    "UPDATE first_pins SET box = NULL, emptied_at = :now WHERE box IS NOT NULL"
    " AND (sent_at <= :before OR sends >= :most)"
)
_WAITING: Final = text(
    "SELECT request_id, number FROM first_pins WHERE box IS NOT NULL AND set_at IS NOT NULL AND sends = 0"
    " AND request_id > :after ORDER BY request_id LIMIT :most"
)


def purpose(request_id: int) -> str:
    """Of the key of a PIN's box."""
    return f"certificate first pin {request_id}"


def is_told(order: Order) -> bool:
    """Whether the order's UKey is a new one, whose PIN comes by the channel's way."""
    by = order.pin_way.partition(":")[0]
    return Service(order.service) in NEW_UKEY and by in TOLD


def is_due(order: Order) -> bool:
    """Whether the PIN of a written UKey is to be told now: the channel's steps say when."""
    if not is_told(order) or order.state not in WRITTEN:
        return False
    steps = list(order.steps)
    leaving = next((at for at, step in enumerate(steps) if step in HANDING_OVER), len(steps))
    before = Step.PIN in steps and steps.index(Step.PIN) < leaving
    return before or order.state in LEFT


def digits(length: PinLength) -> int:
    """How long a PIN is drawn for a channel whose PINs have this length."""
    return min(max(DIGITS, length.least), length.most)


async def drawn(connection: AsyncConnection, marks: Marks, made: Request, digits: int, now: datetime) -> Pin:
    """The PIN for the UKey of this answered request: a new one, or the one that was drawn before.

    Raises BoxUnreadable, ValueError when it was told and emptied.
    """
    pin = f"{secrets.randbelow(10**digits):0{digits}d}"
    box = marks.box(purpose(made.id), pin.encode())
    values = {"request_id": made.id, "number": made.number, "card": made.card, "box": box, "now": now}
    await connection.execute(_DRAW, values)
    row = (await connection.execute(_ONE, values)).one()
    return FirstPin(**row._mapping).opened(marks)


async def set_in_ukey(connection: AsyncConnection, request_id: int, now: datetime) -> None:
    """The UKey's receipt came. Nothing where no PIN was drawn."""
    await connection.execute(_SET, {"request_id": request_id, "now": now})


async def empty(connection: AsyncConnection, request_id: int, now: datetime) -> None:
    """Nobody can tell it any more."""
    await connection.execute(_EMPTY, {"request_id": request_id, "now": now})


async def empty_old(connection: AsyncConnection, now: datetime) -> int:
    """Those that were told long enough ago, or often enough."""
    values = {"now": now, "before": now - KEPT_FOR, "most": MOST_SENDS}
    return int((await connection.execute(_EMPTY_OLD, values)).rowcount)


async def held(connection: AsyncConnection, request_id: int) -> FirstPin | None:
    """The row, locked; None: it is somebody else's now."""
    row = (await connection.execute(_HELD, {"request_id": request_id})).first()
    return None if row is None else FirstPin(**row._mapping)


async def sent(connection: AsyncConnection, request_id: int, now: datetime) -> None:
    await connection.execute(_SENT, {"request_id": request_id, "now": now})


async def not_sent(connection: AsyncConnection, request_id: int, fault: PinFault) -> None:
    await connection.execute(_FAULT, {"request_id": request_id, "fault": str(fault)})


async def waiting(connection: AsyncConnection, after: int) -> Sequence[tuple[int, str]]:
    """(request, order) of AT_ONCE PINs that are set and not told yet, those after this one."""
    rows = await connection.execute(_WAITING, {"most": AT_ONCE, "after": after})
    return [(int(row.request_id), str(row.number)) for row in rows]


async def of_orders(connection: AsyncConnection, numbers: Sequence[str]) -> dict[str, FirstPin]:
    """The last PIN of each of these orders that was set in a UKey."""
    rows = await connection.execute(_OF, {"numbers": list(numbers)})
    found = [FirstPin(**row._mapping) for row in rows]
    return {one.number: one for one in found if one.set_at is not None}


def may_repeat(pin: FirstPin, now: datetime) -> bool:
    """Whether it can be told once more, at this moment."""
    told = pin.sent_at is not None and pin.box is not None and pin.sends < MOST_SENDS
    return told and pin.sent_at is not None and pin.sent_at + PAUSE <= now < pin.sent_at + KEPT_FOR
