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

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.orders.order import Order
from certificates.orders.states import OrderState
from office.accounts import Role
from office.audit import trail

PAGE: Final = 20
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
    COME_BACK = "come_back"
    """Undelivered, or brought back: it has been written, so it is no blank one."""
    DEFECT = "defect"
    RETURN = "return"
    LOSE = "lose"
    """Not there at a count."""
    FIND = "find"


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
    StockAct.COME_BACK: StockRow(frozenset({_S.GONE}), _S.DEFECTIVE, reason=True),
    StockAct.DEFECT: StockRow(frozenset({_S.IN_STOCK, _S.ASSIGNED, _S.WRITTEN}), _S.DEFECTIVE, reason=True),
    StockAct.RETURN: StockRow(frozenset({_S.DEFECTIVE}), _S.RETURNED, reason=True),
    StockAct.LOSE: StockRow(frozenset({_S.IN_STOCK}), _S.LOST, reason=True),
    StockAct.FIND: StockRow(frozenset({_S.LOST}), _S.IN_STOCK, reason=True),
}
"""RECEIVE stands apart: before it there is nothing."""
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


@dataclass(frozen=True, slots=True)
class StockEvent:
    serial: str
    act: StockAct
    before: str
    """"" when it came in."""
    after: StockState
    at: datetime
    by: str
    number: str | None
    reason: str


_ROW: Final = "serial, model, state, number, received_at, changed_at"
_ONE: Final = text(f"SELECT {_ROW} FROM blank_ukeys WHERE serial = :serial")  # noqa: S608 - our own names
_LOCK: Final = text(f"SELECT {_ROW} FROM blank_ukeys WHERE serial = :serial FOR UPDATE")  # noqa: S608
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
_OF_ORDER: Final = text(f"SELECT {_ROW} FROM blank_ukeys WHERE number = :number")  # noqa: S608
_SUMS: Final = text("SELECT state, count(*) AS n FROM blank_ukeys GROUP BY state")
_LIST: Final = text(
    f"SELECT {_ROW} FROM blank_ukeys"  # noqa: S608
    " WHERE (:state = '' OR state = :state) AND starts_with(serial, :serial)"
    " ORDER BY changed_at DESC, serial LIMIT :most OFFSET :skipped"
)
_TOTAL: Final = text(
    "SELECT count(*) FROM blank_ukeys WHERE (:state = '' OR state = :state) AND starts_with(serial, :serial)"
)
_EVENTS: Final = text(
    "SELECT e.serial, e.act, e.before, e.after, e.at, coalesce(a.name, '') AS by, e.number, e.reason"
    " FROM blank_ukey_events e LEFT JOIN accounts a ON a.id = e.by_account"
    " WHERE e.serial = :serial ORDER BY e.id DESC LIMIT 200"
)
_IN_HOUSE: Final = text("SELECT serial FROM blank_ukeys WHERE state = ANY(:states) ORDER BY serial")
_COUNTED: Final = text(
    "INSERT INTO stock_counts (at, by_account, counted, expected, missing, unknown)"
    " VALUES (:now, :by, :counted, :expected, :missing, :unknown)"
)
_COUNTS: Final = text(
    "SELECT c.at, a.name AS by, c.counted, c.expected, c.missing, c.unknown FROM stock_counts c"
    " JOIN accounts a ON a.id = c.by_account ORDER BY c.at DESC, c.id DESC LIMIT 10"
)


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
    about = number or before.number
    kept = about if row.after in WITH_ORDER else None
    change = {"serial": serial, "state": str(row.after), "number": kept, "now": now}
    try:
        async with connection.begin_nested():
            await connection.execute(_CHANGE, change)
    except IntegrityError as twice:
        raise StockRefused(StockFault.HAS_ONE, serial) from twice
    await _remember(connection, serial, act, before.state, row.after, by, about, reason, now)
    return BlankUKey(serial, before.model, row.after, kept, before.received_at, now)


async def _locked(connection: AsyncConnection, serial: str) -> BlankUKey:
    row = (await connection.execute(_LOCK, {"serial": serial})).first()
    if row is None:
        raise StockRefused(StockFault.UNKNOWN, serial)
    return _ukey(row)


