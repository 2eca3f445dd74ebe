"""What people type: amounts, times, lists; and how numbers are shown to them."""

import pytest

from bidding.terms import MAX_PERIOD_MS, PriorityMode
from office.money import capitals, yuan
from office.sealed import ListFaults, QualifiedRow, Wrong
from web import offer_form
from web.csrf import fits, token
from web.headers import gateways, policy
from web.offer_form import FormFaults, amount, parse
from web.qualified_list import decoded, is_text
from web.qualified_list import parse as parse_list
from web.shown import iso, moment, moment_en
from web.site import WebSettings
from web.visits import local

NOW = 1_795_190_400_000  # 2026-11-21 00:00 in Beijing


def test_amounts_are_read_by_the_one_parser() -> None:
    assert amount("１．２５万元") == 1_250_000


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "请填写金额"),
        ("9万亿", "请填写金额"),
        ("1,5", "逗号"),
        ("1.234", "最多到分"),
        ("-1", "太小"),
        ("100000亿", "太大"),
    ],
)
def test_what_is_no_amount_is_refused_in_words(typed: str, said: str) -> None:
    with pytest.raises(Exception, match=said):
        amount(typed)


@pytest.mark.parametrize(
    "typed", ["2026-11-21T10:00", "2026-11-21 10:00:00", "2026/11/21 10:00", "２０２６-11-21　10：00"]
)
def test_opening_times_are_beijing_times(typed: str) -> None:
    form = {
        "lot": "car-1",
        "title": "标的",
        "transferor": "甲方示例单位",
        "asset_class": "debt",
        "starting_price": "100",
        "increment": "1",
        "max_steps": "10",
        "opens_at": typed,
        "inquiry_s": "240",
        "window_s": "240",
        "inquiry_mode": "confirm",
        "priority_mode": "offer",
    }
    draft = parse(form, NOW, 1)
    assert draft.offer.opens_at == NOW + 10 * 3_600_000
    assert draft.offer.lot == "CAR-1"
    assert draft.reserve is None


def test_an_empty_form_names_every_field_that_is_needed() -> None:
    with pytest.raises(FormFaults) as caught:
        parse({}, NOW, 1)
    assert set(caught.value.faults) == {
        *("lot", "title", "asset_class", "transferor", "starting_price", "increment", "max_steps"),
        *("opens_at", "inquiry_s", "window_s", "inquiry_mode", "priority_mode"),
    }


def test_a_list_is_read_with_headings_blank_lines_and_either_separator() -> None:
    typed = parse_list("\ufefflogin,rank\n\n A1 \nb2,1\n c3\t\nd4;2\n", PriorityMode.MATCH)
    assert typed.rows == tuple(QualifiedRow(*row) for row in (("a1", 0), ("b2", 1), ("c3", 0), ("d4", 2)))
    assert typed.lines == (3, 4, 5, 6)


@pytest.mark.parametrize("text", ["", "\n \n,;\t\n", "login\n"])
def test_an_empty_list_is_told(text: str) -> None:
    with pytest.raises(ListFaults) as caught:
        parse_list(text, PriorityMode.NONE)
    assert [fault.wrong for fault in caught.value.faults] == [Wrong.EMPTY]


@pytest.mark.parametrize("line", ["a,x", "a,-1", "a,100", "a,1,1", "a,1.0"])
def test_a_rank_that_is_none_is_told_with_its_line(line: str) -> None:
    typed = parse_list(f"ok\n\n{line}", PriorityMode.MATCH)
    assert [(fault.line, fault.wrong) for fault in typed.faults] == [(3, Wrong.RANK)]
    assert typed.rows == (QualifiedRow("ok"), QualifiedRow("a"))


def test_a_rank_needs_a_lot_that_grants_it() -> None:
    assert parse_list("a,1", PriorityMode.NONE).faults
    assert not parse_list("a,1", PriorityMode.MATCH).faults
    assert not parse_list("a,0", PriorityMode.NONE).faults


@pytest.mark.parametrize("content", [b"PK\x03\x04rest", b"\xd0\xcf\x11\xe0rest", "账号".encode("utf-16")])
def test_a_workbook_is_no_text(content: bytes) -> None:
    assert not is_text(content)
    assert is_text("账号,顺位".encode("gb18030"))


def test_ranges_are_named_as_they_are() -> None:
    assert f" 1 到 {offer_form.MOST_STEPS} " in offer_form.STEPS_RANGE
    assert f" {offer_form.LEAST_PERIOD_S} 到 {MAX_PERIOD_MS // 1000} " in offer_form.PERIOD_RANGE
    with pytest.raises(FormFaults) as caught:
        parse({"max_steps": "0", "inquiry_s": "4", "window_s": "86401"}, NOW, 1)
    assert caught.value.faults["max_steps"] == offer_form.STEPS_RANGE
    assert caught.value.faults["inquiry_s"] == caught.value.faults["window_s"] == offer_form.PERIOD_RANGE


def test_lists_from_spreadsheets_are_read_in_their_encoding() -> None:
    assert decoded("账号".encode("gb18030")) == "账号"
    assert decoded("账号".encode()) == "账号"
    assert decoded(b"\xff\xfe\x00")


def test_numbers_and_times_as_people_read_them() -> None:
    assert (yuan(123_456_789), yuan(5)) == ("1,234,567.89", "0.05")
    assert capitals(123_456) == "壹仟贰佰叁拾肆元伍角陆分"
    assert capitals(0) == "零元整"
    assert moment(NOW) == "2026年11月21日 00:00:00"
    assert moment_en(NOW) == "2026-11-21 00:00:00"
    assert moment(None) == "—"
    assert iso(NOW) == "2026-11-21T00:00:00.000+08:00"


SETTINGS = WebSettings(public_url="http://127.0.0.1:8000", secret="s", gateway_ports=(8001,))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("localhost:8000", "ws://localhost:8001"),
        ("127.0.0.1:8000", "ws://127.0.0.1:8001"),
        ("[::1]:8000", "ws://[::1]:8001"),
        ("Lan-Host", "ws://lan-host:8001"),
        ("", "ws://127.0.0.1:8001"),
        ("a b; script-src *", "ws://127.0.0.1:8001"),
    ],
)
def test_gateways_are_looked_for_on_the_host_of_the_page(host: str, address: str) -> None:
    assert gateways(SETTINGS, host) == [address]
    assert f"connect-src 'self' {address};" in policy([address])


@pytest.mark.parametrize("target", ["//x", "https://x", "/\\x", "x", "", "/a\nb", "javascript:x", "/ü x"])
def test_only_places_on_this_site_are_gone_on_to(target: str) -> None:
    assert local(target) == "/"


def test_places_on_this_site_stay() -> None:
    assert local("/lots/CAR-1/room?x=1#y") == "/lots/CAR-1/room?x=1#y"


def test_a_token_fits_its_own_visit_only() -> None:
    from pydantic import SecretStr

    secret = SecretStr("s")
    assert fits(secret, "a", token(secret, "a"))
    assert not fits(secret, "b", token(secret, "a"))
    assert not fits(SecretStr("t"), "a", token(secret, "a"))
    assert not fits(secret, "a", "ü")
