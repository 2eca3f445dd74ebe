"""Finance's pages of certificate money: problems, refunds, the reconciliation, and who may not."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from certificates.catalogue.scope import PaymentWay
from certificates.payments.notices import take_paid
from certificates.payments.port import Paid
from office.accounts import Role
from office.banking.statements import BankRow
from office.banking.taking import Source, take
from tests.orderkit import Applicant, applicant, defaults, details_of_organization, request_of_organization
from tests.servicekit import seen
from tests.webkit import Visitor, Web, web_on
from web.csrf import FIELD


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
        found = text("SELECT (max(paid_at) AT TIME ZONE 'Asia/Shanghai')::date FROM demo_payments")
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


async def test_an_uploaded_file_that_differs_says_what_to_do_and_a_broken_one_why(web: Web) -> None:
    """The file of the provider, changed by hand: another sum, nobody's, one twice, one of yesterday."""
    who, finance = await ready(web, "her"), await web.signed_in("fin", Role.FINANCE)
    fen = (await who.row())["price_fen"]
    await web.visitor().post(await at_phone(who), {"amount": f"{fen // 100}", "telling": "once"})
    day = await day_of_payment(web)
    assert "与支付机构对账" not in (await finance.get("/my/tasks")).text  # the day has not ended
    file = (await finance.get(f"/finance/certificates/daily.csv?way=alipay&day={day}")).text.splitlines()
    number, charge, kind, _, at = file[1].split(",")
    lines = [
        *(file[0], f"{number},{charge},{kind},9.99,{at}", f"X1,ZF{'9' * 22},支付,5.00,{at}"),
        *(
            f"X2,{charge},支付,1.00,{at}",
            f"X2,{charge},支付,1.00,{at}",
            f"X3,{charge},支付,1.00,{at[:8]}01{at[10:]}",
        ),
        f"TF1,{charge},退款,1.00,{at}",
    ]
    form = {"way": "alipay", "day": day}
    here = "/finance/certificates/reconciliation"
    content = {"file": ("a.csv", "\n".join(lines).encode("utf-8-sig"), "text/csv")}
    answer = await finance.post(here, form, files=content)
    assert answer.status_code == 303, answer.text[:2000]
    page = (await finance.get(answer.headers["location"])).text
    for word in ("金额不同", "支付机构有，平台没有", "对账文件里出现两次", "与支付机构核对这一笔", "补记"):
        assert word in page
    for broken, line in ((b"\xff\xfe", 0), (b"", -1), (f"{lines[0]}\na,b".encode(), 2), (b"x\0y", 0)):
        sent = {"file": ("a.csv", broken, "text/csv")}
        wrong = await finance.post(here, form, files=sent)
        if line < 0:  # nothing was chosen: the provider is asked
            assert wrong.status_code == 303
        else:
            assert wrong.status_code == 422
            assert f"第 {line} 行不对" in wrong.text
    hostile = (
        f"{number},{charge},{kind},1.00,0001-01-01T00:00:00+23:59",
        f"X\0Y,{charge},{kind},1.00,{at}",
        f"X4,Z\0F,{kind},1.00,{at}",
        f"X 4,{charge},{kind},1.00,{at}",
        f"X4,{charge},{kind},1.00,9999{at[4:]}",
    )
    for bad in hostile:
        content = {"file": ("a.csv", "\n".join([*file, bad]).encode(), "text/csv")}
        wrong = await finance.post(here, form, files=content)
        assert wrong.status_code == 422, bad
        assert f"第 {len(file) + 1} 行不对" in wrong.text
    for day in ("0001-01-01", "9999-12-31"):
        assert "请填写日期" in (await finance.post(here, {**form, "day": day})).text
    nobody = {"way": "cash", "day": "never"}
    assert "请选择支付方式" in (await finance.post(here, nobody)).text


