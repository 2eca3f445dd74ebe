"""The pages of a sale: review, price, contract, payment, default; the wrong person, state, form and twice."""

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pypdfium2
import pytest
from sqlalchemy import text

from signing.documents import DocumentKind
from signing.findings import Verdict
from signing.verification import verify
from tests import sealingkit
from tests.awardkit import PRICE, STEP, AwardHouse, a_house
from tests.webkit import Visitor
from trading.awards.arrears import GraceRound
from trading.awards.records import AwardRecords, AwardState, Source
from trading.lifecycle.states import LotState
from trading.sale_states import Paper, SaleState
from trading.sales import newest
from trading.working_days import day_of
from web.awards.tasks import SOURCES


@pytest.fixture
async def house(database: str, valkey: str) -> AsyncIterator[AwardHouse]:
    async with a_house(database, valkey) as house:
        yield house


async def tasks(house: AwardHouse, login: str) -> list[str]:
    """The kinds of what waits for somebody."""
    person = await house.web.site.accounts.by_login(login)
    assert person is not None
    found = [await source(house.web.site, person, house.clock()) for source in SOURCES]
    return [task.kind for each in found for task in each]


def pdf(pages: int = 2) -> bytes:
    made = pypdfium2.PdfDocument.new()
    for _ in range(pages):
        made.new_page(595, 842)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


async def test_the_review_shows_the_papers_and_writes_every_look_down(house: AwardHouse) -> None:
    lot = await house.sold([("one", PRICE), ("two", PRICE + STEP)])
    await house.settle()
    assert await tasks(house, "administrator") == ["award.review"]
    page = await house.administrator.get(f"/sales/{lot}/review")
    assert "测试竞买人二" in page.text
    assert "91433100MA4L00TB79" in page.text
    registration = house.registrations[lot]["two"]
    looks = "SELECT count(*) FROM audit_entries WHERE act = 'look.registration' AND subject = :r"
    assert await house.scalar(looks, r=registration) == 1
    paper = await house.administrator.get(f"/sales/{lot}/review/paper?name=form.sealed.pdf&show=1")
    assert (paper.status_code, paper.content) == (200, b"%PDF-1.7 form")
    assert await house.scalar(looks, r=registration) == 3
    other = await house.administrator.get(f"/sales/{lot}/review/paper?name=../application")
    assert other.status_code == 404


async def test_accepted_twice_at_once_is_one_award(house: AwardHouse) -> None:
    lot = await house.sold([("one", PRICE)])
    await house.settle()
    form = {"award": str(await house.award_id(lot))}
    here = f"/sales/{lot}/review/accept"
    await asyncio.gather(*(house.administrator.post(here, form) for _ in range(3)))
    assert await house.state(lot) is LotState.CONFIRMATION
    assert (
        await house.scalar("SELECT count(*) FROM listing_events WHERE lot = :l AND act = 'award'", l=lot) == 1
    )
    award = await AwardRecords(house.web.site.engine).award_of(lot)
    assert award is not None
    assert (award.state, award.source, award.price) == (AwardState.AWARDED, Source.AUCTION, PRICE)
    assert award.number == f"JD2026-{lot}"
    assert len(award.ledger_head) == 64


async def test_a_refusal_goes_to_the_next_bidder_at_the_own_highest_bid(house: AwardHouse) -> None:
    bids = [("one", PRICE), ("two", PRICE + STEP), ("one", PRICE + 3 * STEP), ("three", PRICE + 4 * STEP)]
    lot = await house.sold(bids, rules={"offer_to_next_after_refusal": True})
    expected = [("three", PRICE + 4 * STEP), ("one", PRICE + 3 * STEP), ("two", PRICE + STEP)]
    for login, price in expected:
        await house.settle()
        if login != "three":
            assert await house.state(lot) is LotState.NEXT_OFFER
            answer = {"answer": "take", "price": str(price)}
            assert (await house.visitor(login).post(f"/sales/{lot}/offer", answer)).status_code == 303
            await house.settle()
        award = await AwardRecords(house.web.site.engine).award_of(lot)
        assert award is not None
        assert (award.account_id, award.price) == (house.parties[login].account, price)
        form = {"award": str(award.id), "reason": "材料不齐。"}
        await house.administrator.post(f"/sales/{lot}/review/refuse", form)
        again = await house.administrator.post_and_follow(f"/sales/{lot}/review/refuse", form)
        assert "页面已过时" in again.text or login == "two"
    assert await house.state(lot) is LotState.UNSOLD
    rounds = await AwardRecords(house.web.site.engine).rounds_of(lot)
    assert [each.source for each in rounds] == [Source.AUCTION, Source.NEXT_BIDDER, Source.NEXT_BIDDER]
    assert {each.state for each in rounds} == {AwardState.REFUSED}
    result = await house.scalar("SELECT winner FROM lots WHERE id = :lot", lot=lot)
    assert result == house.paddles[lot]["three"]


