"""Money back to the account it came from: so much of a transaction, by a day, with finance's next batch.

For everything that is paid by transfer. Who holds the money says where the journal has it.
"""

import secrets
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from office.banking import journal
from office.banking.journal import Ledger, Posting
from office.working_days import calendar_of, day_of

USUAL_DAYS: Final = 5
"""Working days for what finance returns by its own act."""


class RefundKind(StrEnum):
    RELEASE = "release"
    """A deposit that is no longer held."""
    EXCESS = "excess"
    """More than was due."""
    RETURN = "return"
    """Money that is not accepted: late, of another payer, of nobody known."""
    PAYOUT = "payout"
    """The price of a sold lot, to the transferor."""


class AlreadyReturned(Exception):
    """Less is left of the transaction than is to go back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One refund to be. `source`: where the journal has the money now."""

    transaction: int
    account: str
    source: tuple[Ledger, str]
    amount: int
    kind: RefundKind
    counted_from: date
    working_days: int
    reason: str = ""
    by: int | None = None


_RETURNED: Final = text(
    "UPDATE moneys m SET returned = m.returned + :amount, changed_at = :now, version = m.version + 1"
    " FROM bank_transactions t WHERE t.id = m.transaction_id AND m.transaction_id = :id"
    " AND m.returned + :amount <= t.amount RETURNING t.bank, t.payer_name, t.payer_account, t.payer_bank"
)
_PLAN: Final = text(
    "INSERT INTO refunds (number, kind, bank, transaction_id, account, amount, payee_name, payee_account,"
    " payee_bank, reason, state, counted_from, working_days, due_on, provisional, made_by, made_at,"
    " changed_at) VALUES (:number, :kind, :bank, :id, :account, :amount, :payer_name, :payer_account,"
    " :payer_bank, :reason, 'due', :counted_from, :working_days, :due_on, :provisional, :by,"
    " :now, :now) RETURNING id"
)


def new_number(now: datetime) -> str:
    """Not in any order, so that two refunds on one file say nothing of a third."""
    return f"TK{day_of(now):%y%m%d}{secrets.randbelow(10**8):08d}"


async def plan(connection: AsyncConnection, planned: Planned, now: datetime) -> int:
    """One refund, in the caller's transaction; its id. Raises AlreadyReturned."""
    given = {"id": planned.transaction, "amount": planned.amount, "now": now}
    came = (await connection.execute(_RETURNED, given)).one_or_none()
    if came is None:
        raise AlreadyReturned(planned.transaction)
    number = new_number(now)
    due = (await calendar_of(connection)).add(planned.counted_from, planned.working_days)
    refund = await connection.scalar(
        _PLAN,
        {
            **came._mapping,
            **given,
            "number": number,
            "kind": planned.kind.value,
            "account": planned.account,
            "reason": planned.reason,
            "counted_from": planned.counted_from,
            "working_days": planned.working_days,
            "due_on": due.day,
            "provisional": due.provisional,
            "by": planned.by,
        },
    )
    lines = journal.moved(planned.source, (Ledger.REFUND, came.bank), planned.amount)
    await journal.post(
        connection, Posting(at=now, reference=f"refund {number}", text="列入待退款", lines=lines)
    )
    return int(refund or 0)
