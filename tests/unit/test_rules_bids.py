"""When a bid is accepted: a test for each check, their order, and their facts."""

import pytest

from bidding.messages import BidAccepted, BidRejected, Phase, Reason
from bidding.session import REFUSALS_RECORDED, REFUSALS_REMEMBERED
from bidding.terms import MAX_PRICE, Fen, PriorityMode, Terms
from tests.unit.rules import OPENS, WINDOW, Lot


@pytest.fixture
def lot() -> Lot:
    return Lot().in_timed_bidding()


@pytest.fixture
def priority() -> Lot:
    return Lot(priority_mode=PriorityMode.MATCH).in_timed_bidding()


def test_the_first_bid_may_be_the_starting_price(lot: Lot) -> None:
    assert lot.accepted("1001", 10_000).bids == 1


def test_a_first_bid_below_the_starting_price_is_refused_with_the_facts(lot: Lot) -> None:
    answer = lot.bid("1001", 9_500)
    assert isinstance(answer, BidRejected)
    assert answer.reason is Reason.BELOW_STARTING_PRICE
    assert (answer.current, answer.lowest, answer.highest) == (0, 10_000, 15_000)


def test_a_later_bid_is_at_least_one_increment_above_the_current_price(lot: Lot) -> None:
    lot.accepted("1001", 10_000)
    answer = lot.bid("2002", 10_000)
    assert isinstance(answer, BidRejected)
    assert answer.reason is Reason.BELOW_MINIMUM
    assert (answer.current, answer.lowest) == (10_000, 10_500)
    lot.accepted("2002", 10_500)


def test_a_price_off_the_grid_is_refused(lot: Lot) -> None:
    assert lot.refused("1001", 10_001) is Reason.OFF_GRID


def test_at_most_max_steps_above_the_current_price(lot: Lot) -> None:
    assert lot.refused("1001", 15_500) is Reason.ABOVE_MAXIMUM
    lot.accepted("1001", 15_000)
    assert lot.refused("2002", 20_500) is Reason.ABOVE_MAXIMUM
    lot.accepted("2002", 20_000)


def test_a_bid_accepted_at_t_sets_the_deadline_to_t_plus_240_000(lot: Lot) -> None:
    lot.beats(lot.session.deadline - 1)
    accepted = lot.accepted("1001", 10_000)
    assert accepted.deadline == lot.now + 240_000 == lot.session.deadline


def test_a_rejected_bid_changes_nothing_that_others_see(lot: Lot) -> None:
    before = lot.session
    lot.refused("1001", 10_001)
    after = lot.session
    assert (before.deadline, before.seq, before.price, before.bids) == (
        after.deadline,
        after.seq,
        after.price,
        after.bids,
    )


def test_one_ms_before_the_deadline_is_in_time_and_at_the_deadline_is_late(lot: Lot) -> None:
    lot.beats(lot.session.deadline - 2).at(lot.session.deadline)
    assert lot.refused("1001", 10_000) is Reason.LATE
    other = Lot().in_timed_bidding()
    other.beats(other.session.deadline - 2).at(other.session.deadline - 1)
    other.accepted("1001", 10_000)


def test_a_stranger_is_not_qualified(lot: Lot) -> None:
    assert lot.refused("9999", 10_000) is Reason.NOT_QUALIFIED


def test_the_leader_does_not_raise_their_own_bid_unless_the_profile_allows_it(lot: Lot) -> None:
    lot.accepted("1001", 10_000)
    assert lot.refused("1001", 10_500) is Reason.OWN_BID
    allowed = Lot(self_raise=True).in_timed_bidding()
    allowed.accepted("1001", 10_000)
    allowed.accepted("1001", 10_500)


def test_before_the_opening_and_after_the_end_a_lot_is_not_live() -> None:
    lot = Lot()
    assert lot.refused("1001", 10_000) is Reason.NOT_LIVE
    lot.in_timed_bidding().beats(lot.session.deadline)
    assert lot.phase is Phase.CLOSED
    assert lot.refused("1001", 10_000) is Reason.NOT_LIVE


# repetitions


def test_a_known_id_gets_its_first_answer_again_and_counts_once(lot: Lot) -> None:
    first = lot.accepted("1001", 10_000, "same")
    lot.accepted("2002", 10_500)
    assert lot.bid("1001", 10_000, "same") == first
    assert lot.session.bids == 2
    assert lot.session.leader == "2002"


def test_a_known_refused_id_is_refused_as_before_even_when_it_would_be_accepted_now(lot: Lot) -> None:
    first = lot.bid("2002", 15_500, "same")
    lot.accepted("1001", 15_000)
    assert lot.bid("2002", 15_500, "same") == first
    assert isinstance(first, BidRejected)
    assert first.reason is Reason.ABOVE_MAXIMUM


