"""The journal only grows, each posting sums to zero, and the check finds what does not add up; refunds'
days."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from office.accounts import Role
from office.banking import journal
from office.banking.journal import Ledger, Line, Posting, Unbalanced, moved
from office.database import create_engine
from tests.moneykit import NOON, Money
from tests.tradingkit import an_account
from trading.deposits import checking
from trading.deposits.rounds import RefundRound
from trading.deposits.states import DepositState
from trading.working_days import WorkingDayStore


@pytest.fixture
async def money(database: str) -> AsyncIterator[Money]:
    engine = create_engine(database)
    yield Money.on(engine)
    await engine.dispose()


def posting(reference: str = "one", fen: int = 100) -> Posting:
    lines = moved((Ledger.SUSPENSE, "shifan"), (Ledger.FEE, "x"), fen)
    return Posting(at=NOON, reference=reference, text="试", lines=lines)


async def run(money: Money, statement: str, **values: Any) -> None:
    async with money.engine.begin() as connection:
        await connection.execute(text(statement), values)


def test_a_posting_that_does_not_sum_to_zero_can_not_be_made() -> None:
    for lines in (
        (Line(Ledger.BANK, "x", 1), Line(Ledger.FEE, "x", -2)),
        (Line(Ledger.BANK, "x", 0), Line(Ledger.FEE, "x", 0)),
        (Line(Ledger.BANK, "x", 5),),
    ):
        with pytest.raises(Unbalanced):
            Posting(at=NOON, reference="x", text="x", lines=lines)


async def test_a_reference_is_posted_once(money: Money) -> None:
    async with money.engine.begin() as connection:
        assert await journal.post(connection, posting())
        assert not await journal.post(connection, posting())
        with pytest.raises(ValueError, match="twice"):
            await journal.post_all(connection, [posting("two"), posting("two")])
    assert await money.balance(Ledger.FEE, "x") == -100


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal_lines SET fen = fen + 1",
        "DELETE FROM journal_lines",
        "UPDATE journal_postings SET text = 'x'",
        "DELETE FROM journal_postings",
        "UPDATE bank_transactions SET amount = 1",
        "DELETE FROM bank_transactions",
        "INSERT INTO journal_lines SELECT id, 3, 'fee', 'x', 7 FROM journal_postings",
        "INSERT INTO journal_lines SELECT id, 3, 'fee', 'x', 7 FROM journal_postings"
        " UNION ALL SELECT id, 4, 'fee', 'y', -7 FROM journal_postings",
    ],
)
async def test_the_database_itself_keeps_the_journal(money: Money, statement: str) -> None:
    await money.pays("", 100)
    with pytest.raises(DBAPIError):
        await run(money, statement)
    assert await money.balance(Ledger.BANK) == 100


async def test_the_check_finds_what_does_not_add_up(money: Money) -> None:
    number = await money.open()
    await money.pays(number, 500_000)
    await money.settle()
    async with money.engine.connect() as connection:
        assert (await checking.check(connection)).sound
    async with money.engine.begin() as connection:
        lines = moved((Ledger.DEPOSIT, number), (Ledger.BANK, "shifan"), 600_000)
        await journal.post(connection, Posting(at=NOON, reference="theft", text="x", lines=lines))
        put = "INSERT INTO journal_postings (reference, text, at, line_count) VALUES ('empty', '', now(), 2)"
        await connection.execute(text(put))
    async with money.engine.connect() as connection:
        found = await checking.check(connection)
    assert not found.sound
    assert (found.unbalanced, found.difference, found.overdrawn, found.misplaced) == (1, -600_000, 1, 1)


async def test_a_refund_that_comes_back_after_it_was_paid_is_due_again(money: Money) -> None:
    from trading.deposits.refunds import Confirmed

    number, by = await money.open(), await an_account(money.engine, Role.FINANCE)
    await money.pays(number, 500_000)
    await money.settle()
    await money.deposits.release([money.registration(number)], now=NOON)
    await money.settle()
    await money.pay_refunds(by)
    assert await money.state(number) is DepositState.REFUNDED
    refund = (await money.refunds.of_account(number))[0]
    assert refund.batch_id is not None
    await money.pays("", 500_000, payer="示例银行", remark=f"退汇 {refund.number}")
    back = [Confirmed(refund.number, refund.amount, "账户已销户")]
    await money.refunds.confirm(refund.batch_id, back, by=by, now=NOON)
    await money.settle()
    assert await money.state(number) is DepositState.REFUNDING
    assert await money.balance(Ledger.SENT) == 0
    assert await money.balance(Ledger.REFUND) == -500_000
    again = await money.refunds.get(refund.id)
    assert again is not None
    await money.refunds.again(refund.id, again.version, by=by, now=NOON)
    assert await money.pay_refunds(by) == 1
    assert await money.state(number) is DepositState.REFUNDED
    assert await money.balance(Ledger.BANK) == 0
    async with money.engine.connect() as connection:
        assert (await checking.check(connection)).sound


async def test_a_day_over_an_unpublished_year_is_provisional_and_counted_again(money: Money) -> None:
    number, by = await money.open(), await an_account(money.engine, Role.FINANCE)
    await money.pays(number, 500_000)
    await money.settle()
    late = datetime(2099, 12, 30, 4, 0, tzinfo=NOON.tzinfo)
    money.now = late
    await money.deposits.release([money.registration(number)], now=late)
    await money.settle()
    refund = (await money.refunds.of_account(number))[0]
    assert (refund.due_on, refund.provisional) == (date(2100, 1, 6), True)
    days = WorkingDayStore(money.engine)
    for offset in range(1, 10):
        day = date(2099, 12, 30) + timedelta(days=offset)
        await days.set(day, day.weekday() < 5 and day != date(2100, 1, 1), "公布", by, late)
    round_ = RefundRound(money.engine)
    assert await round_.round(late) == 1
    refund = (await money.refunds.of_account(number))[0]
    assert (refund.due_on, refund.provisional) == (date(2100, 1, 7), False)
    assert await round_.round(late) == 0


async def test_finance_is_told_once_a_day_that_refunds_are_due(money: Money) -> None:
    number, by = await money.open(), await an_account(money.engine, Role.FINANCE)
    await money.pays(number, 500_000)
    await money.settle()
    await money.deposits.release([money.registration(number)], now=NOON)
    await money.settle()
    round_, due = RefundRound(money.engine), NOON + timedelta(days=7)
    assert [await round_.round(moment) for moment in (NOON, due, due, due + timedelta(days=1))] == [
        0,
        1,
        0,
        1,
    ]
    async with money.engine.connect() as connection:
        told = await connection.execute(
            text("SELECT facts FROM messages WHERE kind = 'money.refunds_due' AND account_id = :by"),
            {"by": by},
        )
        assert [row.facts for row in told] == [{"count": 1}, {"count": 1}]
