"""A rule profile: every number of the trading workflow, per class of asset and sale method. Pure.

Source: spec/trading.md ("Every number is a field of a versioned rule profile, never a constant in the code").
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

from bidding.terms import MAX_PERIOD_MS, InquiryMode, PriorityMode
from trading.lifecycle.states import SaleMethod


class EndOutcome(StrEnum):
    """What the end of an announcement leads to."""

    AUCTION = "auction"
    EXTEND = "extend"
    NEGOTIATE = "negotiate"
    FAIL = "fail"


class Disclosure(StrEnum):
    """How the result announcement names the winner."""

    NAME = "name"
    MASKED = "masked"
    """The first character and asterisks for natural persons, organizations in full."""
    PADDLE = "paddle"


class FaultKind(StrEnum):
    MISSING = "missing"
    UNKNOWN = "unknown"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"
    NOT_A_CHOICE = "not_a_choice"
    NOT_YES_OR_NO = "not_yes_or_no"
    ABOVE_MOST = "above_most"
    """The least is above the most."""
    NEEDS_EXTENSION = "needs_extension"
    """Extending is chosen, but no extension is granted."""
    MINIMUM_OF_METHOD = "minimum_of_method"
    """拍卖 takes one registrant, 竞价 two or more."""
    NEGOTIATES_ONLY_BIDDING = "negotiates_only_bidding"


@dataclass(frozen=True, slots=True)
class ProfileFault:
    field: str
    kind: FaultKind
    least: int = 0
    most: int = 0


class ProfileFaults(ValueError):
    """Everything that is wrong with a profile, at once."""

    def __init__(self, faults: Iterable[ProfileFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.field}: {fault.kind}" for fault in self.faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleProfile:
    """The rules of one class and method. Raises ProfileFaults for anything outside `BOUNDS` and `CHOICES`."""

    # the announcement and its end
    announcement_working_days: int
    """0: whoever publishes chooses the end (demonstrations)."""
    day_ends_minute: int
    """Minute of the day (Beijing) at which periods of working days end."""
    minimum_registrants: int
    on_none: EndOutcome
    on_one: EndOutcome
    """For one or more registrants, but fewer than the minimum."""
    on_none_again: EndOutcome
    on_one_again: EndOutcome
    """…when no further extension is granted."""
    extension_working_days: int
    most_extensions: int
    correction_restarts: bool
    correction_working_days: int
    """So many working days remain at least after a correction that does not restart the period."""
    # prices and deposits
    price_floor_permille: int
    """Of the valuation; a starting price below it needs the approval document."""
    relist_floor_permille: int
    """Of the old starting price."""
    deposit_share_min: int
    deposit_share_max: int
    """Permille of the starting price."""
    deposit_deadline_hours_before_end: int
    statements_within_hours: int
    """How long the evaluation waits for finance before an administrator is told."""
    refund_working_days: int
    # the auction
    opening_delay_minutes: int
    """From the end of registration to the opening."""
    opening_notice_minutes: int
    """…and at least so long after the evaluation, so that everybody can be told."""
    inquiry_ms: int
    window_ms: int
    max_steps: int
    inquiry_mode: InquiryMode
    self_raise: bool
    priority_mode: PriorityMode
    priority_answer_hours: int
    # after it
    offer_to_next_after_refusal: bool
    next_answer_hours: int
    """For the bidder who is asked then."""
    negotiation_within_days: int
    review_within_days: int
    confirmation_within_days: int
    contract_within_days: int
    payment_within_days: int
    instalments_max: int
    instalment_grace_days: int
    """After the day of an instalment; who still has not paid then may be declared in default of the sale."""
    defaulter_days: int
    """How long who defaulted stays on the list."""
    service_fee_permille: int
    result_working_days: int
    disclose_winner: Disclosure
    objection_working_days: int
    """In which an objection is answered."""
    retention_years: int

    def __post_init__(self) -> None:
        faults = faults_of({field.name: getattr(self, field.name) for field in fields(self)})
        if faults:
            raise ProfileFaults(faults)

    @classmethod
    def parse(cls, stored: Mapping[str, Any]) -> "RuleProfile":
        """From JSON, TOML or a form that was read. Raises ProfileFaults that name every fault."""
        faults = faults_of(stored)
        if faults:
            raise ProfileFaults(faults)
        return cls(**{name: _typed(name, value) for name, value in stored.items()})

    def as_json(self) -> dict[str, Any]:
        return {
            field.name: value.value if isinstance(value := getattr(self, field.name), StrEnum) else value
            for field in fields(self)
        }


DAY_MINUTES: Final = 24 * 60
BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "announcement_working_days": (0, 250),
    "day_ends_minute": (0, DAY_MINUTES - 1),
    "minimum_registrants": (1, 20),
    "extension_working_days": (0, 60),
    "most_extensions": (0, 10),
    "correction_working_days": (0, 60),
    "price_floor_permille": (0, 1000),
    "relist_floor_permille": (0, 1000),
    "deposit_share_min": (0, 1000),
    "deposit_share_max": (0, 1000),
    "deposit_deadline_hours_before_end": (0, 240),
    "statements_within_hours": (0, 240),
    "refund_working_days": (1, 60),
    "opening_delay_minutes": (0, 30 * DAY_MINUTES),
    "opening_notice_minutes": (0, 7 * DAY_MINUTES),
    "inquiry_ms": (100, MAX_PERIOD_MS),
    "window_ms": (100, MAX_PERIOD_MS),
    "max_steps": (1, 1_000_000),
    "priority_answer_hours": (1, 720),
    "next_answer_hours": (1, 720),
    "negotiation_within_days": (1, 365),
    "review_within_days": (1, 365),
    "confirmation_within_days": (1, 365),
    "contract_within_days": (1, 365),
    "payment_within_days": (1, 3650),
    "instalments_max": (1, 60),
    "instalment_grace_days": (0, 365),
    "defaulter_days": (0, 3650),
    "service_fee_permille": (0, 200),
    "result_working_days": (0, 60),
    "objection_working_days": (1, 30),
    "retention_years": (10, 100),
}
"""The whole numbers, with what they may be. Records are kept at least ten years."""

CHOICES: Final[Mapping[str, tuple[StrEnum, ...]]] = {
    "on_none": (EndOutcome.EXTEND, EndOutcome.FAIL),
    "on_one": (EndOutcome.EXTEND, EndOutcome.NEGOTIATE, EndOutcome.FAIL),
    "on_none_again": (EndOutcome.FAIL,),
    "on_one_again": (EndOutcome.NEGOTIATE, EndOutcome.FAIL),
    "inquiry_mode": tuple(InquiryMode),
    "priority_mode": tuple(PriorityMode),
    "disclose_winner": tuple(Disclosure),
}
SWITCHES: Final = frozenset({"correction_restarts", "self_raise", "offer_to_next_after_refusal"})
FIELDS: Final = tuple(field.name for field in fields(RuleProfile))


def faults_of(stored: Mapping[str, Any], method: SaleMethod | None = None) -> tuple[ProfileFault, ...]:
    """What is wrong, everything at once; with a method also what does not fit it."""
    found = [ProfileFault(name, FaultKind.UNKNOWN) for name in stored if name not in FIELDS]
    for name in FIELDS:
        fault = _fault(name, stored[name]) if name in stored else ProfileFault(name, FaultKind.MISSING)
        found += [fault] if fault else []
    if not found:
        found += _contradictions(stored)
        found += _unfit(stored, method) if method else []
    return tuple(found)


def _fault(name: str, value: object) -> ProfileFault | None:
    if name in SWITCHES:
        return None if isinstance(value, bool) else ProfileFault(name, FaultKind.NOT_YES_OR_NO)
    if name in CHOICES:
        fits = any(value == choice for choice in CHOICES[name])
        return None if fits else ProfileFault(name, FaultKind.NOT_A_CHOICE)
    least, most = BOUNDS[name]
    if not isinstance(value, int) or isinstance(value, bool):
        return ProfileFault(name, FaultKind.NOT_A_NUMBER, least, most)
    return None if least <= value <= most else ProfileFault(name, FaultKind.OUT_OF_RANGE, least, most)


def _contradictions(stored: Mapping[str, Any]) -> list[ProfileFault]:
    found = []
    if stored["deposit_share_min"] > stored["deposit_share_max"]:
        found.append(ProfileFault("deposit_share_min", FaultKind.ABOVE_MOST))
    if not stored["most_extensions"]:
        found += [
            ProfileFault(name, FaultKind.NEEDS_EXTENSION)
            for name in ("on_none", "on_one")
            if stored[name] == EndOutcome.EXTEND
        ]
    return found


def _unfit(stored: Mapping[str, Any], method: SaleMethod) -> list[ProfileFault]:
    found = []
    if (stored["minimum_registrants"] == 1) != (method is SaleMethod.AUCTION):
        found.append(ProfileFault("minimum_registrants", FaultKind.MINIMUM_OF_METHOD))
    if method is SaleMethod.AUCTION:
        found += [
            ProfileFault(name, FaultKind.NEGOTIATES_ONLY_BIDDING)
            for name in ("on_one", "on_one_again")
            if stored[name] == EndOutcome.NEGOTIATE
        ]
    return found


def _typed(name: str, value: Any) -> Any:
    if name not in CHOICES:
        return value
    return next(choice for choice in CHOICES[name] if choice == value)