async def test_without_the_rule_a_refusal_ends_the_sale_and_needs_a_reason(house: AwardHouse) -> None:
    lot = await house.sold(
        [("one", PRICE), ("two", PRICE + STEP)], rules={"offer_to_next_after_refusal": False}
    )
    await house.settle()
    form = {"award": str(await house.award_id(lot))}
    for reason in ("", "  \n ", "长" * 501):
        answer = await house.administrator.post(f"/sales/{lot}/review/refuse", {**form, "reason": reason})
        assert answer.status_code == 303
        assert await house.state(lot) is LotState.REVIEW
    await house.administrator.post(f"/sales/{lot}/review/refuse", {**form, "reason": "不符合条件。"})
    assert await house.state(lot) is LotState.UNSOLD
    page = await house.visitor("two").get(f"/sales/{lot}")
    assert "不符合条件。" in page.text


async def test_nobody_but_the_parties_and_overseers_sees_a_sale(house: AwardHouse) -> None:
    lot = await house.at_contract()
    await house.visitor("transferor").post(f"/sales/{lot}/contract", {"edit": "0", "do": "save"})
    pages = ("", "/contract", "/contract/1.pdf")
    for path in pages:
        for who in ("stranger", "finance", "other-transferor"):
            answer = await house.visitors[who].get(f"/sales/{lot}{path}")
            assert answer.status_code == 404, (path, who)
        assert (await house.visitor("two").get(f"/sales/{lot}{path}")).status_code == 404, path
        for login in ("administrator", "regulator"):
            seen = path != "/contract/1.pdf"
            answer = await house.visitors[login].get(f"/sales/{lot}{path}")
            assert answer.status_code == (200 if seen else 404), (path, login)
    draft = await house.visitor("one").get(f"/sales/{lot}/contract/1.pdf")
    assert draft.status_code == 404, "a draft that was not shown is the transferor's own"
    for form in ({"edit": "0", "do": "save"}, {"edit": "1", "do": "save"}):
        other = await house.visitors["other-transferor"].post(f"/sales/{lot}/contract", form)
        assert other.status_code == 404


async def test_a_confirmation_comes_after_the_award_and_leads_to_the_contract(house: AwardHouse) -> None:
    lot = await house.sold([("one", PRICE)])
    await house.settle()
    assert await house.web.site.sales.all_of_lot(lot) == []
    await house.administrator.post(f"/sales/{lot}/review/accept", {"award": str(await house.award_id(lot))})
    await house.settle()
    papers = {one.paper: one for one in await house.web.site.sales.all_of_lot(lot)}
    assert set(papers) == {Paper.AWARD, Paper.CONFIRMATION}
    assert papers[Paper.AWARD].state is SaleState.SEALED
    assert papers[Paper.CONFIRMATION].state is SaleState.AWAITING_TRANSFEREE
    await house.seal(lot, Paper.CONFIRMATION, "one", "transferor")
    assert await house.state(lot) is LotState.CONTRACT
    assert await tasks(house, "transferor") == ["contract.draft"]
    page = await house.visitor("one").get(f"/documents/{papers[Paper.AWARD].id}")
    assert "竞得人确定书" in page.text
    assert page.text.count('class="steps__one') == 1


async def test_a_void_confirmation_is_made_again_when_an_administrator_asks(house: AwardHouse) -> None:
    lot = await house.awarded()
    first = await house.document(lot, Paper.CONFIRMATION)
    await house.administrator.post(f"/documents/{first}/end", {"state": "void", "reason": "名称有误。"})
    await house.settle()
    assert await house.document(lot, Paper.CONFIRMATION) == first
    page = await house.administrator.get(f"/sales/{lot}")
    assert "重新制作" in page.text
    for _ in range(2):
        await house.administrator.post(f"/sales/{lot}/again", {"paper": "confirmation"})
    await house.settle()
    found = await house.web.site.sales.of_lot(lot)
    assert found is not None
    assert found.id != first
    assert found.number.endswith("-2")
    assert found.state is SaleState.AWAITING_TRANSFEREE


