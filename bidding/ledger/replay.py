"""Replay: a lot's public entries once more through the rules. Pure.

Every entry must be exactly what the rules make of the state before it: the auditor's check, the verifier's,
and the way in which recovery gets a lot's state back. What is not public is taken from the result's opening,
or given by the caller; while it is unknown, what depends on it is believed (`Known` says what that is).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from math import inf
from typing import Any, Final, assert_never

from bidding import session as rules
from bidding.clock import Outage, OutageCause, ServiceClock, Tolerances
from bidding.commitments import Opening, check_opening, is_sold, next_confirmation, opening_from
from bidding.messages import (
    Aborted,
    AbortRequested,
    Answer,
    BidAccepted,
    BidRejected,
    Closed,
    Commitments,
    Event,
    InquiryOpened,
    LotScheduled,
    Notice,
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
    parse,
)
from bidding.session import Session
from bidding.terms import InquiryMode, Terms

MAX_FACT: Final = 200
SOMEBODY: Final = "0000"
"""Stands for whoever confirmed, while that is unknown."""
UNOPENED: Final = Commitments(qualified="", reserve="", private="")


class Fault(StrEnum):
    """What can be wrong with an entry."""

    NOT_AN_ENTRY = "not_an_entry"
    OTHER_LOT = "other_lot"
    NUMBER = "number"
    NOT_THE_FIRST = "not_the_first"
    BID_REFUSED = "bid_refused"
    UNQUALIFIED = "unqualified"
    UNCONFIRMED = "unconfirmed"
    TIME = "time"
    OUTAGE = "outage"
    IMPOSSIBLE = "impossible"
    FIELD = "field"
    OPENING = "opening"
    COMMITMENT = "commitment"
    RESERVE = "reserve"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong at entry `seq`, with its facts for the sentence that tells it."""

    seq: int
    fault: Fault
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """What the public entries alone do not show: who is qualified (with ranks), and who confirmed.

    `confirmed` has paddles with their salts, in the order of confirmation.
    """

    qualified: Mapping[str, int]
    confirmed: tuple[tuple[str, str], ...] = ()

    @property
    def paddles(self) -> frozenset[str]:
        return frozenset(paddle for paddle, _ in self.confirmed)

    def head(self, commitments: Commitments) -> str:
        """The rolling commitment to all of the confirmations."""
        head = commitments.private
        for paddle, salt in self.confirmed:
            head = next_confirmation(head, salt, paddle)
        return head


@dataclass(frozen=True, slots=True)
class Replayed:
    """Where the entries lead. `session` is None if not even the first entry could be read; it remembers no
    bid ids. With findings it stands before the first wrong entry."""

    terms: Terms | None
    session: Session | None
    opening: Opening | None
    findings: tuple[Finding, ...]


class Broken(Exception):
    """An entry that the rules did not make."""

    def __init__(self, fault: Fault, **facts: object) -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.facts = {name: shown(value) for name, value in facts.items()}


def shown(value: object) -> str:
    """A fact as a short text; a hostile number may be too long even for that."""
    try:
        return str(value)[:MAX_FACT]
    except ValueError:
        return "…"


def replay(lines: Sequence[str], known: Known | None = None) -> Replayed:
    """Run a lot's public lines, from the first on, through the rules; stops at the first wrong entry."""
    opening, known = _opening_of(lines, known)
    player = _Player(known, _commitments_of(lines))
    for seq, text in enumerate(lines, start=1):
        try:
            player.play(seq, _entry(text))
        except Broken as broken:
            found = Finding(seq, broken.fault, broken.facts)
            return Replayed(player.terms, player.session, opening, (found,))
    return Replayed(player.terms, player.session, opening, ())


def _entry(text: str) -> Event:
    try:
        entry = parse(text)
    except ValueError as fault:
        raise Broken(Fault.NOT_AN_ENTRY) from fault
    if not isinstance(entry, Event):
        raise Broken(Fault.NOT_AN_ENTRY)
    return entry


