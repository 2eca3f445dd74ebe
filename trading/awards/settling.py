"""What becomes of the deposits of a lot, told to the money once: others' go back, a defaulter's is kept.

Each step is marked in `settled_deposits` after it was done; killed in between, it is done again, which
changes nothing (`Deposits` may be repeated). Only the steward does this: it alone may ask for all
registrations of a lot.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.sealed.port import Sealed
from trading.awards.records import Award, AwardState, rounds
from trading.deposits.deposits import AlreadyDecided, Deposits, NoSubAccount

log = structlog.get_logger(__name__)

AT_ONCE: Final = 20
AWARDED: Final = ("confirmation", "contract", "payment", "publication", "completed")
ENDED: Final = ("unsold", "withdrawn", "aborted")
AFTER_DEFAULT: Final = ("review", "next_offer", "suspended", *AWARDED, "archived", *ENDED)
_IN_STATES: Final = "state = ANY(:states)"
_DEFAULTED: Final = (
    "EXISTS (SELECT FROM awards AS a WHERE a.lot = listings.lot AND a.state = 'defaulted') AND " + _IN_STATES
)
_DUE: Final = (
    "SELECT lot FROM listings WHERE {which} AND NOT EXISTS"
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
        """How many lots were settled. What a defaulter loses is taken before anything goes back."""
        done = await self._each("forfeit", AFTER_DEFAULT, self._forfeit_all, now, which=_DEFAULTED)
        done += await self._each("others", AWARDED, self._release_others, now)
        return done + await self._each("all", ENDED, self._release_all, now)

    async def _each(
        self,
        step: str,
        states: tuple[str, ...],
        work: Callable[[str, datetime], Awaitable[None]],
        now: datetime,
        which: str = _IN_STATES,
    ) -> int:
        given = {"states": list(states), "step": step, "limit": AT_ONCE}
        async with self._engine.connect() as connection:
            lots = list((await connection.execute(text(_DUE.format(which=which)), given)).scalars())
        for lot in lots:
            await work(lot, now)
            async with self._engine.begin() as connection:
                await connection.execute(_MARK, {"lot": lot, "step": step, "now": now})
            log.info("deposits_settled", lot=lot, step=step)
        return len(lots)

    async def _forfeit_all(self, lot: str, now: datetime) -> None:
        """Of everybody who defaulted. The price account was closed with the default, in one step."""
        for award in await self._defaulted(lot):
            try:
                await self._deposits.forfeit(award.registration, award.reason, now=now)
            except (NoSubAccount, AlreadyDecided) as nothing:
                log.warning("nothing_to_forfeit", lot=award.lot, why=type(nothing).__name__)

    async def _release_others(self, lot: str, now: datetime) -> None:
        """Everybody's but the winner's, and what is kept of earlier ones."""
        had = await self._had(lot)
        kept = {had[-1].registration} if had else set()
        await self._release_all_but(lot, kept, now)

    async def _release_all(self, lot: str, now: datetime) -> None:
        """Not sold: everybody's, but of who defaulted it is kept."""
        await self._release_all_but(lot, set(), now)

    async def _release_all_but(self, lot: str, kept: set[str], now: datetime) -> None:
        kept |= {award.registration for award in await self._defaulted(lot)}
        others = [each for each in await self._sealed.of_lot(lot) if each not in kept]
        await self._deposits.release(others, now=now)

    async def _defaulted(self, lot: str) -> Sequence[Award]:
        return [each for each in await self._had(lot) if each.state is AwardState.DEFAULTED]

    async def _had(self, lot: str) -> Sequence[Award]:
        async with self._engine.connect() as connection:
            return await rounds(connection, lot)
