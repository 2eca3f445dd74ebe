"""A clerk's drawer: what was taken for orders on a day, what was given back, and whether it is counted.

The book only grows. Money taken by mistake is given back by a row against its row, by the clerk who took it,
on the same day, before the drawer is counted: what left the clerk's hands is finance's to pay back. While the
drawer of a day is closed nothing goes in or out: the closing always says what was in it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.scope import PaymentWay
from office.working_days import at_minute, day_of

CASH: Final = PaymentWay.ON_THE_SPOT
"""What lies in the drawer; the other ways of the counter are booked by a device."""


class DrawerClosed(Exception):
    """The clerk has closed the day; the closing can be taken back with a reason (day.py)."""


class NotInDrawer(Exception):
    """The clerk has not taken money for this order today, or has given it back already."""


@dataclass(frozen=True, slots=True)
class Taking:
    """Money that was taken for an order."""

    id: int
    number: str
    fen: int
    way: str


_LOCK: Final = text("SELECT pg_advisory_xact_lock(:clerk, 1330660701)")
_CLOSED: Final = text(
    "SELECT EXISTS (SELECT FROM counter_closings"
    " WHERE clerk_id = :clerk AND day = :day AND reversed_at IS NULL)"
)
_PUT: Final = text(
    "INSERT INTO counter_takings (number, fen, way, clerk_id, at, reverses, reason)"
    " VALUES (:number, :fen, :way, :clerk, :now, :reverses, :reason) RETURNING id"
)
_TAKEN: Final = text(
    "SELECT t.id, t.number, t.fen, t.way FROM counter_takings t WHERE t.number = :number AND t.fen > 0"
    " AND t.clerk_id = :clerk AND t.at >= :since AND t.at < :until"
    " AND NOT EXISTS (SELECT FROM counter_takings r WHERE r.reverses = t.id) ORDER BY t.id DESC LIMIT 1"
)
_CASH: Final = text(
    "SELECT coalesce(sum(fen), 0)::bigint FROM counter_takings"
    " WHERE clerk_id = :clerk AND way = :cash AND at >= :since AND at < :until"
)


def span_of(day: date) -> dict[str, datetime]:
    """The day in Beijing."""
    since = at_minute(day, 0).astimezone(UTC)
    return {"since": since, "until": since + timedelta(days=1)}


async def hold(connection: AsyncConnection, clerk: int) -> None:
    """Whoever takes, gives back, closes or reopens waits for who does it now; to the end of the
    transaction. An order is locked before."""
    await connection.execute(_LOCK, {"clerk": clerk})


async def require_open(connection: AsyncConnection, clerk: int, now: datetime) -> None:
    """Hold the drawer. Raises DrawerClosed."""
    await hold(connection, clerk)
    if await connection.scalar(_CLOSED, {"clerk": clerk, "day": day_of(now)}):
        raise DrawerClosed(day_of(now).isoformat())


async def put_in(
    connection: AsyncConnection, clerk: int, number: str, way: PaymentWay, fen: int, *, now: datetime
) -> int:
    """The taking's id. Raises DrawerClosed."""
    await require_open(connection, clerk, now)
    row = {"number": number, "fen": fen, "way": str(way), "clerk": clerk, "now": now}
    return int(await connection.scalar(_PUT, row | {"reverses": None, "reason": ""}) or 0)


async def taken_today(
    connection: AsyncConnection, clerk: int, number: str, *, now: datetime
) -> Taking | None:
    """What this clerk took today for an order, and has still."""
    given = {"clerk": clerk, "number": number, **span_of(day_of(now))}
    row = (await connection.execute(_TAKEN, given)).one_or_none()
    return None if row is None else Taking(**row._mapping)


async def give_back(
    connection: AsyncConnection, clerk: int, number: str, reason: str, *, now: datetime
) -> Taking:
    """What was taken for the order today, out again. Raises DrawerClosed, NotInDrawer."""
    await require_open(connection, clerk, now)
    taken = await taken_today(connection, clerk, number, now=now)
    if taken is None:
        raise NotInDrawer(number)
    row = {"number": number, "fen": -taken.fen, "way": taken.way, "clerk": clerk, "now": now}
    await connection.execute(_PUT, row | {"reverses": taken.id, "reason": reason})
    return taken


async def cash_of(connection: AsyncConnection, clerk: int, day: date) -> int:
    """What the books expect in the drawer, in fen. The drawer is held."""
    given = {"clerk": clerk, "cash": str(CASH), **span_of(day)}
    return int(await connection.scalar(_CASH, given) or 0)
