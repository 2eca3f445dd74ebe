"""What the ledger says of its progress: a writer that stands still is seen, whatever the clock did."""

import asyncio
from typing import Any, cast

import pytest

from bidding.ledger import telling
from bidding.ledger.telling import Teller


class Listener:
    """A book of one partition that notes what it is told."""

    partitions = 1

    def __init__(self) -> None:
        self.told: list[int] = []

    async def recorded(self, partition: int, up_to: int = 0) -> None:
        self.told.append(up_to)


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Listener:
    for name in ("BUSY_EVERY_S", "IDLE_EVERY_S"):
        monkeypatch.setattr(telling, name, 0.01)
    monkeypatch.setattr(telling, "FRESH_S", 0.1)
    return Listener()


async def told_after(teller: Teller, listener: Listener, seconds: float = 0.1) -> list[int]:
    """What is said in this time by a writer that says nothing new itself."""
    listener.told.clear()
    stopped = asyncio.Event()
    running = asyncio.create_task(teller.run(stopped))
    await asyncio.sleep(seconds)
    stopped.set()
    await running
    return list(listener.told)


async def test_progress_is_told_once_so_that_a_writer_that_stands_still_is_seen(listener: Listener) -> None:
    teller = Teller(cast(Any, listener))
    teller.recorded_up_to(0, 9_000)
    assert await told_after(teller, listener) == [9_000]
    assert await told_after(teller, listener) == []


async def test_after_a_step_back_the_earlier_time_is_told(listener: Listener) -> None:
    teller = Teller(cast(Any, listener))
    teller.recorded_up_to(0, 9_000)
    teller.recorded_up_to(0, 4_000)
    assert await told_after(teller, listener) == [4_000]


async def test_an_interruption_takes_back_what_was_not_told(listener: Listener) -> None:
    teller = Teller(cast(Any, listener))
    teller.recorded_up_to(0, 9_000)
    teller.caught_up([0])
    teller.interrupted()
    assert await told_after(teller, listener) == []


async def test_everything_is_told_only_for_as_long_as_it_is_known(listener: Listener) -> None:
    teller = Teller(cast(Any, listener))
    teller.caught_up([0])
    told = await told_after(teller, listener, 0.3)
    assert set(told) == {0}
    assert len(told) > 2
    assert await told_after(teller, listener) == []
