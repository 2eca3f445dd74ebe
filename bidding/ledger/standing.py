"""How a lot stands by its recorded log: the projection that the ledger writer keeps beside it. Pure."""

from dataclasses import dataclass, replace
from typing import Final, assert_never

from bidding.messages import (
    Aborted,
    AbortRequested,
    BidAccepted,
    Closed,
    Event,
    InquiryOpened,
    LotScheduled,
    Notice,
    Phase,
    Recovered,
    Result,
    Resumed,
    ResumptionAnnounced,
    Suspended,
    TimedBiddingStarted,
)
from bidding.session import ENDED
from bidding.terms import Fen

NO_PRICE: Final = Fen(0)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a lot stands by its recorded log. `seq` 0: nothing is recorded yet (the book may not know it).

    `price` and `leader` are the highest bid's, whatever becomes of it. `deadline` ends the running period;
    before the opening it is the opening time. `sold` is None and `winner` empty before the result.
    """

    phase: Phase = Phase.SCHEDULED
    epoch: int = 1
    seq: int = 0
    price: Fen = NO_PRICE
    leader: str = ""
    bids: int = 0
    deadline: int = 0
    closed_at: int | None = None
    sold: bool | None = None
    winner: str = ""


def project(standing: Standing, event: Event) -> Standing:
    """How a lot stands after one entry of its log."""
    after = replace(standing, epoch=event.epoch, seq=event.seq)
    match event:
        case LotScheduled():
            return replace(after, phase=Phase.SCHEDULED, deadline=event.opens_at)
        case InquiryOpened():
            return replace(after, phase=Phase.INQUIRY, deadline=event.deadline)
        case TimedBiddingStarted():
            return replace(after, phase=Phase.TIMED_BIDDING, deadline=event.deadline)
        case BidAccepted():
            bid = replace(after, price=event.price, leader=event.paddle, bids=event.bids)
            return replace(bid, deadline=event.deadline)
        case Suspended() | AbortRequested() | Recovered():
            return after if standing.phase in ENDED else replace(after, phase=Phase.SUSPENDED)
        case Resumed():
            return replace(after, phase=event.phase, deadline=event.deadline)
        case Closed():
            return replace(after, phase=Phase.CLOSED, closed_at=event.at)
        case Aborted():
            return replace(after, phase=Phase.ABORTED, closed_at=event.at)
        case Result():
            return replace(after, sold=event.sold, winner=event.winner)
        case Notice() | ResumptionAnnounced():
            return after
    assert_never(event)