def _opening_of(lines: Sequence[str], known: Known | None) -> tuple[Opening | None, Known | None]:
    """The opening of the result, and what it tells; one that can't be read is found at its turn."""
    for text in lines:
        if '"kind":"result"' in text:
            try:
                result = parse(text)
                opening = opening_from(result.opening) if isinstance(result, Result) else None
            except ValueError:
                return None, known
            if opening is not None:
                return opening, known or Known(dict(opening.qualified), opening.confirmed)
    return None, known


def _commitments_of(lines: Sequence[str]) -> Commitments:
    for text in lines:
        if '"kind":"inquiry_opened"' in text:
            try:
                opened = parse(text)
            except ValueError:
                return UNOPENED
            if isinstance(opened, InquiryOpened):
                return opened.commitments
    return UNOPENED


class _Player:
    def __init__(self, known: Known | None, commitments: Commitments) -> None:
        self.terms: Terms | None = None
        self.session: Session | None = None
        self._known = known
        self._commitments = commitments
        self._written = 0
        self._before: Event | None = None
        self._stepped_back = False

    def play(self, seq: int, entry: Event) -> None:
        """Take one entry over; Broken when it is not what the rules make of the state before it."""
        if entry.seq != seq:
            raise Broken(Fault.NUMBER, found=entry.seq, expected=seq)
        if self.terms is None or self.session is None:
            self._begin(entry)
            return
        if entry.lot != self.terms.lot:
            raise Broken(Fault.OTHER_LOT, found=entry.lot)
        self._check_time(self.session, entry)
        self._check_outage(self.session, entry)
        believed = self._believe(self.terms, self.session, entry)
        after, answer = self._by_the_rules(self.terms, believed, entry)
        _compare(entry, answer)
        if isinstance(entry, Result):
            self._check_result(entry)
        self._take(replace(after, accepted={}, outage=0), entry)

    def _take(self, after: Session, entry: Event) -> None:
        if isinstance(entry, InquiryOpened) and self._known is not None:
            after = replace(after, confirmations=self._head_of_confirmations(after))
        self.session, self._before = after, entry
        self._written = _written(entry)
        if isinstance(entry, Suspended):
            self._stepped_back = entry.outage == OutageCause.CLOCK

    def _head_of_confirmations(self, session: Session) -> str:
        """After everybody had confirmed. Broken when the opening's commitments are none."""
        if self._known is None:
            return session.confirmations
        try:
            return self._known.head(self._commitments)
        except ValueError as fault:
            raise Broken(Fault.NOT_AN_ENTRY) from fault

    def _begin(self, entry: Event) -> None:
        if not isinstance(entry, LotScheduled):
            raise Broken(Fault.NOT_THE_FIRST)
        if not all(type(value) is int for value in _numbers(entry.terms)) or entry.lot != entry.terms.lot:
            raise Broken(Fault.NOT_AN_ENTRY)
        qualified = self._known.qualified if self._known else {}
        clock = ServiceClock(last=entry.at)
        session, expected = rules.schedule(entry.terms, entry.opens_at, self._commitments, qualified, clock)
        _compare(entry, expected)
        confirmed = self._known.paddles if self._known else frozenset[str]()
        self.terms = entry.terms
        self._take(replace(session, confirmed=confirmed), entry)

    def _believe(self, terms: Terms, session: Session, entry: Event) -> Session:
        """While it is unknown who may bid, whoever did bid is taken to have been allowed to."""
        if self._known is not None:
            return session
        if isinstance(entry, BidAccepted):
            rank = 1 if entry.priority else 0
            somebody = frozenset({entry.paddle})
            return replace(session, qualified={entry.paddle: rank}, confirmed=somebody, leader_rank=0)
        if isinstance(entry, TimedBiddingStarted) and terms.inquiry_mode is InquiryMode.CONFIRM:
            session = replace(session, confirmations=entry.confirmations)
        somebody = frozenset() if isinstance(entry, Closed) else frozenset({SOMEBODY})
        return replace(session, confirmed=somebody)

    def _by_the_rules(self, terms: Terms, session: Session, entry: Event) -> tuple[Session, Answer | None]:
        try:
            return expected(terms, session, entry)
        except (AssertionError, ArithmeticError, TypeError, LookupError) as fault:
            raise Broken(Fault.IMPOSSIBLE, kind=entry.kind, phase=session.phase.value) from fault

    def _check_time(self, session: Session, entry: Event) -> None:
        """The book's time never goes back, but where the entry says so: its server's clock was set back, or
        another server took over. After the end nothing depends on it any more, and no entry would say so."""
        may = isinstance(entry, Recovered) or session.phase in rules.ENDED
        stepped = isinstance(entry, Suspended) and entry.outage == OutageCause.CLOCK
        if _written(entry) < self._written and not (may or stepped):
            raise Broken(Fault.TIME, found=_written(entry), before=self._written)

    def _check_outage(self, session: Session, entry: Event) -> None:
        """An outage begins before what it holds up was due, and has begun and ended when that is written."""
        match entry:
            case Suspended(since=since, until=until) if entry.outage:
                stepped_back = entry.outage == OutageCause.CLOCK
                held_up = self._elapsed_just_before(stepped_back) or since < _due(session)
            case ResumptionAnnounced(since=since, until=until) if until:
                stepped_back, held_up = self._stepped_back, True
            case _:
                return
        begun = since <= entry.at and until <= entry.at and (not until or since <= until)
        if not held_up or not (begun or stepped_back):
            facts = {"since": since, "until": until, "at": entry.at, "due": _due(session)}
            raise Broken(Fault.OUTAGE, **facts)

    def _elapsed_just_before(self, stepped_back: bool) -> bool:
        """When the clock steps back, a period that began in the same step may end before the outage began."""
        return stepped_back and isinstance(self._before, InquiryOpened | TimedBiddingStarted | Resumed)

    def _check_result(self, entry: Result) -> None:
        try:
            opening = opening_from(entry.opening)
        except ValueError as fault:
            raise Broken(Fault.OPENING, says=fault) from fault
        unfit = check_opening(self._commitments, opening)
        if unfit:
            raise Broken(Fault.COMMITMENT, secrets=", ".join(sorted(unfit)))
        assert self.session is not None  # there is a state, or this would be the first entry
        should = is_sold(self.session.leader, self.session.price, opening.reserve)
        if should != entry.sold:
            reserve = "" if opening.reserve is None else opening.reserve
            raise Broken(Fault.RESERVE, price=self.session.price, reserve=reserve, sold=entry.sold)


