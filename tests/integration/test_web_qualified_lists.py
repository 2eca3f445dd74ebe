"""Administrators import the list of who may bid on a lot: all of it, or nothing."""

import re
from collections.abc import AsyncIterator
from unittest.mock import patch

import pytest

from bidding.book import Book
from bidding.lots import LOTS
from bidding.pipeline import BookUnavailable
from office.accounts import Role
from office.sealed import QualifiedRow
from tests.webkit import Visitor, Web, offer, phase_is, put_on_soon, service, web_on
from web.putting_on import InTheBook, in_the_book, schedule


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as web, service(web, database, valkey):
        yield web


@pytest.fixture
async def administrator(web: Web) -> Visitor:
    return await web.signed_in("admin1", Role.ADMINISTRATOR, "测试管理员一")


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
