"""Every kind of message has its texts, in both languages, and no brief text can name a lot."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from office.messages import kinds
from office.messages.kinds import GENERAL, KindFault, all_kinds, facts_of, kind, said
from office.messages.telling import KIND
from trading.lifecycle.states import Audience
from trading.lifecycle.table import TRANSITIONS

ROOT = Path(__file__).parents[2]
GIVEN_BY_LIFECYCLE = {"lot", "title", "state", "reason", "registration_ends", "opens_at", "due_at"}


def told() -> Iterator[tuple[str, str]]:
    """Kinds that stand in a call of `tell` as they are, with the place."""
    for package in ("office", "trading", "web"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "tell"):
                    continue
                for given in node.args[2:3]:
                    if isinstance(given, ast.Constant) and isinstance(given.value, str):
                        yield given.value, f"{path.relative_to(ROOT)}:{node.lineno}"


def test_every_kind_that_is_told_has_texts() -> None:
    found = list(told())
    assert len(found) > 5
    assert not [(name, place) for name, place in found if name not in all_kinds()]


def test_every_audience_of_the_lifecycle_is_told_in_words() -> None:
    rows = [row for each in TRANSITIONS.values() for row in each]
    wanted = {f"lot.{row.act.value}" for row in rows if row.tells - {Audience.FINANCE}}
    wanted |= {f"finance.{row.act.value}" for row in rows if Audience.FINANCE in row.tells}
    assert wanted <= set(all_kinds())
    for name in wanted:
        given = {"until"} if name.startswith("finance.") else GIVEN_BY_LIFECYCLE
        assert facts_of(name) <= given, name


@pytest.mark.parametrize("name", sorted(all_kinds()))
def test_texts_are_whole(name: str) -> None:
    its = kind(name)
    assert KIND.fullmatch(name)
    for words in (its.title, its.text, its.brief):
        assert words.chinese
        assert words.english
        assert words.chinese != words.english
    assert "{" not in its.brief.chinese + its.brief.english
    assert len(its.brief.chinese) <= 70, "an SMS of one part has 70 characters"
    facts = dict.fromkeys(facts_of(name), "x")
    for locale in ("", "zh-CN", "en"):
        shown = said(name, facts, locale)
        assert "{" not in shown.title + shown.text + shown.address
        assert shown.address == "" or shown.address.startswith("/")


def test_a_kind_without_texts_is_said_in_general_words() -> None:
    assert kind("no.such.kind") is GENERAL
    assert said("no.such.kind", {"lot": "CAR-1"}, "").title == "有新的消息"


def test_facts_are_shown_as_people_read_them() -> None:
    facts = {"title": "甲", "registration_ends": "2026-03-02T09:30:00+00:00", "lot": "A/1", "reason": ""}
    shown = said("lot.resume", facts, "")
    assert "2026-03-02 17:30" in shown.text
    assert "—" in shown.text, "what is missing is shown as missing"
    assert shown.address == "/announcements/A%2F1"
    assert said("lot.resume", {}, "").address == ""
    # What somebody typed is never taken for a template.
    assert "{lot}" in said("lot.resume", {**facts, "reason": "{lot}"}, "").text


@pytest.mark.parametrize(
    "fields",
    [
        {"title": "甲"},
        {"title": "甲", "text": "{a}", "title_en": "a", "text_en": "{b}"},
        {"title": "甲", "text": "乙", "title_en": "a", "text_en": "b", "brief": "{lot}", "brief_en": "x"},
        {"title": "甲", "text": "乙", "title_en": "a", "text_en": "b", "brief": "丙"},
        {"title": "甲", "text": "乙", "title_en": "a", "text_en": "b", "colour": "red"},
    ],
)
def test_a_template_that_cannot_be_used_is_found(fields: dict[str, str]) -> None:
    with pytest.raises(KindFault):
        kinds._kind("a.toml: x", "x", fields)