def _numbers(terms: Terms) -> tuple[Any, ...]:
    return terms.starting_price, terms.increment, terms.max_steps, terms.inquiry_ms, terms.window_ms


def _written(entry: Event) -> int:
    at: int = getattr(entry, "recorded_at", entry.at)
    return at


def _due(session: Session) -> float:
    """When the lot's next step is due; never while it waits for a person or for the end of an outage."""
    return session.deadline if session.phase is not Phase.SUSPENDED else session.resumes_at or inf


def _compare(entry: Event, answer: Answer | None) -> None:
    """Broken, with what differs, unless the rules' answer is the entry."""
    if answer == entry:
        return
    match answer:
        case BidRejected(reason=Reason.NOT_QUALIFIED):
            raise Broken(Fault.UNQUALIFIED, paddle=answer.paddle)
        case BidRejected(reason=Reason.NOT_CONFIRMED):
            raise Broken(Fault.UNCONFIRMED, paddle=answer.paddle)
        case BidRejected():
            facts = {"price": answer.price, "lowest": answer.lowest, "highest": answer.highest}
            raise Broken(Fault.BID_REFUSED, paddle=answer.paddle, reason=answer.reason.value, **facts)
        case Refused():
            raise Broken(Fault.IMPOSSIBLE, kind=entry.kind, phase=answer.obstacle.value)
    if type(answer) is not type(entry):
        raise Broken(Fault.IMPOSSIBLE, kind=entry.kind, phase="" if answer is None else answer.kind)
    for one in fields(entry):
        found, should = getattr(entry, one.name), getattr(answer, one.name)
        if found != should:
            raise Broken(Fault.FIELD, field=one.name, found=found, expected=should)


