"""Finance's pages of certificate money: problems, refunds, the reconciliation, and who may not."""

import re
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from office.accounts import Role
from tests.orderkit import Applicant, applicant, defaults, details_of_organization, request_of_organization
from tests.webkit import Visitor, Web, web_on


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey, demo=True) as web:
        await defaults(web)
        yield web


async def at_phone(who: Applicant) -> str:
    await who.done("/payment", {"payment_way": "alipay"})
    await who.done("/payment/code")
    found = re.search(r'href="(/demo/pay/ZF\d+)"', (await who.get("/payment/code")).text)
    assert found
    return found[1]


async def day_of_payment(web: Web) -> str:
    async with web.site.engine.connect() as connection:
        found = text("SELECT (paid_at AT TIME ZONE 'Asia/Shanghai')::date FROM demo_payments LIMIT 1")
        return str(await connection.scalar(found))


async def ready(web: Web, login: str) -> Applicant:
    who = await applicant(web, login)
    await who.begin()
    await who.to_payment(request_of_organization(), details_of_organization())
    return who


async def reconciled(finance: Visitor, day: str) -> str:
    answer = await finance.post("/finance/certificates/reconciliation", {"way": "alipay", "day": day})
    assert answer.status_code == 303, answer.text[:500]
    return str(answer.headers["location"])


async def test_a_lost_notification_is_found_and_taken_and_strangers_see_nothing(web: Web) -> None:
    who, finance = await ready(web, "her"), await web.signed_in("fin", Role.FINANCE)
    other, nobody = await applicant(web, "other"), web.visitor()
    phone = await at_phone(who)
    await nobody.post(phone, {"amount": "350.00", "telling": "later"})
    assert await who.state() == "awaiting_payment"
    day = await day_of_payment(web)
    where = await reconciled(finance, day)
    page = await finance.get(where)
    assert "支付机构有，平台没有" in page.text
    taken = await finance.post(f"{where}/take")
    assert taken.status_code == 303
    assert (await who.row())["paid_fen"] in (0, (await who.row())["price_fen"])
    assert "一致" in (await finance.get(await reconciled(finance, day))).text
    file = await finance.get(f"/finance/certificates/daily.csv?way=alipay&day={day}")
    assert file.text.startswith("交易号,")
    assert "支付" in file.text
    other.number = who.number
    for path in ("/payment", "/payment/code", "/invoice.pdf"):
        assert (await other.get(path)).status_code == 404
        assert (await nobody.get(f"{who.here}{path}")).status_code in (303, 401)
    for path in ("/payment", "/payment/code", "/payment/check"):
        assert (await other.post(path)).status_code == 404
    for path in ("", "/refunds", "/reconciliation", "/daily.csv"):
        assert (await other.visitor.get(f"/finance/certificates{path}")).status_code == 403


async def test_short_money_is_shown_to_both_and_goes_back_by_finances_hand(web: Web) -> None:
    who, finance = await ready(web, "her"), await web.signed_in("fin", Role.FINANCE)
    phone = await at_phone(who)
    await web.visitor().post(phone, {"amount": "1.00", "telling": "once"})
    assert await who.state() == "awaiting_payment"
    assert "还差" in (await who.get("/payment")).text
    page = await finance.get("/finance/certificates")
    assert who.number in page.text
    assert "金额不足" in page.text
    form = re.search(
        r'action="(/finance/certificates/receipts/\d+/return)".*?name="version" value="(\d+)"', page.text
    )
    assert form
    refused = await finance.post_and_follow(form[1], {"version": form[2], "reason": " "})
    assert "请写明原因" in refused.text
    done = await finance.post(form[1], {"version": form[2], "reason": "金额不足"})
    assert done.status_code == 303
    late = await finance.post_and_follow(form[1], {"version": form[2], "reason": "再来"})
    assert "刚刚有了变化" in late.text
    listed = await finance.get("/finance/certificates/refunds")
    assert "TF" in listed.text
    assert "待退" in listed.text


async def test_paid_orders_have_an_invoice_and_a_check_finds_what_was_not_told(web: Web) -> None:
    who = await ready(web, "her")
    phone = await at_phone(who)
    await who.done("/payment/check")
    assert "还没有收到这笔付款" in (await who.get("/payment/code")).text
    fen = (await who.row())["price_fen"]
    await web.visitor().post(phone, {"amount": f"{fen // 100}.{fen % 100:02d}", "telling": "later"})
    assert await who.state() == "awaiting_payment"
    assert (await who.post("/payment/check")).status_code == 303
    assert await who.state() == "in_review"
    pdf = await who.get("/invoice.pdf")
    assert pdf.content.startswith(b"%PDF")
    assert "下载发票" in (await who.get()).text
