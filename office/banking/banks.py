"""The banks, as data: their names, the platform's accounts there, and the columns of their statements."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

_ID: Final = re.compile(r"[a-z][a-z0-9-]{1,30}")
_PREFIX: Final = re.compile(r"[0-9]{6}")
COLUMNS: Final = (
    "serial",
    "time",
    "date",
    "clock",
    "credit",
    "debit",
    "amount",
    "direction",
    "payer_name",
    "payer_account",
    "payer_bank",
    "sub_account",
    "remark",
    "balance",
)


class BankFault(ValueError):
    """The data of a bank contradict themselves: a mistake of who wrote them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """Which heading is which column; `headings[column]` are its spellings, in the order of preference."""

    headings: Mapping[str, tuple[str, ...]]
    time_formats: tuple[str, ...]
    incoming: frozenset[str] = frozenset()
    outgoing: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        given = set(self.headings)
        if unknown := given - set(COLUMNS):
            raise BankFault(f"no such columns: {sorted(unknown)}")
        if not ({"time"} <= given or {"date", "clock"} <= given) or not self.time_formats:
            raise BankFault("when a transaction was booked is not said")
        if not ({"credit", "debit"} <= given or {"amount", "direction"} <= given):
            raise BankFault("which way the money went is not said")
        if "direction" in given and not (self.incoming and self.outgoing):
            raise BankFault("the words for in and out are not said")
        if "payer_name" not in given:
            raise BankFault("who paid is not said")

    @property
    def required(self) -> frozenset[str]:
        """Columns without which a statement of this bank is none. A sub-account may stand in the remark."""
        optional = {"payer_bank", "remark", "balance", "payer_account", "sub_account"}
        return frozenset(self.headings) - optional


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    id: str
    name: str
    account_name: str
    account: str
    sub_account_prefix: str
    notifies: bool
    statement: ColumnMap = field(repr=False)

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id) or not _PREFIX.fullmatch(self.sub_account_prefix):
            raise BankFault(f"{self.id}: the id, or the prefix of its sub-accounts")
        if self.notifies and "serial" not in self.statement.headings:
            raise BankFault(f"{self.id}: what was notified could not be found again in a statement")


def read_banks(data: str) -> Mapping[str, Bank]:
    """Banks from toml. Raises BankFault."""
    found = {name: _bank(name, fields) for name, fields in tomllib.loads(data).items()}
    if len({bank.sub_account_prefix for bank in found.values()}) != len(found):
        raise BankFault("two banks have the same prefix")
    return found


@cache
def banks() -> Mapping[str, Bank]:
    """The banks of this installation, by id."""
    return read_banks(files("office.banking").joinpath("banks.toml").read_text("utf-8"))


def bank_called(name: str) -> Bank:
    """Raises KeyError."""
    return banks()[name]


def _bank(name: str, fields: Mapping[str, Any]) -> Bank:
    statement = dict(fields["statement"])
    ways = {key: frozenset(statement.pop(key, ())) for key in ("incoming", "outgoing")}
    formats = tuple(statement.pop("time_formats", ()))
    headings = {key: (value,) if isinstance(value, str) else tuple(value) for key, value in statement.items()}
    columns = ColumnMap(headings=headings, time_formats=formats, **ways)
    return Bank(id=name, statement=columns, **{key: fields[key] for key in fields if key != "statement"})
