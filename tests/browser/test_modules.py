"""The room's modules by themselves, run where they run: in a browser."""

import random
from math import inf
from typing import Any

import cn2an
import pytest
from playwright.sync_api import Page

from bidding.messages import canonical
from signing.sm3 import sm3
from tests.browser.auction_house import House
from tests.browser.conftest import Visit


@pytest.fixture
def page(house: House, visit: Visit) -> Page:
    return visit("/sign-in")


def run(page: Page, module: str, body: str, argument: Any = None) -> Any:
    """Evaluate the body with the module as `m` and the argument as `x`."""
    return page.evaluate(
        f"async (x) => {{ const m = await import('/static/room/{module}.js'); {body} }}", argument
    )


def amounts() -> list[int]:
    dice = random.Random(20251121)
    found = [
        dice.randrange(1, 10**size) * dice.choice((1, 10, 100, 10_000))
        for size in range(1, 15)
        for _ in range(40)
    ]
    return [1, 10, 100, 101, 1_000_000_00, 10**15 - 1, *(fen for fen in found if fen < 10**15)]


def test_capital_amounts_are_those_of_the_documents(page: Page) -> None:
    fens = amounts()
    written = run(page, "money", "return x.map(m.capital)", fens)
    expected = [cn2an.an2cn(f"{fen // 100}.{fen % 100:02d}", "rmb") for fen in fens]
    assert written == expected


def test_amounts_are_read_as_people_type_them(page: Page) -> None:
    typed = {
        "1200000": 120_000_000,
        "1,200,000.5": 120_000_050,
        "１２０，０００": 12_000_000,
        "¥ 120万": 120_000_000,
        "1.5亿元": 15_000_000_000,
        "0.01": 1,
        "": None,
        "1.005": None,
        "1e6": None,
        "-5": None,
        "一百万": None,
        "9999999999999.99": 10**15 - 1,
        "10000000000000": inf,
        "99999999999999999999": inf,
        "100000000000000000000亿": inf,
    }
    assert run(page, "money", "return x.map(m.parseYuan)", list(typed)) == list(typed.values())


def test_an_amount_beyond_all_bounds_is_above_the_maximum(page: Page) -> None:
    auction = "{terms: {starting_price: 1000, increment: 100, max_steps: 5}, bids: 3, price: 1300}"
    body = f"return m.amountProblem({auction}, Infinity)"
    assert run(page, "selectors", body) == {"reason": "above_maximum", "suggestions": [1800]}


def test_figures_have_separators_and_two_decimals(page: Page) -> None:
    assert run(page, "money", "return x.map(m.yuan)", [1, 100, 123_456_789, 10**15 - 1]) == [
        "¥0.01",
        "¥1.00",
        "¥1,234,567.89",
        "¥9,999,999,999,999.99",
    ]


def test_the_page_hashes_as_the_ledger_does(page: Page) -> None:
    texts = ["", "abc", "汉字", "x" * 55, "x" * 56, "x" * 64, "x" * 1_000]
    digests = run(page, "sm3", "return x.map((text) => m.hex(m.sm3(new TextEncoder().encode(text))))", texts)
    assert digests == [sm3(text.encode()).hex() for text in texts]
    values = [
        {"b": 1, "a": [True, None, '引号" 斜线/\\ \n \u2028']},
        {"terms": {"z": 0, "y": -1}},
        "",
        10**15,
    ]
    assert run(page, "chain", "return x.map(m.canonical)", values) == [canonical(value) for value in values]


def test_the_shortest_round_trip_tells_the_time(page: Page) -> None:
    body = """
      let clock = m.unknownClock;
      clock = m.afterRoundTrip(clock, {sent: 0, received: 800, now: 100_700});
      clock = m.afterRoundTrip(clock, {sent: 1000, received: 1010, now: 101_005});
      clock = m.afterRoundTrip(clock, {sent: 2000, received: 2900, now: 102_050});
      return [clock.offset, clock.roundTrip, m.bookTime(clock, 5000)];
    """
    assert run(page, "clock", body) == [100_000, 900, 105_000]


