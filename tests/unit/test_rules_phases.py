"""Phases, time and administration: a test for each sentence of the specification."""

import pytest

from bidding import session as rules
from bidding.messages import (
    Aborted,
    AbortRequested,
    Answer,
    Cause,
    Closed,
    Confirmed,
    Done,
    Ending,
    Obstacle,
    Phase,
    Reason,
    Refused,
    Resumed,
    ResumptionAnnounced,
    Suspended,
)
from bidding.session import TRANSITIONS, Session
from bidding.terms import InquiryMode, Terms
from tests.unit.rules import INQUIRY, OPENS, START, WINDOW, Lot


def test_a_lot_opens_at_its_time_and_the_inquiry_lasts_240_000_ms() -> None:
    lot = Lot().beats(OPENS - 1)
    assert lot.phase is Phase.SCHEDULED
    lot.beats(OPENS)
    assert lot.phase is Phase.INQUIRY
    assert lot.session.deadline == OPENS + 240_000


def test_no_bids_in_the_inquiry() -> None:
    lot = Lot().beats(OPENS)
    assert lot.refused("1001", 10_000) is Reason.NOT_TIMED_BIDDING


def test_the_countdown_starts_at_240_000_when_the_inquiry_ends() -> None:
    lot = Lot().in_timed_bidding()
    assert lot.phase is Phase.TIMED_BIDDING
    assert lot.session.deadline == OPENS + INQUIRY + 240_000


def test_everybody_qualified_may_bid_in_passive_mode() -> None:
    lot = Lot().in_timed_bidding()
    lot.accepted("2002", 10_000)


def test_who_does_not_confirm_is_out() -> None:
    lot = Lot(inquiry_mode=InquiryMode.CONFIRM).beats(OPENS)
    assert isinstance(lot.confirm("1001"), Confirmed)
    lot.beats(OPENS + INQUIRY)
    lot.accepted("1001", 10_000)
    assert lot.refused("2002", 10_500) is Reason.NOT_CONFIRMED


def test_confirming_twice_counts_once() -> None:
    lot = Lot(inquiry_mode=InquiryMode.CONFIRM).beats(OPENS)
    lot.confirm("1001")
    assert lot.confirm("1001") == Done()
    assert lot.session.privates == 1


def test_confirmations_are_taken_in_the_inquiry_only_and_from_the_qualified_only() -> None:
    lot = Lot(inquiry_mode=InquiryMode.CONFIRM)
    assert lot.confirm("1001") == Refused(Obstacle.NOT_INQUIRY)
    lot.beats(OPENS)
    assert lot.confirm("9999") == Refused(Obstacle.NOT_QUALIFIED)
    lot.beats(OPENS + INQUIRY - 1).at(OPENS + INQUIRY)
    assert lot.confirm("1001") == Refused(Obstacle.PAST_DEADLINE)
    assert Lot().beats(OPENS).confirm("1001") == Refused(Obstacle.NOT_INQUIRY)


def test_nobody_confirmed_closes_without_a_bid() -> None:
    lot = Lot(inquiry_mode=InquiryMode.CONFIRM).beats(OPENS).beats(OPENS + INQUIRY)
    closed = lot.model.public[-1]
    assert isinstance(closed, Closed)
    assert (closed.ending, closed.leader, closed.at) == (Ending.NO_CONFIRMATION, "", OPENS + INQUIRY)


def test_confirmations_survive_a_suspension() -> None:
    lot = Lot(inquiry_mode=InquiryMode.CONFIRM).beats(OPENS)
    lot.confirm("1001")
    lot.suspend()
    lot.resume(lot.now + 10_000)
    lot.beats(lot.now + 10_000)
    assert lot.phase is Phase.INQUIRY
    assert "1001" in lot.session.confirmed


def test_the_list_of_the_qualified_is_fixed_at_the_opening() -> None:
    lot = Lot()
    commitments = lot.session.commitments

    def amend(session: Session, now: int) -> tuple[Session, Answer]:
        return rules.amend(session, commitments, {"7777": 0})

    assert lot.do(amend) == Done()
    lot.beats(OPENS)
    assert lot.do(amend) == Refused(Obstacle.ALREADY_OPENED)
    assert lot.session.qualified == {"7777": 0}


