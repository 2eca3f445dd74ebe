"""The steward: every round in its turn, one that fails holds up no other, and it says how it is."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import pytest
import redis.asyncio

from luochui.operations.pulse import STEWARD_BEAT, STEWARD_SILENT_S, steward_age
from luochui.processes import steward as process
from luochui.processes.steward import LONGEST_PAUSE_S, METRICS_KEY, Steward, Work, pause_s
from tests.tradingkit import a_clock


class Counting:
    """A round that fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.times: list[datetime] = []

    async def round(self, now: datetime) -> int:
        self.times.append(now)
        if len(self.times) <= self.failures:
            raise ConnectionError("away")
        return 3


class Stuck:
    async def round(self, now: datetime) -> int:
        await asyncio.sleep(3600)
        return 0


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.01)


async def test_rounds_run_beside_each_other_and_a_failing_one_holds_up_none() -> None:
    failing, fine = Counting(failures=10**6), Counting()
    steward = Steward([Work("failing", failing, 0.01), Work("fine", fine, 0.01)], a_clock())
    running = asyncio.create_task(steward.run())
    await until(lambda: len(fine.times) > 5 and len(failing.times) > 1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    said = steward.metrics.text()
    assert 'luochui_steward_failing{round="failing"} 1.0' in said
    assert 'luochui_steward_failing{round="fine"} 0.0' in said


async def test_a_round_that_failed_comes_again_with_the_time_of_the_clock() -> None:
    clock, work = a_clock(), Counting(failures=1)
    steward = Steward([Work("one", work)], clock)
    assert not await steward.once(Work("one", work))
    clock.advance(hours=1)
    assert await steward.once(Work("one", work))
    assert work.times[-1] == clock()
    said = steward.metrics.text()
    assert 'luochui_steward_failures_total{round="one"} 1.0' in said
    assert 'luochui_steward_done_total{round="one"} 3.0' in said


async def test_a_round_that_hangs_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "ROUND_WITHIN_S", 0.05)
    steward = Steward([], a_clock())
    assert not await steward.once(Work("stuck", Stuck()))


def test_pauses_grow_and_are_bounded() -> None:
    assert [pause_s(2.0, n) for n in range(4)] == [2.0, 4.0, 8.0, 16.0]
    assert pause_s(2.0, 10_000) == LONGEST_PAUSE_S
    assert pause_s(600.0, 3) == 600.0


def test_two_rounds_never_share_a_name() -> None:
    with pytest.raises(ValueError, match="same name"):
        Steward([Work("one", Counting()), Work("one", Counting())], a_clock())


async def test_it_leaves_a_sign_of_life_and_its_metrics(valkey: str) -> None:
    steward = Steward([Work("one", Counting())], a_clock())
    showing = asyncio.create_task(process._show(steward.metrics, valkey))
    async with redis.asyncio.Redis.from_url(valkey, decode_responses=True) as client, asyncio.timeout(30):
        while not (await client.get(STEWARD_BEAT) and await client.get(METRICS_KEY)):
            await asyncio.sleep(0.01)
    showing.cancel()
    await asyncio.gather(showing, return_exceptions=True)


def test_readiness_tells_of_a_silent_steward() -> None:
    now = 1_800_000_000_000
    assert steward_age(now, None).ok, "an installation without one"
    assert steward_age(now, str(now // 1000 - 3).encode()).ok
    assert not steward_age(now, str(now // 1000 - STEWARD_SILENT_S - 1).encode()).ok
    assert steward_age(now, str(now // 1000 + 5).encode()).ok, "another machine's clock"
