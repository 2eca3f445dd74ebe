"""What is said to the book (commands), what happened (events), and why something was refused. Pure.

An event has exactly one text form, its *line*: compact JSON with sorted keys. The script in the book writes
the same bytes, the chain is the SM3 over them, and the ledger keeps them as they are.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar, Final

from bidding.terms import Fen, InquiryMode, PriorityMode, Terms

MAX_REASON: Final = 500
"""Characters of a public reason or notice."""


class Phase(StrEnum):
    SCHEDULED = "scheduled"
    INQUIRY = "inquiry"
    TIMED_BIDDING = "timed_bidding"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    ABORTED = "aborted"


class Reason(StrEnum):
    """Why a bid was refused, in the order of the checks."""

    ID_REUSED = "id_reused"
    NOT_LIVE = "not_live"
    SUSPENDED = "suspended"
    NOT_TIMED_BIDDING = "not_timed_bidding"
    LATE = "late"
    NOT_QUALIFIED = "not_qualified"
    NOT_CONFIRMED = "not_confirmed"
    OWN_BID = "own_bid"
    OFF_GRID = "off_grid"
    BELOW_STARTING_PRICE = "below_starting_price"
    BELOW_MINIMUM = "below_minimum"
    ABOVE_MAXIMUM = "above_maximum"


class Obstacle(StrEnum):
    """Why any other command was refused."""

    UNKNOWN_LOT = "unknown_lot"
    ALREADY_SCHEDULED = "already_scheduled"
    ALREADY_OPENED = "already_opened"
    NOT_LIVE = "not_live"
    PAST_DEADLINE = "past_deadline"
    ALREADY_SUSPENDED = "already_suspended"
    NOT_SUSPENDED = "not_suspended"
    TOO_EARLY = "too_early"
    ABORT_ALREADY_REQUESTED = "abort_already_requested"
    NO_ABORT_REQUESTED = "no_abort_requested"
    SAME_ADMINISTRATOR = "same_administrator"
    NOT_INQUIRY = "not_inquiry"
    NOT_QUALIFIED = "not_qualified"
    NOT_CLOSED = "not_closed"
    ALREADY_SETTLED = "already_settled"
    STALE = "stale"


class Cause(StrEnum):
    """Why a lot is suspended."""

    ADMINISTRATOR = "administrator"
    ABORT_REQUESTED = "abort_requested"
    OUTAGE = "outage"
    RECOVERY = "recovery"


class Ending(StrEnum):
    """Why a lot closed."""

    DEADLINE = "deadline"
    NO_CONFIRMATION = "no_confirmation"


# ── commands ──


@dataclass(frozen=True, slots=True)
class PlaceBid:
    """One bid. `bid_id` is made by the client and makes a repetition harmless (scope: lot and paddle)."""

    paddle: str
    bid_id: str
    price: Fen


@dataclass(frozen=True, slots=True)
class Confirm:
    """One confirmation. `salt`, `before` and `after` (hex) extend the rolling commitment to who confirmed."""

    paddle: str
    salt: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Commitments:
    """Salted SM3 commitments (hex) to what stays secret until the result, public from the opening on."""

    qualified: str
    reserve: str
    private: str


# ── events ──


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What every public entry of a lot's log has.

    `at` is the book's clock in ms; a phase that elapsed is dated at the time it was due, and its
    `recorded_at` says when that was written.
    """

    kind: ClassVar[str]
    lot: str
    epoch: int
    seq: int
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LotScheduled(Entry):
    kind: ClassVar[str] = "lot_scheduled"
    opens_at: int
    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class InquiryOpened(Entry):
    kind: ClassVar[str] = "inquiry_opened"
    commitments: Commitments
    deadline: int
    recorded_at: int
    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedBiddingStarted(Entry):
    """`confirmations` is the head of the rolling commitment to who confirmed; it does not tell how many."""

    kind: ClassVar[str] = "timed_bidding_started"
    confirmations: str
    deadline: int
    recorded_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BidAccepted(Entry):
    """`bids` counts this one; `priority` says that a priority right was exercised at the current price."""

    kind: ClassVar[str] = "bid_accepted"
    bids: int
    deadline: int
    paddle: str
    price: Fen
    priority: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended(Entry):
    """`since` and `until` bound the outage (until 0: it still lasted); `outage` is its kind, `clock` when the
    book's time stepped back. 0 and "" for other causes."""

    kind: ClassVar[str] = "suspended"
    cause: Cause
    outage: str
    reason: str
    since: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumptionAnnounced(Entry):
    kind: ClassVar[str] = "resumption_announced"
    cause: Cause
    resumes_at: int
    since: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Entry):
    """`deadline` ends the full new period; for a lot that had not opened yet it is its new opening time."""

    kind: ClassVar[str] = "resumed"
    deadline: int
    phase: Phase
    recorded_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortRequested(Entry):
    kind: ClassVar[str] = "abort_requested"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Aborted(Entry):
    kind: ClassVar[str] = "aborted"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed(Entry):
    """The hammer, dated at the deadline; `recorded_at - at` is its lateness. No bid: `leader` is ""."""

    kind: ClassVar[str] = "closed"
    bids: int
    ending: Ending
    leader: str
    price: Fen
    recorded_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(Entry):
    """Sold or unsold, and the opening of all commitments (`opening`, see bidding.commitments)."""

    kind: ClassVar[str] = "result"
    opening: Mapping[str, Any]
    price: Fen
    sold: bool
    winner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Entry):
    kind: ClassVar[str] = "notice"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered(Entry):
    """The book was rebuilt from the ledger up to `last_recorded`; later acknowledgements may be lost."""

    kind: ClassVar[str] = "recovered"
    last_recorded: int


