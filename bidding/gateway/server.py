"""The WebSocket server: transport, handshake, keep-alive, limits. What messages mean is gateway.py.

An asyncio.Protocol over websockets' Sans-I/O ServerProtocol. Text frames are handled in the turn in which
they arrive, and frames that were encoded once go straight to the transport; no task or queue per message.
"""

import asyncio
import contextlib
import ipaddress
import logging
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Protocol, cast

import structlog
from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from bidding.gateway.frames import PING, Batch
from bidding.gateway.proxies import HEADER, Network, client_address
from bidding.gateway.wire import MAX_CLIENT_BYTES, Close

log = structlog.get_logger(__name__)
_quiet = logging.getLogger("luochui.websocket")
_quiet.setLevel(logging.WARNING)

SEND_BUFFER: Final = 128 * 1024
"""What the kernel may keep for one reader: beyond it the reader is visibly behind."""
BACKLOG: Final = 4096
LEAVE_WITHIN_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of the server. Addresses of this machine (a proxy, a load test) are not counted one by one;
    `trusted_proxies` say for whom they connect."""

    connections: int = 20_000
    per_address: int = 500
    trusted_proxies: tuple[Network, ...] = ()
    hello_within_s: float = 5.0
    ping_after_s: float = 30.0
    idle_at_most_s: float = 75.0
    congested_at: int = 64 * 1024
    buffered_at_most: int = 256 * 1024
    congested_at_most_s: float = 10.0
    close_within_s: float = 5.0


class Receiver(Protocol):
    """What a connection's messages mean. Nothing here waits."""

    @property
    def greeted(self) -> bool:
        """Whether the first message has come."""

    def frame(self) -> bool:
        """A frame has come, of any kind; False: one too many, and the connection is being closed."""

    def received(self, payload: bytes) -> None: ...

    def malformed(self, code: str) -> None: ...

    def disconnected(self, *, by_us: bool) -> None: ...


class Refused(Exception):
    """A handshake that is answered with an HTTP status instead."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


Welcome = Callable[["Connection", Request], Awaitable[Receiver]]
"""Decides on a handshake: the receiver of the connection's messages, or raises Refused."""
Page = Callable[[], tuple[HTTPStatus, str, str]]
"""Status, content type and text of a plain page (health, metrics)."""


