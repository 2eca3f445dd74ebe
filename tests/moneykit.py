"""Money for tests: a sealed process that only knows sub-accounts, transactions, statements, a steward's
rounds.

money = Money.on(engine)
number = await money.open(due=500_000, payer="张三")
await money.pays(number, 500_000, payer="张三")
await money.settle()
assert await money.state(number) is DepositState.PAID
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bidding.terms import Fen
from office.banking import journal
from office.banking.journal import Ledger
from office.banking.statements import BankRow
from office.banking.taking import Source, Taken, take
from trading.deposits import rows
from trading.deposits.deposits import Deposits
from trading.deposits.refunds import Confirmed, Refunds
from trading.deposits.rounds import MatchingRound
from trading.deposits.states import DepositState, RefundState
from trading.deposits.terms import DepositTerms

NOON = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)
"""A Wednesday of an ordinary working week, in Beijing."""
DEADLINE = NOON + timedelta(days=2)


class KnowsSubAccounts:
    """The part of the sealed process that the money asks."""

    def __init__(self) -> None:
        self.by_number: dict[str, str] = {}
        self.by_registration: dict[str, str] = {}

    async def bind_sub_account(self, sub_account: str, registration: str) -> None:
        if self.by_number.get(sub_account, registration) != registration:
            raise ValueError("another's")
        if self.by_registration.get(registration, sub_account) != sub_account:
            raise ValueError("has one")
        self.by_number[sub_account], self.by_registration[registration] = registration, sub_account

    async def registration_of_sub_account(self, sub_account: str) -> str | None:
        return self.by_number.get(sub_account)

    async def sub_account_of(self, registration: str) -> str | None:
        return self.by_registration.get(registration)

    async def lot_for_steward(self, registration: str) -> str:
        return "LOT-1"


@dataclass
class Money:
    """One installation's money. `told` is what registrations heard last."""

    engine: AsyncEngine
    sealed: Any = field(default_factory=KnowsSubAccounts)
    deadline: datetime | None = DEADLINE
    now: datetime = NOON
    told: dict[str, bool] = field(default_factory=dict)
    counter: Any = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def on(cls, engine: AsyncEngine) -> "Money":
        return cls(engine)

    async def terms_of(self, registration: str) -> DepositTerms:
        return DepositTerms(self.deadline)

    @property
    def deposits(self) -> Deposits:
        return Deposits(self.engine, self.sealed, self.terms_of)

    @property
    def refunds(self) -> Refunds:
        return Refunds(self.engine)

    async def hear(self, registration: str, enough: bool, *, now: datetime) -> None:
        self.told[registration] = enough

    async def settle(self) -> None:
        """The steward's rounds, until nothing waits."""
        steward = MatchingRound(self.engine, self.sealed, self.hear, self.terms_of)
        for _ in range(200):
            if not await steward.round(self.now):
                return
        raise AssertionError("the rounds do not come to rest")

    async def open(self, *, due: int = 500_000, payer: str = "张三", bank: str = "shifan") -> str:
        registration = f"R{next(self.counter):016x}"
        return await self.deposits.open_sub_account(
            registration, bank, Fen(due), payer, self.deadline, now=self.now
        )

    def registration(self, number: str) -> str:
        return str(self.sealed.by_number[number])

    def row(
        self,
        number: str,
        amount: int,
        *,
        payer: str = "张三",
        serial: str = "",
        at: datetime | None = None,
        remark: str = "",
    ) -> BankRow:
        return BankRow(
            line=1,
            serial=serial or f"S{next(self.counter):06d}",
            amount=amount,
            value_time=at or self.now,
            payer_name=payer,
            payer_account="6222000012345678",
            payer_bank="某银行",
            sub_account=number,
            remark=remark,
        )

    async def take(self, given: Sequence[BankRow], *, bank: str = "shifan") -> Taken:
        async with self.engine.begin() as connection:
            return await take(connection, bank, given, source=Source.STATEMENT, now=self.now)

    async def pays(self, number: str, amount: int, **more: Any) -> BankRow:
        row = self.row(number, amount, **more)
        await self.take([row])
        return row

    async def state(self, number: str) -> DepositState:
        async with self.engine.connect() as connection:
            found = await rows.read(connection, number)
        assert found is not None
        return found.state

    async def standing(self, row: BankRow) -> tuple[int, str, int]:
        """(id, standing, version) of a transaction."""
        found = text(
            "SELECT m.transaction_id, m.standing, m.version FROM moneys m JOIN bank_transactions t"
            " ON t.id = m.transaction_id WHERE t.serial = :serial"
        )
        async with self.engine.connect() as connection:
            one = (await connection.execute(found, {"serial": row.serial})).one()
        return one.transaction_id, one.standing, one.version

    async def balance(self, ledger: Ledger, detail: str = "shifan") -> int:
        async with self.engine.connect() as connection:
            return await journal.balance_of(connection, ledger, detail)

    async def pay_refunds(self, by: int, *, bank: str = "shifan", statement: bool = True) -> int:
        """A batch of all that is due, paid by the bank and seen in its statement."""
        batch = await self.refunds.make_batch(bank, by=by, now=self.now)
        if batch is None:
            return 0
        found = await self.refunds.batch(batch)
        assert found is not None
        items = [each for each in found[1] if each.state is RefundState.BATCHED]
        await self.refunds.confirm(
            batch, [Confirmed(each.number, each.amount) for each in items], by=by, now=self.now
        )
        if statement:
            out = [replace(self.row("", -each.amount), remark=each.number) for each in items]
            await self.take(out, bank=bank)
        await self.settle()
        return len(items)


async def snapshot(engine: AsyncEngine) -> dict[str, Any]:
    """What has to be the same whatever the order: states, standings, balances, refunds, without ids and
    times."""
    async with engine.connect() as connection:
        accounts = await connection.execute(
            text(
                "SELECT sub_account, state, taken, CASE WHEN disposition = 'held' THEN enough END,"
                " CASE WHEN disposition = 'held' THEN told_enough END FROM sub_accounts ORDER BY 1"
            )
        )
        moneys = await connection.execute(
            text(
                "SELECT t.bank, t.serial, m.standing, m.account, m.returned FROM moneys m"
                " JOIN bank_transactions t ON t.id = m.transaction_id ORDER BY 1, 2"
            )
        )
        lines = await connection.execute(
            text(
                "SELECT ledger, detail, sum(fen)::bigint FROM journal_lines GROUP BY 1, 2"
                " HAVING sum(fen) <> 0 ORDER BY 1, 2"
            )
        )
        refunds = await connection.execute(
            text("SELECT account, kind, amount, payee_name, state FROM refunds ORDER BY 1, 2, 3, 4, 5")
        )
        return {
            "accounts": [tuple(row) for row in accounts],
            "moneys": [tuple(row) for row in moneys],
            "lines": [tuple(row) for row in lines],
            "refunds": [tuple(row) for row in refunds],
        }
