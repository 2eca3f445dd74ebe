"""`luochui audit check` says whether the log is whole, and keeps to a head that was noted."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from typer.testing import CliRunner, Result

from luochui.commands.audit import BROKEN, WAITS, WRONG_USE, audit_app
from office.audit.chain import Chain
from office.audit.trail import CLOCK, record
from office.database import create_engine
from signing.sm3 import sm3

Run = Callable[..., Result]


@pytest.fixture
def run(database: str, valkey: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("REDIS_URL", valkey)
    monkeypatch.setattr("luochui.commands.audit.logs.configure", lambda *_, **__: None)
    return lambda *arguments: CliRunner().invoke(audit_app, ["check", *arguments])


def write(database: str, at: datetime, *, linked: bool = True) -> None:
    async def work() -> None:
        engine = create_engine(database)
        async with engine.begin() as connection:
            await record(connection, at=at, actor=CLOCK, role="", act="lot.fail", subject="CAR-1")
        if linked:
            await Chain(engine, sm3).round(at)
        await engine.dispose()

    asyncio.run(work())


def test_a_whole_log_is_whole_and_its_head_is_said(run: Run, database: str) -> None:
    now = datetime.now(UTC)
    write(database, now)
    first = run()
    assert (first.exit_code, "1 条" in first.output) == (0, True)
    head = first.output.split("Head: ")[1].split()[0]
    write(database, now)
    assert run("--head", head).exit_code == 0
    assert run("--head", f"1:{'0' * 64}").exit_code == BROKEN
    assert run("--head", "one").exit_code == WRONG_USE


def test_a_changed_log_is_broken(run: Run, database: str) -> None:
    write(database, datetime.now(UTC))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_stay")
        connection.execute("UPDATE audit_entries SET subject = 'CAR-2'")
        connection.execute("ALTER TABLE audit_entries ENABLE TRIGGER audit_entries_stay")
    found = run()
    assert (found.exit_code, "broken" in found.output) == (BROKEN, True)


def test_entries_that_wait_for_long_are_told(run: Run, database: str) -> None:
    write(database, datetime.now(UTC) - timedelta(hours=1), linked=False)
    found = run()
    assert (found.exit_code, "steward" in found.output) == (WAITS, True)
