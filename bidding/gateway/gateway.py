"""A gateway: connections on one side, the book and its logs on the other. It speaks docs/protocol.md.

The parts: server (transport), guests (messages), rooms and fanout (watchers), tail (logs), prober (beats),
pulse (what happens each second). The ports to sessions and paddles are given from outside.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import hiredis
import structlog
from websockets.http11 import Request

from bidding.book import Book, Outcome
from bidding.gateway import presence
from bidding.gateway.beats import Beats
from bidding.gateway.board import Board, Departures
from bidding.gateway.booktime import BookTime
from bidding.gateway.config import Config, LiveLots, PaddleOf, Sessions, no_lots
from bidding.gateway.delays import Delays
from bidding.gateway.fanout import Fanout
from bidding.gateway.gauges import Metrics
from bidding.gateway.guest import PROBE, Guest
from bidding.gateway.handshake import (
    PORTS_ANSWER_WITHIN_S,
    SESSION_COOKIE,
    cookies_of,
    identify,
    origin_allowed,
)
from bidding.gateway.limits import TokenBucket
from bidding.gateway.lookup import read_confirmed
from bidding.gateway.probe import COOKIE as PROBE_COOKIE
from bidding.gateway.probe import Demands, Prober
from bidding.gateway.pulse import Pulse
from bidding.gateway.rooms import Rooms
from bidding.gateway.server import Connection, PlainConnection, Receiver, Server
from bidding.gateway.server import Refused as HandshakeRefused
from bidding.gateway.tail import Tail
from bidding.gateway.view import kind_of, paddle_in, price_in
from bidding.gateway.wire import (
    ClientHello,
    Close,
    ServerConfirmed,
    ServerError,
    ServerNotConfirmed,
    ServerWelcome,
)
from bidding.messages import Aborted, Closed, Refused
from bidding.pipeline import BookUnavailable, Pipeline

log = structlog.get_logger(__name__)

LAST_ANSWERS_WITHIN_S: Final = 1.0
DELAYS_TOLD_AFTER_S: Final = 0.5
ENDS: Final = frozenset({Closed.kind, Aborted.kind})
ROLE_BIDDER: Final = "bidder"


@dataclass(frozen=True, slots=True)
class _ProbeSession:
    account_id: int = 0
    role: str = PROBE
    session_id: str = ""
    by_ukey: bool = False


class Gateway:
    """`async with Gateway(…)`: it serves inside, and leaves in good order at the end."""

    def __init__(
        self,
        config: Config,
        book: Book,
        *,
        sessions: Sessions,
        paddle_of: PaddleOf,
        live_lots: LiveLots = no_lots,
    ) -> None:
        self.config = config
        self.book = book
        self.sessions = sessions
        self.live_lots = live_lots
        self.bid_rate = config.bid_rate
        self.metrics = Metrics()
        self.board = Board()
        self.departures = Departures()
        self.guests: set[Guest] = set()
        self.boards: set[Guest] = set()
        self.deciding = 0
        self.port = 0
        self._paddle_of = paddle_of
        self._time = BookTime()
        self._pending: dict[tuple[str, str, str, int], Guest] = {}
        self.delays = Delays()
        self._buckets: dict[int, TokenBucket] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._token = secrets.token_urlsafe(32)
        self.beats = Beats(self)
        self._leaving = False
        self._probing: asyncio.Task[Any] | None = None
        self.failed = asyncio.Event()
        self._answered_all = asyncio.Event()
        pages = {"/healthz": self._health, "/readyz": self._ready, "/metrics": self._measurements}
        kind = PlainConnection if config.plain else Connection
        self.server = Server(self._welcome, pages, config.limits, kind)
        self._fanout = Fanout(self.now, deciding=lambda: self.deciding > 0)
        self.rooms = Rooms(book, self._fanout, self.spawn)
        self.logs = Pipeline(config.redis_url)
        self.tail = Tail(self.logs, book.partitions, self)
        self.pulse = Pulse(self)

    @property
    def id(self) -> str:
        return self.config.id

    @property
    def stops(self) -> bool:
        """It leaves, or lacks something without which it is no gateway."""
        return self._leaving or self.failed.is_set()

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> int:
        """The book's time in ms."""
        return self._time.now(time.monotonic() * 1000)

    # life

    async def __aenter__(self) -> "Gateway":
        await self.logs.__aenter__()
        for work in (self.tail.run(), *self.pulse.works()):
            self._need(work)
        await self._follow()
        await self._learn_time()
        self.port = await self.server.start(self.config.host, self.config.port)
        self._prober = Prober(
            self._own_url(),
            self._token,
            every_s=self.config.probe_every_s,
            measured=self.metrics.probe_seconds.set,
        )
        self.begin_beats()
        self.spawn(Demands(self.config.redis_url, self._prober.demand, self.book.partitions).run())
        log.info("gateway_listens", gateway=self.id, port=self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        """First the lease, so that nobody's countdown stops; then the connections; then the rest."""
        if self._leaving:
            return
        self._leaving = True
        self.stop_beats()
        with contextlib.suppress(BookUnavailable, hiredis.ReplyError, TimeoutError):
            async with asyncio.timeout(3.0):
                await self.beats.await_last()
                if not self.failed.is_set():  # as after a crash: whose seconds were lost get them again
                    partitions = range(self.book.partitions)
                    await asyncio.gather(
                        *(self.book.hand_back(number, self.beats.lease) for number in partitions)
                    )
                await presence.withdraw(self.logs_free, self.id)
        self.server.stop_listening()
        await self._await_answers()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await asyncio.gather(*map(self._tell_delays, self.delays.lots()))
        await self.server.stop()
        await self._end_tasks()
        await self.logs.__aexit__()

    async def _end_tasks(self) -> None:
        """Cancel what runs, again if a library swallows the first attempt; the end has a bound."""
        for _ in range(3):
            for task in self._tasks:
                task.cancel()
            if not self._tasks or not (await asyncio.wait(list(self._tasks), timeout=1.0))[1]:
                return
        log.error("tasks_left", tasks=[task.get_name() for task in self._tasks])

    def begin_beats(self) -> None:
        self._probing = self._need(self._prober.run())

    def stop_beats(self) -> None:
        if self._probing is not None:
            self._probing.cancel()

    async def _follow(self) -> None:
        """Wait until the logs are followed."""
        following = self.spawn(self.tail.following.wait())
        failed = self.spawn(self.failed.wait())
        await asyncio.wait({following, failed}, return_when=asyncio.FIRST_COMPLETED)
        failed.cancel()
        if self.failed.is_set():
            following.cancel()
            raise RuntimeError("the gateway could not begin")

    @property
    def logs_free(self) -> Pipeline:
        """The connection for everything else: the book's (the other one blocks on the logs)."""
        return self.book.pipeline

    async def _learn_time(self) -> None:
        connection = await self.book.pipeline.ready()
        seconds, micros = await connection.ask("TIME")
        self.heard(int(seconds) * 1000 + int(micros) // 1000)

    async def _await_answers(self) -> None:
        if self.deciding:
            self._answered_all.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_ANSWERS_WITHIN_S):
                    await self._answered_all.wait()

    def _own_url(self) -> str:
        host = "127.0.0.1" if self.config.host in ("", "0.0.0.0", "::") else self.config.host  # noqa: S104
        return f"ws://[{host}]:{self.port}/" if ":" in host else f"ws://{host}:{self.port}/"

    def spawn(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _need(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Work without which this is no gateway. Should it end, the beats stop and `failed` is set."""
        task = self.spawn(work)
        task.add_done_callback(self._missed)
        return task

    def _missed(self, task: "asyncio.Task[Any]") -> None:
        if task.cancelled() or self._leaving:
            return
        log.critical("gateway_failed", gateway=self.id, task=repr(task.get_coro()))
        self.failed.set()
        self.stop_beats()

    def _finished(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("task_failed", exc_info=fault)

    # handshakes

    async def _welcome(self, connection: Connection, request: Request) -> Receiver:
        cookies = cookies_of(request)
        if secrets.compare_digest(cookies.get(PROBE_COOKIE, "").encode(), self._token.encode()):
            return Guest(self, connection, _ProbeSession())
        if self._leaving or self.server.crowded(connection.address):
            raise HandshakeRefused(HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections.")
        if not origin_allowed(self.config, request):
            raise HandshakeRefused(HTTPStatus.FORBIDDEN, "This page may not connect here.")
        return Guest(self, connection, await identify(self.sessions, cookies.get(SESSION_COOKIE, "")))

    # guests

    async def admit(self, guest: Guest, hello: ClientHello) -> None:
        """Let a watcher in: who they are in this lot, and what they lack."""
        try:
            async with asyncio.timeout(2 * PORTS_ANSWER_WITHIN_S):
                room = await self.rooms.open(hello.lot)
                if room is None:
                    guest.tell(ServerError("unknown_lot"))
                    guest.outlet.close(Close.UNKNOWN_LOT, "there is no such lot")
                    return
                await self._recognize(guest, confirms=room.view.confirms)
        except Exception as fault:  # the book or the database is away: another gateway may do better
            log.warning("guest_not_admitted", lot=hello.lot, fault=repr(fault))
            guest.outlet.close(Close.TRY_AGAIN, "try again")
            return
        if guest.gone:
            return
        guest.room = room
        self.guests.add(guest)
        resumed = room.can_resume(hello.after, hello.epoch)
        guest.tell(self._greeting(guest, hello, resumed=resumed))
        try:
            room.join(guest, self.now(), hello.after, hello.epoch)
        except Exception:
            log.exception("lot_not_shown", lot=hello.lot)
            self.rooms.read_again(hello.lot)
            guest.outlet.close(Close.TRY_AGAIN, "try again")

    async def _recognize(self, guest: Guest, *, confirms: bool) -> None:
        if guest.signed_in is None or guest.role != ROLE_BIDDER:
            return
        found = await self._paddle_of(guest.lot, guest.signed_in.account_id)
        if found is None:
            return
        guest.paddle, guest.rank = found
        if confirms:
            guest.confirmed = await read_confirmed(self.book, guest.lot, guest.paddle)

    def _greeting(self, guest: Guest, hello: ClientHello, *, resumed: bool) -> ServerWelcome:
        return ServerWelcome(
            lot=hello.lot,
            now=self.now(),
            t=hello.t,
            paddle=guest.paddle,
            rank=guest.rank,
            may_bid=guest.paddle is not None and not guest.needs_ukey,
            needs_ukey=guest.paddle is not None and guest.needs_ukey,
            confirmed=guest.confirmed,
            gateway=self.id,
            resumed=resumed,
        )

    def left(self, guest: Guest, *, by_us: bool) -> None:
        if guest.room is not None:
            guest.room.leave(guest)
        self.boards.discard(guest)
        if guest in self.guests:
            self.guests.discard(guest)
            if not by_us and guest.role != PROBE:
                self.departures.left(time.monotonic())

    def open_board(self, guest: Guest) -> None:
        self.guests.add(guest)
        self.boards.add(guest)
        self.pulse.show_board()

    async def confirm(self, guest: Guest) -> None:
        assert guest.paddle is not None
        try:
            outcome = await self.book.confirm(guest.lot, guest.paddle)
        except (BookUnavailable, hiredis.ReplyError):
            guest.tell(ServerError("book_unavailable"))
            return
        finally:
            guest.confirming = False
        self.heard(outcome.now)
        answer = outcome.answer
        if isinstance(answer, Refused):
            guest.tell(ServerNotConfirmed(answer.obstacle))
        else:
            guest.confirmed = True
            guest.tell(ServerConfirmed())

    def bids_of(self, account_id: int) -> TokenBucket:
        """The frequency limit that all connections of an account share."""
        bucket = self._buckets.get(account_id)
        if bucket is None:
            bucket = self._buckets[account_id] = TokenBucket(self.bid_rate, time.monotonic())
        return bucket

    def forget_idle_accounts(self) -> None:
        now, here = time.monotonic(), {guest.signed_in.account_id for guest in self.guests if guest.signed_in}
        idle = [number for number, bucket in self._buckets.items() if number not in here and bucket.full(now)]
        for number in idle:
            del self._buckets[number]

    def tidy(self) -> None:
        """Once a second."""
        self.forget_idle_accounts()
        self.board.tidy(self.now())

    def asked(self, lot: str, paddle: str, bid_id: str, price: int, guest: Guest) -> None:
        """A bid goes to the book."""
        self.deciding += 1
        self._pending[lot, paddle, bid_id, price] = guest

    def decided(self, outcome: Outcome | Exception) -> None:
        """The book has replied to a bid, or will not."""
        self.deciding -= 1
        if not self.deciding:
            self._answered_all.set()
            self._fanout.go_on()
        if isinstance(outcome, Exception):
            self.metrics.bids.labels("unknown").inc()
            return
        self.heard(outcome.now)
        self.metrics.bids.labels("again" if outcome.again else kind_of(outcome.line)).inc()

    def answered(self, lot: str, paddle: str, bid_id: str, price: int, began: float) -> None:
        """A bid is being answered; it came at `began`."""
        self._pending.pop((lot, paddle, bid_id, price), None)
        took_s = time.monotonic() - began
        self.metrics.ack_seconds.observe(took_s)
        self.delays.took(lot, took_s * 1000)

    async def _tell_delays(self, lot: str, after_s: float = 0.0) -> None:
        """Make public what the lot's bids waited here, the last answers included."""
        await asyncio.sleep(after_s)
        try:
            await self.delays.publish(self.logs_free, lot)
        except (BookUnavailable, hiredis.ReplyError) as fault:
            log.warning("delays_not_told", lot=lot, fault=repr(fault))

    def heard(self, book_ms: int) -> None:
        self._time.heard(book_ms, time.monotonic() * 1000)

    # what the logs tell (bidding.tail.Listener)

    def entry(self, lot: str, epoch: int, seq: int, kind: str, line: bytes, bid_id: str) -> None:
        if bid_id and self._pending:
            bidder = self._pending.get((lot, paddle_in(line), bid_id, price_in(line)))
            if bidder is not None:
                bidder.accepted(bid_id, line)
        if kind in ENDS:
            self.spawn(self._tell_delays(lot, DELAYS_TOLD_AFTER_S))
        self.metrics.entries.inc()
        self.rooms.entry(lot, epoch, seq, kind, line)
        self.board.entry(lot, epoch, seq, kind, line, self.now())

    def refusal(self, lot: str, reason: str) -> None:
        self.board.refusal(lot, reason)

    def recorded(self, lot: str, seq: int, hash_hex: str) -> None:
        self.rooms.recorded(lot, seq, hash_hex)

    def unreadable(self, lot: str) -> None:
        self.metrics.unreadable.inc()
        if lot:
            self.rooms.read_again(lot)
            self.board.read_again(lot)

    def read(self) -> None:
        self.rooms.read()

    def rebuilt(self) -> None:
        log.warning("book_is_another_one")
        self.rooms.rebuilt()
        self.board.forget_all()

    # pages

    def _health(self) -> tuple[HTTPStatus, str, str]:
        return HTTPStatus.OK, "text/plain; charset=utf-8", "ok\n"

    def _ready(self) -> tuple[HTTPStatus, str, str]:
        reads = self.tail.following.is_set() and not self.tail.silent
        up = reads and self.book.pipeline.connection is not None
        up = up and not self._leaving and not self.failed.is_set()
        status = HTTPStatus.OK if up else HTTPStatus.SERVICE_UNAVAILABLE
        return status, "text/plain; charset=utf-8", "ready\n" if up else "not ready\n"

    def _measurements(self) -> tuple[HTTPStatus, str, str]:
        self.metrics.connections.set(len(self.server.connections))
        self.metrics.deliveries.set(self.rooms.deliveries)
        self.metrics.slow_readers.set(self.server.dropped)
        self.metrics.rooms.set(len(self.rooms.watchers()))
        return HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8", self.metrics.text()
