"""The gateway's process: bidding.gateway on this installation's book, sessions and paddles."""

import asyncio
import hashlib
import socket
from collections import OrderedDict
from collections.abc import Collection
from functools import partial
from ipaddress import ip_network

import redis.asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from bidding.gateway.config import Config
from bidding.gateway.gateway import Gateway
from bidding.gateway.limits import Rate
from bidding.gateway.server import Limits
from bidding.lots import MAX_PAGE, lots_by_phase
from bidding.messages import Phase
from luochui import logs
from luochui.processes.wiring import open_book, run_until_stopped
from luochui.settings import Settings
from luochui.vaults import asking
from office.database import create_engine
from office.sealed.port import Sealed, SealedAway
from office.sessions import SessionDirectory

SESSIONS_WITHIN_S = 3.0
SUSPENDED_PAGES = 50
REMEMBERED = 20_000


def main(settings: Settings, index: int = 0) -> None:
    """Serve until SIGTERM; then hand back the lease, send everybody to another gateway, and end.

    A gateway that can't work any more ends with 1; the supervisor starts it again.
    """
    logs.configure(settings, process=f"gateway-{index}")

    async def work(stop: asyncio.Event) -> None:
        await _serve(settings, index, stop)

    run_until_stopped(work)


class Remembering:
    """(lot, account) -> paddle and rank, as the sealed process says; while it is away, what it said before.

    A paddle never changes hands, so who was recognized here comes back in even then. Forgets the oldest at
    REMEMBERED.
    """

    def __init__(self, sealed: Sealed) -> None:
        self._sealed = sealed
        self._known: OrderedDict[tuple[str, int], tuple[str, int]] = OrderedDict()

    async def __call__(self, lot: str, account_id: int) -> tuple[str, int] | None:
        """Raises SealedAway for somebody who was not asked about before."""
        try:
            found = await self._sealed.paddle_of(lot, account_id)
        except SealedAway:
            found = self._known.get((lot, account_id))
            if found is None:
                raise
            return found
        if found is not None:
            self._known[lot, account_id] = found
            self._known.move_to_end((lot, account_id))
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found


async def _serve(settings: Settings, index: int, stop: asyncio.Event) -> None:
    engine = create_engine(settings.required_database_url())
    sessions = redis.asyncio.Redis.from_url(
        settings.required_redis_url(),
        decode_responses=True,
        socket_timeout=SESSIONS_WITHIN_S,
        socket_connect_timeout=SESSIONS_WITHIN_S,
    )
    try:
        async with sessions, open_book(settings) as book:
            gateway = Gateway(
                config(settings, index),
                book,
                sessions=SessionDirectory(sessions),
                paddle_of=Remembering(asking(settings)),
                live_lots=partial(_suspended_lots, engine),
            )
            async with gateway:
                await _first(stop, gateway.failed)
            if gateway.failed.is_set():
                raise SystemExit(1)
    finally:
        await engine.dispose()


async def _first(*events: asyncio.Event) -> None:
    """Until one of them is set."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()


def config(settings: Settings, index: int) -> Config:
    """The settings that concern one gateway."""
    return Config(
        id=f"g{index}-{_host_mark()}",
        redis_url=settings.required_redis_url(),
        host=settings.host,
        port=settings.gateway_port(index),
        url=settings.gateway_addresses()[index],
        web_port=settings.port,
        origins=frozenset((settings.address(), *settings.origins)),
        tolerance_ms=settings.tolerance_ms,
        probe_every_s=settings.probe_ms / 1000,
        bid_requires_ukey=settings.bid_requires_ukey,
        bid_rate=Rate(per_second=settings.bids_per_second, burst=settings.bid_burst),
        limits=Limits(
            connections=settings.gateway_connections,
            per_address=settings.gateway_connections_per_address,
            trusted_proxies=tuple(ip_network(proxy) for proxy in settings.trusted_proxies),
        ),
    )


def _host_mark() -> str:
    """Tells gateways of several machines apart without naming the machines in public."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:4]


async def _suspended_lots(engine: AsyncEngine) -> Collection[str]:
    """Lots that wait for an administrator: no deadline in the book leads to them."""
    found: list[str] = []
    async with engine.connect() as connection:
        for page in range(1, SUSPENDED_PAGES + 1):
            lots = await lots_by_phase(connection, [Phase.SUSPENDED], page=page, size=MAX_PAGE)
            found += [lot.id for lot in lots]
            if len(lots) < MAX_PAGE:
                break
    return found
