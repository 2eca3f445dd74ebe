"""Rule profiles: what the platform begins with, and everything that is wrong with one at once."""

from itertools import product
from typing import Any

import pytest

from bidding.lots import AssetClass
from trading.lifecycle.states import SaleMethod
from trading.profiles.profile import (
    BOUNDS,
    CHOICES,
    FIELDS,
    SWITCHES,
    FaultKind,
    ProfileFaults,
    RuleProfile,
    faults_of,
)
from trading.profiles.store import defaults

K = FaultKind
BIDDING = SaleMethod.COMPETITIVE_BIDDING


def fields(method: SaleMethod = BIDDING, **changes: Any) -> dict[str, Any]:
    return {**defaults()[AssetClass.PHYSICAL, method].as_json(), **changes}


def test_every_class_and_method_has_a_profile_that_fits_it() -> None:
    shipped = defaults()
    assert set(shipped) == set(product(AssetClass, SaleMethod))
    for (_, method), rules in shipped.items():
        assert faults_of(rules.as_json(), method) == ()


def test_the_numbers_of_the_spec() -> None:
    for (_, method), rules in defaults().items():
        assert rules.extension_working_days == 7
        assert (rules.inquiry_ms, rules.window_ms) == (240_000, 240_000)
        assert (rules.deposit_share_min, rules.deposit_share_max) == (50, 200)
        assert (rules.price_floor_permille, rules.relist_floor_permille) == (900, 800)
        assert (rules.refund_working_days, rules.result_working_days) == (5, 5)
        assert rules.retention_years >= 10
        assert rules.minimum_registrants == (2 if method is BIDDING else 1)
        assert rules.opening_delay_minutes == 0


def test_what_is_stored_is_read_back() -> None:
    for rules in defaults().values():
        assert RuleProfile.parse(rules.as_json()) == rules


def test_every_field_is_judged_in_one_way() -> None:
    kinds = [set(BOUNDS), set(CHOICES), set(SWITCHES)]
    assert set().union(*kinds) == set(FIELDS)
    assert sum(map(len, kinds)) == len(FIELDS)


def test_every_fault_is_named_at_once() -> None:
    wrong = fields(
        extension_working_days=-1,
        window_ms="240000",
        on_one="perhaps",
        self_raise="yes",
        retention_years=9,
        surprise=1,
    )
    del wrong["max_steps"]
    with pytest.raises(ProfileFaults) as refused:
        RuleProfile.parse(wrong)
    assert {fault.field: fault.kind for fault in refused.value.faults} == {
        "surprise": K.UNKNOWN,
        "max_steps": K.MISSING,
        "extension_working_days": K.OUT_OF_RANGE,
        "window_ms": K.NOT_A_NUMBER,
        "on_one": K.NOT_A_CHOICE,
        "self_raise": K.NOT_YES_OR_NO,
        "retention_years": K.OUT_OF_RANGE,
    }


@pytest.mark.parametrize(
    ("changes", "method", "field", "kind"),
    [
        ({"deposit_share_min": 300}, BIDDING, "deposit_share_min", K.ABOVE_MOST),
        ({"most_extensions": 0}, BIDDING, "on_one", K.NEEDS_EXTENSION),
        ({"minimum_registrants": 1}, BIDDING, "minimum_registrants", K.MINIMUM_OF_METHOD),
        ({"minimum_registrants": 2}, SaleMethod.AUCTION, "minimum_registrants", K.MINIMUM_OF_METHOD),
        ({"on_one_again": "negotiate"}, SaleMethod.AUCTION, "on_one_again", K.NEGOTIATES_ONLY_BIDDING),
        ({"on_none": "auction"}, BIDDING, "on_none", K.NOT_A_CHOICE),
        ({"on_one_again": "extend"}, BIDDING, "on_one_again", K.NOT_A_CHOICE),
        ({"day_ends_minute": 1440}, BIDDING, "day_ends_minute", K.OUT_OF_RANGE),
        ({"day_ends_minute": True}, BIDDING, "day_ends_minute", K.NOT_A_NUMBER),
    ],
)
def test_what_does_not_go_together_is_found(
    changes: dict[str, Any], method: SaleMethod, field: str, kind: FaultKind
) -> None:
    (fault,) = faults_of(fields(method, **changes), method)
    assert (fault.field, fault.kind) == (field, kind)


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_hold_at_both_ends(name: str) -> None:
    least, most = BOUNDS[name]
    single = {fault.field for value in (least, most) for fault in faults_of(fields(**{name: value}))}
    assert name not in single or name == "deposit_share_min"
    for outside in (least - 1, most + 1):
        (fault,) = faults_of(fields(**{name: outside}))
        assert (fault.kind, fault.least, fault.most) == (K.OUT_OF_RANGE, least, most)
