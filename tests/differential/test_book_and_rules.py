"""The script in the book against the pure rules: the same commands, the same bytes, the same state."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from bidding import clock as clocks
from bidding import session as rules
from bidding.book import Book, Outcome, Snapshot, partition_keys
from bidding.clock import Tolerances
from bidding.messages import Answer, Commitments, Done, Phase, PlaceBid, line
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
    prelude = TEST_PRELUDE
    tolerances = TOLERANCES

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.time, self.run_number = 1_700_000_000_000, 1
        pipeline, text = Book.pipeline_for(self.url, self.tolerances, prelude=self.prelude)
        self.pipeline: Pipeline = pipeline
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
        assert outcome.now == self.model.clock.last
        assert outcome.answer == expected

    # the lot

    @initialize(
        terms=terms(),
        opens_in=st.sampled_from([0, 100, 2500]),
        ranks=st.lists(st.integers(0, 2), min_size=4, max_size=4),
        steady=st.booleans(),
    )
    def put_on(self, terms: Terms, opens_in: int, ranks: list[int], steady: bool) -> None:
        self.model = Model(terms, self.tolerances)
        if steady:
            self.tell_recorded(True)
            self.tell_beat("g1")
        qualified = dict(zip(PADDLES, ranks, strict=True))
        opens_at = self.time + opens_in
        expected = self.model.schedule(self.time, self.run, opens_at, COMMITMENTS, qualified)
        self.send(self.book.schedule(terms, opens_at, COMMITMENTS, qualified), expected)

    def command(self, coroutine: Any, step: Any) -> None:
        self.send(coroutine, self.model.command(self.time, self.run, lambda session, now: step(self.model.terms, session, now)))

    # time

    @rule(step=st.sampled_from([0, 1, 7, 250, 499, 500, 900, 1000, 1001, 1002, 4000, 5000, 31_000, 60_000]))
    def time_passes(self, step: int) -> None:
        self.time += step

    @rule(off=st.integers(-1, 1), steady=st.booleans())
    def time_comes_to_the_deadline(self, off: int, steady: bool) -> None:
        """Exactly at a deadline and one ms off; with beats all the way, or without."""
        session = self.model.session
        at = (session.resumes_at or session.deadline) + off if session else 0
        while steady and self.time + 900 < at:
            self.time += 900
            self.tell_recorded(True)
            self.tell_beat("g1")
        self.time = max(self.time, at)

    @rule(step=st.sampled_from([1, 999, 1000, 1001, 100_000]))
    def time_steps_back(self, step: int) -> None:
        self.time -= step

    @rule()
    def the_server_restarts(self) -> None:
        self.run_number += 1

    # the service

    @rule(gateway=st.sampled_from(["g1", "g1", "g1", "g2"]))
    def tell_beat(self, gateway: str) -> None:
        expected = self.model.service(
            self.time, self.run, lambda clock, now: clocks.beat(clock, self.tolerances, gateway, now)
        )
        self.send(self.book.beat(0, gateway), expected)

    @rule(gateway=st.sampled_from(["g1", "g2"]))
    def tell_hand_back(self, gateway: str) -> None:
        expected = self.model.service(
            self.time, self.run, lambda clock, now: clocks.hand_back(clock, gateway)
        )
        self.send(self.book.hand_back(0, gateway), expected)

    @rule(all_of_it=st.booleans())
    def tell_recorded(self, all_of_it: bool) -> None:
        up_to = 0 if all_of_it else self.time - 20_000
        expected = self.model.service(
            self.time, self.run, lambda clock, now: clocks.recorded(clock, up_to, now)
        )
        self.send(self.book.recorded(0, up_to), expected)

    @rule()
    def service_recovers(self) -> None:
        """Seven seconds of steady beats."""
        for _ in range(8):
            self.tell_recorded(True)
            self.tell_beat("g1")
            self.time += 900
        self.touch()

    # commands

    @rule()
    def touch(self) -> None:
        self.command(self.book.touch(LOT), lambda terms, session, now: (session, Done()))

    @rule(
        paddle=st.sampled_from((*PADDLES, STRANGER)),
        bid_id=st.sampled_from("abcdefgh"),
        steps=st.sampled_from([-2, -1, 0, 0, 1, 1, 1, 2, 5, 6, 100, 101]),
        off=st.sampled_from([0, 0, 0, 0, 1]),
    )
    def bid(self, paddle: str, bid_id: str, steps: int, off: int) -> None:
        terms, session = self.model.terms, self.model.session
        assert session is not None
        price = (session.price or terms.starting_price) + steps * terms.increment + off
        bid = PlaceBid(paddle, bid_id, Fen(max(1, min(price, MAX_PRICE))))
        expected = self.model.bid(self.time, self.run, bid)
        self.send(self.book.place_bid(LOT, bid), expected)

    @precondition(lambda self: self.model.session.phase is Phase.TIMED_BIDDING)
    @rule(data=st.data(), bid_id=st.uuids())
    def a_good_bid(self, data: st.DataObject, bid_id: Any) -> None:
        session = self.model.session
        assert session is not None
        paddle = data.draw(st.sampled_from([paddle for paddle in PADDLES if paddle != session.leader]))
        bid = PlaceBid(paddle, str(bid_id), bounds(self.model.terms, session)[0])
        self.send(self.book.place_bid(LOT, bid), self.model.bid(self.time, self.run, bid))

    @rule(paddle=st.sampled_from((*PADDLES, STRANGER)))
    def confirm(self, paddle: str) -> None:
        self.command(
            self.book.confirm(LOT, paddle),
            lambda terms, session, now: rules.confirm(terms, session, paddle, now),
        )

    @rule(qualified=st.dictionaries(st.sampled_from(PADDLES), st.integers(0, 2), max_size=4))
    def amend(self, qualified: dict[str, int]) -> None:
        commitments = Commitments(qualified="dd", reserve="bb", private="cc")
        self.command(
            self.book.amend(LOT, commitments, qualified),
            lambda terms, session, now: rules.amend(session, commitments, qualified),
        )

    @rule(reason=st.text(max_size=20))
    def suspend(self, reason: str) -> None:
        self.command(
            self.book.suspend(LOT, reason),
            lambda terms, session, now: rules.suspend(terms, session, reason, now),
        )

    @rule(resumes_in=st.sampled_from([None, -1, 0, 700]))
    def resume(self, resumes_in: int | None) -> None:
        at = None if resumes_in is None else self.time + resumes_in

        def step(terms: Terms, session: rules.Session, now: int) -> Any:
            return rules.resume(terms, session, now + self.tolerances.resume_after_ms if at is None else at, now)

        self.command(self.book.resume(LOT, at), step)

    @rule(by=st.sampled_from(["admin-1", "admin-2"]), reason=st.text(max_size=8))
    def request_abort(self, by: str, reason: str) -> None:
        self.command(
            self.book.request_abort(LOT, by, reason),
            lambda terms, session, now: rules.request_abort(terms, session, by, reason, now),
        )

    @rule(by=st.sampled_from(["admin-1", "admin-2"]))
    def confirm_abort(self, by: str) -> None:
        self.command(
            self.book.confirm_abort(LOT, by, "因故"),
            lambda terms, session, now: rules.confirm_abort(terms, session, by, "因故", now),
        )

    @rule()
    def notice(self) -> None:
        self.command(
            self.book.notice(LOT, "公告 \"x\" \\ \n"),
            lambda terms, session, now: rules.notice(terms, session, "公告 \"x\" \\ \n", now),
        )

    @rule(sold=st.booleans())
    def settle(self, sold: bool) -> None:
        session = self.model.session
        assert session is not None
        opening = {"reserve": 5, "salt": "00", "qualified": [["1001", 0]]}
        sold = sold and bool(session.leader)
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


@pytest.mark.parametrize("lease_counts", [True, False])
def test_the_book_decides_as_the_rules_do(valkey: str, lease_counts: bool) -> None:
    tolerances = Tolerances(lapsed_lease_is_outage=lease_counts)
    machine = type("Auction", (Auction,), {"url": valkey, "tolerances": tolerances})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
