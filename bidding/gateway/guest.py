"""What the messages of one connection mean. Everything here happens in the turn in which the message came.

A guest begins with hello (watches a lot, bids if they may), with board (administrators and
regulators) or with probe (the gateway itself).
"""

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, assert_never

import structlog

from bidding.book import Outcome
from bidding.gateway.frames import Batch, Outlet
from bidding.gateway.limits import Rate, TokenBucket
from bidding.gateway.room import Room, Watcher
from bidding.gateway.view import kind_of
from bidding.gateway.wire import (
    ClientBid,
    ClientBoard,
    ClientConfirm,
    ClientHello,
    ClientPing,
    ClientProbe,
    Close,
    Line,
    Malformed,
    ServerAccepted,
    ServerError,
    ServerLimited,
    ServerMessage,
    ServerPong,
    ServerRejected,
    ServerUnknown,
    parse_client,
)
from bidding.messages import BidAccepted, BidRejected, PlaceBid
from bidding.pipeline import Overloaded

if TYPE_CHECKING:
    from bidding.gateway.gateway import Gateway

log = structlog.get_logger(__name__)

MESSAGES: Final = Rate(per_second=40, burst=120)
"""Messages of any kind from one connection; more is a flood and ends it."""
UNLIMITED: Final = Rate(per_second=100_000, burst=100_000)
FAULTS: Final = Rate(per_second=1, burst=20)
"""Messages that are not part of the protocol."""
BIDS_WAITING: Final = 4
"""Bids of one connection that wait for the one that is being decided."""
OVERLOADED_RETRY_MS: Final = 1_000
PROBE: Final = "probe"
UKEY_REQUIRED: Final = "ukey_required"
UKEY_REQUIRED_TEXT: Final = "this session was signed in with a password alone, which may look but not bid"
BOARD_ROLES: Final = frozenset({"administrator", "regulator"})


class SignedIn(Protocol):
    """Who a session belongs to."""

    @property
    def account_id(self) -> int: ...

    @property
    def role(self) -> str: ...

    @property
    def session_id(self) -> str: ...

    @property
    def by_ukey(self) -> bool:
        """Whether a UKey was used to sign in; a password alone may look."""


