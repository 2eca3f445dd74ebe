"""A small pipelined Redis connection for the book: one socket, calls joined per loop turn, answers in order.

Why not redis-py on this path: 5 µs of CPU a call instead of 55 to 120 (docs/adr/0004). It also knows which
run of the server each call went to, which the outage-fair clock needs. Everything else uses redis-py.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast
from urllib.parse import unquote, urlsplit

import hiredis
import structlog

log = structlog.get_logger(__name__)

MAX_PENDING: Final = 20_000
"""Calls without an answer yet; one more is refused with Overloaded."""
ANSWER_WITHIN_S: Final = 10.0
"""The longest a call may stay without an answer before the connection is given up."""

Reply = Any
Callback = Callable[[Reply], None]
"""Takes the reply: bytes, int, list, None, or an exception (BookUnavailable, hiredis.ReplyError)."""


class BookUnavailable(Exception):
    """The book can't be reached, or the connection broke before the answer came: the outcome is unknown.

    Repeating a bid with the same id is harmless and tells.
    """


class Overloaded(BookUnavailable):
    """Too many calls wait for an answer; this one was not sent."""


def pack(*parts: bytes | str) -> bytes:
    """One command in the server's protocol."""
    packed: bytes = hiredis.pack_command(parts)  # type: ignore[arg-type]  # its stub knows tuples of one only
    return packed


class Connection(asyncio.Protocol):
    """One authenticated connection; `run` is the server's run id."""

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self.run: bytes = b""
        self._on_lost = on_lost
        self._reader = hiredis.Reader(replyError=hiredis.ReplyError)
        self._waiting: deque[tuple[float, Callback]] = deque()
        self._outgoing: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it

    def call(self, command: bytes, callback: Callback) -> None:
        """Send one packed command; the callback gets the reply or the exception, later than this call."""
        if self._transport is None or len(self._waiting) >= MAX_PENDING:
            fault = (
                BookUnavailable("not connected") if self._transport is None else Overloaded("too many calls")
            )
            self._loop.call_soon(callback, fault)
            return
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(command)
        self._waiting.append((self._loop.time(), callback))

    def _flush(self) -> None:
        if self._transport is not None:
            self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            _, callback = self._waiting.popleft()
            _hand_over(callback, reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        waiting, self._waiting = self._waiting, deque()
        for _, callback in waiting:
            _hand_over(callback, BookUnavailable("the connection to the book broke"))
        self._on_lost()

    def waited_s(self) -> float:
        """How long the oldest call has been waiting."""
        return self._loop.time() - self._waiting[0][0] if self._waiting else 0.0

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def ask(self, *parts: bytes | str) -> Reply:
        answer: asyncio.Future[Reply] = self._loop.create_future()
        self.call(pack(*parts), lambda reply: settle_future(answer, reply))
        return await answer


def _hand_over(callback: Callback, reply: Reply) -> None:
    """A callback that fails is no reason to lose the answers of all others."""
    try:
        callback(reply)
    except Exception:
        log.exception("callback_failed")


def settle_future(answer: "asyncio.Future[Reply]", reply: Reply) -> None:
    """Hand a reply, or the exception that it is, to who awaits it."""
    if answer.done():
        return
    if isinstance(reply, Exception):
        answer.set_exception(reply)
    else:
        answer.set_result(reply)


class Pipeline:
    """Keeps one Connection up: reconnects with a bounded pause, and gives up one that no longer answers.

    `scripts` are loaded on every connection, so EVALSHA always finds them.
    """

    def __init__(self, url: str, *, scripts: tuple[str, ...] = ()) -> None:
        self._url = urlsplit(url)
        self._scripts = scripts
        self._connection: Connection | None = None
        self._up = asyncio.Event()
        self._lost = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Pipeline":
        self._keeper = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._connection is not None:
            self._connection.close()

    @property
    def connection(self) -> Connection | None:
        """The live connection, or None while there is none."""
        return self._connection

    async def ready(self, timeout_s: float = 10.0) -> Connection:
        """Wait for a connection; BookUnavailable when none comes up in time."""
        try:
            async with asyncio.timeout(timeout_s):
                while self._connection is None:
                    await self._up.wait()
                return self._connection
        except TimeoutError as late:
            raise BookUnavailable("the book can't be reached") from late

    async def _keep(self) -> None:
        pause = 0.05
        while True:
            try:
                connection = await self._connect()
            except (OSError, BookUnavailable, hiredis.ReplyError, TimeoutError) as fault:
                log.warning("book_unreachable", fault=type(fault).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 1.0)
                continue
            pause = 0.05
            self._connection = connection
            self._up.set()
            await self._watch(connection)
            self._connection = None
            self._up.clear()

    async def _watch(self, connection: Connection) -> None:
        while not self._lost.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):  # wait_for of 3.11 can swallow the cancellation that ends us
                    await self._lost.wait()
            if connection.waited_s() > ANSWER_WITHIN_S:
                log.error("book_does_not_answer", waited_s=round(connection.waited_s(), 1))
                connection.close()

    async def _connect(self) -> Connection:
        self._lost = asyncio.Event()
        loop = asyncio.get_running_loop()
        lost = self._lost
        async with asyncio.timeout(5.0):
            _, connection = await loop.create_connection(
                lambda: Connection(lost.set), self._url.hostname or "127.0.0.1", self._url.port or 6379
            )
            await self._greet(connection)
        return connection

    async def _greet(self, connection: Connection) -> None:
        if self._url.password:
            user = unquote(self._url.username or "default")
            await connection.ask("AUTH", user, unquote(self._url.password))
        database = self._url.path.lstrip("/")
        if database not in ("", "0"):
            await connection.ask("SELECT", database)
        connection.run = run_of(await connection.ask("INFO", "server"))
        for script in self._scripts:
            await connection.ask("SCRIPT", "LOAD", script)


def run_of(info: bytes) -> bytes:
    """The run id in the answer of INFO server."""
    for text in info.splitlines():
        if text.startswith(b"run_id:"):
            return text.removeprefix(b"run_id:").strip()
    raise BookUnavailable("the server does not say its run id")
