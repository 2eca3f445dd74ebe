"""The rules of the live auction: `(terms, session, command, now) -> (session, what happened)`. Pure.

The script in the book (book.lua) does the same, atomically; the ledger is a list of these events; the
verifier, the recovery and the simulation run these functions. Prices in fen, times in ms of the book's clock.
Source of every rule: spec "The live auction: the rules".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from bidding.clock import OutageCause, ServiceClock, Tolerances
from bidding.messages import (
    Aborted,
    AbortRequested,
    Answer,
    BidAccepted,
    BidRejected,
    Cause,
    Closed,
    Commitments,
    Confirm,
    Confirmed,
    Done,
    Ending,
    Event,
    InquiryOpened,
    LotScheduled,
    Notice,
    Obstacle,
    Phase,
    PlaceBid,
    Reason,
    Recovered,
    Refused,
    Result,
    Resumed,
    ResumptionAnnounced,
    Suspended,
    TimedBiddingStarted,
)
from bidding.terms import Fen, InquiryMode, PriorityMode, Terms

TRANSITIONS: Final[Mapping[Phase, frozenset[Phase]]] = {
    Phase.SCHEDULED: frozenset({Phase.INQUIRY, Phase.SUSPENDED}),
    Phase.INQUIRY: frozenset({Phase.TIMED_BIDDING, Phase.SUSPENDED, Phase.CLOSED}),
    Phase.TIMED_BIDDING: frozenset({Phase.CLOSED, Phase.SUSPENDED}),
    Phase.SUSPENDED: frozenset({Phase.SCHEDULED, Phase.INQUIRY, Phase.TIMED_BIDDING, Phase.ABORTED}),
    Phase.CLOSED: frozenset(),
    Phase.ABORTED: frozenset(),
}
LIVE: Final = frozenset({Phase.INQUIRY, Phase.TIMED_BIDDING})
ENDED: Final = frozenset({Phase.CLOSED, Phase.ABORTED})

NO_PRICE: Final = Fen(0)
NEVER: Final = 2**63

REFUSALS_REMEMBERED: Final = 32
"""Refused bid ids that are answered again, per bidder; accepted ones are kept until the archive."""
REFUSALS_RECORDED: Final = 256
"""Refusals that enter the lot's private chain, per bidder; later ones are answered only."""


@dataclass(frozen=True, slots=True)
class Session:
    """One lot in its auction.

    `deadline` ends the inquiry or the window; before the opening it is the opening time. `qualified` maps
    paddles to the rank of their priority right (0: none, 1: the highest). `outage` is the last outage of the
    partition that this lot has applied. `accepted` and `refused` are the answers known by
    (paddle, bid id). `confirmations` is the head of the rolling commitment to who confirmed. `privates`
    counts private entries, `recorded_refusals` those of each paddle.
    """

    phase: Phase
    deadline: int
    commitments: Commitments
    qualified: Mapping[str, int]
    epoch: int = 1
    seq: int = 1
    price: Fen = NO_PRICE
    leader: str = ""
    leader_rank: int = 0
    bids: int = 0
    outage: int = 0
    suspended_from: Phase | None = None
    cause: Cause | None = None
    resumes_at: int = 0
    outage_since: int = 0
    abort_requested_by: str = ""
    settled: bool = False
    privates: int = 0
    confirmed: frozenset[str] = frozenset()
    confirmations: str = ""
    accepted: Mapping[tuple[str, str], BidAccepted] = field(default_factory=dict)
    refused: Mapping[str, tuple[tuple[str, BidRejected], ...]] = field(default_factory=dict)
    recorded_refusals: Mapping[str, int] = field(default_factory=dict)


def _move(session: Session, to: Phase) -> Session:
    if to not in TRANSITIONS[session.phase]:
        raise AssertionError(f"{session.phase} does not lead to {to}")
    return replace(session, phase=to)


def schedule(
    terms: Terms, opens_at: int, commitments: Commitments, qualified: Mapping[str, int], clock: ServiceClock
) -> tuple[Session, LotScheduled]:
    """Put a lot on: the first entry of its log."""
    session = Session(Phase.SCHEDULED, opens_at, commitments, dict(qualified), outage=clock.outage)
    happened = LotScheduled(lot=terms.lot, epoch=1, seq=1, at=clock.last, opens_at=opens_at, terms=terms)
    return session, happened


