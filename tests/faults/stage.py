"""A whole platform as its operator starts it, bidders who remember every word, and a hand that kills."""

import asyncio
import itertools
import json
import os
import random
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import redis.asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from bidding.book import Book, Snapshot
from bidding.clock import Tolerances
from bidding.lots import AssetClass, Offer
from bidding.terms import Fen, Terms
from luochui.processes import wiring
from luochui.services import running
from luochui.services.folder import is_free
from luochui.settings import Settings
from luochui.vaults import open_vault
from office.accounts import Accounts, Role
from office.database import create_engine
from office.sealed import QualifiedRow
from office.sessions import SessionDirectory
from tests.timekit import PATIENCE_S
from web import putting_on
from web.offer_form import Draft

PASSWORD = "correct-horse-7"
WINDOW_MS = 6_000
SHORT = {
    # A busy machine that starves a gateway for seconds is an outage too, and not the one that is tested.
    "LUOCHUI_TOLERANCE_MS": "6000",
    "LUOCHUI_GATEWAYS": "2",
    "LUOCHUI_CLOSERS": "2",
    "LUOCHUI_LOG_FORMAT": "json",
    "LUOCHUI_STEADY_MS": "600",
    "LUOCHUI_RESUME_AFTER_MS": "1200",
    # People here sign in through the form; signing in with a UKey has tests of its own.
    "LUOCHUI_BID_REQUIRES_UKEY": "0",
}


@dataclass
class Platform:
    """One `luochui up`. `kill` ends one of its programs with SIGKILL, by the pid the supervisor noted."""

    folder: Path
    port: int
    settings: Settings
    process: "subprocess.Popen[bytes]"

    def pid(self, name: str) -> int:
        return int((self.folder / "run" / f"{name}.pid").read_text().split()[0])

    def kill(self, name: str) -> None:
        os.kill(self.pid(name), signal.SIGKILL)

    @property
    def gateways(self) -> list[str]:
        return [f"ws://127.0.0.1:{self.port + 1 + index}" for index in range(2)]


@contextmanager
def platform(folder: Path, more: Mapping[str, str] | None = None) -> Iterator[Platform]:
    """Start, wait until it is ready, and stop it in the end."""
    port = _free_ports(3)
    periods = {**SHORT, **(more or {})}
    environment = {
        **os.environ,
        **periods,
        "LUOCHUI_DATA": str(folder),
        "LUOCHUI_PORT": str(port),
    }
    log = (folder.parent / "up.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "luochui", "up"], env=environment, stdout=log, stderr=log
    )
    try:
        _await_ready(port, process)
        same = ("tolerance_ms", "steady_ms", "resume_after_ms")
        tolerances = {name: int(periods[f"LUOCHUI_{name.upper()}"]) for name in same}
        settings = running.attach(Settings(data=folder, port=port, **tolerances))
        yield Platform(folder, port, settings, process)
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(60)
        process.kill()
        log.close()


