"""The outage-fair clock: a countdown only runs while bids can be placed."""

from dataclasses import replace

import pytest

from bidding import clock as clocks
from bidding.clock import Outage, OutageCause, Tolerances
from bidding.messages import Cause, Closed, Phase, Reason, Resumed, ResumptionAnnounced, Suspended
from tests.unit.rules import INQUIRY, OPENS, START, WINDOW, Lot


@pytest.fixture
def lot() -> Lot:
    return Lot().in_timed_bidding().beats(OPENS + INQUIRY + 100_000)


def causes(lot: Lot) -> list[OutageCause]:
    return [outage.cause for outage in lot.model.clock.outages]


def test_silence_up_to_the_tolerance_is_no_outage(lot: Lot) -> None:
    lot.at(lot.now + 1_000).touch()
    assert causes(lot) == []


def test_no_beat_for_longer_than_the_tolerance_is_an_outage(lot: Lot) -> None:
    last = lot.now
    lot.at(lot.now + 1_001).touch()
    assert causes(lot) == [OutageCause.BEAT]
    suspended = lot.model.public[-1]
    assert isinstance(suspended, Suspended)
    assert (suspended.cause, suspended.since, suspended.until) == (Cause.OUTAGE, last, 0)


def test_a_bid_after_a_silence_finds_the_lot_suspended(lot: Lot) -> None:
    lot.at(lot.now + 1_001)
    assert lot.refused("1001", 10_000) is Reason.SUSPENDED


def test_a_restart_of_the_book_is_an_outage_whatever_its_length(lot: Lot) -> None:
    lot.run = "run2"
    lot.touch()
    assert causes(lot) == [OutageCause.RESTART]
    assert lot.phase is Phase.SUSPENDED


def test_a_lease_that_lapses_without_being_handed_back_is_an_outage_though_others_live(lot: Lot) -> None:
    lot.beat("g2")
    lot.at(lot.now + 700).beat("g1")
    lot.at(lot.now + 301).touch()
    assert causes(lot) == [OutageCause.LEASE]


def test_a_lease_that_was_handed_back_does_not_lapse(lot: Lot) -> None:
    lot.beat("g2")
    lot.model.service(lot.now, lot.run, lambda clock, now: clocks.hand_back(clock, "g2"))
    lot.beats(lot.now + 5_000)
    assert causes(lot) == []


def test_a_setting_turns_the_rule_of_leases_off() -> None:
    lot = Lot(tolerances=Tolerances(lapsed_lease_is_outage=False)).in_timed_bidding()
    lot.beat("g2")
    lot.beats(lot.now + 5_000)
    assert causes(lot) == []
    assert dict(lot.model.clock.leases) == {"g1": lot.now}


def test_a_step_back_above_the_tolerance_is_an_outage_and_the_clock_starts_from_there(lot: Lot) -> None:
    lot.now -= 1_001
    lot.touch()
    assert causes(lot) == [OutageCause.CLOCK]
    assert lot.model.clock.last == lot.now


def test_a_smaller_step_back_stands_still(lot: Lot) -> None:
    before = lot.now
    lot.now -= 1_000
    lot.touch()
    assert causes(lot) == []
    assert lot.model.clock.last == before


def test_a_ledger_that_lags_above_30_s_is_an_outage_and_no_beat_ends_it() -> None:
    lot = Lot().in_timed_bidding()
    tolerances = lot.model.tolerances
    for _ in range(31):
        lot.now += 1_000
        lot.model.service(lot.now, lot.run, lambda clock, now: clocks.beat(clock, tolerances, "g1", now))
    assert causes(lot) == [OutageCause.LEDGER]
    assert lot.model.clock.steady_since == 0
    lot.beat()
    assert lot.model.clock.steady_since == lot.now


def test_an_outage_raises_the_number_once_while_it_lasts(lot: Lot) -> None:
    lot.at(lot.now + 5_000).touch()
    lot.at(lot.now + 5_000).touch()
    assert len(lot.model.clock.outages) == 1


def test_after_5_s_of_steady_beats_the_resumption_is_announced_60_s_ahead_with_the_outage(lot: Lot) -> None:
    since = lot.now
    lot.at(lot.now + 3_000).beat()
    until = lot.now
    lot.touch().beats(until + 4_999)
    assert lot.session.resumes_at == 0
    lot.beats(until + 5_000)
    announced = lot.model.public[-1]
    assert isinstance(announced, ResumptionAnnounced)
    assert (announced.since, announced.until, announced.resumes_at) == (since, until, lot.now + 60_000)


def test_then_the_full_period_runs(lot: Lot) -> None:
    lot.at(lot.now + 3_000).beat()
    lot.touch().beats(lot.now + 5_000)
    lot.beats(lot.session.resumes_at)
    resumed = lot.model.public[-1]
    assert isinstance(resumed, Resumed)
    assert lot.session.deadline == resumed.at + WINDOW


def test_no_lot_closes_without_a_beat_at_or_after_its_deadline(lot: Lot) -> None:
    deadline = lot.session.deadline
    lot.beats(deadline - 1).at(deadline + 500).touch()
    assert lot.phase is Phase.TIMED_BIDDING
    lot.beat()
    lot.touch()
    assert lot.phase is Phase.CLOSED


