"""Whether a lot's persons may be told: only what the ledger writer and the lifecycle recorded."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from office.sealed.port import StillSealed

_RECORD = text(
    "SELECT (SELECT phase FROM lots WHERE id = :lot) AS phase,"
    " (SELECT state FROM listings WHERE lot = :lot) AS state"
)
_RECORDS = text(
    "SELECT given.lot, o.phase, l.state FROM unnest(CAST(:lots AS text[])) AS given(lot)"
    " LEFT JOIN lots o ON o.id = given.lot LEFT JOIN listings l ON l.lot = given.lot"
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


async def closed_among(connection: AsyncConnection, lots: Collection[str]) -> frozenset[str]:
    """Those of these lots whose persons may be told, and those that ended without a buyer."""
    found = await connection.execute(_RECORDS, {"lots": list(lots)})
    ended = _WITHOUT_AUCTION | _WITHOUT_BUYER
    return frozenset(
        row.lot
        for row in found
        if row.phase == "closed" or row.state in _WITHOUT_BUYER or (row.phase is None and row.state in ended)
    )
