"""What stands in the way of submitting a listing, and what the platform proposes."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bidding.lots import AssetClass
from bidding.terms import MAX_PRICE
from tests.listingkit import DESCRIPTION
from trading.lifecycle.states import SaleMethod
from trading.listings import checks
from trading.listings.checks import Candidate, Prices, Shortfall, Step, lacks
from trading.listings.fields import read_details
from trading.listings.file_kinds import FileKind
from trading.profiles.store import defaults

RULES = defaults()[AssetClass.PHYSICAL, SaleMethod.COMPETITIVE_BIDDING]
PRICES = Prices(starting_price=100_000_000, increment=1_000_000, max_steps=50, deposit=10_000_000)
SOUND = Candidate(
    asset_class=AssetClass.PHYSICAL,
    steps=tuple(Step),
    overview="一间门面",
    disclosures="无",
    details=read_details(AssetClass.PHYSICAL, DESCRIPTION)[0],
    prices=PRICES,
    files={FileKind.DECISION: 1, FileKind.PICTURE: 1},
)


def found(candidate: Candidate) -> set[Shortfall]:
    return {lack.what for lack in lacks(candidate, RULES)}


def with_prices(**changes: int | None) -> Candidate:
    return replace(SOUND, prices=replace(PRICES, **changes))


def test_a_sound_listing_lacks_nothing() -> None:
    assert lacks(SOUND, RULES) == ()


def test_everything_that_is_missing_is_said_at_once_in_the_order_of_the_steps() -> None:
    empty = replace(SOUND, steps=("basics",), overview="", disclosures="", details={}, files={})
    told = lacks(empty, RULES)
    assert [lack.step for lack in told] == sorted([lack.step for lack in told], key=list(Step).index)
    assert {Shortfall.STEP_OPEN, Shortfall.NO_DECISION, Shortfall.NO_PICTURE} <= found(empty)
    open_fields = replace(SOUND, overview=" ", disclosures="", details={})
    assert {
        Shortfall.FIELD_OPEN,
        Shortfall.OVERVIEW_OPEN,
        Shortfall.DISCLOSURES_OPEN,
    } <= found(open_fields)


def test_the_deposit_is_five_to_twenty_percent_of_the_starting_price() -> None:
    assert found(with_prices(deposit=5_000_000)) == set()
    assert found(with_prices(deposit=4_999_999)) == {Shortfall.DEPOSIT_TOO_LOW}
    assert found(with_prices(deposit=20_000_000)) == set()
    assert found(with_prices(deposit=20_000_001)) == {Shortfall.DEPOSIT_TOO_HIGH}


def test_under_ninety_percent_of_the_valuation_an_approval_is_needed() -> None:
    valued = replace(SOUND, files={**SOUND.files, FileKind.VALUATION: 1})
    at_floor = replace(valued, prices=replace(PRICES, valuation=111_111_111))
    assert checks.price_floor(111_111_111, RULES) == 100_000_000
    assert found(at_floor) == set()
    below = replace(valued, prices=replace(PRICES, valuation=111_111_112))
    assert found(below) == {Shortfall.NO_PRICE_APPROVAL}
    approved = replace(below, files={**valued.files, FileKind.PRICE_APPROVAL: 1})
    assert found(approved) == set()


def test_a_valuation_comes_with_its_report() -> None:
    assert found(with_prices(valuation=100_000_000)) == {Shortfall.NO_VALUATION_REPORT}


def test_listed_again_the_price_falls_by_twenty_percent_at_most() -> None:
    assert found(replace(SOUND, relisted_price=125_000_000)) == set()
    assert found(replace(SOUND, relisted_price=125_000_001)) == {Shortfall.RELISTED_TOO_LOW}


def test_prices_that_the_book_cannot_handle_are_refused() -> None:
    assert Shortfall.INCREMENT_TOO_HIGH in found(with_prices(increment=100_000_001))
    assert Shortfall.STEPS_TOO_HIGH in found(with_prices(max_steps=RULES.max_steps + 1))
    assert Shortfall.RESERVE_TOO_LOW in found(with_prices(reserve=99_999_999))
    large = replace(PRICES, starting_price=MAX_PRICE - 1, increment=1, max_steps=2)
    assert Shortfall.PRICES_TOO_HIGH in {lack.what for lack in checks.price_lacks(large, RULES)}


@given(st.integers(1, MAX_PRICE // 2), st.sampled_from(list(defaults().values())))
def test_what_is_proposed_always_fits_the_rules(starting_price: int, rules: object) -> None:
    proposed = checks.proposed(starting_price, rules)  # type: ignore[arg-type]
    told = {lack.what for lack in checks.price_lacks(proposed, rules)}  # type: ignore[arg-type]
    least, most = checks.deposit_bounds(starting_price, rules)  # type: ignore[arg-type]
    if least <= most:
        assert told == set()
    assert 1 <= proposed.increment <= starting_price
