"""The structured template of a contract: clauses by class of asset, and the fields that may be filled in.

    template = contract_template(AssetClass.PHYSICAL)
    clauses = template.clauses(template.checked(typed, bounds), facts)

Clauses are data (templates/contract.toml); what a person fills in stays within the bounds of its field and
never becomes markup.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from bidding.lots import AssetClass
from office.money import yuan
from trading.documents.forms import Clause, FormError, paragraphs

FILE: Final = Path(__file__).parent / "templates" / "contract.toml"
LONGEST_NUMBER: Final = 6
_PLACE: Final = re.compile(r"\{([a-z_]+)\}")
FACTS: Final = frozenset({"price", "deposit", "plan"})
"""What a clause may take of the sale itself."""
PLAN: Final = ("pay_days", "instalments", "interval_days")
"""The fields that say when the price is paid; an uploaded contract has them too."""


class Kind(StrEnum):
    DAYS = "days"
    NUMBER = "number"
    TEXT = "text"
    CHOICE = "choice"


class Wrong(StrEnum):
    """What is wrong with a field."""

    EMPTY = "empty"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_BOUNDS = "out_of_bounds"
    TOO_LONG = "too_long"
    NOT_OFFERED = "not_offered"
    PLAN_TOO_LONG = "plan_too_long"
    """The last instalment would be due after the time that the rules give for paying."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One place to fill in. `least` and `most` bound numbers, `longest` a text."""

    name: str
    kind: Kind
    default: str
    least: int = 0
    most: int = 0
    longest: int = 0
    choices: tuple[str, ...] = ()

    def fault(self, typed: str) -> Wrong | None:
        """Why this can't be taken."""
        match self.kind:
            case Kind.CHOICE:
                return None if typed in self.choices else Wrong.NOT_OFFERED
            case Kind.TEXT:
                if len(typed) > self.longest:
                    return Wrong.TOO_LONG
                return Wrong.EMPTY if self.default and not typed.strip() else None
            case Kind.DAYS | Kind.NUMBER:
                if not (typed.isascii() and typed.isdigit() and len(typed) <= LONGEST_NUMBER):
                    return Wrong.NOT_A_NUMBER
                return None if self.least <= int(typed) <= self.most else Wrong.OUT_OF_BOUNDS


@dataclass(frozen=True, slots=True)
class PlanBounds:
    """What the rule profile allows."""

    within_days: int
    most_instalments: int


@dataclass(frozen=True, slots=True)
class Part:
    """One instalment: so much, so many days after the contract."""

    amount: int
    after_days: int


class FieldFaults(Exception):
    """A contract that can't be made of this: the faults by field."""

    def __init__(self, faults: Mapping[str, Wrong]) -> None:
        super().__init__(", ".join(faults))
        self.faults = dict(faults)


@dataclass(frozen=True, slots=True)
class Template:
    """The contract of one class of asset."""

    fields: tuple[Field, ...]
    parts: tuple[tuple[str, str], ...]
    """(heading, text with places)."""

    def defaults(self, bounds: PlanBounds) -> dict[str, str]:
        values = {each.name: each.default for each in self.fields}
        return values | {"pay_days": str(min(int(values["pay_days"]), bounds.within_days))}

    def only_plan(self) -> "Template":
        """What is asked beside an uploaded contract."""
        return Template(tuple(each for each in self.fields if each.name in PLAN), ())

    def checked(self, typed: Mapping[str, str], bounds: PlanBounds) -> dict[str, str]:
        """The fields as they stand in the contract. Raises FieldFaults."""
        values = {each.name: typed.get(each.name, each.default).strip() for each in self.fields}
        found = {each.name: each.fault(values[each.name]) for each in self.fields}
        faults = {name: wrong for name, wrong in found.items() if wrong is not None}
        if not faults:
            faults = _plan_faults(values, bounds)
        if faults:
            raise FieldFaults(faults)
        return values

    def clauses(self, values: Mapping[str, str], facts: Mapping[str, str]) -> tuple[Clause, ...]:
        """The clauses with everything filled in, once: what is filled in is not read for places again."""
        known = {**facts, **values}
        return tuple(
            Clause(heading=heading, text=_PLACE.sub(lambda found: known[found.group(1)], text))
            for heading, text in self.parts
        )


def plan_of(values: Mapping[str, str], price: int) -> tuple[Part, ...]:
    """The instalments of a price, equal but for the fen that are left over, which the first one takes."""
    count = int(values["instalments"])
    share, left = divmod(price, count)
    first, every = int(values["pay_days"]), int(values["interval_days"])
    return tuple(Part(share + (left if n == 0 else 0), first + n * every) for n in range(count))


def plan_in_words(parts: tuple[Part, ...], *, credits_deposit: bool = True) -> str:
    """As it stands in the contract."""
    if len(parts) == 1:
        return f"乙方应当自本合同成立之日起 {parts[0].after_days} 日内付清。"
    said = "；".join(
        f"第 {n} 期 ¥{yuan(part.amount)}，自本合同成立之日起 {part.after_days} 日内"
        for n, part in enumerate(parts, 1)
    )
    credited = "已交纳的保证金从第 1 期起依次冲抵。" if credits_deposit else ""
    return f"乙方分 {len(parts)} 期支付：{said}。{credited}"


def _plan_faults(values: Mapping[str, str], bounds: PlanBounds) -> dict[str, Wrong]:
    if int(values["instalments"]) > bounds.most_instalments:
        return {"instalments": Wrong.OUT_OF_BOUNDS}
    last = plan_of(values, 1)[-1].after_days
    if last <= bounds.within_days:
        return {}
    return {"pay_days" if int(values["instalments"]) == 1 else "interval_days": Wrong.PLAN_TOO_LONG}


@cache
def contract_template(asset_class: AssetClass, *, credits_deposit: bool = True) -> Template:
    """The template of a class; in other words where no deposit counts towards the price."""
    data = tomllib.loads(FILE.read_text("utf-8"))
    names = data["classes"][asset_class.value]
    parts = tuple(_part(data["clauses"][name], credits_deposit=credits_deposit) for name in names)
    used = {*PLAN, *(name for _, text in parts for name in _PLACE.findall(text))} - FACTS
    fields = tuple(_field(name, raw) for name, raw in data["fields"].items() if name in used)
    if used != {each.name for each in fields}:
        raise FormError(f"{FILE.name}: a clause takes what is no field")
    return Template(fields, parts)


def _part(raw: Mapping[str, str], *, credits_deposit: bool) -> tuple[str, str]:
    usual = raw["text"]
    return raw["heading"], "\n".join(
        paragraphs(usual if credits_deposit else raw.get("text_without_deposit", usual))
    )


def _field(name: str, raw: Mapping[str, Any]) -> Field:
    rest = {key: value for key, value in raw.items() if key not in ("kind", "choices")}
    return Field(name=name, kind=Kind(raw["kind"]), choices=tuple(raw.get("choices", ())), **rest)
