"""Whatever people, banks and providers do to the money of orders, none is lost and none is made."""

import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from certificates.catalogue.scope import PaymentWay
from certificates.payments import assigning, by_hand, reconciling
from certificates.payments.charges import NotPayable
from certificates.payments.port import Paid, ProviderAway, RefundAnswer, Refunding
from certificates.payments.reconciling import Difference
from certificates.payments.rounds import PaymentRound
from office.banking.proposals import CannotDo, Proposals
from office.banking.statements import BankRow
from office.database import create_engine
from office.working_days import day_of
from tests.paykit import UNIT, Payments
from trading.deposits.refunds import Confirmed, Refunds
from trading.deposits.states import RefundState as BankRefundState

PROBLEMS = "'short', 'foreign', 'wrong_way', 'unknown'"


class Moody:
    """A provider that answers late, not at all, or dies with its work done; what it does, it does once."""

    def __init__(self, inner: Any, chance: random.Random) -> None:
        self.inner, self.chance = inner, chance

    async def refund(self, refunding: Refunding, now: datetime) -> RefundAnswer:
        mood = self.chance.randrange(5)
        if mood == 0:
            raise ProviderAway("before")
        if mood == 1:
            return RefundAnswer(None)
        answer: RefundAnswer = await self.inner.refund(refunding, now)
        if mood == 2:
            raise ProviderAway("after")
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Life:
    """Some orders of one installation, and all that people, banks and providers may do to their money."""

    def __init__(self, house: Payments, chance: random.Random) -> None:
        self.house, self.chance = house, chance
        self.orders: list[str] = []
        self.rows: list[BankRow] = []
        self.told: list[Paid] = []
        self.acts: tuple[Callable[[], Awaitable[Any]], ...] = (
            *(self.scans, self.tells, self.tells, self.transfers, self.states, self.rounds, self.rounds),
            *(
                self.begins,
                self.gives_back,
                self.assigns,
                self.assigns,
                self.assigns,
                self.ends,
                self.batch,
                self.daily_file,
                self.waits,
            ),
        )

    async def begin(self) -> None:
        self.house.provider = Moody(self.house.provider, self.chance)
        for _ in range(2):
            await self.begins()
        await self.house.settle()

    async def begins(self) -> None:
        """Two more orders; what happens later happens to the latest."""
        self.orders.append(await self.house.order("shenzhen_ca", price=35_000, product="organization"))
        self.orders.append(await self.house.order("hunan_sanzi", price=4_000, payment_way="transfer"))
        del self.orders[:-6]

    def one(self) -> str:
        return self.chance.choice(self.orders)

    async def scans(self) -> None:
        """Somebody asks for a code and pays some sum by it; the provider may tell it later, or never."""
        with suppress(NotPayable):
            charge = await self.house.charge(self.one())
            known = await self.house.provider.payment(charge)
            fen = self.chance.choice((known.fen, known.fen, known.fen - 1, known.fen + 500, 1))
            if fen > 0 and await self.house.provider.pay(charge, fen, self.house.now):
                self.told.append(await self.house.provider.asked(charge))

    async def tells(self) -> None:
        for _ in range(self.chance.randrange(3) if self.told else 0):
            await self.house.tell(self.chance.choice(self.told))

    async def transfers(self) -> None:
        remark = self.chance.choice((self.one(), self.one(), "办证费", f"{self.one()}x"))
        payer = self.chance.choice((UNIT, UNIT, "别人"))
        fen = self.chance.choice((4_000, 35_000, 1_500, 2_500))
        self.rows.append(self.house.bank_row(fen, remark, payer=payer))
        await self.house.bank(self.rows[-1])

    async def states(self) -> None:
        """A statement that overlaps with what came before."""
        if self.rows:
            await self.house.bank(*self.chance.sample(self.rows, self.chance.randint(1, len(self.rows))))

    async def rounds(self) -> None:
        await PaymentRound(self.house.engine, self.house.marks, self.house.provider).round(self.house.now)

    async def waits(self) -> None:
        self.house.later(hours=self.chance.choice((1, 7, 20)))

    async def ends(self) -> None:
        if self.chance.randrange(3) == 0:
            number = self.one()
            paid = (await self.house.row(number))["paid_fen"]
            await self.house.set(number, "done" if paid and self.chance.randrange(2) else "cancelled")

    async def some_receipt(self) -> Any:
        """Mostly one that somebody has to look at."""
        wanted = "true" if self.chance.randrange(4) == 0 else f"standing IN ({PROBLEMS}) AND returned = 0"
        found = text(f"SELECT id, version FROM order_receipts WHERE {wanted} ORDER BY id")
        async with self.house.engine.connect() as connection:
            rows = (await connection.execute(found)).all()
        return self.chance.choice(rows) if rows else None

    async def gives_back(self) -> None:
        row = await self.some_receipt()
        if row is not None:
            with suppress(CannotDo):
                given = {"by": self.house.clerk, "now": self.house.now}
                await by_hand.give_back(self.house.engine, row.id, row.version, "退回", **given)

    async def assigns(self) -> None:
        """One proposes, another agrees: at once, or when much else has happened."""
        row, engine, now = await self.some_receipt(), self.house.engine, self.house.now
        async with engine.connect() as connection:
            stray = (await connection.execute(text("SELECT transaction_id AS id, version FROM moneys"))).all()
        with suppress(CannotDo):
            given = {"by": self.house.account, "now": now}
            if row is not None and self.chance.randrange(2):
                await assigning.propose_receipt(engine, row.id, row.version, self.one(), "认领", **given)
            elif stray:
                one = self.chance.choice(stray)
                await assigning.propose_transaction(engine, one.id, one.version, self.one(), "认领", **given)
        proposals = Proposals(engine, assigning.carried_out(self.house.marks))
        for each in (await proposals.page(1, only_open=True))[0]:
            agreed = self.chance.randrange(3) > 0
            with suppress(CannotDo):
                await proposals.decide(each.id, agreed, by=self.house.clerk, now=now)

    async def batch(self) -> None:
        """The bank's batch, and its answer: some failed, said twice."""
        work, by, now = Refunds(self.house.engine), self.house.clerk, self.house.now
        made = await work.make_batch("shifan", by=by, now=now)
        if made is None:
            return
        found = await work.batch(made)
        assert found is not None
        lines = [Confirmed(one.number, one.amount, self.chance.choice(("", "", "销户"))) for one in found[1]]
        for _ in range(2):
            await work.confirm(made, lines, by=by, now=now)
        for one in (await work.page(BankRefundState.FAILED, 1))[0]:
            await work.again(one.id, one.version, by=by, now=now)

    async def daily_file(self) -> None:
        await self.reconciled(day_of(self.house.now))

    async def reconciled(self, day: date) -> Sequence[Difference]:
        """What differs on a day; what only the provider has is taken from its file."""
        file = await self.house.provider.daily(PaymentWay.ALIPAY, day)
        given = {"by": self.house.clerk, "now": self.house.now}
        async with self.house.engine.begin() as connection:
            made = await reconciling.reconcile(connection, PaymentWay.ALIPAY, day, file, **given)
            found = await reconciling.one(connection, made)
            assert found is not None
            await reconciling.take_missing(connection, self.house.marks, found, file, self.house.now)
        return found.differences

    async def rests(self) -> None:
        """All that waits comes to its end: rounds, batches, the providers' answers."""
        for _ in range(12):
            await self.house.settle()
            await self.batch()
            self.house.later(hours=7)
        await self.house.settle()


