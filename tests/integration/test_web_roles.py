"""Every route, as every person: the wrong one is refused, nothing changes without the page's token."""

from collections.abc import AsyncIterator

import pytest

from office.accounts import Role
from tests.webkit import Visitor, Web, offer, web_on
from web.application import create_app
from web.routes import PAGES
from web.routing import Page

PERSONS = (None, *Role)
EXPECTED_OPEN = {
    ("GET", "/"),
    ("GET", "/lots"),
    ("GET", "/lots/{lot}"),
    ("GET", "/lots/{lot}/room"),
    ("GET", "/lots/{lot}/ledger.jsonl"),
    ("GET", "/lots/{lot}/receipts/{seq}"),
    ("GET", "/announcements"),
    ("GET", "/announcements/{lot}"),
    ("GET", "/announcements/{lot}/files/{file}"),
    ("GET", "/announcements/{lot}/thumbnails/{file}"),
    ("GET", "/announcements/{lot}/{announcement}.pdf"),
    ("GET", "/open-data"),
    ("GET", "/open-data/releases.json"),
    ("GET", "/open-data/lots/{lot}.json"),
    ("GET", "/open-data/openapi.json"),
    ("GET", "/certificates"),
    ("GET", "/certificates/{channel}"),
    ("GET", "/certificates/{channel}/about/{service}/{subject}/{way}"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("POST", "/sign-in/challenge"),
    ("POST", "/sign-in/ukey"),
    ("GET", "/.well-known/luochui-assistant.json"),
    ("GET", "/assistant/files/{address}"),
    ("GET", "/demo/assistant"),
    ("GET", "/check"),
    ("POST", "/check"),
    ("POST", "/check/report.pdf"),
    ("POST", "/bank/{bank}/notifications"),
    ("POST", "/sign-out"),
    ("POST", "/locale"),
    ("GET", "/demo/outbox"),
    ("GET", "/demo/bank"),
    ("POST", "/demo/bank"),
    ("GET", "/register"),
    ("POST", "/register"),
    ("POST", "/register/account"),
    ("GET", "/recover"),
    ("POST", "/recover"),
    ("POST", "/recover/code"),
    ("GET", "/device-check"),
    ("GET", "/device-check/clock"),
    # whose order it is, web/certificates/own.py asks: also of who proved a telephone without an account
    ("GET", "/certificates/apply"),
    # signed in, or with a proved telephone where the channel's data allow it: web/certificates/begin.py
    ("POST", "/certificates/apply"),
    ("GET", "/certificates/phone"),
    ("POST", "/certificates/phone"),
    ("GET", "/certificates/phone/{question}"),
    ("POST", "/certificates/phone/{question}"),
    ("POST", "/certificates/phone/{question}/code"),
    ("GET", "/certificates/orders/{number}"),
    ("GET", "/certificates/orders/{number}/go-on"),
    ("POST", "/certificates/orders/{number}/change"),
    ("POST", "/certificates/orders/{number}/cancel"),
    ("POST", "/certificates/orders/{number}/resubmit"),
    ("POST", "/certificates/orders/{number}/receive"),
    ("POST", "/certificates/orders/{number}/pin"),
    ("GET", "/certificates/orders/{number}/forms/{form}.pdf"),
    ("GET", "/certificates/orders/{number}/material"),
    ("POST", "/certificates/orders/{number}/material"),
    ("POST", "/certificates/orders/{number}/files"),
    ("GET", "/certificates/orders/{number}/files/{file}"),
    ("GET", "/certificates/orders/{number}/files/{file}/preview"),
    ("POST", "/certificates/orders/{number}/files/{file}/remove"),
    ("GET", "/certificates/orders/{number}/consent"),
    ("POST", "/certificates/orders/{number}/consent"),
    ("POST", "/certificates/orders/{number}/consent/code"),
    ("POST", "/certificates/orders/{number}/consent/job"),
    ("POST", "/certificates/orders/{number}/consent/signed"),
    ("POST", "/certificates/orders/{number}/seal_check"),
    ("GET", "/certificates/unlock/{number}"),
    ("POST", "/certificates/unlock/{number}/code"),
    ("POST", "/certificates/unlock/{number}/job"),
    ("POST", "/certificates/unlock/{number}/unlocked"),
    ("GET", "/certificates/orders/{number}/identity"),
    ("POST", "/certificates/orders/{number}/identity"),
    ("POST", "/certificates/orders/{number}/identity/{person}"),
    ("GET", "/certificates/orders/{number}/payment"),
    ("POST", "/certificates/orders/{number}/payment"),
    ("POST", "/certificates/orders/{number}/payment/code"),
    ("POST", "/certificates/orders/{number}/payment/check"),
    ("GET", "/certificates/orders/{number}/payment/code"),
    ("GET", "/certificates/orders/{number}/payment/code/standing"),
    ("GET", "/certificates/orders/{number}/invoice.pdf"),
    # Whose order it is writes it at home, also who came by the order query; the assistant brings no session.
    ("GET", "/certificates/write/{number}"),
    ("POST", "/certificates/write/{number}/request-job"),
    ("POST", "/certificates/write/{number}/request"),
    ("POST", "/certificates/write/{number}/install-job"),
    ("POST", "/certificates/write/{number}/installed"),
    ("GET", "/assistant/certificates/{address}"),
    ("GET", "/demo/pay"),
    ("GET", "/demo/pay/{charge}"),
    ("POST", "/demo/pay/{charge}"),
    ("POST", "/pay/{way}/notifications"),
    ("GET", "/certificates/orders/{number}/{step}"),
    ("POST", "/certificates/orders/{number}/{step}"),
    ("GET", "/certificates/query"),
    ("POST", "/certificates/query"),
    ("GET", "/certificates/query/orders"),
    ("GET", "/certificates/query/{question}"),
    ("POST", "/certificates/query/end"),
    ("POST", "/certificates/query/{question}/code"),
    ("POST", "/certificates/query/{question}"),
}
"""What strangers may use. Whoever opens a route to everybody has to say so here as well."""


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as web:
        yield web


@pytest.fixture
async def visitors(web: Web) -> dict[Role | None, Visitor]:
    people: dict[Role | None, Visitor] = {None: web.visitor()}
    for role in Role:
        people[role] = await web.signed_in(f"some-{role}", role)
    await people[Role.ADMINISTRATOR].post("/administration/lots/new", offer("CAR-1"))
    return people


def address(page: Page) -> str:
    return page.path.replace("{lot}", "CAR-1").replace("{account}", "999").replace("{seq}", "1")


def test_only_these_routes_are_open_to_everybody() -> None:
    assert {(page.method, page.path) for page in PAGES if page.who is None} == EXPECTED_OPEN


def test_every_route_of_the_application_is_in_the_table(web: Web) -> None:
    served = {(getattr(route, "path", "")) for route in web.app.routes}
    known = {page.path for page in PAGES} | {"/healthz", "/readyz", "/metrics", "/static", "/admin"}
    assert served == known
    assert create_app


async def test_the_wrong_person_is_refused_everywhere(visitors: dict[Role | None, Visitor]) -> None:
    for page in PAGES:
        for person in PERSONS:
            if page.who is None or person in page.who:
                continue
            visitor = visitors[person]
            if page.method == "GET":
                answer = await visitor.get(address(page))
            else:
                answer = await visitor.post(address(page), {"reason": "x"})
            where = f"{page.method} {page.path} as {person}"
            if person is None:
                assert answer.status_code == 303, where
                assert answer.headers["location"].startswith("/sign-in?next="), where
            else:
                assert answer.status_code == 403, where
                assert "您没有这个权限" in answer.text, where


async def test_the_right_person_gets_in_everywhere(visitors: dict[Role | None, Visitor]) -> None:
    for page in PAGES:
        for person in PERSONS:
            if page.method != "GET" or not (page.who is None or person in page.who):
                continue
            answer = await visitors[person].get(address(page))
            assert answer.status_code in (200, 303, 404), (page.path, person, answer.text[:2000])
            assert not answer.headers.get("location", "").startswith("/sign-in"), (page.path, person)


async def test_no_form_is_taken_without_the_token_of_its_page(
    web: Web, visitors: dict[Role | None, Visitor]
) -> None:
    other = await web.visitor().token()
    for page in PAGES:
        if page.method != "POST":
            continue
        allowed = [person for person in PERSONS if page.who is None or person in page.who]
        for person in allowed:
            client = visitors[person].client
            wrong = [{"csrf_token": other}]
            if person is allowed[-1]:
                wrong += [{}, {"csrf_token": ""}, {"csrf_token": "0" * 64}]
            for form in wrong:
                answer = await client.post(address(page), data={"reason": "x", **form})
                assert answer.status_code == 403, (page.path, person)
                assert "页面已过期" in answer.text


async def test_a_form_of_another_site_is_refused_even_with_a_token(
    visitors: dict[Role | None, Visitor],
) -> None:
    for origin in ("https://evil.test", "null", "http://auction.test.evil.test"):
        answer = await visitors[Role.ADMINISTRATOR].post(
            "/board/suspend", {"reason": "x"}, headers={"origin": origin}
        )
        assert answer.status_code == 403, origin
    own = await visitors[Role.ADMINISTRATOR].post(
        "/board/suspend", {"reason": "x"}, headers={"origin": "http://auction.test"}
    )
    assert own.status_code == 303


async def test_a_token_is_worth_nothing_after_signing_out(visitors: dict[Role | None, Visitor]) -> None:
    visitor = visitors[Role.BIDDER]
    token = await visitor.token()
    await visitor.post("/sign-out")
    answer = await visitor.client.post("/locale", data={"locale": "en", "csrf_token": token})
    assert answer.status_code == 403


async def test_methods_that_nobody_serves_are_refused(visitors: dict[Role | None, Visitor]) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        answer = await visitors[Role.ADMINISTRATOR].client.request(method, "/lots/CAR-1")
        assert answer.status_code == 405
        assert "不能这样打开" in answer.text


async def test_a_body_that_is_no_form_is_refused(visitors: dict[Role | None, Visitor]) -> None:
    visitor = visitors[None]
    token = await visitor.token()
    for body, kind in (
        (b"{}", "application/json"),
        (b"\xff\x00", "multipart/form-data"),
        (b"", "text/plain"),
    ):
        answer = await visitor.client.post(
            "/locale", content=body, headers={"content-type": kind, "x-csrf-token": token}
        )
        assert answer.status_code == 400, kind