def test_the_same_id_with_another_price_is_refused(lot: Lot) -> None:
    lot.accepted("1001", 10_000, "same")
    assert lot.refused("1001", 10_500, "same") is Reason.ID_REUSED


def test_an_id_belongs_to_one_bidder(lot: Lot) -> None:
    lot.accepted("1001", 10_000, "same")
    lot.accepted("2002", 10_500, "same")


def test_a_known_id_is_answered_even_after_the_close(lot: Lot) -> None:
    first = lot.accepted("1001", 10_000, "same")
    lot.beats(lot.session.deadline)
    assert lot.phase is Phase.CLOSED
    assert lot.bid("1001", 10_000, "same") == first


def test_of_refused_ids_the_last_32_per_bidder_are_remembered(lot: Lot) -> None:
    lot.refused("1001", 10_001, "first")
    for number in range(REFUSALS_REMEMBERED):
        lot.refused("1001", 10_001, f"later-{number}")
    assert len(lot.session.refused["1001"]) == REFUSALS_REMEMBERED
    again = lot.bid("1001", 10_000, "first")
    assert isinstance(again, BidAccepted)


def test_recorded_refusals_are_bounded_per_bidder(lot: Lot) -> None:
    for _ in range(REFUSALS_RECORDED + 3):
        last = lot.bid("1001", 10_001)
    assert isinstance(last, BidRejected)
    assert last.number == 0
    assert lot.session.privates == REFUSALS_RECORDED
    other = lot.bid("2002", 10_001)
    assert isinstance(other, BidRejected)
    assert other.number == REFUSALS_RECORDED + 1


# the order of the checks: of two faults the earlier one is named


def test_the_order_of_the_checks() -> None:
    lot = Lot().beats(OPENS)
    assert lot.refused("9999", 1) is Reason.NOT_TIMED_BIDDING
    lot.suspend()
    assert lot.refused("9999", 1) is Reason.SUSPENDED
    lot = Lot().in_timed_bidding()
    lot.accepted("1001", 10_000)
    lot.beats(lot.session.deadline - 2).at(lot.session.deadline)
    assert lot.refused("9999", 1) is Reason.LATE
    lot = Lot().in_timed_bidding()
    lot.accepted("1001", 10_000)
    assert lot.refused("9999", 1) is Reason.NOT_QUALIFIED
    assert lot.refused("1001", 1) is Reason.OWN_BID
    assert lot.refused("2002", 9_999) is Reason.OFF_GRID
    assert lot.refused("2002", 9_500) is Reason.BELOW_MINIMUM


# priority


def test_a_holder_may_match_the_current_price_and_leads_and_resets_the_countdown(priority: Lot) -> None:
    priority.accepted("1001", 10_000)
    priority.beats(priority.now + 100_000)
    matched = priority.accepted("3003", 10_000)
    assert matched.priority
    assert priority.session.leader == "3003"
    assert matched.deadline == priority.now + WINDOW


def test_priority_is_never_the_first_bid_and_the_price_never_falls(priority: Lot) -> None:
    first = priority.accepted("3003", 10_000)
    assert not first.priority
    priority.accepted("1001", 10_500)
    assert priority.refused("3003", 10_000) is Reason.BELOW_MINIMUM


def test_without_a_right_nobody_matches(priority: Lot) -> None:
    priority.accepted("1001", 10_000)
    assert priority.refused("2002", 10_000) is Reason.BELOW_MINIMUM


def test_a_holder_matches_a_leader_of_lower_rank_only(priority: Lot) -> None:
    """3003 has rank 2, 4004 rank 1, the highest."""
    priority.accepted("1001", 10_000)
    priority.accepted("3003", 10_000)
    priority.accepted("4004", 10_000)
    assert priority.refused("3003", 10_000) is Reason.BELOW_MINIMUM


def test_raises_go_on_as_usual_after_a_match(priority: Lot) -> None:
    priority.accepted("1001", 10_000)
    priority.accepted("4004", 10_000)
    priority.accepted("1001", 10_500)
    priority.accepted("4004", 10_500)


@pytest.mark.parametrize("mode", [PriorityMode.NONE, PriorityMode.OFFER])
def test_a_right_means_nothing_in_the_auction_in_the_other_modes(mode: PriorityMode) -> None:
    lot = Lot(priority_mode=mode).in_timed_bidding()
    lot.accepted("1001", 10_000)
    assert lot.refused("4004", 10_000) is Reason.BELOW_MINIMUM


def test_prices_reach_the_fixed_bound_exactly() -> None:
    top = Terms(lot="XX-1", starting_price=Fen(MAX_PRICE - 20), increment=Fen(10), max_steps=2)
    lot = Lot(top).in_timed_bidding()
    lot.accepted("1001", MAX_PRICE)
    with pytest.raises(ValueError, match="over the largest price"):
        Terms(lot="XX-1", starting_price=Fen(MAX_PRICE - 19), increment=Fen(10), max_steps=2)
