"""The shipped catalogue as Markdown tables: channel × service × subject × way, what works and at what price.

docs/certificates.md shows them; tests/unit/test_channel_offers.py and test_channel_prices.py hold the same
data against the specification, row by row.
"""

from collections.abc import Iterator, Set
from dataclasses import replace
from itertools import product as combinations
from typing import Final

from certificates.catalogue.model import ChannelRules, Per, Price
from certificates.catalogue.reading import read_channel
from certificates.catalogue.scope import Case, Service, Way, first
from certificates.catalogue.store import BESIDES, shipped

_HEADING: Final = (
    "| service | subject | online | counter | post | assistant | yuan |\n|---|---|---|---|---|---|---|\n"
)
_OURS: Final = " *(ours)*"


def shipped_tables(proven: Set[str]) -> str:
    """One table for each channel that the program ships. `proven`: `channel-service-subject-way` of what was
    carried to its end through the real mechanism; what is offered beyond that is called not proven."""
    channels = (read_channel(content) for key, content in shipped().items() if key not in BESIDES)
    return "\n".join(table(rules, proven) for rules in channels)


def table(rules: ChannelRules, proven: Set[str]) -> str:
    """A channel's table, the dashes too."""
    rows = "".join(_rows(rules, proven))
    return f"### `{rules.key}` {rules.name}\n\n{_HEADING}{rows}"


def _rows(rules: ChannelRules, proven: Set[str]) -> Iterator[str]:
    for service, subject in combinations(Service, rules.subjects):
        ways = rules.ways(service, subject)
        cases = (Case(service=service, subject=subject, way=way) for way in Way)
        works = " | ".join(_works(rules, case, proven) for case in cases)
        if ways:
            price = _prices(rules, Case(service=service, subject=subject, way=ways[0]))
        else:
            instead = rules.instead(Case(service=service, subject=subject, way=Way.ONLINE))
            price = f"→ `{instead.channel}`" if instead and instead.channel else "–"
        yield f"| {service} | {subject} | {works} | {price} |\n"


def _works(rules: ChannelRules, case: Case, proven: Set[str]) -> str:
    offer = rules.offer(case)
    if offer is None:
        return "–"
    cell = f"{rules.key}-{case.service}-{case.subject}-{case.way}"
    works = "✓" if cell in proven else "not proven"
    return works + (" after the form online" if offer.begins_online else "") + (_OURS if offer.ours else "")


def _prices(rules: ChannelRules, case: Case) -> str:
    """The prices of a case, each once; products that share one are not told apart."""
    found: dict[str, list[str]] = {}
    keys = [one.key for one in rules.products if one.subject is case.subject]
    for key in keys or [""]:
        price = first(rules.prices, replace(case, product=key or None))
        found.setdefault("" if price is None else _price(price), []).append(key)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{', '.join(products)}: {said}" for said, products in found.items())


def _price(price: Price) -> str:
    once = sum(part.fen for part in price.parts if part.per is Per.ONCE)
    year = sum(part.fen for part in price.parts if part.per is Per.YEAR)
    parts = " + ".join(f"{part.kind} {_yuan(part.fen)}" for part in price.parts)
    split = f" ({parts})" if len(price.parts) > 1 else ""
    if not year:
        said = _yuan(once) + split
    elif not once:
        said = f"{_yuan(year)} a year, 1 to {price.most_years}"
    else:
        said = f"first year {_yuan(once + year)}{split}, then {_yuan(year)} a year, 1 to {price.most_years}"
    if price.most_years is not None and price.stated_years < price.most_years:
        said += f"; beyond {price.stated_years}{_OURS}"
    return said + (_OURS if price.ours else "")


def _yuan(fen: int) -> str:
    return str(fen // 100) if fen % 100 == 0 else f"{fen / 100:.2f}"
