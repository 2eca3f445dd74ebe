"""Administrators put lots on, and bidders find where bidding goes on."""

from collections.abc import AsyncIterator, Mapping
from unittest.mock import patch

import pytest

from bidding.book import Book
from bidding.pipeline import BookUnavailable
from office.accounts import Role
from office.sealed import QualifiedRow
from tests.webkit import Visitor, Web, offer, phase_is, put_on_soon, service, web_on
from web import lot_search


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