def test_no_bid_by_the_first_deadline_closes_without_a_bid() -> None:
    lot = Lot().in_timed_bidding().beats(OPENS + INQUIRY + WINDOW)
    closed = lot.model.public[-1]
    assert isinstance(closed, Closed)
    assert (closed.bids, closed.leader, closed.price) == (0, "", 0)


def test_the_close_is_dated_at_the_deadline() -> None:
    lot = Lot().in_timed_bidding()
    deadline = lot.accepted("1001", 10_000).deadline
    lot.beats(deadline - 1)
    lot.at(deadline + 30).beat()
    lot.touch()
    closed = lot.model.public[-1]
    assert isinstance(closed, Closed)
    assert (closed.at, closed.recorded_at) == (deadline, deadline + 30)


def test_at_the_deadline_only_closing_is_accepted_whether_or_not_anything_has_closed_the_lot() -> None:
    lot = Lot().in_timed_bidding()
    deadline = lot.session.deadline
    lot.beats(deadline - 1).at(deadline)
    assert lot.phase is Phase.TIMED_BIDDING
    assert lot.suspend() == Refused(Obstacle.PAST_DEADLINE)
    assert lot.request_abort("a") == Refused(Obstacle.PAST_DEADLINE)
    assert lot.refused("1001", 10_000) is Reason.LATE


def test_one_ms_before_the_deadline_a_suspension_is_accepted() -> None:
    lot = Lot().in_timed_bidding()
    lot.beats(lot.session.deadline - 1)
    assert isinstance(lot.suspend(), Suspended)


def test_a_suspension_names_its_public_reason_and_the_resumption_its_time() -> None:
    lot = Lot().in_timed_bidding()
    suspended = lot.suspend("核实优先权材料")
    assert isinstance(suspended, Suspended)
    assert (suspended.reason, suspended.cause) == ("核实优先权材料", Cause.ADMINISTRATOR)
    announced = lot.resume(lot.now + 60_000)
    assert isinstance(announced, ResumptionAnnounced)
    assert announced.resumes_at == lot.now + 60_000


@pytest.mark.parametrize("phase", [Phase.INQUIRY, Phase.TIMED_BIDDING])
def test_after_a_resumption_the_full_period_runs_again(phase: Phase) -> None:
    lot = Lot().beats(OPENS) if phase is Phase.INQUIRY else Lot().in_timed_bidding()
    lot.beats(lot.now + 200_000)
    lot.suspend()
    resumes_at = lot.now + 60_000
    lot.resume(resumes_at)
    lot.beats(resumes_at)
    assert lot.phase is phase
    assert lot.session.deadline == resumes_at + 240_000


def test_a_suspended_lot_takes_no_bid_and_says_so() -> None:
    lot = Lot().in_timed_bidding()
    lot.suspend()
    assert lot.refused("1001", 10_000) is Reason.SUSPENDED


def test_a_suspended_lot_waits_for_ever_without_a_resumption() -> None:
    lot = Lot().in_timed_bidding()
    lot.suspend()
    lot.beats(lot.now + 400_000)
    assert lot.phase is Phase.SUSPENDED


def test_suspending_twice_and_resuming_what_runs_are_refused() -> None:
    lot = Lot().in_timed_bidding()
    assert lot.resume(lot.now + 1) == Refused(Obstacle.NOT_SUSPENDED)
    lot.suspend()
    assert lot.suspend() == Refused(Obstacle.ALREADY_SUSPENDED)
    assert lot.resume(lot.now - 1) == Refused(Obstacle.TOO_EARLY)


def test_an_announced_resumption_can_be_taken_back() -> None:
    lot = Lot().in_timed_bidding()
    lot.suspend()
    lot.resume(lot.now + 1_000)
    assert isinstance(lot.suspend("再核实"), Suspended)
    lot.beats(lot.now + 2_000)
    assert lot.phase is Phase.SUSPENDED


def test_a_lot_that_is_not_open_can_not_be_suspended_but_its_abort_can_be_asked_for() -> None:
    lot = Lot()
    assert lot.suspend() == Refused(Obstacle.NOT_LIVE)
    assert isinstance(lot.request_abort("a"), AbortRequested)
    lot.beats(OPENS + 10)
    assert lot.phase is Phase.SUSPENDED


