"""Numbers, addresses and the words of reasons as a form; everything else is edited as text."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from typing import Any, Final

from certificates.catalogue.writing import write
from office.money import yuan
from web.certificates.order_words import DOCUMENTS, PARTS, SECTIONS, SERVICES, SUBJECTS, WAYS
from web.languages import N_
from web.visits import Visit

MOST_FIELDS: Final = 90
"""A form has at most 100 fields (web/routing.py); a channel with more is edited as text."""
_YUAN: Final = re.compile(r"(\d{1,7})(?:\.(\d{1,2}))?", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,4}", re.ASCII)


class Kind(StrEnum):
    YUAN = "yuan"
    NUMBER = "number"
    TIME = "time"
    DATE = "date"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Field:
    """One value of the data. `path`: the names and places that lead to it, as "prices.0.parts.1.fen"."""

    path: str
    group: str
    label: str
    kind: Kind
    value: str
    unit: str = ""


def fields(visit: Visit, content: str) -> list[Field]:
    """What the form has, in the order of the data."""
    data = tomllib.loads(content)
    return list(_fields(visit, data))


def filled(visit: Visit, content: str, form: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The text with what was filled in, and what can't be read, by path."""
    data = deepcopy(tomllib.loads(content))
    wrong = {}
    for field in _fields(visit, data):
        typed = form.get(field.path, field.value).strip()
        if field.kind is not Kind.TEXT:  # full-width digits; in words the punctuation is meant so
            typed = unicodedata.normalize("NFKC", typed)
        value = _read(field.kind, typed)
        if value is None:
            wrong[field.path] = visit.text(_WRONG[field.kind])
        else:
            _put(data, field.path, value)
    return write(data), wrong


_WRONG: Final[Mapping[Kind, str]] = {
    Kind.YUAN: N_("请填写金额（元），最多两位小数。"),
    Kind.NUMBER: N_("请填写整数。"),
    Kind.TIME: N_("请按“时:分”填写，例如 08:30。"),
    Kind.DATE: N_("请填写日期，例如 2026-07-31。"),
    Kind.TEXT: N_("这一项必须填写。"),
}
_TEXTS: Final[tuple[tuple[str, str], ...]] = (("name", N_("名称")), ("summary", N_("一句话说明")))
_PLACE: Final[tuple[tuple[str, str], ...]] = (
    ("name", N_("名称")),
    ("address", N_("地址")),
    ("recipient", N_("邮寄收件人")),
    ("phone", N_("电话")),
)
_ACCOUNT: Final[tuple[tuple[str, str], ...]] = (
    ("holder", N_("开户名")),
    ("bank", N_("开户行")),
    ("number", N_("账号")),
    ("remark", N_("汇款备注要写")),
)
_DAYS: Final[tuple[tuple[str, str], ...]] = (
    ("least_days", N_("最少几个工作日")),
    ("working_days", N_("最多几个工作日")),
)
_RENEWALS: Final[tuple[tuple[str, str], ...]] = (
    ("days_before", N_("到期前多少天")),
    ("expired_days", N_("过期后最多多少天")),
)


def _fields(visit: Visit, data: Mapping[str, Any]) -> Iterator[Field]:
    basics = visit.text(N_("渠道"))
    for name, label in _TEXTS:
        if name in data:
            yield Field(name, basics, visit.text(label), Kind.TEXT, data[name])
    for at, number in enumerate(data.get("hotlines", ())):
        yield Field(f"hotlines.{at}", basics, visit.text(N_("客服热线")), Kind.TEXT, number)
    if "position" in data:
        label = visit.text(N_("在渠道页面上排第几"))
        yield Field("position", basics, label, Kind.NUMBER, str(data["position"]))
    yield from _prices(visit, data)
    yield from _numbers(visit, data, "reviews", visit.text(N_("审核时间")), _DAYS)
    yield from _numbers(visit, data, "renewals", visit.text(N_("续期")), _RENEWALS)
    for at, counter in enumerate(data.get("counters", ())):
        yield from _place(visit, at, counter)
    account = data.get("beneficiary", {})
    for name, label in _ACCOUNT:
        if name in account:
            text = visit.text(label)
            yield Field(f"beneficiary.{name}", visit.text(N_("收款账户")), text, Kind.TEXT, account[name])
    for at, row in enumerate(data.get("conversions", ())):
        if "cut_off" in row:
            label = visit.text(N_("从哪天起不能再用"))
            value = row["cut_off"].isoformat()
            yield Field(f"conversions.{at}.cut_off", visit.text(N_("印章替换")), label, Kind.DATE, value)
    for at, row in enumerate(data.get("reasons", ())):
        group = visit.text(N_("驳回原因"))
        yield Field(
            f"reasons.{at}.text", group, items_word(visit, row.get("items", ())), Kind.TEXT, row["text"]
        )


