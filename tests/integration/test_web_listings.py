"""A transferor's way from the first field to the announcement, and what administrators do with it."""

from collections.abc import AsyncIterator

import pytest

from office.accounts import Role
from tests.listingkit import a_full_draft, announced, travelling
from tests.tradingkit import MutableClock
from tests.webkit import Visitor, Web, web_on
from trading.lifecycle.performing import Listings
from trading.lifecycle.states import LotState


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as web:
        yield web


@pytest.fixture
async def clock(web: Web) -> MutableClock:
    return await travelling(web)


@pytest.fixture
async def owner(web: Web, clock: MutableClock) -> Visitor:
    return await web.signed_in("owner", Role.TRANSFEROR, "湘西州机关事务局")


@pytest.fixture
async def administrator(web: Web, clock: MutableClock) -> Visitor:
    return await web.signed_in("admin", Role.ADMINISTRATOR, "管理员甲")


async def state_of(web: Web, lot: str) -> LotState:
    listing = await Listings(web.site.engine).get(lot)
    assert listing is not None
    return listing.state


async def test_from_the_first_field_to_the_announcement(
    web: Web, owner: Visitor, administrator: Visitor
) -> None:
    lot = await a_full_draft(owner)
    mine = await owner.get(f"/my/assets/{lot}")
    assert "提交审核" in mine.text
    assert "还没有" not in mine.text
    answer = await owner.post_and_follow(f"/my/assets/{lot}/submit")
    assert "已提交审核" in answer.text
    assert await state_of(web, lot) is LotState.SUBMITTED
    review = await administrator.get(f"/administration/listings/{lot}")
    assert "公告期 10 个工作日" in review.text
    answer = await administrator.post_and_follow(f"/administration/listings/{lot}/publish")
    assert "公告已发布" in answer.text
    assert await state_of(web, lot) is LotState.ANNOUNCED
    public = await web.visitor().get(f"/announcements/{lot}")
    assert public.status_code == 200
    for words in ("吉首市人民路 12 号一楼门面", "重大事项披露", "平面图.pdf", "登录后报名", "湘西州机关事务局"):
        assert words in public.text
    assert "评估报告.pdf" not in public.text
    assert "会议纪要" not in public.text


async def test_every_page_of_a_listing_opens(web: Web, owner: Visitor, administrator: Visitor) -> None:
    lot = await announced(owner, administrator)
    for path in ("/my/assets", f"/my/assets/{lot}", f"/my/assets/{lot}/preview", "/my/assets/new"):
        assert (await owner.get(path)).status_code == 200, path
    for path in (
        "/administration/listings",
        f"/administration/listings/{lot}",
        f"/administration/listings/{lot}/correct",
        "/administration/openings",
        "/administration/openings?month=2026-03",
    ):
        assert (await administrator.get(path)).status_code == 200, path
    for path in ("/announcements", "/", "/open-data", f"/announcements/{lot}"):
        page = await web.visitor().get(path)
        assert page.status_code == 200, path
        if path != "/open-data":
            assert "吉首市人民路 12 号一楼门面" in page.text, path
