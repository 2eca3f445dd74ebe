"""Mistakes at the desk are taken back by acts of their own: money, 不予办理, 已交付; the closed drawer."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from certificates.catalogue.scope import PaymentWay
from certificates.desk import drawer
from certificates.desk.day import Days
from certificates.desk.drawer import DrawerClosed, NotInDrawer
from certificates.payments import checking
from certificates.payments.demonstration import DemonstrationPayments
from certificates.payments.rounds import PaymentRound
from office.working_days import day_of
from tests.deskkit import DESK, Clerk, clerk, in_review, issued, row, walked_in
from tests.orderkit import applicant, defaults
from tests.webkit import Web, web_on
from trading.deposits import checking as money_checking


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey, demo=True) as web:
        await defaults(web)
        yield web


PAID = {"way": "wechat", "counted": "1"}
BACK = {"returned": "1", "reason": "收错了订单"}


async def rows(web: Web, question: str, **values: Any) -> list[tuple[Any, ...]]:
    async with web.site.engine.connect() as connection:
        return [tuple(one) for one in await connection.execute(text(question), values)]


async def rounds(web: Web) -> None:
    """What happens to the money by itself."""
    site = web.site
    steward = PaymentRound(site.engine, site.marks, DemonstrationPayments(site.engine, site.clock))
    for _ in range(20):
        if not await steward.round(site.clock()):
            break
    async with site.engine.connect() as connection:
        verdict, money = await checking.check(connection), await money_checking.check(connection)
    assert verdict.sound, verdict
    assert money.sound, money


async def close(web: Web, one: Clerk, counted: str) -> str:
    return await one.said(
        f"{DESK}/day/close", {"day": day_of(web.site.clock()).isoformat(), "counted": counted}
    )


async def test_money_taken_by_mistake_is_given_back_and_the_order_is_paid_anew(web: Web) -> None:
    one, two = await clerk(web, "one"), await clerk(web, "two")
    there = await walked_in(web, one)
    number, act = there.number, "payment/reverse"
    await one.act(number, "payment", PAID)
    assert await there.state() == "awaiting_paper"
    assert "收款有误" not in (await two.get(two.order(number))).text
    assert "您自己今天" in await two.act(number, act, BACK)
    stranger = await applicant(web, "stranger")
    assert (await stranger.visitor.post(one.order(number, f"/{act}"))).status_code == 403
    assert "收款有误" in (await one.get(one.order(number))).text
    assert "请先把款退给" in await one.act(number, act, BACK | {"returned": ""})
    assert "请写明原因" in await one.act(number, act, BACK | {"reason": " "})
    assert "已有变化" in await one.said(one.order(number, f"/{act}"), {**BACK, "version": "1"})
    assert "已撤回" in await one.act(number, act, BACK)
    assert await there.state() == "awaiting_payment"
    found = await row(web, number)
    assert (found["paid_fen"], found["reason"], found["invoice"]) == (0, "收错了订单", "")
    assert await rows(web, "SELECT standing, fen, returned FROM order_receipts") == [("void", 3_000, 3_000)]
    assert await rows(web, "SELECT fen, state FROM order_refunds") == [(3_000, "paid")]
    assert "已作废" in (await there.get("/payment")).text
    assert "您自己今天" in await one.act(number, act, BACK)  # once
    day = (await one.get(f"{DESK}/day")).text
    assert "账实相符" in day
    assert "撤回 1 笔" in day
    await rounds(web)
    assert await there.state() == "awaiting_payment"
    assert "已收款" in await one.act(number, "payment", PAID)
    assert await there.state() == "awaiting_paper"
    await rounds(web)
    assert "已日结" in await close(web, one, "0")
    assert "您今天已经日结" in await one.act(number, act, BACK)
    another = await walked_in(web, one)
    assert "您今天已经日结" in await one.act(another.number, "payment", PAID)
    assert await another.state() == "awaiting_payment"
    again = {"day": day_of(web.site.clock()).isoformat(), "reason": "又来了一位"}
    await one.said(f"{DESK}/day/reopen", again)
    assert "已收款" in await one.act(another.number, "payment", PAID)
    assert "账实相符" in (await one.get(f"{DESK}/day")).text


async def test_cash_alone_is_counted_and_a_closed_drawer_takes_and_gives_nothing(web: Web) -> None:
    one = await clerk(web, "one")
    numbers = [(await walked_in(web, one)).number for _ in range(2)]
    [(me,)] = await rows(web, "SELECT id FROM accounts WHERE login = 'one'")
    now, days = web.site.clock(), Days(web.site.engine)
    today = day_of(now)
    async with web.site.engine.begin() as connection:
        await drawer.put_in(connection, me, numbers[0], PaymentWay.ON_THE_SPOT, 30_000, now=now)
        await drawer.put_in(connection, me, numbers[1], PaymentWay.WECHAT, 3_000, now=now)
    assert await days.close(today, me, 30_000, "", now=now) == 30_000
    till = next(one for one in (await days.reckoning(today)).tills if one.clerk_id == me)
    assert (till.fen, till.cash_fen, till.beside_fen) == (33_000, 30_000, 3_000)
    async with web.site.engine.connect() as connection:
        with pytest.raises(DrawerClosed):
            await drawer.put_in(connection, me, numbers[0], PaymentWay.ON_THE_SPOT, 1, now=now)
        with pytest.raises(DrawerClosed):
            await drawer.give_back(connection, me, numbers[0], "收错了", now=now)
    await days.reopen(today, me, "收错了", now=now)
    async with web.site.engine.begin() as connection:
        await drawer.give_back(connection, me, numbers[0], "收错了", now=now)
        with pytest.raises(NotInDrawer):
            await drawer.give_back(connection, me, numbers[0], "再退一次", now=now)
    assert await days.close(today, me, 0, "", now=now) == 0
    await days.reopen(today, me, "再数一次", now=now)

    async def take() -> int:
        async with web.site.engine.begin() as connection:
            return await drawer.put_in(connection, me, numbers[0], PaymentWay.ON_THE_SPOT, 500, now=now)

    closed, taken = await asyncio.gather(
        days.close(today, me, 0, "同时", now=now), take(), return_exceptions=True
    )
    assert (closed, isinstance(taken, DrawerClosed)) in ((0, True), (500, False))


async def test_a_hand_over_to_nobody_is_taken_back_and_done_again(web: Web) -> None:
    one, two = await clerk(web, "one"), await clerk(web, "two")
    there = await walked_in(web, one)
    number, handed = there.number, {"identified": "1", "signed": "1"}
    await one.act(number, "payment", PAID)
    page = (await one.get(one.order(number))).text
    items = sorted(set(re.findall(r'name="verdict-(original:[^"]+)"', page)))
    await one.act(
        number, "paper", {f"verdict-{item}": "accepted" for item in items} | {"decision": "approve"}
    )
    await one.act(number, "take")
    await one.decide(number, "approve")
    await one.said(f"{DESK}/stock/receive", {"model": "SM2 Key", "serials": "UK-0001"})
    await one.act(number, "ukey", {"serial": "UK-0001"})
    await issued(web, number)
    assert "交付有误" not in (await one.get(one.order(number))).text
    await one.act(number, "hand-over", handed)
    await rounds(web)
    earned = "SELECT earned FROM order_accounts"
    assert await rows(web, earned) == [(True,)]
    mistake = {"here": "1", "reason": "点错了"}
    assert "没有交给任何人" in (await two.get(two.order(number))).text
    assert "请确认 UKey 在手里" in await two.act(number, "hand-over/reverse", mistake | {"here": ""})
    assert "请写明原因" in await two.act(number, "hand-over/reverse", mistake | {"reason": ""})
    assert "已撤回交付" in await two.act(number, "hand-over/reverse", mistake)
    found = await row(web, number)
    assert (found["state"], found["finished_at"]) == ("awaiting_collection", None)
    assert await rows(web, "SELECT state, number FROM blank_ukeys") == [("written", number)]
    assert await rows(web, earned) == [(False,)]
    day = (await one.get(f"{DESK}/day")).text
    assert "账实相符" in day
    assert "这一天没有交付的证书" in day
    await rounds(web)
    assert "已有变化" in await two.act(number, "hand-over/reverse", mistake)
    assert "业务完成" in await one.act(number, "hand-over", handed)
    await rounds(web)
    assert await rows(web, earned) == [(True,)]
    async with web.site.engine.begin() as connection:
        late = "UPDATE order_events SET at = at - interval '7 days' WHERE act = 'hand_over'"
        await connection.execute(text(late))
    assert "交付有误" not in (await one.get(one.order(number))).text
    assert "最近 7 天" in await one.act(number, "hand-over/reverse", mistake)


async def test_a_wrong_rejection_is_taken_back_until_money_goes_back(web: Web) -> None:
    her, one = await in_review(web, "her"), await clerk(web, "one")
    number, why = her.number, {"reason": "看错了材料"}
    await one.act(number, "take")
    await one.decide(number, "reject", words="材料不真实")
    assert await her.state() == "rejected"
    assert "请写明原因" in await one.act(number, "reject/reverse", {"reason": " "})
    assert "已撤回" in await one.act(number, "reject/reverse", why)
    found = await row(web, number)
    assert (found["state"], found["refund_due"], found["finished_at"]) == ("in_review", False, None)
    await rounds(web)
    assert await rows(web, "SELECT fen FROM order_refunds") == []
    await one.act(number, "take")
    await one.decide(number, "return", {(await one.items(number))[0]: "看不清"})
    assert await her.state() == "returned"
    await one.act(number, "reject", {"reason": "不再继续"})
    assert "已撤回" in await one.act(number, "reject/reverse", why)
    assert await her.state() == "returned"  # to be corrected, as before
    await one.act(number, "reject", {"reason": "不再继续"})
    await rounds(web)
    assert await rows(web, "SELECT fen FROM order_refunds") == []  # half an hour to think it over
    invoice = "SELECT state FROM order_invoices"
    assert await rows(web, invoice) == [("made",)]
    assert "已撤回" in await one.act(number, "reject/reverse", why)
    await rounds(web)
    await one.act(number, "reject", {"reason": "不再继续"})
    await rounds(web)
    async with web.site.engine.begin() as connection:
        over = "UPDATE orders SET finished_at = finished_at - interval '30 minutes'"
        await connection.execute(text(over))
    await rounds(web)
    assert await rows(web, "SELECT fen FROM order_refunds") == [(35_000,)]
    assert await rows(web, invoice) == [("void",)]
    assert "不予办理有误" not in (await one.get(one.order(number))).text
    assert "费用已经在退" in await one.act(number, "reject/reverse", why)
    assert await her.state() == "rejected"


async def test_who_comes_instead_of_waiting_for_the_courier_gets_it_at_the_counter(web: Web) -> None:
    her, one = await in_review(web, "her"), await clerk(web, "one")
    await one.act(her.number, "take")
    await one.decide(her.number, "approve")
    await one.said(f"{DESK}/stock/receive", {"model": "SM2 Key", "serials": "UK-0001"})
    await one.act(her.number, "ukey", {"serial": "UK-0001"})
    await issued(web, her.number)
    assert await her.state() == "awaiting_delivery"
    assert (await one.get(one.order(her.number, "/handover.pdf"))).content.startswith(b"%PDF")
    assert "已核对经办人的证件原件" in (await one.get(one.order(her.number))).text
    handed = {"identified": "1", "signed": "1"}
    assert "请写明原因" in await one.act(her.number, "hand-over", handed)
    assert "业务完成" in await one.act(her.number, "hand-over", handed | {"reason": "急用，本人来取"})
    assert await her.state() == "done"
    assert "急用，本人来取" in (await one.get(one.order(her.number))).text
    back = {"here": "1", "reason": "没有带证件"}
    assert "已撤回交付" in await one.act(her.number, "hand-over/reverse", back)
    assert await her.state() == "awaiting_delivery"