async def test_nobody_makes_an_order_paid_with_a_file_of_their_own(web: Web) -> None:
    """What an uploaded file names is taken when the provider's own file names it: trade, code and sum."""
    her, finance = await ready(web, "her"), await web.signed_in("fin", Role.FINANCE)
    fen = (await her.row())["price_fen"]
    await web.visitor().post(await at_phone(her), {"amount": "1.00", "telling": "later"})
    day, form = await day_of_payment(web), {"way": "alipay"}
    file = (await finance.get(f"/finance/certificates/daily.csv?way=alipay&day={day}")).text.splitlines()
    trade, charge, kind, _, at = file[1].split(",")
    price = f"{fen // 100}.{fen % 100:02d}"
    forged = [file[0], f"FAKE1,{charge},{kind},{price},{at}", f"{trade},{charge},{kind},{price},{at}"]
    content = {"file": ("a.csv", "\n".join(forged).encode(), "text/csv")}
    here = "/finance/certificates/reconciliation"
    answer = await finance.post(here, {**form, "day": day}, files=content)
    where = answer.headers["location"]
    assert "上传的文件本身不能作为入账的依据" in (await finance.get(where)).text
    said = await finance.post_and_follow(f"{where}/take", {})
    assert "已补记 0 笔来款。另有 2 笔" in said.text
    assert (await her.row())["paid_fen"] == 0
    assert await her.state() == "awaiting_payment"
    async with web.site.engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM order_receipts")) == 0


async def test_short_money_is_shown_to_both_and_goes_back_by_finances_hand(web: Web) -> None:
    who, finance = await ready(web, "her"), await web.signed_in("fin", Role.FINANCE)
    phone = await at_phone(who)
    await web.visitor().post(phone, {"amount": "1.00", "telling": "once"})
    assert await who.state() == "awaiting_payment"
    assert "还差" in (await who.get("/payment")).text
    page = await finance.get("/finance/certificates")
    assert who.number in page.text
    assert "金额不足" in page.text
    where = _receipt_on(page.text)
    form = await _form(finance, where, "return")
    refused = await finance.post(f"{where}/return", {"version": form, "return_reason": " "})
    assert refused.status_code == 409
    assert "请写明原因" in refused.text
    done = await finance.post(f"{where}/return", {"version": form, "return_reason": "金额不足"})
    assert done.status_code == 303
    late = await finance.post(f"{where}/return", {"version": form, "return_reason": "再来"})
    assert "刚刚有了变化" in late.text
    listed = await finance.get("/finance/certificates/refunds")
    refund = re.search(r'href="(/finance/certificates/refunds/\d+)">TF', listed.text)
    assert refund
    one = await finance.get(refund[1])
    assert "由支付宝退回原支付账户" in one.text
    assert "列入待退款" in one.text
    for path in (where, refund[1]):
        assert (await who.visitor.get(path)).status_code == 403
    assert (await who.visitor.post(f"{where}/assign", {"order": who.number})).status_code == 403


def _receipt_on(page: str) -> str:
    found = re.search(r'href="(/finance/certificates/receipts/\d+)"', page)
    assert found, page[:2000]
    return found[1]


async def _form(finance: Visitor, where: str, act: str) -> str:
    """The version that the form of an act carries."""
    page = (await finance.get(where)).text
    found = re.search(rf'action="{where}/{act}".*?name="version" value="(\d+)"', page, re.S)
    assert found, page[:3000]
    return found[1]


async def test_money_for_the_wrong_code_is_given_to_its_order_by_two_people(web: Web) -> None:
    who, finance = await ready(web, "her"), await web.signed_in("fin", Role.FINANCE)
    other = await web.signed_in("fin-2", Role.FINANCE)
    fen = (await who.row())["price_fen"]
    async with web.site.engine.begin() as connection:
        paid = Paid(PaymentWay.ALIPAY, "T1", f"ZF{'9' * 22}", fen, web.site.clock())
        await take_paid(connection, web.site.marks, paid, web.site.clock())
    where = _receipt_on((await finance.get("/finance/certificates?standing=unknown")).text)
    version = await _form(finance, where, "assign")
    nowhere = {"version": version, "order": "20260304ABCDEFGH", "reason": "查到了"}
    form = re.search(rf'action="{where}/assign".*?</form>', (await finance.get(where)).text, re.DOTALL)
    assert form is not None
    assert all(f'name="{name}"' in form[0] for name in (FIELD, "version", "order", "reason"))
    assert "没有这个办证订单" in (await finance.post(f"{where}/assign", nowhere)).text
    asked = {"version": version, "order": f" {who.number.lower()} ", "reason": "申请人来电，提供了付款记录"}
    assert (await finance.post(f"{where}/assign", asked)).status_code == 303
    assert "有一项申请等待另一位财务人员复核" in (await finance.get(where)).text
    assert "已有一项申请" in (await finance.post(f"{where}/assign", asked)).text
    proposals = (await other.get("/finance/proposals")).text
    assert who.number in proposals
    decide = re.search(r'action="(/finance/proposals/\d+)"', proposals)
    assert decide
    own = await finance.post_and_follow(decide[1], {"decision": "agree"})
    assert "要由另一位财务人员复核" in own.text
    assert await who.state() == "awaiting_payment"
    done = await other.post_and_follow(decide[1], {"decision": "agree"})
    assert "已同意" in done.text
    assert await who.state() == "in_review"
    assert "经两位财务人员认领" in (await finance.get(where)).text
    assert (await who.visitor.post(decide[1], {"decision": "agree"})).status_code == 403


