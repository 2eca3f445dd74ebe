"""After a default the lot goes to the next bidder: what belonged to the sale that failed stands no more.

Nothing is lost: papers and contract versions stay under their numbers, the handover goes into the history.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_VOID: Final = text(
    "UPDATE sale_documents SET state = 'void', reason = :reason, ended_by = :by, changed_at = :now"
    " WHERE lot = :lot AND state = 'sealed'"
)
_REMADE: Final = text(
    "UPDATE sale_documents SET remake = true WHERE lot = :lot AND state IN ('refused', 'void')"
)
_UNSETTLED: Final = text("DELETE FROM settled_deposits WHERE lot = :lot")
_HANDOVER: Final = text(
    "DELETE FROM handovers WHERE lot = :lot"
    " RETURNING happened_on, place, items, made_at, confirmed_at, objection"
)


async def clear_for_next(
    connection: AsyncConnection, lot: str, reason: str, *, by: int, now: datetime
) -> dict[str, Any]:
    """In the caller's transaction, which holds the listing's row. Returns facts for the history."""
    await connection.execute(_VOID, {"lot": lot, "reason": reason, "by": by, "now": now})
    await connection.execute(_REMADE, {"lot": lot})
    await connection.execute(_UNSETTLED, {"lot": lot})
    row = (await connection.execute(_HANDOVER, {"lot": lot})).one_or_none()
    if row is None:
        return {}
    return {"handover": {name: str(value) for name, value in row._mapping.items() if value is not None}}