Event = (
    LotScheduled
    | InquiryOpened
    | TimedBiddingStarted
    | BidAccepted
    | Suspended
    | ResumptionAnnounced
    | Resumed
    | AbortRequested
    | Aborted
    | Closed
    | Result
    | Notice
    | Recovered
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BidRejected:
    """A refusal with its facts, in fen: the current price (0 before the first bid), the lowest and the
    highest acceptable one. `number` counts the lot's private entries (0: no longer recorded).
    """

    kind: ClassVar[str] = "bid_rejected"
    lot: str
    epoch: int
    number: int
    at: int
    paddle: str
    price: Fen
    reason: Reason
    current: Fen
    lowest: Fen
    highest: Fen


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """A bidder confirmed during the inquiry; private until the result."""

    kind: ClassVar[str] = "confirmed"
    lot: str
    epoch: int
    number: int
    at: int
    head: str
    paddle: str
    salt: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A command other than a bid that could not be carried out."""

    kind: ClassVar[str] = "refused"
    obstacle: Obstacle


@dataclass(frozen=True, slots=True)
class Done:
    """A command that had nothing to tell, or nothing (more) to do."""

    kind: ClassVar[str] = "done"


@dataclass(frozen=True, slots=True)
class Observed:
    """How a partition stands, in ms of the book's clock; `next_due` 0: no lot waits to be touched."""

    kind: ClassVar[str] = "observed"
    beat: int
    next_due: int
    outage: int
    steady_since: int


PrivateEvent = BidRejected | Confirmed
Answer = Event | PrivateEvent | Refused | Done | Observed

_KINDS: Final[Mapping[str, type[Any]]] = {
    kind.kind: kind
    for kind in (
        *(LotScheduled, InquiryOpened, TimedBiddingStarted, BidAccepted, Suspended, ResumptionAnnounced),
        *(Resumed, AbortRequested, Aborted, Closed, Result, Notice, Recovered),
        *(BidRejected, Confirmed, Refused, Done, Observed),
    )
}
TEXTS: Final = frozenset(
    {"lot", "paddle", "reason", "leader", "winner", "text", "confirmations", "head", "salt"}
)
_FIELD_TYPES: Final[Mapping[str, Any]] = {
    "cause": Cause,
    "ending": Ending,
    "phase": Phase,
    "obstacle": Obstacle,
}


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, no escapes beyond what JSON demands."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def line(message: Answer) -> str:
    """The one text form of an event or answer; what the chain hashes."""
    return canonical({"kind": message.kind, **_plain(message)})


def _plain(record: Any) -> dict[str, Any]:
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return {
        name: _plain(value) if isinstance(value, (Terms, Commitments)) else value
        for name, value in values.items()
    }


def parse(text: str | bytes) -> Answer:
    """The message that a line stands for.

    Raises ValueError for anything that is not exactly a line of a known kind (unknown, missing or mistyped
    fields, or another spelling of the same JSON).
    """
    try:
        raw = json.loads(text)
        kind = _KINDS[raw.pop("kind")]
        message: Answer = kind(**{name: _typed(kind, name, value) for name, value in raw.items()})
        spelled = line(message)
    except (TypeError, KeyError, AttributeError, ValueError, RecursionError) as fault:
        raise ValueError(f"not an entry: {fault!r}") from fault
    if spelled != (text if isinstance(text, str) else text.decode()):
        raise ValueError("not the canonical form of an entry")
    return message


def _typed(kind: type[Any], name: str, value: Any) -> Any:
    if name == "terms":
        return terms_from(value)
    if name == "commitments":
        return Commitments(**value)
    if name == "reason" and kind is BidRejected:
        return Reason(value)
    if name in _FIELD_TYPES:
        return _FIELD_TYPES[name](value)
    expected = _scalar(kind, name)
    if type(value) is not expected:
        raise TypeError(f"{name} is not {expected.__name__}")
    return value


def _scalar(kind: type[Any], name: str) -> type[Any]:
    if name in ("sold", "priority"):
        return bool
    if name in TEXTS or (name == "outage" and kind is Suspended):
        return str
    return dict if name == "opening" else int


def terms_from(raw: Mapping[str, Any]) -> Terms:
    """Terms from their JSON object; ValueError or TypeError when they are not sound."""
    modes = {
        "inquiry_mode": InquiryMode(raw["inquiry_mode"]),
        "priority_mode": PriorityMode(raw["priority_mode"]),
    }
    numbers = ("starting_price", "increment", "max_steps", "inquiry_ms", "window_ms")
    if type(raw["self_raise"]) is not bool or any(type(raw[name]) is not int for name in numbers):
        raise TypeError("a term is of the wrong type")
    return Terms(**{**raw, **modes})


def terms_line(terms: Terms) -> str:
    """Canonical JSON of the terms, as it stands inside entries."""
    return canonical(_plain(terms))


def commitments_line(commitments: Commitments) -> str:
    """Canonical JSON of the commitments, as it stands inside entries."""
    return canonical(_plain(commitments))