class Connection(asyncio.Protocol):
    """One connection of a browser. Implements bidding.frames.Outlet."""

    __slots__ = (
        *("_aborter", "_by_us", "_congested_since", "_early", "_fragments", "_handshake", "_open", "_pinged"),
        *("_receiver", "_server", "_since", "_transport", "_ws", "address", "heard"),
    )

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._ws = ServerProtocol(max_size=MAX_CLIENT_BYTES, logger=_quiet)
        self._transport: asyncio.Transport
        self._receiver: Receiver | None = None
        self._handshake: asyncio.Task[None] | None = None
        self._aborter: asyncio.TimerHandle | None = None
        self._early: list[Frame] = []
        self._fragments = b""
        self._open = False
        self._by_us = False
        self._congested_since: float | None = None
        self._since = self.heard = self._pinged = server.awake
        self.address = ""

    # transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so
        limits = self._server.limits
        self._transport.set_write_buffer_limits(high=limits.congested_at, low=limits.congested_at // 4)
        peer = transport.get_extra_info("peername")
        self.address = peer[0] if peer else ""
        if not self._server.took(self):
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._aborter is not None:
            self._aborter.cancel()
        if self._handshake is not None:
            self._handshake.cancel()
        self._open = False
        self._server.lost(self)
        self._leave()

    def _leave(self) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.disconnected(by_us=self._by_us)

    def pause_writing(self) -> None:
        self._congested_since = self._server.awake

    def resume_writing(self) -> None:
        self._congested_since = None

    def eof_received(self) -> bool:
        self._ws.receive_eof()
        return False

    def data_received(self, data: bytes) -> None:
        self.heard = self._server.awake
        self._ws.receive_data(data)
        for (
            event
        ) in self._ws.events_received():  # before what the protocol itself writes: it may end with EOF
            if isinstance(event, Frame):
                self._frame(event)
            elif isinstance(event, Request):
                self._server.came_for(self, event.headers.get_all(HEADER))
                self._handshake = asyncio.get_running_loop().create_task(self._shake_hands(event))
        self._flush()
        if self._ws.close_expected():
            self._end()

    def _flush(self) -> None:
        """Write what the WebSocket protocol itself has to say."""
        for data in self._ws.data_to_send():
            if self._transport.is_closing():
                return
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()

    def _end(self) -> None:
        """The connection is about to close: nothing more is written, and it does not take long."""
        self._open = False
        if self._aborter is None:
            loop = asyncio.get_running_loop()
            self._aborter = loop.call_later(self._server.limits.close_within_s, self._transport.abort)
        self._leave()

    # handshake

    async def _shake_hands(self, request: Request) -> None:
        response, receiver = await self._answer(request)
        if self._transport.is_closing():
            return
        self._ws.send_response(response)
        self._flush()
        if self._ws.state is not State.OPEN:
            self._end()
            return
        self._open, self._receiver, self._handshake = True, receiver, None
        early, self._early = self._early, []
        for frame in early:
            self._frame(frame)

    async def _answer(self, request: Request) -> tuple[Response, Receiver | None]:
        page = self._server.pages.get(request.path.partition("?")[0])
        if page is not None:
            return self._page(*page()), None
        if "Upgrade" not in request.headers:
            return self._ws.reject(HTTPStatus.UPGRADE_REQUIRED, "This is a WebSocket server.\n"), None
        try:
            receiver = await self._server.welcome(self, request)
        except Refused as refused:
            return self._ws.reject(refused.status, f"{refused}\n"), None
        except Exception:
            log.exception("handshake_failed")
            return self._ws.reject(HTTPStatus.INTERNAL_SERVER_ERROR, "The handshake failed.\n"), None
        return self._ws.accept(request), receiver

    def _page(self, status: HTTPStatus, content_type: str, text: str) -> Response:
        response = self._ws.reject(status, text)
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = content_type
        return response

    # messages

    def _frame(self, frame: Frame) -> None:
        if self._receiver is None:
            if self._handshake is not None and len(self._early) < 8:
                self._early.append(frame)
            return
        if not self._receiver.frame():
            return
        match frame.opcode:
            case Opcode.TEXT | Opcode.CONT:
                payload = self._fragments + bytes(frame.data) if self._fragments else bytes(frame.data)
                self._fragments = b"" if frame.fin else payload
                if frame.fin:
                    self._receiver.received(payload)
            case Opcode.BINARY:
                self._receiver.malformed("binary")

    def deliver(self, batch: Batch) -> None:
        if not self._open:
            return
        if self._congested_since is not None and self._overfull():
            self.close(Close.TOO_SLOW, "reads too slowly; come back with `after`")
            return
        self._write(batch)

    def _write(self, batch: Batch) -> None:
        self._transport.write(batch.wire)

    def _overfull(self) -> bool:
        return self._transport.get_write_buffer_size() > self._server.limits.buffered_at_most

    def close(self, code: int, reason: str = "") -> None:
        """Say why and close; a reader that does not take notice is cut off."""
        if not self._open:
            return
        if code == Close.TOO_SLOW:
            self._server.dropped += 1
        self._by_us = True
        if self._ws.state is not State.OPEN:  # the other side was first
            self._flush()
            self._end()
            return
        try:
            self._ws.send_close(code, reason)
        except ProtocolError:
            raise AssertionError(f"{code} is no close code") from None
        self._flush()
        self._end()

    def cut(self) -> None:
        self._transport.abort()

    # once a second

    def inspect(self, awake: float) -> None:
        """Drop who does not say hello, does not read, or is gone; ping who is silent."""
        limits = self._server.limits
        if not self._open:
            if self._aborter is None and awake - self._since > limits.hello_within_s:
                self._transport.abort()
        elif self._receiver is not None and not self._receiver.greeted:
            if awake - self._since > limits.hello_within_s:
                self.close(Close.NO_HELLO, "no hello in time")
        elif self._congested_since is not None and awake - self._congested_since > limits.congested_at_most_s:
            self.close(Close.TOO_SLOW, "reads too slowly; come back with `after`")
        elif awake - self.heard > limits.idle_at_most_s:
            self._transport.abort()
        elif awake - max(self.heard, self._pinged) >= limits.ping_after_s:
            self._pinged = awake
            self._transport.write(PING)


class PlainConnection(Connection):
    """The same, every message sent through the WebSocket library: for comparison, and when in doubt."""

    __slots__ = ()

    def _write(self, batch: Batch) -> None:
        for payload in batch.payloads:
            self._ws.send_text(payload)
        self._flush()


@dataclass(slots=True)
class Server:
    """Listens. `awake` counts the seconds in which the event loop ran: a loaded loop drops nobody."""

    welcome: Welcome
    pages: Mapping[str, Page]
    limits: Limits = field(default_factory=Limits)
    connection: type[Connection] = Connection
    awake: float = 0.0
    dropped: int = 0
    connections: set[Connection] = field(default_factory=set)
    _addresses: Counter[str] = field(default_factory=Counter)
    _empty: asyncio.Event = field(default_factory=asyncio.Event)
    _listener: asyncio.Server | None = None
    _inspector: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port (the one that was found for port 0)."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: self.connection(self), host, port, backlog=BACKLOG, start_serving=False
        )
        for listening in self._listener.sockets:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # connections inherit it
        await self._listener.start_serving()
        self._inspector = loop.create_task(self._inspect())
        found: int = self._listener.sockets[0].getsockname()[1]
        return found

    def took(self, connection: Connection) -> bool:
        """Count a new connection; False when there are too many."""
        self.connections.add(connection)
        self._addresses[connection.address] += 1
        return len(self.connections) <= self.limits.connections + BACKLOG

    def lost(self, connection: Connection) -> None:
        self.connections.discard(connection)
        if not self.connections:
            self._empty.set()
        self._forget(connection.address)

    def came_for(self, connection: Connection, forwarded: Sequence[str]) -> None:
        """Count it for the one on whose behalf a trusted proxy connected."""
        address = client_address(connection.address, forwarded, self.limits.trusted_proxies)
        if address != connection.address:
            self._forget(connection.address)
            connection.address = address
            self._addresses[address] += 1

    def _forget(self, address: str) -> None:
        self._addresses[address] -= 1
        if self._addresses[address] <= 0:
            del self._addresses[address]

    def crowded(self, address: str) -> bool:
        """Whether one more from this address is too much."""
        if len(self.connections) > self.limits.connections:
            return True
        return self._addresses[address] > self.limits.per_address and not _is_loopback(address)

    async def _inspect(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await asyncio.sleep(1.0)
            self.awake += min(loop.time() - began, 1.5)
            for number, connection in enumerate(list(self.connections), 1):
                connection.inspect(self.awake)
                if number % 256 == 0:
                    await asyncio.sleep(0)

    def stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()

    async def stop(self, *, spread_s: float = 2.0) -> None:
        """Ask everybody to go elsewhere, spread over some time so that they do not all return at once."""
        self.stop_listening()
        self._empty.clear()
        everybody = list(self.connections)
        chunk = max(32, len(everybody) // 20)
        for first in range(0, len(everybody), chunk):
            for connection in everybody[first : first + chunk]:
                connection.close(Close.GOING_AWAY, "the gateway goes away; use another one")
            await asyncio.sleep(spread_s / 20 if len(everybody) > chunk else 0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_WITHIN_S if self.connections else 0):
                await self._empty.wait()
        if self._inspector is not None:
            self._inspector.cancel()
        for connection in list(self.connections):
            connection.cut()


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return True