async def test_a_contract_from_draft_to_both_seals(house: AwardHouse) -> None:
    lot = await house.at_contract()
    here, seller, buyer = f"/sales/{lot}/contract", house.visitor("transferor"), house.visitor("one")
    preview = await seller.post(here, {"edit": "0", "do": "preview", "more": "#panic() {price}"})
    assert preview.headers["content-type"] == "application/pdf"
    wrong = await seller.post(here, {"edit": "0", "do": "save", "pay_days": "0", "court": "月球"})
    assert wrong.status_code == 422
    assert "超出允许的范围" in wrong.text
    assert "请从列出的选项里选择" in wrong.text
    assert "还没有合同草稿" in (await buyer.get(here)).text
    await seller.post(here, {"edit": "0", "do": "save", "pay_days": "12"})
    stale = await seller.post_and_follow(here, {"edit": "0", "do": "save", "pay_days": "13"})
    assert "页面已过时" in stale.text
    await seller.post(f"{here}/show", {"version": "1", "edit": "1"})
    assert await tasks(house, "one") == ["contract.read"]
    assert (await buyer.get(f"{here}/1.pdf")).content.startswith(b"%PDF")
    await buyer.post(f"{here}/comment", {"version": "1", "body": "请把付款期限改为 15 日。"})
    assert await tasks(house, "one") == []
    assert "请把付款期限改为 15 日。" in (await seller.get(here)).text
    await seller.post(here, {"edit": "0", "do": "save", "pay_days": "15"})
    sent = [seller.post(f"{here}/send", {"version": "2", "edit": "1"}) for _ in range(2)]
    await asyncio.gather(*sent)
    assert (
        len([one for one in await house.web.site.sales.all_of_lot(lot) if one.paper is Paper.CONTRACT]) == 1
    )
    late = await seller.post_and_follow(here, {"edit": "0", "do": "save"})
    assert "现在不能这样办" in late.text
    await house.seal(lot, Paper.CONTRACT, "one", "transferor")
    assert await house.state(lot) is LotState.PAYMENT
    due = await house.scalar("SELECT due_on FROM price_accounts WHERE lot = :lot", lot=lot)
    assert due == day_of(house.clock()) + timedelta(days=15)


async def test_a_void_contract_is_drafted_again_and_not_sent_as_it_was(house: AwardHouse) -> None:
    lot = await house.at_contract()
    here, seller = f"/sales/{lot}/contract", house.visitor("transferor")
    await seller.post(here, {"edit": "0", "do": "save"})
    await seller.post(f"{here}/send", {"version": "1", "edit": "1"})
    first = await house.document(lot, Paper.CONTRACT)
    await house.administrator.post(f"/documents/{first}/end", {"state": "void", "reason": "条款有误。"})
    assert "条款有误。" in (await seller.get(here)).text
    await seller.post(f"{here}/send", {"version": "1", "edit": "1"})
    assert await house.document(lot, Paper.CONTRACT) == first
    await seller.post(here, {"edit": "0", "do": "save", "penalty": "3"})
    await seller.post(f"{here}/send", {"version": "2", "edit": "1"})
    found = await house.web.site.sales.of_lot(lot, Paper.CONTRACT)
    assert found is not None
    assert found.number == f"HT2026-{lot}-2"


async def test_an_uploaded_contract_gets_a_page_for_the_seals(house: AwardHouse) -> None:
    lot = await house.at_contract()
    here, seller = f"/sales/{lot}/contract", house.visitor("transferor")

    async def upload(name: str, content: bytes) -> str:
        form = {"edit": "0", "pay_days": "5", "csrf_token": await seller.token()}
        answer = await seller.client.post(f"{here}/upload", data=form, files={"file": (name, content)})
        return answer.text if answer.status_code == 422 else str(answer.status_code)

    for name, content in (("合同.pdf", b"MZ not a pdf"), ("合同.pdf", b""), ("合同.png", pdf())):
        assert "notice--danger" in await upload(name, content), name
    assert await upload("合同.pdf", pdf(3)) == "303"
    version = await seller.get(f"{here}/1.pdf")
    assert len(pypdfium2.PdfDocument(version.content)) == 4
    await seller.post(f"{here}/send", {"version": "1", "edit": "1"})
    await house.seal(lot, Paper.CONTRACT, "one", "transferor")
    assert await house.state(lot) is LotState.PAYMENT


