"""Bank transfers to their orders: by the order's number in the remark, or by the channel's fixed remark and
the payer.

Where a channel has one remark for everybody, the payer's name leads to the order: the oldest that waits for
a transfer, one of exactly this price before others, if all that fit are for one document number and of one
account or telephone. Anybody can type a name, and people share theirs: otherwise it stays unknown money,
which two people of finance give to an order. Names of payers are compared as keyed hashes; whether the payer
may pay for this, settling decides with the catalogue's rule.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue.scope import PaymentWay
from certificates.orders.order import locked
from certificates.orders.states import OrderState
from certificates.payments import receipts
from certificates.payments.expecting import payer_mark
from certificates.payments.receipts import Came
from certificates.payments.resting import Resting
from certificates.payments.settling import settle
from office.banking import journal
from office.banking.journal import Ledger, Posting
from office.marks import Marks

AT_ONCE: Final = 200
LONGEST_REFERENCE: Final = 80
_NUMBER: Final = "'(?:^|[^0-9A-Z])([0-9]{8}[0-9A-HJKMNP-TV-Z]{8})(?![0-9A-Z])'"
_WAITING: Final = text(
    "SELECT m.transaction_id FROM moneys m JOIN bank_transactions t ON t.id = m.transaction_id"  # noqa: S608
    f" LEFT JOIN orders o ON o.number = substring(upper(t.remark) from {_NUMBER})"
    " WHERE m.standing IN ('unseen', 'unmatched') AND m.account = '' AND m.returned = 0 AND t.amount > 0"
    " AND t.sub_account = '' AND (o.number IS NOT NULL OR btrim(t.remark) IN"
    " (SELECT remark FROM order_accounts WHERE remark <> ''))"
    " AND m.transaction_id <> ALL(CAST(:resting AS bigint[])) ORDER BY m.transaction_id LIMIT :most"
)
_NEW: Final = text(
    "SELECT m.transaction_id AS id, t.bank, t.serial, t.amount, t.payer_name, t.remark, t.value_time,"  # noqa: S608
    " o.number AS order_number FROM moneys m JOIN bank_transactions t ON t.id = m.transaction_id"
    f" LEFT JOIN orders o ON o.number = substring(upper(t.remark) from {_NUMBER})"
    " WHERE m.transaction_id = :id AND m.standing IN ('unseen', 'unmatched') AND m.account = ''"
    " AND m.returned = 0 FOR UPDATE OF m SKIP LOCKED"
)
ONE: Final = text(
    "SELECT m.transaction_id AS id, t.bank, t.serial, t.amount, t.payer_name, t.remark, t.value_time"
    " FROM moneys m JOIN bank_transactions t ON t.id = m.transaction_id WHERE m.transaction_id = :id"
    " AND m.standing IN ('unseen', 'unmatched') AND m.account = '' AND m.returned = 0 AND t.amount > 0"
    " FOR UPDATE OF m SKIP LOCKED"
)
"""A transfer that is nobody's, locked; none while a round looks at it, which locks money before orders."""
_CLAIM: Final = text(
    "UPDATE moneys SET standing = 'order', account = :account, version = version + 1, changed_at = :now"
    " WHERE transaction_id = :id"
)
_WAITS: Final = "o.state = 'awaiting_payment' AND o.payment_way = 'transfer'"
_FITTING: Final = text(
    "SELECT r.id, r.bank, r.reference, r.fen, r.transaction_id,"  # noqa: S608
    " (array_agg(o.number ORDER BY (o.price_fen = r.fen) DESC, o.made_at, o.number)"
    f" FILTER (WHERE {_WAITS}))[1] AS order_number FROM order_receipts r"
    " JOIN order_accounts a ON a.remark = btrim(r.remark) AND r.payer_mark = ANY(a.payer_marks)"
    " JOIN orders o ON o.number = a.order_number"
    " AND (o.finished_at IS NULL OR o.finished_at > r.paid_at)"
    " WHERE r.standing = 'unknown' AND r.source = 'transfer' AND r.returned = 0"
    " AND r.transaction_id <> ALL(CAST(:resting AS bigint[])) GROUP BY r.id"
    f" HAVING bool_or({_WAITS})"
    " AND count(DISTINCT (o.number_mark, o.account_id, o.begun_mark)) = 1"
    " ORDER BY r.paid_at, r.id LIMIT 1"
)
"""The next money with a fixed remark and its order. Every order under the payer's name that had not ended
when the money came makes it doubtful whose it is, a paid one as well: what is paid once too often would go to
whoever else waits under a name they typed."""
_LINK: Final = text(
    "UPDATE order_receipts SET order_number = :order, standing = 'held', version = version + 1,"
    " changed_at = :now WHERE id = :id AND order_number IS NULL AND returned = 0 RETURNING id"
)


