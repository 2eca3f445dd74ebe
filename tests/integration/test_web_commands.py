"""Administrators suspend, resume and end auctions, and publish notices."""

import re
from collections.abc import AsyncIterator
from unittest.mock import patch

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from bidding.book import Book, Outcome
from bidding.messages import Commitments, Phase
from bidding.pipeline import BookUnavailable
from bidding.terms import Fen, Terms
from office.accounts import Role
from tests.webkit import Visitor, Web, offer, phase_is, put_on_soon, service, until, web_on
from trading.rehearsals import RehearsalRules, Rehearsals
from web import lot_search


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as web, service(web, database, valkey):
        yield web


@pytest.fixture
async def administrator(web: Web) -> Visitor:
    return await web.signed_in("admin1", Role.ADMINISTRATOR, "测试管理员一")


@pytest.fixture
async def live(web: Web, administrator: Visitor) -> str:
    await put_on_soon(web, "CAR-1", inquiry_ms=60_000)
    await phase_is(web, "CAR-1", "inquiry")
    return "CAR-1"


async def test_suspending_needs_a_reason_and_makes_it_public(
    web: Web, administrator: Visitor, live: str
) -> None:
    missing = await administrator.post_and_follow(f"/board/lots/{live}/suspend", {"reason": " "})
    assert "请写明原因" in missing.text
    answer = await administrator.post(f"/board/lots/{live}/suspend", {"reason": "有人举报，正在核查"})
    assert answer.headers["location"] == "/board"
    await phase_is(web, live, "suspended")
    assert "有人举报，正在核查" in (await web.visitor().get(f"/lots/{live}")).text
    twice = await administrator.post(
        f"/board/lots/{live}/suspend", {"reason": "again"}, headers={"accept": "application/json"}
    )
    assert (twice.status_code, twice.json()["ok"], twice.json()["message"]) == (409, False, "标的已经中止")


async def test_resuming_announces_when(web: Web, administrator: Visitor, live: str) -> None:
    await administrator.post(f"/board/lots/{live}/suspend", {"reason": "核查"})
    wrong = await administrator.post(
        f"/board/lots/{live}/resume", {"in_seconds": "-5"}, headers={"accept": "application/json"}
    )
    assert wrong.status_code == 422
    await administrator.post(f"/board/lots/{live}/resume", {"in_seconds": "1"})
    await phase_is(web, live, "inquiry")
    assert "恢复" in (await web.visitor().get(f"/lots/{live}")).text


async def test_ending_a_lot_takes_two_administrators(web: Web, administrator: Visitor, live: str) -> None:
    await administrator.post(f"/board/lots/{live}/abort", {"reason": "权属有争议"})
    await phase_is(web, live, "suspended")
    json = {"accept": "application/json"}
    own = await administrator.post(f"/board/lots/{live}/abort/confirm", {"reason": "同意"}, headers=json)
    assert own.status_code == 409
    assert "另一位管理员" in own.json()["message"]
    second = await web.signed_in("admin2", Role.ADMINISTRATOR)
    done = await second.post(f"/board/lots/{live}/abort/confirm", {"reason": "同意终结"}, headers=json)
    assert done.json()["ok"]
    await phase_is(web, live, "aborted")
    assert "同意终结" in (await web.visitor().get(f"/lots/{live}")).text


async def test_the_page_of_a_lot_offers_what_the_book_takes(
    web: Web, administrator: Visitor, live: str
) -> None:
    here = f"/administration/lots/{live}"
    form = {"reason": "核查", "next": here}
    running = (await administrator.get(here)).text
    assert _offered(running) == {"suspend", "abort", "notice"}
    held = await administrator.post_and_follow(f"{here}/suspend", form)
    assert "限时竞价</span>" not in held.text  # the record may lag behind; the book does not
    assert "已中止</span>" in held.text
    assert _offered(held.text) == {"resume", "abort", "notice"}
    announced = await administrator.post_and_follow(f"{here}/resume", {"in_seconds": "600", "next": here})
    assert "已宣布恢复，恢复时间" in announced.text
    assert _offered(announced.text) == {"suspend", "resume", "abort", "notice"}


