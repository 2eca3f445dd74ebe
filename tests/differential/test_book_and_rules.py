"""The script in the book against the pure rules: the same commands, the same bytes, the same state."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import Phase as HypothesisPhase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from bidding import clock as clocks
from bidding import session as rules
from bidding.book import Book, Outcome, Snapshot, script
from bidding.clock import Tolerances
from bidding.keys import partition_keys
from bidding.messages import Answer, Commitments, Confirm, Done, Phase, PlaceBid, line
from bidding.pipeline import Pipeline
from bidding.session import bounds
from bidding.terms import MAX_PRICE, Fen, InquiryMode, PriorityMode, Terms
from tests.model import Model

LOT = "XX-1"
PADDLES = ("1001", "2002", "3003", "4004")
STRANGER = "9999"
TOLERANCES = Tolerances(beat_ms=1000, ledger_ms=30_000, steady_ms=5000, resume_after_ms=60_000)
TEST_PRELUDE = "local function time_ms() return tonumber(redis.call('GET', KEYS[1] .. ':test')) end"
CLOCK = partition_keys(0).clock
COMMITMENTS = Commitments(qualified="aa", reserve="bb", private="cc")


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    increment = draw(st.sampled_from([1, 3, 100, 10**6, 10**11, 333_333_333_333]))
    max_steps = draw(st.sampled_from([1, 5, 100]))
    room = MAX_PRICE - max_steps * increment
    starting = draw(st.sampled_from([1, 100, 99_999_999_999_999, room - 7 * increment, room]))
    return Terms(
        lot=LOT,
        starting_price=Fen(starting),
        increment=Fen(increment),
        max_steps=max_steps,
        inquiry_ms=draw(st.sampled_from([500, 3000])),
        window_ms=draw(st.sampled_from([900, 4000])),
        inquiry_mode=draw(st.sampled_from([InquiryMode.PASSIVE, InquiryMode.PASSIVE, InquiryMode.CONFIRM])),
        priority_mode=draw(st.sampled_from(PriorityMode)),
        self_raise=draw(st.booleans()),
    )


class Auction(RuleBasedStateMachine):
    """One lot. Every rule sends one command to both and compares what they say, append and store."""

    url = ""
    tolerances = TOLERANCES
    slip: tuple[str, str] | None = None

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.time, self.run_number = 1_700_000_000_000, 1
        text = script(self.tolerances, TEST_PRELUDE)
        if self.slip:
            assert text.count(self.slip[0]) == 1
            text = text.replace(*self.slip)
        self.pipeline = pipeline = Pipeline(self.url, scripts=(text,))
        self.book = Book(pipeline, partitions=1, text=text)
        self.wait(pipeline.__aenter__())
        self.ask("FLUSHALL")

    def teardown(self) -> None:
        self.wait(self.pipeline.__aexit__())
        self.runner.close()

    def wait(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    def ask(self, *parts: str) -> Any:
        async def ask() -> Any:
            return await (await self.pipeline.ready()).ask(*parts)

        return self.wait(ask())

    @property
    def run(self) -> str:
        return f"run{self.run_number}"

    def send(self, coroutine: Any, expected: Answer) -> None:
        """Send to the book at the planted time what the model has just answered."""
        self.ask("SET", f"{CLOCK}:test", str(self.time))
        connection = self.pipeline.connection
        assert connection is not None
        connection.run = self.run.encode()
        outcome: Outcome = self.wait(coroutine)
        assert outcome.line.decode() == line(expected)
        assert outcome.now == self.model.now
        assert outcome.answer == expected

    # the lot

    @initialize(
        terms=terms(),
        opens_in=st.sampled_from([0, 100, 2500]),
        ranks=st.lists(st.integers(0, 2), min_size=4, max_size=4),
        phases=st.sampled_from([2, 2, 2, 1, 0]),
    )
    def put_on(self, terms: Terms, opens_in: int, ranks: list[int], phases: int) -> None:
        """A lot, often with a steady service that has already brought it to its timed bidding."""
        self.model = Model(terms, self.tolerances)
        if phases:
            self.tell_recorded(True)
            self.tell_beat("g1")
        qualified = dict(zip(PADDLES, ranks, strict=True))
        opens_at = self.time + opens_in
        expected = self.model.schedule(self.time, self.run, opens_at, COMMITMENTS, qualified)
        self.send(self.book.schedule(terms, opens_at, COMMITMENTS, qualified), expected)
        for _ in range(phases):
            if terms.inquiry_mode is InquiryMode.CONFIRM:
                self.confirm(PADDLES[0], stale=False)
                self.confirm(PADDLES[1], stale=False)
            self.the_phase_elapses(0)

    def command(self, coroutine: Any, step: Any) -> None:
        self.send(
            coroutine,
            self.model.command(
                self.time, self.run, lambda session, now: step(self.model.terms, session, now)
            ),
        )

    # time

    @rule(step=st.sampled_from([0, 1, 7, 250, 499, 500, 900, 1000]))
    def time_passes(self, step: int) -> None:
        self.time += step

    @rule(off=st.sampled_from([-1, 0, 0, 0, 1, 400]))
    def the_phase_elapses(self, off: int) -> None:
        """Beats all the way to the next deadline, or one ms off, and a touch there."""
        self.steadily_to(self.next_deadline() + off)
        self.touch()

    def next_deadline(self) -> int:
        session = self.model.session
        assert session is not None
        return session.resumes_at or session.deadline

    def steadily_to(self, at: int) -> None:
        while self.time < at:
            self.time = min(self.time + 900, at)
            self.tell_recorded(True)
            self.tell_beat("g1")

    @rule(
        kind=st.sampled_from(
            ["silence", "silence", "restart", "step back", "step back", "none", "none", "none"]
        ),
        step=st.sampled_from([1, 999, 1000, 1001, 31_000, 100_000]),
    )
    def something_fails(self, kind: str, step: int) -> None:
        """No beats for a while, another run of the server, a clock that steps back; often only almost."""
        if kind == "silence":
            self.time += step
        elif kind == "step back":
            self.time -= step
        elif kind == "restart":
            self.run_number += 1

    # the service

    @rule(
        what=st.sampled_from(
            ["beat", "beat", "second gateway", "hand back", "recorded", "recorded late", "observe"]
        )
    )
    def the_service_reports(self, what: str) -> None:
        match what:
            case "beat":
                self.tell_beat("g1")
            case "second gateway":
                self.tell_beat("g2")
            case "hand back":
                self.tell_hand_back("g2")
            case "observe":
                self.observe()
            case _:
                self.tell_recorded(what == "recorded")

    def observe(self) -> None:
        async def observe() -> Outcome:
            now, observed = await self.book.observe(0)
            return Outcome(now, line(observed).encode(), again=False)

        self.send(observe(), self.model.observation(self.time, self.run))

    def tell_beat(self, gateway: str) -> None:
        expected = self.model.service(
            self.time, self.run, lambda clock, now: clocks.beat(clock, self.tolerances, gateway, now)
        )
        self.send(self.book.beat(0, gateway), expected)

    def tell_hand_back(self, gateway: str) -> None:
        expected = self.model.service(
            self.time, self.run, lambda clock, now: clocks.hand_back(clock, gateway)
        )
        self.send(self.book.hand_back(0, gateway), expected)

    def tell_recorded(self, all_of_it: bool) -> None:
        up_to = 0 if all_of_it else self.time - 20_000
        expected = self.model.service(
            self.time, self.run, lambda clock, now: clocks.recorded(clock, up_to, now)
        )
        self.send(self.book.recorded(0, up_to), expected)

    @rule()
    def service_recovers(self) -> None:
        """Seven seconds of steady beats."""
        self.steadily_to(self.time + 7000)
        self.touch()

    # commands

    @rule()
    def touch(self) -> None:
        self.command(self.book.touch(LOT), lambda terms, session, now: (session, Done()))

    @rule(
        bids=st.lists(
            st.tuples(
                st.sampled_from((*PADDLES, *PADDLES, STRANGER)),
                st.sampled_from("abcdefgh"),
                st.sampled_from([-2, -1, 0, 0, 1, 1, 1, 1, 2, 5, 6, 100, 101]),
                st.sampled_from([0, 0, 0, 0, 0, 1]),
            ),
            min_size=1,
            max_size=6,
        )
    )
    def bids_come(self, bids: list[tuple[str, str, int, int]]) -> None:
        for paddle, bid_id, steps, off in bids:
            terms, session = self.model.terms, self.model.session
            assert session is not None
            price = (session.price or terms.starting_price) + steps * terms.increment + off
            self.bid(PlaceBid(paddle, bid_id, Fen(max(1, min(price, MAX_PRICE)))))

    def bid(self, bid: PlaceBid) -> None:
        self.send(self.book.place_bid(LOT, bid), self.model.bid(self.time, self.run, bid))

    @rule(order=st.permutations(PADDLES), ids=st.lists(st.uuids(), min_size=4, max_size=4, unique=True))
    def everybody_raises(self, order: list[str], ids: list[Any]) -> None:
        """Bids at the lowest acceptable price, each with a fresh id, a few ms apart."""
        for paddle, bid_id in zip(order, ids, strict=True):
            session = self.model.session
            assert session is not None
            self.bid(PlaceBid(paddle, str(bid_id), bounds(self.model.terms, session)[0]))
            self.time += 3

    @rule(data=st.data(), price_changed=st.booleans())
    def a_bid_is_repeated(self, data: st.DataObject, price_changed: bool) -> None:
        session = self.model.session
        assert session is not None
        known = {(paddle, bid_id): answer.price for (paddle, bid_id), answer in session.accepted.items()}
        known |= {
            (paddle, bid_id): answer.price
            for paddle, kept in session.refused.items()
            for bid_id, answer in kept
        }
        if known:
            (paddle, bid_id), price = data.draw(st.sampled_from(sorted(known.items())))
            self.bid(PlaceBid(paddle, bid_id, Fen(price + price_changed)))

    @rule(
        paddle=st.sampled_from(PADDLES),
        off=st.sampled_from([-1, 0, 0, 1]),
        bid_id=st.uuids(),
        what=st.sampled_from(["bid", "bid", "suspend"]),
    )
    def it_comes_at_the_deadline(self, paddle: str, off: int, bid_id: Any, what: str) -> None:
        """To the ms: one before it is in time, AT it a bid is late and nothing but closing is accepted."""
        self.steadily_to(self.next_deadline() - 2)
        self.time = max(self.time, self.next_deadline() + off)
        if what == "bid":
            session = self.model.session
            assert session is not None
            self.bid(PlaceBid(paddle, str(bid_id), bounds(self.model.terms, session)[0]))
        else:
            self.suspend("到时")

    @rule(paddle=st.sampled_from((*PADDLES, STRANGER)), stale=st.sampled_from([False, False, True]))
    def confirm(self, paddle: str, stale: bool = False) -> None:
        session = self.model.session
        assert session is not None
        confirmation = Confirm(paddle, "ab", "stale" if stale else session.confirmations, f"{self.time:x}")
        self.command(
            self.book.confirm_with(LOT, confirmation),
            lambda terms, session, now: rules.confirm(terms, session, confirmation, now),
        )

    @rule(
        what=st.sampled_from(
            ["suspend", "resume", "resume", "request abort", "confirm abort", "notice", "amend"]
        ),
        by=st.sampled_from(["admin-1", "admin-2"]),
        text=st.text(max_size=20),
        resumes_in=st.sampled_from([None, -1, 0, 700]),
        sparing=st.booleans(),
        qualified=st.dictionaries(st.sampled_from(PADDLES), st.integers(0, 2), max_size=4),
    )
    def an_administrator_acts(
        self,
        what: str,
        by: str,
        text: str,
        resumes_in: int | None,
        sparing: bool,
        qualified: dict[str, int],
    ) -> None:
        match what:
            case "suspend":
                self.suspend(text)
            case "resume":
                self.resume(resumes_in, sparing)
            case "request abort":
                self.command(
                    self.book.request_abort(LOT, by, text),
                    lambda terms, session, now: rules.request_abort(terms, session, by, text, now),
                )
            case "confirm abort":
                self.command(
                    self.book.confirm_abort(LOT, by, text),
                    lambda terms, session, now: rules.confirm_abort(terms, session, by, text, now),
                )
            case "notice":
                self.command(
                    self.book.notice(LOT, text),
                    lambda terms, session, now: rules.notice(terms, session, text, now),
                )
            case _:
                self.amend(qualified)

    def suspend(self, reason: str) -> None:
        self.command(
            self.book.suspend(LOT, reason),
            lambda terms, session, now: rules.suspend(terms, session, reason, now),
        )

    def amend(self, qualified: dict[str, int]) -> None:
        commitments = Commitments(qualified="dd", reserve="bb", private="cc")
        self.command(
            self.book.amend(LOT, commitments, qualified),
            lambda terms, session, now: rules.amend(session, commitments, qualified),
        )

    def resume(self, resumes_in: int | None, sparing: bool) -> None:
        at = None if resumes_in is None else self.time + resumes_in

        def step(terms: Terms, session: rules.Session, now: int) -> Any:
            default = now + self.tolerances.resume_after_ms
            return rules.resume(terms, session, default if at is None else at, now, sparing=sparing)

        self.command(self.book.resume(LOT, at, sparing=sparing), step)

    @rule(reserve=st.integers(0, 9))
    def settle(self, reserve: int) -> None:
        session = self.model.session
        assert session is not None
        opening = {"reserve": reserve, "salt": "00", "qualified": [["1001", 0]]}
        sold = bool(session.leader) and reserve > 3
        self.command(
            self.book.settle(LOT, opening, sold=sold),
            lambda terms, session, now: rules.settle(terms, session, opening, sold=sold, now=now),
        )

    # what must hold after every command

    @invariant()
    def both_agree(self) -> None:
        if not hasattr(self, "model") or self.model.session is None:
            return
        keys = partition_keys(0)
        snapshot: Snapshot = self.wait(self.book.snapshot(LOT))
        assert snapshot.session == self.model.session
        assert snapshot.terms == self.model.terms
        assert snapshot.clock == self.model.clock
        assert self.lines(keys.log) == [line(event) for event in self.model.public]
        assert self.lines(keys.private_log) == [line(event) for event in self.model.private]
        assert [text.decode() for text in snapshot.recent] == self.lines(keys.log)[-1000:]
        self.agree_on_due()

    def lines(self, stream: str) -> list[str]:
        entries = self.ask("XRANGE", stream, "-", "+")
        return [dict(zip(fields[::2], fields[1::2], strict=True))[b"line"].decode() for _, fields in entries]

    def agree_on_due(self) -> None:
        score = self.ask("ZSCORE", partition_keys(0).due, LOT)
        assert (None if score is None else int(score)) == self.model.due


QUICK = settings(
    max_examples=12, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
LONG = settings(QUICK, max_examples=1500, stateful_step_count=60)

SLIPS = {
    "late at the deadline": ("now >= s.deadline then reason", "now > s.deadline then reason"),
    "closing needs a beat AT the deadline": ("if s.deadline > horizon", "if s.deadline >= horizon"),
    "no suspension at the deadline": (
        "now >= s.deadline then return 'past",
        "now > s.deadline then return 'past",
    ),
    "the lowest price is acceptable": ("price < lowest and not", "price <= lowest and not"),
    "the highest price is acceptable": ("price > highest", "price >= highest"),
    "a rejected bid resets nothing": (
        "if not reason then",
        "set('deadline', s.deadline + 1) if not reason then",
    ),
    "a repeated bid counts once": ("if num(known_price) == price then", "if false then"),
    "a full window after each bid": ("now + terms.window_ms)", "s.deadline + terms.window_ms)"),
    "an outage stops the closing": ("if s.outage == clock.outage then", "if true then"),
    "silence above the tolerance": ("now - clock.beat > TOLERANCE_MS", "now - clock.beat >= TOLERANCE_MS"),
}


def explore(url: str, budget: settings, **traits: object) -> None:
    run_state_machine_as_test(type("Auction", (Auction,), {"url": url, **traits}), settings=budget)


@pytest.mark.parametrize("lease_counts", [True, False])
def test_the_book_decides_as_the_rules_do(valkey: str, lease_counts: bool) -> None:
    explore(valkey, QUICK, tolerances=Tolerances(lapsed_lease_is_outage=lease_counts))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("lease_counts", [True, False])
def test_the_book_decides_as_the_rules_do_in_many_auctions(valkey: str, lease_counts: bool) -> None:
    explore(valkey, LONG, tolerances=Tolerances(lapsed_lease_is_outage=lease_counts))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("slip", SLIPS)
def test_a_planted_slip_is_caught(valkey: str, slip: str) -> None:
    """The comparison has teeth: each of these one-character mistakes in the script makes it fail."""
    found = settings(QUICK, max_examples=4000, phases=[HypothesisPhase.generate], print_blob=False)
    with pytest.raises(AssertionError):
        explore(valkey, found, slip=SLIPS[slip])


def at_the_deadline(url: str, what: str, off: int, slip: str | None) -> None:
    """A lot in timed bidding, and one command so many ms off its deadline."""
    machine = type("Auction", (Auction,), {"url": url, "slip": SLIPS[slip] if slip else None})()
    try:
        terms = Terms(lot=LOT, starting_price=Fen(100), increment=Fen(10), inquiry_ms=500, window_ms=900)
        machine.put_on(terms=terms, opens_in=100, ranks=[0, 0, 0, 0], phases=2)
        assert machine.model.session.phase is Phase.TIMED_BIDDING
        machine.it_comes_at_the_deadline(paddle=PADDLES[0], off=off, bid_id="one", what=what)
        machine.both_agree()
    finally:
        machine.teardown()


@pytest.mark.parametrize("off", [-1, 0, 1])
@pytest.mark.parametrize("what", ["bid", "suspend"])
def test_both_draw_the_line_at_the_deadline(valkey: str, what: str, off: int) -> None:
    at_the_deadline(valkey, what, off, None)


@pytest.mark.parametrize(
    ("what", "slip"), [("bid", "late at the deadline"), ("suspend", "no suspension at the deadline")]
)
def test_a_slip_planted_at_the_deadline_is_hit_exactly(valkey: str, what: str, slip: str) -> None:
    with pytest.raises(AssertionError):
        at_the_deadline(valkey, what, 0, slip)
    at_the_deadline(valkey, what, -1, slip)
    at_the_deadline(valkey, what, 1, slip)
