"""Refunds on their way: batches for the bank, what the bank confirms, and what came back.

    batch = await refunds.make_batch("shifan", by=12, now=now)      # all that is due, once
    await refunds.confirm(batch_id, lines, by=12, now=now)          # number, paid or why not

Money leaves the journal's `refund` when the bank confirms, and its `bank` when the statement shows it;
`sent` lies between the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.terms import Fen
from office.banking import journal
from office.banking.journal import Ledger, Posting
from office.banking.recording import record_act
from trading.deposits import matching
from trading.deposits.states import REFUND_TRANSITIONS, RefundKind, RefundState
from trading.working_days import day_of

MOST_IN_BATCH: Final = 1_000
PAGE: Final = 50
LONGEST_FAILURE: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """A row of `refunds`. `account`: the sub-account or price account it comes from, "" for money of
    nobody."""

    id: int
    number: str
    kind: RefundKind
    bank: str
    transaction_id: int | None
    account: str
    amount: Fen
    payee_name: str = field(repr=False)
    payee_account: str = field(repr=False)
    payee_bank: str
    reason: str
    state: RefundState
    due_on: date
    provisional: bool
    batch_id: int | None
    attempts: int
    failure: str
    version: int
    made_at: datetime
    changed_at: datetime

    @property
    def complete(self) -> bool:
        """Whether a bank could carry it out."""
        return bool(self.payee_name and self.payee_account)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    id: int
    number: str
    bank: str
    state: str
    total: Fen
    item_count: int
    made_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """One line of the bank's confirmation; `failure` "": it was paid."""

    number: str
    amount: Fen
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a confirmation did. `known`: said before, nothing changed."""

    paid: int
    failed: int
    known: int
    open: int


class ConfirmationFaults(Exception):
    """Numbers that are not in the batch, or with another amount. Nothing was changed."""

    def __init__(self, numbers: Sequence[str]) -> None:
        super().__init__(f"{len(numbers)} lines do not fit the batch")
        self.numbers = tuple(numbers)


class WrongState(Exception):
    """The refund is not where this act finds it: somebody was faster."""


_COLUMNS: Final = ", ".join(Refund.__dataclass_fields__)
_BATCH_COLUMNS: Final = ", ".join(Batch.__dataclass_fields__)
_TAKE_DUE: Final = text(
    f"SELECT {_COLUMNS} FROM refunds WHERE state = 'due' AND bank = :bank AND payee_account <> ''"  # noqa: S608
    " AND payee_name <> '' ORDER BY due_on, id LIMIT :most FOR UPDATE SKIP LOCKED"
)
_PUT_BATCH: Final = text(
    "INSERT INTO refund_batches (number, bank, state, total, item_count, made_by, made_at)"
    " VALUES (:number, :bank, 'open', :total, :count, :by, :now) RETURNING id"
)
_INTO_BATCH: Final = text(
    "UPDATE refunds SET state = 'batched', batch_id = :batch, attempts = attempts + 1, failure = '',"
    " version = version + 1, changed_at = :now WHERE id = ANY(:ids)"
)


class Refunds:
    """Every method is one transaction of its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    # reading

    async def page(
        self, state: RefundState | None, page: int, *, size: int = PAGE
    ) -> tuple[Sequence[Refund], int]:
        """The most urgent first, and how many there are."""
        where = "WHERE (CAST(:state AS text) IS NULL OR state = :state)"
        given = {"state": state.value if state else None, "size": size, "offset": (page - 1) * size}
        found = text(f"SELECT {_COLUMNS} FROM refunds {where} ORDER BY due_on, id LIMIT :size OFFSET :offset")  # noqa: S608
        async with self._engine.connect() as connection:
            rows = [refund_from(row) for row in await connection.execute(found, given)]
            count = await connection.scalar(text(f"SELECT count(*) FROM refunds {where}"), given)  # noqa: S608
        return rows, int(count or 0)

    async def get(self, refund_id: int) -> Refund | None:
        found = text(f"SELECT {_COLUMNS} FROM refunds WHERE id = :id")  # noqa: S608
        async with self._engine.connect() as connection:
            row = (await connection.execute(found, {"id": refund_id})).one_or_none()
        return refund_from(row) if row else None

    async def of_account(self, account: str) -> Sequence[Refund]:
        """Of one sub-account or price account: there are few."""
        found = text(f"SELECT {_COLUMNS} FROM refunds WHERE account = :account ORDER BY id LIMIT 200")  # noqa: S608
        async with self._engine.connect() as connection:
            return [refund_from(row) for row in await connection.execute(found, {"account": account})]

    async def due_by_bank(self) -> Mapping[str, tuple[int, Fen]]:
        """What the next batch of each bank would hold: {bank: (how many, how much)}."""
        found = text(
            "SELECT bank, count(*) AS items, sum(amount)::bigint AS total FROM refunds"
            " WHERE state = 'due' AND payee_account <> '' AND payee_name <> '' GROUP BY bank ORDER BY bank"
        )
        async with self._engine.connect() as connection:
            return {row.bank: (row.items, Fen(row.total)) for row in await connection.execute(found)}

    async def batches(self, page: int, *, size: int = PAGE) -> tuple[Sequence[Batch], int]:
        found = text(
            f"SELECT {_BATCH_COLUMNS} FROM refund_batches ORDER BY id DESC LIMIT :size OFFSET :offset"  # noqa: S608
        )
        async with self._engine.connect() as connection:
            rows = await connection.execute(found, {"size": size, "offset": (page - 1) * size})
            shown = [_batch(row) for row in rows]
            count = await connection.scalar(text("SELECT count(*) FROM refund_batches"))
        return shown, int(count or 0)

    async def batch(self, batch_id: int) -> tuple[Batch, Sequence[Refund]] | None:
        """A batch and what is in it, or was and failed since: at most MOST_IN_BATCH."""
        head = text(f"SELECT {_BATCH_COLUMNS} FROM refund_batches WHERE id = :id")  # noqa: S608
        items = text(f"SELECT {_COLUMNS} FROM refunds WHERE batch_id = :id ORDER BY id")  # noqa: S608
        async with self._engine.connect() as connection:
            row = (await connection.execute(head, {"id": batch_id})).one_or_none()
            if row is None:
                return None
            found = await connection.execute(items, {"id": batch_id})
            return _batch(row), [refund_from(each) for each in found]

    # acting

    async def make_batch(self, bank: str, *, by: int, now: datetime) -> int | None:
        """All that is due at a bank and can be paid, together; None: there is nothing."""
        async with self._engine.begin() as connection:
            rows = await connection.execute(_TAKE_DUE, {"bank": bank, "most": MOST_IN_BATCH})
            taken = [refund_from(row) for row in rows]
            if not taken:
                return None
            total = sum(each.amount for each in taken)
            values = {"bank": bank, "total": total, "count": len(taken), "by": by, "now": now}
            place = await connection.scalar(
                text("SELECT nextval(pg_get_serial_sequence('refund_batches', 'id'))")
            )
            number = f"PC{day_of(now):%Y%m%d}{place:05d}"
            batch = await connection.scalar(_PUT_BATCH, values | {"number": number})
            ids = [each.id for each in taken]
            await connection.execute(_INTO_BATCH, {"batch": batch, "ids": ids, "now": now})
            facts = {"batch": number, "count": len(taken), "total": total}
            await record_act(connection, by, "refund.batch", number, facts, now)
        return int(batch or 0)

    async def confirm(self, batch_id: int, lines: Sequence[Confirmed], *, by: int, now: datetime) -> Outcome:
        """What the bank says of a batch. Said again, it changes nothing. Raises ConfirmationFaults,
        LookupError.

        A refund that was paid may still come back: then it fails after all.
        """
        async with self._engine.begin() as connection:
            items = await _lock_batch(connection, batch_id)
            wrong = [line.number for line in lines if not _fits(items.get(line.number), line)]
            if wrong:
                raise ConfirmationFaults(wrong)
            paid = failed = known = 0
            for line in lines:
                refund = items[line.number]
                target = RefundState.FAILED if line.failure else RefundState.PAID
                if target not in REFUND_TRANSITIONS[refund.state]:
                    known += 1
                    continue
                await _settle(connection, refund, line, now)
                paid, failed = paid + (not line.failure), failed + bool(line.failure)
            left = await _close_if_done(connection, batch_id, now)
            facts = {"paid": paid, "failed": failed, "known": known}
            await record_act(connection, by, "refund.confirm", str(batch_id), facts, now)
        return Outcome(paid, failed, known, left)

    async def again(self, refund_id: int, version: int, *, by: int, now: datetime) -> None:
        """A failed refund goes with the next batch. Raises WrongState."""
        retry = text(
            "UPDATE refunds SET state = 'due', batch_id = NULL, version = version + 1, changed_at = :now"
            " WHERE id = :id AND state = 'failed' AND version = :version RETURNING number"
        )
        async with self._engine.begin() as connection:
            given = {"id": refund_id, "version": version, "now": now}
            number = await connection.scalar(retry, given)
            if number is None:
                raise WrongState(refund_id)
            await record_act(connection, by, "refund.again", str(number), {}, now)