def test_an_abort_takes_two_administrators_and_asking_suspends() -> None:
    lot = Lot().in_timed_bidding()
    assert lot.confirm_abort("b") == Refused(Obstacle.NO_ABORT_REQUESTED)
    assert isinstance(lot.request_abort("a"), AbortRequested)
    assert lot.phase is Phase.SUSPENDED
    assert lot.request_abort("b") == Refused(Obstacle.ABORT_ALREADY_REQUESTED)
    assert lot.confirm_abort("a") == Refused(Obstacle.SAME_ADMINISTRATOR)
    assert isinstance(lot.confirm_abort("b"), Aborted)
    assert lot.phase is Phase.ABORTED


def test_a_resumption_takes_back_a_request_to_abort() -> None:
    lot = Lot()
    lot.request_abort("a")
    lot.resume(OPENS + 5_000)
    lot.beats(OPENS + 5_000)
    assert lot.confirm_abort("b") == Refused(Obstacle.NO_ABORT_REQUESTED)
    lot.touch()
    assert lot.phase is Phase.INQUIRY
    assert lot.session.deadline == OPENS + 5_000 + INQUIRY


def test_nothing_moves_an_ended_lot() -> None:
    lot = Lot().in_timed_bidding().beats(OPENS + INQUIRY + WINDOW)
    before = lot.session
    assert lot.suspend() == Refused(Obstacle.NOT_LIVE)
    assert lot.request_abort("a") == Refused(Obstacle.NOT_LIVE)
    assert lot.resume(lot.now) == Refused(Obstacle.NOT_SUSPENDED)
    assert lot.session == before
    assert TRANSITIONS[Phase.CLOSED] == TRANSITIONS[Phase.ABORTED] == frozenset()


def test_several_phases_never_elapse_in_one_step() -> None:
    """Closers were away, gateways were not: who comes after two periods starts the next one now."""
    lot = Lot().beats(OPENS)
    far = OPENS + INQUIRY + WINDOW + 10_000
    while lot.now < far:
        lot.now += 1_000
        lot.beat()
    lot.touch()
    assert lot.phase is Phase.TIMED_BIDDING
    assert lot.session.deadline == far + WINDOW


def test_the_result_comes_once_and_only_after_the_close() -> None:
    lot = Lot().in_timed_bidding()
    lot.accepted("1001", 10_000)

    def settle(session: Session, now: int) -> tuple[Session, Answer]:
        return rules.settle(lot.model.terms, session, {}, sold=True, now=now)

    assert lot.do(settle) == Refused(Obstacle.NOT_CLOSED)
    lot.beats(lot.session.deadline)
    result = lot.do(settle)
    assert (result.sold, result.winner, result.price) == (True, "1001", 10_000)  # type: ignore[union-attr]
    assert lot.do(settle) == Refused(Obstacle.ALREADY_SETTLED)


def test_a_recovered_lot_is_suspended_in_the_next_epoch_and_names_the_last_recorded_number() -> None:
    lot = Lot().in_timed_bidding()
    last = lot.accepted("1001", 10_000).seq
    session, happened = rules.recover(lot.model.terms, lot.session, 0, lot.now)
    assert (happened.epoch, happened.seq, happened.last_recorded) == (2, last + 1, last)
    assert (session.phase, session.cause) == (Phase.SUSPENDED, Cause.RECOVERY)
    assert session.suspended_from is Phase.TIMED_BIDDING


def test_resumed_says_what_goes_on_until_when() -> None:
    lot = Lot().in_timed_bidding()
    lot.suspend()
    lot.resume(lot.now + 1_000)
    lot.beats(lot.now + 1_000)
    resumed = lot.model.public[-1]
    assert isinstance(resumed, Resumed)
    assert (resumed.phase, resumed.deadline) == (Phase.TIMED_BIDDING, resumed.at + WINDOW)


def test_terms_name_every_fault_at_once() -> None:
    with pytest.raises(ValueError, match=r"starting_price.*increment.*max_steps"):
        Terms(lot="X", starting_price=0, increment=0, max_steps=0)  # type: ignore[arg-type]


def test_the_clock_of_the_tests_starts_before_the_opening() -> None:
    assert START < OPENS
