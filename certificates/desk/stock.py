"""The stock of blank UKeys by serial number: what comes in, goes to an order, out of the house, or breaks.

A lifecycle as a table; every change is one event, and the sum of all states is what was ever received. Acts
run in the caller's transaction and lock the UKey's row:

    await move(connection, serial, StockAct.ASSIGN, by, now=now, number=number)
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.orders.order import Order, locked
from certificates.orders.states import OrderState
from office.accounts import Role
from office.audit import trail

MOST_AT_ONCE: Final = 500
LONGEST_REASON: Final = 200
LONGEST_MODEL: Final = 60
SERIAL: Final = re.compile(r"[0-9A-Z][0-9A-Z-]{3,39}")


class StockState(StrEnum):
    IN_STOCK = "in_stock"
    ASSIGNED = "assigned"
    """Lies with an order; nothing is written yet."""
    WRITTEN = "written"
    GONE = "gone"
    """Handed over or sent."""
    DEFECTIVE = "defective"
    RETURNED = "returned"
    """Back to the maker."""
    LOST = "lost"


class StockAct(StrEnum):
    RECEIVE = "receive"
    ASSIGN = "assign"
    RELEASE = "release"
    """The order does not take it; nothing was written."""
    WRITE = "write"
    GIVE_OUT = "give_out"
    KEEP = "keep"
    """Called handed over by mistake: it is still here; with its order's REVERSE_HAND_OVER alone."""
    COME_BACK = "come_back"
    """Undelivered, or brought back: it has been written, so it is no blank one."""
    DEFECT = "defect"
    RETURN = "return"
    LOSE = "lose"
    """Not there at a count."""
    MISS = "miss"
    """Written and lost before its holder had it; with its order's REISSUE alone."""
    FIND = "find"
    REVERSE = "reverse"
    """What a clerk said of it by mistake (broken, back to the maker, brought back) is taken back."""


@dataclass(frozen=True, slots=True)
class StockRow:
    """One row of the table. `order`: the act names one; `reason`: in words."""

    before: frozenset[StockState]
    after: StockState
    order: bool = False
    reason: bool = False


_S = StockState
TRANSITIONS: Final[Mapping[StockAct, StockRow]] = {
    StockAct.ASSIGN: StockRow(frozenset({_S.IN_STOCK}), _S.ASSIGNED, order=True),
    StockAct.RELEASE: StockRow(frozenset({_S.ASSIGNED}), _S.IN_STOCK),
    StockAct.WRITE: StockRow(frozenset({_S.ASSIGNED}), _S.WRITTEN, order=True),
    StockAct.GIVE_OUT: StockRow(frozenset({_S.WRITTEN}), _S.GONE, order=True),
    StockAct.KEEP: StockRow(frozenset({_S.GONE}), _S.WRITTEN, order=True, reason=True),
    StockAct.COME_BACK: StockRow(frozenset({_S.GONE}), _S.DEFECTIVE, reason=True),
    StockAct.DEFECT: StockRow(frozenset({_S.IN_STOCK, _S.ASSIGNED, _S.WRITTEN}), _S.DEFECTIVE, reason=True),
    StockAct.RETURN: StockRow(frozenset({_S.DEFECTIVE}), _S.RETURNED, reason=True),
    StockAct.LOSE: StockRow(frozenset({_S.IN_STOCK}), _S.LOST, reason=True),
    StockAct.MISS: StockRow(frozenset({_S.WRITTEN, _S.GONE}), _S.LOST, reason=True),
    StockAct.FIND: StockRow(frozenset({_S.LOST}), _S.IN_STOCK, reason=True),
}
"""RECEIVE and REVERSE stand apart: before the one there is nothing, the other leads back to where it was."""
REVERSED_TO: Final[Mapping[tuple[StockAct, StockState], StockState]] = {
    (StockAct.DEFECT, _S.IN_STOCK): _S.IN_STOCK,
    (StockAct.DEFECT, _S.ASSIGNED): _S.IN_STOCK,
    (StockAct.COME_BACK, _S.GONE): _S.GONE,
    (StockAct.RETURN, _S.DEFECTIVE): _S.DEFECTIVE,
}
"""The last act and the state before it, and where its reversal leads. An order has another UKey meanwhile, so
what lay with one is blank again; what was written is not (its certificate is revoked with the order)."""
WITH_ORDER: Final = frozenset({_S.ASSIGNED, _S.WRITTEN, _S.GONE})
IN_HOUSE: Final = frozenset({_S.IN_STOCK, _S.ASSIGNED, _S.WRITTEN, _S.DEFECTIVE})
"""What a count has to find."""
ASSIGNABLE: Final = frozenset({OrderState.APPROVED, OrderState.ISSUING})


