"""The lot is offered to the next bidder, after a refusal and after a default; rights that lapse."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pypdfium2 as pdfium
import pytest
from sqlalchemy import text

from tests.awardkit import PRICE, STEP, AwardHouse, a_house
from tests.integration.test_awards_pages import tasks
from trading.awards.awards import Awards
from trading.awards.payments import Payments
from trading.awards.records import Answer, AwardRecords, AwardState, Source
from trading.awards.sale import Sale, sale_of
from trading.deposits.prices import Instalment
from trading.lifecycle.states import LotState
from trading.sale_states import Paper, SaleState

NEXT = {"offer_to_next_after_refusal": True, "next_answer_hours": 48}
BIDS = [("one", PRICE), ("two", PRICE + STEP), ("three", PRICE + 2 * STEP)]


@pytest.fixture
async def house(database: str, valkey: str) -> AsyncIterator[AwardHouse]:
    async with a_house(database, valkey) as house:
        yield house


async def refuse(house: AwardHouse, lot: str) -> None:
    form = {"award": str(await house.award_id(lot)), "reason": "材料不齐。"}
    assert (await house.administrator.post(f"/sales/{lot}/review/refuse", form)).status_code == 303
    await house.settle()


async def default(house: AwardHouse, lot: str) -> str:
    form = {"award": str(await house.award_id(lot)), "reason": "逾期未办理。", "sure": "1"}
    said = await house.administrator.post_and_follow(f"/sales/{lot}/default", form)
    await house.settle()
    return said.text


async def offers(house: AwardHouse, lot: str) -> list[tuple[int, int, Answer]]:
    found = await AwardRecords(house.web.site.engine).offers_of(lot)
    return [(one.account_id, one.price, one.answer) for one in found]


async def test_who_is_asked_declines_is_silent_and_nobody_is_left(house: AwardHouse) -> None:
    lot = await house.sold(BIDS, rules=NEXT)
    await house.settle()
    await refuse(house, lot)
    assert await house.state(lot) is LotState.NEXT_OFFER
    one, two = house.parties["one"].account, house.parties["two"].account
    assert await offers(house, lot) == [(two, PRICE + STEP, Answer.ASKED)]
    assert await tasks(house, "two") == ["award.next_offer"]
    assert await tasks(house, "one") == []
    page = await house.visitor("two").get(f"/sales/{lot}/offer")
    assert "10,100" in page.text
    assert "按自己的最高报价受让" in page.text
    for other in ("one", "three", "transferor"):
        assert (await house.visitor(other).get(f"/sales/{lot}/offer")).status_code in (403, 404)
    house.clock.advance(minutes=1)  # who is asked at the same moment stands in the order of paddles
    await house.visitor("two").post(f"/sales/{lot}/offer", {"answer": "decline"})
    assert (await offers(house, lot))[1:] == [(one, PRICE, Answer.ASKED)]
    house.clock.advance(hours=49)
    late = await house.visitor("one").post_and_follow(
        f"/sales/{lot}/offer", {"answer": "take", "price": str(PRICE)}
    )
    assert "期限已过" in late.text
    await house.settle()
    assert [answer for *_, answer in await offers(house, lot)] == [Answer.DECLINED, Answer.TIMED_OUT]
    assert await house.state(lot) is LotState.UNSOLD
    said = "SELECT facts ->> 'reason' FROM announcements WHERE lot = :lot AND kind = 'unsold'"
    assert "都没有接受" in await house.scalar(said, lot=lot)
    told = "SELECT count(*) FROM messages WHERE kind = 'award.next_asked'"
    assert await house.scalar(told) == 2


async def test_an_unsold_lot_is_listed_again_in_one_step(house: AwardHouse) -> None:
    lot = await house.sold(BIDS[:1], rules=NEXT)
    await house.settle()
    await refuse(house, lot)
    assert await house.state(lot) is LotState.UNSOLD, "nobody is left to ask"
    relist = f"/my/assets/{lot}/relist"
    seller = house.visitor("transferor")
    assert relist in (await seller.get(f"/sales/{lot}")).text
    assert relist not in (await house.administrator.get(f"/sales/{lot}")).text
    answer = await seller.post(relist, {})
    assert answer.status_code == 303
    assert answer.headers["location"].endswith("/steps/prices")


async def test_after_a_default_the_next_bidder_is_asked_and_starts_afresh(house: AwardHouse) -> None:
    lot = await paying(house)
    await house.visitor("transferor").post(
        f"/sales/{lot}/handover",
        {"version": "0", "happened_on": house.clock().date().isoformat(), "place": "仓库", "items": "钥匙"},
    )
    first = (await house.document(lot, Paper.CONFIRMATION), await house.document(lot, Paper.CONTRACT))
    house.clock.advance(hours=1)
    assert "接着征询下一位报价人" in await default(house, lot)
    assert await house.state(lot) is LotState.NEXT_OFFER
    for number in first:
        voided = await house.web.site.sales.get(number)
        assert voided is not None
        assert (voided.state, voided.reason) == (SaleState.VOID, "逾期未办理。")
    here = f"/sales/{lot}/offer"
    await house.visitor("two").post(here, {"answer": "take", "price": str(PRICE + STEP)})
    await house.settle()
    records = AwardRecords(house.web.site.engine)
    assert "已认定您违约" in (await house.visitor("three").get("/my/trades")).text
    award = await records.award_of(lot)
    assert award is not None
    assert (award.source, award.price, award.round) == (Source.NEXT_BIDDER, PRICE + STEP, 2)
    await house.administrator.post(f"/sales/{lot}/review/accept", {"award": str(award.id)})
    await house.settle()
    await house.seal(lot, Paper.CONFIRMATION, "two", "transferor")
    assert await house.state(lot) is LotState.CONTRACT
    seller, buyer = house.visitor("transferor"), house.visitor("two")
    assert (await buyer.get(f"/sales/{lot}/contract/1.pdf")).status_code == 404, "of the earlier sale"
    assert (await buyer.get(f"/sales/{lot}/payment")).status_code == 404, "the account of the earlier sale"
    assert "10,200.00" not in (await buyer.get(f"/sales/{lot}")).text
    await seller.post(f"/sales/{lot}/contract", {"edit": "0", "do": "save"})
    draft = (await seller.get(f"/sales/{lot}/contract/2.pdf")).content
    assert "已交保证金" not in words_of(draft), "it has gone back after the first award"
    assert "没有保证金冲抵价款" in "".join(words_of(draft).split())
    assert "¥0.00" not in words_of(draft)
    answer = await seller.post(f"/sales/{lot}/contract/send", {"version": "2", "edit": "1"})
    assert answer.status_code == 303, answer.text
    await house.seal(lot, Paper.CONTRACT, "two", "transferor")
    assert await house.state(lot) is LotState.PAYMENT
    accounts = "SELECT string_agg(state || ' ' || price, ', ' ORDER BY made_at) FROM price_accounts"
    assert await house.scalar(accounts) == f"closed {PRICE + 2 * STEP}, open {PRICE + STEP}"
    finance = house.visitors["finance"]
    accounts = "SELECT string_agg(number, ' ' ORDER BY made_at DESC) FROM price_accounts"
    standing, earlier = (await house.scalar(accounts)).split()
    page = (await finance.get(f"/finance/prices/{lot}")).text
    assert standing in page.replace(" ", "")
    assert f"?account={earlier}" in page, "money may still come there, and goes back"
    closed = (await finance.get(f"/finance/prices/{lot}?account={earlier}")).text
    assert "已取消" in closed
    assert f"?account={standing}" in closed
    assert (await finance.get(f"/finance/prices/{lot}?account={'9' * 18}")).status_code == 404
    assert await house.scalar("SELECT count(*) FROM handovers") == 0
    kept = "SELECT facts -> 'handover' ->> 'place' FROM listing_events WHERE lot = :lot AND act = 'default'"
    assert await house.scalar(kept, lot=lot) == "仓库"
    assert (await house.visitor("three").get(f"/sales/{lot}")).status_code == 404, "not a party any more"
    states = [one.state for one in await records.rounds_of(lot)]
    assert states == [AwardState.DEFAULTED, AwardState.AWARDED]


async def paying(house: AwardHouse) -> str:
    """A lot with three bidders whose winner has to pay."""
    lot = await house.awarded(BIDS, rules=NEXT)
    await house.seal(lot, Paper.CONFIRMATION, "three", "transferor")
    seller = house.visitor("transferor")
    await seller.post(f"/sales/{lot}/contract", {"edit": "0", "do": "save"})
    await seller.post(f"/sales/{lot}/contract/send", {"version": "1", "edit": "1"})
    await house.seal(lot, Paper.CONTRACT, "three", "transferor")
    assert await house.state(lot) is LotState.PAYMENT
    return lot


def words_of(pdf: bytes) -> str:
    document = pdfium.PdfDocument(pdf)
    try:
        return "".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


async def test_who_defaults_while_the_price_account_is_opened_leaves_none(house: AwardHouse) -> None:
    lot = await paying(house)
    engine, sealed = house.web.site.engine, house.web.site.sealed
    async with engine.begin() as connection:
        sale = await sale_of(connection, lot)
        for table in ("price_instalments", "price_accounts", "settled_deposits"):
            await connection.execute(text(f"DELETE FROM {table}"))
    assert sale is not None
    rounds, open_it = house.rounds, Payments(engine, sealed).open

    async def late(sale: Sale, plan: Sequence[Instalment], *, now: datetime) -> str:
        await Awards(engine, sealed).default(
            lot, sale.awarded.id, "逾期。", by=house.administrator_id, now=now
        )
        return await open_it(sale, plan, now=now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Payments, "open", lambda _, *given, now: late(*given, now=now))
        await rounds.round(house.clock())
    assert await house.state(lot) is LotState.REVIEW
    assert await house.scalar("SELECT count(*) FROM price_accounts") == 0
    assert await house.scalar("SELECT count(*) FROM settled_deposits WHERE step = 'credit'") == 0


async def test_a_contract_that_the_earlier_buyer_read_is_not_sent_to_the_next(house: AwardHouse) -> None:
    lot = await house.awarded(BIDS[:2], rules=NEXT)
    await house.seal(lot, Paper.CONFIRMATION, "two", "transferor")
    seller, drawn = house.visitor("transferor"), {"version": "1", "edit": "1"}
    await seller.post(f"/sales/{lot}/contract", {"edit": "0", "do": "save"})
    assert (await seller.post(f"/sales/{lot}/contract/show", drawn)).status_code == 303
    house.clock.advance(hours=1)
    await default(house, lot)
    await house.visitor("one").post(f"/sales/{lot}/offer", {"answer": "take", "price": str(PRICE)})
    await house.settle()
    await house.administrator.post(f"/sales/{lot}/review/accept", {"award": str(await house.award_id(lot))})
    await house.settle()
    await house.seal(lot, Paper.CONFIRMATION, "one", "transferor")
    assert await house.state(lot) is LotState.CONTRACT
    await seller.post(f"/sales/{lot}/contract/send", drawn)
    assert await house.web.site.sales.of_lot(lot, Paper.CONTRACT) is None


async def test_the_last_default_has_its_deposit_kept_too(house: AwardHouse) -> None:
    lot = await house.awarded(BIDS[:2], rules=NEXT)
    await default(house, lot)
    await house.visitor("one").post(f"/sales/{lot}/offer", {"answer": "take", "price": str(PRICE)})
    await house.settle()
    await house.administrator.post(f"/sales/{lot}/review/accept", {"award": str(await house.award_id(lot))})
    await house.settle()
    house.clock.advance(hours=1)
    await default(house, lot)
    assert await house.state(lot) is LotState.UNSOLD
    looked = "SELECT at FROM settled_deposits WHERE lot = :lot AND step = 'forfeit'"
    assert await house.scalar(looked, lot=lot) == house.clock()


async def test_a_right_that_lapses_leaves_the_lot_to_the_highest_bidder(house: AwardHouse) -> None:
    rules = {"offer_to_next_after_refusal": False, "priority_mode": "offer", "priority_answer_hours": 48}
    lot = await house.sold(BIDS[:2], ranks={"three": 1}, rules=rules)
    await house.settle()
    await house.visitor("three").post(f"/sales/{lot}/offer", {"answer": "take", "price": str(PRICE + STEP)})
    await house.settle()
    await refuse(house, lot)
    assert await house.state(lot) is LotState.REVIEW
    award = await AwardRecords(house.web.site.engine).award_of(lot)
    assert award is not None
    assert (award.source, award.account_id) == (Source.AUCTION, house.parties["two"].account)
    assert award.price == PRICE + STEP
    await refuse(house, lot)
    assert await house.state(lot) is LotState.UNSOLD, "the rules offer it to nobody else"


async def test_an_offer_gives_the_hours_of_the_profile(house: AwardHouse) -> None:
    lot = await house.sold(BIDS, rules=NEXT)
    await house.settle()
    await refuse(house, lot)
    [offer] = await AwardRecords(house.web.site.engine).offers_of(lot)
    assert offer.due_at == house.clock() + timedelta(hours=48)
    assert (await house.web.site.sales.of_lot(lot)) is None
    trades = (await house.visitor("three").get("/my/trades")).text
    assert "资格审查没有通过" in trades
    assert "恭喜您" not in trades
