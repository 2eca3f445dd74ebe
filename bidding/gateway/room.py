"""One lot's watchers on one gateway: who has seen what, and what is to be written next. No sockets, no tasks.

Every watcher gets a gapless sequence. What comes while a round is on its way is joined into the next round's
single write; a round goes on in steps, so that acknowledgements come between them (fanout.py).
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from bidding.gateway.frames import Batch, Outlet
from bidding.gateway.view import LotView, Step, Track
from bidding.gateway.wire import (
    Close,
    Line,
    ServerEntries,
    ServerEntry,
    ServerMessage,
    ServerRecorded,
    ServerSnapshot,
    ServerTick,
)

HISTORY_KEPT: Final = 1_000
"""Entries of a lot that a gateway keeps for those who come back."""
RESUMED_AT_MOST: Final = 300
"""Missing entries that are sent one by one; who lacks more gets a snapshot."""
SNAPSHOT_ENTRIES: Final = 100


class Watcher:
    """Somebody who follows a lot. `seq` is the last entry written to them, -1: they need a snapshot."""

    __slots__ = ("confirmed", "outlet", "seq")

    def __init__(self, outlet: Outlet) -> None:
        self.outlet = outlet
        self.seq = -1
        self.confirmed: bool | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the ledger has of a lot: everything up to `seq`, and the chain there."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class LotState:
    """A lot as the book has it: its view, its last lines (oldest first), and what the ledger has of it."""

    view: LotView
    recent: Sequence[bytes]
    recorded: Recorded | None = None


@dataclass(slots=True)
class _Round:
    """One write to everybody. `entries` bring a watcher from `start` to `end`; `rest` goes to all."""

    start: int
    end: int
    everything: Batch | None
    rest: Batch | None
    targets: Sequence[Watcher]
    done: int = 0


class Room:
    """`now` of the book goes into snapshots and ticks and is an argument each time. `round_began` (0.0: there
    is none) and `rests_until` are the fan-out's, in s of its clock."""

    def __init__(self, state: LotState) -> None:
        self.watchers: dict[Watcher, None] = {}
        self.deliveries = 0
        self.round_began = 0.0
        self.rests_until = 0.0
        self.view_lot = state.view.lot
        self._round: _Round | None = None
        self._tick: ServerTick | None = None
        self._told: Recorded | None = None
        self._take(state)
        self._sent = self.track.seq

    @property
    def view(self) -> LotView:
        return self.track.view

    def _take(self, state: LotState) -> None:
        self.track = Track(state.view)
        self._history: deque[bytes] = deque(state.recent, maxlen=HISTORY_KEPT)
        self.recorded = state.recorded
        self._told = state.recorded

    # what happens to the lot

    def feed(self, epoch: int, seq: int, kind: str, line: bytes) -> Step:
        """Take the next entry; a GAP asks for `reload`."""
        step = self.track.feed(epoch, seq, kind, line)
        if step is Step.NEXT:
            self._history.append(line)
        return step

    def reload(self, state: LotState) -> None:
        """Go on from the book's state: who can be brought up by entries is, after an epoch nobody can."""
        if state.view.standing.epoch != self.track.epoch or state.view.standing.seq < self.track.seq:
            self._sent = -1
            for watcher in self.watchers:
                watcher.seq = -1
        self._take(state)

    def ledger_has(self, recorded: Recorded) -> None:
        if self.recorded is None or recorded.seq > self.recorded.seq:
            self.recorded = recorded

    def tick(self, now: int, watchers: int, *, steady: bool) -> None:
        """To be written with the next round."""
        self._tick = ServerTick(now, self.track.seq, watchers, steady)

    # who watches

    def can_resume(self, after: int | None, epoch: int | None) -> bool:
        """Whether entries alone bring somebody up who has seen `after`."""
        return epoch == self.track.epoch and after is not None and self._missing(after) is not None

    def join(self, watcher: Watcher, now: int, after: int | None = None, epoch: int | None = None) -> None:
        """Add a watcher and write what they lack: the missing entries, or a snapshot."""
        watcher.seq = after if after is not None and self.can_resume(after, epoch) else -1
        self.watchers[watcher] = None
        self.catch_up(watcher, now)

    def leave(self, watcher: Watcher) -> None:
        self.watchers.pop(watcher, None)

    def catch_up(self, watcher: Watcher, now: int) -> None:
        """Write what a watcher lacks, whatever it is."""
        missing = self._missing(watcher.seq)
        if missing is None:
            watcher.outlet.deliver(Batch(self.snapshot(now, watcher.confirmed)))
        elif missing:
            watcher.outlet.deliver(Batch(_joined(missing)))
        watcher.seq = self.track.seq

    def _missing(self, after: int) -> list[bytes] | None:
        """The entries after `after`, oldest first; None when they can't be told one by one."""
        count = self.track.seq - after
        if after < 0 or not 0 <= count <= min(len(self._history), RESUMED_AT_MOST):
            return None
        return list(islice(reversed(self._history), count))[::-1]

    def snapshot(self, now: int, confirmed: bool | None) -> ServerSnapshot:
        view, standing = self.view, self.view.standing
        begin = max(0, len(self._history) - SNAPSHOT_ENTRIES)
        return ServerSnapshot(
            lot=view.lot,
            terms=Line(view.terms.encode()),
            phase=standing.phase,
            deadline=standing.deadline,
            epoch=standing.epoch,
            seq=standing.seq,
            price=standing.price,
            leader=standing.leader,
            bids=standing.bids,
            cause=view.cause,
            suspended_from=view.suspended_from,
            resumes_at=view.resumes_at,
            settled=view.settled,
            now=now,
            recorded={"seq": self.recorded.seq, "hash": self.recorded.hash} if self.recorded else None,
            entries=tuple(islice(self._history, begin, None)),
            confirmed=confirmed,
        )

    # rounds

    @property
    def waiting(self) -> bool:
        """Whether there is something to write. What the ledger has rides along with the next entry or tick:
        a write of its own would double the cost of a bid."""
        return self._round is not None or self._sent != self.track.seq or self._tick is not None

    @property
    def in_round(self) -> bool:
        """Whether a write to everybody is under way."""
        return self._round is not None

    def step(self, budget: int, now: int) -> int:
        """Write to at most `budget` watchers; returns to how many. Who can't be written to is sent away, and
        the fault raised when the others have theirs."""
        if self._round is None:
            self._round = self._begin()
        ongoing = self._round
        targets = ongoing.targets[ongoing.done : ongoing.done + budget]
        fault: Exception | None = None
        for watcher in targets:
            if watcher in self.watchers:
                try:
                    self._write(ongoing, watcher, now)
                except Exception as found:
                    fault = found
                    self.leave(watcher)
                    watcher.outlet.close(Close.TRY_AGAIN, "try again")
        ongoing.done += len(targets)
        self.deliveries += len(targets)
        if ongoing.done >= len(ongoing.targets):
            self._round = None
        if fault is not None:
            raise fault
        return max(1, len(targets))

    def abandon_round(self) -> None:
        """Something went wrong: who lacks entries gets them with the next round."""
        self._round = None
        self._tick = None
        self.round_began = 0.0

    def _begin(self) -> _Round:
        rest: list[ServerMessage] = []
        if self.recorded is not None and self._told != self.recorded:
            rest.append(ServerRecorded(self.recorded.seq, self.recorded.hash))
        if self._tick is not None:
            rest.append(self._tick)
        start, end = self._sent, self.track.seq
        missing = self._missing(start) or []
        everything = Batch(_joined(missing), *rest) if missing else None
        self._sent, self._told, self._tick = end, self.recorded, None
        return _Round(start, end, everything, Batch(*rest) if rest else None, list(self.watchers))

    def _write(self, ongoing: _Round, watcher: Watcher, now: int) -> None:
        if watcher.seq == ongoing.start and ongoing.everything is not None:
            watcher.seq = ongoing.end
            watcher.outlet.deliver(ongoing.everything)
            return
        if watcher.seq < ongoing.end:
            self.catch_up(watcher, now)
        if ongoing.rest is not None:
            watcher.outlet.deliver(ongoing.rest)


def _joined(lines: Sequence[bytes]) -> ServerMessage:
    return ServerEntry(Line(lines[0])) if len(lines) == 1 else ServerEntries(lines)
