"""The price of a sold lot: a number to pay into, instalments, the credited deposit, the service fee.

A price account is opened after the award, when it is public who won, so the lot stands beside it.

    number = await prices.open_price_account(connection, "XX-SW-2026-0007", price=…, payer="某某",
    bank="shifan", now=now) await prices.paid(engine, lot)            # fen towards the price
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.terms import Fen
from office.banking import journal, numbers
from office.banking.banks import Bank, bank_called
from office.banking.journal import Ledger, Posting
from office.banking.payers import payer_key
from trading.deposits import planning
from trading.working_days import day_of

MOST_INSTALMENTS: Final = 60


class AlreadyPaid(Exception):
    """The price is in: it is not given up any more."""


class NotPaid(Exception):
    """The price is not in, so nothing is paid out; or it has been paid out."""


class NoPriceAccount(LookupError):
    """Nothing is to be paid for this lot, or not yet."""


@dataclass(frozen=True, slots=True)
class Instalment:
    amount: Fen
    due_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceStanding:
    """What is to be paid for a lot and what has been. `fee` is the transaction service fee; money counts
    towards the price first. `received`: paid in, without the credited deposit."""

    lot: str
    number: str
    bank: Bank
    payer_name: str
    price: Fen
    fee: Fen
    fee_permille: int
    credited: Fen
    received: Fen
    due_on: date | None
    state: str
    instalments: tuple[Instalment, ...]

    @property
    def total(self) -> Fen:
        return Fen(self.price + self.fee)

    @property
    def paid(self) -> Fen:
        """Towards the price."""
        return Fen(min(self.price, self.credited + self.received))

    @property
    def missing(self) -> Fen:
        """Of price and fee."""
        return Fen(max(0, self.total - self.credited - self.received))

    def covered(self) -> Sequence[tuple[Instalment, bool]]:
        """Each instalment, and whether what came covers it and those before it."""
        sums, so_far = [], 0
        for each in self.instalments:
            so_far += each.amount
            sums.append((each, self.credited + self.received >= so_far))
        return sums


def fee_of(price: Fen, permille: int) -> Fen:
    """The service fee, to the whole fen, halves up."""
    return Fen((price * permille + 500) // 1000)


async def open_price_account(
    connection: AsyncConnection,
    lot: str,
    *,
    price: Fen,
    payer: str,
    bank: str,
    now: datetime,
    title: str = "",
    fee_permille: int = 0,
    due_on: date | None = None,
    instalments: Sequence[Instalment] = (),
) -> str:
    """The number to pay into, in the caller's transaction; the same one when it is asked for again.

    Raises ValueError for instalments that do not sum to the price.
    """
    if instalments and sum(each.amount for each in instalments) != price:
        raise ValueError("the instalments do not sum to the price")
    if len(instalments) > MOST_INSTALMENTS:
        raise ValueError(f"over {MOST_INSTALMENTS} instalments")
    chosen = bank_called(bank)
    values = {
        "number": numbers.draw(chosen.sub_account_prefix),
        "lot": lot,
        "bank": chosen.id,
        "payer": payer,
        "key": payer_key(payer),
        "price": price,
        "fee": fee_of(price, fee_permille),
        "permille": fee_permille,
        "title": title,
        "due_on": due_on,
        "now": now,
    }
    number = await connection.scalar(_OPEN, values)
    if number is None:
        found = await connection.scalar(
            text("SELECT number FROM price_accounts WHERE lot = :lot AND state <> 'closed'"), {"lot": lot}
        )
        return str(found)
    for place, each in enumerate(instalments, start=1):
        row = {"number": number, "place": place, "amount": each.amount, "due_on": each.due_on}
        await connection.execute(_INSTALMENT, row)
    return str(number)


_OPEN: Final = text(
    "INSERT INTO price_accounts (number, lot, bank, payer_name, payer_key, price, fee, fee_permille,"
    " title, due_on, made_at, changed_at) VALUES (:number, :lot, :bank, :payer, :key, :price, :fee,"
    " :permille, :title, :due_on, :now, :now) ON CONFLICT (lot) WHERE state <> 'closed' DO NOTHING"
    " RETURNING number"
)
_INSTALMENT: Final = text("INSERT INTO price_instalments VALUES (:number, :place, :amount, :due_on)")
_ONE: Final = (
    "SELECT * FROM price_accounts WHERE lot = :lot AND number = (SELECT number FROM price_accounts"
    " WHERE lot = :lot ORDER BY state = 'closed', made_at DESC LIMIT 1)"
)
"""The account that stands; after a default without a next buyer the last one."""
_RECEIVED: Final = text(
    "SELECT coalesce(sum(t.amount - m.returned), 0)::bigint FROM moneys m"
    " JOIN bank_transactions t ON t.id = m.transaction_id WHERE m.account = :number"
    " AND m.standing = 'counted'"
)


async def standing(engine: AsyncEngine, lot: str) -> PriceStanding | None:
    """None: there is no price account."""
    async with engine.connect() as connection:
        row = (await connection.execute(text(_ONE), {"lot": lot})).one_or_none()
        return None if row is None else await _standing(connection, row)


async def all_of(engine: AsyncEngine, lot: str) -> Sequence[PriceStanding]:
    """The one that stands first, then those of earlier buyers, the latest first: where money may still come
    and go back."""
    found = text("SELECT * FROM price_accounts WHERE lot = :lot ORDER BY state = 'closed', made_at DESC")
    async with engine.connect() as connection:
        rows = (await connection.execute(found, {"lot": lot})).all()
        return [await _standing(connection, row) for row in rows]


async def paid(engine: AsyncEngine, lot: str) -> Fen:
    """What has come towards the price, the credited deposit included; 0 without a price account."""
    found = await standing(engine, lot)
    return found.paid if found else Fen(0)


async def _standing(connection: AsyncConnection, row: Row[Any]) -> PriceStanding:
    received = await connection.scalar(_RECEIVED, {"number": row.number})
    plan = await connection.execute(
        text("SELECT amount, due_on FROM price_instalments WHERE number = :number ORDER BY place"),
        {"number": row.number},
    )
    return PriceStanding(
        lot=row.lot,
        number=row.number,
        bank=bank_called(row.bank),
        payer_name=row.payer_name,
        price=Fen(row.price),
        fee=Fen(row.fee),
        fee_permille=row.fee_permille,
        credited=Fen(row.credited),
        received=Fen(received or 0),
        due_on=row.due_on,
        state=row.state,
        instalments=tuple(Instalment(Fen(each.amount), each.due_on) for each in plan),
    )


async def credit(
    connection: AsyncConnection, lot: str, sub_account: str, amount: Fen, *, now: datetime
) -> None:
    """A deposit counts towards the price, in the caller's transaction. Raises NoPriceAccount, also for one
    that was closed."""
    row = (await connection.execute(text(_ONE + " FOR UPDATE"), {"lot": lot})).one_or_none()
    if row is None or row.state == "closed":
        raise NoPriceAccount(lot)
    lines = journal.moved((Ledger.DEPOSIT, sub_account), (Ledger.PRICE, row.number), amount)
    if amount and await journal.post(
        connection, Posting(at=now, reference=f"credit {sub_account}", text="保证金抵作价款", lines=lines)
    ):
        await connection.execute(_CREDITED, {"lot": lot, "amount": amount, "from": sub_account, "now": now})


async def uncredit(connection: AsyncConnection, sub_account: str, amount: Fen, *, now: datetime) -> None:
    """The award was undone: the deposit is a deposit again. Raises NoPriceAccount."""
    found = text("SELECT * FROM price_accounts WHERE deposit_account = :from FOR UPDATE")
    row = (await connection.execute(found, {"from": sub_account})).one_or_none()
    if row is None:
        raise NoPriceAccount(sub_account)
    lines = journal.moved((Ledger.PRICE, row.number), (Ledger.DEPOSIT, sub_account), amount)
    posting = Posting(at=now, reference=f"uncredit {sub_account}", text="价款转回保证金", lines=lines)
    if await journal.post(connection, posting):
        await connection.execute(_UNCREDITED, {"number": row.number, "now": now})


_CREDITED: Final = text(
    "UPDATE price_accounts SET credited = credited + :amount, deposit_account = :from, judged = false,"
    " changed_at = :now WHERE lot = :lot AND state <> 'closed'"
)
_UNCREDITED: Final = text(
    "UPDATE price_accounts SET credited = 0, judged = false, changed_at = :now WHERE number = :number"
)


async def close_price_account(connection: AsyncConnection, lot: str, *, now: datetime) -> None:
    """The award is undone, in the caller's transaction: what came goes back, what still comes as well. The
    credited deposit stays until it is forfeited or released (`Deposits`).

    Raises AlreadyPaid, also when it is all there and nobody has judged it yet. Nothing happens without a
    price account, or a second time.
    """
    row = (await connection.execute(text(_ONE + " FOR UPDATE"), {"lot": lot})).one_or_none()
    if row is None or row.state == "closed":
        return
    if row.state == "paid" or not (await _standing(connection, row)).missing:
        raise AlreadyPaid(lot)
    shut = text(
        "UPDATE price_accounts SET state = 'closed', judged = false, changed_at = :now WHERE number = :number"
    )
    await connection.execute(shut, {"number": row.number, "now": now})


@dataclass(frozen=True, slots=True)
class Payee:
    """Who gets the price of a sold lot."""

    name: str
    account: str
    bank: str


async def pay_out(connection: AsyncConnection, lot: str, payee: Payee, *, now: datetime, by: int) -> int:
    """The price is to go to the transferor, with the next batch; the payout's id, once for a lot.

    Raises NoPriceAccount, NotPaid.
    """
    row = (await connection.execute(text(_ONE + " FOR UPDATE"), {"lot": lot})).one_or_none()
    if row is None:
        raise NoPriceAccount(lot)
    if row.state != "paid" or row.paid_out or (await _standing(connection, row)).missing:
        raise NotPaid(lot)
    number = planning.new_number(now)
    values = {
        "number": number,
        "bank": row.bank,
        "account": row.number,
        "amount": row.price,
        "name": payee.name,
        "payee_account": payee.account,
        "payee_bank": payee.bank,
        "day": day_of(now),
        "by": by,
        "now": now,
    }
    refund = await connection.scalar(_PAY_OUT, values)
    await connection.execute(
        text("UPDATE price_accounts SET paid_out = true WHERE number = :number"), {"number": row.number}
    )
    lines = journal.moved((Ledger.PRICE, row.number), (Ledger.REFUND, row.bank), Fen(row.price))
    await journal.post(
        connection, Posting(at=now, reference=f"refund {number}", text="价款列入待划转", lines=lines)
    )
    return int(refund or 0)


_PAY_OUT: Final = text(
    "INSERT INTO refunds (number, kind, bank, account, amount, payee_name, payee_account, payee_bank, state,"
    " counted_from, working_days, due_on, made_by, made_at, changed_at) VALUES (:number, 'payout', :bank,"
    " :account, :amount, :name, :payee_account, :payee_bank, 'due', :day, 0, :day, :by, :now, :now)"
    " RETURNING id"
)


async def page_of_accounts(
    engine: AsyncEngine, page: int, *, size: int = journal.PAGE
) -> tuple[Sequence[PriceStanding], int]:
    """The latest first, and how many there are."""
    found = text("SELECT * FROM price_accounts ORDER BY made_at DESC, lot LIMIT :size OFFSET :offset")
    async with engine.connect() as connection:
        rows = (await connection.execute(found, {"size": size, "offset": (page - 1) * size})).all()
        standings = [await _standing(connection, row) for row in rows]
        count = await connection.scalar(text("SELECT count(*) FROM price_accounts"))
    return standings, int(count or 0)


async def transferor_of(engine: AsyncEngine, lot: str) -> str:
    """The name of who sold it; "" for a lot without a listing."""
    async with engine.connect() as connection:
        found = text("SELECT transferor FROM listings WHERE lot = :lot")
        return str(await connection.scalar(found, {"lot": lot}) or "")
