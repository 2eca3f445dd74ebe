"""Whatever is done with money, in any order, twice, or cut off between two writes: none goes out twice.

Deposits are paid in full, short, double, late and by others, released and forfeited; refunds are batched,
paid, refused by the bank, sent back after they were paid, and confirmed again from an old file.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.accounts import Role
from office.banking.journal import Ledger
from office.banking.proposals import CannotDo
from office.banking.statements import BankRow
from office.database import create_engine
from tests.moneykit import DEADLINE, NOON, Money
from tests.tradingkit import an_account
from trading.deposits import checking
from trading.deposits.by_hand import ByHand
from trading.deposits.deposits import AlreadyDecided
from trading.deposits.refunds import Confirmed, WrongState
from trading.deposits.states import RefundState

DUE = 500_000
STEPS = (
    "pay",
    "release",
    "forfeit",
    "settle",
    "return",
    "batch",
    "confirm",
    "refuse",
    "old",
    "out",
    "bounce",
)
TABLES = (
    "refunds, refund_batches, moneys, sub_accounts, price_accounts, journal_lines, journal_postings,"
    " bank_transactions, signed_nonces, bank_statements, money_proposals"
)
PAID_OUT = (
    "SELECT count(*) FROM (SELECT r.number FROM refunds r JOIN journal_postings p ON p.reference LIKE"
    " '% ' || r.number || ' %' GROUP BY r.number, r.state HAVING"
    " count(*) FILTER (WHERE p.reference LIKE 'paid %') - count(*) FILTER (WHERE p.reference LIKE 'back %')"
    " <> CASE r.state WHEN 'paid' THEN 1 ELSE 0 END) AS wrong"
)
"""Refunds that were paid another number of times than their state says."""
RETURNED = (
    "SELECT count(*) FROM moneys m JOIN bank_transactions t ON t.id = m.transaction_id WHERE t.amount > 0 AND"
    " (m.returned > t.amount OR m.returned <> (SELECT coalesce(sum(r.amount), 0) FROM refunds r"
    " WHERE r.transaction_id = t.id AND r.kind <> 'payout'))"
)
"""Transactions of which more goes back than came, or another amount than their refunds say."""


class Cut(Exception):
    """The process ended here."""


@dataclass
class Life:
    money: Money
    by: int
    numbers: list[str]
    told: list[tuple[int, list[Confirmed]]] = field(default_factory=list)
    """Files of the bank, with their batch."""
    sent: list[BankRow] = field(default_factory=list)
    count: int = 0

    async def step(self, kind: str, pick: int) -> None:
        await STEP[kind](self, pick)

    def row(self, number: str, amount: int, **more: Any) -> BankRow:
        """The same again when a step is done again after it was cut off."""
        self.count += 1
        return self.money.row(number, amount, serial=f"L{self.count}", **more)


async def _pay(life: Life, pick: int) -> None:
    to = ("", *life.numbers)[pick % 3]
    amount = (DUE, DUE - 1, 2 * DUE, 1)[pick // 3 % 4]
    at = DEADLINE + timedelta(minutes=1) if pick // 12 % 2 else NOON
    row = life.row(to, amount, payer="李四" if pick // 24 % 2 else "张三", at=at)
    await life.money.take([row, row] if pick // 48 % 2 else [row])


async def _release(life: Life, pick: int) -> None:
    await _decided(life.money.deposits.release([life.money.registration(life.numbers[pick % 2])], now=NOON))


async def _forfeit(life: Life, pick: int) -> None:
    registration = life.money.registration(life.numbers[pick % 2])
    await _decided(life.money.deposits.forfeit(registration, "违约", now=NOON))


async def _decided(work: Awaitable[Any]) -> None:
    try:
        await work
    except AlreadyDecided:
        return


async def _settle(life: Life, _pick: int) -> None:
    await life.money.settle()


async def _return(life: Life, pick: int) -> None:
    """By hand, whatever may be returned."""
    found = text(
        "SELECT transaction_id, version FROM moneys WHERE standing IN ('unmatched', 'foreign', 'late')"
    )
    async with life.money.engine.connect() as connection:
        rows = (await connection.execute(found)).all()
    for row in rows[pick % 2 :]:
        hands = ByHand(life.money.engine)
        try:
            await hands.give_back(row.transaction_id, row.version, "退回", by=life.by, now=NOON)
        except CannotDo:
            continue


async def _batch(life: Life, _pick: int) -> None:
    batch = await life.money.refunds.make_batch("shifan", by=life.by, now=NOON)
    found = await life.money.refunds.batch(batch) if batch is not None else None
    if batch is not None and found is not None:
        life.told.append((batch, [Confirmed(each.number, each.amount) for each in found[1]]))


async def _confirm(life: Life, _pick: int) -> None:
    await _told(life, -1, "")


async def _refuse(life: Life, pick: int) -> None:
    """Failed, before or after it was said to be paid."""
    await _told(life, -1 - pick % 2, "账户已销户")


async def _old(life: Life, pick: int) -> None:
    """A file that was uploaded before, once more."""
    await _told(life, pick, "")


async def _told(life: Life, place: int, failure: str) -> None:
    if not life.told:
        return
    batch, lines = life.told[place % len(life.told)]
    found = await life.money.refunds.batch(batch)
    assert found is not None
    there = {each.number for each in found[1]}
    given_ = [replace(line, failure=failure) for line in lines if line.number in there]
    await life.money.refunds.confirm(batch, given_, by=life.by, now=NOON)
    if not failure:
        life.sent += [replace(life.row("", -each.amount), remark=each.number) for each in given_]


async def _out(life: Life, pick: int) -> None:
    """The bank's statement has what it paid, perhaps not all of it, perhaps again."""
    await life.money.take(life.sent[: 1 + pick % 4])