async def test_the_price_in_instalments_its_page_and_the_result(house: AwardHouse) -> None:
    form = {"pay_days": "5", "instalments": "3", "interval_days": "5"}
    more = {"instalments_max": 6, "payment_within_days": 60, "disclose_winner": "masked"}
    lot = await house.at_payment(form=form, rules=more)
    assert await tasks(house, "one") == ["award.payment"]
    page = await house.visitor("one").get(f"/sales/{lot}/payment")
    assert "分期计划" in page.text
    number = await house.scalar("SELECT number FROM price_accounts WHERE lot = :lot", lot=lot)
    assert number in page.text.replace(" ", "")
    house.clock.advance(days=8)
    assert "有价款已经逾期" in (await house.visitor("one").get(f"/sales/{lot}/payment")).text
    await house.settle()
    assert await tasks(house, "administrator") == ["award.overdue"]
    late = "SELECT count(*) FROM messages WHERE kind = 'award.instalment_late'"
    assert await house.scalar(late) == 1
    await house.settle()
    assert await house.scalar(late) == 1, "once for each instalment"
    house.clock.advance(days=5)
    await house.settle()
    assert await house.scalar(late) == 2
    await house.pay(lot)
    assert await house.state(lot) is LotState.PUBLICATION
    facts = await house.scalar(
        "SELECT facts FROM announcements WHERE lot = :lot AND kind = 'result'", lot=lot
    )
    assert facts["final_price"] == PRICE
    assert facts["transferee"] == "测试竞买人一"
    assert facts["paddle"] == house.paddles[lot]["one"]


async def test_one_instalment_is_in_default_and_the_sale_goes_on(house: AwardHouse) -> None:
    form = {"pay_days": "5", "instalments": "3", "interval_days": "5", "penalty": "5"}
    rules = {"instalments_max": 6, "payment_within_days": 60, "instalment_grace_days": 10}
    lot = await house.at_payment(form=form, rules=rules)
    here, clerk = f"/sales/{lot}/payment", house.administrator
    late = {"part": "1", "reason": "催告后仍未付款。"}
    assert "认定某一期" not in (await clerk.get(here)).text
    assert "页面已过时" in (await clerk.post_and_follow(f"{here}/late", late)).text, "its day has not passed"
    house.clock.advance(days=8)
    assert "第 1 期，" in (await clerk.get(here)).text
    for login in ("one", "transferor"):
        assert "认定某一期" not in (await house.visitor(login).get(here)).text
        assert (await house.visitor(login).post(f"{here}/late", late)).status_code == 403
    assert (await clerk.post(f"{here}/late", late | {"reason": " "})).status_code == 422
    for part in ("0", "2", "4", "x"):
        assert "页面已过时" in (await clerk.post_and_follow(f"{here}/late", late | {"part": part})).text
    assert "宽限到" in (await clerk.post_and_follow(f"{here}/late", late)).text
    assert "页面已过时" in (await clerk.post_and_follow(f"{here}/late", late)).text, "once"
    page = (await house.visitor("one").get(here)).text
    assert "宽限中" in page
    assert "催告后仍未付款。" in page
    assert "每日万分之 5" in page
    told = "SELECT count(*) FROM messages WHERE kind = :kind"
    assert await house.scalar(told, kind="award.instalment_default") == 2
    grace = GraceRound(house.web.site.engine)
    assert await grace.round(house.clock()) == 0
    assert await house.state(lot) is LotState.PAYMENT
    house.clock.advance(days=8)
    assert [await grace.round(house.clock()) for _ in range(2)] == [1, 0]
    administrators = await house.scalar("SELECT count(*) FROM accounts WHERE role = 'administrator'")
    assert await house.scalar(told, kind="award.grace_over") == administrators
    assert "认定整个交易违约" in (await clerk.get(here)).text
    await house.pay(lot)
    assert "页面已过时" in (await clerk.post_and_follow(f"{here}/late", late | {"part": "2"})).text


