"""What becomes of registrations by itself: those of a decided lot that are not qualified end; deposits of the
rejected go back."""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from trading.registrations.deciding import Deciding

BATCH: Final = 50
_DECIDED: Final = text(
    "SELECT lot FROM listings WHERE state NOT IN ('draft', 'submitted', 'announced', 'extended', 'suspended',"
    " 'evaluation') AND NOT EXISTS (SELECT FROM registration_lapses d WHERE d.lot = listings.lot)"
    " ORDER BY changed_at LIMIT :batch"
)


class LapseRound:
    """Each decided lot once; a kill in between is repeated, and what has ended is left alone."""

    def __init__(self, engine: AsyncEngine, deciding: Deciding) -> None:
        self._engine = engine
        self._deciding = deciding

    async def round(self, now: datetime) -> int:
        """How many registrations ended, or had their deposit given back."""
        async with self._engine.connect() as connection:
            lots = list((await connection.execute(_DECIDED, {"batch": BATCH})).scalars())
        ended = await self._deciding.give_back(now=now)
        for lot in lots:
            ended += await self._deciding.lapse(lot, now=now)
            done = text("INSERT INTO registration_lapses VALUES (:lot, :now) ON CONFLICT DO NOTHING")
            async with self._engine.begin() as connection:
                await connection.execute(done, {"lot": lot, "now": now})
        return ended