async def test_a_transfer_without_a_number_is_given_to_its_order_and_one_by_the_demo_bank_finds_it(
    web: Web,
) -> None:
    """The online bank of the demonstration, with the order's remark; then without it, and by two people."""
    who, finance = await ready(web, "her"), await web.signed_in("fin", Role.FINANCE)
    other = await web.signed_in("fin-2", Role.FINANCE)
    assert (await web.visitor().get("/demo/bank")).status_code == 200
    stray = bank_row("办证费")
    async with web.site.engine.begin() as connection:
        await take(connection, "shifan", [stray], source=Source.STATEMENT, now=web.site.clock())
        found = text("UPDATE moneys SET standing = 'unmatched' RETURNING transaction_id")
        where = f"/finance/transactions/{await connection.scalar(found)}"
    version = await _form(finance, where, "order")
    asked = {"version": version, "order": who.number, "order_reason": "户名和金额都对"}
    assert (await finance.post(f"{where}/order", asked)).status_code == 303
    decide = re.search(r'action="(/finance/proposals/\d+)"', (await other.get("/finance/proposals")).text)
    assert decide
    assert "已同意" in (await other.post_and_follow(decide[1], {"decision": "agree"})).text
    page = (await who.get("/payment")).text
    assert "这项业务不收这种付款" in page  # hunan-shared is paid by code: two people do not change that
    listed = (await finance.get("/finance/certificates?standing=wrong_way")).text
    assert who.number in listed
    one = await finance.get(_receipt_on(listed))  # the payer's account is not taken for who is signed in
    assert "6222000012345678" in one.text
    assert "退出" in one.text


def bank_row(remark: str) -> BankRow:
    return BankRow(
        line=1,
        serial="S1",
        amount=35_000,
        value_time=datetime(2026, 3, 4, 4, 0, tzinfo=UTC),
        payer_name="测试有限公司",
        payer_account="6222000012345678",
        payer_bank="某银行",
        sub_account="",
        remark=remark,
    )


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
    await who.done("/cancel", {"sure": "1"})
    assert await who.state() == "cancelled"
    page, rows = (await who.get()).text, (await who.visitor.get("/my/certificates")).text
    assert "下载发票" not in page
    assert f"{(await who.row())['invoice']} · 已作废" in page
    assert f"{(await who.row())['invoice']} · 已作废" in seen(rows)
    assert "invoice.pdf" not in rows


async def test_the_list_of_orders_says_what_there_is_and_each_thing_once(web: Web) -> None:
    who = await applicant(web, "her")
    await who.begin()
    assert "—" not in seen((await who.visitor.get("/my/certificates")).text)
    await _set(web, who, state="done", courier="顺丰速运", tracking="SF1234567890123")
    rows = seen((await who.visitor.get("/my/certificates")).text)
    assert "邮寄 顺丰速运 SF1234567890123" in rows
    await _set(web, who, state="cancelled")
    assert "已结束 新办" in seen((await who.visitor.get("/my/certificates")).text)
    await _set(web, who, state="in_review", paid_fen=100)
    rows, page = seen((await who.visitor.get("/my/certificates")).text), seen((await who.get()).text)
    assert "订单状态 待审核" in rows
    assert "现在 待审核" in page


async def _set(web: Web, who: Applicant, **columns: Any) -> None:
    given = ", ".join(f"{name} = :{name}" for name in columns)
    async with web.site.engine.begin() as connection:
        await connection.execute(
            text(f"UPDATE orders SET {given} WHERE number = :number"), {**columns, "number": who.number}
        )
