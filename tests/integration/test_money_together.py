"""The money with the real sealed process and real listings, and with several at once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from office.accounts import Role
from office.banking.journal import Ledger
from office.banking.proposals import CannotDo
from office.database import create_engine
from office.sealed.key import SealedKey
from office.sealed.vault import Vault
from tests.moneykit import NOON, Money
from tests.tradingkit import a_clock, an_account, bring, make_listing
from trading.deposits import checking
from trading.deposits.by_hand import ByHand
from trading.deposits.deposits import Deposits
from trading.deposits.rounds import MatchingRound
from trading.deposits.states import DepositState
from trading.lifecycle.states import LotState


@pytest.fixture
async def money(database: str) -> AsyncIterator[Money]:
    engine = create_engine(database)
    yield Money(engine, sealed=Vault(engine, SealedKey.generate()))
    await engine.dispose()


async def test_the_deadline_is_the_listings_and_moves_with_its_extension(money: Money) -> None:
    clock = a_clock()
    listing = await make_listing(money.engine, LotState.ANNOUNCED, clock=clock)
    bidder = await an_account(money.engine, Role.BIDDER)
    registration = await money.sealed.register(bidder, listing.lot)
    deposits = Deposits(money.engine, money.sealed)
    number = await deposits.open_sub_account(
        registration, "shifan", listing.deposit, "张三", listing.deposit_ends, now=clock()
    )
    assert listing.deposit_ends is not None
    await money.pays(number, listing.deposit, at=listing.deposit_ends + timedelta(minutes=1))
    steward = MatchingRound(money.engine, money.sealed, money.hear)
    await _rest(steward, money)
    assert await money.state(number) is DepositState.LATE
    assert money.told == {}
    await bring(
        money.engine, await bring(money.engine, listing, LotState.EVALUATION, clock), LotState.EXTENDED, clock
    )
    await _rest(steward, money)
    assert await money.state(number) is DepositState.PAID
    assert money.told == {registration: True}
    assert await deposits.release([registration], now=clock()) == 1


async def _rest(steward: MatchingRound, money: Money) -> None:
    for _ in range(50):
        if not await steward.round(money.now):
            return
    raise AssertionError("the rounds do not come to rest")


async def test_no_table_of_the_money_has_the_lot_or_the_registration(money: Money) -> None:
    listing = await make_listing(money.engine, LotState.ANNOUNCED, clock=a_clock())
    bidder = await an_account(money.engine, Role.BIDDER)
    registration = await money.sealed.register(bidder, listing.lot)
    deposits = Deposits(money.engine, money.sealed)
    number = await deposits.open_sub_account(
        registration, "shifan", listing.deposit, "李明", listing.deposit_ends, now=NOON
    )
    await money.pays(number, listing.deposit, payer="李明")
    await _rest(MatchingRound(money.engine, money.sealed, money.hear), money)
    assert listing.deposit_ends is not None
    secrets = (listing.lot, registration, listing.deposit_ends.strftime("%Y-%m-%d %H:%M"))
    tables = ("sub_accounts", "moneys", "bank_transactions", "journal_postings", "journal_lines", "refunds")
    async with money.engine.connect() as connection:
        for table in (*tables, "audit_entries", "messages"):
            rows = await connection.execute(text(f"SELECT row_to_json(t)::text FROM {table} t"))
            written = "\n".join(rows.scalars())
            if table in tables:
                assert not [secret for secret in secrets if secret in written], table
            assert not ("李明" in written and listing.lot in written), table


async def test_two_stewards_and_two_imports_at_once_do_everything_once(money: Money) -> None:
    money = Money.on(money.engine)
    numbers = [await money.open(payer=f"甲{place}") for place in range(6)]
    rows = [money.row(number, 500_000, payer=f"甲{place}") for place, number in enumerate(numbers)]
    taken = await asyncio.gather(money.take(rows), money.take(list(reversed(rows))), money.take(rows[:3]))
    assert sum(each.new for each in taken) == 6
    registrations = [str(await money.sealed.registration_of_sub_account(number)) for number in numbers]
    stewards = [MatchingRound(money.engine, money.sealed, money.hear, money.terms_of) for _ in range(3)]
    for _ in range(10):
        await asyncio.gather(
            *(steward.round(NOON) for steward in stewards),
            money.deposits.release(registrations[:2], now=NOON),
        )
    await money.settle()
    assert [str(await money.state(number)) for number in numbers] == ["refunding"] * 2 + ["paid"] * 4
    assert {name: told for name, told in money.told.items() if name in registrations[2:]} == dict.fromkeys(
        registrations[2:], True
    )
    assert await money.balance(Ledger.REFUND) == -1_000_000
    async with money.engine.connect() as connection:
        assert (await checking.check(connection)).sound


async def test_many_clicks_at_once_return_and_batch_money_once(money: Money) -> None:
    by = await an_account(money.engine, Role.FINANCE)
    row = await money.pays("", 900)
    await money.settle()
    id_, _, version = await money.standing(row)
    hands = ByHand(money.engine)
    clicks = [hands.give_back(id_, version, "无法认领", by=by, now=NOON) for _ in range(5)]
    outcomes = await asyncio.gather(*clicks, return_exceptions=True)
    assert sum(isinstance(each, int) for each in outcomes) == 1
    assert sum(isinstance(each, CannotDo) for each in outcomes) == 4
    batches = await asyncio.gather(*(money.refunds.make_batch("shifan", by=by, now=NOON) for _ in range(5)))
    assert len([each for each in batches if each is not None]) == 1
    assert await money.balance(Ledger.REFUND) == -900
