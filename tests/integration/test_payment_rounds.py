"""The rounds of the money of orders: what fails keeps nobody waiting; whose money it is with shared names."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.payments import by_hand
from certificates.payments.notices import ask_about
from certificates.payments.receipts import Conflict
from certificates.payments.rounds import PaymentRound
from certificates.payments.telling import MoneyNews
from office.banking.taking import Source, take
from office.database import create_engine
from office.marks import BoxUnreadable
from tests.paykit import Payments

FIXED = "办理广东政府采购智慧云CA"
THERE: dict[str, Any] = {"way": "counter", "payment_way": "transfer", "price": 60_000}


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database)
    yield engine
    await engine.dispose()


@pytest.fixture
async def house(engine: AsyncEngine) -> Payments:
    return await Payments.on(engine)


async def put(house: Payments, statement: str, **values: Any) -> None:
    async with house.engine.begin() as connection:
        await connection.execute(text(statement), values)


async def test_what_fails_again_and_again_keeps_nobody_waiting_and_is_reported_now_and_then(
    house: Payments,
) -> None:
    steward = PaymentRound(house.engine, house.marks, house.provider)
    broken, owner, waits = [
        await house.order("guangdong_gpcloud", **THERE, details={"organization_name": name})
        for name in ("坏盒子公司", "公司", "等款的公司")
    ]
    counts = await house.order("hunan_sanzi", price=4_000, payment_way="transfer")
    await steward.round(house.now)
    await put(house, "UPDATE order_boxes SET box = 'x' WHERE number = :n", n=broken)
    taken = house.bank_row(1, f"{owner} 一分", payer="公司", serial="S1")
    await house.bank(taken)
    await steward.round(house.now)
    await put(house, "UPDATE order_receipts SET reference = 'shifan S2'")  # known with another sum
    await house.bank(
        house.bank_row(60_000, FIXED, payer="坏盒子公司"),  # leads to the order that can't be judged
        house.bank_row(2, owner, payer="公司", serial="S2"),
        house.bank_row(60_000, FIXED, payer="等款的公司"),
        house.bank_row(4_000, counts),
    )
    with pytest.raises((BoxUnreadable, Conflict)) as reported:
        await steward.round(house.now)
    assert await house.state(waits) == "in_review"
    assert await house.state(counts) == "in_review"
    assert await house.state(broken) == "awaiting_payment"
    assert reported.value.__notes__ == ["and 1 more rows of the same round"]
    await steward.round(house.now)  # they rest
    house.later(minutes=1)
    with pytest.raises((BoxUnreadable, Conflict)):
        await steward.round(house.now)
    house.later(minutes=1)
    await steward.round(house.now)  # two minutes now


async def test_a_letter_that_cant_be_written_keeps_no_other_waiting(house: Payments) -> None:
    order = await house.order()
    news = MoneyNews(engine=house.engine, marks=house.marks, platform="平台", public_url="https://e.cn")
    await house.pays_by_code(order, 100)
    await house.pays_by_code(order)
    await put(house, "UPDATE order_money_news SET kind = 'foreign', receipt_id = NULL WHERE kind = 'short'")
    await put(house, "UPDATE orders SET catalogue_id = 0 WHERE number = :n", n=order)
    with pytest.raises(AssertionError):
        await news.round(house.now)
    assert await news.round(house.now) == 0


async def test_money_that_is_paid_once_too_often_goes_to_no_namesake(house: Payments) -> None:
    """Two people of one name: one has paid, and the money comes again while the other waits."""
    namesakes = {"details": {"organization_name": "同名的公司"}, **THERE}
    other = await house.order("guangdong_gpcloud", **namesakes, number_mark="other")
    own = await house.order("guangdong_gpcloud", **namesakes, number_mark="own")
    await house.settle()
    await house.bank(house.bank_row(60_000, FIXED, payer="同名的公司"))
    await house.settle()
    assert await house.receipts(None) == [("unknown", 60_000, 0)]
    await put(
        house,
        "UPDATE order_receipts SET order_number = :n, accepted = true, standing = 'held'",
        n=own,
    )
    await put(house, "UPDATE order_accounts SET judged_version = 0")
    await put(
        house,
        "UPDATE orders SET state = 'in_review', paid_fen = 60000, version = version + 1 WHERE number = :n",
        n=own,
    )
    await house.bank(house.bank_row(60_000, FIXED, payer="同名的公司"))
    await PaymentRound(house.engine, house.marks, house.provider).round(house.now)
    assert await house.state(other) == "awaiting_payment"
    assert await house.receipts(other) == []
    assert await house.receipts(None) == [("unknown", 60_000, 0)]


async def test_an_order_that_is_still_filled_in_makes_its_payers_money_doubtful(house: Payments) -> None:
    """Who pays a day ahead, as the channel asks, does not pay for a stranger who typed the name and waits."""
    there = {**THERE, "account_id": house.clerk}
    stranger = await house.order("guangdong_gpcloud", **there, number_mark="own")
    early: dict[str, Any] = {"payment_way": "", "state": "awaiting_material"}
    await house.order("guangdong_gpcloud", **{**THERE, **early}, number_mark="own")
    await house.settle()
    await house.bank(house.bank_row(60_000, FIXED))
    await house.settle()
    assert await house.receipts(None) == [("unknown", 60_000, 0)]
    assert await house.state(stranger) == "awaiting_payment"
    await house.check()


async def test_orders_that_two_telephones_began_for_one_number_are_two_peoples(house: Payments) -> None:
    """Who has no account is known by the telephone: a stranger may type a payer's number as well."""
    for begun in ("one", "two"):
        await house.order("guangdong_gpcloud", **THERE, number_mark="same", account_id=None, begun_mark=begun)
    await house.settle()
    await house.bank(house.bank_row(60_000, FIXED))
    await house.settle()
    assert await house.receipts(None) == [("unknown", 60_000, 0)]
    await house.check()


