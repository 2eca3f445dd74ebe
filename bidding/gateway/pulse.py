"""What a gateway does once a second: ticks, the board, presence, and the end of sessions."""

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import structlog

from bidding.gateway import presence
from bidding.gateway.board import partition_rows
from bidding.gateway.frames import Batch
from bidding.gateway.lookup import PartitionClock, read_clocks, read_due, read_views
from bidding.gateway.wire import Close, ServerBoard
from bidding.keys import partition_of

if TYPE_CHECKING:
    from bidding.gateway.gateway import Gateway

log = structlog.get_logger(__name__)

EVERY_S: Final = 1.0
WITHIN_S: Final = 0.8
"""What the book may take for the facts of a second."""
FACTS_WITHIN_S: Final = 0.1
"""What a tick waits for them; then it goes out with the ones before."""
READ_AT_ONCE: Final = 200
LOOK_AROUND_EVERY: Final = 15
"""Seconds between looks for lots that the board has not heard of."""


class Pulse:
    """`works()` until cancelled. A fault in one second does not cost the next one."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._clocks: Sequence[PartitionClock] = ()
        self._elsewhere: Counter[str] = Counter()
        self._gateways: Sequence[Mapping[str, Any]] = ()
        self._look_around_in = 0
        self._alarmed = False
        self.swept_at = time.monotonic()
        """When all sessions were last checked, in s of the monotonic clock."""

    def works(self) -> Sequence[Coroutine[Any, Any, None]]:
        return self.run(), self.show_boards(), self.watch_sessions()

    async def run(self) -> None:
        """The ticks wait for nothing: what they say of the clocks is read just before, if that is quick."""
        refreshing: asyncio.Task[None] | None = None
        next_beat = time.monotonic()
        while True:
            if refreshing is None or refreshing.done():
                refreshing = self._gateway.spawn(self._refresh())
            await asyncio.wait({refreshing}, timeout=FACTS_WITHIN_S)
            for work in (self._tick, self._watch_departures, self._gateway.tidy):
                try:
                    work()
                except Exception:
                    log.exception("pulse_failed", work=work.__name__)
            next_beat = max(next_beat + EVERY_S, time.monotonic())
            await asyncio.sleep(next_beat - time.monotonic())

    async def show_boards(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            await self._show()

    async def _refresh(self) -> None:
        gateway = self._gateway
        try:
            async with asyncio.timeout(WITHIN_S):
                self._clocks = await read_clocks(gateway.book)
                await presence.publish(gateway.logs_free, gateway.id, self._facts(), gateway.now())
                self._gateways = await presence.present(gateway.logs_free)
        except Exception as fault:  # the ticks go on, and say "not steady" when the clocks are old
            log.warning("pulse_without_book", fault=repr(fault))
            return
        elsewhere: Counter[str] = Counter()
        for other in self._gateways:
            if other["id"] != gateway.id:
                elsewhere.update(other["watchers"])
        self._elsewhere = elsewhere

    def _facts(self) -> Mapping[str, Any]:
        gateway = self._gateway
        bids, rejections = gateway.board.totals(gateway.now())
        return {
            "url": gateway.config.url,
            "connections": len(gateway.server.connections),
            "watchers": gateway.rooms.watchers(),
            "bids_per_minute": bids,
            "rejections": rejections,
            "slow_readers_dropped": gateway.server.dropped,
            "mass_disconnect": self._alarmed,
        }

    def _tick(self) -> None:
        gateway, now = self._gateway, self._gateway.now()
        if gateway.tail.silent:  # no tick is better than one that says that the lead is current
            return
        clocks = {clock.partition: clock.steady(now, gateway.config.tolerance_ms) for clock in self._clocks}
        partitions = gateway.book.partitions
        gateway.rooms.tick(
            now,
            lambda lot: self._elsewhere[lot],
            lambda lot: clocks.get(partition_of(lot, partitions), False),
        )

    # the board

    def show_board(self) -> None:
        """Somebody has just opened a board: do not let them wait for the next second."""
        self._look_around_in = 0
        self._gateway.spawn(self._show())

    async def _show(self) -> None:
        gateway = self._gateway
        if not gateway.boards:
            return
        try:
            async with asyncio.timeout(2.0):
                await self._look_around()
        except Exception as fault:  # the board shows what it has; what is missing comes with the next second
            log.warning("board_incomplete", fault=repr(fault))
        try:
            batch = Batch(self._board())
            for guest in list(gateway.boards):
                guest.outlet.deliver(batch)
        except Exception:
            log.exception("board_not_shown")

    async def _look_around(self) -> None:
        gateway = self._gateway
        self._look_around_in -= 1
        if self._look_around_in <= 0:
            self._look_around_in = LOOK_AROUND_EVERY
            found = {*await read_due(gateway.book), *await gateway.live_lots()}
            gateway.board.missing.update(gateway.board.unknown(found))
        while gateway.board.missing:
            asked = list(islice(gateway.board.missing, READ_AT_ONCE))
            for view in await read_views(gateway.book, asked):
                gateway.board.take(view)
            gateway.board.missing.difference_update(asked)

    def _board(self) -> ServerBoard:
        gateway, now = self._gateway, self._gateway.now()
        watchers = Counter(self._elsewhere)
        watchers.update(gateway.rooms.watchers())
        rows, more = gateway.board.rows(now, watchers)
        shown = ("id", "url", "connections", "mass_disconnect", "slow_readers_dropped", "at")
        return ServerBoard(
            now=now,
            lots=rows,
            more=more,
            partitions=partition_rows(self._clocks, now, gateway.config.tolerance_ms),
            gateways=[{name: other.get(name) for name in shown} for other in self._gateways],
            alarms=[f"mass_disconnect:{other['id']}" for other in self._gateways if other["mass_disconnect"]],
        )

    def _watch_departures(self) -> None:
        gateway = self._gateway
        alarming = gateway.departures.alarming(time.monotonic(), len(gateway.guests))
        if alarming and not self._alarmed:
            gateway.metrics.mass_disconnects.inc()
            log.error("mass_disconnect", gateway=gateway.id, still_here=len(gateway.guests))
        self._alarmed = alarming
        gateway.metrics.mass_disconnect.set(alarming)

    # sessions

    async def watch_sessions(self) -> None:
        """Close the sockets of sessions that ended or were revoked, within 2 s."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                async with asyncio.timeout(5.0):
                    await self._end_sessions()
                self.swept_at = time.monotonic()
            except Exception as fault:  # the store is away: nobody is thrown out because of it
                log.warning("sessions_not_checked", fault=repr(fault))

    async def _end_sessions(self) -> None:
        gateway = self._gateway
        guests = [guest for guest in gateway.guests if guest.signed_in and guest.signed_in.session_id]
        asked = {guest.signed_in.session_id for guest in guests if guest.signed_in}
        if not asked:
            return
        living = set(await gateway.sessions.living(asked))
        for guest in guests:
            if guest.signed_in and guest.signed_in.session_id not in living:
                gateway.metrics.sessions_ended.inc()
                guest.outlet.close(Close.SESSION_ENDED, "the session has ended")
