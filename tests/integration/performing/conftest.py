"""An engine on the database of the tests, and the clock of the acts."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from office.database import create_engine
from tests.tradingkit import MutableClock, a_clock


@pytest_asyncio.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    made = create_engine(database)
    yield made
    await made.dispose()


@pytest.fixture
def clock() -> MutableClock:
    return a_clock()