class Guest(Watcher):
    """One connection, from its first message on."""

    __slots__ = (
        *("_account_bids", "_began", "_bids", "_bids_waiting", "_deciding", "_faults", "_gateway"),
        *("_messages", "_price", "_turn"),
        *("confirming", "gone", "greeted", "lot", "needs_ukey", "paddle", "rank", "room", "signed_in"),
    )

    def __init__(self, gateway: "Gateway", outlet: Outlet, signed_in: SignedIn | None) -> None:
        super().__init__(outlet)
        now = gateway.monotonic()
        self._gateway = gateway
        own = signed_in is not None and signed_in.role == PROBE
        self._messages = TokenBucket(UNLIMITED if own else gateway.config.message_rate, now)
        self._faults = TokenBucket(FAULTS, now)
        self._bids = TokenBucket(gateway.bid_rate, now)
        self._account_bids = gateway.bids_of(signed_in.account_id) if signed_in else self._bids
        self._bids_waiting: deque[tuple[ClientBid, float]] = deque()
        self._price = 0
        self._deciding = ""
        self._turn = 0
        self._began = now
        self.signed_in = signed_in
        self.needs_ukey = gateway.config.bid_requires_ukey and not (signed_in and signed_in.by_ukey)
        self.greeted = False
        self.gone = False
        self.confirming = False
        self.lot = ""
        self.paddle: str | None = None
        self.rank = 0
        self.room: Room | None = None

    @property
    def role(self) -> str:
        return self.signed_in.role if self.signed_in else ""

    def tell(self, message: ServerMessage) -> None:
        self.outlet.deliver(Batch(message))

    # from the server (bidding.server.Receiver)

    def frame(self) -> bool:
        taken = self._messages.take(self._gateway.monotonic())
        if not taken:
            self.outlet.close(Close.FLOOD, "too many messages")
        return taken

    def received(self, payload: bytes) -> None:
        try:
            message = parse_client(payload)
        except Malformed as fault:
            self._misunderstood(fault)
            return
        match message:
            case ClientBid():
                self._bid(message)
            case ClientPing():
                self.tell(ServerPong(message.t, self._gateway.now()))
            case ClientProbe():
                self._probe(message)
            case ClientHello():
                self._hello(message)
            case ClientConfirm():
                self._confirm()
            case ClientBoard():
                self._board()
            case _:
                assert_never(message)

    def malformed(self, code: str) -> None:
        self._misunderstood(Malformed(code, "text frames only", hopeless=True))

    def disconnected(self, *, by_us: bool) -> None:
        self.gone = True
        self._gateway.left(self, by_us=by_us)

    def _misunderstood(self, fault: Malformed) -> None:
        """Who speaks the protocol hears what was wrong; who does not, or not any more, is dismissed."""
        self._gateway.metrics.malformed.labels(fault.code).inc()
        self.tell(ServerError(fault.code, str(fault), fault.bid_id))
        if fault.hopeless:
            self.outlet.close(Close.MALFORMED, fault.code)
        elif not self._faults.take(self._gateway.monotonic()):
            self.outlet.close(Close.FLOOD, "too many malformed messages")

    # the first message

    def _hello(self, hello: ClientHello) -> None:
        if self.greeted:
            self.tell(ServerError("hello_twice"))
            return
        self.greeted = True
        self.lot = hello.lot
        self._gateway.spawn(self._gateway.admit(self, hello))

    def _board(self) -> None:
        if self.greeted:
            self.tell(ServerError("hello_twice"))
        elif self.role not in BOARD_ROLES:
            self.outlet.close(Close.FORBIDDEN, "the board is for administrators and regulators")
        else:
            self.greeted = True
            self._gateway.open_board(self)

    def _probe(self, probe: ClientProbe) -> None:
        """The same session check as a bid's, then the book."""
        if self.role != PROBE:
            self.outlet.close(Close.FORBIDDEN, "probes are the gateway's own")
            return
        self.greeted = True
        self._gateway.beats.beat(self, probe)

    # bids

    def _bid(self, bid: ClientBid) -> None:
        if self.room is None:
            self.tell(ServerError("hello_first", None, bid.id))
        elif self.paddle is None:
            self.tell(ServerError("may_not_bid", None, bid.id))
        elif self.needs_ukey:
            self.tell(ServerError(UKEY_REQUIRED, UKEY_REQUIRED_TEXT, bid.id))
        elif wait_ms := self._take_turn():
            self._limit(bid, wait_ms)
        elif not self._deciding:
            self._submit(bid, self._gateway.monotonic())
        elif len(self._bids_waiting) < BIDS_WAITING:
            self._bids_waiting.append((bid, self._gateway.monotonic()))
        else:
            self._limit(bid, OVERLOADED_RETRY_MS)

    def _take_turn(self) -> int:
        """How long the next bid has to wait; 0: it may go now, and is counted."""
        now = self._gateway.monotonic()
        wait_ms = max(self._bids.wait_ms(now), self._account_bids.wait_ms(now))
        if wait_ms == 0:
            self._bids.take(now)
            if self._account_bids is not self._bids:
                self._account_bids.take(now)
        return wait_ms

    def _limit(self, bid: ClientBid, retry_ms: int) -> None:
        self._gateway.metrics.bids.labels("limited").inc()
        self.tell(ServerLimited(bid.id, retry_ms))

    def _submit(self, bid: ClientBid, came: float) -> None:
        assert self.paddle is not None
        self._turn += 1
        self._deciding = bid.id
        self._price = bid.price
        self._began = came
        self._gateway.asked(self.lot, self.paddle, bid.id, bid.price, self)
        decided = partial(self._decided, self._turn)
        self._gateway.book.submit_bid(self.lot, PlaceBid(self.paddle, bid.id, bid.price), decided)

    def accepted(self, bid_id: str, line: bytes) -> None:
        """The log was faster than the book's reply: answer now, before the entry goes to anybody."""
        if self._deciding == bid_id:
            self._answer(ServerAccepted(bid_id, Line(line), again=False))

    def _decided(self, turn: int, outcome: Outcome | Exception) -> None:
        self._gateway.decided(outcome)
        if turn == self._turn and self._deciding:
            self._answer(_answer_to(self._deciding, outcome))

    def _answer(self, message: ServerMessage) -> None:
        """Answer the bid that is being decided, and go on to the next one."""
        assert self.paddle is not None
        self._gateway.answered(self.lot, self.paddle, self._deciding, self._price, self._began)
        self._deciding = ""
        if self.gone:
            return
        self.tell(message)
        if self._bids_waiting:
            self._submit(*self._bids_waiting.popleft())

    def _confirm(self) -> None:
        if self.room is None:
            self.tell(ServerError("hello_first"))
        elif self.paddle is None:
            self.tell(ServerError("may_not_bid"))
        elif self.needs_ukey:
            self.tell(ServerError(UKEY_REQUIRED, UKEY_REQUIRED_TEXT))
        elif self.confirming:
            self.tell(ServerError("confirming_already"))
        else:
            self.confirming = True
            self._gateway.spawn(self._gateway.confirm(self))


def _answer_to(bid_id: str, outcome: Outcome | Exception) -> ServerMessage:
    if isinstance(outcome, Overloaded):
        return ServerLimited(bid_id, OVERLOADED_RETRY_MS)
    if isinstance(outcome, Exception):
        return ServerUnknown(bid_id)
    kind = kind_of(outcome.line)
    if kind == BidAccepted.kind:
        return ServerAccepted(bid_id, Line(outcome.line), outcome.again)
    if kind == BidRejected.kind:
        return ServerRejected(bid_id, Line(outcome.line), outcome.again)
    return ServerError("unknown_lot", None, bid_id)