def amend(session: Session, commitments: Commitments, qualified: Mapping[str, int]) -> tuple[Session, Answer]:
    """Replace the list of the qualified; it is fixed at the opening."""
    held = session.phase is Phase.SUSPENDED and session.suspended_from is Phase.SCHEDULED
    if session.phase is not Phase.SCHEDULED and not held:
        return session, Refused(Obstacle.ALREADY_OPENED)
    return replace(session, commitments=commitments, qualified=dict(qualified)), Done()


# ── time ──


def touch(
    terms: Terms, session: Session, clock: ServiceClock, tolerances: Tolerances, now: int
) -> tuple[Session, tuple[Event, ...]]:
    """What every command does first: let at most one phase elapse, then apply unseen outages.

    A phase elapses only up to a beat, and never inside an outage: with unseen outages the horizon is the last
    beat before the first of them.
    """
    if session.phase in ENDED:
        return session, ()
    if session.outage == clock.outage:
        begins = _begins(session, clock, tolerances)
        elapsed, happened = _elapse(terms, session, begins, now) if begins <= clock.horizon else (session, ())
        return _announce_after_outage(terms, elapsed, clock, tolerances, now, happened)
    horizon, begins = clock.outages[session.outage].since, session.resumes_at or session.deadline
    waits = session.phase is Phase.SUSPENDED and not session.resumes_at
    elapsed, happened = (session, ()) if waits or begins > horizon else _elapse(terms, session, begins, now)
    return _apply_outage(terms, elapsed, clock, now, happened)


def due(session: Session, clock: ServiceClock, tolerances: Tolerances, now: int) -> int | None:
    """When the lot wants to be touched next; None: only by a command."""
    if session.phase in ENDED:
        return None
    if session.phase is not Phase.SUSPENDED:
        return session.deadline
    if session.resumes_at:
        return session.resumes_at
    if session.cause is not Cause.OUTAGE:
        return None
    return (clock.steady_since or now) + tolerances.steady_ms


def _begins(session: Session, clock: ServiceClock, tolerances: Tolerances) -> int:
    """When what comes next begins: at its time, but never inside an outage that the lot already knows.

    A resumption also waits for steady beats. NEVER while the lot waits for an administrator.
    """
    if session.phase is not Phase.SUSPENDED:
        return max(session.deadline, clock.steady_since)
    if not session.resumes_at:
        return NEVER
    return max(session.resumes_at, clock.steady_since + tolerances.steady_ms)


def _elapse(terms: Terms, session: Session, begins: int, now: int) -> tuple[Session, tuple[Event, ...]]:
    """The next phase, dated at `begins`; who comes late records it now, never before it began."""
    now = max(now, begins)
    if session.phase is Phase.SUSPENDED:
        return _resume(terms, session, begins, now)
    if session.phase is Phase.SCHEDULED:
        return _open(terms, session, begins, now)
    if session.phase is Phase.INQUIRY:
        return _end_inquiry(terms, session, begins, now)
    return close(terms, session, Ending.DEADLINE, now)


def _period_end(began: int, period_ms: int, now: int) -> int:
    """The end of a period that began at `began`.

    A period never elapses in the step that begins it: who comes that late starts it now.
    """
    end = began + period_ms
    return end if end > now else now + period_ms


def _open(terms: Terms, session: Session, begins: int, now: int) -> tuple[Session, tuple[Event, ...]]:
    opened = replace(
        _move(session, Phase.INQUIRY),
        deadline=_period_end(begins, terms.inquiry_ms, now),
        confirmations=session.commitments.private,
        seq=session.seq + 1,
    )
    happened = InquiryOpened(
        lot=terms.lot,
        epoch=opened.epoch,
        seq=opened.seq,
        at=begins,
        recorded_at=now,
        deadline=opened.deadline,
        commitments=session.commitments,
        terms=terms,
    )
    return opened, (happened,)


