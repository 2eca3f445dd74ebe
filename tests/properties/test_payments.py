"""Any order and repetition of what providers and banks tell: an order is paid once, and all books add up."""

import asyncio
import itertools
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.payments.judging import Came, Judgement, Phase, judge
from certificates.payments.states import Standing
from office.database import create_engine
from tests.paykit import UNIT, Payments

START = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)
PRICE = 1_000
SUMS = st.lists(st.sampled_from([1, 400, 600, 999, 1_000, 1_001, 2_500]), min_size=1, max_size=6)


def came(sums: Sequence[int], wrong: Sequence[bool]) -> list[Came]:
    return [
        Came(
            id=place,
            fen=fen,
            returned=0,
            paid_at=START + timedelta(minutes=place),
            was=Standing.HELD,
            wrong=Standing.FOREIGN if bad else None,
        )
        for place, (fen, bad) in enumerate(zip(sums, wrong, strict=True))
    ]


@given(SUMS, st.data())
def test_what_is_kept_is_the_price_or_nothing_is_decided(sums: list[int], data: st.DataObject) -> None:
    wrong = data.draw(st.lists(st.booleans(), min_size=len(sums), max_size=len(sums)))
    all_of_it = came(sums, wrong)
    found = judge(Phase.OPEN, PRICE, all_of_it)
    fitting = sum(fen for fen, bad in zip(sums, wrong, strict=True) if not bad)
    back = sum(one.fen for one in found.returns)
    if fitting < PRICE:
        assert found.paid_by is None
        assert not found.returns
    else:
        assert found.paid_by is not None
        assert fitting - back == PRICE
    assert all(found.standings[one.id] is Standing.FOREIGN for one in all_of_it if one.wrong)
    shuffled = data.draw(st.permutations(all_of_it))
    assert judge(Phase.OPEN, PRICE, shuffled) == found


@given(SUMS)
def test_judged_again_nothing_more_goes_back(sums: list[int]) -> None:
    first = came(sums, [False] * len(sums))
    found = judge(Phase.OPEN, PRICE, first)
    after = [_after(one, found) for one in first]
    phase = Phase.PAID if found.paid_by is not None else Phase.OPEN
    again = judge(phase, PRICE, after)
    assert again.returns == ()
    assert again.standings == found.standings
    ended = judge(Phase.ENDED, PRICE, after)
    assert sum(one.fen for one in ended.returns) == sum(one.left for one in after)


def _after(one: Came, found: Judgement) -> Came:
    back = sum(each.fen for each in found.returns if each.receipt == one.id)
    return Came(
        id=one.id, fen=one.fen, returned=back, paid_at=one.paid_at, was=found.standings[one.id], wrong=None
    )


@pytest.mark.parametrize("seed", range(6))
async def test_every_order_and_repetition_of_messages_ends_in_the_same_books(
    database: str, seed: int
) -> None:
    """Codes, transfers, both at once, each told up to three times, rounds in between, at random."""
    engine, chance = create_engine(database), random.Random(seed)
    house = await Payments.on(engine)
    by_code = await house.order("shenzhen_ca", price=35_000, product="organization")
    by_bank = await house.order("hunan_sanzi", price=4_000, payment_way="transfer")
    charge = await house.charge(by_code)
    notices = [house.paid(charge, fen) for fen in (35_000, 35_000, 20_000)]
    rows = [
        house.bank_row(4_000, by_bank),
        house.bank_row(4_000, by_bank),
        house.bank_row(35_000, by_code),
        house.bank_row(4_000, by_bank, payer="别人"),
        house.bank_row(1_500, by_bank),
    ]
    acts = (
        [("tell", one) for one in notices * 3] + [("bank", one) for one in rows * 2] + [("round", None)] * 4
    )
    chance.shuffle(acts)
    for act, what in acts:
        if act == "tell":
            await house.tell(what)  # type: ignore[arg-type]
        elif act == "bank":
            await house.bank(what)  # type: ignore[arg-type]
        else:
            await house.settle()
    await house.settle()
    for number, price in ((by_code, 35_000), (by_bank, 4_000)):
        assert await house.times_paid(number) == 1
        kept = [fen - back for standing, fen, back in await house.receipts(number) if standing != "foreign"]
        assert sum(kept) == price
    assert ("foreign", 4_000, 0) in await house.receipts(by_bank)
    await house.check()
    await engine.dispose()


async def test_all_at_once_an_order_is_paid_once(database: str) -> None:
    engine = create_engine(database)
    house = await Payments.on(engine)
    order = await house.order()
    charge = await house.charge(order)
    told = [house.paid(charge, 35_000) for _ in range(3)] * 3
    answers = await asyncio.gather(*(house.tell(one) for one in told), house.settle(), house.settle())
    assert sum(answer is True for answer in answers) == 3
    await house.settle()
    assert await house.times_paid(order) == 1
    assert sum(fen - back for _standing, fen, back in await house.receipts(order)) == 35_000
    await house.check()
    await engine.dispose()


class Killed(BaseException):
    """The process ends here."""


async def test_killed_at_every_statement_it_goes_on_where_it_was(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transfer that is too much, then the order's end: rounds are cut at each statement and come again."""
    engine = create_engine(database)
    house = await Payments.on(engine)
    order = await house.order("hunan_sanzi", price=4_000, payment_way="transfer")
    code = await house.order()
    await house.pays_by_code(code, 36_000)
    await house.bank(house.bank_row(5_000, order, payer=UNIT))
    await _cut_everywhere(house, monkeypatch)
    for number in (order, code):
        await house.set(number, "cancelled")
    await _cut_everywhere(house, monkeypatch)
    assert await house.receipts(order) == [("counted", 5_000, 5_000)]
    assert await house.receipts(code) == [("counted", 36_000, 36_000)]
    assert await house.times_paid(order) == 1
    async with engine.connect() as connection:
        gone = await connection.scalar(text("SELECT sum(fen) FROM demo_pay_refunds"))
    assert gone == 36_000
    await house.check()
    await engine.dispose()


async def _cut_everywhere(house: Payments, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds that die after one statement, after two, … until one comes to its end."""
    whole = AsyncConnection.execute
    for length in itertools.count(1):
        left = length

        async def cut(self: AsyncConnection, *given: object, **more: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return await whole(self, *given, **more)  # type: ignore[arg-type]

        with monkeypatch.context() as patched:
            patched.setattr(AsyncConnection, "execute", cut)
            try:
                await house.settle()
            except Killed:
                house.later(hours=7)
                continue
        return
