"""A lot's public log, as recorded in the ledger: read in pages, and by kind."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from redis.exceptions import RedisError
from sqlalchemy import BigInteger, Integer, LargeBinary, Select, Text, column, func, select, table
from sqlalchemy.ext.asyncio import AsyncEngine

from bidding.messages import Closed, Event, PrivateEvent, Result, Suspended, parse

PAGE: Final = 50
MOST_PAGES: Final = 2_000
DELAYS: Final = "luochui:delays:"
"""Before a lot's id: the hash that the gateways write at its end."""

_entries: Final = table(
    "ledger_entries",
    *(column("lot", Text), column("seq", Integer), column("kind", Text), column("at", BigInteger)),
    *(column("line", Text), column("hash", LargeBinary)),
)
_private: Final = table(
    "private_entries",
    *(column("lot", Text), column("number", Integer), column("kind", Text), column("line", Text)),
)


@dataclass(frozen=True, slots=True)
class Logged:
    """One public entry and its place in the chain."""

    event: Any
    hash: str


@dataclass(frozen=True, slots=True)
class LogPage:
    entries: tuple[Logged, ...]
    total: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Delays:
    """How long the gateways took from a bid's arrival to its answer."""

    p99_ms: int
    max_ms: int
    bids: int


@dataclass(frozen=True, slots=True)
class Ending:
    """What is public about the end: the hammer, the result and the gateways' delays (which both may be still
    to come), the outages."""

    closed: Closed | None
    result: Result | None
    outages: tuple[Suspended, ...]
    delays: Delays | None = None

    @property
    def lateness_ms(self) -> int:
        return self.closed.recorded_at - self.closed.at if self.closed else 0


async def read_page(engine: AsyncEngine, lot: str, page: int) -> LogPage:
    """One page of a lot's log, the newest entry first."""
    async with engine.connect() as connection:
        counted = select(func.count()).select_from(_entries).where(_entries.c.lot == lot)
        total = int((await connection.execute(counted)).scalar_one())
        pages = min(max(1, -(-total // PAGE)), MOST_PAGES)
        page = min(max(page, 1), pages)
        found = _of(lot).order_by(_entries.c.seq.desc()).limit(PAGE).offset((page - 1) * PAGE)
        rows = (await connection.execute(found)).all()
    return LogPage(tuple(Logged(parse(row.line), row.hash.hex()) for row in rows), total, page, pages)


async def read_ending(engine: AsyncEngine, redis: Any, lot: str) -> Ending:
    """How a lot ended."""
    events = await _of_kinds(engine, lot, ("closed", "result", "suspended"))
    outages = tuple(one for one in events if isinstance(one, Suspended) and one.since)
    return Ending(
        next((one for one in events if isinstance(one, Closed)), None),
        next((one for one in events if isinstance(one, Result)), None),
        outages,
        await _delays(redis, lot),
    )


async def _delays(redis: Any, lot: str) -> Delays | None:
    """What the gateways left about a lot; None when that is nothing, or can't be read."""
    try:
        told = await redis.hmget(DELAYS + lot, "gateway_p99_ms", "gateway_max_ms", "bids")
        return Delays(*(math.ceil(float(value)) for value in told))
    except (RedisError, OSError, TypeError, ValueError, OverflowError):
        return None


async def read_refusals(engine: AsyncEngine, lot: str, page: int) -> tuple[tuple[PrivateEvent, ...], int]:
    """One page of what was refused or confirmed (private until the close: the caller sees to that), and how
    many pages there are."""
    async with engine.connect() as connection:
        counted = select(func.count()).select_from(_private).where(_private.c.lot == lot)
        pages = min(max(1, -(-int((await connection.execute(counted)).scalar_one()) // PAGE)), MOST_PAGES)
        found = select(_private.c.line).where(_private.c.lot == lot).order_by(_private.c.number)
        rows = await connection.execute(found.limit(PAGE).offset((min(page, pages) - 1) * PAGE))
        return tuple(parse(row.line) for row in rows), pages  # type: ignore[misc]


async def _of_kinds(engine: AsyncEngine, lot: str, kinds: Collection[str]) -> list[Event]:
    found = _of(lot).where(_entries.c.kind.in_(list(kinds))).order_by(_entries.c.seq).limit(1_000)
    async with engine.connect() as connection:
        return [parse(row.line) for row in await connection.execute(found)]  # type: ignore[misc]


def _of(lot: str) -> Select[Any]:
    return select(_entries.c.line, _entries.c.hash).where(_entries.c.lot == lot)