def refund_from(row: Row[Any]) -> Refund:
    fields = dict(row._mapping)
    fields["kind"], fields["state"] = RefundKind(fields["kind"]), RefundState(fields["state"])
    return Refund(**fields)


def _batch(row: Row[Any]) -> Batch:
    return Batch(**row._mapping)


def _fits(refund: Refund | None, line: Confirmed) -> bool:
    return refund is not None and refund.amount == line.amount


async def _lock_batch(connection: AsyncConnection, batch_id: int) -> dict[str, Refund]:
    head = text("SELECT id FROM refund_batches WHERE id = :id FOR UPDATE")
    if await connection.scalar(head, {"id": batch_id}) is None:
        raise LookupError(batch_id)
    items = text(f"SELECT {_COLUMNS} FROM refunds WHERE batch_id = :id ORDER BY id FOR UPDATE")  # noqa: S608
    return {row.number: refund_from(row) for row in await connection.execute(items, {"id": batch_id})}


async def _settle(connection: AsyncConnection, refund: Refund, line: Confirmed, now: datetime) -> None:
    """One line: paid leaves what is to be sent; failed after paid comes back to it."""
    state = RefundState.FAILED if line.failure else RefundState.PAID
    write = text(
        "UPDATE refunds SET state = :state, failure = :failure, version = version + 1, changed_at = :now"
        " WHERE id = :id"
    )
    failure = line.failure[:LONGEST_FAILURE]
    await connection.execute(write, {"id": refund.id, "state": state.value, "failure": failure, "now": now})
    held, sent = (Ledger.REFUND, refund.bank), (Ledger.SENT, refund.bank)
    if state is RefundState.PAID:
        lines, said = journal.moved(held, sent, refund.amount), "退款已由银行付出"
        reference = f"paid {refund.number} {refund.attempts}"
    elif refund.state is RefundState.PAID:
        lines, said = journal.moved(sent, held, refund.amount), "退款被退回，重新待退"
        reference = f"back {refund.number} {refund.attempts}"
    else:
        return
    await journal.post(connection, Posting(at=now, reference=reference, text=said, lines=lines))
    if refund.account:
        await matching.mark_unjudged(connection, [refund.account])
    elif refund.transaction_id is not None:
        await _returned_whole(connection, refund.transaction_id, now)


async def _returned_whole(connection: AsyncConnection, transaction: int, now: datetime) -> None:
    """Money of nobody has no account that would be judged: its own standing follows its refunds."""
    write = text(
        "UPDATE moneys SET changed_at = :now, version = version + 1, standing = CASE WHEN"
        " (SELECT bool_and(state = 'paid') FROM refunds WHERE transaction_id = :id)"
        " THEN 'returned' ELSE 'returning' END WHERE transaction_id = :id AND account = ''"
    )
    await connection.execute(write, {"id": transaction, "now": now})


async def _close_if_done(connection: AsyncConnection, batch_id: int, now: datetime) -> int:
    """How many are still open."""
    left = await connection.scalar(
        text("SELECT count(*) FROM refunds WHERE batch_id = :id AND state = 'batched'"), {"id": batch_id}
    )
    if not left:
        done = "UPDATE refund_batches SET state = 'done', done_at = :now WHERE id = :id AND state = 'open'"
        await connection.execute(text(done), {"id": batch_id, "now": now})
    return int(left or 0)
