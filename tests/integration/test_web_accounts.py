"""Administrators make accounts, disable them, end their sessions and replace passwords."""

import re
from collections.abc import AsyncIterator

import pytest

from office.accounts import Role
from tests.webkit import Visitor, Web, service, web_on


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as web, service(web, database, valkey):
        yield web


@pytest.fixture
async def administrator(web: Web) -> Visitor:
    return await web.signed_in("admin1", Role.ADMINISTRATOR, "测试管理员一")


async def test_an_account_is_made_and_can_sign_in(web: Web, administrator: Visitor) -> None:
    form = {"login": "Bidder9", "name": "测试竞买人九", "role": "bidder", "password": "a long password"}
    page = await administrator.post_and_follow("/administration/accounts/new", form)
    assert "bidder9" in page.text
    answer = await web.visitor().post("/sign-in", {"login": "bidder9", "password": "a long password"})
    assert answer.status_code == 303
    again = await administrator.post("/administration/accounts/new", form)
    assert (again.status_code, "已经有人用了" in again.text) == (422, True)
    assert "a long password" not in again.text


async def test_faults_of_an_account_are_named(administrator: Visitor) -> None:
    page = await administrator.post(
        "/administration/accounts/new", {"login": "张三", "name": "", "role": "king", "password": "short"}
    )
    assert page.status_code == 422
    for field in ("login", "name", "role", "password"):
        assert f'href="#field-{field}"' in page.text


async def test_disabling_ends_all_sessions_at_once(web: Web, administrator: Visitor) -> None:
    bidder = await web.signed_in("bidder1", Role.BIDDER)
    account = await web.site.accounts.verify("bidder1", "a-password-of-the-tests")
    assert account is not None
    assert (await bidder.get("/my/trades")).status_code == 200
    page = await administrator.post_and_follow(f"/administration/accounts/{account.id}/disable")
    assert "已停用" in page.text
    assert (await bidder.get("/my/trades")).status_code == 303
    await administrator.post(f"/administration/accounts/{account.id}/enable")
    enabled = await web.site.accounts.get(account.id)
    assert enabled is not None
    assert not enabled.disabled


async def test_nobody_disables_the_own_account(web: Web, administrator: Visitor) -> None:
    me = await web.site.accounts.verify("admin1", "a-password-of-the-tests")
    assert me is not None
    page = await administrator.post_and_follow(f"/administration/accounts/{me.id}/disable")
    assert "不能停用自己的账号" in page.text


async def test_ending_sessions_signs_the_person_out(web: Web, administrator: Visitor) -> None:
    bidder = await web.signed_in("bidder1", Role.BIDDER)
    people, _ = await web.site.accounts.page(0, 10, Role.BIDDER)
    await administrator.post(f"/administration/accounts/{people[0].id}/end-sessions")
    assert (await bidder.get("/my/trades")).status_code == 303


async def test_a_forgotten_password_is_replaced_and_shown_once(web: Web, administrator: Visitor) -> None:
    bidder = await web.signed_in("bidder1", Role.BIDDER)
    people, _ = await web.site.accounts.page(0, 10, Role.BIDDER)
    page = await administrator.post(f"/administration/accounts/{people[0].id}/new-password")
    assert page.status_code == 200
    shown = re.search(r"<code>([a-z2-9]{4}(?:-[a-z2-9]{4}){2})</code>", page.text)
    assert shown
    assert (await bidder.get("/my/trades")).status_code == 303
    assert shown[1] not in (await administrator.get("/administration/accounts")).text
    old = await web.visitor().post("/sign-in", {"login": "bidder1", "password": "a-password-of-the-tests"})
    assert old.status_code == 422
    new = await web.visitor().post("/sign-in", {"login": "bidder1", "password": shown[1]})
    assert new.status_code == 303


async def test_nobody_replaces_the_own_password_without_the_old_one(web: Web, administrator: Visitor) -> None:
    people, _ = await web.site.accounts.page(0, 10, Role.ADMINISTRATOR)
    page = await administrator.post_and_follow(f"/administration/accounts/{people[0].id}/new-password")
    assert "自己的密码请到“修改密码”里改" in page.text
    assert await web.site.accounts.password_fits(people[0].id, "a-password-of-the-tests")
