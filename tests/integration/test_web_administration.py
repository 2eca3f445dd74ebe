"""Administrators put lots on, import lists, and suspend, resume and end auctions."""

import re
from collections.abc import AsyncIterator, Mapping
from unittest.mock import patch

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from bidding.book import Book, Outcome
from bidding.lots import LOTS
from bidding.messages import Commitments, Phase
from bidding.pipeline import BookUnavailable
from bidding.terms import Fen, Terms
from office.accounts import Role
from office.sealed import QualifiedRow
from tests.webkit import Visitor, Web, offer, phase_is, put_on_soon, service, until, web_on
from trading.rehearsals import RehearsalRules, Rehearsals
from web import lot_search
from web.putting_on import InTheBook, in_the_book, schedule


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as web, service(web, database, valkey):
        yield web


@pytest.fixture
async def administrator(web: Web) -> Visitor:
    return await web.signed_in("admin1", Role.ADMINISTRATOR, "测试管理员一")


async def test_a_lot_is_put_on_and_everybody_sees_it(web: Web, administrator: Visitor) -> None:
    page = await administrator.post_and_follow("/administration/lots/new", offer("CAR-1"))
    assert "标的 CAR-1 已上架" in page.text
    await phase_is(web, "CAR-1", "scheduled")
    public = await web.visitor().get("/lots/CAR-1")
    assert public.status_code == 200
    assert "测试标的一辆" in public.text
    assert "壹万贰仟元整" in public.text
    assert "4 分钟" in public.text
    snapshot = await web.site.book.snapshot("CAR-1")
    assert snapshot is not None
    assert snapshot.terms.starting_price == 1_200_000


FAULTS: Mapping[str, Mapping[str, str]] = {
    "lot": {"lot": "car 1"},
    "title": {"title": " "},
    "asset_class": {"asset_class": "boats"},
    "transferor": {"transferor": ""},
    "starting_price": {"starting_price": "12.345"},
    "increment": {"increment": "0"},
    "max_steps": {"max_steps": "0"},
    "reserve": {"reserve": "11,999.99"},
    "opens_at": {"opens_at": "2020-01-01 10:00"},
    "inquiry_s": {"inquiry_s": "4 Minuten"},
    "window_s": {"window_s": "90000"},
    "inquiry_mode": {"inquiry_mode": ""},
    "priority_mode": {"priority_mode": "all"},
    "description": {"description": "长" * 20_001},
    "place": {"place": "长" * 201},
}


@pytest.mark.parametrize("field", FAULTS)
async def test_each_fault_is_named_at_its_field_and_nothing_typed_is_lost(
    web: Web, administrator: Visitor, field: str
) -> None:
    typed = offer("CAR-1", **FAULTS[field])
    page = await administrator.post("/administration/lots/new", typed)
    assert page.status_code == 422
    assert f'href="#field-{field}"' in page.text
    assert page.text.count('href="#field-') == 1
    for name in ("title", "place", "transferor", "starting_price"):
        if len(typed[name].strip()) in range(1, 100):
            assert typed[name] in page.text
    assert await lot_search.one(web.site.engine, "CAR-1", everything=True) is None


async def test_all_faults_are_told_together(administrator: Visitor) -> None:
    page = await administrator.post("/administration/lots/new", {"lot": ""})
    assert page.text.count('href="#field-') >= 8


async def test_the_same_id_is_refused_and_the_lot_stays(web: Web, administrator: Visitor) -> None:
    await administrator.post("/administration/lots/new", offer("CAR-1"))
    page = await administrator.post("/administration/lots/new", offer("CAR-1", title="另一个"))
    assert page.status_code == 422
    assert "这个编号已经用过" in page.text
    lot = await lot_search.one(web.site.engine, "CAR-1", everything=True)
    assert lot is not None
    assert lot.title == "测试标的一辆"


async def test_amounts_are_read_as_people_type_them(web: Web, administrator: Visitor) -> None:
    typed = offer("CAR-1", starting_price="１２，０００.5 元", increment="¥ 1,000")
    await administrator.post_and_follow("/administration/lots/new", typed)
    lot = await lot_search.one(web.site.engine, "CAR-1", everything=True)
    assert lot is not None
    assert (lot.terms.starting_price, lot.terms.increment) == (1_200_050, 100_000)


