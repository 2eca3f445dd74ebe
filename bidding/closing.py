"""The closer: lets time do its work on every lot at the moment it is due.

It looks at each partition every tick, so that an outage is recorded even if nobody bids, and sleeps until
the next deadline exactly when one comes within the tick. At a deadline it demands a beat from the gateways: a
phase elapses only up to a beat (spec "Outage-fair clock"). Any number of closers may run, since
touching twice is harmless, and any of them may die.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from hiredis import ReplyError

from bidding.book import Book
from bidding.pipeline import BookUnavailable

log = structlog.get_logger(__name__)

TICK_MS: Final = 200
BATCH: Final = 250
"""Lots that are touched at once: a batch shares one write to disk and takes a few ms of the book."""
BEAT_POLL_S: Final = 0.001
BEAT_WITHIN_S: Final = 0.05
"""How long a demanded beat is awaited before the partition is looked at again."""
RETRY_S: Final = 0.2
DOUBT_S: Final = 5.0
"""So long a loss is kept back: at the end of everything gateways leave a moment before the closers."""


class Tidings:
    """What the log says of the service. A loss is a warning, late by DOUBT_S at most, and never left out.

    Unless the closer is asked to end meanwhile: then it was the end of everything, and no news.
    """

    def __init__(self, doubt_s: float = DOUBT_S) -> None:
        self._doubt_s = doubt_s
        self._lost: dict[int, tuple[int, asyncio.TimerHandle]] = {}

    def tell(self, partition: int, before: tuple[int, bool], now: tuple[int, bool]) -> None:
        """`before` and `now`: the number of the last outage, and whether the service is steady."""
        self._warn(partition)
        outage, steady = now
        if steady and not before[1]:
            log.info("service_changed", partition=partition, outage=outage, steady=True)
        elif steady:  # lost and steady again between two looks
            log.warning("service_changed", partition=partition, outage=outage, steady=True, lost_between=True)
        else:
            timer = asyncio.get_running_loop().call_later(self._doubt_s, self._warn, partition)
            self._lost[partition] = outage, timer

    def end(self, *, asked: bool) -> None:
        """The closer ends: because it was asked to, or of a fault."""
        for partition in tuple(self._lost):
            self._warn(partition, log.info if asked else log.warning)

    def _warn(self, partition: int, say: Callable[..., object] | None = None) -> None:
        if partition not in self._lost:
            return
        outage, timer = self._lost.pop(partition)
        timer.cancel()
        (say or log.warning)("service_changed", partition=partition, outage=outage, steady=False)


class Closer:
    """Watches all partitions of a book until it is cancelled."""

    def __init__(self, book: Book, *, tick_ms: int = TICK_MS, doubt_s: float = DOUBT_S) -> None:
        self._book = book
        self._tick_ms = tick_ms
        self._tidings = Tidings(doubt_s)

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as watches:
                for partition in range(self._book.partitions):
                    watches.create_task(self._watch(partition))
        except asyncio.CancelledError:
            self._tidings.end(asked=True)
            raise
        finally:
            self._tidings.end(asked=False)

    async def _watch(self, partition: int) -> None:
        known: tuple[int, bool] | None = None
        while True:
            try:
                known = await self._look(partition, known)
            except (BookUnavailable, ReplyError) as fault:
                log.warning("closer_waits_for_the_book", partition=partition, fault=type(fault).__name__)
                await asyncio.sleep(RETRY_S)

    async def _look(self, partition: int, known: tuple[int, bool] | None) -> tuple[int, bool]:
        """One look: touch everything when the service failed or became steady, else what is due."""
        now, observed = await self._book.observe(partition)
        service = (observed.outage, observed.steady_since > 0)
        if service != known:
            if known is not None:
                self._tidings.tell(partition, known, service)
            await self._touch_all(partition)
        elif observed.next_due and observed.next_due - now <= self._tick_ms:
            await asyncio.sleep(max(0, observed.next_due - now) / 1000)
            await self._close_due(partition)
        else:
            await asyncio.sleep(self._tick_ms / 1000)
        return service

    async def _close_due(self, partition: int) -> None:
        """Demand the beat at the deadline, then touch what is due; no busy loop over what can't elapse."""
        now, observed = await self._book.observe(partition)
        if not observed.next_due or observed.next_due > now:
            return
        if observed.beat < observed.next_due:
            await self._await_beat(partition, observed.next_due)
        touched = await self._touch_until(partition, now)
        _, after = await self._book.observe(partition)
        if touched and after.next_due and after.next_due <= observed.next_due:
            await asyncio.sleep(self._tick_ms / 1000)

    async def _await_beat(self, partition: int, at: int) -> None:
        await self._book.demand_beat(partition)
        loop = asyncio.get_running_loop()
        until = loop.time() + BEAT_WITHIN_S
        while loop.time() < until and await self._book.beat_at(partition) < at:  # noqa: ASYNC110 - set elsewhere
            await asyncio.sleep(BEAT_POLL_S)

    async def _touch_until(self, partition: int, until: int) -> int:
        """Touch the lots that are due, the most urgent first; the count."""
        lots = await self._book.due(partition, until, limit=BATCH)
        await asyncio.gather(*(self._book.touch(lot) for lot, _ in lots))
        return len(lots)

    async def _touch_all(self, partition: int) -> None:
        """The service failed or became steady again: every lot that waits for a time is told, in batches."""
        lots = await self._book.waiting(partition)
        for start in range(0, len(lots), BATCH):
            await asyncio.gather(*(self._book.touch(lot) for lot in lots[start : start + BATCH]))