class StockFault(StrEnum):
    NOT_A_SERIAL = "not_a_serial"
    UNKNOWN = "unknown"
    THERE_ALREADY = "there_already"
    WRONG_STATE = "wrong_state"
    NO_REASON = "no_reason"
    NO_MODEL = "no_model"
    TOO_MANY = "too_many"
    OTHER_ORDER = "other_order"
    """It lies with another order than the act names."""
    HAS_ONE = "has_one"
    """The order has a UKey already."""
    NOT_NOW = "not_now"
    """The order takes none now."""
    NOT_REVERSED = "not_reversed"
    """Its last act is none that can be taken back."""
    NOT_WRITTEN = "not_written"
    """The order's UKey is not written, or there is none."""


class StockRefused(Exception):
    def __init__(self, fault: StockFault, serial: str = "") -> None:
        super().__init__(f"{fault} {serial}")
        self.fault, self.serial = fault, serial


@dataclass(frozen=True, slots=True)
class BlankUKey:
    serial: str
    model: str
    state: StockState
    number: str | None
    """The order with which it lies or went."""
    received_at: datetime
    changed_at: datetime


ROW: Final = "serial, model, state, number, received_at, changed_at"
_LOCK: Final = text(f"SELECT {ROW} FROM blank_ukeys WHERE serial = :serial FOR UPDATE")  # noqa: S608
_IN: Final = text(
    "INSERT INTO blank_ukeys (serial, model, state, received_at, changed_at)"
    " VALUES (:serial, :model, 'in_stock', :now, :now) ON CONFLICT DO NOTHING RETURNING serial"
)
_CHANGE: Final = text(
    "UPDATE blank_ukeys SET state = :state, number = :number, changed_at = :now WHERE serial = :serial"
)
_EVENT: Final = text(
    "INSERT INTO blank_ukey_events (serial, act, before, after, at, by_account, number, reason)"
    " VALUES (:serial, :act, :before, :after, :now, :by, :number, :reason)"
)
_LAST: Final = text(
    "SELECT id, act, before, after, number FROM blank_ukey_events WHERE serial = :serial"
    " ORDER BY id DESC LIMIT 1"
)
_SINCE: Final = text("SELECT EXISTS (SELECT FROM blank_ukey_events WHERE number = :number AND id > :id)")
"""Whether another UKey was laid with the order after an event."""
_GIVEN_OUT: Final = frozenset({OrderState.SHIPPED, OrderState.DONE})
_OF_ORDER: Final = text(f"SELECT {ROW} FROM blank_ukeys WHERE number = :number")  # noqa: S608


def serials_of(typed: str) -> list[str]:
    """Serial numbers, one a line or divided by spaces or commas. Raises StockRefused."""
    found = [one.upper() for one in re.split(r"[\s,，;；、]+", typed.strip()) if one]
    if len(found) > MOST_AT_ONCE:
        raise StockRefused(StockFault.TOO_MANY)
    wrong = next((one for one in found if not SERIAL.fullmatch(one)), None)
    if wrong is not None or not found:
        raise StockRefused(StockFault.NOT_A_SERIAL, (wrong or "")[:40])
    return list(dict.fromkeys(found))


