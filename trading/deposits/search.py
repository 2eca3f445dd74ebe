"""What finance looks for: transactions, sub-accounts, and how much of what waits. Lists are bounded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.terms import Fen
from office.banking.payers import payer_key
from trading.deposits.rows import SubAccount, sub_account_from
from trading.deposits.states import PROBLEMS, DepositState, MoneyStanding, RefundState
from trading.working_days import BEIJING

PAGE: Final = 50
MOST_COUNTED: Final = 10_000
"""More is shown as "more": nobody pages through them, a narrower search is what helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A transaction and how it stands."""

    id: int
    bank: str
    serial: str
    amount: Fen
    value_time: datetime
    payer_name: str
    payer_account: str
    payer_bank: str
    sub_account: str
    remark: str
    source: str
    statement_id: int | None
    received_at: datetime
    standing: MoneyStanding
    account: str
    accepted: bool
    returned: Fen
    version: int

    @property
    def left(self) -> Fen:
        return Fen(self.amount - self.returned)

    @property
    def problem(self) -> bool:
        return self.standing in PROBLEMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for; "" and None are anything. `problems`: only what somebody has to do something
    about."""

    bank: str = ""
    standing: MoneyStanding | None = None
    problems: bool = False
    words: str = ""
    since: date | None = None
    until: date | None = None
    page: int = 1


@dataclass(frozen=True, slots=True)
class Found:
    rows: Sequence[Any]
    count: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-min(self.count, MOST_COUNTED) // PAGE))

    @property
    def more(self) -> bool:
        return self.count > MOST_COUNTED


_COLUMNS: Final = (
    "t.id, t.bank, t.serial, t.amount, t.value_time, t.payer_name, t.payer_account, t.payer_bank,"
    " t.sub_account, t.remark, t.source, t.statement_id, t.received_at, m.standing, m.account, m.accepted,"
    " m.returned, m.version"
)
_FROM: Final = "FROM moneys m JOIN bank_transactions t ON t.id = m.transaction_id"


async def transactions(engine: AsyncEngine, wanted: Wanted) -> Found:
    """The latest first."""
    where, given = _where(wanted)
    async with engine.connect() as connection:
        return await _page(
            connection,
            f"{_COLUMNS} {_FROM} {where}",
            "m.transaction_id DESC",
            given,
            wanted.page,
            _transaction,
        )


def _where(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    """Conditions from our own words; what people typed is bound."""
    parts, given = [], dict[str, Any]()
    if wanted.standing is not None:
        parts.append("m.standing = :standing")
        given["standing"] = wanted.standing.value
    if wanted.problems:
        parts.append("m.standing IN ('unmatched', 'foreign', 'late')")
    if wanted.bank:
        parts.append("t.bank = :bank")
        given["bank"] = wanted.bank
    if wanted.since is not None:
        parts.append("t.value_time >= :since")
        given["since"] = _midnight(wanted.since)
    if wanted.until is not None:
        parts.append("t.value_time < :until")
        given["until"] = _midnight(wanted.until + timedelta(days=1))
    if words := wanted.words.strip():
        parts.append(
            "(t.payer_key LIKE :name OR t.serial = :words OR m.account = :digits OR t.sub_account = :digits)"
        )
        given |= {"words": words, "name": _like(words), "digits": _digits(words)}
    return ("WHERE " + " AND ".join(parts) if parts else ""), given


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), BEIJING)


def _like(words: str) -> str:
    """Names that begin so; the characters that LIKE knows are taken as themselves."""
    key = payer_key(words)
    for char in "\\%_":
        key = key.replace(char, "\\" + char)
    return key + "%"


def _digits(words: str) -> str:
    """A sub-account as people type it; nothing is found for a text that is none."""
    return "".join(words.split()) or "-"