async def test_a_lot_that_did_not_reach_the_book_is_finished_with_a_button(
    web: Web, administrator: Visitor
) -> None:
    with patch.object(Book, "schedule", side_effect=BookUnavailable("away")):
        page = await administrator.post_and_follow("/administration/lots/new", offer("CAR-1"))
    assert "还没有写入竞价系统" in page.text
    assert (await web.visitor().get("/lots/CAR-1")).status_code == 404
    again = await administrator.post_and_follow("/administration/lots/CAR-1/schedule")
    assert "已写入竞价系统" in again.text
    await phase_is(web, "CAR-1", "scheduled")
    assert (await web.visitor().get("/lots/CAR-1")).status_code == 200
    once_more = await administrator.post_and_follow("/administration/lots/CAR-1/schedule")
    assert "已写入竞价系统" in once_more.text


# ── the list ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_list_goes_to_the_book_and_only_the_count_is_shown(
    web: Web, administrator: Visitor
) -> None:
    for number in (1, 2, 3):
        await web.account(f"bidder{number}", Role.BIDDER, f"测试竞买人{number}")
    await administrator.post("/administration/lots/new", offer("CAR-1", priority_mode="match"))
    text = "账号,顺位\nbidder1\n\nBidder2,1\n bidder3 , 0 \n"
    page = await administrator.post_and_follow("/administration/lots/CAR-1/list", {"list": text})
    assert "已导入 3 名竞买人，其中 1 名有优先购买权" in page.text
    later = await administrator.get("/administration/lots/CAR-1")
    assert "名单：已导入。" in later.text
    assert "3 名" not in later.text
    assert "bidder2" not in later.text
    assert "名单没有写完" not in later.text
    ranks = await web.site.sealed.qualified("CAR-1")
    snapshot = await web.site.book.snapshot("CAR-1")
    assert snapshot is not None
    assert dict(snapshot.session.qualified) == ranks
    assert sorted(ranks.values()) == [0, 0, 1]
    assert all(len(paddle) == 4 and paddle.isdigit() for paddle in ranks)


async def test_who_stays_on_the_list_keeps_the_paddle(web: Web, administrator: Visitor) -> None:
    first, _ = [await web.account(f"bidder{number}", Role.BIDDER) for number in (1, 2)]
    await administrator.post("/administration/lots/new", offer("CAR-1"))
    await administrator.post("/administration/lots/CAR-1/list", {"list": "bidder1\nbidder2"})
    before = await web.site.sealed.paddle_of("CAR-1", first)
    await administrator.post("/administration/lots/CAR-1/list", {"list": "bidder1"})
    assert await web.site.sealed.paddle_of("CAR-1", first) == before
    assert len(await web.site.sealed.qualified("CAR-1")) == 1


async def test_every_wrong_line_is_named_and_nothing_is_imported(web: Web, administrator: Visitor) -> None:
    await web.account("bidder1", Role.BIDDER)
    gone = await web.account("bidder2", Role.BIDDER)
    await web.site.accounts.disable(gone)
    await administrator.post("/administration/lots/new", offer("CAR-1"))
    text = "bidder1\n\nnobody\nadmin1\nbidder2\nbidder1"
    page = await administrator.post("/administration/lots/CAR-1/list", {"list": text})
    assert page.status_code == 422
    for line, why in ((3, "没有这个账号"), (4, "不是竞买人"), (5, "已停用"), (6, "出现了两次")):
        assert f"第 {line} 行" in page.text
        assert why in page.text
    assert text.replace("\n", "\n") in page.text.replace("\r\n", "\n")
    assert await web.site.sealed.qualified("CAR-1") == {}


async def test_wrong_ranks_and_wrong_accounts_are_told_in_one_round(web: Web, administrator: Visitor) -> None:
    await web.account("bidder1", Role.BIDDER)
    await administrator.post("/administration/lots/new", offer("CAR-1", priority_mode="match"))
    text = "bidder1,x\nnobody,100\nadmin1\nbidder1,1"
    page = await administrator.post("/administration/lots/CAR-1/list", {"list": text})
    told = re.findall(r"第 (\d+) 行 <code>(\w+)</code>：(.*?)</li>", page.text)
    assert [(line, login) for line, login, _ in told] == [
        *(("1", "bidder1"), ("2", "nobody"), ("2", "nobody"), ("3", "admin1"), ("4", "bidder1")),
    ]
    for why in ("优先顺位", "没有这个账号", "不是竞买人", "出现了两次"):
        assert why in page.text
    assert await web.site.sealed.qualified("CAR-1") == {}


