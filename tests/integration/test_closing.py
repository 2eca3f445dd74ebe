"""Closers on a real book: in time, only on a beat at the deadline, and any of them may die.

The book's time is real, so a machine that stands still takes its time away from a lot. Where no outage is
meant, the tolerances are so wide that this changes nothing; where one is meant, there may be more of them.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator

import pytest
import redis.asyncio as redis

from bidding.book import Book
from bidding.clock import Tolerances
from bidding.closing import Closer
from bidding.keys import DEMANDS
from bidding.messages import (
    BidAccepted,
    Cause,
    Closed,
    Commitments,
    Entry,
    Phase,
    PlaceBid,
    Resumed,
    Suspended,
    TimedBiddingStarted,
    parse,
)
from bidding.terms import Fen, Terms

CALM = Tolerances(beat_ms=60_000, ledger_ms=120_000)
"""No machine stands still for so long: there is no outage."""
NERVOUS = Tolerances(beat_ms=400, ledger_ms=120_000, steady_ms=300, resume_after_ms=400)
COMMITMENTS = Commitments(qualified="aa", reserve="bb", private="cc")


class Probes:
    """Stands in for the gateways' probes: beats every 100 ms, and at once on a demand."""

    def __init__(self, book: Book, url: str, *, answers_demands: bool = True) -> None:
        self._book, self._url, self._answers_demands = book, url, answers_demands
        self._silent = False
        self._beating = asyncio.Lock()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._regularly())
            if self._answers_demands:
                group.create_task(self._answer())

    async def fall_silent(self) -> None:
        """No beat after this, nor one that is under way."""
        self._silent = True
        async with self._beating:
            pass

    def speak(self) -> None:
        self._silent = False

    async def _beat(self) -> None:
        async with self._beating:
            if not self._silent:
                await self._book.recorded(0)
                await self._book.beat(0, "g1")

    async def _regularly(self) -> None:
        while True:
            await self._beat()
            await asyncio.sleep(0.1)

    async def _answer(self) -> None:
        async with redis.from_url(self._url) as client, client.pubsub() as listener:
            await listener.subscribe(DEMANDS)
            async for message in listener.listen():
                if message["type"] == "message":
                    await self._beat()


@pytest.fixture
def tolerances() -> Tolerances:
    return CALM


@pytest.fixture
async def book(valkey: str, tolerances: Tolerances) -> AsyncIterator[Book]:
    pipeline, text = Book.pipeline_for(valkey, tolerances)
    async with pipeline:
        yield Book(pipeline, partitions=1, text=text)


@contextlib.asynccontextmanager
async def running(*works: object) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.ensure_future(work) for work in works]  # type: ignore[call-overload]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def short(lot: str, window_ms: int = 700) -> Terms:
    return Terms(lot=lot, starting_price=Fen(100), increment=Fen(10), inquiry_ms=300, window_ms=window_ms)


async def put_on(book: Book, lot: str, opens_in: int = 200, window_ms: int = 700) -> None:
    now, _ = await book.observe(0)
    qualified = {"1001": 0, "2002": 0}
    await book.schedule(short(lot, window_ms), now + opens_in, COMMITMENTS, qualified)


async def phase(book: Book, lot: str, *wanted: Phase, within_s: float = 60) -> Phase:
    """Wait until the lot is in one of these phases; which one."""
    async with asyncio.timeout(within_s):
        while True:
            snapshot = await book.snapshot(lot)
            if snapshot and snapshot.session.phase in wanted:
                return snapshot.session.phase
            await asyncio.sleep(0.01)


async def live(book: Book) -> AsyncIterator[str]:
    """Lots in timed bidding, one after another: whoever stood still while one was live takes the next."""
    for number in range(1, 21):
        lot = f"A-{number}"
        await put_on(book, lot)
        if await phase(book, lot, Phase.TIMED_BIDDING, Phase.CLOSED) is Phase.TIMED_BIDDING:
            yield lot
    raise AssertionError("No lot stayed live for long enough to do anything with it.")


async def events(book: Book, lot: str) -> list[Entry]:
    snapshot = await book.snapshot(lot)
    assert snapshot is not None
    found = [parse(text) for text in snapshot.recent]
    assert all(isinstance(event, Entry) for event in found)
    return found  # type: ignore[return-value]