async def test_who_says_that_they_have_paid_is_believed_for_an_older_code_as_well(house: Payments) -> None:
    """Its message was lost, and another code is on the page by then."""
    order = await house.order()
    first = await house.charge(order)
    await house.provider.pay(first, 35_000, house.now)
    house.later(minutes=31)
    assert await house.charge(order) != first
    asked = (house.engine, house.marks, house.provider, order, house.now)
    assert await ask_about(*asked) == 1
    assert await house.state(order) == "in_review"
    assert await ask_about(*asked) == 0
    assert await house.receipts(order) == [("counted", 35_000, 0)]
    await house.check()


async def test_long_serial_numbers_that_begin_alike_are_two_transfers(house: Payments) -> None:
    """As long as a statement's may be, at a bank whose name is long: neither is taken for the other."""
    order = await house.order("hunan_sanzi", price=4_000, payment_way="transfer")
    await house.settle()
    async with house.engine.begin() as connection:
        rows = [house.bank_row(2_000, order, serial="S" * 59 + end) for end in "12"]
        await take(connection, "b" * 31, rows, source=Source.STATEMENT, now=house.now)
    await house.settle()
    assert await house.receipts(order) == [("counted", 2_000, 0)] * 2
    assert await house.state(order) == "in_review"
    await house.check()


async def test_a_price_in_two_transfers_counts_once_whatever_crosses(house: Payments) -> None:
    """Split, the same statement twice, a part sent back while the rest comes: never paid with less."""
    order = await house.order("hunan_sanzi", price=4_000, payment_way="transfer")
    await house.settle()
    half = house.bank_row(2_000, order, serial="A1")
    await house.bank(half)
    await house.bank(half)
    await house.settle()
    await house.bank(half, house.bank_row(1_999, order, serial="A2"))
    await house.settle()
    assert await house.state(order) == "awaiting_payment"
    async with house.engine.connect() as connection:
        listed, _count = await by_hand.found(connection, None, 1)
    first = min(listed, key=lambda one: one.receipt.id).receipt
    await by_hand.give_back(house.engine, first.id, first.version, "要求退", by=house.clerk, now=house.now)
    await house.bank(house.bank_row(1, order, serial="A3"))
    await house.settle()
    assert await house.state(order) == "awaiting_payment"  # 2 000 fen are here, not 4 000
    await house.bank(house.bank_row(2_000, order, serial="A4"))
    await house.settle()
    assert await house.state(order) == "in_review"
    assert await house.times_paid(order) == 1
    assert sorted(await house.receipts(order)) == [
        ("counted", 1, 0),
        ("counted", 1_999, 0),
        ("counted", 2_000, 0),
        ("short", 2_000, 2_000),
    ]
    await house.check()
