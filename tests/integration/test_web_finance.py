"""Pages of finance: from the statement to the refund, by hand where it has to be, never with the lot."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from bidding.terms import Fen
from office.accounts import Role
from tests.moneykit import DEADLINE, NOON, Money
from tests.tradingkit import a_clock, make_listing
from tests.webkit import Visitor, Web, web_on
from trading.deposits import prices
from trading.deposits.states import DepositState
from trading.lifecycle.states import LotState

KEY = SecretStr("of the bank of the tests, long enough")
HEADINGS = "交易流水号,交易时间,贷方发生额,借方发生额,对方户名,对方账号,对方开户行,子账号,摘要"


class Clock:
    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey, demo=True, bank_keys={"shifan": (KEY,)}, clock=Clock()) as web:
        yield web


@pytest.fixture
async def money(web: Web) -> Money:
    return Money.on(web.site.engine)


@pytest.fixture
async def finance(web: Web) -> Visitor:
    return await web.signed_in("finance-1", Role.FINANCE, "钱会计")


def statement(*lines: str) -> dict[str, Any]:
    content = "\n".join((HEADINGS, *lines)) + "\n"
    return {"files": {"file": ("march.csv", content.encode("gb18030"), "text/csv")}}


def line(serial: str, number: str, amount: str = "5000.00", payer: str = "张三") -> str:
    return f"{serial},2026-03-04 11:00:00,{amount},,{payer},6222000011112222,某银行,{number},保证金"


async def upload(visitor: Visitor, *lines: str) -> str:
    answer = await visitor.post("/finance/statements", {"bank": "shifan"}, **statement(*lines))
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def version(page: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found, page[:3000]
    return found.group(1)


async def only_transaction(visitor: Visitor, words: str = "", standing: str = "") -> str:
    """The address of the one transaction that a search finds."""
    page = await visitor.get(f"/finance/transactions?q={words}&standing={standing}")
    found: set[str] = set(re.findall(r"/finance/transactions/\d+", page.text))
    assert len(found) == 1, page.text
    return found.pop()


async def test_a_statement_is_looked_at_imported_once_and_matched(
    web: Web, money: Money, finance: Visitor
) -> None:
    number = await money.open()
    here = await upload(finance, line("A1", number), line("A2", ""))
    preview = await finance.get(here)
    assert "确认导入" in preview.text
    assert "10,000.00" in preview.text
    assert await money.state(number) is DepositState.DUE
    done = await finance.post_and_follow(f"{here}/import")
    assert "已导入：新增 2 笔，已有 0 笔。" in done.text
    again = await finance.post_and_follow(f"{here}/import")
    assert "新增 2 笔" in again.text
    await money.settle()
    assert await money.state(number) is DepositState.PAID
    overlapping = await upload(finance, line("A2", ""), line("A3", number, "1.00"))
    done = await finance.post_and_follow(f"{overlapping}/import")
    assert "已导入：新增 1 笔，已有 1 笔。" in done.text
    overview = await finance.get("/finance")
    assert "无法识别的来款" in overview.text


async def test_a_file_with_faults_names_the_lines_and_can_not_be_imported(finance: Visitor) -> None:
    here = await upload(finance, line("A1", ""), line("A2", "", "5.001"))
    page = await finance.get(here)
    assert "5.001" in page.text
    assert "不是金额" in page.text
    assert "确认导入" not in page.text
    refused = await finance.post_and_follow(f"{here}/import")
    assert "没有导入" in refused.text


async def test_a_serial_number_with_another_amount_stops_the_import(finance: Visitor) -> None:
    await finance.post(f"{await upload(finance, line('A1', ''))}/import")
    here = await upload(finance, line("A1", "", "6.00"))
    assert "不一致" in (await finance.get(here)).text
    refused = await finance.post_and_follow(f"{here}/import")
    assert "请与银行核对" in refused.text


async def test_an_upload_says_what_is_missing(finance: Visitor) -> None:
    answer = await finance.post("/finance/statements", {"bank": "nobody"})
    assert answer.status_code == 422
    assert "请选择银行。" in answer.text
    assert "请选择银行导出的文件。" in answer.text


async def test_unmatched_money_is_assigned_by_two_people(web: Web, money: Money, finance: Visitor) -> None:
    number = await money.open()
    await finance.post(f"{await upload(finance, line('A1', ''))}/import")
    await money.settle()
    here = await only_transaction(finance, standing="unmatched")
    page = await finance.get(here)
    form = {"version": version(page.text), "account": number, "reason": "回单上的附言写错一位"}
    wrong = await finance.post(f"{here}/assign", {**form, "account": "123"})
    assert wrong.status_code == 409
    assert "没有这个子账号" in wrong.text
    assert "回单上的附言写错一位" in wrong.text
    done = await finance.post_and_follow(f"{here}/assign", form)
    assert "请另一位财务人员复核" in done.text
    mine = await finance.get("/finance/proposals")
    proposal = re.search(r'action="(/finance/proposals/\d+)"', mine.text)
    assert proposal
    assert "同意</button>" not in mine.text.replace("不同意</button>", "")
    own = await finance.post_and_follow(proposal.group(1), {"decision": "agree"})
    assert "要由另一位财务人员复核" in own.text
    other = await web.signed_in("finance-2", Role.FINANCE, "孙会计")
    agreed = await other.post_and_follow(proposal.group(1), {"decision": "agree"})
    assert "已同意，并已生效。" in agreed.text
    twice = await other.post_and_follow(proposal.group(1), {"decision": "agree"})
    assert "刚刚有了变化" in twice.text
    await money.settle()
    assert await money.state(number) is DepositState.PAID


async def test_a_stale_form_and_a_double_click_return_nothing_twice(money: Money, finance: Visitor) -> None:
    await finance.post(f"{await upload(finance, line('A1', ''))}/import")
    await money.settle()
    here = await only_transaction(finance)
    form = {"version": version((await finance.get(here)).text), "reason": "无法认领"}
    empty = await finance.post(f"{here}/return", {**form, "reason": " "})
    assert empty.status_code == 409
    assert "请写明原因" in empty.text
    assert (await finance.post(f"{here}/return", form)).status_code == 303
    again = await finance.post(f"{here}/return", form)
    assert again.status_code == 409
    _, count = await money.refunds.page(None, 1)
    assert count == 1
    assert (await finance.post("/finance/transactions/999/return", form)).status_code == 404


async def test_refunds_go_to_the_bank_as_a_file_and_come_back_confirmed(
    money: Money, finance: Visitor
) -> None:
    number = await money.open()
    await finance.post(f"{await upload(finance, line('A1', number, payer='=cmd|x'))}/import")
    await money.settle()
    await money.deposits.release([money.registration(number)], now=NOON)
    await money.settle()
    made = await finance.post("/finance/batches", {"bank": "shifan"})
    batch = made.headers["location"]
    nothing = await finance.post_and_follow("/finance/batches", {"bank": "shifan"})
    assert "没有可以办理的退款" in nothing.text
    file = (await finance.get(f"{batch}/file.csv")).content.decode("utf-8-sig")
    assert "5000.00" in file
    assert "'=cmd|x" in file
    assert (await finance.get(f"{batch}/file.xlsx")).content.startswith(b"PK")
    answer = await finance.get(f"{batch}/file.answer")
    wrong = answer.content.replace(b"5000.00", b"5000.01")
    refused = await finance.post(f"{batch}/confirm", files={"file": ("a.csv", wrong, "text/csv")})
    assert refused.status_code == 422
    assert "金额不一致" in refused.text
    failed = answer.content.decode("utf-8-sig").replace("成功,", "失败,账户已销户")
    await finance.post(f"{batch}/confirm", files={"file": ("a.csv", failed.encode(), "text/csv")})
    refund = (await money.refunds.of_account(number))[0]
    page = await finance.get(f"/finance/refunds/{refund.id}")
    assert "账户已销户" in page.text
    form = {"version": version(page.text)}
    assert (
        "已重新列入待退款"
        in (await finance.post_and_follow(f"/finance/refunds/{refund.id}/again", form)).text
    )
    batch = (await finance.post("/finance/batches", {"bank": "shifan"})).headers["location"]
    answer = await finance.get(f"{batch}/file.answer")
    for said in ("成功 1 笔", "已登记过 1 笔"):
        await finance.post(f"{batch}/confirm", files={"file": ("a.csv", answer.content, "text/csv")})
        assert said in (await finance.get(batch)).text
    await money.settle()
    assert await money.state(number) is DepositState.REFUNDED


async def test_a_refund_to_another_account_takes_two_people(web: Web, money: Money, finance: Visitor) -> None:
    number = await money.open()
    bare = money.row(number, 500_000)
    await money.take([replace(bare, payer_account="")])
    await money.settle()
    await money.deposits.release([money.registration(number)], now=NOON)
    await money.settle()
    refund = (await money.refunds.of_account(number))[0]
    here = f"/finance/refunds/{refund.id}"
    assert "缺收款账号" in (await finance.get("/finance/refunds")).text
    form = {
        "version": str(refund.version),
        "name": "张三",
        "account": "6222999",
        "bank": "某银行",
        "reason": "本人书面申请",
    }
    assert "请另一位财务人员复核" in (await finance.post_and_follow(f"{here}/payee", form)).text
    other = await web.signed_in("finance-2", Role.FINANCE)
    found = re.search(r'action="(/finance/proposals/\d+)"', (await other.get("/finance/proposals")).text)
    assert found
    await other.post(found.group(1), {"decision": "agree"})
    changed = await money.refunds.get(refund.id)
    assert changed is not None
    assert changed.payee_account == "6222999"


async def test_the_mark_of_complete_statements_is_said_on_purpose(money: Money, finance: Visitor) -> None:
    local = f"{NOON + timedelta(hours=8):%Y-%m-%dT%H:%M}"
    unsure = await finance.post("/finance/complete", {"until": local})
    assert unsure.status_code == 422
    assert "请先确认" in unsure.text
    done = await finance.post_and_follow("/finance/complete", {"until": local, "sure": "1"})
    assert "已标记" in done.text
    assert await money.deposits.marked_until() == NOON
    early = await finance.post("/finance/complete", {"until": "2026-03-01T00:00", "sure": "1"})
    assert early.status_code == 422
    assert (await finance.post("/finance/complete", {"until": "soon", "sure": "1"})).status_code == 422


async def test_the_journal_is_shown_with_its_sums(money: Money, finance: Visitor) -> None:
    number = await money.open()
    await money.pays(number, 500_000)
    await money.settle()
    page = await finance.get("/finance/journal")
    assert "账目核对无误" in page.text
    accounts = await finance.get("/finance/journal/accounts?ledger=deposit")
    assert "5,000.00" in accounts.text
    postings = await finance.get(f"/finance/journal/postings?ledger=deposit&detail={number}")
    assert "入账至子账号" in postings.text
    deposit = await finance.get(f"/finance/deposits/{number}")
    assert "已缴足" in deposit.text


async def test_the_fee_is_invoiced_when_the_price_is_in(money: Money, finance: Visitor) -> None:
    async with money.engine.begin() as connection:
        account = await prices.open_price_account(
            connection,
            "XX-1",
            price=Fen(1_000_000),
            payer="张三",
            bank="shifan",
            now=NOON,
            title="公务车一辆",
            fee_permille=15,
        )
    await money.pays(account, 1_000_000)
    await money.settle()
    assert await prices.paid(money.engine, "XX-1") == 1_000_000
    assert "还没有发票" in (await finance.get("/finance/invoices")).text
    await money.pays(account, 15_000)
    await money.settle()
    listed = await finance.get("/finance/invoices")
    found = re.search(r'href="(/finance/invoices/FW[0-9]+)"', listed.text)
    assert found
    assert "150.00" in listed.text
    assert (await finance.get(f"{found.group(1)}.pdf")).content.startswith(b"%PDF")
    assert found.group(1) in (await finance.get("/finance/prices/XX-1")).text
    assert "XX-1" in (await finance.get("/finance/prices")).text
    assert "列入划转" in (await finance.get("/finance/prices/XX-1")).text
    payout = (await finance.post("/finance/prices/XX-1/pay-out")).headers["location"]
    assert "划转价款" in (await finance.get(payout)).text
    again = await finance.post_and_follow("/finance/prices/XX-1/pay-out")
    assert "已经列入划转" in again.text
    assert await money.refunds.due_by_bank() == {}
    assert (await finance.post("/finance/prices/XX-9/pay-out")).status_code == 404
    assert (await finance.get("/finance/invoices/FW0.pdf")).status_code == 404


async def test_the_demonstrations_bank_pays_through_the_real_webhook(
    web: Web, money: Money, finance: Visitor
) -> None:
    number = await money.open(payer="李明")
    bidder = await web.signed_in("bidder-1", Role.BIDDER, "李明")
    page = await bidder.get(f"/demo/bank?account={number}&amount=5000.00")
    token = re.search(r'name="form" value="([0-9a-f]+)"', page.text)
    assert token
    form = {"form": token.group(1), "account": number, "amount": "5000", "name": "李明", "remark": ""}
    wrong = await bidder.post("/demo/bank", {**form, "account": number[:-1], "amount": "x"})
    assert wrong.status_code == 422
    for _ in range(2):
        assert "银行已通知平台" in (await bidder.post_and_follow("/demo/bank", form)).text
    await money.settle()
    assert await money.state(number) is DepositState.PAID
    found = await finance.get("/demo/bank/statement.csv?bank=shifan")
    content = {"files": {"file": ("b.csv", found.content, "text/csv")}}
    here = (await finance.post("/finance/statements", {"bank": "shifan"}, **content)).headers["location"]
    assert "全部是已有的记录" in (await finance.get(here)).text


async def test_there_is_no_bank_to_play_with_outside_a_demonstration(database: str, valkey: str) -> None:
    async with web_on(database, valkey) as plain:
        bidder = await plain.signed_in("bidder-1", Role.BIDDER)
        assert (await bidder.get("/demo/bank")).status_code == 404
        assert (await bidder.post("/demo/bank", {"account": "1"})).status_code == 404


async def test_a_thousand_transactions_are_paged_and_searched(money: Money, finance: Visitor) -> None:
    rows = [money.row("", 100 + place, payer=f"甲{place:04d}") for place in range(1000)]
    await money.take(rows)
    page = await finance.get("/finance/transactions")
    assert "共 1000 笔" in page.text
    assert "第 1 页，共 20 页" in page.text
    assert "第 20 页，共 20 页" in (await finance.get("/finance/transactions?page=999")).text
    await only_transaction(finance, "甲0500")
    assert "没有找到流水" in (await finance.get("/finance/transactions?q=%25")).text
    for odd in ("page=-1", "page=x", "standing=x", "since=x&until=2026-13-01", "q=%00", "bank=x"):
        assert (await finance.get(f"/finance/transactions?{odd}")).status_code == 200
    for path in ("transactions", "deposits", "refunds", "proposals", "batches", "statements", "invoices"):
        assert (await finance.get(f"/finance/{path}?page=99")).status_code == 200


async def test_finance_never_sees_a_lot_before_its_close(web: Web, money: Money, finance: Visitor) -> None:
    number = await money.open(payer="李明")
    await money.pays(number, 500_000, payer="李明")
    await money.settle()
    for path in ("", "/transactions", "/deposits", f"/deposits/{number}", "/journal/postings"):
        page = await finance.get(f"/finance{path}")
        assert page.status_code == 200
        assert "LOT-1" not in page.text
        assert money.registration(number) not in page.text
    assert DEADLINE.strftime("%Y-%m-%d") not in (await finance.get(f"/finance/deposits/{number}")).text


async def test_finance_finds_what_waits_among_its_tasks(web: Web, money: Money, finance: Visitor) -> None:
    assert "处理无法识别的来款" not in (await finance.get("/my/tasks")).text
    number = await money.open(payer="李明")
    await money.pays(number, 500_000, payer="李明")
    await money.pays("", 100)
    await money.settle()
    await money.deposits.release([money.registration(number)], now=NOON)
    await money.settle()
    tasks = (await finance.get("/my/tasks")).text
    assert "处理无法识别的来款：1 笔" in tasks
    assert "办理退款：1 笔" in tasks
    assert "/finance/refunds?state=due" in tasks


async def test_a_bidder_sees_the_own_deposits_and_nobody_elses(web: Web, finance: Visitor) -> None:
    money = Money(web.site.engine, sealed=web.site.sealed)
    listing = await make_listing(web.site.engine, LotState.ANNOUNCED, clock=a_clock())
    bidder = await web.signed_in("bidder-1", Role.BIDDER, "李明")
    other = await web.signed_in("bidder-2", Role.BIDDER, "王芳")
    assert "还没有要交的保证金" in (await bidder.get("/my/deposits")).text
    account = await web.site.accounts.by_login("bidder-1")
    assert account is not None
    registration = await web.site.sealed.register(account.id, listing.lot)
    number = await money.deposits.open_sub_account(
        registration, "shifan", listing.deposit, "李明", None, now=NOON
    )
    page = await bidder.get("/my/deposits")
    assert listing.title in page.text
    assert f"/demo/bank?account={number}" in page.text
    await money.pays(number, listing.deposit, payer="别人")
    await money.settle()
    assert "付款户名不符" in (await bidder.get("/my/deposits")).text
    await money.pays(number, listing.deposit, payer="李明")
    await money.settle()
    assert "保证金已到账，不用再缴。" in (await bidder.get("/my/deposits?page=9")).text
    assert "还没有要交的保证金" in (await other.get("/my/deposits")).text
    assert listing.lot not in (await finance.get(f"/finance/deposits/{number}")).text
