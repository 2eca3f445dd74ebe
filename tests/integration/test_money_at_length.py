"""A statement of 100,000 rows is imported within 20 s, and again it changes nothing."""

from datetime import datetime
from pathlib import Path

import pytest

from loadtests import statement_bench
from office.accounts import Role
from office.banking.imports import Statements
from office.database import create_engine
from office.files import Files
from signing.sm3 import sm3
from tests.moneykit import NOON, Money
from tests.tradingkit import an_account
from trading.deposits import checking


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_hundred_thousand_rows_are_imported_in_time(database: str, tmp_path: Path) -> None:
    engine = create_engine(database)
    by, files = await an_account(engine, Role.FINANCE), Files.at(tmp_path, digest=sm3)
    rows = await statement_bench.measure(engine, files, by=by, now=NOON)
    assert all(row.met for row in rows), [row.as_json() for row in rows]
    overlapping = statement_bench.statement(60_000, datetime(2026, 1, 5), encoding="utf-8")  # noqa: DTZ001
    statements = Statements(engine, files)
    again = await statements.preview("shifan", "again.csv", overlapping, by=by, now=NOON)
    done = await statements.import_one(again.id, by=by, now=NOON)
    assert (done.taken, done.known) == (0, 60_000)
    async with engine.connect() as connection:
        assert (await checking.check(connection)).sound
    await engine.dispose()


async def test_a_thousand_rows_at_once_are_matched(database: str) -> None:
    engine = create_engine(database)
    money = Money.on(engine)
    numbers = [await money.open(payer=f"付款人{place}") for place in range(5)]
    rows = [
        money.row(numbers[place % 5] if place < 5 else "", 500_000, payer=f"付款人{place}")
        for place in range(1000)
    ]
    taken = await money.take(rows)
    assert taken.new == 1000
    await money.settle()
    assert [str(await money.state(number)) for number in numbers] == ["paid"] * 5
    await engine.dispose()
