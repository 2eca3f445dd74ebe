"""Reading a channel: every fault is named with its place; a new channel is a new file."""

import json
import re
import time
import tomllib
from contextlib import suppress
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certificates.catalogue.faults import CatalogueFaults
from certificates.catalogue.model import AuthorityList, ChannelRules
from certificates.catalogue.prices import quote
from certificates.catalogue.reading import (
    LARGEST,
    as_data,
    read_authorities,
    read_channel,
    read_reasons,
    schema,
)
from certificates.catalogue.reasons import SECTIONS
from certificates.catalogue.scope import Service, Way
from certificates.catalogue.store import AUTHORITIES, REASONS, shipped
from certificates.catalogue.writing import write
from certificates.orders.fields import Section
from tests.channelkit import KINDS, SMALL, case, shipped_channels


def places(toml: str) -> set[tuple[str, str]]:
    with pytest.raises(CatalogueFaults) as wrong:
        read_channel(toml)
    return {(fault.where, fault.kind) for fault in wrong.value.faults}


def test_a_new_channel_is_a_new_text() -> None:
    rules = read_channel(SMALL)
    assert rules.ways(Service.ISSUE, KINDS["N"]) == (Way.ONLINE,)
    assert quote(rules, case("issue", "N", product="person")).total == 100
    told = rules.instead(case("revoke", "N"))
    assert told is not None
    assert told.note == "这里只办首次办理。"


@pytest.mark.parametrize("key", shipped_channels())
def test_every_shipped_channel_reads(key: str) -> None:
    assert read_channel(shipped()[key]).key == key


def test_every_authority_that_a_channel_names_is_known() -> None:
    known = read_authorities(shipped()[AUTHORITIES]).by_key
    for key in shipped_channels():
        assert set(read_channel(shipped()[key]).authorities) <= set(known)


@pytest.mark.parametrize(
    ("old", "new", "where", "kind"),
    [
        ('key = "new_channel"', 'key = "New"', "key", "string_pattern_mismatch"),
        ('summary = "在网上办，寄到家。"\n', "", "summary", "missing"),
        ("fen = 100", "fen = -1", "prices[0].parts[0].fen", "greater_than_equal"),
        ("fen = 100", 'fen = "100"', "prices[0].parts[0].fen", "int_type"),
        ("fen = 100", "fen = 1.5", "prices[0].parts[0].fen", "int_type"),
        ("fen = 100", "fen = true", "prices[0].parts[0].fen", "int_type"),
        ("fen = 100", "fen = 100, cent = 1", "prices[0].parts[0].cent", "unexpected_keyword_argument"),
        ('ways = ["online"]', 'ways = ["pigeon"]', "offers[0].ways[0]", "enum"),
        ("months = 12", "months = 61", "products[0].months", "less_than_equal"),
        ("most_bytes = 100000", "most_bytes = 1", "uploads.most_bytes", "greater_than_equal"),
        ('images = ["png"]', 'images = ["exe"]', "uploads.images[0]", "string_pattern_mismatch"),
        ('"details", ', '"details", "details", ', "routes[0].stages[1]", "twice"),
        (
            '[{ by = "wechat" }]',
            '[{ by = "wechat", payers = ["own"] }]',
            "payments[0].payers",
            "payers_of_transfers",
        ),
        ('[{ by = "wechat" }]', '[{ by = "transfer" }]', "payments[0].payers", "payers_of_transfers"),
        ('[{ by = "wechat" }]', '[{ by = "transfer", payers = ["own"] }]', "beneficiary", "no_beneficiary"),
        ('[{ by = "wechat" }]', "[]", "offers[0]", "no_payment"),
        ('"payment", ', "", "offers[0]", "payment_step"),
        (", months = 12", "", "offers[0]", "no_term"),
        ("[{ working_days = 1 }]", "[]", "offers[0]", "no_rule"),
        ('[{ by = "sms", to = "applicant" }]', "[]", "offers[0]", "no_rule"),
        ('[{ by = "courier", freight = "free" }]', "[]", "offers[0]", "no_rule"),
        (
            "[{ working_days = 1 }]",
            "[{ least_days = 2, working_days = 1 }]",
            "reviews[0].least_days",
            "above_most",
        ),
        ('ways = ["online"]', 'ways = ["online", "counter"]', "offers[0]", "no_rule"),
        ('services = ["issue"]', 'services = ["issue", "renew"]', "offers[0]", "no_rule"),
        ("[{ parts", '[{ products = ["gold"], parts', "prices[0].products", "unknown_product"),
        ("[{ parts", '[{ services = ["renew"], parts', "offers[0]", "no_price"),
        ("stages = ", 'services = ["renew"]\nstages = ', "offers[0]", "no_route"),
        ('elsewhere = [{ note = "这里只办首次办理。" }]', "", "elsewhere", "nowhere"),
        ('subjects = ["natural_person"]', "subjects = []", "subjects", "too_short"),
        ('subject = "natural_person"', 'subject = "organization"', "products[0].subject", "other_subject"),
        ('authorities = ["bjca"]', 'authorities = ["bjca", "bjca"]', "authorities[1]", "twice"),
        ('key = "new_channel"', "key = ", "", "not_toml"),
    ],
)
def test_a_fault_is_named_with_its_place(old: str, new: str, where: str, kind: str) -> None:
    assert SMALL.count(old) >= 1
    assert (where, kind) in places(SMALL.replace(old, new, 1))