def _end_inquiry(terms: Terms, session: Session, begins: int, now: int) -> tuple[Session, tuple[Event, ...]]:
    if terms.inquiry_mode is InquiryMode.CONFIRM and not session.confirmed:
        return close(terms, session, Ending.NO_CONFIRMATION, now)
    started = replace(
        _move(session, Phase.TIMED_BIDDING),
        deadline=_period_end(begins, terms.window_ms, now),
        seq=session.seq + 1,
    )
    happened = TimedBiddingStarted(
        lot=terms.lot,
        epoch=started.epoch,
        seq=started.seq,
        at=begins,
        recorded_at=now,
        confirmations=session.confirmations,
        deadline=started.deadline,
    )
    return started, (happened,)


def close(terms: Terms, session: Session, ending: Ending, now: int) -> tuple[Session, tuple[Event, ...]]:
    """The hammer falls, dated at the deadline."""
    closed = replace(_move(session, Phase.CLOSED), seq=session.seq + 1)
    happened = Closed(
        lot=terms.lot,
        epoch=closed.epoch,
        seq=closed.seq,
        at=session.deadline,
        recorded_at=now,
        bids=session.bids,
        ending=ending,
        leader=session.leader,
        price=session.price,
    )
    return closed, (happened,)


def _resume(terms: Terms, session: Session, begins: int, now: int) -> tuple[Session, tuple[Event, ...]]:
    if session.suspended_from is None:
        raise AssertionError("a suspended lot has forgotten its phase")
    to = session.suspended_from
    deadline = {
        Phase.SCHEDULED: max(session.deadline, begins),
        Phase.INQUIRY: _period_end(begins, terms.inquiry_ms, now),
        Phase.TIMED_BIDDING: _period_end(begins, terms.window_ms, now),
    }[to]
    resumed = replace(
        _move(session, to),
        deadline=deadline,
        seq=session.seq + 1,
        suspended_from=None,
        cause=None,
        resumes_at=0,
        outage_since=0,
    )
    happened = Resumed(
        lot=terms.lot,
        epoch=resumed.epoch,
        seq=resumed.seq,
        at=begins,
        recorded_at=now,
        phase=to,
        deadline=deadline,
    )
    return resumed, (happened,)


def _apply_outage(
    terms: Terms, session: Session, clock: ServiceClock, now: int, before: tuple[Event, ...]
) -> tuple[Session, tuple[Event, ...]]:
    unseen = clock.outages[session.outage :]
    since, until = unseen[0].since, unseen[-1].until
    stepped_back = any(outage.cause is OutageCause.CLOCK for outage in unseen)
    if session.phase in ENDED:
        return session, before
    later = session.phase is Phase.SCHEDULED and session.deadline > (until or now)
    if later and not stepped_back:
        seen = replace(session, outage=clock.outage) if until else session
        return seen, before
    waiting = session.phase is Phase.SUSPENDED and not session.resumes_at
    applied = replace(session, outage=clock.outage)
    if waiting and not stepped_back:
        return applied, before
    why = OutageCause.CLOCK if stepped_back else unseen[0].cause
    cause = session.cause if waiting and session.cause is not None else Cause.OUTAGE
    suspended, happened = _suspend(terms, applied, cause, "", now, since=since, until=until, outage=why)
    return suspended, (*before, happened)


def _announce_after_outage(
    terms: Terms,
    session: Session,
    clock: ServiceClock,
    tolerances: Tolerances,
    now: int,
    before: tuple[Event, ...],
) -> tuple[Session, tuple[Event, ...]]:
    waits = session.phase is Phase.SUSPENDED and session.cause is Cause.OUTAGE and not session.resumes_at
    steady = clock.steady_since and now - clock.steady_since >= tolerances.steady_ms
    if not (waits and steady):
        return session, before
    until = clock.outages[-1].until
    announced, happened = _announce(terms, session, now + tolerances.resume_after_ms, now, until=until)
    return announced, (*before, happened)


def _announce(
    terms: Terms, session: Session, resumes_at: int, now: int, *, until: int
) -> tuple[Session, ResumptionAnnounced]:
    if session.cause is None:
        raise AssertionError("a suspended lot has no cause")
    announced = replace(session, resumes_at=resumes_at, abort_requested_by="", seq=session.seq + 1)
    happened = ResumptionAnnounced(
        lot=terms.lot,
        epoch=announced.epoch,
        seq=announced.seq,
        at=now,
        cause=session.cause,
        resumes_at=resumes_at,
        since=session.outage_since,
        until=until,
    )
    return announced, happened


