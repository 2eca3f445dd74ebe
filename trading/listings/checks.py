"""What stands in the way of submitting a listing: everything at once, with the step where it is put right.

Pure. Prices in fen. Source: spec/trading.md, "Good practice to adopt"; every number is the rule profile's.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from bidding.lots import AssetClass
from bidding.terms import MAX_PRICE
from trading.listings.fields import missing
from trading.listings.file_kinds import FileKind
from trading.profiles.profile import RuleProfile


class Step(StrEnum):
    """The steps of the form, in order."""

    BASICS = "basics"
    DETAILS = "details"
    PRICES = "prices"
    FILES = "files"


class Shortfall(StrEnum):
    STEP_OPEN = "step_open"
    FIELD_OPEN = "field_open"
    OVERVIEW_OPEN = "overview_open"
    DISCLOSURES_OPEN = "disclosures_open"
    DEPOSIT_TOO_LOW = "deposit_too_low"
    DEPOSIT_TOO_HIGH = "deposit_too_high"
    INCREMENT_TOO_HIGH = "increment_too_high"
    STEPS_TOO_HIGH = "steps_too_high"
    PRICES_TOO_HIGH = "prices_too_high"
    RESERVE_TOO_LOW = "reserve_too_low"
    NO_DECISION = "no_decision"
    NO_VALUATION_REPORT = "no_valuation_report"
    NO_PRICE_APPROVAL = "no_price_approval"
    NO_PICTURE = "no_picture"
    RELISTED_TOO_LOW = "relisted_too_low"


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that is missing or wrong, where it is put right, and the facts for its words."""

    what: Shortfall
    step: Step
    facts: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """In fen."""

    starting_price: int
    increment: int
    max_steps: int
    deposit: int
    valuation: int | None = None
    reserve: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What is to be submitted. `relisted_price`: the starting price of the lot that it was relisted from."""

    asset_class: AssetClass
    steps: Collection[str]
    overview: str
    disclosures: str
    details: Mapping[str, str | int]
    prices: Prices
    files: Mapping[FileKind, int]
    relisted_price: int | None = None


PICTURED: Final = frozenset({AssetClass.PHYSICAL})
"""Classes of which people want to see something."""


def lacks(candidate: Candidate, rules: RuleProfile) -> tuple[Lack, ...]:
    """Everything that is missing, in the order of the steps."""
    found = [Lack(Shortfall.STEP_OPEN, step) for step in Step if step not in candidate.steps]
    done = set(candidate.steps)
    if Step.DETAILS in done:
        found += _details(candidate)
    if Step.PRICES in done:
        found += price_lacks(candidate.prices, rules, relisted_price=candidate.relisted_price)
    found += _files(candidate, rules)
    order = {step: place for place, step in enumerate(Step)}
    return tuple(sorted(found, key=lambda lack: order[lack.step]))


def _details(candidate: Candidate) -> list[Lack]:
    found = [
        Lack(
            Shortfall.FIELD_OPEN,
            Step.DETAILS,
            {"label": each.label, "label_en": each.label_en, "name": f"d_{each.name}"},
        )
        for each in missing(candidate.asset_class, candidate.details)
    ]
    found += [Lack(Shortfall.OVERVIEW_OPEN, Step.DETAILS)] if not candidate.overview.strip() else []
    found += [Lack(Shortfall.DISCLOSURES_OPEN, Step.DETAILS)] if not candidate.disclosures.strip() else []
    return found


def price_lacks(prices: Prices, rules: RuleProfile, *, relisted_price: int | None = None) -> list[Lack]:
    """What is wrong with the prices alone."""
    least, most = deposit_bounds(prices.starting_price, rules)
    floor = relist_floor(relisted_price, rules) if relisted_price else 0
    checks = (
        (prices.deposit < least, Shortfall.DEPOSIT_TOO_LOW, least),
        (prices.deposit > most, Shortfall.DEPOSIT_TOO_HIGH, most),
        (prices.increment > prices.starting_price, Shortfall.INCREMENT_TOO_HIGH, prices.starting_price),
        (prices.max_steps > rules.max_steps, Shortfall.STEPS_TOO_HIGH, rules.max_steps),
        (
            prices.starting_price + prices.max_steps * prices.increment > MAX_PRICE,
            Shortfall.PRICES_TOO_HIGH,
            0,
        ),
        (
            prices.reserve is not None and prices.reserve < prices.starting_price,
            Shortfall.RESERVE_TOO_LOW,
            prices.starting_price,
        ),
        (prices.starting_price < floor, Shortfall.RELISTED_TOO_LOW, floor),
    )
    return [Lack(what, Step.PRICES, {"amount": amount}) for wrong, what, amount in checks if wrong]


def _files(candidate: Candidate, rules: RuleProfile) -> list[Lack]:
    def there(kind: FileKind) -> bool:
        return candidate.files.get(kind, 0) > 0

    prices = candidate.prices
    floor = price_floor(prices.valuation, rules)
    valued = prices.valuation is not None
    checks = (
        (not there(FileKind.DECISION), Shortfall.NO_DECISION, 0),
        (valued and not there(FileKind.VALUATION), Shortfall.NO_VALUATION_REPORT, 0),
        (
            prices.starting_price < floor and not there(FileKind.PRICE_APPROVAL),
            Shortfall.NO_PRICE_APPROVAL,
            floor,
        ),
        (
            candidate.asset_class in PICTURED and not there(FileKind.PICTURE),
            Shortfall.NO_PICTURE,
            0,
        ),
    )
    return [Lack(what, Step.FILES, {"amount": amount}) for wrong, what, amount in checks if wrong]


def deposit_bounds(starting_price: int, rules: RuleProfile) -> tuple[int, int]:
    """The least and the most, fen: the least rounded up, the most rounded down."""
    return (
        -(-starting_price * rules.deposit_share_min // 1000),
        starting_price * rules.deposit_share_max // 1000,
    )


def price_floor(valuation: int | None, rules: RuleProfile) -> int:
    """A starting price under this needs the approval; 0 without a valuation."""
    return -(-valuation * rules.price_floor_permille // 1000) if valuation else 0


def relist_floor(old_price: int, rules: RuleProfile) -> int:
    """The least that a lot may start at when it is listed again."""
    return -(-old_price * rules.relist_floor_permille // 1000)


def proposed(starting_price: int, rules: RuleProfile) -> Prices:
    """What a new draft starts with, until its transferor decides: an increment of about one percent in round
    numbers, and the least deposit in whole yuan."""
    least, most = deposit_bounds(starting_price, rules)
    whole = -(-least // 100) * 100
    return Prices(
        starting_price=starting_price,
        increment=max(1, min(_round(starting_price // 100), starting_price)),
        max_steps=rules.max_steps,
        deposit=whole if whole <= most else least,
    )


def _round(fen: int) -> int:
    """The next lower 1, 2 or 5 with zeros, at least one fen."""
    size = 10 ** (len(str(max(fen, 1))) - 1)
    return max((size * lead for lead in (1, 2, 5) if size * lead <= max(fen, 1)), default=1)
