"""What the public sees of a lot, folded from its entries. Pure.

The gateways keep it so that a newcomer costs the book nothing. `tests/unit/test_view.py` holds the fold
against the rules: after any commands it equals the public side of the session.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from bidding.ledger.standing import Standing, project
from bidding.messages import (
    AbortRequested,
    BidAccepted,
    Cause,
    Closed,
    Event,
    Phase,
    Recovered,
    Result,
    Resumed,
    ResumptionAnnounced,
    Suspended,
    parse,
)
from bidding.session import ENDED
from bidding.terms import Fen

KIND: Final = re.compile(rb'"kind":"(\w+)"')
PADDLE: Final = re.compile(rb'"paddle":"(\d{4})"')
PRICE: Final = re.compile(rb'"price":(\d+)')
REASON: Final = re.compile(rb'"reason":"(\w+)"\}$')


@dataclass(frozen=True, slots=True)
class LotView:
    """The public state of a lot after its entry (epoch, seq). `terms` is their line; times in ms."""

    lot: str
    terms: str
    confirms: bool
    standing: Standing
    cause: Cause | None = None
    suspended_from: Phase | None = None
    resumes_at: int = 0
    settled: bool = False
    lateness_ms: int | None = None

    @property
    def phase(self) -> Phase:
        return self.standing.phase


def view_of(state: Mapping[str, str]) -> LotView:
    """The view that a lot's hash in the book stands for."""
    standing = Standing(
        phase=Phase(state["phase"]),
        epoch=int(state["epoch"]),
        seq=int(state["seq"]),
        price=Fen(int(state.get("price") or 0)),
        leader=state.get("leader", ""),
        bids=int(state.get("bids") or 0),
        deadline=int(state["deadline"]),
        sold=state["sold"] == "1" if state.get("sold") else None,
    )
    return LotView(
        lot=state["lot"],
        terms=state["terms"],
        confirms=state["confirm"] == "1",
        standing=standing,
        cause=Cause(state["cause"]) if state.get("cause") else None,
        suspended_from=Phase(state["suspended_from"]) if state.get("suspended_from") else None,
        resumes_at=int(state.get("resumes_at") or 0),
        settled=state.get("settled") == "1",
    )


def fold(view: LotView, entry: Event) -> LotView:
    """The view after the next entry."""
    after = replace(view, standing=project(view.standing, entry))
    match entry:
        case Suspended():
            return _held(after, view, entry.cause)
        case AbortRequested():
            return _held(after, view, Cause.ABORT_REQUESTED)
        case Recovered():
            return _held(after, view, None if view.phase in ENDED else Cause.RECOVERY)
        case ResumptionAnnounced():
            return replace(after, resumes_at=entry.resumes_at)
        case Resumed():
            return replace(after, suspended_from=None, cause=None, resumes_at=0)
        case Closed():
            return replace(after, lateness_ms=entry.recorded_at - entry.at)
        case Result():
            return replace(after, settled=True)
        case _:
            return after


def _held(after: LotView, before: LotView, cause: Cause | None) -> LotView:
    held_before = before.phase is Phase.SUSPENDED or before.phase in ENDED
    came_from = before.suspended_from if held_before else before.phase
    return replace(after, suspended_from=came_from, cause=cause, resumes_at=0)


UNFOLDED_AT_MOST: Final = 64


class Step(Enum):
    """How an entry stands to what is known: the next one, known already, or beyond a gap."""

    NEXT = auto()
    KNOWN = auto()
    GAP = auto()


class Track:
    """Follows one lot by its entries. Folds lazily: of bids in a row only the last one matters."""

    __slots__ = ("_unfolded", "_view", "epoch", "seq")

    def __init__(self, view: LotView) -> None:
        self._view = view
        self._unfolded: list[tuple[bool, bytes]] = []
        self.epoch = view.standing.epoch
        self.seq = view.standing.seq

    def feed(self, epoch: int, seq: int, kind: str, line: bytes) -> Step:
        """Take an entry if it is the next one. Another epoch always asks for a fresh look at the book."""
        if epoch < self.epoch or (epoch == self.epoch and seq <= self.seq):
            return Step.KNOWN
        if epoch > self.epoch or seq > self.seq + 1:
            return Step.GAP
        self.seq = seq
        is_bid = kind == BidAccepted.kind
        if is_bid and self._unfolded and self._unfolded[-1][0]:
            self._unfolded.pop()
        self._unfolded.append((is_bid, line))
        if len(self._unfolded) >= UNFOLDED_AT_MOST:
            self._fold()
        return Step.NEXT

    @property
    def view(self) -> LotView:
        self._fold()
        return self._view

    def _fold(self) -> None:
        for _, line in self._unfolded:
            entry = parse(line)
            assert isinstance(entry, Event), "a public log holds public entries only"
            self._view = fold(self._view, entry)
        self._unfolded.clear()


def kind_of(line: bytes) -> str:
    """The kind of a line, without parsing all of it (only numbers stand before it)."""
    found = KIND.search(line)
    if found is None:
        raise ValueError("not an entry")
    return found[1].decode()


def paddle_in(line: bytes) -> str:
    """The paddle of a bid's line; empty for lines without one."""
    found = PADDLE.search(line)
    return found[1].decode() if found else ""


def price_in(line: bytes) -> int:
    """The price of a bid's line; 0 for lines without one."""
    found = PRICE.search(line)
    return int(found[1]) if found else 0


def reason_of(line: bytes) -> str | None:
    """The reason of a refusal's line; None for any other line."""
    found = REASON.search(line)
    return found[1].decode() if found else None
