"""The steps of the form of an asset: what was typed -> values of a step, or all that is wrong. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeVar

from bidding.lots import AssetClass
from trading.lifecycle.states import SaleMethod
from trading.listings import reading
from trading.listings.checks import Prices
from trading.listings.fields import read_details
from trading.listings.reading import Fault, Unreadable, Wrong
from trading.listings.store import MAX_PLACE, MAX_TEXT, MAX_TITLE, Basics

MOST_STEPS: Final = 1_000_000
BASICS: Final = ("asset_class", "method", "title", "place", "starting_price")
TEXTS: Final = ("overview", "disclosures", "conditions")
PRICES: Final = ("starting_price", "increment", "max_steps", "deposit", "valuation", "reserve")

_T = TypeVar("_T")


@dataclass(slots=True)
class Reading:
    """Takes field after field and collects what is wrong."""

    form: Mapping[str, str]
    wrong: dict[str, Wrong]

    def take(self, name: str, read: Callable[[str], _T], otherwise: _T, *, required: bool = True) -> _T:
        typed = self.form.get(name, "")
        if not typed.strip():
            if required:
                self.wrong[name] = Wrong(Fault.MISSING)
            return otherwise
        try:
            return read(typed)
        except Unreadable as unreadable:
            self.wrong[name] = unreadable.wrong
            return otherwise


def read_basics(form: Mapping[str, str]) -> tuple[Basics | None, dict[str, Wrong]]:
    """The first step; None when something is wrong."""
    it = Reading(form, {})
    asset_class = it.take("asset_class", _choice(AssetClass), AssetClass.PHYSICAL)
    method = it.take("method", _choice(SaleMethod), SaleMethod.COMPETITIVE_BIDDING)
    title = it.take("title", lambda typed: reading.text(typed, MAX_TITLE), "")
    place = it.take("place", lambda typed: reading.text(typed, MAX_PLACE), "")
    price = it.take("starting_price", reading.amount, 0)
    basics = None if it.wrong else Basics(AssetClass(asset_class), SaleMethod(method), title, place, price)
    return basics, it.wrong


def read_description(
    asset_class: AssetClass, form: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Wrong]]:
    """The second step: texts and details. What can be read is there even when something is wrong."""
    it = Reading(form, {})
    values: dict[str, Any] = {
        name: it.take(name, lambda typed: reading.text(typed, MAX_TEXT, lines=True), "", required=False)
        for name in TEXTS
    }
    values["details"], wrong = read_details(asset_class, form)
    return values, it.wrong | wrong


def read_prices(form: Mapping[str, str]) -> tuple[Prices | None, dict[str, Wrong]]:
    """The third step; None when something is wrong."""
    it = Reading(form, {})
    values: dict[str, Any] = {
        name: it.take(name, reading.amount, 0) for name in ("starting_price", "increment")
    }
    values["deposit"] = it.take("deposit", _amount_or_none, 0)
    values["max_steps"] = it.take("max_steps", _count, 0)
    for name in ("valuation", "reserve"):
        values[name] = it.take(name, reading.amount, None, required=False)
    return (None if it.wrong else Prices(**values)), it.wrong


def _choice(kinds: type[AssetClass] | type[SaleMethod]) -> Callable[[str], Any]:
    def read(typed: str) -> Any:
        if typed not in {kind.value for kind in kinds}:
            raise Unreadable(Fault.NOT_A_CHOICE)
        return kinds(typed)

    return read


def _amount_or_none(typed: str) -> int:
    """A deposit may be nothing at all."""
    return reading.amount(typed, least=0)


def _count(typed: str) -> int:
    return int(reading.number(typed, decimals=0, least=Decimal(1), most=Decimal(MOST_STEPS)))
