"""The gateway's beats: a probe that takes the way of a bid, through the gateway's own listener.

If the listener, the event loop or the session check is stuck, no probe comes through and no beat is written:
the outage-fair clock (bidding/clock.py) then stops the countdowns. The prober never beats by itself.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterable
from typing import Final

import redis.asyncio
import structlog
from redis.exceptions import RedisError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bidding.gateway.wire import ClientProbe, encode_client
from bidding.keys import DEMANDS

log = structlog.get_logger(__name__)

COOKIE: Final = "luochui_probe"
ANSWER_WITHIN_S: Final = 2.0
RETRY_S: Final = 0.1


class Prober:
    """Every `every_s` one probe for all partitions, and at once for those that are demanded."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        every_s: float = 0.25,
        measured: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._url = url
        self._cookie = f"{COOKIE}={token}"
        self._every_s = every_s
        self._measured = measured
        self._demanded: set[int] = set()
        self._wake = asyncio.Event()

    def demand(self, partition: int) -> None:
        self._demanded.add(partition)
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled; connects again whenever the connection breaks or an answer is late."""
        while True:
            try:
                async with connect(
                    self._url,
                    additional_headers={"Cookie": self._cookie},
                    compression=None,
                    ping_interval=None,
                    open_timeout=ANSWER_WITHIN_S,
                    close_timeout=0.1,
                    proxy=None,
                ) as connection:
                    await self._probe(connection)
            except (OSError, WebSocketException, TimeoutError) as fault:
                log.warning("probe_interrupted", fault=repr(fault))
                await asyncio.sleep(RETRY_S)

    async def _probe(self, connection: ClientConnection) -> None:
        next_round = 0.0
        while True:
            now = time.monotonic()
            if now >= next_round:
                next_round = max(next_round + self._every_s, now)
                self._demanded.clear()
                await self._round_trip(connection, ())
            elif self._demanded:
                demanded, self._demanded = self._demanded, set()
                await self._round_trip(connection, demanded)
            self._wake.clear()
            if not self._demanded:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, next_round - time.monotonic())):
                        await self._wake.wait()

    async def _round_trip(self, connection: ClientConnection, partitions: Iterable[int]) -> None:
        began = time.monotonic()
        await connection.send(encode_client(ClientProbe(tuple(partitions))))
        async with asyncio.timeout(ANSWER_WITHIN_S):
            answer = json.loads(await connection.recv())
        if answer["type"] == "pong":
            self._measured(time.monotonic() - began)


class Demands:
    """Listens for closers that want a beat at once (pub/sub: a lost message costs 250 ms at most)."""

    def __init__(self, url: str, demand: Callable[[int], None], partitions: int) -> None:
        self._url = url
        self._demand = demand
        self._partitions = partitions

    async def run(self) -> None:
        while True:
            try:
                await self._listen()
            except (RedisError, OSError) as fault:
                log.warning("demands_interrupted", fault=str(fault))
            await asyncio.sleep(RETRY_S)

    async def _listen(self) -> None:
        async with redis.asyncio.Redis.from_url(self._url) as client, client.pubsub() as channel:
            await channel.subscribe(DEMANDS)
            async for message in channel.listen():
                text = message["data"] if message["type"] == "message" else b""
                if isinstance(text, bytes) and text.isdigit() and int(text) < self._partitions:
                    self._demand(int(text))