def test_a_tick_corrects_a_clock_that_slept(page: Page) -> None:
    body = """
      let clock = m.afterRoundTrip(m.unknownClock, {sent: 0, received: 10, now: 100_005});
      const same = m.afterTick(clock, {received: 1000, now: 100_990}).offset;
      clock = m.afterTick(clock, {received: 1000, now: 400_000});
      const jumped = clock.offset;
      clock = m.afterRoundTrip(clock, {sent: 1100, received: 1110, now: 400_105});
      return [same, jumped, clock.offset, clock.samples.length];
    """
    assert run(page, "clock", body) == [100_000, 399_000, 399_000, 1]


def test_the_countdown_is_rounded_up_to_the_second(page: Page) -> None:
    assert run(page, "clock", "return x.map(m.clockText)", [240_000, 239_999, 1, 0, -5, 3_600_000]) == [
        "04:00",
        "04:00",
        "00:01",
        "00:00",
        "00:00",
        "1:00:00",
    ]


LOT = """
  const terms = {lot: "L", starting_price: 1000, increment: 100, max_steps: 5, inquiry_ms: 1000,
    window_ms: 1000, inquiry_mode: "passive", priority_mode: "none", self_raise: false};
  const bid = (seq, price, paddle) => ({type: "entry", entry: {kind: "bid_accepted", epoch: 1, seq, at: seq,
    bids: seq - 1, deadline: 9000 + seq, paddle, price, priority: false}});
  const recovered = {type: "entry", entry: {kind: "recovered", epoch: 2, seq: 3, at: 5, last_recorded: 2}};
  const snapshot = {type: "snapshot", received: 0, now: 0, lot: "L", terms, phase: "timed_bidding",
    deadline: 9000, epoch: 1, seq: 1, price: 0, leader: "", bids: 0, cause: null, suspended_from: null,
    resumes_at: 0, settled: false, recorded: null, entries: [], confirmed: null};
  const welcome = {type: "welcome", lot: "L", now: 0, t: 0, received: 0, paddle: "1111", rank: 0,
    may_bid: true, confirmed: null, gateway: "g", resumed: false};
  const after = (...messages) => messages.reduce(m.reduce, m.initialState({lot: "L"}));
"""


def test_entries_are_taken_once_and_in_order(page: Page) -> None:
    body = f"""{LOT}
      const first = [welcome, snapshot, bid(2, 1000, "1111")];
      const state = after(...first, bid(2, 1000, "1111"), bid(3, 1100, "2222"));
      const gap = after(...first, bid(4, 1200, "2222"));
      const healed = m.reduce(gap, {{...snapshot, seq: 4, price: 1200, bids: 3}});
      return [state.auction.price, state.auction.bids, state.entries.length, state.gap,
        gap.gap, gap.auction.seq, healed.gap, healed.auction.price];
    """
    assert run(page, "state", body) == [1100, 2, 2, False, True, 2, False, 1200]


def test_another_epoch_that_does_not_follow_is_a_gap(page: Page) -> None:
    body = f"""{LOT}
      const follows = after(welcome, snapshot, bid(2, 1000, "1111"), recovered);
      const lost = after(welcome, snapshot, bid(2, 1000, "1111"), bid(3, 1100, "1111"), recovered);
      return [follows.auction.phase, follows.auction.epoch, follows.gap, lost.gap, lost.auction.price];
    """
    assert run(page, "state", body) == ["suspended", 2, False, True, 1100]