def kinds(found: list[Entry]) -> list[str]:
    return [type(event).__name__ for event in found]


async def test_a_lot_runs_from_the_opening_to_the_close_dated_at_its_deadline(
    book: Book, valkey: str
) -> None:
    async with running(Probes(book, valkey).run(), Closer(book).run()):
        await asyncio.sleep(0.3)
        async for lot in live(book):
            outcome = await book.place_bid(lot, PlaceBid("1001", "bid-0001", Fen(100)))
            if isinstance(outcome.answer, BidAccepted):
                break
        await phase(book, lot, Phase.CLOSED)
    found = await events(book, lot)
    assert kinds(found) == ["LotScheduled", "InquiryOpened", "TimedBiddingStarted", "BidAccepted", "Closed"]
    closed = found[-1]
    assert isinstance(closed, Closed)
    assert closed.at == outcome.now + 700
    assert closed.recorded_at >= closed.at
    assert closed.leader == "1001"


@pytest.mark.parametrize("tolerances", [NERVOUS])
async def test_without_a_beat_at_the_deadline_nothing_closes_and_the_lot_gets_its_full_window_again(
    book: Book, valkey: str
) -> None:
    """One outage is made; a machine that stands still may add others, and the same holds for each."""
    probes = Probes(book, valkey)
    async with running(probes.run(), Closer(book).run()):
        await asyncio.sleep(0.3)
        async for lot in live(book):
            await probes.fall_silent()
            seen = await phase(book, lot, Phase.SUSPENDED, Phase.CLOSED)
            probes.speak()
            if seen is Phase.SUSPENDED:
                break
        await phase(book, lot, Phase.CLOSED)
    found = await events(book, lot)
    assert sum(isinstance(event, Suspended) for event in found) >= 1
    assert {event.cause for event in found if isinstance(event, Suspended)} == {Cause.OUTAGE}
    deadline = 0
    for before, event in itertools.pairwise(found):
        if isinstance(event, (TimedBiddingStarted, Resumed)):
            deadline = event.deadline
        if isinstance(event, Resumed) and event.phase is Phase.TIMED_BIDDING:
            assert event.deadline - event.at == 700
        if isinstance(event, Closed):
            assert isinstance(before, (TimedBiddingStarted, Resumed)), "it closed while it was suspended"
            assert event.at == deadline
    resumed = [event for event in found if isinstance(event, Resumed)]
    assert resumed, "the outage was forgotten"
    assert resumed[-1].phase is Phase.TIMED_BIDDING


async def test_closers_race_and_any_may_die(book: Book, valkey: str) -> None:
    async with running(Probes(book, valkey).run(), Closer(book).run(), Closer(book).run()) as tasks:
        await asyncio.sleep(0.3)
        await asyncio.gather(*(put_on(book, f"A-{number}") for number in range(30)))
        await asyncio.sleep(0.4)
        tasks[1].cancel()
        await asyncio.gather(*(phase(book, f"A-{number}", Phase.CLOSED) for number in range(30)))
    for number in range(30):
        found = kinds(await events(book, f"A-{number}"))
        assert found == ["LotScheduled", "InquiryOpened", "TimedBiddingStarted", "Closed"]


async def test_a_lot_waits_for_a_beat_that_comes_late_but_is_dated_at_its_deadline(
    book: Book, valkey: str
) -> None:
    """Probes that do not answer demands: the close is recorded with their next regular beat."""
    probes = Probes(book, valkey, answers_demands=False)
    async with running(probes.run(), Closer(book).run()):
        await asyncio.sleep(0.3)
        async for lot in live(book):
            await probes.fall_silent()
            *_, started = await events(book, lot)
            if isinstance(started, TimedBiddingStarted):
                break
            probes.speak()
        while (await book.observe(0))[0] <= started.deadline:  # type: ignore[union-attr]
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)  # some more of the closer's rounds
        await book.touch(lot)
        waited, _ = await book.observe(0)
        assert await phase(book, lot, Phase.TIMED_BIDDING, Phase.CLOSED) is Phase.TIMED_BIDDING
        probes.speak()
        await phase(book, lot, Phase.CLOSED)
    *_, started, closed = await events(book, lot)
    assert isinstance(closed, Closed)
    assert isinstance(started, TimedBiddingStarted)
    assert closed.at == started.deadline
    assert closed.recorded_at >= waited > started.deadline
