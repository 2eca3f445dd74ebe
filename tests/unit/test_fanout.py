"""How the fan-out shares the event loop: it stands still for a bid, and a room rests after a long round."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from bidding.gateway.fanout import Fanout, Pace
from bidding.gateway.frames import Batch
from bidding.gateway.room import Room, Watcher
from tests.unit.test_room import NOW, feed, state

PACE = Pace(pause_s=5.0, pause_every_s=10.0, rest=0.5, longest_rest_s=0.010, short_s=0.002)


@dataclass
class Hands:
    """A clock that stands until a delivery moves it, and timers that run when they are told to."""

    per_delivery_s: float = 0.0
    at: float = 100.0
    timers: list[tuple[float, Callable[..., None], tuple[Any, ...]]] = field(default_factory=list)
    deciding: bool = False
    writes: int = 0

    def deliver(self, batch: Batch) -> None:
        self.at += self.per_delivery_s
        self.writes += 1

    def close(self, code: int, reason: str = "") -> None:
        raise AssertionError("nobody is dismissed here")

    def fanout(self, pace: Pace = PACE, per_turn: int = 32) -> Fanout:
        made = Fanout(
            lambda: NOW,
            per_turn,
            deciding=lambda: self.deciding,
            monotonic=lambda: self.at,
            pace=pace,
        )
        made._loop = self  # type: ignore[assignment]
        return made

    def room(self, watchers: int) -> Room:
        made = Room(state(3))
        for _ in range(watchers):
            made.join(Watcher(self), NOW)
        self.writes = 0
        return made

    # the loop's part

    def call_soon(self, work: Callable[..., None]) -> None:
        asyncio.get_running_loop().call_soon(work)

    def call_later(self, after: float, work: Callable[..., None], *given: Any) -> "Hands":
        self.timers.append((self.at + after, work, given))
        return self

    def cancel(self) -> None:
        self.timers.clear()

    def ring(self) -> None:
        """The next timer's time has come."""
        self.timers.sort(key=lambda each: each[0])
        at, work, given = self.timers.pop(0)
        self.at = max(self.at, at)
        work(*given)


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_the_fan_out_stands_still_while_the_book_decides_and_goes_on_at_once() -> None:
    hands = Hands(deciding=True)
    room, fanout = hands.room(40), hands.fanout()
    feed(room, 4)
    fanout.schedule(room)
    await turns()
    assert hands.writes == 0
    hands.deciding = False
    fanout.go_on()
    await turns()
    assert hands.writes == 40
    assert hands.timers == []


async def test_no_number_of_bids_keeps_a_room_waiting_for_long() -> None:
    hands = Hands(deciding=True)
    room, fanout = hands.room(100), hands.fanout()
    feed(room, 4)
    fanout.schedule(room)
    await turns()
    assert hands.writes == 0
    hands.ring()
    await turns()
    assert hands.writes == 100, "the next standing still is not before its time"
    feed(room, 5)
    hands.at += PACE.pause_every_s
    fanout.schedule(room)
    await turns()
    assert hands.writes == 100
    hands.ring()
    await turns()
    assert hands.writes == 200


async def test_what_comes_during_a_rest_is_one_write() -> None:
    hands = Hands(per_delivery_s=0.0001)
    room, fanout = hands.room(100), hands.fanout()
    feed(room, 4)
    fanout.schedule(room)
    await turns()
    assert hands.writes == 100, "the first entry is written at once"
    for seq in (5, 6, 7):
        feed(room, seq)
        fanout.schedule(room)
    await turns()
    assert hands.writes == 100
    (timer,) = hands.timers
    assert timer[0] - hands.at == pytest.approx(0.005), "half of the ten milliseconds that the round took"
    hands.ring()
    await turns()
    assert hands.writes == 200


async def test_a_rest_is_bounded_and_over_when_nothing_came() -> None:
    hands = Hands(per_delivery_s=0.01)
    room, fanout = hands.room(100), hands.fanout()
    feed(room, 4)
    fanout.schedule(room)
    await turns()
    assert room.rests_until - hands.at == pytest.approx(PACE.longest_rest_s)
    hands.at += 1
    feed(room, 5)
    fanout.schedule(room)
    await turns()
    assert hands.timers == []
    assert hands.writes == 200


async def test_small_rooms_never_rest() -> None:
    hands = Hands(per_delivery_s=0.0001)
    room, fanout = hands.room(10), hands.fanout()
    for seq in range(4, 10):
        feed(room, seq)
        fanout.schedule(room)
        await turns()
    assert hands.writes == 60
    assert hands.timers == []


async def test_a_long_room_that_rests_keeps_no_other_waiting() -> None:
    hands = Hands(per_delivery_s=0.0001)
    large, small, fanout = hands.room(100), hands.room(1), hands.fanout()
    feed(large, 4)
    fanout.schedule(large)
    await turns()
    feed(large, 5)
    feed(small, 4)
    fanout.schedule(large)
    fanout.schedule(small)
    await turns()
    assert hands.writes == 101
    hands.ring()
    await turns()
    assert hands.writes == 201


async def test_a_fan_out_without_a_pace_writes_whatever_comes() -> None:
    hands = Hands(per_delivery_s=0.0001, deciding=True)
    room, fanout = hands.room(100), hands.fanout(Pace(pause_s=0, rest=0))
    for seq in (4, 5):
        feed(room, seq)
        fanout.schedule(room)
        await turns()
    assert hands.writes == 200


async def test_a_room_that_never_has_enough_takes_one_turn_at_a_time() -> None:
    """A round that ends with more to write is queued within its own turn, which goes on by itself."""
    hands = Hands()
    fanout, rounds, turns = hands.fanout(per_turn=2), 0, 0
    room = hands.room(4)
    loop = asyncio.get_running_loop()

    def call_soon(work: Callable[..., None]) -> None:
        nonlocal turns
        turns += 1
        assert turns == 1, "two turns wait beside each other"
        loop.call_soon(run, work)

    def run(work: Callable[..., None]) -> None:
        nonlocal turns, rounds
        turns, rounds = turns - 1, rounds + 1
        if rounds < 50:
            feed(room, 4 + rounds)
        work()

    hands.call_soon = call_soon  # type: ignore[method-assign]
    feed(room, 4)
    fanout.schedule(room)
    for _ in range(200):
        await asyncio.sleep(0)
    assert rounds >= 50
    assert turns == 0