def _ukey(row: Any) -> BlankUKey:
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
    return None if row is None else _ukey(row)


async def assigned_to(connection: AsyncConnection, number: str) -> str | None:
    """The serial of the UKey that is to be written for an order."""
    found = await of_order(connection, number)
    return found.serial if found is not None and found.state is _S.ASSIGNED else None


async def written(connection: AsyncConnection, order: Order, by: int | None, *, now: datetime) -> None:
    """The certificate is in the UKey that lies with the order; nothing where none lies there."""
    serial = await assigned_to(connection, order.number)
    if serial is not None:
        await move(connection, serial, StockAct.WRITE, by, now=now, number=order.number)


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


@dataclass(frozen=True, slots=True)
class Counted:
    """A count of what is in the house."""

    at: datetime
    by: str
    counted: int
    expected: int
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    """There, but not in the books, or there although they went."""


class Stock:
    """Reading, and what clerks do by themselves. Every method is one transaction of its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def sums(self) -> Mapping[StockState, int]:
        """How many there are in each state; together what was ever received."""
        async with self._engine.connect() as connection:
            return await sums(connection)

    async def page_of(
        self, state: StockState | None, serial: str, page: int
    ) -> tuple[Sequence[BlankUKey], int]:
        """One page, the last changed first, and how many there are. `serial`: how it begins."""
        values: dict[str, Any] = {"state": state.value if state else "", "serial": serial[:40].upper()}
        bounds = {"most": PAGE, "skipped": (page - 1) * PAGE}
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_LIST, values | bounds)).all()
            return [_ukey(row) for row in rows], int(await connection.scalar(_TOTAL, values) or 0)

    async def one(self, serial: str) -> tuple[BlankUKey, Sequence[StockEvent]] | None:
        """A UKey and what happened to it, the newest first."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(_ONE, {"serial": serial})).first()
            if row is None:
                return None
            events = await connection.execute(_EVENTS, {"serial": serial})
            return _ukey(row), [StockEvent(**one._mapping) for one in events]

    async def receive(self, serials: Sequence[str], model: str, by: int, *, now: datetime) -> int:
        async with self._engine.begin() as connection:
            return await receive(connection, serials, model, by, now=now)

    async def move(self, serial: str, act: StockAct, by: int, reason: str, *, now: datetime) -> BlankUKey:
        async with self._engine.begin() as connection:
            return await move(connection, serial, act, by, now=now, reason=reason)

    async def count(self, there: Sequence[str], by: int, *, now: datetime) -> Counted:
        """Hold what is there against the books. Nothing is changed: what is missing is looked for first."""
        async with self._engine.begin() as connection:
            states = {"states": [str(state) for state in IN_HOUSE]}
            books = set((await connection.execute(_IN_HOUSE, states)).scalars())
            found = set(there)
            missing, unknown = sorted(books - found), sorted(found - books)
            row = {"counted": len(found), "expected": len(books), "missing": missing, "unknown": unknown}
            await connection.execute(_COUNTED, row | {"by": by, "now": now})
            facts = {"counted": len(found), "expected": len(books), "missing": len(missing)}
            await trail.record(
                connection,
                at=now,
                actor=trail.account(by),
                role=Role.CLERK.value,
                act="stock.count",
                subject=f"{now:%Y-%m-%d}",
                facts=facts | {"unknown": len(unknown)},
            )
        return Counted(now, "", len(found), len(books), tuple(missing), tuple(unknown))

    async def counts(self) -> Sequence[Counted]:
        """The last ten."""
        async with self._engine.connect() as connection:
            return [
                Counted(row.at, row.by, row.counted, row.expected, tuple(row.missing), tuple(row.unknown))
                for row in await connection.execute(_COUNTS)
            ]


async def sums(connection: AsyncConnection) -> Mapping[StockState, int]:
    found = dict.fromkeys(StockState, 0)
    found |= {StockState(row.state): int(row.n) for row in await connection.execute(_SUMS)}
    return found
