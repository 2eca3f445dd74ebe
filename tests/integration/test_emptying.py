"""Between two tests nothing is left in the database, not even in tables that refuse to give up a row."""

from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql

from office.accounts import Accounts, Role
from office.audit.trail import account, record
from office.database import create_engine
from tests.conftest import empty


async def test_nothing_is_left_and_numbers_begin_anew(database: str) -> None:
    for _ in range(2):
        engine = create_engine(database)
        number = await Accounts(engine).create("keeper", "a long password", Role.ADMINISTRATOR, "测试管理员")
        async with engine.begin() as connection:
            at = datetime(2026, 3, 2, tzinfo=UTC)
            await record(
                connection, at=at, actor=account(number), role="administrator", act="test", subject="X"
            )
        await engine.dispose()
        assert number == 1
        assert {"accounts", "audit_entries"} <= filled(database)
        empty(database)
        assert filled(database) == set()


def test_the_guards_stand_again_afterwards(database: str) -> None:
    empty(database)
    with psycopg.connect(database) as connection, pytest.raises(psycopg.Error, match="only added to"):
        connection.execute("TRUNCATE audit_entries CASCADE")


def filled(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        ).fetchall()
        assert len(tables) > 50
        query = sql.SQL("SELECT count(*) FROM {}")
        counts = {
            name: connection.execute(query.format(sql.Identifier(name))).fetchone() for (name,) in tables
        }
    return {name for name, count in counts.items() if count != (0,)}
