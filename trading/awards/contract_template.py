"""The structured template of a contract: clauses by class of asset, and the fields that may be filled in.

    template = contract_template(AssetClass.PHYSICAL)
    clauses = template.clauses(template.checked(typed), facts)

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
from trading.documents.forms import Clause, FormError, paragraphs

FILE: Final = Path(__file__).parent / "templates" / "contract.toml"
LONGEST_NUMBER: Final = 6
_PLACE: Final = re.compile(r"\{([a-z_]+)\}")
FACTS: Final = frozenset({"price", "deposit"})
"""What a clause may take of the sale itself."""


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

    @property
    def defaults(self) -> dict[str, str]:
        return {each.name: each.default for each in self.fields}

    def checked(self, typed: Mapping[str, str]) -> dict[str, str]:
        """The fields as they stand in the contract. Raises FieldFaults."""
        values = {each.name: typed.get(each.name, each.default).strip() for each in self.fields}
        found = {each.name: each.fault(values[each.name]) for each in self.fields}
        faults = {name: wrong for name, wrong in found.items() if wrong is not None}
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


@cache
def contract_template(asset_class: AssetClass) -> Template:
    """The template of a class."""
    data = tomllib.loads(FILE.read_text("utf-8"))
    parts = tuple(_part(data["clauses"][name]) for name in data["classes"][asset_class.value])
    used = {name for _, text in parts for name in _PLACE.findall(text)} - FACTS
    fields = tuple(_field(name, raw) for name, raw in data["fields"].items() if name in used)
    if used != {each.name for each in fields}:
        raise FormError(f"{FILE.name}: a clause takes what is no field")
    return Template(fields, parts)


def _part(raw: Mapping[str, str]) -> tuple[str, str]:
    return raw["heading"], "\n".join(paragraphs(raw["text"]))


def _field(name: str, raw: Mapping[str, Any]) -> Field:
    rest = {key: value for key, value in raw.items() if key not in ("kind", "choices")}
    return Field(name=name, kind=Kind(raw["kind"]), choices=tuple(raw.get("choices", ())), **rest)
