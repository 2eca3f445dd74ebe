"""Money on its way back to where it came from: planned once, carried out by who brought it.

A provider's payment goes back through the provider, a transfer with finance's next batch for the bank, money
at the counter over the counter. A refund has a number; asked again under the same number it is the same
refund,
so that a round that was killed between asking and writing asks once more and nothing goes out twice.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.scope import PaymentWay
from certificates.payments.receipts import Receipt
from office.banking import journal
from office.banking.journal import Ledger, Posting
from office.working_days import day_of

MOST_ATTEMPTS: Final = 8
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=6)


class AlreadyReturned(Exception):
    """Less is left of the receipt than is to go back."""


_RETURN: Final = text(
    "UPDATE order_receipts SET returned = returned + :fen, version = version + 1, changed_at = :now"
    " WHERE id = :id AND returned + :fen <= fen RETURNING id"
)
_PLAN: Final = text(
    "INSERT INTO order_refunds (number, receipt_id, way, fen, reason, state, bank_refund, next_at, made_by,"
    " made_at, changed_at) VALUES (:number, :id, :way, :fen, :reason, 'due', :bank_refund, :next_at, :by,"
    " :now, :now)"
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
    """So much of a receipt goes back; the refund's number. In the caller's transaction. Raises
    AlreadyReturned.
    """
    given: dict[str, Any] = {"id": receipt.id, "fen": fen, "now": now}
    if await connection.scalar(_RETURN, given) is None:
        raise AlreadyReturned(receipt.id)
    number, bank_refund = new_number(now), None
    if receipt.source is PaymentWay.TRANSFER:
        bank_refund = await _through_the_bank(connection, receipt, fen, reason, now, by)
    else:
        target = (Ledger.REFUND, str(receipt.source))
        lines = journal.moved(receipt.held, target, fen)
        await journal.post(
            connection, Posting(at=now, reference=f"order refund {number}", text="列入待退款", lines=lines)
        )
    by_itself = receipt.source in (PaymentWay.ALIPAY, PaymentWay.WECHAT)
    values: dict[str, Any] = {"number": number, "way": receipt.source.value, "reason": reason, "by": by}
    values |= {"bank_refund": bank_refund, "next_at": now if by_itself else None}
    await connection.execute(_PLAN, given | values)
    return number


async def _through_the_bank(
    connection: AsyncConnection, receipt: Receipt, fen: int, reason: str, now: datetime, by: int | None
) -> int:
    """With the banks' refunds, which finance sends in batches."""
    raise NotImplementedError
