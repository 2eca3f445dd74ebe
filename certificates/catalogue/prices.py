"""What a case costs, part by part. Pure; money in fen.

Source: spec/certificates.md, "Prices". `ours` says of a part or a sum that we decided it.
"""

from dataclasses import dataclass

from certificates.catalogue.model import ChannelRules, PartKind, PartPrice, Per, Price
from certificates.catalogue.scope import Case, first


@dataclass(frozen=True, slots=True)
class Part:
    """What is paid for one thing."""

    kind: PartKind
    fen: int
    ours: bool


@dataclass(frozen=True, slots=True)
class Quote:
    """The parts of a price; none of them: free of charge. `years`: that were chosen, None where none are."""

    parts: tuple[Part, ...]
    years: int | None
    ours: bool

    @property
    def total(self) -> int:
        return sum(part.fen for part in self.parts)


class NoPrice(LookupError):
    """The case is not offered here, or has no price: it can't be ordered."""


class WrongYears(ValueError):
    """So many years can't be chosen: 1 to `most`, or none at all where `most` is None."""

    def __init__(self, years: int | None, most: int | None) -> None:
        super().__init__(f"{years} years, where {most or 'none'} can be chosen at most")
        self.years = years
        self.most = most


def price_of(rules: ChannelRules, case: Case) -> Price | None:
    """The row of the price table that a case falls under."""
    return first(rules.prices, case) if rules.offer(case) is not None else None


def quote(rules: ChannelRules, case: Case, years: int | None = None) -> Quote:
    """What a case costs. Raises NoPrice, WrongYears."""
    price = price_of(rules, case)
    if price is None:
        raise NoPrice(f"{rules.key}: {case.service} for {case.subject} by {case.way}, product {case.product}")
    chosen = 1 if years is None else years
    if (years is None) != (price.most_years is None) or not 1 <= chosen <= (price.most_years or 1):
        raise WrongYears(years, price.most_years)
    beyond = chosen > price.stated_years
    parts = tuple(
        Part(part.kind, _fen(part, chosen), part.ours or price.ours or beyond) for part in price.parts
    )
    return Quote(parts, years, price.ours or beyond or any(part.ours for part in parts))


def _fen(part: PartPrice, years: int) -> int:
    return part.fen * years if part.per is Per.YEAR else part.fen
