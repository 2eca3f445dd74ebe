"""At the counter over the pages: from the walk-in to the hand-over, the stock, the day's reckoning."""

import re
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from certificates.orders.performing import By, perform
from certificates.orders.states import OrderAct
from office.accounts import Role
from tests.deskkit import DESK, Clerk, clerk, in_review, row
from tests.orderkit import Applicant, applicant, defaults, solved
from tests.webkit import Web, web_on

PERSON = {
    "product": "natural_person",
    "seal_kind": "signature",
    "applicant_name": "赵现场",
    "applicant_document": "id_card",
    "applicant_number": "110101199003070003",
    "applicant_phone": "13912345678",
    "applicant_email": "zx@example.cn",
    "invoice_title": "赵现场",
    "province": "湖南省",
    "city": "株洲市",
    "address": "天元区 1 号",
}


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey, demo=True) as web:
        await defaults(web)
        yield web


async def walked_in(web: Web, one: Clerk) -> Applicant:
    """Somebody stands there: the clerk types, to the money."""
    answer = await one.post(f"{DESK}/walk-in", {"business": "hunan_sanzi:issue:natural_person"})
    assert answer.status_code == 303, answer.text[:1000]
    there = Applicant(web, one.visitor, answer.headers["location"].split("/")[3], one.token)
    await there.agree()
    await there.done("/details", PERSON)
    await there.done("/confirm", solved((await there.get("/confirm")).text))
    if await there.state() == "awaiting_material":
        await there.done("/material")
    assert await there.state() == "awaiting_payment"
    return there


async def issued(web: Web, number: str) -> None:
    """What the issue does, without a UKey."""
    async with web.site.engine.begin() as connection:
        now, clock = web.site.clock(), By.clock()
        await perform(connection, number, OrderAct.BEGIN_ISSUE, clock, now=now)
        changes = {"certificate": "0A1B2C", "medium": "UK-0001"}
        await perform(connection, number, OrderAct.ISSUED, clock, now=now, changes=changes)


async def test_a_walk_in_is_served_from_the_form_to_the_hand_over(web: Web) -> None:
    one, two = await clerk(web, "one"), await clerk(web, "two")
    there = await walked_in(web, one)
    number = there.number
    assert (await two.get(there.here)).status_code == 404
    stranger = await applicant(web, "stranger")
    assert (await stranger.visitor.get(there.here)).status_code == 404
    assert number in (await one.get(f"{DESK}?shelf=paper")).text
    page = (await one.get(one.order(number))).text
    assert "现场收款" in page
    assert "确认已收到" in await one.act(number, "payment", {"way": "wechat"})
    assert "请选择" in await one.act(number, "payment", {"way": "alipay", "counted": "1"})
    assert "已收款" in await one.act(number, "payment", {"way": "wechat", "counted": "1"})
    assert (await row(web, number))["paid_fen"] == 3_000
    page = (await one.get(one.order(number))).text
    items = sorted(set(re.findall(r'name="verdict-(original:[^"]+)"', page)))
    assert "original:applicant_id" in items
    wanting = {f"verdict-{item}": "accepted" for item in items[1:]} | {"decision": "approve"}
    assert "每一项都要" in await one.act(number, "paper", wanting)
    checked = {f"verdict-{item}": "accepted" for item in items} | {"decision": "approve"}
    assert "可以审核" in await one.act(number, "paper", checked)
    await one.act(number, "take")
    assert "已通过" in await one.decide(number, "approve")
    assert "入库" in await one.said(
        f"{DESK}/stock/receive", {"model": "SM2 Key", "serials": "UK-0001\nuk-0002"}
    )
    assert "请先入库" in await one.act(number, "ukey", {"serial": "UK-0009"})
    assert "已配给" in await one.act(number, "ukey", {"serial": "uk-0001"})
    assert "已经配了" in await one.act(number, "ukey", {"serial": "UK-0002"})
    await issued(web, number)
    assert await there.state() == "awaiting_collection"
    sheet = await one.get(one.order(number, "/handover.pdf"))
    assert sheet.content.startswith(b"%PDF")
    assert "签名" in await one.act(number, "hand-over", {"identified": "1"})
    assert "业务完成" in await one.act(number, "hand-over", {"identified": "1", "signed": "1"})
    assert await there.state() == "done"
    day = (await one.get(f"{DESK}/day")).text
    assert "账实相符" in day
    assert "UK-0001" in day
    assert "不一致" in await one.said(f"{DESK}/day/close", {"day": _day(day), "counted": "29"})
    assert "已日结" in await one.said(f"{DESK}/day/close", {"day": _day(day), "counted": "30"})
    assert "日结过" in await one.said(f"{DESK}/day/close", {"day": _day(day), "counted": "30"})
    figures = (await one.get(f"{DESK}/statistics")).text
    assert "三资" in figures


def _day(page: str) -> str:
    found = re.search(r'name="day" value="([0-9-]{10})"', page)
    return found[1] if found else ""


async def test_a_parcel_goes_off_with_its_number_and_an_unwritten_ukey_does_not(web: Web) -> None:
    her, one = await in_review(web, "her"), await clerk(web, "one")
    await one.act(her.number, "take")
    await one.decide(her.number, "approve")
    await issued(web, her.number)
    assert await her.state() == "awaiting_delivery"
    sent = {"courier": "顺风示例", "tracking": "SF0001"}
    assert "还没有写入" in await one.act(her.number, "ship", sent)
    assert await her.state() == "awaiting_delivery"
    async with web.site.engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO blank_ukeys (serial, model, state, number, received_at, changed_at)"
                " VALUES ('UK-0001', 'm', 'written', :n, now(), now())"
            ),
            {"n": her.number},
        )
    assert "快递单号" in await one.act(her.number, "ship", {"courier": "顺风示例", "tracking": " "})
    assert "已发货" in await one.act(her.number, "ship", sent)
    assert (await row(web, her.number))["tracking"] == "SF0001"


async def test_a_count_names_what_is_missing_and_changes_nothing(web: Web) -> None:
    one = await clerk(web, "one")
    await one.said(f"{DESK}/stock/receive", {"model": "SM2 Key", "serials": "UK-0001 UK-0002"})
    said = await one.said(f"{DESK}/stock/count", {"serials": "UK-0001，UK-0007"})
    assert "缺 1 个，多 1 个" in said
    page = (await one.get(f"{DESK}/stock")).text
    assert "UK-0007" in page
    assert "没有入库" in await one.said(f"{DESK}/stock/receive", {"model": "m", "serials": "UK-0003 UK-0001"})
    assert (await one.get(f"{DESK}/stock/UK-0003")).status_code == 404
    assert "写明原因" in await one.said(f"{DESK}/stock/UK-0002/lose", {"reason": " "})
    assert "已记录" in await one.said(f"{DESK}/stock/UK-0002/lose", {"reason": "盘点没找到"})
    administrator = await web.signed_in("administrator", Role.ADMINISTRATOR)
    assert (await administrator.get(f"{DESK}/stock")).status_code == 403
    assert (await administrator.get(f"{DESK}/statistics")).status_code == 200