def test_no_lot_closes_across_an_outage(lot: Lot) -> None:
    """The last beat was before the deadline, the next comes long after it: the bidders lost their seconds."""
    deadline = lot.session.deadline
    lot.beats(deadline - 400).at(deadline + 5_000).beat()
    lot.touch()
    assert lot.phase is Phase.SUSPENDED


def test_a_beat_at_the_deadline_closes_the_lot_even_if_it_is_touched_after_a_later_outage(lot: Lot) -> None:
    deadline = lot.session.deadline
    lot.beats(deadline - 1)
    lot.at(deadline).beat()
    lot.at(deadline + 60_000).touch()
    closed = lot.model.public[-1]
    assert isinstance(closed, Closed)
    assert closed.at == deadline


def test_no_phase_elapses_inside_an_outage() -> None:
    lot = Lot().beats(OPENS + INQUIRY - 300)
    lot.at(OPENS + INQUIRY + 2_000).touch()
    assert lot.phase is Phase.SUSPENDED
    assert lot.session.suspended_from is Phase.INQUIRY


def test_a_lot_whose_opening_falls_into_an_outage_opens_after_it_with_a_full_inquiry() -> None:
    lot = Lot().at(START + 30_000)
    lot.touch()
    assert lot.phase is Phase.SUSPENDED
    lot.beat()
    lot.beats(lot.now + 5_000)
    resumes_at = lot.session.resumes_at
    lot.beats(resumes_at).touch()
    assert lot.phase is Phase.INQUIRY
    assert lot.session.deadline == resumes_at + INQUIRY


def test_an_outage_before_the_opening_changes_nothing() -> None:
    lot = Lot()
    lot.run = "run2"
    lot.beat()
    lot.touch().beats(OPENS)
    assert lot.phase is Phase.INQUIRY
    assert lot.session.deadline == OPENS + INQUIRY


def test_an_outage_takes_back_an_announced_resumption(lot: Lot) -> None:
    lot.suspend()
    lot.resume(lot.now + 10_000)
    lot.at(lot.now + 20_000).touch()
    assert (lot.phase, lot.session.resumes_at) == (Phase.SUSPENDED, 0)
    assert lot.session.cause is Cause.OUTAGE


def test_a_lot_that_an_administrator_holds_stays_held_through_an_outage(lot: Lot) -> None:
    lot.suspend()
    lot.at(lot.now + 20_000).beat()
    lot.touch().beats(lot.now + 100_000)
    assert (lot.phase, lot.session.cause) == (Phase.SUSPENDED, Cause.ADMINISTRATOR)


def test_a_second_outage_before_the_resumption_starts_the_wait_again(lot: Lot) -> None:
    lot.at(lot.now + 3_000).beat()
    lot.touch().beats(lot.now + 5_000)
    first = lot.session.resumes_at
    lot.at(lot.now + 3_000).beat()
    lot.touch().beats(lot.now + 5_000)
    assert lot.session.resumes_at > first


def test_an_accepted_bid_stands_though_an_outage_is_dated_before_it(lot: Lot) -> None:
    lot.at(lot.now + 900)
    lot.accepted("1001", 10_000)
    lot.at(lot.now + 200).touch()
    assert (lot.phase, lot.session.leader) == (Phase.SUSPENDED, "1001")


def test_the_outage_says_from_when_until_when(lot: Lot) -> None:
    since = lot.now
    lot.at(lot.now + 3_000).beat()
    assert lot.model.clock.outages == (Outage(since, lot.now, OutageCause.BEAT),)


def test_a_resumption_announced_during_an_outage_waits_for_steady_beats_and_gives_the_full_window(
    lot: Lot,
) -> None:
    lot.at(lot.now + 10_000).touch()
    lot.resume(lot.now + 5_000)
    lot.at(lot.now + 100_000).beat()
    steady = lot.now
    lot.touch()
    assert lot.phase is Phase.SUSPENDED
    lot.beats(steady + 5_000)
    resumed = lot.model.public[-1]
    assert isinstance(resumed, Resumed)
    assert (resumed.at, resumed.deadline) == (steady + 5_000, steady + 5_000 + WINDOW)


def test_a_lot_put_on_during_an_outage_opens_after_it_with_its_full_inquiry() -> None:
    lot = Lot()
    lot.at(START + 900_000).touch()
    fresh = Lot()
    fresh.model.clock = replace(lot.model.clock)
    fresh.model.session = replace(fresh.session, outage=1, deadline=START + 900_100)
    fresh.at(START + 950_000).beat()
    fresh.touch()
    assert fresh.phase is Phase.INQUIRY
    assert fresh.session.deadline == START + 950_000 + INQUIRY


def test_a_step_back_of_the_clock_is_written_into_every_lot_that_has_not_ended() -> None:
    scheduled, held = Lot(), Lot().in_timed_bidding()
    held.suspend()
    for one in (scheduled, held):
        one.now -= 5_000
        one.touch()
        suspended = one.model.public[-1]
        assert isinstance(suspended, Suspended)
        assert suspended.outage == OutageCause.CLOCK
    assert held.session.cause is Cause.ADMINISTRATOR


def test_what_elapsed_is_never_recorded_before_it_was_due(lot: Lot) -> None:
    deadline = lot.session.deadline
    lot.beats(deadline - 1).at(deadline).beat()
    lot.at(deadline - 5_000).touch()
    closed = lot.model.public[-1]
    assert isinstance(closed, Closed)
    assert (closed.at, closed.recorded_at) == (deadline, deadline)
