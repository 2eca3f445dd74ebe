"""The pure rules as one machine: a clock and one lot, answering the same commands as the book does."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bidding import clock as clocks
from bidding import session as rules
from bidding.clock import ServiceClock, Tolerances
from bidding.messages import (
    Answer,
    Commitments,
    Done,
    Event,
    Observed,
    Obstacle,
    PlaceBid,
    PrivateEvent,
    Refused,
)
from bidding.session import Session
from bidding.terms import Terms

Rule = Callable[[Session, int], tuple[Session, Answer]]


@dataclass
class Model:
    """`answer` of every command is what the book must answer; `public` and `private` what it must append."""

    terms: Terms
    tolerances: Tolerances
    clock: ServiceClock = field(default_factory=ServiceClock)
    session: Session | None = None
    public: list[Event] = field(default_factory=list)
    private: list[PrivateEvent] = field(default_factory=list)
    due: int | None = None
    now: int = 0

    def observe(self, time: int, run: str) -> int:
        self.clock, self.now = clocks.observe(self.clock, self.tolerances, time, run)
        return self.now

    def service(self, time: int, run: str, step: Callable[[ServiceClock, int], ServiceClock]) -> Answer:
        now = self.observe(time, run)
        self.clock = step(self.clock, now)
        return Done()

    def observation(self, time: int, run: str) -> Answer:
        before = self.clock
        now = self.observe(time, run)
        if self.clock == replace(before, last=now) and now >= before.last:
            self.clock = before
        clock = self.clock
        return Observed(clock.beat, self.due or 0, clock.outage, clock.steady_since)

    def schedule(
        self, time: int, run: str, opens_at: int, commitments: Commitments, qualified: dict[str, int]
    ) -> Answer:
        self.observe(time, run)
        if self.session is not None:
            return Refused(Obstacle.ALREADY_SCHEDULED)
        self.session, happened = rules.schedule(self.terms, opens_at, commitments, qualified, self.clock)
        self.public.append(happened)
        self.due = opens_at
        return happened

    def command(self, time: int, run: str, rule: Rule) -> Answer:
        now = self.observe(time, run)
        if self.session is None:
            return Refused(Obstacle.UNKNOWN_LOT)
        touched, elapsed = rules.touch(self.terms, self.session, self.clock, self.tolerances, now)
        self.public.extend(elapsed)
        before = touched.seq, touched.privates
        self.session, answer = rule(touched, now)
        if self.session.seq > before[0]:
            self.public.append(answer)  # type: ignore[arg-type]
        if self.session.privates > before[1]:
            self.private.append(answer)  # type: ignore[arg-type]
        self.due = rules.due(self.session, self.clock, self.tolerances, now)
        return answer

    def bid(self, time: int, run: str, bid: PlaceBid) -> Answer:
        return self.command(time, run, lambda session, now: rules.place_bid(self.terms, session, bid, now))