ALL_OF_IT = {
    "receipts": "SELECT coalesce(sum(fen), 0)::bigint FROM order_receipts",
    "returned": "SELECT coalesce(sum(returned), 0)::bigint FROM order_receipts",
    "refunds": "SELECT coalesce(sum(fen), 0)::bigint FROM order_refunds",
    "paid_by_demo": "SELECT coalesce(sum(paid_fen), 0)::bigint FROM demo_payments WHERE state = 'paid'",
    "back_by_demo": "SELECT coalesce(sum(fen), 0)::bigint FROM demo_pay_refunds",
    "provider": "SELECT coalesce(sum(fen), 0)::bigint FROM journal_lines WHERE ledger = 'provider'",
    "held": "SELECT coalesce(-sum(fen), 0)::bigint FROM journal_lines WHERE ledger IN ('order', 'service')",
    "unknown": "SELECT coalesce(sum(fen - returned), 0)::bigint FROM order_receipts"
    " WHERE standing = 'unknown'",
    "moved": "SELECT count(*) FROM journal_postings WHERE reference LIKE 'assign order %'",
    "all": "SELECT coalesce(sum(fen), 0)::bigint FROM journal_lines",
    "twice": "SELECT count(*) FROM (SELECT 1 FROM order_events WHERE act = 'paid' GROUP BY number"
    " HAVING count(*) > 1) AS each",
    "too_much": "SELECT count(*) FROM order_refunds f WHERE f.state = 'paid' AND f.way = 'alipay'"
    " AND NOT EXISTS (SELECT FROM demo_pay_refunds d WHERE d.number = f.number AND d.fen = f.fen)",
}


async def lives(database: str, seeds: Sequence[int], length: int) -> None:
    """Several lives in one installation: its books hold all of them."""
    engine = create_engine(database)
    house = await Payments.on(engine)
    plain = house.provider
    first = day_of(house.now)
    for seed in seeds:
        chance = random.Random(seed)
        house.provider = plain
        life = Life(house, chance)
        await life.begin()
        for _ in range(length):
            await chance.choice(life.acts)()
        await life.rests()
        await house.check()
    days = [first + timedelta(days=n) for n in range((day_of(house.now) - first).days + 1)]
    for day in days:  # lost notifications come from the files
        await life.reconciled(day)
    await life.rests()
    assert [each for day in days for each in await life.reconciled(day)] == []
    async with engine.connect() as connection:
        sums = {name: int(await connection.scalar(text(ask)) or 0) for name, ask in ALL_OF_IT.items()}
    assert sums["all"] == 0
    assert sums["twice"] == 0
    assert sums["too_much"] == 0
    assert sums["returned"] == sums["refunds"]
    assert sums["held"] == sums["receipts"] - sums["returned"] - sums["unknown"]
    assert sums["provider"] == sums["paid_by_demo"] - sums["back_by_demo"]
    assert sums["paid_by_demo"] > 0
    assert sums["refunds"] > 0
    assert sums["moved"] > 0
    await house.check()
    await engine.dispose()


async def test_whatever_happens_to_it_no_money_is_lost_or_made(database: str) -> None:
    await lives(database, range(2), 40)


@pytest.mark.long
async def test_whatever_happens_to_it_for_long_no_money_is_lost_or_made(database: str) -> None:
    await lives(database, range(100, 108), 80)
