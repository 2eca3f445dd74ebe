"""A lot and its service clock for the unit tests of the rules, driven command by command."""

from dataclasses import replace
from typing import Any

from bidding import clock as clocks
from bidding import session as rules
from bidding.clock import Tolerances
from bidding.messages import (
    Answer,
    BidAccepted,
    BidRejected,
    Commitments,
    Confirm,
    Done,
    Phase,
    PlaceBid,
    Reason,
)
from bidding.session import Session
from bidding.terms import Fen, Terms
from tests.model import Model

START = 1_700_000_000_000
OPENS = START + 1_000
INQUIRY = WINDOW = 240_000
COMMITMENTS = Commitments(qualified="aa", reserve="bb", private="cc")
TERMS = Terms(lot="XX-1", starting_price=Fen(10_000), increment=Fen(500), max_steps=10)
RANKS = {"1001": 0, "2002": 0, "3003": 2, "4004": 1}


class Lot:
    """One lot at a time of our choosing. `beats` keeps the service steady up to a time."""

    def __init__(self, terms: Terms = TERMS, tolerances: Tolerances | None = None, **changes: Any) -> None:
        self.model = Model(replace(terms, **changes), tolerances or Tolerances())
        self.now, self.run, self.ids = START, "run1", 0
        self.beat()
        self.model.schedule(self.now, self.run, OPENS, COMMITMENTS, dict(RANKS))

    @property
    def session(self) -> Session:
        assert self.model.session is not None
        return self.model.session

    @property
    def phase(self) -> Phase:
        return self.session.phase

    def beat(self, gateway: str = "g1") -> None:
        self.model.service(self.now, self.run, lambda clock, now: clocks.recorded(clock, 0, now))
        tolerances = self.model.tolerances
        self.model.service(
            self.now, self.run, lambda clock, now: clocks.beat(clock, tolerances, gateway, now)
        )

    def beats(self, until: int) -> "Lot":
        """Steady beats up to exactly `until`, and a touch there."""
        while self.now < until:
            self.now = min(self.now + 1_000, until)
            self.beat()
        return self.touch()

    def at(self, now: int) -> "Lot":
        """Time passes without a beat."""
        self.now = now
        return self

    def touch(self) -> "Lot":
        self.do(lambda session, now: (session, Done()))
        return self

    def do(self, step: Any) -> Answer:
        return self.model.command(self.now, self.run, step)

    def in_timed_bidding(self) -> "Lot":
        return self.beats(OPENS).beats(OPENS + INQUIRY)

    def bid(self, paddle: str, price: int, bid_id: str = "") -> Answer:
        self.ids += 1
        return self.model.bid(self.now, self.run, PlaceBid(paddle, bid_id or f"id-{self.ids}", Fen(price)))

    def accepted(self, paddle: str, price: int, bid_id: str = "") -> BidAccepted:
        answer = self.bid(paddle, price, bid_id)
        assert isinstance(answer, BidAccepted), answer
        return answer

    def refused(self, paddle: str, price: int, bid_id: str = "") -> Reason:
        answer = self.bid(paddle, price, bid_id)
        assert isinstance(answer, BidRejected), answer
        return answer.reason

    def suspend(self, reason: str = "核实材料") -> Answer:
        return self.do(lambda session, now: rules.suspend(self.model.terms, session, reason, now))

    def resume(self, at: int) -> Answer:
        return self.do(lambda session, now: rules.resume(self.model.terms, session, at, now))

    def request_abort(self, by: str) -> Answer:
        return self.do(lambda session, now: rules.request_abort(self.model.terms, session, by, "因故", now))

    def confirm_abort(self, by: str) -> Answer:
        return self.do(lambda session, now: rules.confirm_abort(self.model.terms, session, by, "因故", now))

    def confirm(self, paddle: str) -> Answer:
        before = self.session.confirmations
        made = Confirm(paddle, "ab", before, before + "00")
        return self.do(lambda session, now: rules.confirm(self.model.terms, session, made, now))
