"""At the counter over the pages: from the walk-in to the hand-over, the stock, the day's reckoning."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from office.accounts import Role
from tests.deskkit import DESK, PERSON, Clerk, audited, clerk, in_review, issued, row, walked_in
from tests.orderkit import (
    Applicant,
    applicant,
    defaults,
    details_of_organization,
    request_of_organization,
)
from tests.tradingkit import MutableClock
from tests.webkit import Web, web_on


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey, demo=True) as web:
        await defaults(web)
        yield web


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
    assert "110101199003070003" not in page
    assert await audited(web, "look.order_persons") == 0
    compared = (await one.get(one.order(number, "?persons=1"))).text
    assert "110101199003070003" in compared  # beside the papers, to compare
    assert await audited(web, "look.order_persons") == 1
    assert "确认已收到" in await one.act(number, "payment", {"way": "wechat"})
    assert "请选择" in await one.act(number, "payment", {"way": "alipay", "counted": "1"})
    assert "已收款" in await one.act(number, "payment", {"way": "wechat", "counted": "1"})
    assert (await row(web, number))["paid_fen"] == 3_000
    await two.act(number, "take")
    others = await one.get(one.order(number, "?persons=1"))
    assert others.status_code == 200
    assert "110101199003070003" not in others.text  # another clerk has it
    await two.act(number, "put-back")
    page = (await one.get(one.order(number))).text
    items = sorted(set(re.findall(r'name="verdict-(original:[^"]+)"', page)))
    assert "original:applicant_id" in items
    wanting = {f"verdict-{item}": "accepted" for item in items[1:]} | {"decision": "approve"}
    assert "每一项都要" in await one.act(number, "paper", wanting)
    checked = {f"verdict-{item}": "accepted" for item in items} | {"decision": "approve"}
    assert "可以审核" in await one.act(number, "paper", checked)
    looked = await audited(web, "look.order_persons")
    received = await one.get(one.order(number, "?persons=1"))
    assert "110101199003070003" not in received.text  # not before 接办
    assert await audited(web, "look.order_persons") == looked
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
    assert (await one.get(f"{DESK}/day?day=0001-01-01")).status_code == 200  # no day of ours: today
    day = (await one.get(f"{DESK}/day")).text
    assert "账实相符" in day
    assert "UK-0001" in day
    wrong = await one.post(f"{DESK}/day/close", {"day": _day(day), "counted": "30"})
    assert wrong.status_code == 422
    assert "不一致，请写明原因" in wrong.text
    assert 'value="30"' in wrong.text
    wrong = await one.post(f"{DESK}/day/close", {"day": _day(day), "counted": "三十", "note": "多了"})
    assert 'value="三十"' in wrong.text
    assert 'value="多了"' in wrong.text
    assert "已日结" in await one.said(f"{DESK}/day/close", {"day": _day(day), "counted": "0"})
    assert "日结过" in await one.said(f"{DESK}/day/close", {"day": _day(day), "counted": "0"})
    figures = (await one.get(f"{DESK}/statistics")).text
    assert "三资" in figures


def _day(page: str) -> str:
    found = re.search(r'name="day" value="([0-9-]{10})"', page)
    return found[1] if found else ""


async def test_wrong_papers_go_back_before_any_money_is_taken(web: Web) -> None:
    one = await clerk(web, "one")
    there = await walked_in(web, one)
    page = (await one.get(one.order(there.number))).text
    first, *rest = sorted(set(re.findall(r'name="verdict-(original:[^"]+)"', page)))
    marked = {f"verdict-{item}": "accepted" for item in rest} | {f"verdict-{first}": "refused"}
    said = await one.act(
        there.number, "paper", {**marked, f"reason-{first}": "看不清，请换一张", "decision": "return"}
    )
    assert "已驳回" in said
    assert await there.state() == "returned"
    assert "看不清" in (await row(web, there.number))["reason"]


async def test_the_form_speaks_to_the_clerk_who_types_it(web: Web) -> None:
    """No question to robots, the applicant's consent is told of, paper is handed in, money is taken here."""
    one = await clerk(web, "one")
    answer = await one.post(f"{DESK}/walk-in", {"business": "hunan_sanzi:issue:natural_person"})
    there = Applicant(web, one.visitor, answer.headers["location"].split("/")[3], one.token)
    agreements = (await there.get("/agreements")).text
    assert "申请人已当面阅读并同意《" in agreements
    assert "我已阅读并同意" not in agreements
    await there.agree()
    await there.done("/details", PERSON)
    assert "等于几" not in (await there.get("/confirm")).text
    await there.done("/confirm")
    assert await there.state() == "awaiting_material"
    page = (await there.get("/material")).text
    assert "一起交到窗口" in page
    assert "上传" not in page.partition("<main")[2].partition("</main")[0]
    await there.done("/material")
    for path in ("/payment", ""):
        assert f'href="{one.order(there.number)}"' in (await there.get(path)).text
    her = await applicant(web, "her")
    await her.begin()
    await her.fill(request_of_organization(), details_of_organization())
    assert (await her.post("/confirm")).status_code == 422


