"""Contacts, sign-in history and the way back to a forgotten password, as a person uses them."""

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from office.accounts import Role
from office.contacts import PAUSE
from office.messages.channels import Outbox
from office.messages.delivering import DeliveryRound, Platform
from office.messages.kinds import Channel
from office.sign_ins import browser, network
from tests.webkit import PASSWORD, Visitor, Web, web_on

PHONE = "138 0013 8000"


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as web:
        yield web


async def code(web: Web) -> str:
    """The newest code that went out; what was asked for before is a while ago then."""
    site = web.site
    mailers = {channel: Outbox(site.engine, channel) for channel in Channel}
    platform = Platform("落槌", "https://auction.test")
    await DeliveryRound(site.engine, site.sealed, site.marks, mailers, platform).round(
        datetime.now().astimezone()
    )
    rows = await execute(web, "SELECT content FROM outbox ORDER BY id DESC LIMIT 1")
    await execute(web, "UPDATE contact_codes SET made_at = made_at - :pause RETURNING 1", pause=PAUSE)
    found = re.search(r"\b(\d{6})\b", rows[0].content) if rows else None
    return found[1] if found else ""


async def execute(web: Web, statement: str, **values: Any) -> list[Any]:
    async with web.site.engine.begin() as connection:
        return list((await connection.execute(text(statement), values)).all())


def ticket(page: str) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', page)
    assert found, page[:3000]
    return found[1]


async def with_phone(web: Web, login: str = "zhang") -> Visitor:
    visitor = await web.signed_in(login, Role.BIDDER)
    asked = {"channel": "sms", "address": PHONE, "password": PASSWORD}
    page = (await visitor.post("/my/contacts/ask", asked)).text
    form = {"ticket": ticket(page), "address": "x", "code": await code(web)}
    page = (await visitor.post_and_follow("/my/contacts/verify", form)).text
    assert "138****8000 已验证" in page
    return visitor


async def test_a_contact_needs_the_password_and_its_code(web: Web) -> None:
    visitor = await web.signed_in("zhang", Role.BIDDER)
    for change, words in (
        ({"address": "12345"}, "请填写能收短信的手机号"),
        ({"password": "wrong"}, "密码不对"),
        ({"channel": "email", "address": "nobody"}, "请填写邮箱地址"),
    ):
        answer = await visitor.post(
            "/my/contacts/ask", {"channel": "sms", "address": PHONE, "password": PASSWORD, **change}
        )
        assert (answer.status_code, words in answer.text) == (422, True), change
    assert (await visitor.post("/my/contacts/ask", {"channel": "fax"})).status_code == 400
    page = (
        await visitor.post("/my/contacts/ask", {"channel": "sms", "address": PHONE, "password": PASSWORD})
    ).text
    wrong = {"ticket": ticket(page), "code": "000000" if await code(web) != "000000" else "111111"}
    answer = await visitor.post("/my/contacts/verify", wrong)
    assert (answer.status_code, "验证码不对" in answer.text) == (422, True)
    assert "还没有填写" in (await visitor.get("/my/contacts")).text


async def test_a_code_of_another_account_sets_nothing(web: Web) -> None:
    one, other = await web.signed_in("one", Role.BIDDER), await web.signed_in("other", Role.BIDDER)
    page = (
        await one.post("/my/contacts/ask", {"channel": "sms", "address": PHONE, "password": PASSWORD})
    ).text
    answer = await other.post("/my/contacts/verify", {"ticket": ticket(page), "code": await code(web)})
    assert answer.status_code == 422
    assert "还没有填写" in (await other.get("/my/contacts")).text


async def test_a_contact_is_taken_away_with_the_password(web: Web) -> None:
    visitor = await with_phone(web)
    assert (await visitor.post("/my/contacts/remove", {"channel": "sms", "password": "x"})).status_code == 422
    page = (
        await visitor.post_and_follow("/my/contacts/remove", {"channel": "sms", "password": PASSWORD})
    ).text
    assert "还没有填写" in page


async def test_a_forgotten_password_comes_back_by_phone(web: Web) -> None:
    old = await with_phone(web)
    stranger = web.visitor()
    page = (await stranger.post("/recover", {"login": " Zhang ", "address": PHONE})).text
    form = {
        "ticket": ticket(page),
        "code": await code(web),
        "new": "a-new-password",
        "again": "a-new-password",
    }
    answer = await stranger.post("/recover/code", {**form, "again": "another"})
    assert "两次输入的新密码不一样" in answer.text
    page = (await stranger.post_and_follow("/recover/code", form)).text
    assert "新密码已设好" in page
    assert (await old.get("/my")).headers["location"].startswith("/sign-in"), "the old sessions ended"
    answer = await stranger.post("/sign-in", {"login": "zhang", "password": "a-new-password"})
    assert answer.status_code == 303
    assert "密码已经重设" in (await stranger.get("/my/messages")).text
    assert (await stranger.post("/recover/code", form)).status_code == 422, "the code is used"
    (entry,) = await execute(web, "SELECT * FROM audit_entries WHERE act = 'account.recover_password'")
    assert "a-new-password" not in str(entry)


async def test_who_asks_for_a_stranger_sees_what_the_owner_sees(web: Web) -> None:
    await with_phone(web)
    pages = []
    for login, address in (("zhang", PHONE), ("nobody", "139 0013 9000"), ("zhang", "nobody@example.cn")):
        visitor = web.visitor()
        answer = await visitor.post("/recover", {"login": login, "address": address})
        assert answer.status_code == 200
        pages.append(re.sub(r'(name="(ticket|csrf_token)" value|编号)[^>]*>', "", answer.text))
    assert len(set(pages)) == 1
    visitor = web.visitor()
    assert (await visitor.post("/recover", {"login": "", "address": "x"})).status_code == 422


async def test_asking_too_often_is_slowed_down(web: Web) -> None:
    visitor = web.visitor()
    answers = [await visitor.post("/recover", {"login": "zhang", "address": PHONE}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert "要得太频繁" in answers[1].text


async def test_the_owner_sees_who_signed_in_and_who_tried_to(web: Web) -> None:
    await web.account("zhang", Role.BIDDER)
    visitor = web.visitor(**{"user-agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36"})
    await visitor.post("/sign-in", {"login": "zhang", "password": "wrong"})
    await visitor.post("/sign-in", {"login": "zhang", "password": PASSWORD})
    page = (await visitor.get("/my/sign-ins")).text
    for words in ("密码不对，没有登录", "密码登录", "Chrome · Windows", "127.0.*.*"):
        assert words in page, words
    (row,) = await execute(web, "SELECT * FROM traces")
    assert "127.0.0.1" not in str(row)
    other = await web.signed_in("other", Role.TRANSFEROR)
    assert "还没有登录记录" in (await other.get("/my/sign-ins")).text


@pytest.mark.parametrize(
    ("address", "shown"),
    [("10.1.2.3", "10.1.*.*"), ("2001:db8::1", "2001:0db8:0000:*"), ("", "—"), ("x", "—")],
)
def test_networks_are_shown_by_half(address: str, shown: str) -> None:
    assert network(address) == shown
    assert browser("") == "—"