def items_word(visit: Visit, items: Iterable[str]) -> str:
    """Which documents and sections a reason is of."""
    words = {**DOCUMENTS, **SECTIONS}
    said = [visit.text(words[item]) for item in items if item in words]
    return visit.text(N_("、")).join(said) or visit.text(N_("全部"))


def _prices(visit: Visit, data: Mapping[str, Any]) -> Iterator[Field]:
    for at, row in enumerate(data.get("prices", ())):
        for number, part in enumerate(row.get("parts", ())):
            per = visit.text(N_("（每年）")) if part.get("per") == "year" else ""
            label = f"{scope(visit, row, data)} · {visit.text(PARTS[part['kind']])}{per}"
            path = f"prices.{at}.parts.{number}.fen"
            group, unit = visit.text(N_("价格")), visit.text(N_("元"))
            yield Field(path, group, label, Kind.YUAN, yuan(part["fen"]).replace(",", ""), unit)


def _numbers(
    visit: Visit, data: Mapping[str, Any], name: str, group: str, known: tuple[tuple[str, str], ...]
) -> Iterator[Field]:
    for at, row in enumerate(data.get(name, ())):
        for field, label in known:
            if field in row and not row.get("automatic"):
                text = f"{scope(visit, row, data)} · {visit.text(label)}"
                yield Field(f"{name}.{at}.{field}", group, text, Kind.NUMBER, str(row[field]))


def _place(visit: Visit, at: int, counter: Mapping[str, Any]) -> Iterator[Field]:
    group = visit.text(N_("窗口和收件地址"))
    for name, label in _PLACE:
        if name in counter:
            text = f"{counter['name']} · {visit.text(label)}"
            yield Field(f"counters.{at}.{name}", group, text, Kind.TEXT, counter[name])
    for number, hours in enumerate(counter.get("hours", ())):
        what = scope(visit, hours, {})
        for name, label in (("opens", N_("开门")), ("closes", N_("关门"))):
            text = f"{counter['name']} · {what} · {visit.text(label)}"
            value = f"{hours[name]:%H:%M}"
            yield Field(f"counters.{at}.hours.{number}.{name}", group, text, Kind.TIME, value)


def scope(visit: Visit, row: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """What a row is for, in words: "续期、补办 · 单位证书"."""
    names = {one["key"]: one["name"] for one in data.get("products", ())}
    said = [
        visit.text(N_("、")).join(visit.text(table.get(value, value)) for value in row.get(name, ()))
        for name, table in (
            ("services", SERVICES),
            ("subjects", SUBJECTS),
            ("ways", WAYS),
            ("products", names),
        )
    ]
    return " · ".join(one for one in said if one) or visit.text(N_("全部"))


def _read(kind: Kind, typed: str) -> str | int | time | date | None:
    """A value of that kind; None: it is none."""
    match kind:
        case Kind.YUAN:
            found = _YUAN.fullmatch(typed)
            return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else None
        case Kind.NUMBER:
            return int(typed) if _NUMBER.fullmatch(typed) else None
        case Kind.TEXT:
            return typed or None
        case Kind.TIME:
            try:
                return time.fromisoformat(typed)
            except ValueError:
                return None
        case Kind.DATE:
            try:
                return date.fromisoformat(typed)
            except ValueError:
                return None


def _put(data: dict[str, Any], path: str, value: object) -> None:
    *way, last = path.split(".")
    at: Any = data
    for step in way:
        at = at[int(step)] if isinstance(at, list) else at[step]
    at[int(last) if isinstance(at, list) else last] = value
