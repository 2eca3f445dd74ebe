"""Files that the trusted key signed and that no auction by the rules can have written: found, and named."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bidding.commitments import Opening, is_sold, next_confirmation
from bidding.ledger.file import Damage, Damaged, Status, verify_ledger
from bidding.ledger.replay import Fault, Finding
from bidding.messages import (
    BidAccepted,
    Cause,
    Closed,
    Ending,
    Entry,
    InquiryOpened,
    LotScheduled,
    Notice,
    Phase,
    Result,
    Resumed,
    ResumptionAnnounced,
    Suspended,
    TimedBiddingStarted,
    canonical,
    line,
)
from bidding.terms import Fen, InquiryMode, Terms
from signing.sm2 import PrivateKey
from tests.ledgerkit import QUALIFIED, SECRETS, file_of, sold_lot, terms

KEY = PrivateKey.generate()
HEAD = SECRETS.commitments(QUALIFIED).private
SALT = "0d" * 32


def started(at: int = 10_500, recorded_at: int = 10_500, deadline: int = 11_500) -> TimedBiddingStarted:
    return TimedBiddingStarted(**IT, at=at, recorded_at=recorded_at, deadline=deadline, confirmations=HEAD)


def bid(at: int, paddle: str = "1001", price: int = 150, bids: int = 1, window: int = 1_000) -> BidAccepted:
    fields = {"paddle": paddle, "price": Fen(price), "bids": bids, "priority": False}
    return BidAccepted(**IT, at=at, deadline=at + window, **fields)


def outage(at: int, since: int, until: int = 0, why: str = "beat") -> Suspended:
    return Suspended(**IT, at=at, cause=Cause.OUTAGE, outage=why, reason="", since=since, until=until)


def over(at: int, since: int, until: int, resumes_at: int) -> ResumptionAnnounced:
    return ResumptionAnnounced(
        **IT, at=at, cause=Cause.OUTAGE, resumes_at=resumes_at, since=since, until=until
    )


def resumed(at: int, recorded_at: int | None = None) -> Resumed:
    written = at if recorded_at is None else recorded_at
    return Resumed(**IT, at=at, deadline=at + 1_000, phase=Phase.TIMED_BIDDING, recorded_at=written)


def closed(at: int, leader: str = "1001", price: int = 150, bids: int = 1) -> Closed:
    fields = {"leader": leader, "price": Fen(price), "bids": bids, "ending": Ending.DEADLINE}
    return Closed(**IT, at=at, recorded_at=at, **fields)


IT: Any = {"lot": "L-1", "epoch": 1, "seq": 0}
SUSPENDED = Suspended(**IT, at=11_000, cause=Cause.ADMINISTRATOR, outage="", reason="r", since=0, until=0)


def lot(*middle: Entry, of: Terms | None = None, confirmed: tuple[tuple[str, str], ...] = ()) -> list[str]:
    """The lines of a lot that opened properly and went on like this, sold with the true opening."""
    played = of or terms()
    opened = InquiryOpened(
        **IT,
        at=10_000,
        recorded_at=10_000,
        commitments=SECRETS.commitments(QUALIFIED),
        deadline=10_000 + played.inquiry_ms,
        terms=played,
    )
    bids = [entry for entry in middle if isinstance(entry, BidAccepted)]
    price, winner = bids[-1].price, bids[-1].paddle
    assert is_sold(winner, price, SECRETS.reserve)
    opening = Opening(
        confirmed=confirmed,
        private_count=len(confirmed),
        private_head="ab" * 32,
        private_salt=SECRETS.private_salt,
        qualified=tuple(sorted(QUALIFIED.items())),
        qualified_salt=SECRETS.qualified_salt,
        reserve=SECRETS.reserve,
        reserve_salt=SECRETS.reserve_salt,
    )
    result = Result(**IT, at=99_999_999, opening=opening.as_json(), sold=True, winner=winner, price=price)
    entries = [LotScheduled(**IT, at=1_000, opens_at=10_000, terms=played), opened, *middle, result]
    return [line(replace(entry, seq=seq)) for seq, entry in enumerate(entries, start=1)]  # type: ignore[arg-type]


def the_finding(lines: Sequence[str], lot: str = "L-1") -> Finding | Damaged:
    report = verify_ledger(file_of(lines, KEY, lot), [KEY.public_key])
    assert report.status is Status.BROKEN
    (found,) = report.findings
    return found


def the_fault(lines: Sequence[str]) -> tuple[int, Fault, str]:
    found = the_finding(lines)
    assert isinstance(found, Finding)
    return found.seq, found.fault, found.facts.get("field", "")


def valid(lines: Sequence[str]) -> None:
    report = verify_ledger(file_of(lines, KEY), [KEY.public_key])
    assert (report.findings, report.status) == ((), Status.VALID)


def changed(lines: Sequence[str], kind: str, **values: object) -> list[str]:
    raws = [json.loads(text) for text in lines]
    return [canonical({**raw, **values} if raw["kind"] == kind else raw) for raw in raws]


def test_what_the_forgeries_are_made_of_is_valid() -> None:
    valid(lot(started(), bid(11_400), closed(12_400)))
    gone = (outage(13_000, 11_900), over(13_500, 11_900, 13_200, 14_000), resumed(14_000))
    valid(lot(started(), bid(11_400), *gone, closed(15_000)))


def test_nothing_elapses_before_it_is_due() -> None:
    slow = replace(terms(), inquiry_ms=240_000, window_ms=240_000)
    course = (started(250_000, 10_001, 490_000), bid(10_002, window=240_000), closed(250_002))
    assert the_fault(lot(*course, of=slow)) == (3, Fault.FIELD, "recorded_at")
    lines = lot(started(), bid(11_400), closed(12_400))
    assert the_fault(changed(lines, "closed", recorded_at=12_399)) == (5, Fault.FIELD, "recorded_at")
    assert the_fault(changed(lines, "closed", recorded_at=1))[:2] == (5, Fault.TIME)


def test_a_lot_is_not_resumed_before_the_announced_time() -> None:
    said = ResumptionAnnounced(
        **IT, at=11_001, cause=Cause.ADMINISTRATOR, resumes_at=71_001, since=0, until=0
    )
    for back in (resumed(71_001, 11_002), resumed(11_002)):
        found = the_fault(lot(started(), SUSPENDED, said, back, bid(11_003), closed(12_003)))
        assert found[:2] == (6, Fault.FIELD)
    valid(lot(started(), SUSPENDED, said, resumed(71_001), bid(71_003), closed(72_003)))


def test_a_period_may_begin_later_but_is_a_full_one() -> None:
    valid(lot(started(10_700, 10_800, 11_700), bid(11_400), closed(12_400)))
    valid(lot(started(10_500, 12_000, 13_000), bid(12_400), closed(13_400)))
    for short in (started(10_700, 10_800, 11_600), started(10_500, 12_000, 12_900)):
        assert the_fault(lot(short, bid(12_100), closed(13_100))) == (3, Fault.FIELD, "deadline")
    assert the_fault(lot(started(10_400, 10_400), bid(11_300), closed(12_300)))[1] is Fault.FIELD
    early = started(10_700, 10_600, 11_700)
    assert the_fault(lot(early, bid(11_400), closed(12_400))) == (3, Fault.FIELD, "recorded_at")


@pytest.mark.parametrize("since", [12_400, 40_000])
def test_an_outage_after_the_deadline_reopens_nothing(since: int) -> None:
    gone = (outage(50_000, since), over(51_000, since, 50_500, 52_000), resumed(52_000))
    course = (started(), bid(11_400), *gone, bid(52_500, "2002", 160, 2), closed(53_500, "2002", 160, 2))
    assert the_fault(lot(*course))[:2] == (5, Fault.OUTAGE)


def test_an_outage_after_the_announced_resumption_holds_nothing_up() -> None:
    first = (outage(13_000, 11_900), over(13_500, 11_900, 13_200, 14_000))
    again = (outage(20_000, 14_000), over(21_000, 14_000, 20_500, 22_000), resumed(22_000))
    assert the_fault(lot(started(), bid(11_400), *first, *again, closed(23_000)))[:2] == (7, Fault.OUTAGE)


@pytest.mark.parametrize(
    ("since", "until"), [(12_001, 0), (99_999_999, 3), (11_900, 11_899), (11_900, 12_001)]
)
def test_an_outage_from_the_future_or_backwards_is_none(since: int, until: int) -> None:
    course = (started(), bid(11_400), outage(12_000, since, until), resumed(14_000), closed(15_000))
    assert the_fault(lot(*course))[:2] == (5, Fault.OUTAGE)


@pytest.mark.parametrize("until", [11_899, 13_501])
def test_the_end_of_an_outage_lies_between_its_beginning_and_its_entry(until: int) -> None:
    gone = (outage(13_000, 11_900), over(13_500, 11_900, until, 14_000), resumed(14_000))
    assert the_fault(lot(started(), bid(11_400), *gone, closed(15_000)))[:2] == (6, Fault.OUTAGE)


def test_time_is_not_turned_back_by_any_entry() -> None:
    back = Notice(**IT, at=0, text="x")
    course = (started(), bid(11_400), back, bid(5, "2002", 160, 2), closed(1_005, "2002", 160, 2))
    assert the_fault(lot(*course))[:2] == (5, Fault.TIME)
    early = replace(SUSPENDED, at=10_499)
    assert the_fault(lot(started(), early, bid(11_400), closed(12_400)))[:2] == (4, Fault.TIME)


def test_time_goes_back_where_the_clock_of_the_book_was_set_back() -> None:
    stepped = outage(5_000, 11_900, why="clock")
    gone = (stepped, over(6_000, 11_900, 5_500, 7_000), resumed(7_000), bid(7_500, "2002", 160, 2))
    valid(lot(started(), bid(11_400), *gone, closed(8_500, "2002", 160, 2)))
    late = (replace(stepped, since=12_400), over(6_000, 12_400, 5_500, 7_000), *gone[2:])
    found = the_fault(lot(started(), bid(11_400), *late, closed(8_500, "2002", 160, 2)))
    assert found[:2] == (5, Fault.OUTAGE)


def test_an_outage_of_no_kind_is_named() -> None:
    gone = (outage(13_000, 11_900, why="weather"), over(13_500, 11_900, 13_200, 14_000), resumed(14_000))
    assert the_fault(lot(started(), bid(11_400), *gone, closed(15_000))) == (5, Fault.FIELD, "outage")


def test_a_header_and_a_seal_of_another_lot_are_found() -> None:
    found = the_finding(sold_lot().lines, "OTHER")
    assert found == Damaged(1, Damage.OTHER_LOT, {"found": "L-1"})


def test_a_text_is_no_truth_value() -> None:
    course = (started(), bid(11_400), bid(11_500, "1001", 160, 2), closed(12_500, "1001", 160, 2))
    raws = [json.loads(text) for text in lot(*course)]
    for raw in raws:
        if "terms" in raw:
            raw["terms"]["self_raise"] = "false"
    assert the_fault([canonical(raw) for raw in raws])[:2] == (1, Fault.NOT_AN_ENTRY)


def test_an_invented_a_left_out_and_a_moved_confirmation_are_found() -> None:
    asked = replace(terms(), inquiry_mode=InquiryMode.CONFIRM)
    first, second = ("1001", SALT), ("2002", "0e" * 32)
    head = next_confirmation(next_confirmation(HEAD, SALT, "1001"), "0e" * 32, "2002")
    course = (replace(started(), confirmations=head), bid(11_400), closed(12_400))
    valid(lot(*course, of=asked, confirmed=(first, second)))
    for wrong in ((first,), (second, first), (first, second, ("3003", SALT)), (first, ("2002", SALT))):
        found = the_fault(lot(*course, of=asked, confirmed=wrong))
        assert found == (3, Fault.FIELD, "confirmations")
