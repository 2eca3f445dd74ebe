"""Gateways, lots and clients for the tests of the gateway: real sockets, a real Valkey, invented persons.

The book's time is the real one, but for the leaps that a test makes it take (`Scene.pass_time`, `silence`).
What takes the book a minute then takes the test no time, and its tolerances are so wide that a machine that
stands still for seconds changes nothing.
"""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bidding.book import Book
from bidding.clock import Tolerances
from bidding.gateway.config import Config
from bidding.gateway.gateway import Gateway
from bidding.gateway.limits import Rate
from bidding.gateway.server import Limits
from bidding.messages import Commitments
from bidding.terms import Fen, InquiryMode, Terms
from tests.timekit import AHEAD, LEAPING, PATIENCE_S

LOT = "XX-1"
COMMITMENTS = Commitments(qualified="aa", reserve="bb", private="cc")
TOLERANCES = Tolerances(beat_ms=30_000, ledger_ms=3_600_000, steady_ms=300, resume_after_ms=300)
STEP_MS = 10_000
SILENCE_MS = 40_000
HEARABLE_S = 0.4
"""Longer than from one probe to the next: a gateway that can beat does so meanwhile."""
WAIT_S = PATIENCE_S


@dataclass(frozen=True)
class Person:
    account_id: int
    role: str = "bidder"
    by_ukey: bool = True

    @property
    def session_id(self) -> str:
        return f"session-{self.role}-{self.account_id}"

    @property
    def cookie(self) -> str:
        return f"cookie-{self.role}-{self.account_id}{'' if self.by_ukey else '-password'}"


def paddle(account_id: int) -> str:
    return f"{1000 + account_id:04d}"


@dataclass
class Directory:
    """Sessions in memory. Everybody whose cookie looks right is signed in until revoked."""

    revoked: set[str] = field(default_factory=set)
    stuck: bool = False
    sweeps_stuck: bool = False

    async def open_probe(self) -> str:
        return "session-probe"

    async def signed_in(self, cookie: str, /) -> Person | None:
        _, role, number, *by_password = cookie.split("-")
        person = Person(int(number), role, by_ukey=not by_password)
        return None if person.session_id in self.revoked else person

    async def living(self, session_ids: Collection[str], /) -> Collection[str]:
        probed = "session-probe" in session_ids
        if self.stuck or (self.sweeps_stuck and not probed):
            await asyncio.sleep(60)
        return set(session_ids) - self.revoked


class Client:
    """One browser. Everything that came is in `heard`."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.heard: list[dict[str, Any]] = []
        self.raw: list[str] = []
        self._news = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            async for text in self.connection:
                assert isinstance(text, str)
                self.raw.append(text)
                self.heard.append(json.loads(text))
                self._news.set()
        except ConnectionClosed:
            pass
        self._news.set()

    async def say(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def hello(self, lot: str = LOT, **position: Any) -> dict[str, Any]:
        await self.say(type="hello", lot=lot, **{"after": None, "epoch": None, "t": 1} | position)
        return await self.hears("welcome")

    async def hears(
        self, *kinds: str, where: Callable[[dict[str, Any]], bool] | None = None, after: int = 0
    ) -> dict[str, Any]:
        """The first message of these kinds after so many, waiting for it."""
        async with asyncio.timeout(WAIT_S):
            while True:
                for message in self.heard[after:]:
                    if message["type"] in kinds and (where is None or where(message)):
                        return message
                self._news.clear()
                await self._news.wait()

    async def bid(self, bid_id: str, price: int) -> dict[str, Any]:
        """The answer to a bid."""
        seen = len(self.heard)
        await self.say(type="bid", id=bid_id, price=price)
        return await self.hears(
            *("accepted", "rejected", "limited", "unknown", "error"),
            where=lambda message: message.get("id") == bid_id,
            after=seen,
        )

    def entries(self) -> list[dict[str, Any]]:
        """The lot's log as this client has it: the last snapshot and what came after it."""
        found: list[dict[str, Any]] = []
        for message in self.heard:
            match message["type"]:
                case "snapshot":
                    found = list(message["entries"])
                case "entry":
                    found.append(message["entry"])
                case "entries":
                    found += message["entries"]
        return found

    def seqs(self) -> list[int]:
        return [entry["seq"] for entry in self.entries()]

    async def reaches(self, seq: int) -> None:
        async with asyncio.timeout(WAIT_S):
            while seq not in self.seqs():
                self._news.clear()
                await self._news.wait()

    async def closed(self) -> int:
        """The code with which the server closed."""
        async with asyncio.timeout(WAIT_S):
            await self.connection.wait_closed()
        code = self.connection.close_code
        assert code is not None
        return code

    async def leave(self) -> None:
        await self.connection.close()
        await self._reader


