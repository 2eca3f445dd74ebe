"""What takes two administrators takes two: none can act as another; a given password is replaced at once."""

import re
from collections.abc import AsyncIterator

import pytest

from office.accounts import Role
from tests.webkit import PASSWORD, Visitor, Web, web_on


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as web:
        yield web


@pytest.fixture
async def administrator(web: Web) -> Visitor:
    return await web.signed_in("admin1", Role.ADMINISTRATOR)


async def test_no_administrator_sets_the_password_of_another_one(web: Web, administrator: Visitor) -> None:
    other = await web.account("admin2", Role.ADMINISTRATOR)
    answer = await administrator.post(
        f"/administration/accounts/{other}/new-password", headers={"accept": "application/json"}
    )
    assert answer.status_code == 403
    assert "命令" in answer.json()["message"]
    assert await web.site.accounts.password_fits(other, PASSWORD)
    page = await administrator.get("/administration/accounts")
    assert f"/administration/accounts/{other}/new-password" not in page.text


async def test_no_administrator_makes_another_one(web: Web, administrator: Visitor) -> None:
    form = {"login": "admin3", "name": "测试管理员三", "role": "administrator", "password": "a long password"}
    answer = await administrator.post("/administration/accounts/new", form)
    assert answer.status_code == 422
    assert await web.site.accounts.by_login("admin3") is None
    page = await administrator.get("/administration/accounts")
    assert 'name="role" value="administrator"' not in page.text


async def given(web: Web, administrator: Visitor) -> tuple[Visitor, str]:
    """A bidder who has just signed in with the password that an administrator read out."""
    account = await web.account("bidder1", Role.BIDDER)
    page = await administrator.post(f"/administration/accounts/{account}/new-password")
    shown = re.search(r"<code>([a-z0-9-]{14})</code>", page.text)
    assert shown
    bidder = web.visitor()
    await bidder.get("/sign-in")
    answer = await sign_in(bidder, shown[1])
    assert answer == 303
    return bidder, shown[1]


async def sign_in(visitor: Visitor, password: str) -> int:
    return (await visitor.post("/sign-in", {"login": "bidder1", "password": password})).status_code


async def test_a_given_password_opens_nothing_but_the_page_where_it_is_replaced(
    web: Web, administrator: Visitor
) -> None:
    bidder, password = await given(web, administrator)
    for path in ("/", "/my/trades", "/my/ukeys"):
        answer = await bidder.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/my/password"), path
    page = await bidder.get("/my/password")
    assert "请先换成只有您自己知道的密码" in page.text
    token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', page.text)
    assert token
    form = {"csrf_token": token[1], "old": password, "new": password, "again": password}
    same = await bidder.client.post("/my/password", data=form)
    assert same.status_code == 422
    form |= {"new": "my own secret", "again": "my own secret"}
    assert (await bidder.client.post("/my/password", data=form)).status_code == 303
    assert (await bidder.get("/my/trades")).status_code == 200
    again = web.visitor()
    assert await sign_in(again, "my own secret") == 303
    assert (await again.get("/my/trades")).status_code == 200


async def test_the_first_password_of_an_account_is_a_given_one(web: Web, administrator: Visitor) -> None:
    form = {"login": "bidder9", "name": "测试竞买人九", "role": "bidder", "password": "a long password"}
    await administrator.post("/administration/accounts/new", form)
    bidder = web.visitor()
    await bidder.post("/sign-in", {"login": "bidder9", "password": "a long password"})
    assert (await bidder.get("/my/trades")).headers["location"] == "/my/password"


async def test_a_new_hash_of_the_same_password_leaves_it_a_given_one(web: Web) -> None:
    account = await web.account("bidder1", Role.BIDDER)
    await web.site.accounts.set_password(account, PASSWORD, given=True)
    person = await web.site.accounts.verify("bidder1", PASSWORD)
    assert person is not None
    assert person.password_given


async def test_the_way_out_stays_open(web: Web, administrator: Visitor) -> None:
    bidder, _ = await given(web, administrator)
    page = await bidder.get("/my/password")
    token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', page.text)
    assert token
    assert (await bidder.client.post("/sign-out", data={"csrf_token": token[1]})).status_code == 303
    assert (await bidder.get("/")).status_code == 200
