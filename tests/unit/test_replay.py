"""Replay: what the rules did not make is found, at its entry and with what is wrong."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from bidding import session as rules
from bidding.ledger.replay import Fault, Known, replay
from bidding.messages import Phase, canonical
from bidding.terms import Fen
from tests.ledgerkit import QUALIFIED, Played, sold_lot, terms

Change = Callable[[dict[str, Any]], None]


def index_of(lines: Sequence[str], kind: str, last: bool = False) -> int:
    found = [index for index, line in enumerate(lines) if f'"kind":"{kind}"' in line]
    return found[-1 if last else 0]


def changed(lines: Sequence[str], index: int, **values: object) -> list[str]:
    raw = json.loads(lines[index])
    return [*lines[:index], canonical({**raw, **values}), *lines[index + 1 :]]


def without(lines: Sequence[str], index: int) -> list[str]:
    """The lines without one, numbered anew as a forger would."""
    kept = [json.loads(line) for line in [*lines[:index], *lines[index + 1 :]]]
    return [canonical({**raw, "seq": seq}) for seq, raw in enumerate(kept, start=1)]


def the_fault(lines: Sequence[str], known: Known | None = None) -> tuple[int, Fault]:
    found = replay(lines, known).findings
    assert len(found) == 1
    return found[0].seq, found[0].fault


def test_an_honest_auction_replays_to_its_state() -> None:
    played = sold_lot()
    replayed = replay(played.lines)
    assert replayed.findings == ()
    assert replayed.session is not None
    assert (replayed.session.leader, replayed.session.price) == ("1001", 150)
    assert replayed.session.settled
    assert replayed.opening == played.opening()


def test_an_auction_of_every_kind_of_entry_replays() -> None:
    kinds = {json.loads(line)["kind"] for line in sold_lot().lines}
    assert kinds >= {
        *("lot_scheduled", "inquiry_opened", "timed_bidding_started", "bid_accepted", "suspended"),
        *("resumption_announced", "resumed", "closed", "result"),
    }


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("bid_accepted", "deadline", 99_999),
        ("bid_accepted", "bids", 7),
        ("bid_accepted", "priority", True),
        ("timed_bidding_started", "deadline", 99_999),
        ("inquiry_opened", "deadline", 99_999),
        ("suspended", "cause", "administrator"),
        ("resumption_announced", "since", 1),
        ("resumed", "deadline", 99_999),
        ("closed", "leader", "2002"),
        ("closed", "price", 160),
        ("closed", "bids", 2),
        ("closed", "at", 17_000),
        ("result", "winner", "2002"),
        ("result", "price", 149),
    ],
)
def test_a_wrong_field_is_found_and_named(kind: str, field: str, value: object) -> None:
    lines = sold_lot().lines
    index = index_of(lines, kind)
    replayed = replay(changed(lines, index, **{field: value}))
    (found,) = replayed.findings
    assert found.seq == index + 1
    assert found.fault in (Fault.FIELD, Fault.IMPOSSIBLE)
    if found.fault is Fault.FIELD:
        assert found.facts["field"] == field


@pytest.mark.parametrize("price", [100, 115, 5_000, 90])
def test_a_bid_that_the_rules_refuse_is_found(price: int) -> None:
    lines = sold_lot().lines
    index = index_of(lines, "bid_accepted") + 1
    assert the_fault(changed(lines, index, price=price))[0] in (index + 1, index + 2)


def test_a_bid_by_somebody_not_on_the_opened_list_is_found() -> None:
    lines = sold_lot().lines
    index = index_of(lines, "bid_accepted", last=True)
    forged = changed(lines, index, paddle="9999")
    assert the_fault(forged) == (index + 1, Fault.UNQUALIFIED)


def test_a_bid_by_somebody_who_did_not_confirm_is_found() -> None:
    played = Played(terms(confirm=True))
    played.confirm("1001", 10_200)
    played.bid("1001", 150, 10_600)
    played.settle(12_000)
    assert replay(played.lines).findings == ()
    index = index_of(played.lines, "bid_accepted")
    forged = changed(played.lines, index, paddle="2002")
    assert the_fault(forged) == (index + 1, Fault.UNCONFIRMED)


def test_a_bid_at_the_deadline_is_found() -> None:
    lines = sold_lot().lines
    index = index_of(lines, "bid_accepted")
    deadline = json.loads(lines[index])["deadline"]
    forged = changed(lines, index + 1, at=deadline, deadline=deadline + 1_000)
    assert the_fault(forged) == (index + 2, Fault.BID_REFUSED)


def test_a_bid_before_the_entry_before_it_is_found() -> None:
    lines = sold_lot().lines
    index = index_of(lines, "bid_accepted") + 1
    at = json.loads(lines[index - 1])["at"] - 1
    forged = changed(lines, index, at=at, deadline=at + 1_000)
    assert the_fault(forged) == (index + 1, Fault.TIME)


@pytest.mark.parametrize("missing", range(9))
def test_a_missing_entry_is_found(missing: int) -> None:
    lines = sold_lot().lines
    assert replay(without(lines, missing)).findings or missing >= len(lines) - 1


def test_a_gap_in_the_numbers_is_found() -> None:
    lines = sold_lot().lines
    assert the_fault([*lines[:3], *lines[4:]]) == (4, Fault.NUMBER)


def test_an_opening_that_does_not_fit_the_commitments_is_found() -> None:
    lines = sold_lot().lines
    opening = json.loads(lines[-1])["opening"]
    forged = changed(lines, len(lines) - 1, opening={**opening, "reserve": 120})
    replayed = replay(forged)
    assert replayed.findings[0].fault is Fault.COMMITMENT
    assert replayed.findings[0].facts["secrets"] == "reserve"


def test_a_result_against_the_reserve_is_found() -> None:
    played = Played()
    played.bid("1001", 120, 10_600)
    played.settle(12_000)
    assert replay(played.lines).findings == ()
    lines = played.lines
    forged = changed(lines, len(lines) - 1, sold=True, winner="1001", price=120)
    assert the_fault(forged) == (len(lines), Fault.RESERVE)


def test_a_priority_without_a_right_is_found() -> None:
    played = Played(terms(match=True))
    played.bid("1001", 150, 10_600)
    played.bid("3003", 150, 10_700)
    played.settle(12_000)
    assert '"priority":true' in played.lines[index_of(played.lines, "bid_accepted") + 1]
    assert replay(played.lines).findings == ()
    index = index_of(played.lines, "bid_accepted") + 1
    assert the_fault(changed(played.lines, index, paddle="2002")) == (index + 1, Fault.BID_REFUSED)


def test_without_the_opening_bidders_are_believed_and_the_rest_is_checked() -> None:
    lines = [line for line in sold_lot().lines if '"kind":"result"' not in line]
    assert replay(lines).findings == ()
    index = index_of(lines, "closed")
    assert the_fault(changed(lines, index, leader="2002")) == (index + 1, Fault.FIELD)


def test_an_aborted_lot_replays() -> None:
    played = Played()
    played.bid("1001", 100, 10_600)
    model = played.model
    model.command(10_700, "r", lambda s, now: rules.request_abort(played.terms, s, "a", "故障", now))
    model.command(10_800, "r", lambda s, now: rules.confirm_abort(played.terms, s, "b", "故障", now))
    assert played.session.phase is Phase.ABORTED
    assert replay(played.lines).findings == ()


def test_a_recovered_lot_replays_and_a_wrong_last_number_is_found() -> None:
    played = Played()
    played.bid("1001", 100, 10_600)
    played.model.session, happened = rules.recover(played.terms, played.session, 0, 10_900)
    played.model.public.append(happened)
    assert replay(played.lines, Known(QUALIFIED)).findings == ()
    last = len(played.lines) - 1
    assert the_fault(changed(played.lines, last, last_recorded=2)) == (last + 1, Fault.FIELD)


@pytest.mark.parametrize(
    "line", ["", "x", "[]", "{}", '{"kind":"done"}', "[" * 5_000, '{"kind":"bid_accepted"}']
)
def test_what_is_no_entry_is_found(line: str) -> None:
    assert the_fault([line]) == (1, Fault.NOT_AN_ENTRY)


def test_a_ledger_that_begins_in_the_middle_is_found() -> None:
    lines = sold_lot().lines
    assert the_fault(without(lines, 0)) == (1, Fault.NOT_THE_FIRST)


def test_terms_of_another_type_are_found() -> None:
    lines = sold_lot().lines
    raw = json.loads(lines[0])["terms"]
    forged = changed(lines, 0, terms={**raw, "increment": 10.5})
    assert the_fault(forged)[1] is Fault.NOT_AN_ENTRY


def test_a_number_too_long_to_print_is_a_finding_not_a_crash() -> None:
    lines = sold_lot().lines
    index = index_of(lines, "bid_accepted")
    assert replay(changed(lines, index, at=Fen(10**4_299), deadline=Fen(9 * 10**4_299))).findings