def test_a_pending_bid_ends_with_its_answer_only(page: Page) -> None:
    body = f"""{LOT}
      const made = {{type: "local_bid", id: "abcdefgh", price: 1000, paddle: "1111", madeAt: 0, at: 5}};
      const sent = {{type: "local_sent", id: "abcdefgh", at: 6}};
      const cut = {{type: "local_closed", code: 1006, retryAt: 50, final: false}};
      const again = {{...welcome, received: 60, resumed: true}};
      const refusal = {{kind: "bid_rejected", reason: "late", price: 1000, current: 0, lowest: 1000,
        highest: 1500}};
      const waiting = after(welcome, snapshot, made, sent);
      const offline = m.reduce(waiting, cut);
      const back = m.reduce(offline, again);
      const other = m.reduce(back, {{type: "rejected", id: "zzzzzzzz", refusal, again: false}});
      const done = m.reduce(other, {{type: "rejected", id: "abcdefgh", refusal, again: false}});
      const stranger = m.reduce(offline, {{...again, paddle: "9999"}});
      const signedOut = m.reduce(offline, {{...again, paddle: null}});
      return [waiting.pending.nextAt, offline.pending.nextAt, back.pending.nextAt, back.pending.id,
        other.pending?.id, done.pending, done.answers[0].kind, stranger.pending, signedOut.pending.id];
    """
    id_ = "abcdefgh"
    assert run(page, "state", body) == [5006, None, 60, id_, id_, None, "rejected", None, id_]


BIDS = """
  const made = (id, price, at) => ({type: "local_bid", id, price, paddle: "1111", madeAt: 0, at});
  const accepted = (id, seq, price, received) => ({type: "accepted", id, again: false, received,
    entry: bid(seq, price, "1111").entry});
  const refused = (id, reason, price, current, received) => ({type: "rejected", id, again: false, received,
    refusal: {kind: "bid_rejected", reason, price, current, lowest: 1100, highest: 1500}});
"""


def test_the_second_press_of_a_double_click_is_no_bid(page: Page) -> None:
    body = f"""{LOT}{BIDS}
      const waiting = after(welcome, snapshot, made("aaaaaaaa", 1000, 100));
      const twice = m.reduce(waiting, made("bbbbbbbb", 1100, 150));
      const done = m.reduce(twice, accepted("aaaaaaaa", 2, 1000, 200));
      const soon = m.reduce(done, made("bbbbbbbb", 1100, 799));
      const later = m.reduce(done, made("bbbbbbbb", 1100, 800));
      return [twice === waiting, soon === done, m.rests(done, 799), m.rests(done, 800), later.pending.id];
    """
    assert run(page, "state", body) == [True, True, True, False, "bbbbbbbb"]


def test_a_success_outlives_the_word_that_one_leads_already(page: Page) -> None:
    body = f"""{LOT}{BIDS}
      const done = after(welcome, snapshot, made("aaaaaaaa", 1000, 100), accepted("aaaaaaaa", 2, 1000, 200));
      const two = m.reduce(m.reduce(done, made("bbbbbbbb", 1100, 900)),
        refused("bbbbbbbb", "own_bid", 1100, 1000, 950));
      const low = m.reduce(done, refused("bbbbbbbb", "below_minimum", 1000, 1000, 950));
      const elsewhere = m.reduce(done, refused("bbbbbbbb", "own_bid", 1400, 1300, 950));
      return [two.pending, ...[two, low, elsewhere].map((state) => state.answers[0].kind)];
    """
    assert run(page, "state", body) == [None, "accepted", "rejected", "rejected"]


def test_the_log_and_the_chain_take_what_entries_of_today_say(page: Page) -> None:
    entries = [
        {"kind": "timed_bidding_started", "epoch": 1, "seq": 2, "at": 1, "recorded_at": 2, "deadline": 9,
         "confirmations": "ab" * 32},
        {"kind": "suspended", "epoch": 1, "seq": 3, "at": 3, "cause": "outage", "outage": "clock",
         "reason": "", "since": 4, "until": 2},
        {"kind": "result", "epoch": 1, "seq": 4, "at": 5, "price": 100, "sold": True, "winner": "1111",
         "opening": {"confirmed": [["1111", "0a"], ["2222", "0b"]], "reserve": None}},
    ]  # fmt: skip
    body = f"""{LOT}
      const {{canonical}} = await import("/static/room/chain.js");
      const {{entryText}} = await import("/static/room/words.js");
      const state = x.reduce((known, entry) => m.reduce(known, {{type: "entry", entry}}),
        after(welcome, snapshot));
      const t = (key, values = {{}}) => `${{key}} ${{values.what ?? ""}}`.trim();
      return [state.gap, state.auction.settled, x.map(canonical), x.map((entry) => entryText(t, entry))];
    """
    assert run(page, "state", body, entries) == [
        False,
        True,
        [canonical(entry) for entry in entries],
        ["entry.timed_bidding_started", "entry.suspended.outage_brief outage.clock", "entry.result.sold"],
    ]


