"""What the processes share: the book's tolerances from the settings, and ending in good order on a signal."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import uvloop

from bidding.book import Book
from bidding.clock import Tolerances
from luochui.settings import Settings
from office.clock import Clock, shifted, utc_now

CLOCK_AHEAD: Final = "clock-ahead"


def tolerances(settings: Settings) -> Tolerances:
    return Tolerances(
        beat_ms=settings.tolerance_ms,
        ledger_ms=settings.ledger_lag_limit_ms,
        steady_ms=settings.steady_ms,
        resume_after_ms=settings.resume_after_ms,
        lapsed_lease_is_outage=settings.lapsed_lease_is_outage,
    )


@asynccontextmanager
async def open_book(settings: Settings) -> AsyncIterator[Book]:
    """The book of this installation, on a pipeline of its own."""
    pipeline, text = Book.pipeline_for(settings.required_redis_url(), tolerances(settings))
    async with pipeline:
        yield Book(pipeline, partitions=settings.partitions, text=text)


def clock_of(settings: Settings) -> Clock:
    """The time; a demonstration may travel by the seconds in the file `clock-ahead` of its data folder."""
    return shifted(settings.data / CLOCK_AHEAD) if settings.demo else utc_now


def run_until_stopped(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run `work` under uvloop; SIGTERM and SIGINT set the event that it gets, and it ends by itself then."""
    uvloop.run(_until_stopped(work))


async def _until_stopped(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await work(stop)


async def cancel_on(stop: asyncio.Event, work: Awaitable[None]) -> None:
    """Let work without an end of its own run until the event; a failure of the work is raised."""
    task = asyncio.ensure_future(work)
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        task.result()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
