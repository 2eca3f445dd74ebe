"""What becomes of the deposits of a lot, told to the money once: others' go back, a defaulter's is kept.

Each step is marked in `settled_deposits` after it was done; killed in between, it is done again, which
changes nothing (`Deposits` may be repeated). Only the steward does this: it alone may ask for all
registrations of a lot.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.sealed.port import Sealed
from trading.awards.records import Award, AwardState, rounds
from trading.deposits import prices
from trading.deposits.deposits import AlreadyDecided, Deposits, NoSubAccount
from trading.deposits.prices import AlreadyPaid

log = structlog.get_logger(__name__)

AT_ONCE: Final = 20
AWARDED: Final = ("confirmation", "contract", "payment", "publication", "completed")
ENDED: Final = ("unsold", "withdrawn", "aborted")
_DUE: Final = text(
    "SELECT lot FROM listings WHERE state = ANY(:states) AND NOT EXISTS"
    " (SELECT FROM settled_deposits AS s WHERE s.lot = listings.lot AND s.step = :step)"
    " ORDER BY changed_at, lot LIMIT :limit"
)
_MARK: Final = text(
    "INSERT INTO settled_deposits (lot, step, at) VALUES (:lot, :step, :now) ON CONFLICT DO NOTHING"
)


class DepositSettling:
    def __init__(self, engine: AsyncEngine, sealed: Sealed) -> None:
        self._engine = engine
        self._sealed = sealed
        self._deposits = Deposits(engine, sealed)

    async def round(self, now: datetime) -> int:
        """How many lots were settled."""
        done = await self._each("others", AWARDED, self._release_others, now)
        return done + await self._each("all", ENDED, self._release_all, now)

    async def _each(
        self,
        step: str,
        states: tuple[str, ...],
        work: Callable[[str, datetime], Awaitable[None]],
        now: datetime,
    ) -> int:
        given = {"states": list(states), "step": step, "limit": AT_ONCE}
        async with self._engine.connect() as connection:
            lots = list((await connection.execute(_DUE, given)).scalars())
        for lot in lots:
            await work(lot, now)
            async with self._engine.begin() as connection:
                await connection.execute(_MARK, {"lot": lot, "step": step, "now": now})
            log.info("deposits_settled", lot=lot, step=step)
        return len(lots)

    async def _release_others(self, lot: str, now: datetime) -> None:
        """Everybody's but the winner's."""
        award = await self._last(lot)
        winner = award.registration if award else ""
        others = [each for each in await self._sealed.of_lot(lot) if each != winner]
        await self._deposits.release(others, now=now)

    async def _release_all(self, lot: str, now: datetime) -> None:
        """Not sold: everybody's; but of who defaulted it is kept, and the price account closed."""
        award = await self._last(lot)
        defaulted = award if award and award.state is AwardState.DEFAULTED else None
        if defaulted is not None:
            async with self._engine.begin() as connection:
                closed = await self._close(connection, lot, now)
            if closed:
                await self._forfeit(defaulted, now)
        kept = {defaulted.registration} if defaulted else set()
        others = [each for each in await self._sealed.of_lot(lot) if each not in kept]
        await self._deposits.release(others, now=now)

    async def _forfeit(self, award: Award, now: datetime) -> None:
        try:
            await self._deposits.forfeit(award.registration, award.reason, now=now)
        except (NoSubAccount, AlreadyDecided) as nothing:
            log.warning("nothing_to_forfeit", lot=award.lot, why=type(nothing).__name__)

    async def _close(self, connection: AsyncConnection, lot: str, now: datetime) -> bool:
        """False: the price is in, so nothing is kept; a person has to look at it."""
        try:
            await prices.close_price_account(connection, lot, now=now)
        except AlreadyPaid:
            log.error("paid_and_defaulted", lot=lot)
            return False
        return True

    async def _last(self, lot: str) -> Award | None:
        async with self._engine.connect() as connection:
            had = await rounds(connection, lot)
        return had[-1] if had else None
