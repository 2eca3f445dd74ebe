"""Registrants are told when the opening of their lot moves: once, and not when they were told already."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.database import create_engine
from office.messages.kinds import said
from office.messages.telling import ToRegistrantsOf, tell
from tests.tradingkit import a_clock, make_listing
from trading.lifecycle.states import LotState
from trading.registrations.openings import KIND, OpeningRound

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
FIRST, SECOND = NOW + timedelta(days=5), NOW + timedelta(days=6)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    made = create_engine(database, pool_size=2)
    yield made
    await made.dispose()


async def _run(engine: AsyncEngine, statement: str, **values: Any) -> list[Any]:
    async with engine.begin() as connection:
        found = await connection.execute(text(statement), values)
        return list(found.all()) if found.returns_rows else []


async def _move(engine: AsyncEngine, lot: str, opens_at: datetime) -> None:
    await _run(engine, "UPDATE listings SET opens_at = :at WHERE lot = :lot", at=opens_at, lot=lot)


async def _told(engine: AsyncEngine) -> list[Any]:
    return await _run(engine, "SELECT lot, facts FROM messages WHERE kind = :kind ORDER BY id", kind=KIND)


async def test_a_moved_opening_is_told_once_for_each_move(engine: AsyncEngine) -> None:
    lot = (await make_listing(engine, LotState.IN_AUCTION, clock=a_clock())).lot
    await _move(engine, lot, FIRST)
    round_ = OpeningRound(engine)
    assert [await round_.round(NOW) for _ in range(2)] == [0, 0]  # the first one is no move
    await _move(engine, lot, SECOND)
    assert [await round_.round(NOW) for _ in range(2)] == [1, 0]
    await _move(engine, lot, FIRST)
    assert [await round_.round(NOW + timedelta(seconds=9)) for _ in range(2)] == [
        1,
        0,
    ]  # back again is a move as well
    await _move(engine, lot, SECOND)
    assert [await round_.round(NOW + timedelta(minutes=1)) for _ in range(2)] == [1, 0]
    first, second, _ = await _told(engine)
    assert (first.lot, second.lot) == (lot, lot)
    assert first.facts["before"] == second.facts["opens_at"] == FIRST.isoformat()
    message = said(KIND, first.facts, "zh-CN")
    assert "原定" in message.text
    assert "{" not in message.text


async def test_who_was_told_by_the_extension_is_not_told_again(engine: AsyncEngine) -> None:
    lot = (await make_listing(engine, LotState.ANNOUNCED, clock=a_clock())).lot
    await _move(engine, lot, FIRST)
    round_ = OpeningRound(engine)
    await round_.round(NOW)
    await _move(engine, lot, SECOND)
    async with engine.begin() as connection:
        facts = {"lot": lot, "title": "x", "opens_at": SECOND.isoformat()}
        await tell(connection, ToRegistrantsOf(lot), "lot.extend", facts, now=NOW)
    assert await round_.round(NOW) == 0
    assert await _told(engine) == []


async def test_a_lot_that_opens_no_more_tells_nothing(engine: AsyncEngine) -> None:
    lot = (await make_listing(engine, LotState.SUSPENDED, clock=a_clock())).lot
    round_ = OpeningRound(engine)
    for opens_at in (FIRST, SECOND):
        await _move(engine, lot, opens_at)
        assert await round_.round(NOW) == 0