async def claim(engine: AsyncEngine, marks: Marks, resting: Resting[int], now: datetime) -> int:
    """Money of the banks that is for orders; how much was looked at."""
    async with engine.connect() as connection:
        values = {"most": AT_ONCE, "resting": resting.left_alone(now)}
        waiting = list((await connection.execute(_WAITING, values)).scalars())
    for transaction in waiting:
        async with resting.trying(transaction, now), engine.begin() as connection:
            await _claim(connection, marks, transaction, now)
    return len(waiting)


async def _claim(connection: AsyncConnection, marks: Marks, transaction: int, now: datetime) -> None:
    row = (await connection.execute(_NEW, {"id": transaction})).one_or_none()
    if row is None:
        return  # another steward looks at it, or finance
    if row.order_number is not None:
        await locked(connection, row.order_number)
    await receipts.take(connection, came_from(marks, row, row.order_number), now)
    await claimed(connection, row.id, row.order_number or "", now)


async def claimed(connection: AsyncConnection, transaction: int, account: str, now: datetime) -> None:
    """It is money of an order, or ("") of orders: the deposits leave it alone."""
    await connection.execute(_CLAIM, {"id": transaction, "account": account, "now": now})


def came_from(marks: Marks, row: Row[Any], order: str | None) -> Came:
    """A row of `_NEW` or of ONE, for this order, or for one that is to be found."""
    return Came(
        source=PaymentWay.TRANSFER,
        reference=_reference(row),
        fen=row.amount,
        paid_at=row.value_time,
        order_number=order,
        bank=row.bank,
        transaction_id=row.id,
        payer_mark=payer_mark(marks, row.payer_name),
        remark=row.remark[:100],
    )


def _reference(row: Row[Any]) -> str:
    """The bank's own number; ours where the bank's is too long to be kept whole."""
    whole = f"{row.bank} {row.serial}"
    return whole if len(whole) <= LONGEST_REFERENCE else f"{row.bank} #{row.id}"


async def link(engine: AsyncEngine, marks: Marks, resting: Resting[int], now: datetime) -> int:
    """Money with a fixed remark to the order of its payer, one after the other: an order that is paid by one
    is no place for the next."""
    for done in range(AT_ONCE):
        async with engine.connect() as connection:
            given = {"resting": resting.left_alone(now)}
            row = (await connection.execute(_FITTING, given)).one_or_none()
        if row is None:
            return done
        async with resting.trying(row.transaction_id, now), engine.begin() as connection:
            await _link(connection, marks, row, now)
    return AT_ONCE


async def _link(connection: AsyncConnection, marks: Marks, row: Row[Any], now: datetime) -> None:
    """Locked, it is looked at again: the order has to wait still, and the money to be nobody's."""
    order = await locked(connection, row.order_number)
    if order.state is not OrderState.AWAITING_PAYMENT:
        return
    given = {"id": row.id, "order": row.order_number, "now": now}
    if await connection.scalar(_LINK, given) is None:
        return
    await claimed(connection, row.transaction_id, row.order_number, now)
    target = (Ledger.ORDER, row.order_number)
    lines = journal.moved((Ledger.SUSPENSE, row.bank), target, row.fen)
    posting = Posting(at=now, reference=f"receipt transfer {row.reference}", text="证书订单来款", lines=lines)
    await journal.post(connection, posting)
    await receipts.reopen(connection, row.order_number, now)
    await settle(connection, marks, row.order_number, now)