async def test_award_and_contract_are_sealed_in_both_formats_with_one_pin_each(house: AwardHouse) -> None:
    lot = await house.at_contract()
    seller, site = house.visitor("transferor"), house.web.site
    await seller.post(f"/sales/{lot}/contract", {"edit": "0", "do": "save"})
    await seller.post(f"/sales/{lot}/contract/send", {"version": "1", "edit": "1"})
    contract = await house.document(lot, Paper.CONTRACT)
    for login in ("one", "transferor"):
        answer = await sealingkit.seal(house.web, house.parties[login], contract, "pdf ofd")
        assert answer.json().get("ok"), answer.text
    await house.settle()
    assert await house.state(lot) is LotState.PAYMENT
    trust = await site.trust.current()
    for paper, seals in ((Paper.AWARD, 1), (Paper.CONTRACT, 2)):
        versions = await site.sales.versions(await house.document(lot, paper))
        for kind in DocumentKind:
            content = await site.files.read(newest(versions, kind).digest)
            report = verify(content, trust, now=datetime.now(UTC))
            assert (report.verdict, len(report.seals)) == (Verdict.VALID, seals), (paper, kind)
    assert "还没有盖您的章" not in (await house.visitor("one").get(f"/documents/{contract}")).text
    award = await house.document(lot, Paper.AWARD)
    assert f"/documents/{award}" not in (await house.visitor("one").get("/my/tasks")).text


async def test_a_default_is_declared_with_a_reason_and_ends_the_papers(house: AwardHouse) -> None:
    lot = await house.awarded()
    here, form = f"/sales/{lot}/default", {"award": str(await house.award_id(lot))}
    for more in ({"reason": "逾期未盖章。"}, {"sure": "1"}):
        assert (await house.administrator.post(here, {**form, **more})).status_code == 422
    stale = await house.administrator.post_and_follow(here, {"award": "999", "reason": "x", "sure": "1"})
    assert "页面已过时" in stale.text
    await house.administrator.post(here, {**form, "reason": "逾期未盖章。", "sure": "1"})
    assert await house.state(lot) is LotState.UNSOLD
    found = await house.web.site.sales.of_lot(lot)
    assert found is not None
    assert (found.state, found.reason) == (SaleState.REFUSED, "逾期未盖章。")
    await house.settle()
    steps = "SELECT count(*) FROM settled_deposits WHERE lot = :lot AND step = 'all'"
    assert await house.scalar(steps, lot=lot) == 1


async def test_no_default_is_declared_once_the_price_is_in(house: AwardHouse) -> None:
    lot = await house.at_payment()
    async with house.web.site.engine.begin() as connection:
        await connection.execute(
            text("UPDATE price_accounts SET state = 'paid' WHERE lot = :lot"), {"lot": lot}
        )
    form = {"award": str(await house.award_id(lot)), "reason": "逾期未付款。", "sure": "1"}
    answer = await house.administrator.post_and_follow(f"/sales/{lot}/default", form)
    assert "价款已经付清" in answer.text
    assert await house.state(lot) is LotState.PAYMENT


async def test_a_default_shuts_the_price_at_once(house: AwardHouse) -> None:
    lot = await house.at_payment()
    form = {"award": str(await house.award_id(lot)), "reason": "逾期未付款。", "sure": "1"}
    await house.administrator.post(f"/sales/{lot}/default", form)
    assert await house.state(lot) is LotState.UNSOLD
    state = "SELECT state FROM price_accounts WHERE lot = :lot"
    assert await house.scalar(state, lot=lot) == "closed"
    await house.settle()
    assert await house.scalar("SELECT credited FROM price_accounts WHERE lot = :lot", lot=lot) == 0


async def test_what_is_overdue_is_told_once_and_stands_among_the_tasks(house: AwardHouse) -> None:
    lot = await house.awarded()
    house.clock.advance(days=400)
    await house.settle()
    told = "SELECT count(*) FROM messages WHERE kind = 'award.overdue'"
    once = await house.scalar(told)
    assert once == await house.scalar("SELECT count(*) FROM accounts WHERE role = 'administrator'")
    await house.settle()
    assert await house.scalar(told) == once
    assert await tasks(house, "administrator") == ["award.overdue"]
    assert "已超过办理期限" in (await house.administrator.get(f"/sales/{lot}/default")).text


