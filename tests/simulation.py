"""A seeded simulation of a whole auction over a bad network, on the pure rules. Time is an event queue.

Frames are delayed, lost, doubled and overtake each other; bidders repeat what was not answered, with the same
id; gateways fall silent; some aim at the deadline to the millisecond. The same seed gives the same auction.
"""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from bidding import clock as clocks
from bidding import session as rules
from bidding.clock import Tolerances
from bidding.messages import Answer, BidAccepted, BidRejected, Commitments, Done, Phase, PlaceBid
from bidding.session import bounds
from bidding.terms import Fen, PriorityMode, Terms
from tests.model import Model

START = 1_700_000_000_000
RUN = "run1"


@dataclass
class Bidder:
    """`acknowledged` maps each bid id to the answer that came; `pending` waits for one."""

    paddle: str
    pending: PlaceBid | None = None
    acknowledged: dict[str, BidAccepted | BidRejected] = field(default_factory=dict)
    ids: int = 0


@dataclass
class Simulation:
    """`run()` plays one auction to its end and leaves everything to look at."""

    seed: int
    bidders: list[Bidder] = field(default_factory=list)
    repeated: int = 0
    lost: int = 0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.now = START
        self.end = START + 600_000
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        terms = Terms(
            lot="SIM-1",
            starting_price=Fen(10_000),
            increment=Fen(100),
            inquiry_ms=3_000,
            window_ms=5_000,
            priority_mode=self.random.choice(list(PriorityMode)),
            self_raise=self.random.random() < 0.3,
        )
        self.model = Model(terms, Tolerances(steady_ms=2_000, resume_after_ms=3_000))
        self.bidders = [Bidder(str(1000 + number)) for number in range(self.random.randrange(2, 7))]
        self.silent_until = 0

    # the event queue

    def later(self, delay_ms: int, what: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + max(0, delay_ms), next(self._numbers), what))

    def run(self) -> "Simulation":
        ranks = {bidder.paddle: self.random.choice([0, 0, 1, 2]) for bidder in self.bidders}
        self._beat()
        self.model.schedule(self.now, RUN, START + 1_000, Commitments("aa", "bb", "cc"), ranks)
        self._close()
        for bidder in self.bidders:
            self.later(self.random.randrange(2_000), lambda bidder=bidder: self._act(bidder))  # type: ignore[misc]
        while self._queue and self.now < self.end:
            self.now, _, what = heapq.heappop(self._queue)
            what()
        return self

    # the service

    def _beat(self) -> None:
        if self.now >= self.silent_until:
            tolerances = self.model.tolerances
            self.model.service(self.now, RUN, lambda clock, now: clocks.recorded(clock, 0, now))
            self.model.service(self.now, RUN, lambda clock, now: clocks.beat(clock, tolerances, "g1", now))
            if self.random.random() < 0.004:
                self.silent_until = self.now + self.random.choice([300, 900, 1_100, 4_000])
        self.later(250, self._beat)

    def _close(self) -> None:
        """The closer: a touch every 100 ms, and a beat and a touch exactly when the lot is due."""
        self.model.command(self.now, RUN, lambda session, now: (session, Done()))
        due = self.model.due
        if due is not None and self.now < due <= self.now + 100:
            self.later(due - self.now, self._hammer)
        self._administrate()
        if self.phase not in (Phase.CLOSED, Phase.ABORTED):
            self.later(100, self._close)

    def _administrate(self) -> None:
        """An administrator resumes now and then, also in the middle of an outage."""
        if self.phase is Phase.SUSPENDED and self.random.random() < 0.02:
            terms, at = self.model.terms, self.now + self.random.choice([0, 500, 2_000])
            self.model.command(
                self.now, RUN, lambda session, now: rules.resume(terms, session, max(at, now), now)
            )

    def _hammer(self) -> None:
        if self.now >= self.silent_until:
            tolerances = self.model.tolerances
            self.model.service(self.now, RUN, lambda clock, now: clocks.beat(clock, tolerances, "g1", now))
        self.model.command(self.now, RUN, lambda session, now: (session, Done()))

    @property
    def phase(self) -> Phase:
        assert self.model.session is not None
        return self.model.session.phase

    # the bidders and their network

    def _act(self, bidder: Bidder) -> None:
        """Raise, or repeat what was not answered; tired after a while, so that the auction ends."""
        session = self.model.session
        assert session is not None
        if bidder.pending is not None:
            self.repeated += 1
            self._send(bidder, bidder.pending)
        elif self.phase is Phase.TIMED_BIDDING and bidder.ids < 25:
            bidder.ids += 1
            price = bounds(self.model.terms, session)[0] + self.random.choice([-100, 0, 0, 0, 100, 50])
            bidder.pending = PlaceBid(bidder.paddle, f"{bidder.paddle}-{bidder.ids}", Fen(price))
            aim = session.deadline + self.random.choice([-1, 0, 1]) - self.now
            aimed = self.random.random() < 0.1 and aim > 0
            self._send(bidder, bidder.pending, exactly=aim if aimed else None)
        if self.phase not in (Phase.CLOSED, Phase.ABORTED) or bidder.pending:
            self.later(self.random.randrange(200, 3_000), lambda: self._act(bidder))

    def _send(self, bidder: Bidder, bid: PlaceBid, exactly: int | None = None) -> None:
        """One frame: lost, doubled, late, or overtaken."""
        for _ in range(2 if self.random.random() < 0.15 else 1):
            if self.random.random() < 0.1:
                self.lost += 1
                continue
            delay = exactly if exactly is not None else self.random.choice([1, 5, 40, 900])
            self.later(delay, lambda: self._arrive(bidder, bid))

    def _arrive(self, bidder: Bidder, bid: PlaceBid) -> None:
        answer = self.model.bid(self.now, RUN, bid)
        if self.random.random() < 0.1:
            self.lost += 1
            return
        self.later(self.random.choice([1, 5, 40, 900]), lambda: self._answered(bidder, bid, answer))

    def _answered(self, bidder: Bidder, bid: PlaceBid, answer: Answer) -> None:
        assert isinstance(answer, (BidAccepted, BidRejected))
        known = bidder.acknowledged.setdefault(bid.bid_id, answer)
        assert known == answer, "a repetition was answered otherwise"
        if bidder.pending == bid:
            bidder.pending = None
