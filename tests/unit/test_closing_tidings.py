"""What a closer says in the log when the service changes: good news quietly, a loss as a warning."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from bidding.closing import Closer
from bidding.messages import Observed
from tests.timekit import PATIENCE_S

STEADY = Observed(beat=1_000, next_due=0, outage=0, steady_since=500)
LOST = replace(STEADY, outage=1, steady_since=0)


class Book:
    """One partition that stands as it is told."""

    partitions = 1

    def __init__(self, observed: Observed) -> None:
        self.observed = observed
        self.looks = 0

    async def observe(self, _partition: int) -> tuple[int, Observed]:
        self.looks += 1
        return 1_000, self.observed

    async def waiting(self, _partition: int) -> list[str]:
        return []


@pytest.fixture
def said() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


def told(said: list[Any]) -> list[tuple[str, int, bool]]:
    return [(line["log_level"], line["outage"], line["steady"]) for line in said]


async def looked_at(book: Book) -> None:
    """Until a closer has seen the book as it is now, and has said what it says of it at once."""
    seen = book.looks
    async with asyncio.timeout(PATIENCE_S):
        while book.looks < seen + 2:
            await asyncio.sleep(0.005)


async def watched(
    book: Book, *stages: Observed, doubt_s: float, until: Callable[[], bool] = lambda: True
) -> None:
    """A closer that sees one stage after the other, then is asked to end."""
    closing = asyncio.create_task(Closer(book, tick_ms=5, doubt_s=doubt_s).run())  # type: ignore[arg-type]
    await looked_at(book)
    for stage in stages:
        book.observed = stage
        await looked_at(book)
    async with asyncio.timeout(PATIENCE_S):
        while not until():
            await asyncio.sleep(0.005)
    closing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await closing


async def test_becoming_steady_is_no_warning(said: list[Any]) -> None:
    await watched(Book(replace(STEADY, steady_since=0)), STEADY, doubt_s=0.01)
    assert told(said) == [("info", 0, True)]


async def test_a_loss_is_a_warning(said: list[Any]) -> None:
    await watched(Book(STEADY), LOST, doubt_s=0.01, until=lambda: bool(said))
    assert told(said) == [("warning", 1, False)]


async def test_a_loss_that_is_over_within_the_doubt_is_a_warning(said: list[Any]) -> None:
    await watched(Book(STEADY), LOST, replace(STEADY, outage=1), doubt_s=60)
    assert told(said) == [("warning", 1, False), ("info", 1, True)]


async def test_a_loss_between_two_looks_is_a_warning(said: list[Any]) -> None:
    await watched(Book(STEADY), replace(STEADY, outage=1), doubt_s=60)
    assert told(said) == [("warning", 1, True)]


async def test_a_loss_right_before_the_closer_is_asked_to_end_is_no_warning(said: list[Any]) -> None:
    await watched(Book(STEADY), LOST, doubt_s=60)
    assert told(said) == [("info", 1, False)]


async def test_a_loss_right_before_the_closer_fails_is_a_warning(said: list[Any]) -> None:
    book = Book(STEADY)

    async def fails(_partition: int) -> list[str]:
        raise AssertionError("a bug")

    closing = asyncio.create_task(Closer(book, tick_ms=5, doubt_s=60).run())  # type: ignore[arg-type]
    await looked_at(book)
    book.waiting = fails  # type: ignore[method-assign]
    book.observed = LOST
    with pytest.raises(ExceptionGroup):
        await closing
    assert told(said) == [("warning", 1, False)]
