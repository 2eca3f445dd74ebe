"""The fields of an asset, which are data: fields.toml. A form -> details with all its faults at once. Pure.

details, wrong = read_details(AssetClass.DEBT, form, complete=True)
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final, assert_never

from bidding.lots import AssetClass
from office.money import yuan
from trading.listings import reading
from trading.listings.reading import Fault, Unreadable, Wrong

COMMON: Final = "common"
PREFIX: Final = "d_"
"""Of the names in forms, so that no field meets one of the listing itself."""
LONGEST_LINE: Final = 200
LONGEST_PARAGRAPH: Final = 4_000

Details = dict[str, str | int]
"""By name: texts, numbers as text, amounts in fen, dates as YYYY-MM-DD, choices by their value."""


class FieldKind(StrEnum):
    LINE = "line"
    PARAGRAPH = "paragraph"
    NUMBER = "number"
    INTEGER = "integer"
    AMOUNT = "amount"
    PERCENT = "percent"
    DATE = "date"
    CHOICE = "choice"
    PHONE = "phone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field, as fields.toml describes it."""

    name: str
    label: str
    label_en: str
    kind: FieldKind
    unit: str = ""
    unit_en: str = ""
    required: bool = False
    longest: int = 0
    decimals: int = 0
    least: str = "0"
    most: str = "1000000000000"
    options: tuple[tuple[str, str, str], ...] = ()
    hint: str = ""
    hint_en: str = ""

    def __post_init__(self) -> None:
        if (self.kind is FieldKind.CHOICE) != bool(self.options):
            raise ValueError(f"{self.name}: a choice has options, and nothing else has")
        if Decimal(self.least) > Decimal(self.most):
            raise ValueError(f"{self.name}: least is more than most")

    @property
    def input(self) -> str:
        """Its name in forms."""
        return PREFIX + self.name

    def option(self, value: str, *, english: bool = False) -> str:
        """The words of a choice; the value itself when it is none any more."""
        return next((en if english else zh for known, zh, en in self.options if known == value), value)


@cache
def fields_of(asset_class: AssetClass) -> tuple[Field, ...]:
    """The fields of a class in their order, the common ones behind."""
    data = _data()
    return (*(_field(each) for each in data[asset_class.value]), *(_field(each) for each in data[COMMON]))


@cache
def _data() -> Mapping[str, Sequence[Mapping[str, Any]]]:
    return tomllib.loads(files("trading.listings").joinpath("fields.toml").read_text("utf-8"))


def _field(row: Mapping[str, Any]) -> Field:
    kind = FieldKind(row["kind"])
    longest = {FieldKind.PARAGRAPH: LONGEST_PARAGRAPH}.get(kind, LONGEST_LINE)
    options = tuple((value, zh, en) for value, zh, en in row.get("options", ()))
    return Field(**{"longest": longest, **row, "kind": kind, "options": options})


def read_details(
    asset_class: AssetClass, form: Mapping[str, str], *, complete: bool = False
) -> tuple[Details, dict[str, Wrong]]:
    """The values that can be read, and what is wrong, by the name in the form.

    A draft may leave fields open; `complete` asks for all that are required.
    """
    details: Details = {}
    wrong: dict[str, Wrong] = {}
    for each in fields_of(asset_class):
        typed = form.get(each.input, "")
        if not typed.strip():
            if complete and each.required:
                wrong[each.input] = Wrong(Fault.MISSING)
            continue
        try:
            details[each.name] = read_value(each, typed)
        except Unreadable as unreadable:
            wrong[each.input] = unreadable.wrong
    return details, wrong


def missing(asset_class: AssetClass, details: Mapping[str, str | int]) -> tuple[Field, ...]:
    """The required fields that are still open."""
    return tuple(each for each in fields_of(asset_class) if each.required and each.name not in details)


def read_value(field: Field, typed: str) -> str | int:
    """Raises Unreadable."""
    match field.kind:
        case FieldKind.LINE:
            return reading.text(typed, field.longest)
        case FieldKind.PARAGRAPH:
            return reading.text(typed, field.longest, lines=True)
        case FieldKind.AMOUNT:
            return reading.amount(typed)
        case FieldKind.NUMBER | FieldKind.PERCENT | FieldKind.INTEGER:
            bounds = {"least": Decimal(field.least), "most": Decimal(field.most)}
            return reading.number(typed.removesuffix("%"), decimals=field.decimals, **bounds)
        case FieldKind.DATE:
            return reading.day(typed)
        case FieldKind.PHONE:
            return reading.phone(typed)
        case FieldKind.CHOICE:
            if typed not in {value for value, _, _ in field.options}:
                raise Unreadable(Fault.NOT_A_CHOICE)
            return typed
        case _:
            assert_never(field.kind)


def typed_of(field: Field, value: str | int | None) -> str:
    """What stands in the form for a value that is kept."""
    if value is None:
        return ""
    return yuan(value) if field.kind is FieldKind.AMOUNT and isinstance(value, int) else str(value)


def shown(field: Field, value: str | int, *, english: bool = False) -> str:
    """A value as people read it: "1,234.00 元", "抵押", "2026年11月21日"."""
    unit = field.unit_en if english else field.unit
    match field.kind:
        case FieldKind.AMOUNT:
            return f"{yuan(int(value))} {'yuan' if english else '元'}"
        case FieldKind.CHOICE:
            return field.option(str(value), english=english)
        case FieldKind.DATE:
            year, month, day = str(value).split("-")
            return str(value) if english else f"{year}年{int(month)}月{int(day)}日"
        case FieldKind.PERCENT:
            return f"{value}%"
        case FieldKind.NUMBER | FieldKind.INTEGER:
            whole, point, behind = str(value).partition(".")
            return f"{int(whole):,}{point}{behind} {unit}".strip()
        case FieldKind.LINE | FieldKind.PARAGRAPH | FieldKind.PHONE:
            return str(value)
        case _:
            assert_never(field.kind)


def rows(
    asset_class: AssetClass, details: Mapping[str, str | int], *, english: bool = False
) -> tuple[tuple[str, str], ...]:
    """(label, value) of what is filled in, in the order of the fields."""
    return tuple(
        (each.label_en if english else each.label, shown(each, details[each.name], english=english))
        for each in fields_of(asset_class)
        if each.name in details
    )
