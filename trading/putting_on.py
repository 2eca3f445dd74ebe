"""Putting a lot on: first the database, then the book; each step may be repeated.

A crash in between leaves a lot that is "not in the book yet": by hand the lot's page offers the step again,
and for a listing the next round does it.
"""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bidding import lots
from bidding.book import Book
from bidding.keys import partition_of
from bidding.lots import MAX_TEXT, MAX_TITLE, SALT_BYTES, LotExists, Offer, Secrets
from bidding.messages import Obstacle, Refused
from bidding.session import ENDED
from bidding.terms import Fen, Terms
from office.clock import Clock
from trading.lifecycle.listing import Listing
from trading.profiles import store
from trading.profiles.profile import RuleProfile

CLOCKS_DIFFER: Final = timedelta(minutes=1)
"""More than that, and the business clock is travelling (a demonstration): the book's own time counts then."""


class UnknownLot(Exception):
    """The database does not know the lot."""


class CannotSchedule(Exception):
    """The book refuses the lot."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle)
        self.obstacle = obstacle


class AnotherLot(Exception):
    """A lot that was put on by hand has the listing's number: a person has to look at it."""


async def keep(engine: AsyncEngine, offer: Offer, reserve: Fen | None) -> None:
    """Keep a new lot with fresh salts. Raises LotExists."""
    kept = Secrets(
        reserve=reserve,
        reserve_salt=secrets.token_hex(SALT_BYTES),
        qualified_salt=secrets.token_hex(SALT_BYTES),
        private_salt=secrets.token_hex(SALT_BYTES),
    )
    async with engine.begin() as connection:
        await lots.put_on(connection, offer, kept)


async def schedule(engine: AsyncEngine, book: Book, lot: str, ranks: Mapping[str, int]) -> None:
    """Tell the book of a lot that is kept; harmless when it knows it already, or has known it until it ended
    (a book that was rebuilt leaves ended lots out). Raises UnknownLot, CannotSchedule, BookUnavailable."""
    async with engine.connect() as connection:
        found = await lots.lot(connection, lot)
        kept = await lots.secrets_of(connection, lot)
    if found is None or kept is None:
        raise UnknownLot(lot)
    if found.standing.phase in ENDED:
        return
    offer = found.offer
    outcome = await book.schedule(offer.terms, offer.opens_at, kept.commitments(ranks), ranks)
    answer = outcome.answer
    if isinstance(answer, Refused) and answer.obstacle is not Obstacle.ALREADY_SCHEDULED:
        raise CannotSchedule(answer.obstacle)


class PuttingOn:
    """Takes listings to auction: `Surroundings.put_on`. Where the book knows a lot, nothing happens again."""

    def __init__(self, engine: AsyncEngine, book: Book, clock: Clock) -> None:
        self._engine = engine
        self._book = book
        self._clock = clock

    async def __call__(self, listing: Listing, ranks: Mapping[str, int]) -> None:
        """Raises AnotherLot, CannotSchedule, BookUnavailable."""
        offer = offer_of(listing, await self._rules(listing), await self._opening(listing))
        try:
            await keep(self._engine, offer, listing.reserve)
        except LotExists:
            await self._agree(offer)
        await schedule(self._engine, self._book, listing.lot, ranks)

    async def _agree(self, offer: Offer) -> None:
        """It was kept before. Until the book knows it, the opening may still be moved."""
        async with self._engine.begin() as connection:
            found = await lots.lot(connection, offer.lot)
            if found is None or found.offer.terms != offer.terms or found.offer.title != offer.title:
                raise AnotherLot(offer.lot)
            if not await self._book.fields(offer.lot, "phase"):
                move = text("UPDATE lots SET opens_at = :at, deadline = :at WHERE id = :lot AND seq = 0")
                await connection.execute(move, {"at": offer.opens_at, "lot": offer.lot})

    async def _opening(self, listing: Listing) -> int:
        """In ms of the book's clock."""
        assert listing.opens_at is not None
        now, _ = await self._book.observe(partition_of(listing.lot, self._book.partitions))
        there, here = datetime.fromtimestamp(now / 1000, UTC), self._clock()
        ahead = here - there if abs(here - there) > CLOCKS_DIFFER else timedelta(0)
        return int((listing.opens_at - ahead).timestamp() * 1000)

    async def _rules(self, listing: Listing) -> RuleProfile:
        async with self._engine.connect() as connection:
            profile = await store.get_on(connection, listing.profile_id)
        assert profile is not None, "a listing has its profile"
        return profile.rules


def offer_of(listing: Listing, rules: RuleProfile, opens_at: int) -> Offer:
    """What the auction offers, in the words and numbers of the listing and its profile."""
    return Offer(
        terms=Terms(
            lot=listing.lot,
            starting_price=listing.starting_price,
            increment=listing.increment,
            max_steps=listing.max_steps,
            inquiry_ms=rules.inquiry_ms,
            window_ms=rules.window_ms,
            inquiry_mode=rules.inquiry_mode,
            priority_mode=rules.priority_mode,
            self_raise=rules.self_raise,
        ),
        opens_at=opens_at,
        title=listing.title[:MAX_TITLE],
        asset_class=listing.asset_class,
        place=listing.place[:MAX_TITLE],
        description=listing.overview[:MAX_TEXT],
        transferor=listing.transferor[:MAX_TITLE],
        created_by=listing.transferor_id,
    )
