"""Whole auctions over a bad network: what every one of them must leave behind."""

from functools import cache

import pytest

from bidding.messages import BidAccepted, Closed, Phase, Resumed, TimedBiddingStarted, line
from tests.simulation import Simulation

QUICK = range(40)
MANY = range(40, 2_000)


@cache
def played(seed: int) -> Simulation:
    """One of the quick ones; nobody changes it afterwards."""
    return Simulation(seed).run()


def check(simulation: Simulation) -> None:
    log = simulation.model.public
    bids = [event for event in log if isinstance(event, BidAccepted)]
    session = simulation.model.session
    assert session is not None
    assert session.phase is Phase.CLOSED
    assert [event.seq for event in log] == list(range(1, len(log) + 1))
    _check_acknowledgements(simulation, bids)
    closed = log[-1]
    assert isinstance(closed, Closed)
    assert (closed.leader, closed.price) == ((bids[-1].paddle, bids[-1].price) if bids else ("", 0))
    assert all(bid.at < bid.deadline <= closed.at for bid in bids)
    _check_periods(simulation)


def _check_periods(simulation: Simulation) -> None:
    """Every period that began was a full one, and began when the service was steady."""
    terms = simulation.model.terms
    periods = {Phase.INQUIRY: terms.inquiry_ms, Phase.TIMED_BIDDING: terms.window_ms}
    for event in simulation.model.public:
        if isinstance(event, Resumed) and event.phase in periods:
            assert event.deadline - event.at >= periods[event.phase]
        elif isinstance(event, TimedBiddingStarted):
            assert event.deadline - event.at >= terms.window_ms
        if isinstance(event, (Resumed, TimedBiddingStarted)):
            outages = simulation.model.clock.outages
            assert not any(one.since < event.at < (one.until or event.at + 1) for one in outages)


def _check_acknowledgements(simulation: Simulation, bids: list[BidAccepted]) -> None:
    """Nothing acknowledged is missing, and nothing counts twice."""
    lines = {line(bid) for bid in bids}
    accepted = [
        answer
        for bidder in simulation.bidders
        for answer in bidder.acknowledged.values()
        if isinstance(answer, BidAccepted)
    ]
    assert {line(answer) for answer in accepted} <= lines
    assert len({answer.seq for answer in accepted}) == len(accepted)
    assert len(bids) <= sum(bidder.ids for bidder in simulation.bidders)


@pytest.mark.parametrize("seed", QUICK)
def test_an_auction_over_a_bad_network_loses_and_doubles_nothing(seed: int) -> None:
    check(played(seed))


@pytest.mark.long
def test_two_thousand_auctions_over_a_bad_network() -> None:
    for seed in MANY:
        check(Simulation(seed).run())


def test_the_network_is_bad_and_the_service_fails_at_times() -> None:
    """Else the tests above would prove nothing."""
    all_played = [played(seed) for seed in QUICK]
    assert sum(one.lost for one in all_played) > 100
    assert sum(one.repeated for one in all_played) > 100
    assert sum(event.kind == "suspended" for one in all_played for event in one.model.public) > 3
    assert sum(event.kind == "bid_accepted" for one in all_played for event in one.model.public) > 500


def test_the_same_seed_gives_the_same_auction() -> None:
    first, second = played(7), Simulation(7).run()
    assert [line(event) for event in first.model.public] == [line(event) for event in second.model.public]