def test_all_faults_come_at_once_and_not_without_end() -> None:
    rows = ", ".join("{ fen = -1 }" for _ in range(200))
    found = places(SMALL.replace("parts = [{", f"parts = [{rows}, {{"))
    assert len(found) == 50


def test_a_text_is_bounded() -> None:
    assert places("#" * (LARGEST + 1)) == {("", "too_long")}


def test_deep_nesting_is_a_fault_and_no_crash() -> None:
    assert places("key = " + "[" * 50_000) == {("", "not_toml")}


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200), st.integers(0, len(SMALL)))
def test_whatever_is_written_is_read_or_refused(noise: str, at: int) -> None:
    with suppress(CatalogueFaults):
        read_channel(SMALL[:at] + noise + SMALL[at:])


def test_authorities_are_there_once() -> None:
    one = '[[authorities]]\nkey = "aa"\nname = "甲"\nshort = "甲"\n'
    with pytest.raises(CatalogueFaults) as wrong:
        read_authorities(one + one)
    assert [(fault.where, fault.kind) for fault in wrong.value.faults] == [("authorities[1].key", "twice")]


@pytest.mark.parametrize(
    ("name", "kind"), [("channel.schema.json", ChannelRules), ("authorities.schema.json", AuthorityList)]
)
def test_the_json_schema_is_the_one_of_the_types(name: str, kind: type[Any]) -> None:
    """`python -m certificates.catalogue.schemas` writes them anew."""
    kept = files("certificates.catalogue").joinpath(name).read_text("utf-8")
    assert json.loads(kept) == schema(kind)


def test_the_schema_names_every_field_and_forbids_others() -> None:
    made = schema(ChannelRules)
    assert made["additionalProperties"] is False
    assert {"offers", "prices", "materials", "counters"} <= set(made["properties"])
    assert re.fullmatch(r"https://json-schema\.org/.*", made["$schema"])


@pytest.mark.parametrize("key", shipped_channels())
def test_everything_that_has_a_name_has_an_english_one(key: str) -> None:
    rules = read_channel(shipped()[key])
    stages = [stage for route in rules.routes for stage in route.stages]
    authorities = read_authorities(shipped()[AUTHORITIES]).authorities
    named = (rules, *rules.products, *rules.counters, *stages, *authorities)
    assert not [one.name for one in named if not one.name_en]
    assert rules.summary_en
    for wrong in ("中文", "x" * 151):
        with pytest.raises(CatalogueFaults):
            read_channel(shipped()[key].replace(f'name_en = "{rules.name_en}"', f'name_en = "{wrong}"'))


def test_reasons_are_of_what_is_judged_and_of_nothing_else() -> None:
    assert {str(section) for section in Section} - {"checks"} == SECTIONS
    reasons = read_reasons(shipped()[REASONS])
    (unreadable,) = (one for one in reasons if one.key == "unreadable")
    assert "licence" in unreadable.items
    text = shipped()[REASONS]
    for old, new, kind in (
        ('key = "incomplete"', 'key = "unreadable"', "twice"),
        ('items = ["licence"]', 'items = ["passport"]', "unknown_item"),
        ('text = "没有拍全，请把四个角都拍进去"', 'text = "不"', "string_too_short"),
        ('text = "没有拍全，请把四个角都拍进去"', f'text = "{"长" * 121}"', "string_too_long"),
    ):
        assert old in text
        with pytest.raises(CatalogueFaults) as wrong:
            read_reasons(text.replace(old, new))
        assert {fault.kind for fault in wrong.value.faults} == {kind}


READERS = {AUTHORITIES: read_authorities, REASONS: read_reasons}


@pytest.mark.parametrize("key", shipped())
def test_what_is_written_reads_as_the_same(key: str) -> None:
    data = tomllib.loads(shipped()[key])
    text = write(data)
    assert tomllib.loads(text) == data
    assert READERS.get(key, read_channel)(text)


@given(
    st.dictionaries(st.text("abc_-", min_size=1), st.text() | st.integers(-9, 9) | st.booleans(), max_size=5)
)
def test_any_text_survives_writing(row: dict[str, Any]) -> None:
    data = {"one": "甲", "table": row, "rows": [row, {"list": [row, row]}]}
    assert tomllib.loads(write(data)) == data


@pytest.mark.parametrize("key", shipped_channels())
def test_as_data_gives_back_what_was_read(key: str) -> None:
    rules = read_channel(shipped()[key])
    assert read_channel(write(as_data(rules))) == rules


def test_the_largest_channel_is_checked_in_a_bounded_time() -> None:
    """As many products and rows as there can be: every case is looked at, and nobody waits for minutes."""
    products = "\n".join(
        f'[[products]]\nkey = "p{at}"\nname = "{at}"\nsubject = "natural_person"\nmonths = 1'
        for at in range(40)
    )
    rows = "\n".join('[[pins]]\nservices = ["revoke"]\nby = "sms"\nto = "applicant"' for _ in range(300))
    text = re.sub(r"^(products|pins) = .*\n", "", SMALL, flags=re.MULTILINE) + products + "\n" + rows
    started = time.perf_counter()
    assert ("offers[0]", "no_rule") in places(text)
    assert time.perf_counter() - started < 30
