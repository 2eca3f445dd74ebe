"""Money that found no order, or the wrong one: two people of finance say which order it is for.

One proposes, another agrees (office/banking/proposals.py). What is agreed on counts whatever its payer and
its remark say; the channel's ways to pay hold for it as for all money. What has gone back in part, or pays
for something by then, is not moved.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.orders.order import UnknownOrder, locked, read
from certificates.payments import receipts, transfers
from certificates.payments.judging import Phase
from certificates.payments.receipts import COLUMNS, Receipt, receipt_from
from certificates.payments.settling import phase_of, settle
from certificates.payments.states import Standing
from office.banking import journal
from office.banking.journal import Ledger, Posting
from office.banking.proposals import About, CannotDo, CarryOut, Obstacle, ProposalKind, propose
from office.marks import Marks

ASSIGNABLE: Final = frozenset(
    {Standing.UNKNOWN, Standing.FOREIGN, Standing.WRONG_REMARK, Standing.WRONG_WAY, Standing.SHORT}
)
OF_ITS_OWN: Final = frozenset({Standing.FOREIGN, Standing.WRONG_REMARK})
"""Money that two people may accept for the very order that it named."""
_RECEIPT: Final = f"SELECT {COLUMNS} FROM order_receipts WHERE id = :id"  # noqa: S608 - our own names
_TRANSACTION: Final = text(
    "SELECT m.version FROM moneys m JOIN bank_transactions t ON t.id = m.transaction_id"
    " WHERE m.transaction_id = :id AND m.standing IN ('unmatched', 'unseen') AND m.account = ''"
    " AND m.returned = 0 AND t.amount > 0"
)
_GIVE: Final = text(
    "UPDATE order_receipts SET order_number = :order, accepted = true, standing = 'held',"
    " version = version + 1, changed_at = :now WHERE id = :id"
)
_OF_TRANSACTION: Final = text("SELECT id FROM order_receipts WHERE transaction_id = :id")


async def propose_receipt(
    engine: AsyncEngine, receipt: int, version: int, order: str, reason: str, *, by: int, now: datetime
) -> int:
    """Money that is known as money of orders; the proposal's id. Raises CannotDo.

    Nothing is locked: whether it still goes, is asked again when the other person agrees.
    """
    number = _tidy(order)
    async with engine.begin() as connection:
        row = (await connection.execute(text(_RECEIPT), {"id": receipt})).one_or_none()
        one = receipt_from(row) if row is not None else None
        if one is None or one.version != version or one.standing not in ASSIGNABLE or one.returned:
            raise CannotDo(Obstacle.OVERTAKEN)
        await _check_waits(connection, number)
        if number == one.order_number and one.standing not in OF_ITS_OWN:
            raise CannotDo(Obstacle.UNKNOWN_ORDER)
        facts, about = {"order": number}, About(receipt=receipt)
        return await propose(connection, ProposalKind.ORDER, facts, reason, about, by=by, now=now)


async def propose_transaction(
    engine: AsyncEngine, transaction: int, version: int, order: str, reason: str, *, by: int, now: datetime
) -> int:
    """A transfer that nothing knew what to do with; the proposal's id. Raises CannotDo."""
    number = _tidy(order)
    async with engine.begin() as connection:
        if await connection.scalar(_TRANSACTION, {"id": transaction}) != version:
            raise CannotDo(Obstacle.OVERTAKEN)
        await _check_waits(connection, number)
        facts, about = {"order": number}, About(transaction=transaction)
        return await propose(connection, ProposalKind.ORDER, facts, reason, about, by=by, now=now)


def carried_out(marks: Marks) -> Mapping[ProposalKind, CarryOut]:
    """What is done when the other person agrees."""

    async def order(connection: AsyncConnection, row: Row[Any], now: datetime) -> None:
        number = str(row.facts["order"])
        if row.receipt_id is None:
            await _take_transaction(connection, marks, row.transaction_id, number, now)
        else:
            await _move_receipt(connection, marks, row.receipt_id, number, f"assign order {row.id}", now)

    return {ProposalKind.ORDER: order}


async def _take_transaction(
    connection: AsyncConnection, marks: Marks, transaction: int, number: str, now: datetime
) -> None:
    """A transfer becomes money of this order."""
    await locked(connection, number)
    await _check_waits(connection, number)
    row = (await connection.execute(transfers.ONE, {"id": transaction})).one_or_none()
    if row is None:
        raise CannotDo(Obstacle.OVERTAKEN)
    await receipts.take(connection, transfers.came_from(marks, row, number), now)
    await transfers.claimed(connection, transaction, number, now)
    receipt = await connection.scalar(_OF_TRANSACTION, {"id": transaction})
    await connection.execute(_GIVE, {"id": receipt, "order": number, "now": now})
    await settle(connection, marks, number, now)


async def _move_receipt(
    connection: AsyncConnection, marks: Marks, receipt: int, number: str, reference: str, now: datetime
) -> None:
    """From nobody, or from the order that it named, to this one; orders are locked before money, in order."""
    was = await connection.scalar(
        text("SELECT order_number FROM order_receipts WHERE id = :id"), {"id": receipt}
    )
    for each in sorted({number, was or number}):
        await locked(connection, each)
    await _check_waits(connection, number)
    row = (await connection.execute(text(f"{_RECEIPT} FOR UPDATE"), {"id": receipt})).one()
    one = receipt_from(row)
    if one.order_number != was or one.standing not in ASSIGNABLE or one.returned:
        raise CannotDo(Obstacle.OVERTAKEN)
    if number != was:
        await _post(connection, one, number, reference, now)
    await connection.execute(_GIVE, {"id": receipt, "order": number, "now": now})
    if one.transaction_id is not None:
        await transfers.claimed(connection, one.transaction_id, number, now)
    for each in sorted({number, was or number}):
        await receipts.reopen(connection, each, now)
        await settle(connection, marks, each, now)


async def _post(
    connection: AsyncConnection, one: Receipt, number: str, reference: str, now: datetime
) -> None:
    lines = journal.moved(one.held, (Ledger.ORDER, number), one.fen)
    posting = Posting(at=now, reference=reference, text="人工认领至办证订单", lines=lines)
    await journal.post(connection, posting)


async def _check_waits(connection: AsyncConnection, number: str) -> None:
    """There is such an order, and it has not ended and is not paid. Raises CannotDo."""
    try:
        order = await read(connection, number)
    except UnknownOrder as unknown:
        raise CannotDo(Obstacle.UNKNOWN_ORDER) from unknown
    if phase_of(order) not in (Phase.OPEN, Phase.NOT_YET) or not order.price_fen:
        raise CannotDo(Obstacle.UNKNOWN_ORDER)


def _tidy(order: str) -> str:
    return "".join(order.upper().split()).replace("-", "")[:40]
