"""Money on its way back to where it came from: planned once, with a number, and looked at.

A provider's payment goes back through the provider, a transfer with finance's next batch for the bank,
money at the counter over the counter: paying_back.py carries it out.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.scope import QR, PaymentWay
from certificates.payments.receipts import Receipt
from certificates.payments.refund_history import RefundAct, event
from certificates.payments.states import RefundState
from office.banking import journal, returning
from office.banking.journal import Ledger, Posting
from office.banking.returning import Planned, RefundKind
from office.working_days import day_of

PAGE: Final = 50


class AlreadyReturned(Exception):
    """Less is left of the receipt than is to go back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRefund:
    """A row of `order_refunds`, with the order it is about ("" for money of no order)."""

    id: int
    number: str
    receipt_id: int
    way: PaymentWay
    fen: int
    reason: str
    state: RefundState
    attempts: int
    failure: str
    bank_refund: int | None
    made_at: datetime
    paid_at: datetime | None
    version: int
    order_number: str
    charge: str


_RETURN: Final = text(
    "UPDATE order_receipts SET returned = returned + :fen, version = version + 1, changed_at = :now"
    " WHERE id = :id AND returned + :fen <= fen RETURNING id"
)
_PLAN: Final = text(
    "INSERT INTO order_refunds (number, receipt_id, way, fen, reason, state, bank_refund, next_at, made_by,"
    " made_at, changed_at) VALUES (:number, :id, :way, :fen, :reason, 'due', :bank_refund, :next_at, :by,"
    " :now, :now) RETURNING id"
)
SELECT: Final = (
    "SELECT f.id, f.number, f.receipt_id, f.way, f.fen, f.reason, f.state, f.attempts, f.failure,"
    " f.bank_refund, f.made_at, f.paid_at, f.version, coalesce(r.order_number, '') AS order_number,"
    " coalesce(r.charge, r.remark) AS charge"
    " FROM order_refunds f JOIN order_receipts r ON r.id = f.receipt_id"
)


def new_number(now: datetime) -> str:
    return f"TF{day_of(now):%y%m%d}{secrets.randbelow(10**10):010d}"


async def plan(
    connection: AsyncConnection,
    receipt: Receipt,
    fen: int,
    reason: str,
    now: datetime,
    *,
    by: int | None = None,
) -> str:
    """So much of a receipt goes back; the refund's number. In the caller's transaction.

    Raises AlreadyReturned.
    """
    given: dict[str, Any] = {"id": receipt.id, "fen": fen, "now": now}
    if await connection.scalar(_RETURN, given) is None:
        raise AlreadyReturned(receipt.id)
    number, bank_refund = new_number(now), None
    if receipt.source is PaymentWay.TRANSFER:
        bank_refund = await _through_the_bank(connection, receipt, fen, reason, now, by)
    else:
        lines = journal.moved(receipt.held, (Ledger.REFUND, str(receipt.source)), fen)
        posting = Posting(at=now, reference=f"order refund {number}", text="列入待退款", lines=lines)
        await journal.post(connection, posting)
    values: dict[str, Any] = {"number": number, "way": receipt.source.value, "reason": reason, "by": by}
    values |= {"bank_refund": bank_refund, "next_at": now if receipt.source in QR else None}
    refund = await connection.scalar(_PLAN, given | values)
    await event(connection, int(refund or 0), RefundAct.PLANNED, now, reason)
    return number


async def _through_the_bank(
    connection: AsyncConnection, receipt: Receipt, fen: int, reason: str, now: datetime, by: int | None
) -> int:
    """With the banks' refunds, which finance sends in batches: to the account that it came from."""
    assert receipt.transaction_id is not None
    planned = Planned(
        transaction=receipt.transaction_id,
        account=receipt.order_number or "",
        source=receipt.held,
        amount=fen,
        kind=RefundKind.RETURN,
        counted_from=day_of(now),
        working_days=returning.USUAL_DAYS,
        reason=reason,
        by=by,
    )
    return await returning.plan(connection, planned, now)


async def page(connection: AsyncConnection, state: str, number: int) -> tuple[Sequence[OrderRefund], int]:
    """One page, the latest first, and how many there are. `state` "": all."""
    where = " WHERE CAST(:state AS text) = '' OR f.state = :state"
    given = {"state": state, "size": PAGE, "offset": (number - 1) * PAGE}
    rows = await connection.execute(
        text(f"{SELECT}{where} ORDER BY f.id DESC LIMIT :size OFFSET :offset"), given
    )
    count = await connection.scalar(text(f"SELECT count(*) FROM order_refunds f{where}"), given)  # noqa: S608
    return [refund_from(row) for row in rows], int(count or 0)


async def one(connection: AsyncConnection, refund: int) -> OrderRefund | None:
    row = (await connection.execute(text(f"{SELECT} WHERE f.id = :id"), {"id": refund})).one_or_none()
    return refund_from(row) if row is not None else None


async def of_receipt(connection: AsyncConnection, receipt: int) -> Sequence[OrderRefund]:
    rows = await connection.execute(text(f"{SELECT} WHERE f.receipt_id = :id ORDER BY f.id"), {"id": receipt})
    return [refund_from(row) for row in rows]


async def of_order(connection: AsyncConnection, order: str) -> Sequence[OrderRefund]:
    rows = await connection.execute(
        text(f"{SELECT} WHERE r.order_number = :order ORDER BY f.id"), {"order": order}
    )
    return [refund_from(row) for row in rows]


def refund_from(row: Row[Any]) -> OrderRefund:
    fields = dict(row._mapping)
    return OrderRefund(**fields | {"way": PaymentWay(row.way), "state": RefundState(row.state)})
