"""What banks notify: signed, fresh, once; and nothing else gets in."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from office.banking.notifications import LARGEST_BODY, parse, read_keys
from office.banking.signed import (
    NONCE,
    SIGNATURE,
    TIMESTAMP,
    WINDOW,
    MessageRefused,
    Refusal,
    sign,
    signed_headers,
)
from tests.moneykit import NOON, Money
from tests.webkit import Web, web_on
from trading.deposits.states import DepositState

KEY, NEXT = SecretStr("the key of the bank, long enough!"), SecretStr("the next key of the bank, longer!")
ADDRESS = "/bank/shifan/notifications"


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    keys = {"shifan": (KEY, NEXT)}
    async with web_on(database, valkey, bank_keys=keys, clock=lambda: NOON) as web:
        yield web


def transaction(serial: str = "N1", **changes: Any) -> dict[str, Any]:
    return {
        "serial": serial,
        "amount": "5000.00",
        "value_time": "2026-03-04T12:00:00+08:00",
        "payer_name": "张三",
        "payer_account": "6222",
        "payer_bank": "某银行",
        "sub_account": "",
        "remark": "保证金",
        **changes,
    }


def body_of(*transactions: Mapping[str, Any]) -> bytes:
    return json.dumps({"transactions": transactions}).encode()


async def send(
    web: Web,
    body: bytes,
    *,
    key: SecretStr = KEY,
    nonce: str = "nonce-0123456789",
    now: datetime = NOON,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    given: dict[str, Any] = {**signed_headers(key, body, nonce=nonce, now=now), **(headers or {})}
    given["content-type"] = "application/json"
    return await web.visitor().client.post(ADDRESS, content=body, headers=given)


async def count(web: Web) -> int:
    async with web.site.engine.connect() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM bank_transactions")) or 0)


async def test_a_signed_notification_is_taken_and_matched(web: Web) -> None:
    money = Money.on(web.site.engine)
    number = await money.open()
    answer = await send(web, body_of(transaction(sub_account=number)))
    assert answer.json() == {"ok": True, "new": 1, "known": 0}
    await money.settle()
    assert await money.state(number) is DepositState.PAID


async def test_the_same_message_again_is_a_replay_and_a_new_one_finds_it_known(web: Web) -> None:
    body = body_of(transaction())
    assert (await send(web, body)).status_code == 200
    replay = await send(web, body)
    assert (replay.status_code, replay.json()["refused"]) == (409, "replayed")
    again = await send(web, body, nonce="nonce-9876543210", key=NEXT)
    assert again.json() == {"ok": True, "new": 0, "known": 1}
    assert await count(web) == 1


async def test_a_message_that_failed_may_come_again_with_its_nonce(web: Web) -> None:
    assert (await send(web, body_of(transaction()), nonce="nonce-aaaaaaaaaaaa")).status_code == 200
    wrong = await send(web, body_of(transaction(amount="1.00"), transaction("N2")))
    assert (wrong.status_code, wrong.json()["refused"]) == (409, "conflicting")
    assert await count(web) == 1
    assert (await send(web, body_of(transaction("N2")))).status_code == 200


async def test_a_message_of_another_time_is_not_fresh(web: Web) -> None:
    for off in (WINDOW + timedelta(seconds=1), -WINDOW - timedelta(seconds=1)):
        answer = await send(web, body_of(transaction()), now=NOON + off)
        assert (answer.status_code, answer.json()["refused"]) == (401, "not_fresh")
    assert await count(web) == 0


async def test_what_is_not_signed_by_the_bank_is_refused(web: Web) -> None:
    body = body_of(transaction())
    assert (await send(web, body, key=SecretStr("x" * 40))).status_code == 401
    later = str(int(NOON.timestamp()) + 1)
    moved = await send(web, body, headers={TIMESTAMP: later})
    other_nonce = await send(web, body, headers={NONCE: "nonce-1111111111"})
    unsigned = await web.visitor().client.post(ADDRESS, content=body)
    raw = signed_headers(KEY, body, nonce="nonce-0123456789", now=NOON) | {SIGNATURE: "é"}
    coded = [(name.encode(), value.encode("latin-1")) for name, value in raw.items()]
    odd = await web.visitor().client.post(ADDRESS, content=body, headers=coded)
    swapped = signed_headers(KEY, body, nonce="nonce-0123456789", now=NOON)
    other_body = await web.visitor().client.post(ADDRESS, content=body_of(transaction("N9")), headers=swapped)
    for answer in (moved, other_nonce, unsigned, odd, other_body):
        assert (answer.status_code, answer.json()["refused"]) == (401, "not_signed")
    short = sign(KEY, str(int(NOON.timestamp())), "short", body)
    assert (await send(web, body, headers={NONCE: "short", SIGNATURE: short})).status_code == 401
    assert await count(web) == 0


async def test_unknown_banks_and_banks_without_notifications_are_refused(web: Web) -> None:
    body = body_of(transaction())
    headers = signed_headers(KEY, body, nonce="nonce-0123456789", now=NOON)
    for bank in ("yangli", "nobody", "%00"):
        answer = await web.visitor().client.post(f"/bank/{bank}/notifications", content=body, headers=headers)
        assert answer.status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"transactions": []}',
        b'{"transactions": 5}',
        b'{"transactions": [1]}',
        b"[" * 20_000,
        body_of(transaction(), transaction()),
        body_of(transaction(amount=5000.0)),
        body_of(transaction(amount="-1")),
        body_of(transaction(amount="0")),
        body_of(transaction(amount="1.001")),
        body_of(transaction(value_time="2026-03-04T12:00:00")),
        body_of(transaction(value_time="9999-12-31T23:59:59-12:00")),
        body_of(transaction(serial="")),
        body_of(transaction(serial="#1")),
        body_of(transaction(payer_name="长" * 201)),
        body_of(transaction(remark="\0")),
        b'{"transactions": [{"serial": "N1", "remark": "\\ud800"}]}',
    ],
)
def test_malformed_messages_are_refused_whole(body: bytes) -> None:
    with pytest.raises(MessageRefused) as refused:
        parse(body)
    assert refused.value.refusal is Refusal.MALFORMED


async def test_a_body_is_bounded_and_neither_words_nor_a_browsers_form_is_a_notification(web: Web) -> None:
    assert (await send(web, b" " * (LARGEST_BODY + 1))).status_code == 413
    answer = await send(web, b"hello")
    assert (answer.status_code, answer.json()["refused"]) == (422, "malformed")
    form = await web.visitor().client.post(ADDRESS, data={"transactions": "x"})
    assert form.status_code == 403
    assert await count(web) == 0


async def test_old_nonces_are_forgotten(web: Web) -> None:
    assert (await send(web, body_of(transaction()))).status_code == 200
    async with web.site.engine.begin() as connection:
        await connection.execute(text("UPDATE signed_nonces SET at = at - interval '1 hour'"))
    assert (await send(web, body_of(transaction("N2")), nonce="nonce-bbbbbbbbbbbb")).status_code == 200
    async with web.site.engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM signed_nonces")) == 1


def test_keys_are_read_and_never_shown_in_a_fault() -> None:
    keys = read_keys(f"shifan={'a' * 32}, shifan={'b' * 32}")
    assert [key.get_secret_value()[0] for key in keys["shifan"]] == ["a", "b"]
    assert read_keys("") == {}
    for wrong in ("shifan=short-secret", "yangli=" + "c" * 32, "nobody=" + "c" * 32, "d" * 40):
        with pytest.raises(ValueError, match=r"no\. 1") as fault:
            read_keys(wrong)
        assert "c" * 32 not in str(fault.value)
        assert "short-secret" not in str(fault.value)
