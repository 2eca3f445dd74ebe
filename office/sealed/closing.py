"""Whether a lot's persons may be told: only what the ledger writer and the lifecycle recorded."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from office.sealed.port import StillSealed

_RECORD = text(
    "SELECT (SELECT phase FROM lots WHERE id = :lot) AS phase,"
    " (SELECT state FROM listings WHERE lot = :lot) AS state"
)
_WITHOUT_AUCTION = frozenset(
    {"negotiation", "confirmation", "contract", "payment", "publication", "completed", "archived"}
)
"""States of a listing that never went to the book and has a buyer: no bid can follow, so there is a close."""

_WITHOUT_BUYER = frozenset({"unsold", "withdrawn", "aborted"})


async def require_closed(connection: AsyncConnection, lot: str) -> None:
    """Raises StillSealed."""
    found = (await connection.execute(_RECORD, {"lot": lot})).one()
    closed = found.phase == "closed" if found.phase is not None else found.state in _WITHOUT_AUCTION
    if not closed:
        raise StillSealed(lot)


async def require_ended(connection: AsyncConnection, lot: str) -> None:
    """For who objected: the lot is closed, or ended without a buyer. Raises StillSealed."""
    found = (await connection.execute(_RECORD, {"lot": lot})).one()
    if found.state not in _WITHOUT_BUYER:
        await require_closed(connection, lot)
