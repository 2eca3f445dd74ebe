"""The audit log: written with the act, only added to."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from office.audit.trail import account, record
from office.database import create_engine

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database, pool_size=2)
    yield engine
    await engine.dispose()


async def write(engine: AsyncEngine, count: int = 1, **changes: object) -> None:
    entry = {
        "at": NOW,
        "actor": account(7),
        "role": "administrator",
        "act": "lot.announce",
        "subject": "CAR-1",
    }
    async with engine.begin() as connection:
        for _ in range(count):
            await record(connection, **{**entry, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("table", ["audit_entries", "audit_links"])
async def test_the_log_refuses_to_be_changed_or_emptied(
    engine: AsyncEngine, database: str, table: str
) -> None:
    await write(engine)
    with psycopg.connect(database, autocommit=True) as connection:
        for command in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE", f"UPDATE {table} SET {{}} "):
            column = "act = 'x.y'" if table == "audit_entries" else "digest = digest"
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(command.replace("{}", column))
