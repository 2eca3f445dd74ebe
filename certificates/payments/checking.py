"""Whether the money of orders adds up: against the journal, against the orders."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderVerdict:
    """Each is a number of rows that has to be zero."""

    misplaced: int
    """Orders whose balance in the journal is not what came less what goes back and what is earned."""
    unpaid: int
    """Paid orders for which less than the price counts, but for those that were given back."""
    refunds: int
    """Receipts whose refunds are not what is marked as returned."""

    @property
    def sound(self) -> bool:
        return not (self.misplaced or self.unpaid or self.refunds)


_MISPLACED: Final = text(
    "WITH held AS ("
    "SELECT detail, -sum(fen) AS fen FROM journal_lines WHERE ledger = 'order' GROUP BY detail),"
    " came AS (SELECT order_number, sum(fen - returned) AS fen FROM order_receipts"
    " WHERE order_number IS NOT NULL GROUP BY order_number)"
    " SELECT count(*) FROM order_accounts a JOIN orders o ON o.number = a.order_number"
    " LEFT JOIN held ON held.detail = a.order_number LEFT JOIN came ON came.order_number = a.order_number"
    " WHERE coalesce(held.fen, 0)"
    " <> coalesce(came.fen, 0) - CASE WHEN a.earned THEN o.paid_fen ELSE 0 END"
)
_UNPAID: Final = text(
    "SELECT count(*) FROM orders o WHERE o.paid_fen > 0"
    " AND o.state NOT IN ('cancelled', 'rejected', 'expired')"
    " AND EXISTS (SELECT FROM order_accounts a WHERE a.order_number = o.number)"
    " AND o.paid_fen <> (SELECT coalesce(sum(r.fen - r.returned), 0) FROM order_receipts r"
    " WHERE r.order_number = o.number AND r.standing = 'counted')"
)
_REFUNDS: Final = text(
    "SELECT count(*) FROM order_receipts r WHERE r.returned <>"
    " (SELECT coalesce(sum(f.fen), 0) FROM order_refunds f WHERE f.receipt_id = r.id)"
)


async def check(connection: AsyncConnection) -> OrderVerdict:
    """Everything, from the rows themselves."""
    return OrderVerdict(
        misplaced=int(await connection.scalar(_MISPLACED) or 0),
        unpaid=int(await connection.scalar(_UNPAID) or 0),
        refunds=int(await connection.scalar(_REFUNDS) or 0),
    )
