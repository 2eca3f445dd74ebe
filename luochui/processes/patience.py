"""How long the web waits for a request to arrive.

uvicorn itself bounds only the pause between two requests; a few hundred connections that send a byte now and
then would take all its places.
"""

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_WITHIN_S: Final = 10.0
BODY_WITHIN_S: Final = 60.0
"""From the headers to the last byte of the body, whatever its pace."""


class BoundedRequests(H11Protocol):
    """uvicorn's connection, cut when a request does not arrive in time. The answer is not bounded here."""

    headers_within_s: float = HEADERS_WITHIN_S
    body_within_s: float = BODY_WITHIN_S
    _awaited: object = None
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect(self.conn.their_state)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._expect(self.conn.their_state)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._expect(self.conn.their_state)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._expect(h11.CLOSED)

    def _expect(self, awaited: object) -> None:
        """Start the clock when something else is awaited than before; single bytes do not wind it up."""
        if awaited is self._awaited:
            return
        self._awaited = awaited
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        within = {h11.IDLE: self.headers_within_s, h11.SEND_BODY: self.body_within_s}.get(awaited)  # type: ignore[call-overload]
        if within is not None:
            self._deadline = self.loop.call_later(within, self.transport.abort)
