"""The WebSocket protocol of the live auction, both directions. Pure; docs/protocol.md tells it in prose.

Text frames with one JSON object each. What a client says is parsed strictly and bounded; what the server
says is encoded once per frame. Log entries are embedded byte by byte: pages see what is hashed.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from math import isfinite
from typing import Any, ClassVar, Final, NewType, get_args

from bidding.terms import LOT_CHARACTERS, MAX_PRICE, Fen

MAX_CLIENT_BYTES: Final = 4096
"""The largest message from a client."""
MAX_SEQ: Final = 2**53 - 1
BID_ID: Final = re.compile(r"[A-Za-z0-9-]{8,36}")

Line = NewType("Line", bytes)
"""JSON text that is embedded as it is."""


class Close(IntEnum):
    """Why the server closes a connection. 1009 (frame too large) comes from the WebSocket protocol itself."""

    GOING_AWAY = 1012
    TRY_AGAIN = 1013
    MALFORMED = 4400
    SESSION_ENDED = 4401
    FORBIDDEN = 4403
    UNKNOWN_LOT = 4404
    NO_HELLO = 4408
    TOO_SLOW = 4409
    FLOOD = 4429


class Malformed(ValueError):
    """A message that is not part of the protocol.

    `code` is for programs; `bid_id` names the bid that it was about, when that much could be read.
    `hopeless`: not even JSON with a type, so the other side does not speak this protocol.
    """

    def __init__(self, code: str, text: str, *, bid_id: str | None = None, hopeless: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.bid_id = bid_id
        self.hopeless = hopeless


# ── from the client ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ClientHello:
    """The first message of a watcher or bidder. `after` and `epoch` name the last entry that it has."""

    type: ClassVar[str] = "hello"
    lot: str
    after: int | None = None
    epoch: int | None = None
    t: float | None = None


@dataclass(frozen=True, slots=True)
class ClientBid:
    """`id` is made by the client; repeating a bid with the same id is harmless."""

    type: ClassVar[str] = "bid"
    id: str
    price: Fen


@dataclass(frozen=True, slots=True)
class ClientConfirm:
    """Takes part in an auction whose inquiry asks for it."""

    type: ClassVar[str] = "confirm"


@dataclass(frozen=True, slots=True)
class ClientPing:
    """Measures the round trip and the book's time; `t` comes back as it is."""

    type: ClassVar[str] = "ping"
    t: float


@dataclass(frozen=True, slots=True)
class ClientBoard:
    """The first message of an administrator's or regulator's board, instead of hello."""

    type: ClassVar[str] = "board"


@dataclass(frozen=True, slots=True)
class ClientProbe:
    """The gateway's own probe: beat for these partitions (none named: for all)."""

    type: ClassVar[str] = "probe"
    partitions: tuple[int, ...] = ()


ClientMessage = ClientHello | ClientBid | ClientConfirm | ClientPing | ClientBoard | ClientProbe


def parse_client(data: bytes | str) -> ClientMessage:
    """The message that a text frame stands for; raises Malformed."""
    raw = _object(data)
    kind = raw.pop("type", None)
    parser = _PARSERS.get(kind) if isinstance(kind, str) else None
    if parser is None:
        raise Malformed("unknown_type", "there is no such message", hopeless=not isinstance(kind, str))
    bid_id = raw.get("id")
    known = bid_id if isinstance(bid_id, str) and BID_ID.fullmatch(bid_id) else None
    try:
        message = parser(raw)
    except (KeyError, TypeError, ValueError) as fault:
        field = fault.args[0] if fault.args else ""
        raise Malformed("bad_field", f"{kind}: {field}", bid_id=known) from None
    if raw:
        raise Malformed("bad_field", f"{kind} has a field too many", bid_id=known)
    return message


def _object(data: bytes | str) -> dict[str, Any]:
    if len(data) > MAX_CLIENT_BYTES:
        raise Malformed("too_large", f"over {MAX_CLIENT_BYTES} bytes", hopeless=True)
    try:
        text = data if isinstance(data, str) else data.decode()
        raw = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_pairs)
    except (ValueError, RecursionError):
        raise Malformed("not_json", "that is no JSON text", hopeless=True) from None
    if not isinstance(raw, dict):
        raise Malformed("not_an_object", "a message is one JSON object", hopeless=True)
    return raw


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _hello(raw: dict[str, Any]) -> ClientHello:
    lot = raw.pop("lot")
    if not isinstance(lot, str) or not 0 < len(lot) <= 32 or not set(lot) <= LOT_CHARACTERS:
        raise ValueError("lot takes 1 to 32 of A-Z, 0-9 and -")
    after, epoch = (_optional_number(raw, name) for name in ("after", "epoch"))
    if (after is None) != (epoch is None):
        raise ValueError("after and epoch come together")
    return ClientHello(lot, after, epoch, _time(raw.pop("t", None), optional=True))


def _optional_number(raw: dict[str, Any], name: str) -> int | None:
    value = raw.pop(name, None)
    return None if value is None else _number(value, name, 0, MAX_SEQ)


def _number(value: object, name: str, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} takes a whole number from {low} to {high}")
    return value


def _time(value: object, *, optional: bool = False) -> float | None:
    if value is None and optional:
        return None
    if type(value) not in (int, float) or not isinstance(value, (int, float)) or not isfinite(value):
        raise ValueError("t takes a number")
    if abs(value) > MAX_SEQ:
        raise ValueError("t is out of range")
    return value


def _bid(raw: dict[str, Any]) -> ClientBid:
    bid_id = raw.pop("id")
    if not isinstance(bid_id, str) or not BID_ID.fullmatch(bid_id):
        raise ValueError("id takes 8 to 36 letters, digits and -")
    return ClientBid(bid_id, Fen(_number(raw.pop("price"), "price", 1, MAX_PRICE)))


