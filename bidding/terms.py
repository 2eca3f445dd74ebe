"""The terms of one lot: what is fixed before the opening and never changes afterwards. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

Fen = NewType("Fen", int)
"""Money: integer fen, a hundredth of a yuan."""

MAX_PRICE: Final = Fen(10**15 - 1)
"""The largest price that the book handles: below 2**53, so Lua's doubles hold it and its sums exactly."""

MAX_PERIOD_MS: Final = 24 * 60 * 60 * 1000
MIN_PERIOD_MS: Final = 100

REHEARSAL: Final = "REHEARSAL-"
"""Rehearsals' numbers begin with it, and no others do: it stands in the book, the ledger and its file."""


def is_rehearsal(lot: str) -> bool:
    """Nothing follows from this lot: no sale, no fee, and no list of lots has it."""
    return lot.startswith(REHEARSAL)


class InquiryMode(StrEnum):
    """Who may bid after the inquiry: everybody qualified, or only who confirmed during it."""

    PASSIVE = "passive"
    CONFIRM = "confirm"


class PriorityMode(StrEnum):
    """How a priority right is exercised: not at all, during the auction, or after it (part of the award)."""

    NONE = "none"
    MATCH = "match"
    OFFER = "offer"


@dataclass(frozen=True, slots=True)
class Terms:
    """The rule-relevant terms of a lot. Prices in fen, periods in ms.

    Raises ValueError that names every fault at once.
    Source: spec "The live auction: the rules".
    """

    lot: str
    starting_price: Fen
    increment: Fen
    max_steps: int = 100
    inquiry_ms: int = 240_000
    window_ms: int = 240_000
    inquiry_mode: InquiryMode = InquiryMode.PASSIVE
    priority_mode: PriorityMode = PriorityMode.NONE
    self_raise: bool = False

    def __post_init__(self) -> None:
        faults = [text for wrong, text in self._checks() if wrong]
        if faults:
            raise ValueError("; ".join(faults))

    def _checks(self) -> tuple[tuple[bool, str], ...]:
        periods = (self.inquiry_ms, self.window_ms)
        return (
            (not 0 < len(self.lot) <= 32, "lot takes 1 to 32 characters"),
            (not set(self.lot) <= LOT_CHARACTERS, "lot takes A-Z, 0-9 and -"),
            (self.starting_price < 1, "starting_price must be positive"),
            (self.increment < 1, "increment must be positive"),
            (not 1 <= self.max_steps <= 1_000_000, "max_steps must be 1 to 1,000,000"),
            (
                self.starting_price + self.max_steps * self.increment > MAX_PRICE,
                "starting_price + max_steps * increment is over the largest price",
            ),
            (
                any(not MIN_PERIOD_MS <= period <= MAX_PERIOD_MS for period in periods),
                f"inquiry_ms and window_ms must be {MIN_PERIOD_MS} to {MAX_PERIOD_MS}",
            ),
        )


LOT_CHARACTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