async def test_a_rank_on_a_lot_without_priority_is_called_that(web: Web, administrator: Visitor) -> None:
    await web.account("bidder1", Role.BIDDER)
    await administrator.post("/administration/lots/new", offer("CAR-1"))
    page = await administrator.post("/administration/lots/CAR-1/list", {"list": "bidder1,1"})
    assert "本标的没有优先购买权，请只填账号" in page.text
    assert "优先顺位" not in page.text
    assert "例如 bidder1,1" not in page.text


async def test_text_and_a_file_together_are_not_guessed_about(web: Web, administrator: Visitor) -> None:
    await web.account("bidder1", Role.BIDDER)
    await administrator.post("/administration/lots/new", offer("CAR-1"))
    file = {"file": ("名单.csv", b"bidder1\n", "text/csv")}
    both = await administrator.post("/administration/lots/CAR-1/list", {"list": "bidder2"}, files=file)
    assert both.status_code == 422
    assert "既粘贴了名单，又选了文件" in both.text
    assert "bidder2</textarea>" in both.text
    assert await web.site.sealed.qualified("CAR-1") == {}


async def test_a_workbook_is_asked_for_as_csv(web: Web, administrator: Visitor) -> None:
    await administrator.post("/administration/lots/new", offer("CAR-1"))
    file = {"file": ("名单.xlsx", b"PK\x03\x04\x00\x00", "application/octet-stream")}
    page = await administrator.post("/administration/lots/CAR-1/list", {"list": ""}, files=file)
    assert page.status_code == 422
    assert "另存为" in page.text


async def test_a_lot_without_a_list_is_warned_about_until_it_has_one(
    web: Web, administrator: Visitor
) -> None:
    await web.account("bidder1", Role.BIDDER)
    page = await administrator.post_and_follow("/administration/lots/new", offer("CAR-1"))
    assert "尚未导入竞买人名单，开始后无人可以出价" in page.text
    assert "未导入名单" in (await administrator.get("/administration/lots")).text
    page = await administrator.post_and_follow("/administration/lots/CAR-1/list", {"list": "bidder1"})
    assert "尚未导入竞买人名单" not in page.text
    assert "名单：已导入。" in page.text
    assert "未导入名单" not in (await administrator.get("/administration/lots")).text


async def test_looking_at_a_lot_does_not_read_all_its_bids(web: Web, administrator: Visitor) -> None:
    """The live book answers bids meanwhile: the pages read fields of it, never all answers."""
    await web.account("bidder1", Role.BIDDER)
    await administrator.post("/administration/lots/new", offer("CAR-1"))
    await administrator.post("/administration/lots/CAR-1/list", {"list": "bidder1"})
    engine, book = web.site.engine, web.site.book
    with patch.object(Book, "snapshot", side_effect=AssertionError("read all of it")):
        assert await in_the_book(engine, book, web.site.sealed, "CAR-1") == InTheBook(
            scheduled=True, list_agrees=True
        )
        assert await in_the_book(engine, book, web.site.sealed, "CAR-9") == InTheBook(
            scheduled=False, list_agrees=False
        )
        answer = await administrator.post("/board/resume", {}, headers={"accept": "application/json"})
    assert answer.status_code == 200
    await web.site.sealed.import_qualified("CAR-1", [QualifiedRow("bidder1", 1)])
    assert await in_the_book(engine, book, web.site.sealed, "CAR-1") == InTheBook(
        scheduled=True, list_agrees=False
    )


