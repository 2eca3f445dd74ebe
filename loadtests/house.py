"""A platform of its own for a measurement: servers with AOF always, real processes, a temporary folder."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import redis.asyncio

from bidding import lots
from bidding.book import Book
from bidding.commitments import commitments_to
from bidding.lots import AssetClass, Offer
from bidding.messages import Phase
from bidding.terms import Fen, Terms
from loadtests.workers import ROOT
from luochui.operations import migrations
from luochui.processes.wiring import open_book
from luochui.services import embedded, program
from luochui.services.embedded import Running
from luochui.services.folder import is_free
from luochui.services.program import Program
from luochui.settings import Settings
from luochui.vaults import open_vault
from office.accounts import Accounts, Role, hash_password
from office.database import create_engine
from office.sealed import QualifiedRow
from office.sessions import SessionDirectory
from web import putting_on
from web.offer_form import Draft

FIRST_PORT: Final = 19_000
STARTING_PRICE: Final = Fen(10_000)
A_DAY_MS: Final = 24 * 3600 * 1000
LIVE_WITHIN_S: Final = 30.0
PROCESSES: Final = {
    "gateway": ("-m", "loadtests.open_gateway"),
    "closer": ("-m", "luochui", "run", "closer"),
    "ledger": ("-m", "luochui", "run", "ledger"),
    "sealed": ("-m", "luochui", "run", "sealed"),
    "web": ("-m", "luochui", "run", "web"),
}


@dataclass
class House:
    """Running servers, and the processes of Luochui that were started here."""

    settings: Settings
    folder: Path
    running: dict[str, tuple[Program, subprocess.Popen[bytes]]] = field(default_factory=dict)

    @property
    def gateway_port(self) -> int:
        return self.settings.gateway_port(0)

    def start(self, name: str) -> int:
        """Start a process; its pid."""
        environment = {**os.environ, **self.settings.environment(), "PYTHONPATH": str(ROOT)}
        planned = Program(
            name=name,
            command=(sys.executable, *PROCESSES[name]),
            environment=environment,
            folder=ROOT,
            log=self.folder / f"{name}.log",
        )
        self.running[name] = planned, program.start(planned)
        return self.running[name][1].pid

    def stop(self, name: str) -> None:
        program.stop(*self.running.pop(name))

    @contextmanager
    def still(self) -> Iterator[None]:
        """All of Luochui's processes stand still inside: the servers are there for somebody else alone."""
        pids = [process.pid for _, process in self.running.values()]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def wait_for_gateway(self) -> None:
        until = time.monotonic() + LIVE_WITHIN_S
        while True:
            try:
                address = f"http://127.0.0.1:{self.gateway_port}/healthz"
                with urllib.request.urlopen(address, timeout=1) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                if time.monotonic() > until:
                    raise RuntimeError(f"no gateway:\n{(self.folder / 'gateway.log').read_text()}") from None
                time.sleep(0.1)


@contextmanager
def house() -> Iterator[House]:
    """Servers in a temporary folder on free ports; everything is ended and removed at the end."""
    for name in list(os.environ):
        if name.startswith("LUOCHUI_") or name in ("DATABASE_URL", "REDIS_URL"):
            del os.environ[name]
    folder = Path(tempfile.mkdtemp(prefix="luochui-bench-"))
    folder.chmod(0o711)
    settings = Settings(
        data=folder / "data",
        port=_free_pair(),
        gateways=1,
        closers=1,
        log_level="warning",
        log_format="json",
        # Processes stand still while a floor is measured, and that is no outage here.
        tolerance_ms=60_000,
        lapsed_lease_is_outage=False,
        ledger_lag_limit_ms=24 * 3600 * 1000,
    )
    try:
        with Running(embedded.plan(settings)) as servers:
            migrations.upgrade(servers.settings.required_database_url())
            made = House(servers.settings, folder)
            try:
                yield made
            finally:
                for name in list(made.running):
                    made.stop(name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_pair() -> int:
    """A port for the web (nothing listens there) and the next one for the gateway."""
    return next(port for port in range(FIRST_PORT, 60_000, 2) if is_free(port) and is_free(port + 1))


# ── lots and bidders ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Bidder:
    login: str
    cookie: str


async def sign_in_bidders(settings: Settings, count: int) -> list[Bidder]:
    """New bidders with living sessions."""
    engine = create_engine(settings.required_database_url())
    hashed = hash_password("nobody signs in with it")
    try:
        async with redis.asyncio.Redis.from_url(settings.required_redis_url()) as client:
            sessions, accounts = SessionDirectory(client), Accounts(engine)
            made = []
            for number in range(1, count + 1):
                login, name = f"load{number}", f"压测竞买人{number}"
                account = await accounts.create_hashed(login, hashed, Role.BIDDER, name)
                cookie, _ = await sessions.start(account, Role.BIDDER, name, by_ukey=True)
                made.append(Bidder(login, cookie))
            return made
    finally:
        await engine.dispose()


def auction(lot: str, opens_at: int, *, inquiry_ms: int = 100, window_ms: int = A_DAY_MS) -> Offer:
    """A lot on which anybody may bid a fen more, all day."""
    terms = Terms(
        lot=lot,
        starting_price=STARTING_PRICE,
        increment=Fen(1),
        max_steps=1_000_000,
        inquiry_ms=inquiry_ms,
        window_ms=window_ms,
        self_raise=True,
    )
    return Offer(terms=terms, opens_at=opens_at, title=f"压测标的 {lot}", asset_class=AssetClass.PHYSICAL)


async def put_on_auctions(
    settings: Settings, names: Sequence[str], bidders: Sequence[Bidder]
) -> dict[str, list[str]]:
    """Lots with qualified bidders, once they are in timed bidding: {lot: paddles}."""
    engine = create_engine(settings.required_database_url())
    try:
        async with open_book(settings) as book:
            sealed = await open_vault(settings, engine)
            opens_at = int(time.time() * 1000) + 1_000 + 100 * len(names)
            rows = [QualifiedRow(bidder.login) for bidder in bidders]
            for name in names:
                await putting_on.put_on(engine, book, sealed, Draft(auction(name, opens_at), None))
                await putting_on.import_list(engine, book, sealed, name, rows)
            await _all_in(book, names, Phase.TIMED_BIDDING)
            return {name: sorted(await sealed.qualified(name)) for name in names}
    finally:
        await engine.dispose()


async def put_on_quick(settings: Settings, offers: Sequence[Offer]) -> None:
    """Many lots without bidders, in one transaction; they open and close by themselves."""
    engine = create_engine(settings.required_database_url())
    secrets = lots.Secrets(
        reserve=None, reserve_salt="0" * 64, qualified_salt="0" * 64, private_salt="0" * 64
    )
    commitments = commitments_to(
        qualified={},
        qualified_salt=secrets.qualified_salt,
        reserve=None,
        reserve_salt=secrets.reserve_salt,
        private_salt=secrets.private_salt,
    )
    try:
        async with engine.begin() as connection:
            for offer in offers:
                await lots.put_on(connection, offer, secrets)
        async with open_book(settings) as book:
            await book.pipeline.ready()
            for first in range(0, len(offers), 250):
                wave = offers[first : first + 250]
                await asyncio.gather(
                    *(book.schedule(offer.terms, offer.opens_at, commitments, {}) for offer in wave)
                )
    finally:
        await engine.dispose()


async def _all_in(book: Book, names: Sequence[str], phase: Phase) -> None:
    async with asyncio.timeout(LIVE_WITHIN_S):
        for name in names:
            while (snapshot := await book.snapshot(name)) is None or snapshot.session.phase is not phase:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
