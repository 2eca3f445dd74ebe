"""Reminders of an opening: a day and an hour before, once for each moment, and they follow one that moves."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.database import create_engine
from tests.tradingkit import a_clock, make_listing
from trading.lifecycle.states import LotState
from trading.reminders import ReminderRound

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    made = create_engine(database, pool_size=2)
    yield made
    await made.dispose()


async def _run(engine: AsyncEngine, statement: str, **values: Any) -> list[Any]:
    async with engine.begin() as connection:
        found = await connection.execute(text(statement), values)
        return list(found.all()) if found.returns_rows else []


async def test_reminders_follow_an_opening_that_moves(engine: AsyncEngine) -> None:
    lot = (await make_listing(engine, LotState.IN_AUCTION, clock=a_clock())).lot
    move = "UPDATE listings SET opens_at = :at WHERE lot = :lot"
    await _run(engine, move, at=NOW + timedelta(hours=20), lot=lot)
    round_ = ReminderRound(engine)
    assert [await round_.round(NOW) for _ in range(2)] == [1, 0]
    moved = NOW + timedelta(hours=30)
    await _run(engine, move, at=moved, lot=lot)
    assert await round_.round(NOW) == 0
    assert [await round_.round(moved - timedelta(hours=23)) for _ in range(2)] == [1, 0]
    assert [await round_.round(moved - timedelta(minutes=59)) for _ in range(2)] == [1, 0]
    assert await round_.round(moved) == 0
    told = await _run(engine, "SELECT facts FROM messages WHERE kind = 'reminder.opening' ORDER BY id")
    assert [row.facts["opens_at"] for row in told][1:] == [moved.isoformat()] * 2


async def test_an_opening_that_moves_close_is_told_of_once_and_not_twice_at_once(engine: AsyncEngine) -> None:
    lot = (await make_listing(engine, LotState.IN_AUCTION, clock=a_clock())).lot
    at = NOW + timedelta(minutes=40)
    await _run(engine, "UPDATE listings SET opens_at = :at WHERE lot = :lot", at=at, lot=lot)
    assert [await ReminderRound(engine).round(NOW) for _ in range(2)] == [1, 0]
