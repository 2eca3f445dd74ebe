"""Shares the event loop between the rooms: so many deliveries a turn, then everything else gets its turn.

Without the bound an acknowledgement waits behind a whole room (design/performance.md).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import structlog

from bidding.gateway.room import Room

log = structlog.get_logger(__name__)

PER_TURN: Final = 32


class Fanout:
    """Rooms with something to write, in turn."""

    def __init__(self, now: Callable[[], int], per_turn: int = PER_TURN) -> None:
        self._now = now
        self._per_turn = per_turn
        self._queue: deque[Room] = deque()
        self._queued: set[Room] = set()
        self.on_fault: Callable[[Room], None] = lambda room: None
        self._loop = asyncio.get_running_loop()

    def schedule(self, room: Room) -> None:
        """Let a room write what it has; harmless when it is scheduled already."""
        if room in self._queued or not room.waiting:
            return
        if not self._queue:
            self._loop.call_soon(self._turn)
        self._queue.append(room)
        self._queued.add(room)

    def _turn(self) -> None:
        budget, now = self._per_turn, self._now()
        try:
            while self._queue and budget > 0:
                budget -= self._step(self._queue.popleft(), budget, now)
        finally:
            if self._queue:
                self._loop.call_soon(self._turn)

    def _step(self, room: Room, budget: int, now: int) -> int:
        """A room that fails is put aside, to be read from the book again; the others go on."""
        self._queued.discard(room)
        try:
            written = room.step(budget, now)
            if room.waiting:
                self._queue.append(room)
                self._queued.add(room)
        except Exception:
            log.exception("room_failed")
            room.abandon_round()
            self.on_fault(room)
            return 1
        return written
