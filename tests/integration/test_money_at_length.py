"""A statement of 100,000 rows is imported within 20 s, and again it changes nothing."""

import os
from datetime import datetime
from pathlib import Path

import pytest

from loadtests import statement_bench
from office.accounts import Role
from office.banking import imports
from office.banking.banks import Bank
from office.banking.imports import Statements
from office.banking.readings import name_of
from office.banking.statements import Statement, read
from office.database import create_engine
from office.files import FileMissing, Files
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
    idle = os.getloadavg()[0] < (os.cpu_count() or 1)
    assert not idle or all(row.met for row in rows), [row.as_json() for row in rows]
    overlapping = statement_bench.statement(60_000, datetime(2026, 1, 5), encoding="utf-8")  # noqa: DTZ001
    statements = Statements(engine, files)
    again = await statements.preview("shifan", "again.csv", overlapping, by=by, now=NOON)
    done = await statements.import_one(again.id, by=by, now=NOON)
    assert (done.taken, done.known) == (0, 60_000)
    async with engine.connect() as connection:
        assert (await checking.check(connection)).sound
    await engine.dispose()


async def test_a_statement_is_read_once_and_again_when_its_reading_is_gone_or_damaged(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = create_engine(database)
    by, files = await an_account(engine, Role.FINANCE), Files.at(tmp_path, digest=sm3)
    readings: list[str] = []

    def counted(data: bytes, bank: Bank) -> Statement:
        readings.append(bank.id)
        return read(data, bank)

    monkeypatch.setattr(imports, "read", counted)
    data = statement_bench.statement(50, datetime(2026, 1, 5))  # noqa: DTZ001
    uploaded = await Statements(engine, files).preview("shifan", "a.csv", data, by=by, now=NOON)
    seen = [await Statements(engine, files).look(uploaded.id) for _ in range(3)]
    assert all(each is not None and each.statement == read(data, each.file.of) for each in seen)
    assert readings == ["shifan"]
    name = name_of(uploaded.digest, uploaded.of)
    await files.lay_down(name, (await files.pick_up(name))[:-9])
    await Statements(engine, files).look(uploaded.id)
    assert len(readings) == 2, "what was cut off is read again"
    await files.clear_away(name)
    done = await Statements(engine, files).import_one(uploaded.id, by=by, now=NOON)
    assert (done.taken, len(readings)) == (50, 3)
    with pytest.raises(FileMissing):
        await files.pick_up(name)
    again = await Statements(engine, files).import_one(uploaded.id, by=by, now=NOON)
    assert (again.taken, again.imported) == (50, True)
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