@dataclass
class Scene:
    """A Valkey with a book, and gateways on it."""

    url: str
    book: Book
    directory: Directory = field(default_factory=Directory)
    gateways: list[Gateway] = field(default_factory=list)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _names: Any = field(default_factory=lambda: itertools.count(1))

    async def gateway(self, **changes: Any) -> Gateway:
        limits = Limits(**{"close_within_s": 2.0, **changes.pop("limits", {})})
        config = Config(
            **{
                "id": f"g{next(self._names)}",
                "redis_url": self.url,
                "web_port": 8000,
                "bid_rate": Rate(per_second=1000, burst=1000),
                "limits": limits,
                **changes,
            }
        )

        async def paddle_of(lot: str, account_id: int) -> tuple[str, int] | None:
            return (paddle(account_id), 0) if account_id < 900 else None

        gateway = Gateway(config, self.book, sessions=self.directory, paddle_of=paddle_of)
        await self.stack.enter_async_context(gateway)
        self.gateways.append(gateway)
        return gateway

    async def client(self, gateway: Gateway, person: Person | None = None, **options: Any) -> Client:
        headers = {"Cookie": f"other=1; luochui_session={person.cookie}"} if person else {}
        connection = await connect(
            f"ws://127.0.0.1:{gateway.port}/",
            additional_headers={**headers, **options.pop("headers", {})},
            compression=None,
            ping_interval=None,
            proxy=None,
            close_timeout=1,
            **options,
        )
        client = Client(connection)
        self.stack.push_async_callback(client.leave)
        return client

    async def watcher(self, gateway: Gateway, person: Person | None = None, **position: Any) -> Client:
        client = await self.client(gateway, person)
        await client.hello(**position)
        return client

    async def lot(self, *, bidders: int = 20, window_ms: int = 600_000, **changes: Any) -> Terms:
        """A lot in timed bidding (or in inquiry, with `inquiry_ms`)."""
        waits = "inquiry_ms" in changes
        terms = Terms(
            **{
                "lot": LOT,
                "starting_price": Fen(10_000),
                "increment": Fen(100),
                "inquiry_ms": 100,
                "window_ms": window_ms,
                "inquiry_mode": InquiryMode.PASSIVE,
                **changes,
            }
        )
        qualified: Mapping[str, int] = {paddle(number): 0 for number in range(1, bidders + 1)}
        await self.book.schedule(terms, int(time.time() * 1000), COMMITMENTS, qualified)
        await self.phase("inquiry" if waits else "timed_bidding", terms.lot)
        return terms

    async def phase(self, phase: str, lot: str = LOT) -> None:
        """Let time work on a lot until it is in a phase."""
        connection = await self.book.pipeline.ready()
        async with asyncio.timeout(WAIT_S):
            while True:
                await self.book.touch(lot)
                key = self.book.keys(lot).lot(lot)
                if await connection.ask("HGET", key, "phase") == phase.encode():
                    return
                await asyncio.sleep(0.02)

    async def leap(self, ms: int) -> int:
        """The book's time goes on by so much at once; its new time."""
        connection = await self.book.pipeline.ready()
        await connection.ask("INCRBY", AHEAD, str(ms))
        moments = [(await self.book.observe(partition))[0] for partition in range(self.book.partitions)]
        return max(moments)

    async def pass_time(self, ms: int, *beating: Gateway) -> None:
        """The book's time goes on, in steps that none of these gateways sleeps through."""
        while ms > 0:
            moment = await self.leap(min(ms, STEP_MS))
            ms -= STEP_MS
            for partition in range(self.book.partitions):
                await self._beaten(partition, {gateway.beats.lease for gateway in beating}, moment)

    async def _beaten(self, partition: int, leases: Collection[str], since: int) -> None:
        async with asyncio.timeout(WAIT_S):
            while True:
                found = (await self.book.clock(partition)).leases
                if all(found.get(lease, 0) >= since for lease in leases):
                    return
                await self.book.demand_beat(partition)
                await asyncio.sleep(0.02)

    async def silence(self) -> None:
        """The book's time goes on for longer than may be silent; whoever can beat has the time to do it."""
        for _ in range(0, SILENCE_MS, STEP_MS):
            await self.leap(STEP_MS)
            await asyncio.sleep(HEARABLE_S)

    async def log(self, lot: str = LOT) -> list[dict[str, Any]]:
        connection = await self.book.pipeline.ready()
        lines = await connection.ask("LRANGE", self.book.keys(lot).lot(lot, "recent"), "0", "-1")
        return [json.loads(line) for line in lines]

    async def outages(self, lot: str = LOT) -> int:
        connection = await self.book.pipeline.ready()
        return int(await connection.ask("HGET", self.book.keys(lot).clock, "outage") or 0)


@asynccontextmanager
async def scene(
    url: str, *, partitions: int = 2, tolerances: Tolerances = TOLERANCES
) -> AsyncIterator[Scene]:
    pipeline, text = Book.pipeline_for(url, tolerances, prelude=LEAPING)
    async with pipeline, AsyncExitStack() as stack:
        book = Book(pipeline, partitions=partitions, text=text)
        for partition in range(partitions):
            await book.recorded(partition)
        yield Scene(url, book, stack=stack)
