"""Money is neither lost nor made, in whatever order and however often statements and notifications come."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bidding.terms import Fen
from office.banking.amounts import plain
from office.banking.notifications import Notifications
from office.banking.numbers import draw
from office.banking.signed import signed_headers
from office.banking.statements import BankRow
from office.database import create_engine
from tests.moneykit import DEADLINE, NOON, Money, snapshot
from trading.deposits.judging import Held, judge
from trading.deposits.judging import Money as Paid
from trading.deposits.states import Disposition, MoneyStanding

KEY = SecretStr("k" * 40)
DUE = 500_000
NUMBERS = (draw("620001", lambda _: 11), draw("620001", lambda _: 22))
TABLES = (
    "refunds, refund_batches, moneys, sub_accounts, price_accounts, journal_lines, journal_postings,"
    " bank_transactions, signed_nonces, bank_statements, money_proposals"
)


@dataclass(frozen=True)
class Transfer:
    """`to`: which sub-account, or nobody's for another number."""

    to: int
    amount: int
    payer: str
    late: bool


transfers = st.lists(
    st.builds(
        Transfer,
        to=st.integers(0, 3),
        amount=st.sampled_from([1, DUE // 2, DUE - 1, DUE, DUE + 1]),
        payer=st.sampled_from(["张三", "李四"]),
        late=st.booleans(),
    ),
    min_size=1,
    max_size=8,
)
deliveries = st.lists(
    st.tuples(
        st.sampled_from(["statement", "notification", "settle", "release"]),
        st.integers(0, 7),
        st.integers(1, 8),
    ),
    max_size=8,
)


@given(
    moneys=st.lists(
        st.tuples(
            st.integers(1, 2 * DUE), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 2 * DUE)
        ),
        max_size=6,
    ),
    disposition=st.sampled_from(list(Disposition)),
    taken=st.integers(0, DUE),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=150, deadline=None)
def test_a_judgement_does_not_know_the_order_and_sends_back_exactly_what_is_over(
    moneys: list[tuple[int, bool, bool, bool, int]], disposition: Disposition, taken: int, order: Any
) -> None:
    given_ = [
        Paid(
            id=place,
            amount=Fen(amount),
            value_time=DEADLINE + timedelta(hours=1 if late else -1),
            serial=f"S{place}",
            payer_key="张三" if own else "李四",
            accepted=accepted,
            returned=Fen(min(amount, returned)),
        )
        for place, (amount, late, own, accepted, returned) in enumerate(moneys)
    ]
    decided = disposition in (Disposition.CREDITED, Disposition.FORFEITED)
    held = Held(
        due=Fen(DUE),
        payer_key="张三",
        deadline=DEADLINE,
        disposition=disposition,
        taken=Fen(taken if decided else 0),
    )
    judgement = judge(held, given_)
    mixed = list(given_)
    order.shuffle(mixed)
    assert judge(held, mixed) == judgement
    left = sum(money.left for money in given_)
    back = sum(each.amount for each in judgement.returns)
    if disposition is Disposition.HELD:
        assert not judgement.returns
    else:
        assert back == max(0, left - held.taken)
    by_id = {money.id: money for money in given_}
    assert all(0 < each.amount <= by_id[each.money].left for each in judgement.returns)
    counted = [id_ for id_, standing in judgement.standings.items() if standing is MoneyStanding.COUNTED]
    assert judgement.counted == sum(by_id[id_].left for id_ in counted)


def in_any_order(database: str, paid: Sequence[Transfer], way: Sequence[tuple[str, int, int]]) -> None:
    """Deliver the transfers along the way, then all of them; and all of them at once: the same comes out."""

    async def run() -> None:
        engine = create_engine(database)
        try:
            await _compare(engine, paid, way)
        finally:
            await engine.dispose()

    asyncio.run(run())


async def _compare(
    engine: AsyncEngine, paid: Sequence[Transfer], way: Sequence[tuple[str, int, int]]
) -> None:
    money, rows, numbers = await _fresh(engine, paid)
    released = any(step[0] == "release" for step in way)
    for kind, start, count in way:
        await _step(money, kind, rows[start : start + count], numbers)
        await _check_sums(engine)
    await money.take(rows)
    await money.settle()
    await _check_sums(engine)
    one_way = await snapshot(engine)
    again = await money.take(list(reversed(rows)))
    await money.settle()
    assert again.new == 0
    assert await snapshot(engine) == one_way

    straight, rows, numbers = await _fresh(engine, paid)
    await straight.take(rows)
    if released:
        await _step(straight, "release", [], numbers)
    await straight.settle()
    assert await snapshot(engine) == one_way
    assert {straight.registration(n): money.told.get(money.registration(n)) for n in numbers} == {
        straight.registration(n): straight.told.get(straight.registration(n)) for n in numbers
    } or released


async def _fresh(engine: AsyncEngine, paid: Sequence[Transfer]) -> tuple[Money, list[BankRow], list[str]]:
    async with engine.begin() as connection:
        await connection.execute(text(f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE"))
    money = Money.on(engine)
    numbers = [await _open(money, number) for number in NUMBERS]
    rows = [
        money.row(
            numbers[each.to] if each.to < len(numbers) else "",
            each.amount,
            payer=each.payer,
            serial=f"T{place}",
            at=DEADLINE + timedelta(minutes=1) if each.late else NOON,
        )
        for place, each in enumerate(paid)
    ]
    return money, rows, numbers


async def _open(money: Money, number: str) -> str:
    """With the same number in each run, so that the runs can be compared."""
    registration = f"R{next(money.counter):016x}"
    await money.sealed.bind_sub_account(number, registration)
    return await money.deposits.open_sub_account(registration, "shifan", Fen(DUE), "张三", DEADLINE, now=NOON)


async def _step(money: Money, kind: str, rows: Sequence[BankRow], numbers: Sequence[str]) -> None:
    if kind == "settle":
        await money.settle()
    elif kind == "release":
        await money.deposits.release([money.registration(numbers[0])], now=NOON)
    elif kind == "statement":
        await money.take(rows)
    elif rows:
        body = json.dumps({"transactions": [_as_notified(row) for row in rows]}).encode()
        nonce = f"nonce-{next(money.counter):020d}"
        headers = signed_headers(KEY, body, nonce=nonce, now=NOON)
        await Notifications(money.engine, {"shifan": [KEY]}).receive("shifan", headers, body, now=NOON)


def _as_notified(row: BankRow) -> dict[str, str]:
    return {
        "serial": row.serial,
        "amount": plain(row.amount),
        "value_time": row.value_time.isoformat(),
        "payer_name": row.payer_name,
        "payer_account": row.payer_account,
        "payer_bank": row.payer_bank,
        "sub_account": row.sub_account,
        "remark": row.remark,
    }


async def _check_sums(engine: AsyncEngine) -> None:
    """Every posting sums to zero, and the bank's ledger is what the bank reported: nothing lost, nothing
    made."""
    unbalanced = (
        "SELECT count(*) FROM (SELECT posting_id FROM journal_lines GROUP BY 1 HAVING sum(fen) <> 0) AS wrong"
    )
    bank = "SELECT coalesce(sum(fen), 0) FROM journal_lines WHERE ledger = 'bank'"
    reported = "SELECT coalesce(sum(amount), 0) FROM bank_transactions"
    async with engine.connect() as connection:
        assert await connection.scalar(text(unbalanced)) == 0
        assert await connection.scalar(text(bank)) == await connection.scalar(text(reported))


relaxed = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@given(paid=transfers, way=deliveries)
@settings(max_examples=6, deadline=None, suppress_health_check=relaxed)
def test_any_order_and_repetition_of_statements_and_notifications_ends_the_same(
    database: str, paid: list[Transfer], way: list[tuple[str, int, int]]
) -> None:
    in_any_order(database, paid, way)


@pytest.mark.long
@pytest.mark.timeout(1800)
@given(paid=transfers, way=deliveries)
@settings(max_examples=400, deadline=None, suppress_health_check=relaxed)
def test_any_order_and_repetition_ends_the_same_at_length(
    database: str, paid: list[Transfer], way: list[tuple[str, int, int]]
) -> None:
    in_any_order(database, paid, way)
