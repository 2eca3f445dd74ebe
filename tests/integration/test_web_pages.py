"""What holds for all pages: languages, errors in words, headers, maintenance, measurements."""

import asyncio
import json
import re
from collections.abc import AsyncIterator

import pytest
from redis.exceptions import ConnectionError as RedisGone
from sqlalchemy.exc import OperationalError

from luochui.operations import maintenance
from office.accounts import Role
from tests.webkit import Web, offer, phase_is, put_on_soon, service, web_on
from web import lot_search
from web.routing import MAINTENANCE_KEY


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as web:
        yield web


async def test_the_language_follows_the_browser_and_can_be_switched(web: Web) -> None:
    english = web.visitor(**{"accept-language": "en-GB,en;q=0.9"})
    page = await english.get("/")
    assert '<html lang="en">' in page.text
    assert "No lots here yet" in page.text
    answer = await english.post("/locale", {"locale": "zh-CN", "next": "/sign-in"})
    assert answer.headers["location"] == "/sign-in"
    assert "这里还没有标的" in (await english.get("/")).text


async def test_the_language_of_an_account_comes_with_it(web: Web) -> None:
    bidder = await web.signed_in("bidder1", Role.BIDDER)
    await bidder.post("/locale", {"locale": "en", "next": "/my/trades"})
    assert "My trades" in (await bidder.get("/my/trades")).text
    person = await web.site.accounts.verify("bidder1", "a-password-of-the-tests")
    assert person is not None
    assert person.locale == "en"


async def test_an_address_that_nobody_knows_is_a_page_in_words(web: Web) -> None:
    bidder = await web.signed_in("bidder1", Role.BIDDER, "测试竞买人一")
    for path in (
        "/nowhere",
        "/lots/NONE",
        "/lots/none",
        "/lots/" + "A" * 40,
        "/lots/%00",
        "/static/none.css",
    ):
        page = await bidder.get(path)
        assert page.status_code == 404, path
        assert "没有这个页面" in page.text
        assert "回到首页" in page.text
    assert "测试竞买人一" in (await bidder.get("/nowhere")).text


