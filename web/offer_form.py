"""The form by which a lot is put on: what was typed -> an offer and its reserve, or the faults by field."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from bidding.lots import MAX_TEXT, MAX_TITLE, AssetClass, Offer
from bidding.terms import (
    LOT_CHARACTERS,
    MAX_PERIOD_MS,
    MAX_PRICE,
    Fen,
    InquiryMode,
    PriorityMode,
    Terms,
    is_rehearsal,
)
from office.money import NotAnAmount, typed_fen
from web.amounts import AMOUNT_FAULTS
from web.languages import N_
from web.shown import BEIJING

AHEAD_MS: Final = 10_000
FARTHEST_MS: Final = 366 * 24 * 3600 * 1000
LEAST_PERIOD_S: Final = 5
MOST_STEPS: Final = 1_000_000
STEPS_RANGE: Final = N_("请填写 1 到 1000000 之间的整数。")
PERIOD_RANGE: Final = N_("请填写 5 到 86400 之间的整数，单位是秒（86400 秒是一天）。")
"""They name the limits in words (a test holds them to the numbers)."""

FIELDS: Final[Mapping[str, str]] = {
    "lot": "",
    "title": "",
    "asset_class": AssetClass.PHYSICAL.value,
    "place": "",
    "description": "",
    "transferor": "",
    "starting_price": "",
    "increment": "",
    "max_steps": "100",
    "reserve": "",
    "opens_at": "",
    "inquiry_s": "240",
    "window_s": "240",
    "inquiry_mode": InquiryMode.PASSIVE.value,
    "priority_mode": PriorityMode.NONE.value,
    "self_raise": "",
}
"""The fields, with what an empty form holds."""

LABELS: Final[Mapping[str, str]] = {
    "lot": N_("编号"),
    "title": N_("名称"),
    "asset_class": N_("资产类别"),
    "place": N_("所在地"),
    "transferor": N_("转让方"),
    "description": N_("标的说明"),
    "starting_price": N_("起始价"),
    "increment": N_("加价幅度"),
    "max_steps": N_("一次最多加几个幅度"),
    "reserve": N_("保留价"),
    "opens_at": N_("开始时间（北京时间）"),
    "inquiry_s": N_("询问期"),
    "window_s": N_("限时竞价"),
    "inquiry_mode": N_("询问期内是否要确认参加"),
    "priority_mode": N_("优先购买权"),
}
"""What the fields are called, in the order in which the form shows them."""

_T = TypeVar("_T")

_NUMBER: Final = re.compile(r"\d{1,9}", re.ASCII)
_TIME: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[T ]+(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Draft:
    """A sound form: the offer, and the reserve that is kept apart from it."""

    offer: Offer
    reserve: Fen | None


class FormFaults(Exception):
    """What is wrong, as texts to translate: {field: text}."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(", ".join(faults))
        self.faults = dict(faults)


def typed_in(form: Mapping[str, str]) -> dict[str, str]:
    """What stands in the fields, so that nothing typed is lost; a box without a mark is not sent at all."""
    if not form:
        return dict(FIELDS)
    return {name: form.get(name, "") for name in FIELDS}


def parse(form: Mapping[str, str], now: int, created_by: int) -> Draft:
    """The draft that the form stands for. Raises FormFaults with everything that is wrong."""
    reading = _Reading(form)
    take = reading.take
    words = {
        "title": take("title", _required(MAX_TITLE), ""),
        "place": take("place", _at_most(MAX_TITLE), ""),
        "description": take("description", _at_most(MAX_TEXT), ""),
        "transferor": take("transferor", _required(MAX_TITLE), ""),
    }
    asset_class = take("asset_class", lambda text: AssetClass(_choice(text, AssetClass)), AssetClass.PHYSICAL)
    opens_at = take("opens_at", lambda text: _opening(text, now), 0)
    terms = _terms(reading)
    reserve = take("reserve", lambda text: amount(text) if text.strip() else None, None)
    if reserve is not None and reserve < terms.get("starting_price", 0):
        reading.faults["reserve"] = N_("保留价不能低于起始价；没有保留价就留空。")
    if reading.faults:
        raise FormFaults(reading.faults)
    offer = Offer(
        terms=Terms(**terms), opens_at=opens_at, asset_class=asset_class, created_by=created_by, **words
    )
    return Draft(offer, reserve)


