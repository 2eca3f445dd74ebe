"""Beats: a probe that came the whole way of a bid says to the book that bids get through here."""

import asyncio
import secrets
import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final

import structlog

from bidding.gateway.guest import Guest
from bidding.gateway.pulse import EVERY_S
from bidding.gateway.wire import ClientProbe, ServerError, ServerPong

if TYPE_CHECKING:
    from bidding.gateway.gateway import Gateway

log = structlog.get_logger(__name__)

LAST_BEATS_WITHIN_S: Final = 1.0
PROBE_SESSION_WITHIN_S: Final = 0.5


class SessionsUnchecked(Exception):
    """Nobody knows which sessions live."""


class Beats:
    """Of one run of a gateway."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        # Of this run alone: the lease of a run that was killed lapses, however soon the next one comes.
        self.lease = f"{gateway.config.id}-{secrets.token_hex(4)}"
        self._beating: set[asyncio.Task[Any]] = set()
        self._probe_session = ""

    def beat(self, guest: Guest, probe: ClientProbe) -> None:
        """A probe came through the listener and the session check: beat."""
        if self._gateway.stops or self._gateway.book.pipeline.connection is None:
            guest.tell(ServerError("book_unavailable"))
            return
        partitions = probe.partitions or range(self._gateway.book.partitions)
        wanted = [number for number in partitions if number < self._gateway.book.partitions]
        task = self._gateway.spawn(self._beat(guest, wanted))
        self._beating.add(task)
        task.add_done_callback(self._beating.discard)

    async def _beat(self, guest: Guest, partitions: Collection[int]) -> None:
        try:
            await self._check_sessions()
            if self._gateway.stops:
                return
            outcomes = await asyncio.gather(
                *(self._gateway.book.beat(number, self.lease) for number in partitions)
            )
        except Exception as fault:  # whatever a bid would have met too
            log.warning("no_beat", fault=repr(fault))
            guest.tell(ServerError("book_unavailable"))
            return
        for outcome in outcomes[-1:]:
            self._gateway.heard(outcome.now)
        guest.tell(ServerPong(None, self._gateway.now()))

    async def _check_sessions(self) -> None:
        """What a bid needs: the store can be asked, and the bidders' sessions have just been looked after."""
        swept_s = time.monotonic() - self._gateway.pulse.swept_at
        if swept_s > EVERY_S + self._gateway.config.tolerance_ms / 1000:
            raise SessionsUnchecked(f"sessions were last checked {swept_s:.1f} s ago")
        async with asyncio.timeout(PROBE_SESSION_WITHIN_S):
            if not self._probe_session or not await self._gateway.sessions.living((self._probe_session,)):
                self._probe_session = await self._gateway.sessions.open_probe()
                if not await self._gateway.sessions.living((self._probe_session,)):
                    raise SessionsUnchecked("the store does not keep sessions")

    async def await_last(self) -> None:
        """A beat after the handed-back lease would take it again, and its lapse would be an outage."""
        if self._beating:
            _, late = await asyncio.wait(set(self._beating), timeout=LAST_BEATS_WITHIN_S)
            for task in late:
                task.cancel()
