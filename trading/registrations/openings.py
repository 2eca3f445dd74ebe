"""Registrants are told anew when the opening of their lot moves, whatever moved it.

What moves an opening is many things (an extension, holidays that were published late, a book that could not
take the lot in time), and some of them tell it themselves. So this round looks at the result: an opening that
is another than the one that was known, and was not told to the lot's registrants since then, is told.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.messages.telling import ToRegistrantsOf, tell
from trading.lifecycle.states import LotState

KIND: Final = "registration.opening_moved"
AT_ONCE: Final = 200
STATES: Final = (LotState.ANNOUNCED, LotState.EXTENDED, LotState.EVALUATION, LotState.IN_AUCTION)

_NEW: Final = text(
    "SELECT l.lot, l.title, l.opens_at, k.due_at AS known, k.at AS known_at FROM listings l"
    " LEFT JOIN reminders k ON k.kind = :kind AND k.subject = l.lot"
    " WHERE l.state = ANY(:states) AND l.opens_at > :now AND k.due_at IS DISTINCT FROM l.opens_at"
    " ORDER BY l.opens_at LIMIT :most"
)
_FORGET: Final = text("DELETE FROM reminders WHERE kind = :kind AND subject = :lot")
_KNOW: Final = text(
    "INSERT INTO reminders (kind, subject, due_at, at) VALUES (:kind, :lot, :opens_at, :now)"
    " ON CONFLICT DO NOTHING"
)
_TOLD: Final = text(
    "SELECT EXISTS (SELECT FROM messages WHERE lot = :lot AND facts ->> 'opens_at' = :written"
    " AND at >= :known_at)"
)


class OpeningRound:
    """What is known of a lot's opening, and the message, are written together: a kill repeats nothing."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def round(self, now: datetime) -> int:
        """How many lots' registrants were told."""
        values = {"kind": KIND, "states": [str(state) for state in STATES], "now": now, "most": AT_ONCE}
        async with self._engine.begin() as connection:
            rows = (await connection.execute(_NEW, values)).all()
            return sum([await self._known(connection, row, now) for row in rows])

    async def _known(self, connection: AsyncConnection, row: Any, now: datetime) -> int:
        lot, title, opens_at, known, known_at = row
        written = opens_at.isoformat()
        values = {"kind": KIND, "lot": lot, "opens_at": opens_at, "now": now}
        await connection.execute(_FORGET, values)
        if not (await connection.execute(_KNOW, values)).rowcount:
            return 0  # another steward was here
        told = {"lot": lot, "written": written, "known_at": known_at}
        if known is None or await connection.scalar(_TOLD, told):
            return 0
        facts = {"lot": lot, "title": title, "opens_at": written, "before": known.isoformat()}
        await tell(connection, ToRegistrantsOf(lot), KIND, facts, now=now)
        return 1