def _terms(reading: "_Reading") -> dict[str, Any]:
    """The fields of the terms; sound when nothing was found wrong."""
    take = reading.take
    period = _between(LEAST_PERIOD_S, MAX_PERIOD_MS // 1000, PERIOD_RANGE)
    starting_price = take("starting_price", amount, Fen(0))
    increment = take("increment", amount, Fen(0))
    max_steps = take("max_steps", _between(1, MOST_STEPS, STEPS_RANGE), 0)
    if starting_price + max_steps * increment > MAX_PRICE:
        reading.faults["max_steps"] = N_("起始价加上一次最多加的金额，超过了平台能处理的最大金额。")
    return {
        "lot": take("lot", _lot, ""),
        "starting_price": starting_price,
        "increment": increment,
        "max_steps": max_steps,
        "inquiry_ms": take("inquiry_s", period, 0) * 1000,
        "window_ms": take("window_s", period, 0) * 1000,
        "inquiry_mode": take("inquiry_mode", lambda t: InquiryMode(_choice(t, InquiryMode)), None),
        "priority_mode": take("priority_mode", lambda t: PriorityMode(_choice(t, PriorityMode)), None),
        "self_raise": reading.form.get("self_raise") == "1",
    }


class _Reading:
    """Takes field after field and collects what is wrong."""

    def __init__(self, form: Mapping[str, str]) -> None:
        self.form = form
        self.faults: dict[str, str] = {}

    def take(self, name: str, read: Callable[[str], _T], otherwise: _T) -> _T:
        try:
            return read(self.form.get(name, ""))
        except _Wrong as wrong:
            self.faults[name] = wrong.text
            return otherwise


class _Wrong(Exception):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def _lot(text: str) -> str:
    lot = text.strip().upper()
    if not 0 < len(lot) <= 32 or not set(lot) <= LOT_CHARACTERS:
        raise _Wrong(N_("编号用 1 到 32 个大写字母、数字或短横线，例如 XX-2026-001。"))
    if is_rehearsal(lot):
        raise _Wrong(N_("REHEARSAL- 开头的编号只用于演练。"))
    return lot


def _required(longest: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not text.strip():
            raise _Wrong(N_("这一项必须填写。"))
        return _at_most(longest)(text)

    return read


def _at_most(longest: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        plain = text.replace("\r\n", "\n").strip()
        if len(plain) > longest:
            raise _Wrong(N_("文字太长了，请缩短。"))
        return plain

    return read


def _choice(text: str, kinds: type) -> str:
    if text not in {str(kind) for kind in kinds}:  # type: ignore[attr-defined]
        raise _Wrong(N_("请从选项中选择一项。"))
    return text


def _between(least: int, most: int, wrong: str) -> Callable[[str], int]:
    def read(text: str) -> int:
        plain = unicodedata.normalize("NFKC", text).replace(",", "").strip()
        if not _NUMBER.fullmatch(plain) or not least <= int(plain) <= most:
            raise _Wrong(wrong)
        return int(plain)

    return read


def amount(text: str) -> Fen:
    """Yuan as people type them -> fen."""
    try:
        return Fen(typed_fen(text))
    except NotAnAmount as wrong:
        raise _Wrong(AMOUNT_FAULTS[wrong.fault]) from wrong


def _opening(text: str, now: int) -> int:
    plain = unicodedata.normalize("NFKC", text).strip()
    found = _TIME.fullmatch(plain)
    try:
        if found is None:
            raise ValueError(plain)
        parts = [int(part or 0) for part in found.groups()]
        at = int(datetime(*parts, tzinfo=BEIJING).timestamp() * 1000)  # type: ignore[arg-type,misc]
    except ValueError:
        raise _Wrong(N_("请按“年-月-日 时:分”填写北京时间，例如 2026-12-01 10:00。")) from None
    if at < now + AHEAD_MS:
        raise _Wrong(N_("开始时间已经过了，或者离现在不到 10 秒。"))
    if at > now + FARTHEST_MS:
        raise _Wrong(N_("开始时间离现在超过一年。"))
    return at
