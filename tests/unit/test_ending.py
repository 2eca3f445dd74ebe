"""The end of an announcement, row by row as spec/trading.md has it."""

import dataclasses
from typing import Any

import pytest

from bidding.lots import AssetClass
from trading.lifecycle.ending import decide_end
from trading.lifecycle.states import SaleMethod
from trading.profiles.profile import EndOutcome, ProfileFaults, RuleProfile
from trading.profiles.store import defaults

E = EndOutcome
AUCTION, BIDDING = SaleMethod.AUCTION, SaleMethod.COMPETITIVE_BIDDING


def rules(method: SaleMethod, **changes: Any) -> RuleProfile:
    return dataclasses.replace(defaults()[AssetClass.PHYSICAL, method], **changes)


@pytest.mark.parametrize(
    ("method", "registrants", "extensions", "outcome"),
    [
        (AUCTION, 0, 0, E.FAIL),
        (AUCTION, 1, 0, E.AUCTION),
        (AUCTION, 2, 0, E.AUCTION),
        (BIDDING, 0, 0, E.FAIL),
        (BIDDING, 1, 0, E.EXTEND),
        (BIDDING, 2, 0, E.AUCTION),
        (BIDDING, 50, 0, E.AUCTION),
        (BIDDING, 1, 1, E.NEGOTIATE),
        (BIDDING, 2, 1, E.AUCTION),
        (BIDDING, 0, 1, E.FAIL),
    ],
)
def test_the_table_of_the_spec(method: SaleMethod, registrants: int, extensions: int, outcome: E) -> None:
    assert decide_end(rules(method), method, registrants, extensions) is outcome


@pytest.mark.parametrize("method", SaleMethod)
def test_nobody_may_extend_instead_by_profile(method: SaleMethod) -> None:
    extends = rules(method, on_none=E.EXTEND)
    assert decide_end(extends, method, 0, 0) is E.EXTEND
    assert decide_end(extends, method, 0, 1) is E.FAIL


def test_a_profile_that_extends_twice_does_so() -> None:
    twice = rules(BIDDING, most_extensions=2)
    assert [decide_end(twice, BIDDING, 1, n) for n in range(3)] == [E.EXTEND, E.EXTEND, E.NEGOTIATE]


def test_three_may_be_asked_for() -> None:
    three = rules(BIDDING, minimum_registrants=3)
    assert decide_end(three, BIDDING, 2, 0) is E.EXTEND
    assert decide_end(three, BIDDING, 3, 0) is E.AUCTION


def test_a_profile_of_the_other_method_is_refused() -> None:
    with pytest.raises(ProfileFaults):
        decide_end(rules(BIDDING), AUCTION, 1, 0)
    with pytest.raises(ProfileFaults):
        decide_end(rules(AUCTION), BIDDING, 1, 0)


def test_nobody_counts_below_zero() -> None:
    with pytest.raises(ValueError, match="below zero"):
        decide_end(rules(BIDDING), BIDDING, -1, 0)
