"""What a message of each kind says, in both languages: data in templates/*.toml, one file for each owner.

    ["lot.extended"]
    title = "公告延期"                                     # may use facts as well
    text = "标的“{title}”的报名延长到 {until:moment}。"
    title_en = "Announcement extended"
    text_en = "Registration for “{title}” goes on until {until:moment}."
    address = "/announcements/{lot}"                      # where the message leads; may be left out
    channels = ["email", "sms"]                           # besides the site; may be left out
    brief = "您报名的标的有变动，请登录平台查看。"  # to bidders outside the site: no facts
    brief_en = "..."

Facts are shown as `{name}`, as `{name:yuan}` (fen) or as `{name:moment}` (an ISO time, shown as Beijing's).
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote

from office import money

CHINESE: Final = "zh-CN"
_FACT: Final = re.compile(r"\{(\w+)(?::(\w+))?\}")
_FIELDS: Final = frozenset(
    {"title", "title_en", "text", "text_en", "address", "channels", "brief", "brief_en", "whole"}
)
_EIGHT_HOURS: Final = timedelta(hours=8)
ABSENT: Final = "—"


class Channel(StrEnum):
    """Ways out of the site."""

    EMAIL = "email"
    SMS = "sms"


@dataclass(frozen=True, slots=True)
class Words:
    """One text in both languages."""

    chinese: str
    english: str

    def of(self, locale: str) -> str:
        return self.chinese if locale in ("", CHINESE) else self.english


@dataclass(frozen=True, slots=True)
class Kind:
    """`brief` is all that leaves the site towards a bidder: no fact of the message is in it."""

    name: str
    title: Words
    text: Words
    brief: Words
    whole: bool = False
    """The text leaves the site towards a bidder, too: no fact of it tells of a lot or a person."""
    address: str = ""
    channels: tuple[Channel, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """A message as somebody reads it; `address` is a place on this site, or ""."""

    title: str
    text: str
    address: str


class KindFault(Exception):
    """A template that can't be used."""


GENERAL: Final = Kind(
    "general",
    title=Words("有新的消息", "You have news"),
    text=Words(
        "有与您有关的新情况，请到相应的页面查看。",
        "Something concerns you: please look at the page it is about.",
    ),
    brief=Words("您有一条新消息，请登录平台查看。", "You have a new message: please sign in to read it."),
)
"""For a kind that has no texts yet."""


def kind(name: str) -> Kind:
    return all_kinds().get(name, GENERAL)


@cache
def all_kinds() -> Mapping[str, Kind]:
    """Every kind of every file. Raises KindFault for what is no template, or stands in two files."""
    found: dict[str, Kind] = {}
    folder = files("office.messages").joinpath("templates")
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".toml"):
            continue
        for name, fields in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if name in found:
                raise KindFault(f"{file.name}: {name} stands in another file as well")
            found[name] = _kind(f"{file.name}: {name}", name, fields)
    return found


def _kind(where: str, name: str, fields: Mapping[str, Any]) -> Kind:
    if unknown := set(fields) - _FIELDS:
        raise KindFault(f"{where}: {', '.join(sorted(unknown))}")
    for field in ("title", "title_en", "text", "text_en"):
        if not isinstance(fields.get(field), str):
            raise KindFault(f"{where}: {field} is missing")
    for chinese, english in (("title", "title_en"), ("text", "text_en")):
        if set(_FACT.findall(fields[chinese])) != set(_FACT.findall(fields[english])):
            raise KindFault(f"{where}: the two languages use different facts")
    brief = Words(fields.get("brief", GENERAL.brief.chinese), fields.get("brief_en", GENERAL.brief.english))
    if ("brief" in fields) != ("brief_en" in fields) or "{" in brief.chinese + brief.english:
        raise KindFault(f"{where}: a brief text stands in both languages and takes no facts")
    return Kind(
        name,
        title=Words(fields["title"], fields["title_en"]),
        text=Words(fields["text"], fields["text_en"]),
        brief=brief,
        address=str(fields.get("address", "")),
        channels=tuple(Channel(one) for one in fields.get("channels", ())),
        whole=fields.get("whole", False) is True,
    )


def said(name: str, facts: Mapping[str, Any], locale: str) -> Said:
    """The message in a language, with its facts."""
    its = kind(name)
    return Said(
        _filled(its.title.of(locale), facts),
        _filled(its.text.of(locale), facts),
        _address(its.address, facts),
    )


def facts_of(name: str) -> frozenset[str]:
    """The facts that the texts of a kind use."""
    its = kind(name)
    texts = (its.title.chinese, its.text.chinese, its.address)
    return frozenset(fact for each in texts for fact, _ in _FACT.findall(each))


def _filled(template: str, facts: Mapping[str, Any]) -> str:
    return _FACT.sub(lambda found: _shown(facts.get(found[1]), found[2]), template)


def _address(template: str, facts: Mapping[str, Any]) -> str:
    """ "" when a fact is missing: better no link than a wrong one."""
    if any(facts.get(fact) in (None, "") for fact, _ in _FACT.findall(template)):
        return ""
    return _FACT.sub(lambda found: quote(str(facts[found[1]]), safe=""), template)


def _shown(value: Any, form: str | None) -> str:
    if value is None or value == "":
        return ABSENT
    match form:
        case "yuan" if isinstance(value, int) and not isinstance(value, bool):
            return f"¥{money.yuan(value)}"
        case "moment" if (at := _moment(value)) is not None:
            return f"{at.astimezone(UTC) + _EIGHT_HOURS:%Y-%m-%d %H:%M}"
        case _:
            return str(value)


def _moment(value: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