async def test_an_ended_lot_is_not_put_on_again_when_the_book_was_rebuilt(
    web: Web, administrator: Visitor
) -> None:
    """`luochui recover` leaves ended lots out of the book; a second life would contradict the ledger."""
    with patch("web.putting_on.schedule"):
        await administrator.post("/administration/lots/new", offer("CAR-1"))
    engine, book = web.site.engine, web.site.book
    async with engine.begin() as connection:
        await connection.execute(LOTS.update().where(LOTS.c.id == "CAR-1").values(phase="closed"))
    assert await in_the_book(engine, book, web.site.sealed, "CAR-1") == InTheBook(
        scheduled=True, list_agrees=True
    )
    await schedule(engine, book, web.site.sealed, "CAR-1")
    assert not await book.fields("CAR-1", "phase")


async def test_a_list_is_uploaded_as_a_file(web: Web, administrator: Visitor) -> None:
    await web.account("bidder1", Role.BIDDER)
    await administrator.post("/administration/lots/new", offer("CAR-1"))
    file = {"file": ("名单.csv", "\ufeff账号;顺位\nbidder1;0\n".encode(), "text/csv")}
    answer = await administrator.post("/administration/lots/CAR-1/list", {"list": ""}, files=file)
    assert answer.status_code == 303
    assert len(await web.site.sealed.qualified("CAR-1")) == 1


async def test_a_list_that_is_too_large_is_refused(administrator: Visitor) -> None:
    await administrator.post("/administration/lots/new", offer("CAR-1"))
    file = {"file": ("list.csv", b"x" * (1024 * 1024 + 1), "text/csv")}
    answer = await administrator.post("/administration/lots/CAR-1/list", files=file)
    assert answer.status_code == 413
    assert "内容太大" in answer.text


async def test_after_the_opening_the_list_is_fixed_in_both_places(web: Web, administrator: Visitor) -> None:
    await web.account("bidder1", Role.BIDDER)
    await web.account("bidder2", Role.BIDDER)
    await web.site.sealed.import_qualified("CAR-1", [QualifiedRow("bidder1")])
    await put_on_soon(web, "CAR-1", inquiry_ms=60_000)
    before = await web.site.sealed.qualified("CAR-1")
    await phase_is(web, "CAR-1", "inquiry")
    page = await administrator.post_and_follow("/administration/lots/CAR-1/list", {"list": "bidder2"})
    assert "名单没有改动" in page.text
    assert await web.site.sealed.qualified("CAR-1") == before


async def test_a_list_that_did_not_reach_the_book_changes_nothing(web: Web, administrator: Visitor) -> None:
    await web.account("bidder1", Role.BIDDER)
    await administrator.post("/administration/lots/new", offer("CAR-1"))
    with patch.object(Book, "amend", side_effect=BookUnavailable("away")):
        page = await administrator.post("/administration/lots/CAR-1/list", {"list": "bidder1"})
    assert page.status_code == 503
    assert await web.site.sealed.qualified("CAR-1") == {}


# ── commands ────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── accounts ────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── what bidders see of it ──────────────────────────────────────────────────────────────────────────────────


async def test_bidding_is_offered_where_it_goes_on(web: Web, administrator: Visitor) -> None:
    bidder = await web.signed_in("bidder1", Role.BIDDER)
    await administrator.post("/administration/lots/new", offer("CAR-1", description="第一行\n\n第二行"))
    await administrator.post("/administration/lots/CAR-1/list", {"list": "bidder1"})
    await phase_is(web, "CAR-1", "scheduled")
    trades = (await bidder.get("/my/trades")).text
    assert "我要出价" not in trades
    assert "查看：测试标的一辆" in trades
    lot = (await bidder.get("/lots/CAR-1")).text
    assert "我要出价" not in lot
    assert '<p class="prose">第一行</p>\n<p class="prose">第二行</p>' in lot
    await web.site.sealed.import_qualified("CAR-2", [QualifiedRow("bidder1")])
    await put_on_soon(web, "CAR-2", inquiry_ms=60_000)
    await phase_is(web, "CAR-2", "inquiry")
    trades = (await bidder.get("/my/trades")).text
    assert "我要出价：测试标的一辆" in trades
    assert trades.index("/lots/CAR-2") < trades.index("/lots/CAR-1")
    await administrator.post("/board/lots/CAR-2/suspend", {"reason": "核查"})
    await phase_is(web, "CAR-2", "suspended")
    trades = (await bidder.get("/my/trades")).text
    assert "我要出价" not in trades
    assert "进入竞价室：测试标的一辆" in trades
