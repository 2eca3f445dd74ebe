"""Deposits: what money on a sub-account amounts to, and what becomes of it. Every promise of the spec, one
test."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from bidding.terms import Fen
from office.accounts import Role
from office.banking.journal import Ledger
from office.banking.proposals import CannotDo, Obstacle, Proposals, ProposalState
from office.database import create_engine
from tests.moneykit import DEADLINE, NOON, Money
from tests.tradingkit import an_account
from trading.deposits import prices
from trading.deposits.by_hand import CARRIED_OUT, ByHand
from trading.deposits.deposits import AlreadyDecided, DeadlinePassed, MarkRefused
from trading.deposits.rounds import MatchingRound
from trading.deposits.states import DepositState

S = DepositState


@pytest.fixture
async def money(database: str) -> AsyncIterator[Money]:
    engine = create_engine(database)
    yield Money.on(engine)
    await engine.dispose()


async def finance(money: Money, login: str = "finance-1") -> int:
    return await an_account(money.engine, Role.FINANCE, login)


async def test_a_sub_account_is_the_same_when_it_is_asked_for_again(money: Money) -> None:
    number = await money.open()
    again = await money.deposits.open_sub_account(
        money.registration(number), "shifan", Fen(500_000), "张三", DEADLINE, now=NOON
    )
    assert again == number
    assert await money.open() != number


async def test_nothing_is_opened_after_the_deadline(money: Money) -> None:
    money.now = DEADLINE + timedelta(seconds=1)
    with pytest.raises(DeadlinePassed):
        await money.open()


async def test_the_whole_deposit_in_time_is_paid_and_the_registration_told(money: Money) -> None:
    number = await money.open(payer="湘西（集团）公司")
    await money.pays(number, 500_000, payer="湘西(集团) 公司")
    assert await money.deposits.complete_until() is None
    await money.settle()
    assert await money.state(number) is S.PAID
    assert money.told == {money.registration(number): True}
    assert await money.balance(Ledger.DEPOSIT, number) == -500_000
    assert await money.balance(Ledger.SUSPENSE) == 0


async def test_short_then_complete_then_doubled(money: Money) -> None:
    number = await money.open()
    await money.pays(number, 200_000)
    await money.settle()
    assert await money.state(number) is S.SHORT
    assert money.told == {}
    await money.pays(number, 300_000)
    await money.settle()
    assert await money.state(number) is S.PAID
    await money.pays(number, 500_000)
    await money.settle()
    assert await money.state(number) is S.OVERPAID
    assert money.told == {money.registration(number): True}


async def test_the_banks_value_time_decides_and_an_extension_makes_late_money_timely(money: Money) -> None:
    number, punctual = await money.open(), await money.open()
    money.now = DEADLINE + timedelta(hours=3)
    await money.pays(number, 500_000, at=DEADLINE + timedelta(seconds=1))
    await money.pays(punctual, 500_000, at=DEADLINE)
    await money.settle()
    assert await money.state(number) is S.LATE
    assert await money.state(punctual) is S.PAID
    money.deadline = DEADLINE + timedelta(days=9)
    await money.settle()
    assert await money.state(number) is S.PAID
    assert money.told == {money.registration(number): True, money.registration(punctual): True}


async def test_another_payers_money_counts_only_when_two_people_say_so(money: Money) -> None:
    number, by, other = await money.open(), await finance(money), await finance(money, "finance-2")
    row = await money.pays(number, 500_000, payer="李四")
    await money.settle()
    assert await money.state(number) is S.FOREIGN_PAYER
    hands = ByHand(money.engine)
    id_, _, version = await money.standing(row)
    proposal = await hands.propose_accepting(id_, version, "户名系曾用名", by=by, now=NOON)
    with pytest.raises(CannotDo) as own:
        await Proposals(money.engine, CARRIED_OUT).decide(proposal, True, by=by, now=NOON)
    assert own.value.obstacle is Obstacle.OWN_PROPOSAL
    assert await money.state(number) is S.FOREIGN_PAYER
    assert (
        await Proposals(money.engine, CARRIED_OUT).decide(proposal, True, by=other, now=NOON)
        is ProposalState.AGREED
    )
    with pytest.raises(CannotDo):
        await Proposals(money.engine, CARRIED_OUT).decide(proposal, True, by=other, now=NOON)
    await money.settle()
    assert await money.state(number) is S.PAID


async def test_unmatched_money_is_assigned_by_two_or_returned_by_one(money: Money) -> None:
    number, by, other = await money.open(), await finance(money), await finance(money, "finance-2")
    lost, stray = await money.pays("", 500_000), await money.pays("", 700, payer="王五")
    await money.settle()
    assert await money.balance(Ledger.SUSPENSE) == -500_700
    hands = ByHand(money.engine)
    id_, standing, version = await money.standing(lost)
    assert standing == "unmatched"
    spaced = f"{number[:4]} {number[4:]}"
    proposal = await hands.propose_assigning(id_, version, spaced, "回单备注写错", by=by, now=NOON)
    await Proposals(money.engine, CARRIED_OUT).decide(proposal, True, by=other, now=NOON)
    id_, _, version = await money.standing(stray)
    await hands.give_back(id_, version, "无法认领", by=by, now=NOON)
    await money.settle()
    assert await money.state(number) is S.PAID
    assert await money.balance(Ledger.SUSPENSE) == 0
    assert await money.balance(Ledger.REFUND) == -700
    await money.pay_refunds(by)
    assert (await money.standing(stray))[1] == "returned"
    assert await money.balance(Ledger.REFUND) == 0
    assert await money.balance(Ledger.SENT) == 0
    assert await money.balance(Ledger.BANK) == 500_000


async def test_a_stale_page_returns_nothing_twice(money: Money) -> None:
    by, row = await finance(money), await money.pays("", 900)
    await money.settle()
    id_, _, version = await money.standing(row)
    hands = ByHand(money.engine)
    await hands.give_back(id_, version, "无法认领", by=by, now=NOON)
    with pytest.raises(CannotDo) as stale:
        await hands.give_back(id_, version, "无法认领", by=by, now=NOON)
    assert stale.value.obstacle is Obstacle.OVERTAKEN
    assert await money.balance(Ledger.REFUND) == -900


async def test_of_a_deposit_that_counts_only_what_is_over_goes_back(money: Money) -> None:
    number, by = await money.open(), await finance(money)
    first = await money.pays(number, 500_000)
    second = await money.pays(number, 500_000)
    await money.settle()
    hands = ByHand(money.engine)
    id_, _, version = await money.standing(second)
    await hands.give_back(id_, version, "重复缴纳", by=by, now=NOON)
    await money.settle()
    assert await money.state(number) is S.PAID
    id_, _, version = await money.standing(first)
    with pytest.raises(CannotDo) as whole:
        await hands.give_back(id_, version, "重复缴纳", by=by, now=NOON)
    assert whole.value.obstacle is Obstacle.WHOLE_NEEDED


async def test_a_release_sends_everything_back_also_what_comes_later(money: Money) -> None:
    number, by = await money.open(), await finance(money)
    await money.pays(number, 500_000)
    await money.pays(number, 100, payer="李四")
    await money.settle()
    registration = money.registration(number)
    assert await money.deposits.release([registration, "R" + "f" * 16], now=NOON) == 1
    assert await money.deposits.release([registration], now=NOON) == 0
    await money.settle()
    assert await money.state(number) is S.REFUNDING
    found = await money.refunds.of_account(number)
    assert sorted((each.amount, each.payee_name) for each in found) == [(100, "李四"), (500_000, "张三")]
    assert {each.due_on.isoformat() for each in found} == {"2026-03-11"}
    assert await money.pay_refunds(by) == 2
    assert await money.state(number) is S.REFUNDED
    await money.pays(number, 300)
    await money.settle()
    assert await money.state(number) is S.REFUNDING
    await money.pay_refunds(by)
    assert await money.state(number) is S.REFUNDED
    assert await money.balance(Ledger.BANK) == 0
    assert await money.balance(Ledger.DEPOSIT, number) == 0


async def _price(money: Money, price: int = 2_000_000, permille: int = 0) -> str:
    async with money.engine.begin() as connection:
        return await prices.open_price_account(
            connection,
            "LOT-1",
            price=Fen(price),
            payer="张三",
            bank="shifan",
            now=NOON,
            fee_permille=permille,
            title="公务车一辆",
        )


async def test_the_winners_deposit_counts_towards_the_price_and_what_is_over_goes_back(money: Money) -> None:
    number = await money.open()
    await money.pays(number, 600_000)
    await money.settle()
    price = await _price(money)
    registration = money.registration(number)
    assert await money.deposits.credit(registration, "LOT-1", now=NOON) == 500_000
    assert await money.deposits.credit(registration, "LOT-1", now=NOON) == 500_000
    await money.settle()
    assert await money.state(number) is S.CREDITED
    assert await prices.paid(money.engine, "LOT-1") == 500_000
    assert [each.amount for each in await money.refunds.of_account(number)] == [100_000]
    with pytest.raises(AlreadyDecided):
        await money.deposits.credit(await _released(money), "LOT-1", now=NOON)
    await money.pays(price, 1_500_000)
    await money.settle()
    assert await prices.paid(money.engine, "LOT-1") == 2_000_000
    assert await money.balance(Ledger.PRICE, price) == -2_000_000


async def test_a_price_that_is_not_there_any_more_is_not_paid_out(money: Money) -> None:
    number = await money.open()
    await money.pays(number, 500_000)
    await money.settle()
    price, registration = await _price(money), money.registration(number)
    await money.deposits.credit(registration, "LOT-1", now=NOON)
    await money.pays(price, 1_500_000)
    async with money.engine.begin() as connection:
        with pytest.raises(prices.NotPaid):
            await prices.pay_out(connection, "LOT-1", prices.Payee("甲", "", ""), now=NOON, by=1)
    await money.settle()
    async with money.engine.begin() as connection:
        with pytest.raises(prices.AlreadyPaid):
            await prices.close_price_account(connection, "LOT-1", now=NOON)
    await money.deposits.forfeit(registration, "逾期未付款", now=NOON)
    async with money.engine.begin() as connection:
        with pytest.raises(prices.NotPaid):
            await prices.pay_out(connection, "LOT-1", prices.Payee("甲", "", ""), now=NOON, by=1)


async def test_a_refunds_number_in_a_remark_makes_no_returned_transfer(money: Money) -> None:
    number, by = await money.open(), await an_account(money.engine, Role.FINANCE)
    await money.pays(number, 500_000)
    await money.settle()
    await money.deposits.release([money.registration(number)], now=NOON)
    await money.settle()
    (refund,) = await money.refunds.of_account(number)
    early = await money.pays("", 500_000, remark=f"退汇 {refund.number}")
    await money.settle()
    await money.pay_refunds(by)
    other = await money.pays("", 499_999, remark=f"退汇 {refund.number}")
    back = await money.pays("", 500_000, remark=f"退汇 {refund.number}")
    elsewhere = money.row("", 500_000, remark=f"退汇 {refund.number}")
    await money.take([elsewhere], bank="yangli")
    await money.settle()
    found = [(await money.standing(row))[1] for row in (early, other, elsewhere, back)]
    assert found == ["unmatched", "unmatched", "unmatched", "outgoing"]


async def _released(money: Money) -> str:
    registration = money.registration(await money.open())
    await money.deposits.release([registration], now=NOON)
    return registration


async def test_a_default_forfeits_the_deposit_also_after_it_was_credited(money: Money) -> None:
    number = await money.open()
    await money.pays(number, 500_000)
    await money.settle()
    await _price(money)
    registration = money.registration(number)
    await money.deposits.credit(registration, "LOT-1", now=NOON)
    assert await money.deposits.forfeit(registration, "逾期未付款", now=NOON) == 500_000
    assert await money.deposits.forfeit(registration, "逾期未付款", now=NOON) == 500_000
    await money.settle()
    assert await money.state(number) is S.FORFEITED
    assert await money.balance(Ledger.FORFEIT, number) == -500_000
    assert await prices.paid(money.engine, "LOT-1") == 0
    assert await money.deposits.release([registration], now=NOON) == 0


async def test_statements_are_complete_when_all_money_is_matched_and_told(money: Money) -> None:
    by, number = await finance(money), await money.open()
    with pytest.raises(MarkRefused):
        await money.deposits.mark_complete_until(NOON + timedelta(seconds=1), by, now=NOON)
    await money.deposits.mark_complete_until(NOON, by, now=NOON)
    assert await money.deposits.complete_until() == NOON
    with pytest.raises(MarkRefused):
        await money.deposits.mark_complete_until(NOON - timedelta(seconds=1), by, now=NOON)
    await money.pays(number, 500_000)
    assert await money.deposits.complete_until() is None
    await money.settle()
    assert await money.deposits.complete_until() == NOON


async def test_the_state_of_a_registration_without_a_sub_account_is_none(money: Money) -> None:
    assert await money.deposits.state_of("R" + "a" * 16) is None
    number = await money.open()
    await money.pays(number, 1)
    await money.settle()
    found = await money.deposits.of_registration(money.registration(number))
    assert found is not None
    assert (found.state, found.received, found.missing) == (S.SHORT, 1, 499_999)


async def test_one_registration_that_does_not_listen_keeps_no_other_waiting(money: Money) -> None:
    numbers = sorted([await money.open(), await money.open()])
    for number in numbers:
        await money.pays(number, 500_000)
    deaf = money.registration(numbers[0])

    async def hear(registration: str, enough: bool, *, now: datetime) -> None:
        if registration == deaf:
            raise RuntimeError("not now")
        await money.hear(registration, enough, now=now)

    steward = MatchingRound(money.engine, money.sealed, hear, money.terms_of)
    with pytest.raises(RuntimeError):
        await steward.round(NOON)
    assert money.told == {money.registration(numbers[1]): True}
    assert await money.deposits.complete_until() is None
    await money.settle()
    assert money.told == {money.registration(number): True for number in numbers}