def _ping(raw: dict[str, Any]) -> ClientPing:
    sent = _time(raw.pop("t"))
    return ClientPing(0 if sent is None else sent)


def _probe(raw: dict[str, Any]) -> ClientProbe:
    partitions = raw.pop("partitions", [])
    if not isinstance(partitions, list) or len(partitions) > 100:
        raise ValueError("partitions takes a list")
    return ClientProbe(tuple(_number(partition, "partition", 0, 99) for partition in partitions))


_PARSERS: Final[Mapping[str, Callable[[dict[str, Any]], ClientMessage]]] = {
    "hello": _hello,
    "bid": _bid,
    "confirm": lambda raw: ClientConfirm(),
    "ping": _ping,
    "board": lambda raw: ClientBoard(),
    "probe": _probe,
}


# ── from the server ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerWelcome:
    """`resumed`: the missing entries follow instead of a snapshot. `needs_ukey`: the paddle is one's own, but
    this session was signed in with a password alone: it may look, not bid."""

    type: ClassVar[str] = "welcome"
    lot: str
    now: int
    t: float | None
    paddle: str | None
    rank: int
    may_bid: bool
    needs_ukey: bool
    confirmed: bool | None
    gateway: str
    resumed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSnapshot:
    """A lot as it stands after its entry `seq`; `entries` are the last public ones, oldest first.

    `confirmed` is the reader's own confirmation, None where none is asked for.
    """

    type: ClassVar[str] = "snapshot"
    lot: str
    terms: Line
    phase: str
    deadline: int
    epoch: int
    seq: int
    price: int
    leader: str
    bids: int
    cause: str | None
    suspended_from: str | None
    resumes_at: int
    settled: bool
    now: int
    recorded: Mapping[str, Any] | None
    entries: Sequence[bytes]
    confirmed: bool | None


@dataclass(frozen=True, slots=True)
class ServerEntry:
    type: ClassVar[str] = "entry"
    entry: Line


@dataclass(frozen=True, slots=True)
class ServerEntries:
    """Several entries that came close together, in order."""

    type: ClassVar[str] = "entries"
    entries: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class ServerTick:
    """Every second. `steady`: bids can be placed and countdowns run."""

    type: ClassVar[str] = "tick"
    now: int
    seq: int
    watchers: int
    steady: bool


@dataclass(frozen=True, slots=True)
class ServerAccepted:
    """Written before anybody else hears of it; the entry comes again in the lot's own sequence."""

    type: ClassVar[str] = "accepted"
    id: str
    entry: Line
    again: bool


@dataclass(frozen=True, slots=True)
class ServerRejected:
    type: ClassVar[str] = "rejected"
    id: str
    refusal: Line
    again: bool


@dataclass(frozen=True, slots=True)
class ServerUnknown:
    """The book did not answer: whether the bid counts is unknown. Repeat it with the same id."""

    type: ClassVar[str] = "unknown"
    id: str


@dataclass(frozen=True, slots=True)
class ServerLimited:
    """Too many bids in too short a time; this one never reached the book."""

    type: ClassVar[str] = "limited"
    id: str
    retry_ms: int


@dataclass(frozen=True, slots=True)
class ServerConfirmed:
    type: ClassVar[str] = "confirmed"


@dataclass(frozen=True, slots=True)
class ServerNotConfirmed:
    type: ClassVar[str] = "not_confirmed"
    obstacle: str


@dataclass(frozen=True, slots=True)
class ServerRecorded:
    """The ledger has everything up to `seq`; `hash` is the chain there."""

    type: ClassVar[str] = "recorded"
    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class ServerPong:
    type: ClassVar[str] = "pong"
    t: float | None
    now: int


@dataclass(frozen=True, slots=True)
class ServerError:
    """`id` names the bid that it is about."""

    type: ClassVar[str] = "error"
    code: str
    text: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class ServerBoard:
    type: ClassVar[str] = "board"
    now: int
    lots: Sequence[Mapping[str, Any]]
    more: int
    partitions: Sequence[Mapping[str, Any]]
    gateways: Sequence[Mapping[str, Any]]
    alarms: Sequence[str]


ServerMessage = (
    ServerWelcome
    | ServerSnapshot
    | ServerEntry
    | ServerEntries
    | ServerTick
    | ServerAccepted
    | ServerRejected
    | ServerUnknown
    | ServerLimited
    | ServerConfirmed
    | ServerNotConfirmed
    | ServerRecorded
    | ServerPong
    | ServerError
    | ServerBoard
)


def encode_server(message: ServerMessage) -> bytes:
    """The JSON text of a message; lines are embedded byte by byte."""
    opening, names = _SHAPES[type(message)]
    parts = [opening]
    for key, name in names:
        parts.append(key)
        parts.append(_text(getattr(message, name)))
    parts.append(b"}")
    return b"".join(parts)


def encode_client(message: ClientMessage) -> str:
    """What a client sends (robots, load and tests use it)."""
    raw = {field.name: getattr(message, field.name) for field in fields(message)}
    return json.dumps({"type": message.type, **raw}, separators=(",", ":"))


def _shape(kind: type[Any]) -> tuple[bytes, tuple[tuple[bytes, str], ...]]:
    names = tuple((f',"{field.name}":'.encode(), field.name) for field in fields(kind))
    return f'{{"type":"{kind.type}"'.encode(), names


_SHAPES: Final = {kind: _shape(kind) for kind in get_args(ServerMessage)}


def _text(value: object) -> bytes:
    if type(value) is bytes:
        return value
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], bytes):
        return b"[" + b",".join(value) + b"]"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
