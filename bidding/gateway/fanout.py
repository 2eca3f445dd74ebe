"""Shares the event loop between the rooms: so many deliveries a turn, then everything else gets its turn.

Without the bound an acknowledgement waits behind a whole room (design/performance.md). Two more things keep
the machine free for bids:

* While the book decides a bid, the fan-out stands still for a moment: on a machine whose cores are all busy
  the book waits for one otherwise.
* After a long round a room rests for a part of what the round took. What comes meanwhile is joined into the
  next round's single write, so a room that gets more than it can write costs no more than it can.

Both are bounded: a room comes to its turn however many bids there are, a rest is never longer than
`Pace.longest_rest_s`, and a room whose last round was short or long ago is written at once.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from bidding.gateway.room import Room

log = structlog.get_logger(__name__)

PER_TURN: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds; 0 for `rest` and `pause_s` is a fan-out that does neither."""

    pause_s: float = 0.001
    """The longest time that the fan-out stands still for a bid."""
    pause_every_s: float = 0.005
    """The shortest time from one standing still to the next."""
    rest: float = 0.5
    """Share of a round's time."""
    longest_rest_s: float = 0.010
    short_s: float = 0.002
    """A round that took less is followed by no rest."""


class Fanout:
    """Rooms with something to write, in turn. `deciding`: whether the book has a bid of ours in hand."""

    def __init__(
        self,
        now: Callable[[], int],
        per_turn: int = PER_TURN,
        *,
        deciding: Callable[[], bool] = lambda: False,
        monotonic: Callable[[], float] = time.monotonic,
        pace: Pace = Pace(),
    ) -> None:
        self._now = now
        self._per_turn = per_turn
        self._deciding = deciding
        self._monotonic = monotonic
        self._pace = pace
        self._queue: deque[Room] = deque()
        self._queued: set[Room] = set()
        self._resting: set[Room] = set()
        self._paused: asyncio.TimerHandle | None = None
        self._may_pause_at = 0.0
        self._turning = False  # a turn is under way, or comes: there is one at a time
        self.on_fault: Callable[[Room], None] = lambda room: None
        self._loop = asyncio.get_running_loop()

    def schedule(self, room: Room) -> None:
        """Let a room write what it has; harmless when it is scheduled already."""
        if room in self._queued or room in self._resting or not room.waiting:
            return
        rest = room.rests_until - self._monotonic()
        if rest > 0:
            self._resting.add(room)
            self._loop.call_later(rest, self._rested, room)
        else:
            self._enqueue(room)

    def _enqueue(self, room: Room) -> None:
        if not self._turning:
            self._turning = True
            self._loop.call_soon(self._turn)
        self._queue.append(room)
        self._queued.add(room)

    def _rested(self, room: Room) -> None:
        self._resting.discard(room)
        if room.waiting and room not in self._queued:
            self._enqueue(room)

    def go_on(self) -> None:
        """The book has decided: whoever stands still for it need not."""
        if self._paused is not None:
            self._paused.cancel()
            self._paused = None
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        if self._stands_still():
            return
        budget, now = self._per_turn, self._now()
        try:
            while self._queue and budget > 0:
                budget -= self._step(self._queue.popleft(), budget, now)
        finally:
            self._turning = bool(self._queue)
            if self._turning:
                self._loop.call_soon(self._turn)

    def _stands_still(self) -> bool:
        if not self._pace.pause_s or not self._deciding():
            return False
        now = self._monotonic()
        if now < self._may_pause_at:
            return False
        self._may_pause_at = now + self._pace.pause_every_s
        self._paused = self._loop.call_later(self._pace.pause_s, self.go_on)
        return True

    def _step(self, room: Room, budget: int, now: int) -> int:
        """A room that fails is put aside, to be read from the book again; the others go on."""
        self._queued.discard(room)
        began = self._monotonic()
        try:
            written = room.step(budget, now)
        except Exception:
            log.exception("room_failed")
            room.abandon_round()
            self.on_fault(room)
            return 1
        if room.in_round:
            room.round_began = room.round_began or began
            self._queue.append(room)
            self._queued.add(room)
        else:
            self._ended(room, room.round_began or began)
        return written

    def _ended(self, room: Room, began: float) -> None:
        """A round is over; what has come meanwhile is the next one's."""
        now = self._monotonic()
        took, room.round_began = now - began, 0.0
        if took >= self._pace.short_s:
            room.rests_until = now + min(self._pace.rest * took, self._pace.longest_rest_s)
        self.schedule(room)