def _suspend(
    terms: Terms,
    session: Session,
    cause: Cause,
    reason: str,
    now: int,
    *,
    since: int = 0,
    until: int = 0,
    outage: str = "",
) -> tuple[Session, Suspended]:
    already = session.phase is Phase.SUSPENDED
    moved = session if already else _move(session, Phase.SUSPENDED)
    suspended = replace(
        moved,
        suspended_from=session.suspended_from if already else session.phase,
        cause=cause,
        resumes_at=0,
        outage_since=since if cause is Cause.OUTAGE else 0,
        seq=session.seq + 1,
    )
    happened = Suspended(
        lot=terms.lot,
        epoch=suspended.epoch,
        seq=suspended.seq,
        at=now,
        cause=cause,
        outage=str(outage),
        reason=reason,
        since=since,
        until=until,
    )
    return suspended, happened


# ── bidding ──


def place_bid(terms: Terms, session: Session, bid: PlaceBid, now: int) -> tuple[Session, Answer]:
    """Decide one bid, after `touch`.

    Returns the next session with BidAccepted, or with BidRejected, its reason and the facts; a known bid id
    gets its first answer again and changes nothing.
    """
    known = _known_answer(session, bid)
    if known is not None and known.price == bid.price:
        return session, known
    reason = Reason.ID_REUSED if known is not None else _refusal(terms, session, bid, now)
    if reason is None:
        return _accept(terms, session, bid, now)
    return _reject(terms, session, bid, reason, now)


def _known_answer(session: Session, bid: PlaceBid) -> BidAccepted | BidRejected | None:
    accepted = session.accepted.get((bid.paddle, bid.bid_id))
    if accepted is not None:
        return accepted
    return dict(session.refused.get(bid.paddle, ())).get(bid.bid_id)


def _refusal(terms: Terms, session: Session, bid: PlaceBid, now: int) -> Reason | None:
    """The first check that fails, in the order of the specification."""
    lowest, highest = bounds(terms, session)
    first = session.bids == 0
    unconfirmed = terms.inquiry_mode is InquiryMode.CONFIRM and bid.paddle not in session.confirmed
    checks = (
        (session.phase in ENDED or session.phase is Phase.SCHEDULED, Reason.NOT_LIVE),
        (session.phase is Phase.SUSPENDED, Reason.SUSPENDED),
        (session.phase is not Phase.TIMED_BIDDING, Reason.NOT_TIMED_BIDDING),
        (now >= session.deadline, Reason.LATE),
        (bid.paddle not in session.qualified, Reason.NOT_QUALIFIED),
        (unconfirmed, Reason.NOT_CONFIRMED),
        (bid.paddle == session.leader and not terms.self_raise, Reason.OWN_BID),
        ((bid.price - terms.starting_price) % terms.increment != 0, Reason.OFF_GRID),
        (first and bid.price < lowest, Reason.BELOW_STARTING_PRICE),
        (bid.price < lowest and not _exercises_priority(terms, session, bid), Reason.BELOW_MINIMUM),
        (bid.price > highest, Reason.ABOVE_MAXIMUM),
    )
    return next((reason for wrong, reason in checks if wrong), None)


def bounds(terms: Terms, session: Session) -> tuple[Fen, Fen]:
    """The lowest and the highest acceptable price of the next bid (priority aside)."""
    if session.bids == 0:
        return terms.starting_price, Fen(terms.starting_price + terms.max_steps * terms.increment)
    highest = session.price + terms.max_steps * terms.increment
    return Fen(session.price + terms.increment), Fen(highest)


def _exercises_priority(terms: Terms, session: Session, bid: PlaceBid) -> bool:
    """A holder may bid exactly the current price against a leader of lower rank, or without a right."""
    rank = session.qualified.get(bid.paddle, 0)
    ahead = rank > 0 and (session.leader_rank == 0 or rank < session.leader_rank)
    return (
        terms.priority_mode is PriorityMode.MATCH
        and session.bids > 0
        and bid.price == session.price
        and ahead
    )


