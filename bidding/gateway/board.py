"""What the board shows of all live lots: the public state, counted by what comes through the logs. No I/O.

Bids come from the public logs, refusals by reason from the private ones; both only as numbers.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import structlog

from bidding.gateway.lookup import PartitionClock
from bidding.gateway.view import LotView, Step, Track
from bidding.messages import BidAccepted, Phase
from bidding.session import ENDED
from bidding.terms import is_rehearsal

log = structlog.get_logger(__name__)

LOTS_SHOWN: Final = 500
SOON_MS: Final = 10 * 60_000
"""Lots that open within this time, and lots that ended within it, are on the board too."""
MINUTE_MS: Final = 60_000
LOTS_COUNTED: Final = 5_000
"""Lots that are counted, or waited for, at most: the ones not heard of for longest are left out."""


class _Counts:
    """Bids of the last minute by second, and refusals by reason since the gateway began."""

    __slots__ = ("_seconds", "rejections")

    def __init__(self) -> None:
        self._seconds: deque[tuple[int, int]] = deque()
        self.rejections: Counter[str] = Counter()

    def bid(self, now: int) -> None:
        second = now // 1000
        if self._seconds and self._seconds[-1][0] == second:
            second, count = self._seconds.pop()
            self._seconds.append((second, count + 1))
        else:
            self._seconds.append((second, 1))
            self._forget(now)

    def per_minute(self, now: int) -> int:
        self._forget(now)
        return sum(count for _, count in self._seconds)

    def _forget(self, now: int) -> None:
        while self._seconds and self._seconds[0][0] <= (now - MINUTE_MS) // 1000:
            self._seconds.popleft()


class Board:
    """All lots that are live, about to be, or just over, rehearsals apart. `missing` have to be
    read from the book."""

    def __init__(self) -> None:
        self.missing: set[str] = set()
        self._tracks: dict[str, Track] = {}
        self._counts: dict[str, _Counts] = {}
        self._ended: dict[str, int] = {}
        self._rejections: Counter[str] = Counter()

    def entry(self, lot: str, epoch: int, seq: int, kind: str, line: bytes, now: int) -> None:
        if is_rehearsal(lot):
            return
        if kind == BidAccepted.kind:
            self._of(lot).bid(now)
        track = self._tracks.get(lot)
        if track is None or track.feed(epoch, seq, kind, line) is Step.GAP:
            self._miss(lot)

    def refusal(self, lot: str, reason: str) -> None:
        if is_rehearsal(lot):
            return
        self._of(lot).rejections[reason] += 1
        self._rejections[reason] += 1

    def _of(self, lot: str) -> _Counts:
        counts = self._counts.pop(lot, None) or _Counts()
        while len(self._counts) >= LOTS_COUNTED:
            del self._counts[next(iter(self._counts))]
        self._counts[lot] = counts
        return counts

    def read_again(self, lot: str) -> None:
        """What is known of this lot is not to be relied on."""
        self._tracks.pop(lot, None)
        self._ended.pop(lot, None)
        self._miss(lot)

    def _miss(self, lot: str) -> None:
        """Who is left out here is found when the board looks around."""
        if len(self.missing) < LOTS_COUNTED:
            self.missing.add(lot)

    def forget_all(self) -> None:
        """The book is another one: everything is read again."""
        self.missing.update(self._tracks)
        self._tracks.clear()
        self._ended.clear()

    def unknown(self, lots: Iterable[str]) -> list[str]:
        return [lot for lot in lots if lot not in self._tracks and not is_rehearsal(lot)]

    def take(self, view: LotView) -> None:
        """A lot as the book has it."""
        known = self._tracks.get(view.lot)
        if known is None or (known.epoch, known.seq) < (view.standing.epoch, view.standing.seq):
            self._tracks[view.lot] = Track(view)
        self.missing.discard(view.lot)

    def totals(self, now: int) -> tuple[int, Mapping[str, int]]:
        """Bids in the last minute and refusals by reason, of all lots."""
        return sum(counts.per_minute(now) for counts in self._counts.values()), dict(self._rejections)

    def rows(self, now: int, watchers: Mapping[str, int]) -> tuple[Sequence[Mapping[str, Any]], int]:
        """The lots, the most urgent first, and how many more there are."""
        self.tidy(now)
        shown = [track.view for track in self._tracks.values() if _is_shown(track.view, now)]
        shown.sort(key=_urgency)
        rows = [self._row(view, now, watchers.get(view.lot, 0)) for view in shown[:LOTS_SHOWN]]
        return rows, max(0, len(shown) - LOTS_SHOWN)

    def tidy(self, now: int) -> None:
        """Let go of lots that are over, and of counts of lots of which nothing is known and heard."""
        for lot, track in list(self._tracks.items()):
            try:
                phase = track.view.phase
            except Exception:  # an entry that can't be read: the book knows better
                log.exception("lot_unreadable", lot=lot)
                self.read_again(lot)
                continue
            if phase in ENDED and now - self._ended.setdefault(lot, now) > SOON_MS:
                del self._tracks[lot], self._ended[lot]
                self._counts.pop(lot, None)
        for lot, counts in list(self._counts.items()):
            if lot not in self._tracks and not counts.per_minute(now):
                del self._counts[lot]

    def _row(self, view: LotView, now: int, watchers: int) -> Mapping[str, Any]:
        counts = self._counts.get(view.lot)
        return {
            "lot": view.lot,
            "phase": view.standing.phase,
            "deadline": view.standing.deadline,
            "price": view.standing.price,
            "leader": view.standing.leader,
            "bids": view.standing.bids,
            "bids_per_minute": counts.per_minute(now) if counts else 0,
            "watchers": watchers,
            "rejections": dict(counts.rejections) if counts else {},
            "cause": view.cause,
            "suspended_from": view.suspended_from,
            "resumes_at": view.resumes_at,
            "lateness_ms": view.lateness_ms,
            "sold": view.standing.sold,
        }


def _urgency(view: LotView) -> tuple[bool, int, str]:
    return view.phase in ENDED, view.resumes_at or view.standing.deadline, view.lot


def _is_shown(view: LotView, now: int) -> bool:
    return view.phase is not Phase.SCHEDULED or view.standing.deadline - now <= SOON_MS


def partition_rows(
    clocks: Iterable[PartitionClock], now: int, tolerance_ms: int
) -> Sequence[Mapping[str, Any]]:
    """The health of the partitions' clocks. A partition without a beat yet has no age."""
    return [
        {
            "partition": clock.partition,
            "beat_age_ms": max(0, now - clock.beat) if clock.beat else None,
            "steady": clock.steady(now, tolerance_ms),
            "outages": clock.outages,
            "ledger_lag_ms": max(0, now - clock.ledger) if clock.ledger else None,
        }
        for clock in clocks
    ]


class Departures:
    """Notices when very many leave at once: then something before the gateways is broken. Times in s."""

    def __init__(self, *, share: float = 0.3, more_than: int = 20, within_s: float = 5.0) -> None:
        self._share = share
        self._more_than = more_than
        self._within_s = within_s
        self._left: deque[float] = deque(maxlen=100_000)

    def left(self, now: float) -> None:
        self._left.append(now)

    def alarming(self, now: float, still_here: int) -> bool:
        while self._left and now - self._left[0] > self._within_s:
            self._left.popleft()
        gone = len(self._left)
        return gone > self._more_than and gone > self._share * (gone + still_here)