async def _page(
    connection: AsyncConnection,
    source: str,
    order: str,
    given: Mapping[str, Any],
    page: int,
    made: Any,
) -> Found:
    counted = text(f"SELECT count(*) FROM (SELECT {source} LIMIT {MOST_COUNTED + 1}) AS each")  # noqa: S608
    count = int(await connection.scalar(counted, given) or 0)
    page = min(page, max(1, -(-min(count, MOST_COUNTED) // PAGE)))
    found = text(f"SELECT {source} ORDER BY {order} LIMIT :size OFFSET :offset")
    rows = await connection.execute(found, {**given, "size": PAGE, "offset": (page - 1) * PAGE})
    return Found([made(row) for row in rows], count, page)


def _transaction(row: Row[Any]) -> Transaction:
    fields = dict(row._mapping)
    return Transaction(**{**fields, "standing": MoneyStanding(fields["standing"])})


async def transaction(engine: AsyncEngine, transaction_id: int) -> Transaction | None:
    found = text(f"SELECT {_COLUMNS} {_FROM} WHERE m.transaction_id = :id")
    async with engine.connect() as connection:
        row = (await connection.execute(found, {"id": transaction_id})).one_or_none()
    return _transaction(row) if row else None


async def transactions_of(engine: AsyncEngine, account: str) -> Sequence[Transaction]:
    """Of one sub-account or price account."""
    found = text(
        f"SELECT {_COLUMNS} {_FROM} WHERE m.account = :account ORDER BY t.value_time, t.id LIMIT 200"
    )
    async with engine.connect() as connection:
        return [_transaction(row) for row in await connection.execute(found, {"account": account})]


async def sub_accounts(engine: AsyncEngine, state: DepositState | None, words: str, page: int) -> Found:
    """The last changed first. `words`: the beginning of a payer's name, or a number."""
    parts, given = [], dict[str, Any]()
    if state is not None:
        parts.append("state = :state")
        given["state"] = state.value
    if words.strip():
        parts.append("(payer_key LIKE :name OR sub_account = :digits)")
        given |= {"name": _like(words), "digits": _digits(words)}
    where = "WHERE " + " AND ".join(parts) if parts else ""
    source = f"* FROM sub_accounts {where}"
    order = "changed_at DESC, sub_account"
    async with engine.connect() as connection:
        return await _page(connection, source, order, given, page, sub_account_from)


async def sub_account(engine: AsyncEngine, number: str) -> SubAccount | None:
    found = text("SELECT * FROM sub_accounts WHERE sub_account = :number")
    async with engine.connect() as connection:
        row = (await connection.execute(found, {"number": number})).one_or_none()
    return sub_account_from(row) if row else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What waits for finance: how many of each."""

    problems: Mapping[MoneyStanding, int]
    overpaid: int
    short: int
    unseen: int
    refunds: Mapping[RefundState, int]
    overdue: int
    proposals: int
    batches: int


async def overview(engine: AsyncEngine, today: date) -> Overview:
    """Each count from an index that holds only what waits."""
    counts = text(
        "SELECT (SELECT count(*) FROM moneys WHERE standing = 'unmatched') AS unmatched,"
        " (SELECT count(*) FROM moneys WHERE standing = 'foreign') AS foreign_,"
        " (SELECT count(*) FROM moneys WHERE standing = 'late') AS late,"
        " (SELECT count(*) FROM moneys WHERE standing = 'unseen') AS unseen,"
        " (SELECT count(*) FROM sub_accounts WHERE state = 'overpaid') AS overpaid,"
        " (SELECT count(*) FROM sub_accounts WHERE state = 'short') AS short,"
        " (SELECT count(*) FROM refunds WHERE state = 'due') AS due,"
        " (SELECT count(*) FROM refunds WHERE state = 'failed') AS failed,"
        " (SELECT count(*) FROM refunds WHERE state IN ('due', 'failed') AND due_on < :today) AS overdue,"
        " (SELECT count(*) FROM money_proposals WHERE state = 'open') AS proposals,"
        " (SELECT count(*) FROM refund_batches WHERE state = 'open') AS batches"
    )
    async with engine.connect() as connection:
        row = (await connection.execute(counts, {"today": today})).one()
    return Overview(
        problems={
            MoneyStanding.UNMATCHED: row.unmatched,
            MoneyStanding.FOREIGN: row.foreign_,
            MoneyStanding.LATE: row.late,
        },
        overpaid=row.overpaid,
        short=row.short,
        unseen=row.unseen,
        refunds={RefundState.DUE: row.due, RefundState.FAILED: row.failed},
        overdue=row.overdue,
        proposals=row.proposals,
        batches=row.batches,
    )
