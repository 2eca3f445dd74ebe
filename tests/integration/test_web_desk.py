"""The review desk over the pages: the queue, the lock, verdicts item by item, return, approval, reversal."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from tests.deskkit import DESK, audited, clerk, in_review, row
from tests.orderkit import defaults
from tests.webkit import Web, web_on


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey, demo=True) as web:
        await defaults(web)
        yield web


async def test_an_order_is_taken_looked_at_returned_corrected_and_approved(web: Web) -> None:
    her = await in_review(web, "her")
    one, two = await clerk(web, "one"), await clerk(web, "two")
    number = her.number
    queue = await one.get(DESK)
    assert number in queue.text
    assert "测试有限公司" in queue.text
    before = await one.get(one.order(number))
    assert "433101199001011234" not in before.text
    assert "已接办" in await one.act(number, "take")
    assert "另一位办证人员" in await two.act(number, "take")
    page = await one.get(one.order(number))
    assert "433101199001011234" in page.text
    assert await audited(web, "look.order_details") == 2  # the page after taking, and this one
    items = await one.items(number)
    papers = [item for item in items if item.startswith("file:")]
    assert papers
    assert "section:operator" in items
    address = one.order(number, f"/files/{papers[0].partition(':')[2]}")
    shown = await one.get(address)
    assert shown.headers["content-type"] == "image/jpeg"
    assert await audited(web, "look.order_file") == 1
    assert (await two.get(address)).status_code == 303
    assert (await her.visitor.get(address)).status_code == 403
    assert await audited(web, "look.order_file") == 1
    assert "每一项都要先看过" in await one.act(number, "decide", {"decision": "approve"})
    assert "至少把一项" in await one.decide(number, "return")
    said = await one.decide(number, "return", {papers[0]: "看不清"}, "请尽快改。")
    assert "已驳回" in said
    order = await row(web, number)
    assert order["state"] == "returned"
    assert order["reason"].endswith("看不清；请尽快改。")
    assert order["worked_by"] is None
    hers = await her.get()
    assert "看不清" in hers.text


async def test_an_approval_is_reversed_and_not_edited(web: Web) -> None:
    her = await in_review(web, "her")
    one = await clerk(web, "one")
    await one.act(her.number, "take")
    assert "已通过" in await one.decide(her.number, "approve")
    assert await her.state() == "approved"
    assert "请写明原因" in await one.act(her.number, "reverse", {"reason": " "})
    assert "重新审核" in await one.act(her.number, "reverse", {"reason": "执照看错了"})
    assert await her.state() == "in_review"
    async with web.site.engine.connect() as connection:
        acts = (
            await connection.execute(
                text("SELECT act FROM order_events WHERE number = :n ORDER BY id"), {"n": her.number}
            )
        ).scalars()
        assert list(acts)[-3:] == ["take", "approve", "reverse"]