async def test_a_bug_is_a_page_with_a_number_and_no_trace(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(lot_search, "find", broken)
    page = await web.visitor().get("/")
    assert page.status_code == 500
    assert page.headers["x-request-id"] in page.text
    assert "the inside" not in page.text
    assert "content-security-policy" in page.headers


@pytest.mark.parametrize(
    "fault", [OperationalError("", {}, Exception("gone")), RedisGone("gone"), TimeoutError("gone")]
)
async def test_without_a_service_it_says_so(
    web: Web, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    async def broken(*_: object) -> None:
        raise fault

    monkeypatch.setattr(lot_search, "find", broken)
    page = await web.visitor().get("/")
    assert page.status_code == 503
    assert "平台暂时无法服务" in page.text
    assert page.headers["retry-after"] == "5"


async def test_without_redis_strangers_read_and_sessions_get_a_clear_answer(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    bidder = await web.signed_in("bidder1", Role.BIDDER)

    async def gone(*_: object, **__: object) -> None:
        raise RedisGone("gone")

    monkeypatch.setattr(web.site.redis, "execute_command", gone)
    assert (await web.visitor().get("/")).status_code == 200
    page = await bidder.get("/")
    assert page.status_code == 503
    assert "平台暂时无法服务" in page.text


async def test_nothing_inline_and_sockets_to_the_gateways_only(web: Web) -> None:
    administrator = await web.signed_in("admin1", Role.ADMINISTRATOR)
    await administrator.post("/administration/lots/new", offer("CAR-1"))
    for path in ("/", "/sign-in", "/administration/lots/new", "/administration/lots/CAR-1", "/board"):
        page = await administrator.get(path)
        assert page.status_code in (200, 303), path
        policy = page.headers["content-security-policy"]
        assistant = " http://127.0.0.1:17161" if path == "/sign-in" else ""
        assert f"connect-src 'self' ws://auction.test:8001 ws://auction.test:8002{assistant};" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?![^>]*(src=|application/json))", page.text), path
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:", page.text), path


async def test_public_addresses_of_gateways_are_used_when_given(database: str, valkey: str) -> None:
    async with web_on(database, valkey, gateway_urls=("wss://bid1.auction.test",)) as web:
        assert (
            "connect-src 'self' wss://bid1.auction.test;"
            in (await web.visitor().get("/")).headers["content-security-policy"]
        )


async def test_a_strange_host_never_gets_into_the_policy(web: Web) -> None:
    page = await web.visitor().get("/", headers={"host": "evil.test; script-src *"})
    assert "evil" not in page.headers["content-security-policy"]


async def test_maintenance_closes_all_but_administrators_reading(web: Web) -> None:
    administrator = await web.signed_in("admin1", Role.ADMINISTRATOR)
    bidder = await web.signed_in("bidder1", Role.BIDDER)
    token = await administrator.token()
    await web.site.redis.set(MAINTENANCE_KEY, "今晚十点前恢复 <b>")
    for visitor in (web.visitor(), bidder):
        page = await visitor.get("/")
        assert page.status_code == 503
        assert "今晚十点前恢复 &lt;b&gt;" in page.text
    assert (await administrator.get("/")).status_code == 200
    answer = await administrator.client.post(
        "/administration/lots/new", data={**offer("CAR-1"), "csrf_token": token}
    )
    assert answer.status_code == 503
    assert (await web.visitor().get("/sign-in")).status_code == 200
    assert (await web.visitor().get("/healthz")).status_code == 200


async def test_maintenance_leaves_the_auction_open(web: Web, database: str, valkey: str) -> None:
    """Bidders find their room, whoever watches has the board, administrators can still stop a lot."""
    people = {role: await web.signed_in(f"some-{role}", role) for role in Role}
    token = await people[Role.ADMINISTRATOR].token()
    async with service(web, database, valkey):
        await put_on_soon(web, "CAR-1", inquiry_ms=60_000)
        await phase_is(web, "CAR-1", "inquiry")
        await web.site.redis.set(MAINTENANCE_KEY, "升级")
        assert (await web.visitor().get("/lots/CAR-1/room")).status_code == 200
        assert (await people[Role.BIDDER].get("/lots/CAR-1/room")).status_code == 200
        assert (await people[Role.BIDDER].get("/my/trades")).status_code == 200
        assert (await people[Role.BIDDER].get("/board")).status_code == 403
        assert (await people[Role.REGULATOR].get("/board")).status_code == 200
        for path, form in (
            ("/board/lots/CAR-1/notice", {"text": "照常进行"}),
            ("/board/lots/CAR-1/suspend", {"reason": "核查"}),
            ("/board/lots/CAR-1/resume", {}),
            ("/board/suspend", {"reason": "核查"}),
            ("/administration/lots/CAR-1/abort", {"reason": "权属有争议"}),
        ):
            answer = await people[Role.ADMINISTRATOR].client.post(
                path, data={**form, "csrf_token": token}, headers={"accept": "application/json"}
            )
            assert (answer.status_code, answer.json()["ok"]) == (200, True), (path, answer.text)


async def test_the_command_for_maintenance_tells_how_many_lots_are_live(
    web: Web, database: str, valkey: str
) -> None:
    assert await asyncio.to_thread(maintenance.switch_on, valkey, "升级") == 0
    async with service(web, database, valkey):
        for number in (1, 2):
            await put_on_soon(web, f"CAR-{number}", inquiry_ms=60_000)
        administrator = await web.signed_in("admin1", Role.ADMINISTRATOR)
        await asyncio.to_thread(maintenance.switch_off, valkey)
        await administrator.post("/administration/lots/new", offer("CAR-3"))
        for number in (1, 2):
            await phase_is(web, f"CAR-{number}", "inquiry")
        assert await asyncio.to_thread(maintenance.switch_on, valkey, "升级") == 2


async def test_machines_get_their_answers(web: Web) -> None:
    visitor = web.visitor()
    await visitor.get("/")
    assert (await visitor.get("/healthz")).text == "ok\n"
    assert (await visitor.get("/readyz")).json() == {"ready": True}
    metrics = (await visitor.get("/metrics")).text
    assert 'luochui_web_requests_total{method="GET",route="/",status="200"}' in metrics


async def test_every_request_has_an_id_of_its_own(web: Web) -> None:
    visitor = web.visitor()
    first, second = await visitor.get("/healthz"), await visitor.get("/healthz")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    given = await visitor.get("/healthz", headers={"x-request-id": "proxy-0123456789"})
    assert given.headers["x-request-id"] == "proxy-0123456789"
    forged = await visitor.get("/healthz", headers={"x-request-id": "a b\tc<script>"})
    assert forged.headers["x-request-id"] != "a b\tc<script>"


async def test_lots_are_found_by_phase_class_and_title(web: Web, database: str, valkey: str) -> None:
    administrator = await web.signed_in("admin1", Role.ADMINISTRATOR)
    async with service(web, database, valkey):
        await administrator.post("/administration/lots/new", offer("CAR-1", title="公务车 50%_号"))
        await administrator.post(
            "/administration/lots/new", offer("HUT-1", title="门面租赁", asset_class="operating_right")
        )
        await put_on_soon(web, "CAR-2", inquiry_ms=60_000)
        await phase_is(web, "CAR-1", "scheduled")
        await phase_is(web, "HUT-1", "scheduled")
        await phase_is(web, "CAR-2", "inquiry")
        visitor = web.visitor()
        everything = (await visitor.get("/")).text
        order = [everything.index(f'href="/lots/{lot}"') for lot in ("CAR-2", "CAR-1")]
        assert order == sorted(order)
        for query, lots_found in (
            ("phase=live", {"CAR-2"}),
            ("phase=scheduled", {"CAR-1", "HUT-1"}),
            ("class=operating_right", {"HUT-1"}),
            ("q=50%25_", {"CAR-1"}),
            ("q=hut-1", {"HUT-1"}),
            ("q=%25", {"CAR-1"}),
            ("phase=ended", set()),
            ("page=999999&phase=live", {"CAR-2"}),
            ("page=-1&phase=nonsense&class=nonsense&q=%00", {"CAR-1", "CAR-2", "HUT-1"}),
        ):
            text = (await visitor.get(f"/?{query}")).text
            found = set(re.findall(r'<a href="/lots/([A-Z0-9-]+)"', text))
            assert found == lots_found, query
        assert "没有找到符合条件的标的" in (await visitor.get("/?q=没有")).text


async def test_the_room_gets_what_it_needs(web: Web, database: str, valkey: str) -> None:
    async with service(web, database, valkey):
        await put_on_soon(web, "CAR-1", inquiry_ms=60_000)
        await phase_is(web, "CAR-1", "inquiry")
        page = await web.visitor().get("/lots/CAR-1/room")
        assert page.status_code == 200
        block = re.search(r'id="room-data">(.*?)</script>', page.text, re.S)
        assert block
        data = json.loads(block.group(1))
        assert data["lot"] == "CAR-1"
        assert data["gateways"] == ["ws://auction.test:8001", "ws://auction.test:8002"]


async def test_texts_of_people_can_not_break_out_of_the_page(web: Web, database: str, valkey: str) -> None:
    administrator = await web.signed_in("admin1", Role.ADMINISTRATOR, "<b>管理员</b>")
    async with service(web, database, valkey):
        nasty = "</script><script>alert(1)</script>"
        await administrator.post(
            "/administration/lots/new", offer("CAR-1", title=nasty, description=nasty, transferor='"><i>')
        )
        await phase_is(web, "CAR-1", "scheduled")
        await administrator.post("/administration/lots/CAR-1/notice", {"text": nasty})
        for path in ("/", "/lots/CAR-1", "/lots/CAR-1/room", "/board", "/administration/lots/CAR-1"):
            page = await administrator.get(path)
            assert page.status_code == 200, path
            assert "<script>alert" not in page.text, path
            assert "<b>管理员" not in page.text
            assert '"><i>' not in page.text


async def test_the_password_is_changed_with_the_old_one_only(web: Web) -> None:
    bidder = await web.signed_in("bidder1", Role.BIDDER)
    elsewhere = web.visitor()
    await elsewhere.post("/sign-in", {"login": "bidder1", "password": "a-password-of-the-tests"})
    new = {"new": "another password", "again": "another password"}
    for form, why in (
        ({"old": "wrong", **new}, "原密码不对"),
        ({"old": "a-password-of-the-tests", "new": "short", "again": "short"}, "8 到 200"),
        ({"old": "a-password-of-the-tests", "new": "long enough", "again": "different"}, "不一样"),
    ):
        page = await bidder.post("/my/password", form)
        assert page.status_code == 422
        assert why in page.text
    done = await bidder.post_and_follow("/my/password", {"old": "a-password-of-the-tests", **new})
    assert "密码已修改" in done.text
    assert (await elsewhere.get("/my/trades")).status_code == 303
    assert (await bidder.get("/my/trades")).status_code == 200