async def receive(
    connection: AsyncConnection, serials: Sequence[str], model: str, by: int, *, now: datetime
) -> int:
    """New ones, all or none; how many. Raises StockRefused for one that was there before."""
    model = model.strip()
    if not 0 < len(model) <= LONGEST_MODEL:
        raise StockRefused(StockFault.NO_MODEL)
    for serial in sorted(serials):
        values = {"serial": serial, "model": model, "now": now}
        if await connection.scalar(_IN, values) is None:
            raise StockRefused(StockFault.THERE_ALREADY, serial)
        await _remember(connection, serial, StockAct.RECEIVE, "", _S.IN_STOCK, by, None, "", now)
    return len(serials)


async def move(
    connection: AsyncConnection,
    serial: str,
    act: StockAct,
    by: int | None,
    *,
    now: datetime,
    number: str | None = None,
    reason: str = "",
) -> BlankUKey:
    """One act on one UKey, which is locked. `number`: the order, where the act is for one; the caller has
    locked the order before. Raises StockRefused; nothing is changed then."""
    row, reason = TRANSITIONS[act], reason.strip()[:LONGEST_REASON]
    before = await _locked(connection, serial)
    if before.state not in row.before:
        raise StockRefused(StockFault.WRONG_STATE, serial)
    if row.reason and not reason:
        raise StockRefused(StockFault.NO_REASON, serial)
    if row.order and (number is None or before.number not in (None, number)):
        raise StockRefused(StockFault.OTHER_ORDER, serial)
    about, after = number or before.number, row.after
    if act is StockAct.FIND and await _was_written(connection, serial):
        after = _S.DEFECTIVE
    return await _change(connection, before, act, after, by, about, reason, now)


async def _was_written(connection: AsyncConnection, serial: str) -> bool:
    """Whether what is missing was no blank one any more."""
    last = (await connection.execute(_LAST, {"serial": serial})).one()
    return StockAct(last.act) is StockAct.MISS


async def reverse(
    connection: AsyncConnection, serial: str, by: int, reason: str, *, now: datetime
) -> BlankUKey:
    """Take back the last act, where REVERSED_TO has it and the order has no other UKey since.

    Raises StockRefused; nothing is changed then.
    """
    order = await _order_of_last(connection, serial)
    before, reason = await _locked(connection, serial), reason.strip()[:LONGEST_REASON]
    last = (await connection.execute(_LAST, {"serial": serial})).one()
    after = REVERSED_TO.get((StockAct(last.act), StockState(last.before))) if last.before else None
    if after is None or StockState(last.after) is not before.state:
        raise StockRefused(StockFault.NOT_REVERSED, serial)
    if after in WITH_ORDER and not await _still_its_ukey(connection, order, last):
        raise StockRefused(StockFault.NOT_REVERSED, serial)
    if not reason:
        raise StockRefused(StockFault.NO_REASON, serial)
    return await _change(connection, before, StockAct.REVERSE, after, by, last.number, reason, now)


async def _order_of_last(connection: AsyncConnection, serial: str) -> Order | None:
    """Locked, as orders are before their UKeys."""
    last = (await connection.execute(_LAST, {"serial": serial})).one_or_none()
    return None if last is None or last.number is None else await locked(connection, last.number)


async def _still_its_ukey(connection: AsyncConnection, order: Order | None, last: Row[Any]) -> bool:
    """Whether what was given out with an order is what the order has: it was not made anew since."""
    if order is None or order.number != last.number or order.state not in _GIVEN_OUT:
        return False
    since = {"number": order.number, "id": last.id}
    return not await connection.scalar(_SINCE, since)


async def _change(
    connection: AsyncConnection,
    before: BlankUKey,
    act: StockAct,
    after: StockState,
    by: int | None,
    about: str | None,
    reason: str,
    now: datetime,
) -> BlankUKey:
    """Write the state and its event. Raises StockRefused(HAS_ONE)."""
    kept = about if after in WITH_ORDER else None
    change = {"serial": before.serial, "state": str(after), "number": kept, "now": now}
    try:
        async with connection.begin_nested():
            await connection.execute(_CHANGE, change)
    except IntegrityError as twice:
        raise StockRefused(StockFault.HAS_ONE, before.serial) from twice
    await _remember(connection, before.serial, act, before.state, after, by, about, reason, now)
    return BlankUKey(before.serial, before.model, after, kept, before.received_at, now)


