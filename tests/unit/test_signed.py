"""Signed messages: who, when, what. Attacks on the one mechanism that banks and payment providers share."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from certificates.catalogue.scope import PaymentWay
from certificates.payments import notices
from office.banking import notifications
from office.banking.signed import (
    NONCE,
    SIGNATURE,
    TIMESTAMP,
    WINDOW,
    Facts,
    MessageRefused,
    Refusal,
    checked,
    sign,
    signed_headers,
)

NOW = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)
KEY, NEXT = SecretStr("the key of the sender, long enough"), SecretStr("the next key, also long enough!!")
BODY, WORD = b'{"a": "b"}', "nonce-0123456789"
PAYMENT = {"trade": "T1", "charge": "ZF1", "amount": "350.00", "paid_at": "2026-03-04T12:00:00+08:00"}
TRANSFER = {
    "serial": "N1",
    "amount": "350.00",
    "value_time": "2026-03-04T12:00:00+08:00",
    "payer_name": "张三",
}


def headers_with(
    key: SecretStr = KEY, *, body: bytes = BODY, now: datetime = NOW, **more: str
) -> dict[str, str]:
    return signed_headers(key, body, nonce=WORD, now=now) | more


def refusal_of(
    headers: dict[str, str], body: bytes = BODY, keys: tuple[SecretStr, ...] = (KEY, NEXT)
) -> Refusal:
    with pytest.raises(MessageRefused) as refused:
        checked(keys, headers, body, now=NOW, largest=100)
    return refused.value.refusal


def test_each_key_of_the_sender_signs() -> None:
    for key in (KEY, NEXT):
        assert checked((KEY, NEXT), headers_with(key), BODY, now=NOW, largest=100) == WORD


def test_forged_moved_and_stale_messages_are_refused() -> None:
    assert refusal_of(headers_with(SecretStr("x" * 40))) is Refusal.NOT_SIGNED
    assert refusal_of({}) is Refusal.NOT_SIGNED
    assert refusal_of(headers_with(), BODY + b" ") is Refusal.NOT_SIGNED
    assert refusal_of(headers_with(**{TIMESTAMP: str(int(NOW.timestamp()) + 1)})) is Refusal.NOT_SIGNED
    assert refusal_of(headers_with(**{NONCE: "nonce-9876543210"})) is Refusal.NOT_SIGNED
    for odd in ("", "é", "0" * 64, "zz", "\0"):
        assert refusal_of(headers_with(**{SIGNATURE: odd})) is Refusal.NOT_SIGNED
    for off in (WINDOW + timedelta(seconds=1), -WINDOW - timedelta(seconds=1)):
        assert refusal_of(headers_with(now=NOW + off)) is Refusal.NOT_FRESH
    assert refusal_of(headers_with(), keys=()) is Refusal.UNKNOWN_SENDER


@pytest.mark.parametrize("nonce", ["short", "n" * 65, "n" * 20 + "\n", "n" * 20 + "é", "a b" * 6, ""])
def test_a_nonce_has_its_form_even_when_it_is_signed(nonce: str) -> None:
    stamp = str(int(NOW.timestamp()))
    signed = {TIMESTAMP: stamp, NONCE: nonce, SIGNATURE: sign(KEY, stamp, nonce, BODY)}
    assert refusal_of(signed) is Refusal.NOT_SIGNED


@pytest.mark.parametrize("stamp", ["", "1e9", "-1", " 1767225600", "1" * 13, "١٧٦٧٢٢٥٦٠٠", "1767225600\n"])
def test_a_time_has_its_form_even_when_it_is_signed(stamp: str) -> None:
    signed = {TIMESTAMP: stamp, NONCE: WORD, SIGNATURE: sign(KEY, stamp, WORD, BODY)}
    assert refusal_of(signed) is Refusal.NOT_SIGNED


def test_what_is_too_large_is_refused_before_it_is_read() -> None:
    assert refusal_of(headers_with(body=b" " * 101), b" " * 101) is Refusal.TOO_LARGE


HOSTILE: tuple[Any, ...] = (
    *("\0", "a\0b", "\ud800", "\udfff", "x" * 600, 5, 5.0, 1e308, True, None, [], {}, ["a"], {"a": "b"}),
)
BROKEN = (
    *(b"", b"[]", b"{", b"5", b"null", b'"x"', b"\xff\xfe", b"\x00", b"[" * 20_000, b'{"a":' * 20_000),
    *(b"{" * 50_000, b'{"trade": ' + b"1" * 5_000 + b"}", b"NaN"),
)


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
@pytest.mark.parametrize("name", sorted(PAYMENT))
def test_a_hostile_field_of_a_payment_never_gets_to_the_database(name: str, value: Any) -> None:
    with pytest.raises(MessageRefused) as refused:
        notices.parse(PaymentWay.ALIPAY, json.dumps(PAYMENT | {name: value}).encode())
    assert (refused.value.refusal, refused.value.fact) == (Refusal.MALFORMED, name)


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
@pytest.mark.parametrize("name", ["serial", "amount", "value_time", "payer_name", "payer_account", "remark"])
def test_a_hostile_field_of_a_transfer_never_gets_to_the_database(name: str, value: Any) -> None:
    body = json.dumps({"transactions": [TRANSFER | {name: value}]}).encode()
    with pytest.raises(MessageRefused) as refused:
        notifications.parse(body)
    assert (refused.value.refusal, refused.value.fact) == (Refusal.MALFORMED, name)


@pytest.mark.parametrize("body", BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_message_is_refused_by_both(body: bytes) -> None:
    for parse in (notifications.parse, lambda given: notices.parse(PaymentWay.WECHAT, given)):
        with pytest.raises(MessageRefused) as refused:
            parse(body)
        assert refused.value.refusal is Refusal.MALFORMED


@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=10), st.binary()
)
def test_whatever_comes_is_read_or_refused(value: Any, raw: bytes) -> None:
    """Nothing else is raised, whatever the fields hold."""
    for body in (raw, json.dumps(dict.fromkeys(PAYMENT, value)).encode()):
        with suppress(MessageRefused):
            told = Facts.of(body)
            told.text("trade", 60), told.amount("amount"), told.moment("paid_at")


@pytest.mark.parametrize("amount", ["0", "-1", "1.001", "1e3", "٣", "9" * 30, "", " ", "1,00", "0x10", "NaN"])
def test_an_amount_is_yuan_and_fen_above_zero(amount: str) -> None:
    with pytest.raises(MessageRefused):
        Facts({"amount": amount}).amount("amount")


@pytest.mark.parametrize(
    "moment",
    [
        "",
        "2026-03-04",
        "2026-03-04T12:00:00",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+14:00",
        "now",
    ],
)
def test_a_moment_has_its_offset_and_a_year_of_ours(moment: str) -> None:
    with pytest.raises(MessageRefused):
        Facts({"at": moment}).moment("at")
