"""What people type into the form of an asset -> values, or what is wrong with it. Pure.

A fault is a value; web/listings/words.py has its words.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final

from office.money import AmountFault, NotAnAmount, typed_fen

BEIJING: Final = timezone(timedelta(hours=8))
EARLIEST: Final = date(1900, 1, 1)
LATEST: Final = date(2200, 12, 31)

_NUMBER: Final = re.compile(r"\d{1,15}(?:\.\d{1,10})?", re.ASCII)
_DATE: Final = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", re.ASCII)
_MOMENT: Final = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?[T ]*(\d{1,2})[:：](\d{2})(?:[:：](\d{2}))?", re.ASCII
)
_PHONE: Final = re.compile(r"(?:\+?86-?)?[0-9]{3,4}-?[0-9]{4}-?[0-9]{0,4}(?:(?:-|转)[0-9]{1,6})?", re.ASCII)


class Fault(StrEnum):
    MISSING = "missing"
    TOO_LONG = "too_long"
    ZERO_CHARACTER = "zero_character"
    NOT_AN_AMOUNT = "not_an_amount"
    AMOUNT_SEPARATORS = "amount_separators"
    AMOUNT_TOO_PRECISE = "amount_too_precise"
    AMOUNT_TOO_SMALL = "amount_too_small"
    AMOUNT_TOO_LARGE = "amount_too_large"
    NOT_A_NUMBER = "not_a_number"
    TOO_PRECISE = "too_precise"
    OUT_OF_BOUNDS = "out_of_bounds"
    NOT_A_DATE = "not_a_date"
    NOT_A_MOMENT = "not_a_moment"
    NOT_A_CHOICE = "not_a_choice"
    NOT_A_PHONE = "not_a_phone"


_AMOUNT_FAULTS: Final[Mapping[AmountFault, Fault]] = {
    AmountFault.MISSING: Fault.NOT_AN_AMOUNT,
    AmountFault.UNREADABLE: Fault.NOT_AN_AMOUNT,
    AmountFault.SEPARATORS: Fault.AMOUNT_SEPARATORS,
    AmountFault.TOO_PRECISE: Fault.AMOUNT_TOO_PRECISE,
    AmountFault.TOO_SMALL: Fault.AMOUNT_TOO_SMALL,
    AmountFault.TOO_LARGE: Fault.AMOUNT_TOO_LARGE,
}


@dataclass(frozen=True, slots=True)
class Wrong:
    """One fault, with the facts that its words need."""

    fault: Fault
    facts: Mapping[str, str | int] = field(default_factory=dict)


class Unreadable(Exception):
    """One field that can't be read."""

    def __init__(self, fault: Fault, **facts: str | int) -> None:
        super().__init__(fault)
        self.wrong = Wrong(fault, facts)


def text(typed: str, longest: int, *, lines: bool = False) -> str:
    """On one line, or with its lines. Raises Unreadable when it is too long."""
    if "\0" in typed:
        raise Unreadable(Fault.ZERO_CHARACTER)
    plain = unicodedata.normalize("NFC", typed.replace("\r\n", "\n").replace("\r", "\n"))
    kept = (
        "\n".join(line.rstrip() for line in plain.split("\n")).strip() if lines else " ".join(plain.split())
    )
    if len(kept) > longest:
        raise Unreadable(Fault.TOO_LONG, longest=longest)
    return kept


def amount(typed: str, *, least: int = 1) -> int:
    """Yuan as people type them (office/money.py) -> fen. Raises Unreadable."""
    try:
        return typed_fen(typed, least=least)
    except NotAnAmount as wrong:
        raise Unreadable(_AMOUNT_FAULTS[wrong.fault]) from wrong


def number(typed: str, *, decimals: int, least: Decimal, most: Decimal) -> str:
    """A number as it is kept: without separators and without zeros behind it. Raises Unreadable."""
    plain = _plain(typed)
    if not _NUMBER.fullmatch(plain):
        raise Unreadable(Fault.NOT_A_NUMBER)
    try:
        value = Decimal(plain)
    except InvalidOperation:  # pragma: no cover - the pattern lets none through
        raise Unreadable(Fault.NOT_A_NUMBER) from None
    behind = plain.partition(".")[2].rstrip("0")
    if len(behind) > decimals:
        raise Unreadable(Fault.TOO_PRECISE, decimals=decimals)
    if not least <= value <= most:
        raise Unreadable(Fault.OUT_OF_BOUNDS, least=f"{least:f}", most=f"{most:f}")
    whole = str(int(value))
    return f"{whole}.{behind}" if behind else whole


def day(typed: str) -> str:
    """A date in ISO's form. Raises Unreadable."""
    found = _DATE.fullmatch(_plain(typed))
    try:
        if found is None:
            raise ValueError(typed)
        read = date(*(int(part) for part in found.groups()))
    except ValueError:
        raise Unreadable(Fault.NOT_A_DATE) from None
    if not EARLIEST <= read <= LATEST:
        raise Unreadable(Fault.NOT_A_DATE)
    return read.isoformat()


def moment(typed: str) -> datetime:
    """A time in Beijing, "2026-12-01 10:00", as UTC. Raises Unreadable."""
    found = _MOMENT.fullmatch(unicodedata.normalize("NFKC", typed).strip())
    try:
        if found is None:
            raise ValueError(typed)
        parts = [int(part or 0) for part in found.groups()]
        read = datetime(*parts, tzinfo=BEIJING)  # type: ignore[arg-type,misc]
    except ValueError:
        raise Unreadable(Fault.NOT_A_MOMENT) from None
    if not EARLIEST <= read.date() <= LATEST:
        raise Unreadable(Fault.NOT_A_MOMENT)
    return read.astimezone(UTC)


def phone(typed: str) -> str:
    """A telephone number of the mainland, as it was typed. Raises Unreadable."""
    plain = _plain(typed).replace("（", "").replace("(", "").replace(")", "-")
    if not _PHONE.fullmatch(plain):
        raise Unreadable(Fault.NOT_A_PHONE)
    return plain


def _plain(typed: str) -> str:
    return re.sub(r"[\s,、¥￥]", "", unicodedata.normalize("NFKC", typed))
