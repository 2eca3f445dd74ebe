"""Who objected before there were pseudonyms: what the upgrade leaves gets them from the sealed process.

Earlier rows have their maker in a box under the platform's secret (`objections.objector`). Each is opened
once, by the steward; then the row knows the pseudonym alone, like the others, and answers find the way.
"""

import json
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.marks import BoxUnreadable, Marks
from office.sealed.port import Sealed

log = structlog.get_logger(__name__)

AT_ONCE: Final = 100
BOX: Final = "objection"
"""For what the earlier rows were boxed."""
_UNNAMED: Final = text(
    "SELECT id, lot, objector FROM objections WHERE objector IS NOT NULL ORDER BY id LIMIT :most"
)
_NAMED: Final = text("UPDATE objections SET pseudonym = :pseudonym, objector = NULL WHERE id = :id")


class ObjectorRound:
    """In the steward. Killed in between it gives the same pseudonym again."""

    def __init__(self, engine: AsyncEngine, sealed: Sealed, marks: Marks) -> None:
        self._engine, self._sealed, self._marks = engine, sealed, marks

    async def round(self, now: datetime) -> int:
        """How many objections were looked at. Raises SealedAway; then they wait."""
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_UNNAMED, {"most": AT_ONCE})).all()
        for row in rows:
            pseudonym = await self._pseudonym(row.lot, bytes(row.objector))
            if not pseudonym:
                log.error("objector_unreadable", objection=row.id)
            async with self._engine.begin() as connection:
                await connection.execute(_NAMED, {"id": row.id, "pseudonym": pseudonym})
        return len(rows)

    async def _pseudonym(self, lot: str, box: bytes) -> str:
        """ "" for a box of another secret, or of none: nobody can be told."""
        try:
            account = int(json.loads(self._marks.unbox(BOX, box)))
        except (BoxUnreadable, ValueError):
            return ""
        return await self._sealed.objector_of(account, lot)