async def _locked(connection: AsyncConnection, serial: str) -> BlankUKey:
    row = (await connection.execute(_LOCK, {"serial": serial})).first()
    if row is None:
        raise StockRefused(StockFault.UNKNOWN, serial)
    return ukey_from(row)


def ukey_from(row: Any) -> BlankUKey:
    return BlankUKey(
        row.serial, row.model, StockState(row.state), row.number, row.received_at, row.changed_at
    )


async def _remember(
    connection: AsyncConnection,
    serial: str,
    act: StockAct,
    before: str,
    after: StockState,
    by: int | None,
    number: str | None,
    reason: str,
    now: datetime,
) -> None:
    row = {"serial": serial, "act": str(act), "before": str(before), "after": str(after), "now": now}
    await connection.execute(_EVENT, row | {"by": by, "number": number, "reason": reason})
    facts = {"before": str(before), "after": str(after), **({"order": number} if number else {})}
    actor, role = (trail.CLOCK, "") if by is None else (trail.account(by), Role.CLERK.value)
    await trail.record(
        connection, at=now, actor=actor, role=role, act=f"stock.{act}", subject=serial, facts=facts
    )


def needs_one(order: Order) -> bool:
    """Whether the order takes a new UKey: what the subscriber holds already is written again otherwise."""
    return order.service in ("issue", "additional", "replace")


async def of_order(connection: AsyncConnection, number: str) -> BlankUKey | None:
    """The UKey that lies with an order, or went with it."""
    row = (await connection.execute(_OF_ORDER, {"number": number})).first()
    return None if row is None else ukey_from(row)


async def assigned_to(connection: AsyncConnection, number: str) -> str | None:
    """The serial of the UKey that is to be written for an order."""
    found = await of_order(connection, number)
    return found.serial if found is not None and found.state is _S.ASSIGNED else None


async def written(connection: AsyncConnection, order: Order, by: int | None, *, now: datetime) -> None:
    """The certificate is in the UKey that lies with the order; nothing where none lies there."""
    serial = await assigned_to(connection, order.number)
    if serial is not None:
        await move(connection, serial, StockAct.WRITE, by, now=now, number=order.number)


async def write_off(
    connection: AsyncConnection, number: str, by: int | None, reason: str, *, lost: bool, now: datetime
) -> None:
    """The order's written UKey broke or was lost; nothing where the stock has said so before.

    Raises StockRefused.
    """
    found = await of_order(connection, number)
    if found is None:
        return
    broken = StockAct.COME_BACK if found.state is _S.GONE else StockAct.DEFECT
    act = StockAct.MISS if lost else broken
    await move(connection, found.serial, act, by, now=now, reason=reason)


async def keep(connection: AsyncConnection, order: Order, by: int, reason: str, *, now: datetime) -> None:
    """The order's UKey was not given out after all; nothing where none went with it.

    Raises StockRefused, also where the UKey that went has come back by then.
    """
    found = await of_order(connection, order.number)
    if found is None and not needs_one(order):
        return
    if found is None:
        raise StockRefused(StockFault.NOT_WRITTEN)
    number = order.number
    await move(connection, found.serial, StockAct.KEEP, by, now=now, number=number, reason=reason)


async def give_out(connection: AsyncConnection, order: Order, by: int, *, now: datetime) -> None:
    """With the hand-over or the parcel: the order's UKey leaves the house.

    Raises StockRefused(NOT_WRITTEN).
    """
    if order.certificate:
        await written(connection, order, by, now=now)  # an issue that said nothing of the stock
    found = await of_order(connection, order.number)
    if found is None and not needs_one(order):
        return
    if found is None or found.state is not _S.WRITTEN:
        raise StockRefused(StockFault.NOT_WRITTEN, found.serial if found else "")
    await move(connection, found.serial, StockAct.GIVE_OUT, by, now=now, number=order.number)