async def test_the_handover_is_written_objected_to_corrected_and_confirmed(house: AwardHouse) -> None:
    lot = await house.at_payment()
    here, seller, buyer = f"/sales/{lot}/handover", house.visitor("transferor"), house.visitor("one")
    today = f"{house.clock():%Y-%m-%d}"
    assert (await buyer.get(here)).status_code == 404
    form = {"version": "0", "happened_on": today, "place": "吉首市", "items": "钥匙 2 把"}
    for wrong in ({"happened_on": "2099-01-01"}, {"items": " "}, {"place": "x" * 201}):
        assert (await seller.post(here, {**form, **wrong})).status_code == 422
    await seller.post(here, form)
    assert "handover.answer" in await tasks(house, "one")
    await buyer.post(f"{here}/answer", {"version": "1", "answer": "object", "objection": "只收到 1 把。"})
    assert await tasks(house, "transferor") == ["handover.write"]
    early = await buyer.post_and_follow(f"{here}/answer", {"version": "1", "answer": "confirm"})
    assert "页面已过时" in early.text
    await seller.post(here, {**form, "version": "2", "items": "钥匙 1 把"})
    await buyer.post(f"{here}/answer", {"version": "3", "answer": "confirm"})
    assert "双方已确认交接" in (await seller.get(here)).text
    closed = await seller.post_and_follow(here, {**form, "version": "4"})
    assert "页面已过时" in closed.text


async def test_acts_in_the_wrong_state_change_nothing(house: AwardHouse) -> None:
    lot = await house.sold([("one", PRICE)])
    await house.settle()
    before = await house.scalar("SELECT version FROM listings WHERE lot = :lot", lot=lot)
    posts: list[tuple[Visitor, str, dict[str, str]]] = [
        (house.visitor("transferor"), "/price", {"price": "20000", "version": "1", "sure": "1"}),
        (house.visitor("transferor"), "/give-up", {"reason": "x"}),
        (house.visitor("transferor"), "/contract", {"edit": "0", "do": "save"}),
        (house.visitor("transferor"), "/contract", {"edit": "0", "do": "preview"}),
        (house.visitor("transferor"), "/contract/show", {"version": "1", "edit": "1"}),
        (house.visitor("transferor"), "/contract/send", {"version": "1", "edit": "1"}),
        (house.visitor("one"), "/contract/comment", {"version": "1", "body": "x"}),
        (
            house.visitor("transferor"),
            "/handover",
            {"version": "0", "happened_on": "2026-03-01", "place": "x", "items": "x"},
        ),
        (house.visitor("one"), "/handover/answer", {"version": "1", "answer": "confirm"}),
        (house.visitor("one"), "/offer", {"answer": "take"}),
        (
            house.administrator,
            "/default",
            {"award": str(await house.award_id(lot)), "reason": "x", "sure": "1"},
        ),
        (house.administrator, "/again", {"paper": "confirmation"}),
        (house.administrator, "/give-up", {"reason": "x"}),
    ]
    for visitor, path, form in posts:
        answer = await visitor.post(f"/sales/{lot}{path}", form)
        assert answer.status_code in (303, 404, 422), (path, answer.status_code, answer.text[:500])
    assert await house.scalar("SELECT version FROM listings WHERE lot = :lot", lot=lot) == before


async def test_everybody_finds_the_own_sales_and_overseers_all_of_them(house: AwardHouse) -> None:
    lot = await house.awarded()
    refused = await house.sold([("two", PRICE)], rules={"offer_to_next_after_refusal": False})
    await house.settle()
    form = {"award": str(await house.award_id(refused)), "reason": "不符合条件。"}
    await house.administrator.post(f"/sales/{refused}/review/refuse", form)
    seen = {
        "administrator": (True, True),
        "regulator": (True, True),
        "transferor": (True, True),
        "one": (True, False),
        "two": (False, True),
        "stranger": (False, False),
        "other-transferor": (False, False),
    }
    for who, (first, second) in seen.items():
        visitor = house.visitors.get(who) or house.visitor(who)
        assert (lot in (await visitor.get("/sales")).text) is first, who
        assert (refused in (await visitor.get("/sales?show=failed&page=1")).text) is second, who
        assert "这里还没有标的" in (await visitor.get("/sales?show=failed&page=99999")).text
    assert (await house.visitors["finance"].get("/sales")).status_code == 403
