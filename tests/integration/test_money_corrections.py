"""An invoice that is wrong is taken back by a corrective one, and another stands in its place."""

import asyncio
import io
import re
from collections.abc import AsyncIterator

import pypdfium2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bidding.terms import Fen
from office.accounts import Role
from office.banking import journal
from office.banking.journal import Ledger
from tests.awardkit import a_house
from tests.moneykit import NOON, Money
from tests.webkit import Visitor, Web, web_on
from trading.deposits import fees, prices
from trading.deposits.checking import check
from trading.deposits.corrections import (
    LONGEST_NAME,
    Correction,
    NotCorrected,
    Obstacle,
    correct,
)
from trading.deposits.fees import MOST_CORRECTIONS, Invoice, InvoiceKind

FEE = 15_000


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey, demo=True, clock=lambda: NOON) as web:
        yield web


@pytest.fixture
async def money(web: Web) -> Money:
    return Money.on(web.site.engine)


@pytest.fixture
async def finance(web: Web) -> Visitor:
    return await web.signed_in("finance-1", Role.FINANCE, "钱会计")


async def invoiced(money: Money, lot: str = "XX-1") -> Invoice:
    """The invoice of a lot whose price and fee are in."""
    async with money.engine.begin() as connection:
        account = await prices.open_price_account(
            connection,
            lot,
            price=Fen(1_000_000),
            payer="张三",
            bank="shifan",
            now=NOON,
            title="公务车一辆",
            fee_permille=15,
        )
    await money.pays(account, 1_000_000 + FEE)
    await money.settle()
    (first,) = await fees.invoices_of_lot(money.engine, lot)
    return first


def better(
    payer: str = "张三商贸有限公司", title: str = "公务车一辆", reason: str = "抬头写错"
) -> Correction:
    return Correction(payer_name=payer, title=title, reason=reason)


async def person(money: Money) -> int:
    async with money.engine.connect() as connection:
        return int(await connection.scalar(text("SELECT max(id) FROM accounts")) or 0)


async def words_of(content: bytes) -> str:
    document = pypdfium2.PdfDocument(io.BytesIO(content))
    return "".join(page.get_textpage().get_text_bounded() for page in document)


async def test_a_corrected_invoice_stays_as_it_is_and_the_journal_tells_of_both(
    money: Money, finance: Visitor
) -> None:
    first = await invoiced(money)
    unchanged = fees.render(first, seller="平台")
    made = await correct(money.engine, first.number, better(), by=await person(money), now=NOON)
    old, red, new = await fees.invoices_of_lot(money.engine, "XX-1")
    assert (old.payer_name, old.amount, old.valid) == ("张三", FEE, False)
    assert fees.render(old, seller="平台") == unchanged
    assert (red.kind, red.amount, red.corrects) == (InvoiceKind.CORRECTIVE, -FEE, first.number)
    assert (red.payer_name, red.title) == (old.payer_name, old.title)
    assert new == made
    assert (new.payer_name, new.amount, new.replaces, new.valid) == (
        "张三商贸有限公司",
        FEE,
        first.number,
        True,
    )
    assert (old.corrected_by, old.replaced_by) == (red.number, new.number)
    async with money.engine.connect() as connection:
        assert (await check(connection)).sound
        held = await journal.balance_of(connection, Ledger.FEE, "XX-1")
        texts = text("SELECT text FROM journal_postings WHERE reference = ANY(:r) ORDER BY id")
        given = {"r": [f"invoice {red.number}", f"invoice {new.number}"]}
        assert list((await connection.execute(texts, given)).scalars()) == [
            f"冲红发票 {first.number}",
            f"重开发票 {first.number}",
        ]
        told = text("SELECT count(*) FROM audit_entries WHERE act = 'invoice.correct' AND subject = 'XX-1'")
        assert await connection.scalar(told) == 1
    assert held == -FEE
    paper = await words_of(fees.render(red, seller="平台"))
    for said in ("红字发票", first.number, "-¥ 150.00", "（负数）人民币壹佰伍拾元整", "抬头写错"):
        assert said in paper, said
    paper = await words_of(fees.render(new, seller="平台"))
    assert "红字" not in paper
    assert "张三商贸有限公司" in paper
    assert first.number in paper