async def test_a_request_to_abort_is_shown_to_both_administrators(
    web: Web, administrator: Visitor, live: str
) -> None:
    here = f"/administration/lots/{live}"
    first = await administrator.post_and_follow(f"{here}/abort", {"reason": "权属有争议", "next": here})
    assert _offered(first.text) == {"resume", "notice"}
    assert "这是您申请的，要由另一位管理员确认" in first.text
    second = await web.signed_in("admin2", Role.ADMINISTRATOR)
    page = (await second.get(here)).text
    assert _offered(page) == {"resume", "abort/confirm", "notice"}
    assert "申请人：测试管理员一" in page
    assert "申请的原因：权属有争议" in page
    assert "宣布恢复就撤回了终结申请" in page
    back = await second.post_and_follow(f"{here}/resume", {"in_seconds": "600", "next": here})
    assert "有终结申请" not in back.text
    assert "abort" in _offered(back.text)


async def test_without_the_book_the_page_shows_the_record(
    web: Web, administrator: Visitor, live: str
) -> None:
    with patch.object(Book, "fields", side_effect=BookUnavailable("away")):
        page = await administrator.get(f"/administration/lots/{live}")
    assert page.status_code == 200
    assert "竞价系统暂时连接不上" in page.text


def _offered(page: str) -> set[str]:
    """The commands that the page of a lot offers."""
    return set(re.findall(r'action="/administration/lots/CAR-1/([a-z/]+)" class="command"', page))


async def test_all_live_lots_are_suspended_and_resumed_together(web: Web, administrator: Visitor) -> None:
    for number in (1, 2):
        await put_on_soon(web, f"CAR-{number}", inquiry_ms=60_000)
    await administrator.post("/administration/lots/new", offer("CAR-3"))
    bidder = await web.account("who-practises", Role.BIDDER)
    rules = RehearsalRules(window_ms=60_000, opens_in_ms=0)
    practice = await Rehearsals(web.site.engine, web.site.book, web.site.sealed, rules).begin(
        bidder, "who-practises"
    )
    for number in (1, 2):
        await phase_is(web, f"CAR-{number}", "inquiry")
    json = {"accept": "application/json"}
    answer = await administrator.post("/board/suspend", {"reason": "网络故障"}, headers=json)
    assert answer.json()["message"] == "已中止 2 个标的。"
    for number in (1, 2):
        await phase_is(web, f"CAR-{number}", "suspended")
    assert (await web.site.book.fields(practice, "phase"))["phase"] != "suspended", "nothing follows from it"
    await administrator.post("/board/lots/CAR-2/abort", {"reason": "权属有争议"})
    resumed = await administrator.post("/board/resume", {"in_seconds": "1"}, headers=json)
    assert resumed.json()["message"] == "已宣布 1 个标的的恢复时间。"
    await phase_is(web, "CAR-1", "inquiry")
    snapshot = await web.site.book.snapshot("CAR-2")
    assert snapshot is not None
    assert snapshot.session.phase is Phase.SUSPENDED


async def test_the_board_asks_for_titles_of_lots_that_came_since(
    web: Web, administrator: Visitor, live: str
) -> None:
    found = (await administrator.get(f"/board/titles?lot={live}&lot=CAR-77&lot={'X' * 500}")).json()
    assert found == {live: "测试标的一辆"}
    assert (await administrator.get("/board/titles")).json() == {}
    bidder = await web.signed_in("bidder1", Role.BIDDER)
    assert (await bidder.get(f"/board/titles?lot={live}")).status_code == 403


async def test_suspending_asks_the_book_and_not_the_record(
    web: Web, administrator: Visitor, live: str
) -> None:
    """PostgreSQL is down, and what it knows is old: a lot that runs is suspended all the same."""
    await put_on_soon(web, "CAR-2", inquiry_ms=60_000)
    await phase_is(web, "CAR-2", "inquiry")
    token, json = await administrator.token(), {"accept": "application/json"}
    form = {"reason": "网络故障", "csrf_token": token}
    with patch.object(AsyncEngine, "connect", side_effect=OperationalError("x", None, Exception("down"))):
        one = await administrator.client.post(f"/board/lots/{live}/suspend", data=form, headers=json)
        every = await administrator.client.post("/board/suspend", data=form, headers=json)
        unknown = await administrator.client.post("/board/lots/CAR-9/suspend", data=form, headers=json)
    assert (one.status_code, one.json()["ok"]) == (200, True)
    assert (every.status_code, every.json()["message"]) == (200, "已中止 1 个标的。")
    assert unknown.status_code == 404
    for lot in (live, "CAR-2"):
        assert (await web.site.book.fields(lot, "phase"))["phase"] == "suspended"


