"""The books of the stock: lists, sums, what happened to each UKey, and counts of what is really there.

Acts are certificates/desk/stock.py's; here is what clerks do with a UKey by itself, without an order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.desk.stock import (
    IN_HOUSE,
    ROW,
    BlankUKey,
    StockAct,
    StockState,
    move,
    receive,
    reverse,
    ukey_from,
)
from office.accounts import Role
from office.audit import trail

PAGE: Final = 20
_ONE: Final = text(f"SELECT {ROW} FROM blank_ukeys WHERE serial = :serial")  # noqa: S608 - our own names
_SUMS: Final = text("SELECT state, count(*) AS n FROM blank_ukeys GROUP BY state")
_LIST: Final = text(
    f"SELECT {ROW} FROM blank_ukeys"  # noqa: S608
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
            return [ukey_from(row) for row in rows], int(await connection.scalar(_TOTAL, values) or 0)

    async def one(self, serial: str) -> tuple[BlankUKey, Sequence[StockEvent]] | None:
        """A UKey and what happened to it, the newest first."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(_ONE, {"serial": serial})).first()
            if row is None:
                return None
            events = await connection.execute(_EVENTS, {"serial": serial})
            return ukey_from(row), [StockEvent(**one._mapping) for one in events]

    async def receive(self, serials: Sequence[str], model: str, by: int, *, now: datetime) -> int:
        async with self._engine.begin() as connection:
            return await receive(connection, serials, model, by, now=now)

    async def move(self, serial: str, act: StockAct, by: int, reason: str, *, now: datetime) -> BlankUKey:
        """Raises StockRefused."""
        async with self._engine.begin() as connection:
            if act is StockAct.REVERSE:
                return await reverse(connection, serial, by, reason, now=now)
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
