"""Signing in: who gets in, who does not, and what a session is worth."""

import re
from collections.abc import AsyncIterator

import pytest

from office.accounts import Role
from office.sessions import id_of
from tests.webkit import PASSWORD, Web, web_on
from web.site import DemoAccount


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as web:
        yield web


async def test_the_start_page_is_there_without_signing_in(web: Web) -> None:
    page = await web.visitor().get("/")
    assert page.status_code == 200, page.text
    assert "这里还没有标的" in page.text


async def test_the_right_password_signs_in(web: Web) -> None:
    await web.account("bidder1", Role.BIDDER, "测试竞买人一")
    visitor = web.visitor()
    answer = await visitor.post(
        "/sign-in", {"login": " Bidder1 ", "password": PASSWORD, "next": "/my/trades"}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/my/trades")
    assert "测试竞买人一" in (await visitor.get("/")).text


async def test_a_wrong_password_and_an_unknown_login_get_the_same_answer(web: Web) -> None:
    await web.account("bidder1", Role.BIDDER)
    visitor = web.visitor()
    wrong = await visitor.post("/sign-in", {"login": "bidder1", "password": "wrong"})
    unknown = await visitor.post("/sign-in", {"login": "nobody", "password": "wrong"})
    assert wrong.status_code == unknown.status_code == 422
    assert "账号或密码不对" in wrong.text
    assert wrong.text.replace("bidder1", "nobody") == unknown.text
    assert "luochui_session" not in visitor.client.cookies


async def test_after_five_wrong_passwords_one_has_to_wait(web: Web) -> None:
    await web.account("bidder1", Role.BIDDER)
    visitor = web.visitor()
    for _ in range(5):
        assert (await visitor.post("/sign-in", {"login": "bidder1", "password": "no"})).status_code == 422
    limited = await visitor.post("/sign-in", {"login": "bidder1", "password": PASSWORD})
    assert limited.status_code == 429
    assert "试错次数太多，请在 5 分钟后再试" in limited.text
    assert 240 < int(limited.headers["retry-after"]) <= 301


async def test_guessing_elsewhere_does_not_lock_out_a_known_browser(web: Web) -> None:
    await web.account("bidder1", Role.BIDDER)
    own = web.visitor()
    await own.post("/sign-in", {"login": "bidder1", "password": PASSWORD})
    await own.post("/sign-out")
    stranger = web.visitor()
    for _ in range(8):
        await stranger.post("/sign-in", {"login": "bidder1", "password": "guess"})
    assert (await own.post("/sign-in", {"login": "bidder1", "password": PASSWORD})).status_code == 303


async def test_right_passwords_do_not_count(web: Web) -> None:
    await web.account("bidder1", Role.BIDDER)
    for _ in range(8):
        answer = await web.visitor().post("/sign-in", {"login": "bidder1", "password": PASSWORD})
        assert answer.status_code == 303


async def test_a_disabled_account_does_not_get_in_and_is_told_so(web: Web) -> None:
    account = await web.account("bidder1", Role.BIDDER)
    await web.site.accounts.disable(account)
    answer = await web.visitor().post("/sign-in", {"login": "bidder1", "password": PASSWORD})
    assert answer.status_code == 403
    assert "已停用" in answer.text


async def test_the_session_has_a_new_id_after_signing_in(web: Web) -> None:
    await web.account("bidder1", Role.BIDDER)
    visitor = web.visitor()
    planted = "A" * 43
    visitor.client.cookies.set("luochui_session", planted)
    await visitor.post("/sign-in", {"login": "bidder1", "password": PASSWORD})
    got = [one.value for one in visitor.client.cookies.jar if one.name == "luochui_session"]
    assert any(value != planted for value in got)
    assert await web.site.sessions.signed_in(planted) is None


async def test_the_cookie_is_closed_to_scripts_and_other_sites(web: Web) -> None:
    await web.account("bidder1", Role.BIDDER)
    answer = await web.visitor().post("/sign-in", {"login": "bidder1", "password": PASSWORD})
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("luochui_session"))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie


async def test_the_cookie_is_secure_on_https(database: str, valkey: str) -> None:
    async with web_on(database, valkey, public_url="https://auction.test") as web:
        await web.account("bidder1", Role.BIDDER)
        answer = await web.visitor().post("/sign-in", {"login": "bidder1", "password": PASSWORD})
        cookies = answer.headers.get_list("set-cookie")
        assert all("Secure" in cookie for cookie in cookies)
        assert "strict-transport-security" in answer.headers


async def test_redis_does_not_hold_the_cookie(web: Web) -> None:
    await web.account("bidder1", Role.BIDDER)
    visitor = web.visitor()
    await visitor.post("/sign-in", {"login": "bidder1", "password": PASSWORD})
    cookie = visitor.client.cookies["luochui_session"]
    keys = [key async for key in web.site.redis.scan_iter("*")]
    assert f"luochui:session:{id_of(cookie)}" in keys
    assert not any(cookie in key for key in keys)


async def test_signing_out_ends_the_session(web: Web) -> None:
    await web.account("bidder1", Role.BIDDER)
    visitor = web.visitor()
    await visitor.post("/sign-in", {"login": "bidder1", "password": PASSWORD})
    cookie = visitor.client.cookies["luochui_session"]
    page = await visitor.post_and_follow("/sign-out")
    assert "您已退出" in page.text
    assert "您已退出" not in (await visitor.get("/")).text
    assert await web.site.sessions.signed_in(cookie) is None


async def test_next_never_leads_to_another_site(web: Web) -> None:
    await web.account("bidder1", Role.BIDDER)
    for target in (
        "https://evil.test/",
        "//evil.test",
        "/\\evil.test",
        "javascript:alert(1)",
        "/\t/evil.test",
    ):
        answer = await web.visitor().post(
            "/sign-in", {"login": "bidder1", "password": PASSWORD, "next": target}
        )
        assert answer.headers["location"] == "/", target


async def test_demo_accounts_are_shown_in_demo_mode_only(database: str, valkey: str) -> None:
    shown = (
        DemoAccount("bidder1", "demo-password", Role.BIDDER, "测试竞买人一"),
        DemoAccount("bidder2", "demo-password", Role.BIDDER, "测试竞买人二", robot=True),
    )
    async with web_on(database, valkey, demo=True, demo_accounts=shown) as web:
        page = (await web.visitor().get("/sign-in")).text
        assert "demo-password" in page
        assert page.count("机器人也在使用") == 1
        assert "/recover" in page
        labels = re.findall(r'(?:<section[^>]*|role="region") aria-label="([^"]+)"', page)
        assert len(labels) == len(set(labels)) == 2
    async with web_on(database, valkey, demo=False, demo_accounts=shown) as web:
        assert "demo-password" not in (await web.visitor().get("/sign-in")).text