async def test_all_means_all_however_many(database: str, valkey: str) -> None:
    """More than any page of the record holds, and the record has not heard of them yet."""
    async with web_on(database, valkey) as web:
        administrator, book = await web.signed_in("admin1", Role.ADMINISTRATOR), web.site.book
        for partition in range(book.partitions):
            await book.recorded(partition)
            await book.beat(partition, "test")
        now, _ = await book.observe(0)
        for number in range(1100):
            terms = Terms(f"CAR-{number}", Fen(1_000_000), Fen(10_000), inquiry_ms=600_000)
            await book.schedule(terms, now - 5_000, Commitments("0" * 64, "0" * 64, "0" * 64), {})
        answer = await administrator.post(
            "/board/suspend", {"reason": "网络故障"}, headers={"accept": "application/json"}
        )
        assert answer.json()["message"] == "已中止 1100 个标的。"


async def test_what_could_not_be_suspended_is_named_and_the_others_are_suspended(
    web: Web, administrator: Visitor
) -> None:
    for number in (1, 2, 3):
        await put_on_soon(web, f"CAR-{number}", inquiry_ms=60_000)
    for number in (1, 2, 3):
        await phase_is(web, f"CAR-{number}", "inquiry")
    suspend = Book.suspend

    async def breaks_once(book: Book, lot: str, reason: str) -> Outcome:
        if lot == "CAR-1":
            raise BookUnavailable("away")
        return await suspend(book, lot, reason)

    with patch.object(Book, "suspend", breaks_once):
        answer = await administrator.post(
            "/board/suspend", {"reason": "网络故障"}, headers={"accept": "application/json"}
        )
    assert answer.status_code == 503
    assert answer.json()["message"] == "已中止 2 个标的。有 1 个没有答复，请再试一次：CAR-1"
    for number in (2, 3):
        await phase_is(web, f"CAR-{number}", "suspended")


async def test_suspending_all_holds_back_announced_resumptions(
    web: Web, administrator: Visitor, live: str
) -> None:
    await administrator.post(f"/board/lots/{live}/suspend", {"reason": "核查"})
    await administrator.post(f"/board/lots/{live}/resume", {"in_seconds": "600"})
    answer = await administrator.post(
        "/board/suspend", {"reason": "网络故障"}, headers={"accept": "application/json"}
    )
    assert answer.json()["message"] == "已中止 1 个标的。"
    assert (await web.site.book.fields(live, "resumes_at"))["resumes_at"] == "0"


async def test_resuming_all_undoes_no_request_to_abort_that_comes_in_the_same_moment(
    web: Web, administrator: Visitor, live: str
) -> None:
    """Another administrator asks for the end after this one's request was begun."""
    await administrator.post(f"/board/lots/{live}/suspend", {"reason": "核查"})

    async def recorded() -> bool:
        return live in await lot_search.ids_in(web.site.engine, Phase.SUSPENDED)

    await until(recorded)
    touch = Book.touch

    async def overtaken(book: Book, lot: str) -> Outcome:
        touched = await touch(book, lot)
        await book.request_abort(lot, "77", "权属争议")
        return touched

    with patch.object(Book, "touch", overtaken):
        answer = await administrator.post(
            "/board/resume", {"in_seconds": "600"}, headers={"accept": "application/json"}
        )
    assert answer.json()["message"] == "已宣布 0 个标的的恢复时间。"
    found = await web.site.book.fields(live, "abort_requested_by", "resumes_at")
    assert found == {"abort_requested_by": "77", "resumes_at": "0"}


async def test_an_empty_notice_is_asked_for_its_text_and_not_for_a_reason(
    administrator: Visitor, live: str
) -> None:
    answer = await administrator.post(
        f"/board/lots/{live}/notice", {"text": " "}, headers={"accept": "application/json"}
    )
    assert (answer.status_code, answer.json()["message"]) == (422, "请写明公告内容。公告会公开。")


async def test_a_notice_stands_in_the_public_log(web: Web, administrator: Visitor, live: str) -> None:
    await administrator.post(f"/administration/lots/{live}/notice", {"text": "看样时间改为周三"})

    async def public() -> bool:
        return "看样时间改为周三" in (await web.visitor().get(f"/lots/{live}")).text

    await until(public)
