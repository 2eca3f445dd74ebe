"""What an applicant has to be told about the money of an order: noted with what happened, each once."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.payments.receipts import Receipt
from certificates.payments.states import Standing


class NewsKind(StrEnum):
    """The first six are standings of a receipt."""

    SHORT = "short"
    FOREIGN = "foreign"
    WRONG_REMARK = "wrong_remark"
    WRONG_WAY = "wrong_way"
    DOUBLED = "doubled"
    LATE = "late"
    REFUNDED = "refunded"
    INVOICED = "invoiced"


_OF: Final = {one: NewsKind(one.value) for one in Standing if one.value in {kind.value for kind in NewsKind}}
_NOTE: Final = text(
    "INSERT INTO order_money_news (key, order_number, kind, fen, receipt_id, made_at)"
    " VALUES (:key, :order, :kind, :fen, :receipt, :now) ON CONFLICT (key) DO NOTHING"
)


async def of_receipt(
    connection: AsyncConnection, receipt: Receipt, standing: Standing, now: datetime
) -> None:
    """It stands so from now on; most standings are nothing to write about."""
    if standing not in _OF or receipt.order_number is None:
        return
    key = f"receipt {receipt.id} {standing} {receipt.order_number}"
    await note(connection, _OF[standing], receipt.order_number, receipt.fen, key, now, receipt=receipt.id)


async def note(
    connection: AsyncConnection,
    kind: NewsKind,
    order: str,
    fen: int,
    key: str,
    now: datetime,
    *,
    receipt: int | None = None,
) -> None:
    """In the caller's transaction; the same key again is the same news."""
    values: dict[str, Any] = {"key": key, "order": order, "kind": kind.value, "fen": fen, "now": now}
    await connection.execute(_NOTE, values | {"receipt": receipt})