async def test_an_online_order_is_not_paid_at_the_counter(web: Web) -> None:
    her, one = await applicant(web, "her"), await clerk(web, "one")
    await her.begin()
    await her.to_payment(request_of_organization(), details_of_organization())
    assert await her.state() == "awaiting_payment"
    assert "现场收款" not in (await one.get(one.order(her.number))).text
    assert "请选择收款方式" in await one.act(her.number, "payment", {"way": "alipay", "counted": "1"})
    assert (await row(web, her.number))["paid_fen"] == 0
    assert await her.state() == "awaiting_payment"


async def test_a_parcel_goes_off_with_its_number_and_an_unwritten_ukey_does_not(web: Web) -> None:
    her, one = await in_review(web, "her"), await clerk(web, "one")
    await one.act(her.number, "take")
    await one.decide(her.number, "approve")
    await issued(web, her.number)
    assert await her.state() == "awaiting_delivery"
    page = (await one.get(one.order(her.number))).text
    for word in ("证书商品", "经办人手机实名认证", "已通过", "收件电话", "15112340305", "吉首市人民北路"):
        assert word in page, word
    assert await audited(web, "look.order_address") == 1
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
    assert "已签收" in (await one.get(one.order(her.number))).text
    assert "已有变化" in await one.said(one.order(her.number, "/arrived"), {"version": "0"})
    assert (await her.visitor.post(one.order(her.number, "/arrived"))).status_code == 403
    assert "业务完成" in await one.act(her.number, "arrived")
    assert await her.state() == "done"


async def test_a_walk_in_out_of_hours_is_warned_of_and_stays_in_the_log(database: str, valkey: str) -> None:
    """14:00 to 17:30 for a first issue, 17:00 for the rest; nobody on a Saturday, worked or not."""
    clock = MutableClock(datetime(2026, 11, 20, 9, 15, tzinfo=UTC))  # a Friday, 17:15 in Beijing
    async with web_on(database, valkey, demo=True, clock=clock) as web:
        await defaults(web)
        one = await clerk(web, "one")
        page = (await one.get(f"{DESK}/walk-in")).text
        assert "08:30–12:00、14:00–17:30" in page
        assert "今天已经下班" in page  # for what is not a first issue
        assert 0 < page.count("（现在不在办理时间）") < page.count("<option")
        issue, renew = "hunan_sanzi:issue:natural_person", "hunan_sanzi:renew:natural_person"
        begun = [await _begin(web, one, issue), await _begin(web, one, renew)]
        clock.reach(datetime(2026, 11, 23, 5, 0, tzinfo=UTC))  # Monday 13:00
        begun.append(await _begin(web, one, issue))
        clock.reach(datetime(2026, 11, 24, 0, 0, tzinfo=UTC))  # Tuesday 08:00
        begun.append(await _begin(web, one, issue))
        clock.reach(datetime(2026, 11, 28, 2, 0, tzinfo=UTC))  # a Saturday
        assert "（现在不在办理时间）" not in (await one.get(f"{DESK}/walk-in")).text  # all of it: said above
        begun.append(await _begin(web, one, issue))
        clock.reach(datetime(2027, 10, 1, 2, 0, tzinfo=UTC))  # a Friday whose year nobody has published
        begun.append(await _begin(web, one, issue))
        assert begun == ["", "after", "break", "before", "day_off", ""]
        assert await audited(web, "counter.out_of_hours") == 4


async def _begin(web: Web, one: Clerk, business: str) -> str:
    """Begin a walk-in: why it is out of hours, which the page has said."""
    answer = await one.post(f"{DESK}/walk-in", {"business": business})
    number = answer.headers["location"].split("/")[3]
    page = (await one.visitor.client.get(answer.headers["location"], follow_redirects=True)).text
    async with web.site.engine.connect() as connection:
        found = text("SELECT outside FROM walk_ins WHERE number = :n")
        why = str(await connection.scalar(found, {"n": number}))
    assert ("不在办理时间" in page) == bool(why), (business, why)
    return why


