"""Listings go to auction: into the database and the book, as often as it is tried, with one outcome."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bidding import lots
from bidding.book import Book
from bidding.clock import Tolerances
from bidding.lots import AssetClass, Offer
from bidding.pipeline import BookUnavailable
from bidding.terms import Fen, InquiryMode, PriorityMode, Terms
from office.clock import utc_now
from office.database import create_engine
from tests.tradingkit import MutableClock, make_listing
from trading.lifecycle.performing import Listing
from trading.lifecycle.states import LotState
from trading.putting_on import AnotherLot, PuttingOn, keep, schedule

RANKS = {"1001": 0, "1002": 1}


@pytest_asyncio.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    made = create_engine(database)
    yield made
    await made.dispose()


@pytest_asyncio.fixture
async def book(valkey: str) -> AsyncIterator[Book]:
    pipeline, script = Book.pipeline_for(valkey, Tolerances())
    async with pipeline:
        yield Book(pipeline, partitions=4, text=script)


@pytest_asyncio.fixture
async def listing(engine: AsyncEngine) -> Listing:
    """On its way to an auction that opens in an hour of the real time, which is the book's."""
    clock = MutableClock(utc_now() - timedelta(days=30))
    made = await make_listing(engine, LotState.EVALUATION, clock=clock, reserve=Fen(1_200_000))
    opens = utc_now().replace(microsecond=0) + timedelta(hours=1)
    put = text(
        "UPDATE listings SET opens_at = :at, state = 'in_auction' WHERE lot = :lot"  # past the table: a test
    )
    async with engine.begin() as connection:
        await connection.execute(put, {"at": opens, "lot": made.lot})
    return replace(made, opens_at=opens)


async def kept(engine: AsyncEngine, lot: str) -> lots.Lot:
    async with engine.connect() as connection:
        found = await lots.lot(connection, lot)
    assert found is not None
    return found


async def test_a_listing_is_put_on_with_the_rules_of_its_profile(
    engine: AsyncEngine, book: Book, listing: Listing
) -> None:
    await PuttingOn(engine, book, utc_now)(listing, RANKS)
    offer = (await kept(engine, listing.lot)).offer
    assert listing.opens_at is not None
    assert offer.opens_at == int(listing.opens_at.timestamp() * 1000)
    assert (offer.terms.inquiry_ms, offer.terms.window_ms) == (240_000, 240_000)
    assert (offer.terms.inquiry_mode, offer.terms.priority_mode) == (InquiryMode.PASSIVE, PriorityMode.MATCH)
    assert (offer.title, offer.transferor) == (listing.title, listing.transferor)
    shown = await book.snapshot(listing.lot)
    assert shown is not None
    assert dict(shown.session.qualified) == RANKS
    assert shown.session.deadline == offer.opens_at
    async with engine.connect() as connection:
        secrets = await lots.secrets_of(connection, listing.lot)
    assert secrets is not None
    assert secrets.reserve == 1_200_000


async def test_it_may_be_tried_again_and_again(engine: AsyncEngine, book: Book, listing: Listing) -> None:
    putting_on = PuttingOn(engine, book, utc_now)
    await putting_on(listing, RANKS)
    before = await book.snapshot(listing.lot)
    assert before is not None
    for _ in range(3):
        await putting_on(listing, RANKS)
    after = await book.snapshot(listing.lot)
    assert after is not None
    assert (after.session, after.recent) == (before.session, before.recent)


class _Gone:
    """A book that is away when the lot is to be scheduled."""

    def __init__(self, book: Book) -> None:
        self.partitions, self._book = book.partitions, book
        self.observe, self.fields = book.observe, book.fields

    async def schedule(self, *_of: object) -> None:
        raise BookUnavailable("away")


async def test_a_kill_between_database_and_book_is_made_good(
    engine: AsyncEngine, book: Book, listing: Listing
) -> None:
    with pytest.raises(BookUnavailable):
        await PuttingOn(engine, _Gone(book), utc_now)(listing, RANKS)  # type: ignore[arg-type]
    salts = await _salt(engine, listing.lot)
    later = replace(listing, opens_at=utc_now().replace(microsecond=0) + timedelta(hours=2))
    await PuttingOn(engine, book, utc_now)(later, RANKS)
    assert later.opens_at is not None
    assert (await kept(engine, listing.lot)).offer.opens_at == int(later.opens_at.timestamp() * 1000)
    assert await _salt(engine, listing.lot) == salts, "what was committed to stays"


async def _salt(engine: AsyncEngine, lot: str) -> str:
    async with engine.connect() as connection:
        secrets = await lots.secrets_of(connection, lot)
    assert secrets is not None
    return secrets.qualified_salt


async def test_once_the_book_has_it_the_opening_stays(
    engine: AsyncEngine, book: Book, listing: Listing
) -> None:
    putting_on = PuttingOn(engine, book, utc_now)
    await putting_on(listing, RANKS)
    moved = replace(listing, opens_at=utc_now() + timedelta(days=2))
    await putting_on(moved, RANKS)
    assert listing.opens_at is not None
    assert (await kept(engine, listing.lot)).offer.opens_at == int(listing.opens_at.timestamp() * 1000)


async def test_a_lot_put_on_by_hand_under_the_same_number_is_not_touched(
    engine: AsyncEngine, book: Book, listing: Listing
) -> None:
    terms = Terms(lot=listing.lot, starting_price=Fen(5), increment=Fen(1))
    by_hand = Offer(terms=terms, opens_at=1, title="手工上架", asset_class=AssetClass.DEBT)
    await keep(engine, by_hand, None)
    with pytest.raises(AnotherLot):
        await PuttingOn(engine, book, utc_now)(listing, RANKS)
    assert (await kept(engine, listing.lot)).offer == by_hand
    assert await book.snapshot(listing.lot) is None


async def test_a_travelling_clock_opens_at_the_same_distance(
    engine: AsyncEngine, book: Book, listing: Listing
) -> None:
    ahead = timedelta(days=40)
    travelled = replace(listing, opens_at=utc_now() + ahead + timedelta(minutes=10))
    await PuttingOn(engine, book, lambda: utc_now() + ahead)(travelled, RANKS)
    opens = datetime.fromtimestamp((await kept(engine, listing.lot)).offer.opens_at / 1000, UTC)
    assert timedelta(minutes=8) < opens - utc_now() < timedelta(minutes=11)


async def test_an_ended_lot_is_never_scheduled_again(
    engine: AsyncEngine, book: Book, listing: Listing
) -> None:
    terms = Terms(lot=listing.lot, starting_price=Fen(5), increment=Fen(1))
    await keep(engine, Offer(terms=terms, opens_at=1, title="旧", asset_class=AssetClass.DEBT), None)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE lots SET phase = 'closed'"))
    await schedule(engine, book, listing.lot, RANKS)
    assert await book.snapshot(listing.lot) is None