async def test_one_invoice_is_corrected_once_however_many_ask(money: Money, finance: Visitor) -> None:
    first, by = await invoiced(money), await person(money)

    async def ask(payer: str) -> Obstacle | None:
        try:
            await correct(money.engine, first.number, better(payer), by=by, now=NOON)
        except NotCorrected as refused:
            return refused.obstacle
        return None

    answers = await asyncio.gather(*(ask(f"公司{place}") for place in range(5)))
    assert sorted(answers, key=str) == [None, *[Obstacle.OVERTAKEN] * 4]
    _, red, new = await fees.invoices_of_lot(money.engine, "XX-1")
    with pytest.raises(NotCorrected) as told:
        await correct(money.engine, red.number, better(), by=by, now=NOON)
    assert told.value.obstacle is Obstacle.OVERTAKEN
    again = await correct(money.engine, new.number, better("又一家公司"), by=by, now=NOON)
    assert again.replaces == new.number
    assert [each.valid for each in await fees.invoices_of_lot(money.engine, "XX-1")] == [False] * 4 + [True]
    async with money.engine.connect() as connection:
        assert (await check(connection)).sound


async def test_what_is_refused_changes_nothing(money: Money, finance: Visitor) -> None:
    first, by = await invoiced(money), await person(money)
    for wanted, obstacle in (
        (better(" "), Obstacle.NO_PAYER),
        (better(reason=" \n"), Obstacle.NO_REASON),
        (better("长" * (LONGEST_NAME + 1)), Obstacle.TOO_LONG),
        (better("张三"), Obstacle.NOTHING_CHANGED),
        (better(" 张三 "), Obstacle.NOTHING_CHANGED),
    ):
        with pytest.raises(NotCorrected) as told:
            await correct(money.engine, first.number, wanted, by=by, now=NOON)
        assert told.value.obstacle is obstacle
    with pytest.raises(LookupError):
        await correct(money.engine, "FW0", better(), by=by, now=NOON)
    assert await fees.invoices_of_lot(money.engine, "XX-1") == [first]


async def test_corrections_come_to_an_end(money: Money, finance: Visitor) -> None:
    standing, by = await invoiced(money), await person(money)
    for place in range(MOST_CORRECTIONS):
        standing = await correct(money.engine, standing.number, better(f"公司{place}"), by=by, now=NOON)
    with pytest.raises(NotCorrected) as told:
        await correct(money.engine, standing.number, better(), by=by, now=NOON)
    assert told.value.obstacle is Obstacle.TOO_OFTEN
    assert len(await fees.invoices_of_lot(money.engine, "XX-1")) == fees.MOST_OF_LOT


async def test_the_database_keeps_invoices_as_they_are(money: Money, finance: Visitor) -> None:
    first = await invoiced(money)
    await invoiced(money, "XX-2")
    await correct(money.engine, first.number, better(), by=await person(money), now=NOON)
    put = (
        "INSERT INTO invoices (number, kind, lot, payer_name, title, price, permille, amount, corrects,"
        " replaces, reason, made_at) SELECT 'X', '{kind}', {lot}, payer_name, title, price, permille,"
        " {amount}, {corrects}, {replaces}, 'x', made_at FROM invoices WHERE number = '" + first.number + "'"
    )
    usual = {
        "kind": "corrective",
        "lot": "lot",
        "amount": "-amount",
        "corrects": "number",
        "replaces": "NULL",
    }
    for changed in (
        {},
        {"amount": "-amount + 1"},
        {"lot": "'XX-2'"},
        {"corrects": "'FW0'"},
        {"corrects": "NULL"},
        {"kind": "issued", "amount": "amount", "corrects": "NULL", "replaces": "number"},
        {"kind": "issued", "amount": "amount", "corrects": "NULL"},
    ):
        async with money.engine.connect() as connection:
            with pytest.raises(IntegrityError):
                await connection.execute(text(put.format(**{**usual, **changed})))
    for change in ("UPDATE invoices SET payer_name = 'x'", "DELETE FROM invoices"):
        async with money.engine.connect() as connection:
            with pytest.raises(IntegrityError, match="only added to"):
                await connection.execute(text(change))


