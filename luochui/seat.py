"""A bidder's seat in a room: follows a lot over the gateway's WebSocket and bids, as the page does.

Used by the robots of the demonstration. It comes back with `after` when the connection breaks, to the next
gateway, and repeats a bid whose answer it does not know with the same id.
"""

import asyncio
import contextlib
import itertools
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bidding.gateway.wire import ClientBid, ClientConfirm, ClientHello, ClientMessage, encode_client
from bidding.messages import Phase
from bidding.session import ENDED
from bidding.terms import Fen
from office.sessions import COOKIE

ANSWER_WITHIN_S: Final = 5.0
ATTEMPTS: Final = 5
"""How often a bid without an answer is repeated."""
RECONNECTS: Final = 60
RECONNECT_PAUSE_S: Final = 1.0


class Lost(Exception):
    """No gateway takes this seat any more."""


@dataclass(slots=True)
class LotState:
    """What the seat has heard of its lot. Prices in fen."""

    phase: Phase = Phase.SCHEDULED
    price: int = 0
    leader: str = ""
    bids: int = 0
    starting_price: int = 0
    increment: int = 1
    epoch: int | None = None
    seq: int | None = None
    suspended_before: bool = False

    @property
    def lowest(self) -> int:
        return self.price + self.increment if self.bids else self.starting_price

    def hear(self, entry: dict[str, Any]) -> None:
        """Take one public entry."""
        self.epoch, self.seq = entry["epoch"], entry["seq"]
        match entry["kind"]:
            case "inquiry_opened":
                self.phase = Phase.INQUIRY
            case "timed_bidding_started":
                self.phase = Phase.TIMED_BIDDING
            case "bid_accepted":
                self.price, self.leader, self.bids = entry["price"], entry["paddle"], entry["bids"]
            case "suspended" | "abort_requested":
                self.phase = Phase.SUSPENDED
                self.suspended_before |= entry.get("cause") != "outage"
            case "resumed":
                self.phase = Phase(entry["phase"])
            case "closed":
                self.phase = Phase.CLOSED
            case "aborted":
                self.phase = Phase.ABORTED


@dataclass(slots=True)
class Seat:
    """`async with Seat(…) as seat`; `cookie` "" only watches."""

    lot: str
    gateways: Sequence[str]
    cookie: str = ""
    state: LotState = field(default_factory=LotState)
    paddle: str | None = None
    rank: int = 0
    ended: bool = False
    _connection: ClientConnection | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _answers: dict[str, "asyncio.Future[dict[str, Any]]"] = field(default_factory=dict)
    _keeper: "asyncio.Task[None] | None" = None

    async def __aenter__(self) -> Self:
        self._keeper = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    # following

    @property
    def over(self) -> bool:
        """Nothing more to wait for."""
        return self.ended or self.state.phase in ENDED

    async def change(self, within_s: float | None = None) -> None:
        """Wait until something was heard, at most so long."""
        self._news.clear()
        if self.over:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), within_s)

    async def reaches(self, *phases: Phase) -> bool:
        """Wait for a phase; False when the lot ends, or the seat is lost, before."""
        while self.state.phase not in phases:
            if self.over:
                return False
            await self.change()
        return True

    async def _keep(self) -> None:
        failures = 0
        try:
            for gateway in itertools.cycle(self.gateways):
                try:
                    heard = await self._follow(gateway)
                except (OSError, WebSocketException, TimeoutError):
                    heard = False
                failures = 0 if heard else failures + 1
                if self.over or failures > RECONNECTS:
                    return
                await asyncio.sleep(RECONNECT_PAUSE_S)
        finally:
            self.ended = True
            self._news.set()

    async def _follow(self, gateway: str) -> bool:
        """One connection, to its end. Returns whether it was let in."""
        headers = {"Cookie": f"{COOKIE}={self.cookie}"} if self.cookie else {}
        heard = False
        async with connect(
            gateway,
            additional_headers=headers,
            compression=None,
            proxy=None,
            max_size=4 * 2**20,
            open_timeout=5,
        ) as connection:
            await connection.send(encode_client(ClientHello(self.lot, self.state.seq, self.state.epoch)))
            self._connection = connection
            try:
                async for text in connection:
                    heard = True
                    self._hear(json.loads(text))
                    if self.state.phase in ENDED:
                        break
            finally:
                self._connection = None
        return heard

    def _hear(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "welcome":
                self.paddle, self.rank = message["paddle"], message["rank"]
            case "snapshot":
                self._replace(message)
            case "entry":
                self.state.hear(message["entry"])
            case "entries":
                for entry in message["entries"]:
                    self.state.hear(entry)
            case "accepted" | "rejected" | "limited" | "unknown" | "error":
                self._answer(message)
            case "confirmed" | "not_confirmed":
                self._answer(message | {"id": "confirm"})
            case _:
                return
        self._news.set()

    def _replace(self, snapshot: dict[str, Any]) -> None:
        terms = snapshot["terms"]
        self.state = LotState(
            phase=Phase(snapshot["phase"]),
            price=snapshot["price"],
            leader=snapshot["leader"],
            bids=snapshot["bids"],
            starting_price=terms["starting_price"],
            increment=terms["increment"],
            epoch=snapshot["epoch"],
            seq=snapshot["seq"],
            suspended_before=any(
                entry["kind"] == "suspended" and entry["cause"] != "outage" for entry in snapshot["entries"]
            ),
        )

    # bidding

    async def bid(self, price: int) -> dict[str, Any]:
        """The gateway's answer to one bid; raises Lost when none comes."""
        bid = ClientBid(uuid.uuid4().hex, Fen(price))
        for _ in range(ATTEMPTS):
            answer = await self._ask(bid.id, bid)
            if answer is not None and answer["type"] != "unknown":
                return answer
        raise Lost(self.lot)

    async def confirm(self) -> bool:
        """Take part in an auction whose inquiry asks for it."""
        for _ in range(ATTEMPTS):
            answer = await self._ask("confirm", ClientConfirm())
            if answer is not None and answer["type"] != "error":
                return bool(answer["type"] == "confirmed")
        return False

    async def _ask(self, key: str, message: ClientMessage) -> dict[str, Any] | None:
        """Say something and wait for what answers it; None: no answer."""
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[key] = answer
        try:
            if self._connection is not None:
                await self._connection.send(encode_client(message))
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await answer
        except (WebSocketException, OSError, TimeoutError):
            return None
        finally:
            del self._answers[key]

    def _answer(self, message: dict[str, Any]) -> None:
        waiting = self._answers.get(message.get("id") or "")
        if waiting is not None and not waiting.done():
            waiting.set_result(message)