# ── what the rules make of a state, given that an entry of this kind was written then ───────────────────────


Elapsed = InquiryOpened | TimedBiddingStarted | Resumed | Closed


def expected(terms: Terms, session: Session, entry: Event) -> tuple[Session, Answer | None]:
    """The state and the entry that the rules produce where `entry` stands; None: they produce nothing."""
    match entry:
        case BidAccepted():
            return rules.place_bid(terms, session, PlaceBid(entry.paddle, "", entry.price), entry.at)
        case InquiryOpened() | TimedBiddingStarted() | Resumed() | Closed():
            return _elapsed(terms, session, entry)
        case Suspended():
            if entry.outage:
                return _outage(terms, session, entry)
            return rules.suspend(terms, session, entry.reason, entry.at)
        case ResumptionAnnounced():
            if entry.until:
                return _announced(terms, session, entry)
            return rules.resume(terms, session, entry.resumes_at, entry.at)
        case AbortRequested():
            return rules.request_abort(terms, session, "one", entry.reason, entry.at)
        case Aborted():
            return rules.confirm_abort(terms, session, "another", entry.reason, entry.at)
        case Result():
            return rules.settle(terms, session, entry.opening, sold=entry.sold, now=entry.at)
        case Notice():
            return rules.notice(terms, session, entry.text, entry.at)
        case Recovered():
            return rules.recover(terms, session, 0, entry.at)
        case LotScheduled():
            return session, None
    assert_never(entry)


def _elapsed(terms: Terms, session: Session, entry: Elapsed) -> tuple[Session, Answer | None]:
    """One phase elapses: at the time it was due, or later where the service was not steady before."""
    due = session.resumes_at if session.phase is Phase.SUSPENDED else session.deadline
    begins = max(due, entry.at, 1)
    clock = ServiceClock(last=entry.recorded_at, beat=begins, steady_since=begins)
    return _one(rules.touch(terms, session, clock, Tolerances(steady_ms=0), entry.recorded_at))


def _outage(terms: Terms, session: Session, entry: Suspended) -> tuple[Session, Answer | None]:
    """The lot is touched after an outage; what had elapsed before it has been written already."""
    try:
        broken = Outage(entry.since, entry.until, OutageCause(entry.outage))
    except ValueError as fault:
        raise Broken(Fault.FIELD, field="outage", found=entry.outage, expected="") from fault
    clock = ServiceClock(last=entry.at, outages=(broken,))
    held = replace(session, deadline=max(session.deadline, entry.since + 1))
    if session.resumes_at:
        held = replace(held, resumes_at=max(session.resumes_at, entry.since + 1))
    after, answer = _one(rules.touch(terms, held, clock, Tolerances(), entry.at))
    return replace(after, deadline=session.deadline), answer


def _announced(terms: Terms, session: Session, entry: ResumptionAnnounced) -> tuple[Session, Answer | None]:
    """After steady beats the end of an outage is announced; how long after is a setting of the platform."""
    broken = Outage(session.outage_since, entry.until, OutageCause.BEAT)
    clock = ServiceClock(last=entry.at, steady_since=1, outages=(broken,))
    tolerances = Tolerances(steady_ms=0, resume_after_ms=max(0, entry.resumes_at - entry.at))
    return _one(rules.touch(terms, replace(session, outage=1), clock, tolerances, entry.at))


def _one(touched: tuple[Session, tuple[Event, ...]]) -> tuple[Session, Answer | None]:
    after, happened = touched
    return after, happened[0] if len(happened) == 1 else None