async def _bounce(life: Life, pick: int) -> None:
    """What was paid comes back, and the failed go with the next batch."""
    found = text("SELECT id, number, amount, state, version FROM refunds ORDER BY id")
    async with life.money.engine.connect() as connection:
        rows = (await connection.execute(found)).all()
    for row in rows[: 1 + pick % 3]:
        if row.state == RefundState.PAID.value:
            await life.money.take([life.row("", row.amount, payer="示例银行", remark=f"退汇 {row.number}")])
        elif row.state == RefundState.FAILED.value:
            try:
                await life.money.refunds.again(row.id, row.version, by=life.by, now=NOON)
            except WrongState:
                continue


STEP: dict[str, Callable[[Life, int], Awaitable[None]]] = {
    "pay": _pay,
    "release": _release,
    "forfeit": _forfeit,
    "settle": _settle,
    "return": _return,
    "batch": _batch,
    "confirm": _confirm,
    "refuse": _refuse,
    "old": _old,
    "out": _out,
    "bounce": _bounce,
}


@asynccontextmanager
async def cut_after(engine: AsyncEngine, writes: int) -> AsyncIterator[None]:
    """The write after so many ends everything that is under way; 0: nothing is cut."""
    left = writes

    def count(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        nonlocal left
        if statement.lstrip()[:6].upper() in ("INSERT", "UPDATE", "WITH G"):
            left -= 1
            if left == 0:
                raise Cut

    if writes:
        event.listen(engine.sync_engine, "before_cursor_execute", count)
    try:
        yield
    except Cut:
        pass
    finally:
        if writes:
            event.remove(engine.sync_engine, "before_cursor_execute", count)


async def live(engine: AsyncEngine, steps: Sequence[tuple[str, int, int]]) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE"))
    money = Money.on(engine)
    by = await an_account(engine, Role.FINANCE)
    life = Life(money, by, [await money.open(), await money.open()])
    for kind, pick, cut in steps:
        if cut:
            count = life.count
            async with cut_after(engine, cut):
                await life.step(kind, pick)
            life.count = count
            await check_all(engine, (kind, pick, cut))
        await life.step(kind, pick)
        await check_all(engine, (kind, pick))
    await _end(life)


async def _end(life: Life) -> None:
    """Everything is let go and paid, and the bank's last statement comes: what is left is what was kept."""
    for _ in range(4):
        await life.step("return", 0)
        await life.money.settle()
        await life.step("bounce", 2)
        await life.step("batch", 0)
        for place in range(len(life.told)):
            await _told(life, place, "")
        await life.money.settle()
        await check_all(life.money.engine, "end")
    assert await life.money.balance(Ledger.SUSPENSE) <= 0
    async with life.money.engine.connect() as connection:
        open_ = text("SELECT count(*) FROM refunds WHERE state = 'batched'")
        assert await connection.scalar(open_) == 0


async def check_all(engine: AsyncEngine, after: object) -> None:
    async with engine.connect() as connection:
        verdict = await checking.check(connection)
        assert verdict.sound, (after, verdict)
        assert await connection.scalar(text(PAID_OUT)) == 0, after
        assert await connection.scalar(text(RETURNED)) == 0, after


def any_life(database: str, steps: Sequence[tuple[str, int, int]]) -> None:
    async def run() -> None:
        engine = create_engine(database)
        try:
            await live(engine, steps)
        finally:
            await engine.dispose()

    asyncio.run(run())


lives = st.lists(
    st.tuples(st.sampled_from(STEPS), st.integers(0, 95), st.sampled_from([0, 0, 1, 2, 3, 5])), max_size=14
)
relaxed = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
BEGIN = [("pay", 1, 0), ("settle", 0, 0), ("release", 0, 0), ("settle", 0, 2), ("batch", 0, 3)]
PAID = [*BEGIN, ("confirm", 0, 2)]
NAMED = {
    "paid twice": [*PAID, ("confirm", 0, 0), ("old", 0, 0), ("out", 0, 0), ("out", 0, 0)],
    "comes back": [*PAID, ("out", 0, 0), ("bounce", 0, 0), ("refuse", 0, 1), ("old", 0, 0)],
    "more after the refund": [*PAID, ("pay", 4, 2), ("settle", 0, 0), ("batch", 0, 0)],
    "forfeited": [*BEGIN[:2], ("forfeit", 0, 1), ("release", 0, 0), ("pay", 1, 0)],
    "foreign and late": [
        ("pay", 25, 0),
        ("pay", 13, 0),
        ("settle", 0, 1),
        ("return", 0, 1),
        ("return", 0, 0),
    ],
}


@pytest.mark.parametrize("steps", NAMED.values(), ids=NAMED)
def test_refunds_go_out_once(database: str, steps: list[tuple[str, int, int]]) -> None:
    any_life(database, steps)


@given(steps=lives)
@settings(max_examples=8, deadline=None, suppress_health_check=relaxed)
def test_no_life_of_money_loses_or_makes_any(database: str, steps: list[tuple[str, int, int]]) -> None:
    any_life(database, steps)


@pytest.mark.long
@pytest.mark.timeout(3000)
@given(steps=lives)
@settings(max_examples=400, deadline=None, suppress_health_check=relaxed)
def test_no_life_of_money_loses_or_makes_any_at_length(
    database: str, steps: list[tuple[str, int, int]]
) -> None:
    any_life(database, steps)