async def test_finance_corrects_an_invoice_on_its_page(web: Web, money: Money, finance: Visitor) -> None:
    first = await invoiced(money)
    here = f"/finance/invoices/{first.number}"
    page = await finance.get(here)
    assert "冲红重开" in page.text
    form = {"payer_name": "张三商贸有限公司", "title": first.title, "reason": "抬头写错", "sure": "1"}
    for changed, said in (
        ({"sure": ""}, "打勾确认"),
        ({"reason": ""}, "请写明为什么"),
        ({"payer_name": ""}, "付款人的全称"),
        ({"payer_name": "张三"}, "不用冲红"),
    ):
        answer = await finance.post(f"{here}/correct", {**form, **changed})
        assert answer.status_code == 422
        assert said in answer.text
        assert 'value="公务车一辆"' in answer.text
    done = await finance.post_and_follow(f"{here}/correct", form)
    assert "张三商贸有限公司" in done.text
    assert f"原发票 {first.number} 已冲红" in done.text
    assert "已经冲红" in (await finance.post_and_follow(f"{here}/correct", form)).text
    listed = (await finance.get("/finance/invoices")).text
    for said in ("红字", "已冲红", "有效", "−150.00", f"代替 {first.number}"):
        assert said in listed, said
    (red,) = set(re.findall(r"/finance/invoices/(HZ[0-9-]+)", listed))
    page = await finance.get(f"/finance/invoices/{red}")
    assert "冲红并重开" not in page.text
    assert (await finance.get(f"/finance/invoices/{red}.pdf")).content.startswith(b"%PDF")
    assert red in (await finance.get("/finance/prices/XX-1")).text
    assert (await finance.get("/finance/invoices/FW0")).status_code == 404
    assert (await finance.post("/finance/invoices/FW0/correct", form)).status_code == 404
    bidder = await web.signed_in("bidder-9", Role.BIDDER, "别人")
    for answer in (await bidder.get(here), await bidder.post(f"{here}/correct", form)):
        assert answer.status_code == 403


async def test_who_bought_sees_the_invoices_and_nobody_else_does(database: str, valkey: str) -> None:
    async with a_house(database, valkey) as house:
        lot = await house.at_payment(rules={"service_fee_permille": 15})
        engine = house.web.site.engine
        async with engine.begin() as connection:
            found = text("UPDATE price_accounts SET state = 'paid' WHERE lot = :lot RETURNING *")
            row = (await connection.execute(found, {"lot": lot})).one()
            lines = journal.moved((Ledger.PRICE, row.number), (Ledger.FEE, lot), row.fee)
            posting = journal.Posting(at=house.clock(), reference="fee", text="x", lines=lines)
            await journal.post(connection, posting)
            await fees.make_invoice(connection, row, house.clock())
        (first,) = await fees.invoices_of_lot(engine, lot)
        await correct(engine, first.number, better(), by=house.administrator_id, now=house.clock())
        here = f"/sales/{lot}/invoices/{first.number}.pdf"
        page = (await house.visitor("one").get(f"/sales/{lot}/payment")).text
        for said in (here, "已冲红", "红字", "有效", "张三商贸有限公司"):
            assert said in page, said
        assert (await house.visitor("one").get(here)).content.startswith(b"%PDF")
        assert (await house.visitors["regulator"].get(here)).status_code == 200
        seller = house.visitor("transferor")
        assert "服务费发票" not in (await seller.get(f"/sales/{lot}/payment")).text
        for visitor in (seller, house.visitors["stranger"], house.visitors["finance"]):
            assert (await visitor.get(here)).status_code in (403, 404)
        other = f"/sales/{lot}/invoices/FW0.pdf"
        assert (await house.visitor("one").get(other)).status_code == 404
