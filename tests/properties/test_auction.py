"""Properties of the rules over whole random auctions, by the pure functions alone."""

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bidding.messages import (
    BidAccepted,
    BidRejected,
    Closed,
    Event,
    Phase,
    PlaceBid,
    Resumed,
    line,
    parse,
)
from bidding.session import bounds
from bidding.terms import Fen, PriorityMode
from tests.unit.rules import RANKS, Lot

Steps = list[tuple[str, int, int]]
PADDLES = tuple(RANKS)


@dataclass
class Run:
    """One random auction: its lot, and what each bid found and left."""

    lot: Lot
    bids: list[tuple[BidAccepted | BidRejected, int, int]]


@st.composite
def auctions(draw: st.DrawFn) -> Run:
    """Bids, waits, silences and suspensions in any order, up to 40 of them."""
    mode = draw(st.sampled_from([PriorityMode.NONE, PriorityMode.MATCH]))
    lot = Lot(priority_mode=mode, self_raise=draw(st.booleans())).in_timed_bidding()
    run = Run(lot, [])
    for _ in range(draw(st.integers(1, 40))):
        what = draw(
            st.sampled_from(["bid", "bid", "bid", "bid", "wait", "to the deadline", "silence", "suspend"])
        )
        if what == "bid":
            _bid(run, draw)
        elif what == "wait":
            lot.beats(lot.now + draw(st.integers(1, 100_000)))
        elif what == "to the deadline":
            lot.beats(max(lot.now, lot.session.deadline + draw(st.sampled_from([-1, 0, 1]))))
        elif what == "silence":
            lot.at(lot.now + draw(st.integers(900, 3_000))).touch().beats(lot.now + 70_000)
        else:
            lot.suspend()
            lot.resume(lot.now + 500)
            lot.beats(lot.now + 500)
    return run


def _bid(run: Run, draw: st.DrawFn) -> None:
    lot = run.lot
    steps = draw(st.sampled_from([-1, 0, 0, 0, 1, 5]))
    price = bounds(lot.model.terms, lot.session)[0] + steps * 500 + draw(st.sampled_from([0, 0, 0, 1]))
    before = lot.touch().session.deadline
    bid = PlaceBid(draw(st.sampled_from(PADDLES)), f"id-{draw(st.integers(0, 9))}", Fen(max(1, price)))
    answer = lot.model.bid(lot.now, lot.run, bid)
    assert isinstance(answer, (BidAccepted, BidRejected))
    run.bids.append((answer, before, lot.session.deadline))


def accepted(run: Run) -> list[BidAccepted]:
    return [event for event in run.lot.model.public if isinstance(event, BidAccepted)]


SOME = settings(max_examples=50, deadline=None)
MANY = settings(max_examples=2_000, deadline=None)


@SOME
@given(auctions())
def test_the_price_only_rises_and_stands_still_only_for_a_priority(run: Run) -> None:
    bids = accepted(run)
    for earlier, later in pairwise(bids):
        assert later.price > earlier.price or (later.price == earlier.price and later.priority)


@SOME
@given(auctions())
def test_there_is_one_winner_and_it_is_the_last_accepted_bid(run: Run) -> None:
    closed = [event for event in run.lot.model.public if isinstance(event, Closed)]
    assert len(closed) <= 1
    bids = accepted(run)
    for event in closed:
        assert (event.leader, event.price) == ((bids[-1].paddle, bids[-1].price) if bids else ("", 0))


@SOME
@given(auctions())
def test_an_accepted_bid_always_resets_the_countdown_and_a_rejected_one_never(run: Run) -> None:
    seen: set[int] = set()
    for answer, before, after in run.bids:
        if isinstance(answer, BidRejected):
            assert after == before
        elif answer.seq not in seen:
            assert after == answer.at + run.lot.model.terms.window_ms
            seen.add(answer.seq)


@SOME
@given(auctions())
def test_deadlines_never_shrink(run: Run) -> None:
    deadlines = [
        event.deadline for event in run.lot.model.public if isinstance(event, (BidAccepted, Resumed))
    ]
    assert deadlines == sorted(deadlines)


@SOME
@given(auctions())
def test_numbers_have_no_gap_and_lines_are_their_own_inverse(run: Run) -> None:
    events: list[Event] = run.lot.model.public
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [parse(line(event)) for event in events] == events


@SOME
@given(auctions())
def test_a_closed_lot_had_its_full_last_window(run: Run) -> None:
    """Between the last thing that opened or reset the window and the close lies the whole window."""
    events = run.lot.model.public
    if not isinstance(events[-1], Closed):
        return
    starts = [event.at for event in events if isinstance(event, (BidAccepted, Resumed)) or event.seq == 3]
    assert events[-1].at - starts[-1] >= run.lot.model.terms.window_ms
    assert run.lot.phase is Phase.CLOSED


@pytest.mark.long
@pytest.mark.timeout(1800)
@MANY
@given(auctions())
def test_all_of_this_in_many_auctions(run: Run) -> None:
    for holds in (
        test_the_price_only_rises_and_stands_still_only_for_a_priority,
        test_there_is_one_winner_and_it_is_the_last_accepted_bid,
        test_an_accepted_bid_always_resets_the_countdown_and_a_rejected_one_never,
        test_deadlines_never_shrink,
        test_numbers_have_no_gap_and_lines_are_their_own_inverse,
        test_a_closed_lot_had_its_full_last_window,
    ):
        holds.hypothesis.inner_test(run)  # type: ignore[attr-defined]
