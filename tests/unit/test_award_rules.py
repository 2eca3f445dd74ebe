"""Whose turn it is, what a contract takes, what a manifest holds: the pure parts after an auction."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidding.ledger.chain import genesis, link
from bidding.ledger.file import sealed_as
from bidding.lots import AssetClass, Secrets
from bidding.terms import Fen
from office.banking.banks import banks
from tests.ledgerkit import Played, terms
from trading.awards.arrears import missing_of, penalty_of
from trading.awards.awards import has_to_be_asked, number_of, whose_turn
from trading.awards.contract_template import (
    PLAN,
    FieldFaults,
    PlanBounds,
    Wrong,
    contract_template,
    plan_in_words,
    plan_of,
)
from trading.awards.manifest import Entry, For, ManifestFault, manifest_of, read_manifest
from trading.awards.offers import next_holder
from trading.awards.outcome import LedgerUnfit, Outcome, outcome_from
from trading.awards.records import Answer, Award, AwardState, Offer, Source
from trading.awards.registered import papers_among
from trading.awards.result import disclosed, masked
from trading.deposits.prices import Instalment, PriceStanding
from trading.profiles.profile import Disclosure

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
BOUNDS = PlanBounds(60, 6)


def outcome(bids: list[tuple[str, int]], *, reserve: int | None = None, **ranks: int) -> Outcome:
    qualified = {"1001": 0, "2002": 0, "3003": 0} | {name[1:]: rank for name, rank in ranks.items()}
    secrets = Secrets(Fen(reserve) if reserve else None, "0a" * 32, "0b" * 32, "0c" * 32)
    played = Played(terms(match=bool(ranks)), secrets, qualified)
    at = 10_600
    for paddle, price in bids:
        played.bid(paddle, price, at)
        at += 100
    played.settle(at + 3_000)
    return outcome_from(played.lines, statement(played.lines))


def statement(lines: list[str]) -> dict[str, Any]:
    head = genesis("L-1")
    for line in lines:
        head = link(head, line.encode())
    seal = sealed_as("L-1", head.hex(), lines)
    assert seal is not None
    told: dict[str, Any] = json.loads(seal.text())
    return told


# ── whose turn ──────────────────────────────────────────────────────────────────────────────────────────────


def test_everyone_stands_in_line_with_the_own_highest_bid() -> None:
    found = outcome([("1001", 100), ("2002", 120), ("1001", 150), ("3003", 160)])
    assert [(each.paddle, each.price) for each in found.in_line] == [
        ("3003", 160),
        ("1001", 150),
        ("2002", 120),
    ]
    assert found.next_after(()) == found.in_line[0]
    assert found.next_after({"3003", "1001"}) == found.in_line[2]
    assert found.next_after({"3003", "1001", "2002"}) is None


def test_bids_below_the_reserve_have_no_effect() -> None:
    found = outcome([("1001", 100), ("2002", 130)], reserve=130)
    assert [each.paddle for each in found.in_line] == ["2002"]


def test_of_the_same_price_who_used_a_priority_right_comes_first() -> None:
    found = outcome([("1001", 100), ("3003", 100)], _3003=1)
    assert [each.paddle for each in found.in_line] == ["3003", "1001"]
    assert found.holders == ()


def test_holders_before_the_winner_are_asked_by_rank() -> None:
    found = outcome([("1001", 100)], _3003=2, _2002=1)
    assert found.holders == (("2002", 1), ("3003", 2))
    assert next_holder(found, ()) == ("2002", 1)
    assert next_holder(found, {"2002"}) == ("3003", 2)
    assert next_holder(found, {"2002", "3003"}) is None


def test_a_ledger_that_does_not_give_the_sealed_result_is_refused() -> None:
    played = Played(secrets=Secrets(None, "0a" * 32, "0b" * 32, "0c" * 32))
    played.bid("1001", 100, 10_600)
    played.settle(15_000)
    seal = statement(played.lines)
    with pytest.raises(LedgerUnfit):
        outcome_from(played.lines, {**seal, "winner": "2002"})
    with pytest.raises(LedgerUnfit):
        outcome_from(played.lines[:-2], seal)


def award(paddle: str, state: AwardState, number: int = 1) -> Award:
    return Award(
        *(
            number,
            "L-1",
            number,
            Source.AUCTION,
            "",
            1,
            "某某",
            paddle,
            Fen(100),
            state,
            "x",
            None,
            "",
            0,
            NOW,
        ),
        *(None, None),
    )


def offer(paddle: str, answer: Answer, source: Source = Source.PRIORITY) -> Offer:
    return Offer("L-1", paddle, source, 1, "", 1, Fen(160), NOW, NOW, answer, NOW)


def test_a_turn_comes_once_and_a_holder_who_took_the_price_comes_first() -> None:
    found = outcome([("1001", 100), ("2002", 120)])
    assert whose_turn(found, [], []) is not None
    first = whose_turn(found, [], [offer("3003", Answer.TAKEN)])
    assert first is not None
    assert (first.source, first.paddle, first.price) == (Source.PRIORITY, "3003", 160)
    declined = whose_turn(found, [], [offer("3003", Answer.DECLINED)])
    assert declined is not None
    assert (declined.source, declined.paddle) == (Source.AUCTION, "2002")
    refused = [award("3003", AwardState.REFUSED), award("2002", AwardState.REFUSED, 2)]
    following = whose_turn(found, refused, [offer("3003", Answer.TAKEN)])
    assert following is not None
    assert (following.source, following.paddle) == (Source.NEXT_BIDDER, "1001")
    assert whose_turn(found, [award("2002", AwardState.REVIEW)], []) is None
    assert whose_turn(found, [award("2002", AwardState.AWARDED)], []) is None


def test_who_is_not_bound_by_the_auction_is_asked_and_passed_over_when_declining() -> None:
    found = outcome([("1001", 100), ("2002", 120), ("3003", 130)])
    refused = [award("3003", AwardState.REFUSED)]
    turn = whose_turn(found, refused, [])
    assert turn is not None
    assert has_to_be_asked(turn, refused, [])
    taken = [offer("2002", Answer.TAKEN, Source.NEXT_BIDDER)]
    assert not has_to_be_asked(turn, refused, taken)
    assert has_to_be_asked(turn, refused, [offer("2002", Answer.TAKEN)]), "a right is another question"
    for answer in (Answer.DECLINED, Answer.TIMED_OUT):
        later = whose_turn(found, refused, [offer("2002", answer, Source.NEXT_BIDDER)])
        assert later is not None
        assert (later.paddle, later.price) == ("1001", 100)


def test_after_a_lapsed_right_the_highest_bidder_is_bound_after_a_default_nobody_is() -> None:
    found = outcome([("1001", 100), ("2002", 120)])
    for state, asked in ((AwardState.REFUSED, False), (AwardState.DEFAULTED, True)):
        had = [award("3003", state)]
        turn = whose_turn(found, had, [offer("3003", Answer.TAKEN)])
        assert turn is not None
        assert (turn.source, turn.paddle) == (Source.AUCTION, "2002")
        assert has_to_be_asked(turn, had, []) is asked


def test_numbers_are_of_the_year_in_beijing() -> None:
    assert number_of("CJ", "L-1", datetime(2026, 12, 31, 17, 0, tzinfo=UTC)) == "CJ2027-L-1"
    assert number_of("HT", "L-1", NOW, 2) == "HT2026-L-1-2"


def test_natural_persons_are_masked_and_organizations_named() -> None:
    assert [masked(name) for name in ("张三", "欧阳小明", "吉首市某某公司", "阿卜杜·热西提")] == [
        "张*",
        "欧***",
        "吉首市某某公司",
        "阿******",
    ]
    assert disclosed("张三、李四", "1001", Disclosure.MASKED) == "张*、李*"
    assert disclosed("张三", "1001", Disclosure.NAME) == "张三"
    assert disclosed("张三", "1001", Disclosure.PADDLE) == "竞买号 1001"


# ── contracts ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("asset_class", AssetClass)
def test_every_class_has_a_contract_with_every_place_filled_in(asset_class: AssetClass) -> None:
    template = contract_template(asset_class)
    assert set(PLAN) <= {field.name for field in template.fields}
    values = template.checked({"more": "{price}{nothing}#panic()"}, BOUNDS)
    clauses = template.clauses(values, {"price": "P", "deposit": "D", "plan": "N"})
    text = "\n".join(clause.text for clause in clauses)
    assert "{price}{nothing}#panic()" in text, "what is typed in is not read for places"
    assert text.replace("{price}{nothing}", "").count("{") == 0
    without = contract_template(asset_class, credits_deposit=False)
    assert without.fields == template.fields
    bare = "\n".join(text for _, text in without.parts)
    assert "{deposit}" not in bare
    assert "没有保证金冲抵" in bare
    assert "保证金从第" not in plan_in_words(
        plan_of({**values, "instalments": "2"}, 100), credits_deposit=False
    )


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"pay_days": "0"}, {"pay_days": Wrong.OUT_OF_BOUNDS}),
        ({"pay_days": "１"}, {"pay_days": Wrong.NOT_A_NUMBER}),
        ({"pay_days": "-1", "court": "x"}, {"pay_days": Wrong.NOT_A_NUMBER, "court": Wrong.NOT_OFFERED}),
        ({"pay_days": "61"}, {"pay_days": Wrong.PLAN_TOO_LONG}),
        ({"instalments": "7"}, {"instalments": Wrong.OUT_OF_BOUNDS}),
        ({"instalments": "6", "interval_days": "30"}, {"interval_days": Wrong.PLAN_TOO_LONG}),
        ({"handover_place": "x" * 101}, {"handover_place": Wrong.TOO_LONG}),
        ({"handover_place": " "}, {"handover_place": Wrong.EMPTY}),
    ],
)
def test_what_is_outside_its_bounds_is_named(typed: dict[str, str], wrong: dict[str, Wrong]) -> None:
    with pytest.raises(FieldFaults) as refused:
        contract_template(AssetClass.PHYSICAL).checked(typed, BOUNDS)
    assert refused.value.faults == wrong


@given(st.integers(1, 10**15), st.integers(1, 60), st.integers(1, 100), st.integers(1, 60))
def test_instalments_sum_to_the_price_and_come_in_order(
    price: int, count: int, first: int, every: int
) -> None:
    values = {"pay_days": str(first), "instalments": str(count), "interval_days": str(every)}
    parts = plan_of(values, price)
    assert sum(part.amount for part in parts) == price
    assert max(part.amount for part in parts) - min(part.amount for part in parts) < count
    days = [part.after_days for part in parts]
    assert days == sorted(days)
    assert days[0] == first
    assert str(days[-1]) in plan_in_words(parts)


# ── manifests ───────────────────────────────────────────────────────────────────────────────────────────────


def entry(path: str = "a/b.json", **changed: Any) -> Entry:
    return Entry(**{"path": path, "size": 1, "sm3": "ab" * 32, "audience": For.ALL.value, **changed})


def test_a_manifest_reads_back_as_it_was_written_in_the_order_of_paths() -> None:
    made = manifest_of("L-1", "车", "平台", NOW, "k", [entry("b"), entry("a"), entry("a/c-1_2.pdf")])
    assert [each.path for each in made.entries] == ["a", "a/c-1_2.pdf", "b"]
    assert read_manifest(made.text()) == made


@pytest.mark.parametrize(
    "bad",
    [
        [],
        [entry("a"), entry("a")],
        [entry("../a")],
        [entry("/a")],
        [entry("a/../../b")],
        [entry("a\\b")],
        [entry("a", size=-1)],
        [entry("a", size=1 << 40)],
        [entry("a", sm3="AB" * 32)],
        [entry("a", audience="everybody")],
        [entry("x" * 241)],
    ],
)
def test_a_manifest_out_of_bounds_is_not_made(bad: list[Entry]) -> None:
    with pytest.raises(ManifestFault):
        manifest_of("L-1", "车", "平台", NOW, "k", bad)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_what_is_no_manifest_is_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises(ManifestFault):
        read_manifest(data)


@pytest.mark.parametrize(
    "twist",
    [
        lambda raw: raw | {"format": "other"},
        lambda raw: raw | {"more": 1},
        lambda raw: raw | {"lot": 1},
        lambda raw: {key: value for key, value in raw.items() if key != "title"},
        lambda raw: raw | {"entries": [{"path": "a"}]},
        lambda raw: raw | {"entries": {"a": 1}},
    ],
)
def test_a_manifest_of_another_form_is_refused(twist: Any) -> None:
    made = manifest_of("L-1", "车", "平台", NOW, "k", [entry()])
    raw = twist(json.loads(made.text()))
    with pytest.raises(ManifestFault):
        read_manifest(json.dumps(raw, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode())


def test_the_review_lists_each_paper_once_and_no_moments() -> None:
    names = [
        *("application", "attachment/1", "consent/x.sealed.pdf", "form.pdf", "form.sealed.pdf"),
        *("moment/submit/1", "pledge.pdf"),
    ]
    assert papers_among(names) == ["attachment/1", "consent/x.sealed.pdf", "form.sealed.pdf", "pledge.pdf"]


def test_money_covers_earlier_instalments_first_and_lateness_costs_by_the_day() -> None:
    plan = tuple(Instalment(Fen(each), date(2026, 3, day)) for each, day in ((400, 1), (300, 11), (300, 21)))
    standing = PriceStanding(
        lot="L",
        number="6" * 18,
        bank=next(iter(banks().values())),
        payer_name="甲",
        price=Fen(1_000),
        fee=Fen(0),
        fee_permille=0,
        credited=Fen(100),
        received=Fen(450),
        due_on=date(2026, 3, 21),
        state="open",
        instalments=plan,
    )
    assert [missing_of(standing, n) for n in range(5)] == [0, 0, 150, 300, 0]
    assert [penalty_of(20_000, 5, date(2026, 3, 1), date(2026, 3, day)) for day in (1, 2, 11)] == [0, 10, 100]
    assert penalty_of(999, 5, date(2026, 3, 1), date(2026, 3, 2)) == 0, "to the fen"