def _accept(terms: Terms, session: Session, bid: PlaceBid, now: int) -> tuple[Session, BidAccepted]:
    happened = BidAccepted(
        lot=terms.lot,
        epoch=session.epoch,
        seq=session.seq + 1,
        at=now,
        bids=session.bids + 1,
        deadline=now + terms.window_ms,
        paddle=bid.paddle,
        price=bid.price,
        priority=_exercises_priority(terms, session, bid),
    )
    accepted = replace(
        session,
        seq=happened.seq,
        price=bid.price,
        leader=bid.paddle,
        leader_rank=session.qualified[bid.paddle],
        bids=happened.bids,
        deadline=happened.deadline,
        accepted={**session.accepted, (bid.paddle, bid.bid_id): happened},
    )
    return accepted, happened


def _reject(
    terms: Terms, session: Session, bid: PlaceBid, reason: Reason, now: int
) -> tuple[Session, BidRejected]:
    lowest, highest = bounds(terms, session)
    count = session.recorded_refusals.get(bid.paddle, 0)
    record = count < REFUSALS_RECORDED
    happened = BidRejected(
        lot=terms.lot,
        epoch=session.epoch,
        number=session.privates + 1 if record else 0,
        at=now,
        paddle=bid.paddle,
        price=bid.price,
        reason=reason,
        current=session.price,
        lowest=lowest,
        highest=highest,
    )
    rejected = replace(
        session,
        privates=session.privates + record,
        recorded_refusals={**session.recorded_refusals, bid.paddle: count + record},
    )
    if reason is Reason.ID_REUSED:
        return rejected, happened
    remembered = ((bid.bid_id, happened), *session.refused.get(bid.paddle, ()))[:REFUSALS_REMEMBERED]
    return replace(rejected, refused={**session.refused, bid.paddle: remembered}), happened


def confirm(terms: Terms, session: Session, confirmation: Confirm, now: int) -> tuple[Session, Answer]:
    """A bidder says during the inquiry that they will bid (mode `confirm`).

    Private until the result, and committed to at once: `confirmation.after` is the next head of the rolling
    commitment, made from `before` by bidding.commitments.next_confirmation. STALE: another came between.
    """
    if session.phase is not Phase.INQUIRY or terms.inquiry_mode is not InquiryMode.CONFIRM:
        return session, Refused(Obstacle.NOT_INQUIRY)
    if now >= session.deadline:
        return session, Refused(Obstacle.PAST_DEADLINE)
    if confirmation.paddle not in session.qualified:
        return session, Refused(Obstacle.NOT_QUALIFIED)
    if confirmation.paddle in session.confirmed:
        return session, Done()
    if confirmation.before != session.confirmations:
        return session, Refused(Obstacle.STALE)
    confirmed = replace(
        session,
        privates=session.privates + 1,
        confirmed=session.confirmed | {confirmation.paddle},
        confirmations=confirmation.after,
    )
    happened = Confirmed(
        lot=terms.lot,
        epoch=session.epoch,
        number=confirmed.privates,
        at=now,
        head=confirmation.after,
        paddle=confirmation.paddle,
        salt=confirmation.salt,
    )
    return confirmed, happened


# ── administration ──


def suspend(terms: Terms, session: Session, reason: str, now: int) -> tuple[Session, Answer]:
    """An administrator halts the lot with a public reason; also takes back an announced resumption."""
    obstacle = _unstoppable(session, now)
    if obstacle is None and session.phase is Phase.SCHEDULED:
        obstacle = Obstacle.NOT_LIVE
    held = session.phase is Phase.SUSPENDED and session.cause is not Cause.OUTAGE and not session.resumes_at
    if held:
        obstacle = Obstacle.ALREADY_SUSPENDED
    if obstacle is not None:
        return session, Refused(obstacle)
    return _suspend(terms, session, Cause.ADMINISTRATOR, reason, now)


def resume(
    terms: Terms, session: Session, resumes_at: int, now: int, *, sparing: bool = False
) -> tuple[Session, Answer]:
    """Announce when the lot goes on, with a full period; takes back a request to abort.

    `sparing`: unless somebody has asked for the end, which who resumes many lots at once has not weighed.
    """
    if session.phase is not Phase.SUSPENDED:
        return session, Refused(Obstacle.NOT_SUSPENDED)
    if resumes_at < now:
        return session, Refused(Obstacle.TOO_EARLY)
    if sparing and session.abort_requested_by:
        return session, Refused(Obstacle.ABORT_ALREADY_REQUESTED)
    return _announce(terms, session, resumes_at, now, until=0)


