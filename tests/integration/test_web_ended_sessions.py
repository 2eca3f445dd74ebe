"""A session that ends while somebody works: nothing typed is lost, and signing out always works."""

import re
from collections.abc import AsyncIterator

import pytest

from office.accounts import Role
from office.sessions import id_of
from tests.webkit import ADDRESS, PASSWORD, Visitor, Web, offer, web_on
from web import unsent

FORM = "/administration/lots/new"
OURS = {"origin": ADDRESS}


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as web:
        yield web


async def ended(web: Web, role: Role = Role.ADMINISTRATOR) -> tuple[Visitor, str]:
    """Somebody whose session has ended while a page of theirs stands open, and that page's token."""
    visitor = await web.signed_in("admin1", role)
    token = await visitor.token()
    await web.site.sessions.end(id_of(visitor.client.cookies["luochui_session"]))
    return visitor, token


async def sign_in(visitor: Visitor, page: str) -> str:
    """Fill in the sign-in page that is shown; where it leads."""
    token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', page)
    to = re.search(r'action="/sign-in".*?name="next" value="([^"]*)"', page, re.DOTALL)
    assert token
    assert to
    for kept in [one for one in visitor.client.cookies.jar if one.name == "luochui_session"]:
        visitor.client.cookies.jar.clear(kept.domain, kept.path, kept.name)
    form = {"csrf_token": token[1], "login": "admin1", "password": PASSWORD, "next": to[1]}
    answer = await visitor.client.post("/sign-in", data=form)
    assert answer.status_code == 303
    return str(answer.headers["location"])


async def test_what_was_typed_is_there_again_after_signing_in(web: Web) -> None:
    visitor, token = await ended(web)
    typed = offer("CAR-7", title="挖掘机一台", reserve="87654")
    answer = await visitor.client.post(FORM, data=typed | {"csrf_token": token}, headers=OURS)
    assert answer.status_code == 303
    page = await visitor.get(answer.headers["location"])
    assert "填写的内容已保留" in page.text
    back = await visitor.get(await sign_in(visitor, page.text))
    assert back.status_code == 200, back.headers
    assert "CAR-7" in back.text
    assert "挖掘机一台" in back.text
    assert "保留价没有保留" in back.text
    assert "87654" not in back.text
    kept = [key async for key in web.site.redis.scan_iter("luochui:unsent:*")]
    assert kept == []


async def test_a_kept_form_holds_no_secret_and_is_for_its_browser_alone(web: Web) -> None:
    visitor, token = await ended(web)
    await visitor.client.post(
        FORM, data=offer("CAR-7", reserve="98765") | {"csrf_token": token}, headers=OURS
    )
    (key,) = [key async for key in web.site.redis.scan_iter("luochui:unsent:*")]
    kept = await web.site.redis.get(key)
    assert "98765" not in kept
    assert token not in kept
    assert await web.site.redis.ttl(key) <= unsent.LIVES_S
    other = await web.signed_in("admin2", Role.ADMINISTRATOR)
    assert "CAR-7" not in (await other.get(f"{FORM}?unsent=1")).text


async def test_other_sites_and_floods_leave_nothing(web: Web) -> None:
    visitor, token = await ended(web)
    form = offer("CAR-7") | {"csrf_token": token}
    foreign = await visitor.client.post(FORM, data=form, headers={"origin": "https://elsewhere.test"})
    assert foreign.status_code == 403
    huge = form | {"description": "长" * 28_000}
    answer = await visitor.client.post(FORM, data=huge, headers=OURS)
    assert answer.headers["location"] == "/sign-in?next=%2F"
    for _ in range(unsent.MOST_A_MINUTE + 5):
        browser = web.visitor()
        await browser.client.post(FORM, data=form, headers=OURS)
    assert len([key async for key in web.site.redis.scan_iter("luochui:unsent:*")]) <= unsent.MOST_A_MINUTE


async def test_signing_out_works_in_a_tab_whose_session_has_ended(web: Web) -> None:
    visitor, token = await ended(web, Role.BIDDER)
    answer = await visitor.client.post("/sign-out", data={"csrf_token": token}, headers=OURS)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_no_other_site_signs_anybody_out(web: Web) -> None:
    visitor = await web.signed_in("bidder1", Role.BIDDER)
    for headers in ({"origin": "https://elsewhere.test"}, {}):
        answer = await visitor.client.post("/sign-out", data={"csrf_token": "0" * 64}, headers=headers)
        assert answer.status_code == 403
    assert (await visitor.get("/my/trades")).status_code == 200