def _await_ready(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(2_400):
        assert process.poll() is None, "luochui up has ended"
        with suppress(httpx.HTTPError):
            if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError("not ready after 240 s")


def _free_ports(count: int) -> int:
    starts = iter(lambda: random.randrange(20_000, 30_000), None)
    return next(
        start for start in starts if all(is_free(start + offset, "127.0.0.1") for offset in range(count))
    )


@dataclass
class Bidder:
    """One recorded client. `acknowledged` is what it was told: its bid id, and the entry's number and price.

    An unanswered bid is repeated with the same id, over whichever gateway answers, until it is answered.
    """

    platform: Platform
    cookie: str
    lot: str
    gateway: int
    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: int = 0
    repeated: int = 0
    seen: list[int] = field(default_factory=list)
    entries: dict[int, dict[str, Any]] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)
    pending: tuple[str, int] | None = None
    bids: bool = True

    @property
    def has_result(self) -> bool:
        return any(entry["kind"] == "result" for entry in self.entries.values())

    async def run(self) -> None:
        for attempt in itertools.count(self.gateway):
            url = self.platform.gateways[attempt % 2]
            origin = f"http://127.0.0.1:{self.platform.port}"
            with suppress(OSError, WebSocketException, TimeoutError):
                headers = {"Cookie": f"luochui_session={self.cookie}"}
                async with connect(url, origin=origin, additional_headers=headers, open_timeout=10) as socket:  # type: ignore[arg-type]
                    await self._sit(socket)
            await asyncio.sleep(0.1)

    async def _sit(self, socket: Any) -> None:
        after, epoch = (max(self.seen), self.entries[max(self.seen)]["epoch"]) if self.seen else (None, None)
        await socket.send(
            json.dumps({"type": "hello", "lot": self.lot, "after": after, "epoch": epoch, "t": 0})
        )
        bidding = asyncio.create_task(self._bid(socket))
        try:
            async for text in socket:
                self._hear(json.loads(text))
        finally:
            bidding.cancel()
            await asyncio.gather(bidding, return_exceptions=True)

    async def _bid(self, socket: Any) -> None:
        """Repeat what was not answered; else, now and then, raise the price."""
        while True:
            if self.pending is not None:
                self.repeated += 1
            elif self.bids and self.last.get("phase") == "timed_bidding":
                lowest = (self.last["price"] + 100) if self.last["price"] else 10_000
                self.pending = (secrets.token_hex(8), lowest)
            if self.pending is not None:
                bid_id, price = self.pending
                await socket.send(json.dumps({"type": "bid", "id": bid_id, "price": price}))
            await asyncio.sleep(random.uniform(0.15, 0.5))

    def _hear(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "accepted" | "rejected":
                self._answered(message)
            case "snapshot":
                self.last.update(phase=message["phase"], price=message["price"])
                for entry in message["entries"]:
                    self._entry(entry)
            case "entry":
                self._entry(message["entry"])
            case "entries":
                for entry in message["entries"]:
                    self._entry(entry)

    def _answered(self, message: dict[str, Any]) -> None:
        if self.pending is None or message["id"] != self.pending[0]:
            return
        if message["type"] == "accepted":
            self.acknowledged[message["id"]] = message["entry"]
        else:
            self.refused += 1
        self.pending = None

    def _entry(self, entry: dict[str, Any]) -> None:
        self.entries[entry["seq"]] = entry
        self.seen.append(entry["seq"])
        phases = {
            "timed_bidding_started": "timed_bidding",
            "suspended": "suspended",
            "recovered": "suspended",
            "closed": "closed",
        }
        if entry["kind"] == "resumed":
            self.last["phase"] = entry["phase"]
        elif entry["kind"] in phases:
            self.last["phase"] = phases[entry["kind"]]
        elif entry["kind"] == "bid_accepted":
            self.last.update(phase="timed_bidding", price=entry["price"])


@dataclass
class Auction:
    """One lively lot and its bidders."""

    platform: Platform
    book: Book
    lot: str
    bidders: list[Bidder]

    async def snapshot(self) -> Snapshot:
        found = await self.book.snapshot(self.lot)
        assert found is not None
        return found

    async def until(self, kind: str, within_s: float = PATIENCE_S) -> None:
        """Until an entry of this kind is among the lot's last."""
        mark = f'"kind":"{kind}"'.encode()
        async with asyncio.timeout(within_s):
            while True:
                with suppress(Exception):
                    if any(mark in line for line in (await self.snapshot()).recent):
                        return
                await asyncio.sleep(0.05)

    def accepted(self) -> int:
        return sum(len(bidder.acknowledged) for bidder in self.bidders)

    async def lively(self, bids: int, within_s: float = PATIENCE_S) -> None:
        """Until so many more bids have been acknowledged."""
        goal = self.accepted() + bids
        async with asyncio.timeout(within_s):
            while self.accepted() < goal:
                await asyncio.sleep(0.02)

    def calm(self) -> None:
        for bidder in self.bidders:
            bidder.bids = False

    async def all_seen(self, within_s: float = PATIENCE_S) -> None:
        """Until every bidder has the result, and the record has every entry."""
        async with asyncio.timeout(within_s):
            while not all(bidder.has_result for bidder in self.bidders):
                await asyncio.sleep(0.05)
            last = max(max(bidder.entries) for bidder in self.bidders)
            while len(record(self.platform, self.lot).entries) < last:
                await asyncio.sleep(0.05)


async def open_auction(platform: Platform, book: Book, bidders: int = 5) -> Auction:
    """Accounts, sessions and a lot that opens soon, with a short inquiry and a short window.

    Everybody is signed in before the lot is put on: then nothing slow lies before its first window. Nobody
    goes through the form, which would take as long as the auction.
    """
    engine = create_engine(platform.settings.required_database_url())
    lot = f"F-{secrets.token_hex(3).upper()}"
    logins = [f"{lot.lower()}-{number}" for number in range(bidders)]
    cookies: list[str] = []
    client = redis.asyncio.Redis.from_url(platform.settings.required_redis_url())
    try:
        sealed = await open_vault(platform.settings, engine)
        accounts, sessions = Accounts(engine), SessionDirectory(client)
        for number, login in enumerate(logins):
            account = await accounts.create_hashed(login, "no password", Role.BIDDER, f"测试竞买人{number}")
            cookies.append((await sessions.start(account, Role.BIDDER, login))[0])
        now, _ = await book.observe(0)
        terms = Terms(
            lot=lot, starting_price=Fen(10_000), increment=Fen(100), inquiry_ms=500, window_ms=WINDOW_MS
        )
        offer = Offer(
            terms=terms,
            opens_at=now + 4_000,
            title=f"故障演练 {lot}",
            asset_class=AssetClass.PHYSICAL,
        )
        await putting_on.put_on(engine, book, sealed, Draft(offer=offer, reserve=None))
        await putting_on.import_list(engine, book, sealed, lot, [QualifiedRow(login) for login in logins])
    finally:
        await client.aclose()
        await engine.dispose()
    people = [Bidder(platform, cookie, lot, number) for number, cookie in enumerate(cookies)]
    return Auction(platform, book, lot, people)


def sign_in(port: int, login: str) -> str:
    """The session cookie of somebody who signs in as everybody does."""
    origin = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=origin, headers={"Origin": origin}) as client:
        page = client.get("/sign-in").text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token
        form = {"csrf_token": token[1], "login": login, "password": PASSWORD}
        answer = client.post("/sign-in", data=form)
        assert answer.status_code == 303, re.sub(r"<[^>]+>|\s+", " ", answer.text)[-600:]
        return client.cookies["luochui_session"]


@dataclass(frozen=True)
class Record:
    """The ledger of a lot, as PostgreSQL has it."""

    entries: list[dict[str, Any]]
    bid_ids: dict[str, int]


def record(platform: Platform, lot: str) -> Record:
    with psycopg.connect(platform.settings.required_database_url()) as connection:
        rows = connection.execute(
            "SELECT seq, line, bid_id FROM ledger_entries WHERE lot = %s ORDER BY seq", (lot,)
        ).fetchall()
    ids = [(bid_id, seq) for seq, _, bid_id in rows if bid_id]
    assert len(ids) == len({bid_id for bid_id, _ in ids}), "a bid stands twice in the ledger"
    return Record([json.loads(line) for _, line, _ in rows], dict(ids))


def tolerances(platform: Platform) -> Tolerances:
    return wiring.tolerances(platform.settings)