def test_an_outage_is_told_with_its_kind_and_its_length(page: Page) -> None:
    entries = [
        {"since": 1_000, "until": 1_999, "outage": "lease"},
        {"since": 1_000, "until": 4_000, "outage": "ledger"},
        {"since": 1_000, "until": 0, "outage": "restart"},
        {"since": 4_000, "until": 1_000, "outage": "clock"},
        {"since": 1_000, "until": 4_000},
        {"since": 0, "until": 0, "outage": "beat"},
    ]
    body = """
      const t = (key, values) => (values?.what ? `${values.what} ${values.span}` : key);
      return x.map((entry) => m.outageExplanation(t, entry));
    """
    assert run(page, "words", body, entries) == [
        "outage.lease.more halt.outage_brief",
        "outage.ledger.more halt.outage",
        "outage.restart.more halt.outage_open",
        "outage.clock.more halt.outage_brief",
        "outage.other.more halt.outage",
        "",
    ]


def test_a_closed_lot_is_sold_or_unsold_once_that_is_known(page: Page) -> None:
    body = """
      const {phaseName} = await import("/static/board/rows.js");
      const room = (bids, ...entries) => m.phaseName({auction: {phase: "closed", bids}, entries});
      const row = (bids, sold) => phaseName({phase: "closed", bids, sold});
      return [room(0), room(2), room(2, {kind: "result", sold: true}), room(2, {kind: "result", sold: false}),
        m.phaseName({auction: null}), row(0), row(2), row(2, null), row(2, true), row(2, false)];
    """
    assert run(page, "selectors", body) == [
        *("unsold", "closed", "sold", "unsold"),
        *("unknown", "unsold", "closed", "closed", "sold", "unsold"),
    ]


def test_every_message_the_page_does_not_know_changes_nothing(page: Page) -> None:
    body = f"""{LOT}
      const state = after(welcome, snapshot);
      return m.reduce(state, {{type: "news"}}) === state && m.reduce(state, {{type: "entry",
        entry: {{kind: "something_new", epoch: 1, seq: 2, at: 1}}}}).auction.seq === 2;
    """
    assert run(page, "state", body) is True


def test_the_possible_prices_are_those_of_the_rules(page: Page) -> None:
    body = """
      const terms = {starting_price: 1000, increment: 100, max_steps: 5};
      const first = {terms, bids: 0, price: 0}, later = {terms, bids: 3, price: 1300};
      return [m.bounds(first), m.bounds(later), m.stepOffers(first).map((o) => o.price),
        m.stepOffers(later).map((o) => [o.price, o.allowed]),
        m.amountProblem(later, 1300)?.reason, m.amountProblem(later, 1450)?.suggestions,
        m.amountProblem(later, 1900)?.suggestions, m.amountProblem(later, 1400)];
    """
    assert run(page, "selectors", body) == [
        {"lowest": 1000, "highest": 1500},
        {"lowest": 1400, "highest": 1800},
        [1000, 1100, 1200, 1300, 2000],
        [[1400, True], [1500, True], [1600, True], [1800, True], [2300, False]],
        "below_minimum",
        [1400, 1500],
        [1800],
        None,
    ]


def test_the_wait_before_the_next_attempt_grows_and_is_bounded(page: Page) -> None:
    body = """
      const waits = [1, 2, 3, 6, 50].map((failures) => m.backoff(1006, failures, 0.5));
      return [...waits, m.backoff(4429, 1, 0)];
    """
    assert run(page, "connection", body) == [200, 400, 800, 5000, 5000, 10_000]
