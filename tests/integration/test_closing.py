"""Closers on a real book: in time, only on a beat at the deadline, and any of them may die."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import redis.asyncio as redis

from bidding.book import Book
from bidding.clock import Tolerances
from bidding.closing import Closer
from bidding.keys import DEMANDS
from bidding.messages import Closed, Commitments, Phase, PlaceBid, Suspended, parse
from bidding.terms import Fen, Terms

TOLERANCES = Tolerances(beat_ms=400, steady_ms=300, resume_after_ms=400)
COMMITMENTS = Commitments(qualified="aa", reserve="bb", private="cc")


class Probes:
    """Stands in for the gateways' probes: beats every 100 ms, and at once on a demand."""

    def __init__(self, book: Book, url: str, *, answers_demands: bool = True) -> None:
        self._book, self._url, self._answers_demands = book, url, answers_demands
        self.silent = False

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beat())
            if self._answers_demands:
                group.create_task(self._answer())

    async def _beat(self) -> None:
        while True:
            if not self.silent:
                await self._book.recorded(0)
                await self._book.beat(0, "g1")
            await asyncio.sleep(0.1)

    async def _answer(self) -> None:
        async with redis.from_url(self._url) as client, client.pubsub() as listener:
            await listener.subscribe(DEMANDS)
            async for message in listener.listen():
                if message["type"] == "message" and not self.silent:
                    await self._book.beat(0, "g1")


@pytest.fixture
async def book(valkey: str) -> AsyncIterator[Book]:
    pipeline, text = Book.pipeline_for(valkey, TOLERANCES)
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


async def phase(book: Book, lot: str, wanted: Phase, within_s: float = 5) -> None:
    async with asyncio.timeout(within_s):
        while True:
            snapshot = await book.snapshot(lot)
            if snapshot and snapshot.session.phase is wanted:
                return
            await asyncio.sleep(0.01)


async def events(book: Book, lot: str) -> list[object]:
    snapshot = await book.snapshot(lot)
    assert snapshot is not None
    return [parse(text) for text in snapshot.recent]


async def test_a_lot_runs_from_the_opening_to_the_close_dated_at_its_deadline(
    book: Book, valkey: str
) -> None:
    async with running(Probes(book, valkey).run(), Closer(book).run()):
        await asyncio.sleep(0.3)
        await put_on(book, "A-1")
        await phase(book, "A-1", Phase.TIMED_BIDDING)
        outcome = await book.place_bid("A-1", PlaceBid("1001", "bid-0001", Fen(100)))
        await phase(book, "A-1", Phase.CLOSED)
    kinds = [type(event).__name__ for event in await events(book, "A-1")]
    assert kinds == ["LotScheduled", "InquiryOpened", "TimedBiddingStarted", "BidAccepted", "Closed"]
    closed = (await events(book, "A-1"))[-1]
    assert isinstance(closed, Closed)
    assert closed.at == outcome.now + 700
    assert closed.leader == "1001"


async def test_without_a_beat_at_the_deadline_nothing_closes_and_the_lot_gets_its_full_window_again(
    book: Book, valkey: str
) -> None:
    probes = Probes(book, valkey)
    async with running(probes.run(), Closer(book).run()):
        await asyncio.sleep(0.3)
        await put_on(book, "A-1")
        await phase(book, "A-1", Phase.TIMED_BIDDING)
        probes.silent = True
        await phase(book, "A-1", Phase.SUSPENDED)
        probes.silent = False
        await phase(book, "A-1", Phase.TIMED_BIDDING)
        snapshot = await book.snapshot("A-1")
        assert snapshot is not None
        resumed = parse(snapshot.recent[-1])
        assert resumed.deadline - resumed.at == 700  # type: ignore[union-attr]
        await phase(book, "A-1", Phase.CLOSED)
    assert sum(isinstance(event, Suspended) for event in await events(book, "A-1")) == 1


async def test_closers_race_and_any_may_die(book: Book, valkey: str) -> None:
    async with running(Probes(book, valkey).run(), Closer(book).run(), Closer(book).run()) as tasks:
        await asyncio.sleep(0.3)
        await asyncio.gather(*(put_on(book, f"A-{number}") for number in range(30)))
        await asyncio.sleep(0.4)
        tasks[1].cancel()
        await asyncio.gather(*(phase(book, f"A-{number}", Phase.CLOSED) for number in range(30)))
    for number in range(30):
        kinds = [type(event).__name__ for event in await events(book, f"A-{number}")]
        assert kinds == ["LotScheduled", "InquiryOpened", "TimedBiddingStarted", "Closed"]


async def test_a_lot_waits_for_a_beat_that_comes_late_but_is_dated_at_its_deadline(
    book: Book, valkey: str
) -> None:
    """Probes that do not answer demands: the close is recorded with their next regular beat."""
    async with running(Probes(book, valkey, answers_demands=False).run(), Closer(book).run()):
        await asyncio.sleep(0.3)
        await put_on(book, "A-1")
        await phase(book, "A-1", Phase.CLOSED)
    *_, started, closed = await events(book, "A-1")
    assert isinstance(closed, Closed)
    assert closed.at == started.deadline  # type: ignore[attr-defined]
    assert 0 <= closed.recorded_at - closed.at < 400
