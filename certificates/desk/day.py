"""The day's reckoning: orders handed over are UKeys gone, money taken at the counter is orders paid there.

Nothing is edited here: a difference is named, looked for, and put right by an act of its own; a closing that
was wrong is taken back and done again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.desk import drawer
from certificates.desk.drawer import span_of
from office.accounts import Role
from office.audit import trail

MOST: Final = 2_000
LONGEST_NOTE: Final = 300
MOST_FEN: Final = 100_000_000_00


@dataclass(frozen=True, slots=True)
class Given:
    """An order that was handed over or sent that day, and the UKey that went with it."""

    number: str
    service: str
    sent: bool
    medium: str
    """What was written, as the issue said."""
    serial: str
    """Of the stock; "": none went."""

    @property
    def agrees(self) -> bool:
        return bool(self.serial) or self.service not in ("issue", "additional", "replace")


@dataclass(frozen=True, slots=True)
class Till:
    """One clerk's money of a day. `closed`: the drawer was counted.

    `orders`, `fen`: in all ways, less what was given back; `cash_fen` of it lies in the drawer, as the books
    say, or said when it was closed.
    """

    clerk_id: int
    clerk: str
    orders: int
    fen: int
    cash_fen: int
    back: int
    """How many takings were by mistake and given back."""
    counted_fen: int | None
    note: str

    @property
    def closed(self) -> bool:
        return self.counted_fen is not None

    @property
    def beside_fen(self) -> int:
        """Booked by a device: it lies in no drawer."""
        return self.fen - self.cash_fen


@dataclass(frozen=True, slots=True)
class Reversed:
    """A closing of the day that was taken back, with the reason."""

    clerk: str
    counted_fen: int
    at: datetime
    reversal: str


@dataclass(frozen=True, slots=True)
class Reckoning:
    day: date
    given: Sequence[Given]
    stray: Sequence[tuple[str, str]]
    """(serial, order): gone that day, but the order was neither handed over nor sent then."""
    tills: Sequence[Till]
    paid: int
    """Orders paid at the counter, by the history of orders."""
    paid_fen: int
    reversals: Sequence[Reversed]

    @property
    def taken_fen(self) -> int:
        return sum(till.fen for till in self.tills)

    @property
    def agrees(self) -> bool:
        money = (self.taken_fen, sum(till.orders for till in self.tills)) == (self.paid_fen, self.paid)
        return money and not self.stray and all(one.agrees for one in self.given)


class ClosedAlready(Exception):
    """The clerk has closed this day."""


class NotClosed(Exception):
    """The clerk has not closed this day, or has taken it back already."""


class NoNote(Exception):
    """Counted and expected differ, or a closing is taken back, and nobody said why."""


_BOTH: Final = (
    "WITH e AS (SELECT e.id, e.number, e.act, row_number() OVER (PARTITION BY e.number ORDER BY e.id) AS nth"
    " FROM order_events e WHERE e.act IN ('hand_over', 'ship') AND e.at >= :since AND e.at < :until"
    " AND NOT EXISTS (SELECT FROM order_events r WHERE r.number = e.number AND r.id > e.id"
    " AND r.act = 'reverse_hand_over' AND r.at < :until)),"
    " u AS (SELECT b.id, b.number, b.serial, row_number() OVER (PARTITION BY b.number ORDER BY b.id) AS nth"
    " FROM blank_ukey_events b WHERE b.act = 'give_out' AND b.at >= :since AND b.at < :until"
    " AND NOT EXISTS (SELECT FROM blank_ukey_events k WHERE k.serial = b.serial AND k.id > b.id"
    " AND k.act = 'keep' AND k.at < :until)) "
)
"""What was handed over or sent that day, and which UKeys left: an order that was made anew has its first and
its second. What was taken back the same day is neither."""
_GIVEN: Final = text(
    f"{_BOTH}SELECT e.number, o.service, e.act = 'ship' AS sent, o.medium, coalesce(u.serial, '') AS serial"  # noqa: S608
    " FROM e JOIN orders o ON o.number = e.number LEFT JOIN u ON u.number = e.number AND u.nth = e.nth"
    " ORDER BY e.id LIMIT :most"
)
_STRAY: Final = text(
    f"{_BOTH}SELECT u.serial, u.number FROM u LEFT JOIN e ON e.number = u.number AND e.nth = u.nth"  # noqa: S608
    " WHERE e.number IS NULL ORDER BY u.id LIMIT :most"
)
_TILLS: Final = text(
    "SELECT a.id AS clerk_id, a.name AS clerk, coalesce(t.orders, 0) AS orders, coalesce(t.fen, 0) AS fen,"
    " coalesce(c.expected_fen, t.cash, 0) AS cash_fen, coalesce(t.back, 0) AS back,"
    " c.counted_fen, coalesce(c.note, '') AS note FROM accounts a LEFT JOIN ("
    "  SELECT clerk_id, sum(sign(fen))::bigint AS orders, sum(fen)::bigint AS fen,"
    "  count(reverses) AS back, coalesce(sum(fen) FILTER (WHERE way = :cash), 0)::bigint AS cash"
    "  FROM counter_takings"
    "  WHERE at >= :since AND at < :until GROUP BY clerk_id) t ON t.clerk_id = a.id"
    " LEFT JOIN counter_closings c ON c.clerk_id = a.id AND c.day = :day AND c.reversed_at IS NULL"
    " WHERE t.clerk_id IS NOT NULL OR c.clerk_id IS NOT NULL ORDER BY a.name, a.id LIMIT 200"
)
_PAID: Final = text(
    "SELECT coalesce(sum(CASE act WHEN 'paid' THEN 1 ELSE -1 END), 0)::bigint AS n,"
    " coalesce(sum(CASE act WHEN 'paid' THEN 1 ELSE -1 END * (facts->>'fen')::bigint), 0)::bigint AS fen"
    " FROM order_events WHERE act IN ('paid', 'reverse_payment') AND actor = 'clerk'"
    " AND at >= :since AND at < :until"
)
_CLOSE: Final = text(
    "INSERT INTO counter_closings (day, clerk_id, counted_fen, expected_fen, note, at)"
    " VALUES (:day, :clerk, :counted, :expected, :note, :now)"
)
_REOPEN: Final = text(
    "UPDATE counter_closings SET reversed_at = :now, reversal = :reason"
    " WHERE day = :day AND clerk_id = :clerk AND reversed_at IS NULL RETURNING counted_fen"
)
_REVERSALS: Final = text(
    "SELECT a.name AS clerk, c.counted_fen, c.reversed_at AS at, c.reversal FROM counter_closings c"
    " JOIN accounts a ON a.id = c.clerk_id WHERE c.day = :day AND c.reversed_at IS NOT NULL"
    " ORDER BY c.reversed_at LIMIT 100"
)


class Days:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def reckoning(self, day: date) -> Reckoning:
        values: dict[str, Any] = {**span_of(day), "most": MOST}
        async with self._engine.connect() as connection:
            given = [Given(**row._mapping) for row in await connection.execute(_GIVEN, values)]
            stray = [(row.serial, row.number) for row in await connection.execute(_STRAY, values)]
            tills = await self._tills(connection, day)
            paid = (await connection.execute(_PAID, span_of(day))).one()
            taken_back = await connection.execute(_REVERSALS, {"day": day})
            reversals = [Reversed(**row._mapping) for row in taken_back]
        return Reckoning(day, given, stray, tills, paid.n, paid.fen, reversals)

    async def _tills(self, connection: AsyncConnection, day: date) -> Sequence[Till]:
        rows = await connection.execute(_TILLS, {**span_of(day), "day": day, "cash": str(drawer.CASH)})
        return [Till(**row._mapping) for row in rows]

    async def close(self, day: date, clerk: int, counted_fen: int, note: str, *, now: datetime) -> int:
        """The clerk has counted the cash in the drawer; what the records expect. Once a day.

        Raises ClosedAlready, NoNote (a difference needs words).
        """
        note = note.strip()[:LONGEST_NOTE]
        async with self._engine.begin() as connection:
            await drawer.hold(connection, clerk)
            expected = await drawer.cash_of(connection, clerk, day)
            if counted_fen != expected and not note:
                raise NoNote(str(expected - counted_fen))
            row = {"day": day, "clerk": clerk, "counted": counted_fen, "expected": expected}
            try:
                await connection.execute(_CLOSE, row | {"note": note, "now": now})
            except IntegrityError as twice:
                raise ClosedAlready(day.isoformat()) from twice
            await _audit(connection, "close", day, clerk, now, {"counted": counted_fen, "expected": expected})
        return expected

    async def reopen(self, day: date, clerk: int, reason: str, *, now: datetime) -> None:
        """Take one's own closing back: it stays, with the reason, and the drawer is counted again.

        Raises NoNote, NotClosed.
        """
        reason = reason.strip()[:LONGEST_NOTE]
        if not reason:
            raise NoNote(day.isoformat())
        values = {"day": day, "clerk": clerk, "reason": reason, "now": now}
        async with self._engine.begin() as connection:
            await drawer.hold(connection, clerk)
            counted = await connection.scalar(_REOPEN, values)
            if counted is None:
                raise NotClosed(day.isoformat())
            await _audit(connection, "reopen", day, clerk, now, {"counted": int(counted)})


async def _audit(
    connection: AsyncConnection, what: str, day: date, clerk: int, now: datetime, facts: dict[str, int]
) -> None:
    actor, role, act = trail.account(clerk), Role.CLERK.value, f"counter.{what}"
    await trail.record(
        connection, at=now, actor=actor, role=role, act=act, subject=day.isoformat(), facts=facts
    )