async def test_an_unfinished_walk_in_is_taken_over_when_its_clerk_has_gone_home(
    database: str, valkey: str
) -> None:
    clock = MutableClock(datetime(2026, 11, 20, 2, 0, tzinfo=UTC))
    async with web_on(database, valkey, demo=True, clock=clock) as web:
        await defaults(web)
        one, two = await clerk(web, "one"), await clerk(web, "two")
        answer = await one.post(f"{DESK}/walk-in", {"business": "hunan_sanzi:issue:natural_person"})
        there = Applicant(web, two.visitor, answer.headers["location"].split("/")[3], two.token)
        take = f"{DESK}/walk-in/{there.number}/take-over"
        page = (await two.get(f"{DESK}/walk-in")).text
        assert there.number in page
        assert take not in page
        clock.advance(minutes=29)
        assert "还有人在填写" in await two.said(take)
        assert (await there.visitor.get(f"{there.here}/agreements")).status_code == 404
        clock.advance(minutes=1)
        assert take in (await two.get(f"{DESK}/walk-in")).text
        assert (await two.post(take)).headers["location"] == f"{there.here}/go-on"
        assert (await there.visitor.get(f"{there.here}/agreements")).status_code == 200
        assert (await one.get(f"{there.here}/agreements")).status_code == 404
        assert await audited(web, "counter.take_over") == 1
        assert "还有人在填写" in await one.said(take)
        for state in ("returned", "awaiting_payment"):  # to be corrected, when its clerk is off as well
            async with web.site.engine.begin() as connection:
                await connection.execute(text("UPDATE orders SET state = :state"), {"state": state})
            clock.advance(minutes=31)
            who, path = (one, "/agreements") if state == "returned" else (two, "/payment")
            assert there.number in (await who.get(f"{DESK}/walk-in")).text
            assert (await who.post(take)).headers["location"] == f"{there.here}/go-on"
            assert (await who.get(f"{there.here}{path}")).status_code in (200, 303)
        for nothing in ("x", "2026112099999999"):
            answer = await one.post(f"{DESK}/walk-in/{nothing}/take-over")
            assert answer.status_code in (303, 404)


async def test_what_was_marked_is_kept_when_something_is_forgotten(web: Web) -> None:
    her, one = await in_review(web, "her"), await clerk(web, "one")
    await one.act(her.number, "take")
    first, *rest = await one.items(her.number)
    marked = {f"verdict-{item}": "accepted" for item in rest}
    said = await one.act(her.number, "decide", {**marked, "decision": "approve"})
    assert "已经标记的都保存了" in said
    page = (await one.get(one.order(her.number))).text
    checked = re.findall(r'name="verdict-([^"]+)" value="accepted" checked', page)
    assert sorted(checked) == sorted(rest)
    assert "已通过" in await one.act(
        her.number, "decide", {f"verdict-{first}": "accepted", "decision": "approve"}
    )


async def test_a_closing_is_taken_back_with_its_reason_and_done_again(web: Web) -> None:
    one, two = await clerk(web, "one"), await clerk(web, "two")
    there = await walked_in(web, one)
    await one.act(there.number, "payment", {"way": "wechat", "counted": "1"})
    today = _day((await one.get(f"{DESK}/day")).text)
    assert there.number in (await one.get(f"{DESK}/day")).text  # begun today, not at its end
    again = {"day": today, "reason": "多数了一张"}
    assert "还没有日结" in await one.said(f"{DESK}/day/reopen", again)
    wrong = {"day": today, "counted": "20", "note": "多了"}
    assert "已日结" in await one.said(f"{DESK}/day/close", wrong)
    assert "还没有日结" in await two.said(f"{DESK}/day/reopen", again)
    assert "请写明撤回的原因" in await one.said(f"{DESK}/day/reopen", again | {"reason": " "})
    assert "已撤回" in await one.said(f"{DESK}/day/reopen", again)
    page = (await one.get(f"{DESK}/day")).text
    assert "多数了一张" in page
    assert "还没有日结" in page
    assert "已日结" in await one.said(f"{DESK}/day/close", {"day": today, "counted": "0"})
    async with web.site.engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT counted_fen, reversal FROM counter_closings ORDER BY id")
        )
        assert [tuple(row) for row in rows] == [(2_000, "多数了一张"), (0, "")]
    assert await audited(web, "counter.reopen") == 1


async def test_what_was_said_of_a_ukey_by_mistake_is_taken_back(web: Web) -> None:
    one = await clerk(web, "one")
    await one.said(f"{DESK}/stock/receive", {"model": "SM2 Key", "serials": "UK-0001 UK-0002"})
    here = f"{DESK}/stock/UK-0001"
    assert f"{here}/reverse" not in (await one.get(here)).text
    assert "不能撤销" in await one.said(f"{here}/reverse", {"reason": "看错了"})
    await one.said(f"{here}/defect", {"reason": "插不上"})
    assert f"{here}/reverse" in (await one.get(here)).text
    assert "请写明原因" in await one.said(f"{here}/reverse", {"reason": " "})
    assert "已记录" in await one.said(f"{here}/reverse", {"reason": "换个口就好了"})
    page = (await one.get(here)).text
    assert "库存空白" in page
    assert "换个口就好了" in page
    assert "插不上" in page
    assert "不能撤销" in await one.said(f"{here}/reverse", {"reason": "再撤一次"})
    await one.said(f"{here}/defect", {"reason": "还是不行"})
    await one.said(f"{here}/return", {"reason": "退厂"})
    assert "已记录" in await one.said(f"{here}/reverse", {"reason": "没有寄走"})
    assert "报废" in (await one.get(here)).text


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