def request_abort(terms: Terms, session: Session, by: str, reason: str, now: int) -> tuple[Session, Answer]:
    """The first of two administrators asks for the end of the auction. Asking suspends."""
    requested_before = Obstacle.ABORT_ALREADY_REQUESTED if session.abort_requested_by else None
    obstacle = _unstoppable(session, now) or requested_before
    if obstacle is not None:
        return session, Refused(obstacle)
    moved = session if session.phase is Phase.SUSPENDED else _move(session, Phase.SUSPENDED)
    requested = replace(
        moved,
        suspended_from=session.suspended_from if session.phase is Phase.SUSPENDED else session.phase,
        cause=Cause.ABORT_REQUESTED,
        resumes_at=0,
        outage_since=0,
        abort_requested_by=by,
        seq=session.seq + 1,
    )
    happened = AbortRequested(lot=terms.lot, epoch=requested.epoch, seq=requested.seq, at=now, reason=reason)
    return requested, happened


def confirm_abort(terms: Terms, session: Session, by: str, reason: str, now: int) -> tuple[Session, Answer]:
    """The second administrator, another one, ends the auction for good."""
    if not session.abort_requested_by or session.phase is not Phase.SUSPENDED:
        return session, Refused(Obstacle.NO_ABORT_REQUESTED)
    if by == session.abort_requested_by:
        return session, Refused(Obstacle.SAME_ADMINISTRATOR)
    aborted = replace(_move(session, Phase.ABORTED), seq=session.seq + 1)
    return aborted, Aborted(lot=terms.lot, epoch=aborted.epoch, seq=aborted.seq, at=now, reason=reason)


def _unstoppable(session: Session, now: int) -> Obstacle | None:
    if session.phase in ENDED:
        return Obstacle.NOT_LIVE
    past = session.phase is Phase.TIMED_BIDDING and now >= session.deadline
    return Obstacle.PAST_DEADLINE if past else None


def notice(terms: Terms, session: Session, text: str, now: int) -> tuple[Session, Notice]:
    """A public notice in the lot's log; changes nothing else."""
    noticed = replace(session, seq=session.seq + 1)
    return noticed, Notice(lot=terms.lot, epoch=noticed.epoch, seq=noticed.seq, at=now, text=text)


def settle(
    terms: Terms, session: Session, opening: Mapping[str, object], *, sold: bool, now: int
) -> tuple[Session, Answer]:
    """Append the result of a closed lot, once: sold to the leader, or unsold; all commitments are opened."""
    if session.phase is not Phase.CLOSED:
        return session, Refused(Obstacle.NOT_CLOSED)
    if session.settled:
        return session, Refused(Obstacle.ALREADY_SETTLED)
    if sold and not session.leader:
        raise AssertionError("a lot without a bid was sold")
    settled = replace(session, settled=True, seq=session.seq + 1)
    happened = Result(
        lot=terms.lot,
        epoch=settled.epoch,
        seq=settled.seq,
        at=now,
        opening=opening,
        sold=sold,
        winner=session.leader if sold else "",
        price=session.price if sold else Fen(0),
    )
    return settled, happened


def recover(terms: Terms, session: Session, outage: int, now: int) -> tuple[Session, Recovered]:
    """A session that was replayed from the ledger goes on in a rebuilt book: next epoch, suspended.

    Ended lots keep their phase. `outage` is the number that the partition's new clock stands at.
    """
    if session.phase in ENDED or session.phase is Phase.SUSPENDED:
        held = session
    else:
        held = replace(_move(session, Phase.SUSPENDED), suspended_from=session.phase)
    cause = None if session.phase in ENDED else Cause.RECOVERY
    recovered = replace(
        held,
        epoch=session.epoch + 1,
        seq=session.seq + 1,
        outage=outage,
        cause=cause,
        resumes_at=0,
        outage_since=0,
        abort_requested_by="",
    )
    happened = Recovered(
        lot=terms.lot, epoch=recovered.epoch, seq=recovered.seq, at=now, last_recorded=session.seq
    )
    return recovered, happened
