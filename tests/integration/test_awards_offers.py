"""The final price offered to holders of priority rights; prices agreed on without an auction."""

import io
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from PIL import Image

from tests.awardkit import PRICE, STEP, AwardHouse, a_house
from tests.tradingkit import bring
from trading.awards.records import Answer, AwardRecords, Source
from trading.lifecycle.states import LotState
from trading.sale_states import Paper

OFFER = {"priority_mode": "offer", "priority_answer_hours": 48}


@pytest.fixture
async def house(database: str, valkey: str) -> AsyncIterator[AwardHouse]:
    async with a_house(database, valkey) as house:
        yield house


async def asked(house: AwardHouse, ranks: dict[str, int]) -> str:
    lot = await house.sold([("one", PRICE), ("two", PRICE + STEP)], ranks=ranks, rules=OFFER)
    await house.settle()
    return lot


async def answers(house: AwardHouse, lot: str) -> list[Answer]:
    return [one.answer for one in await AwardRecords(house.web.site.engine).offers_of(lot)]


async def test_the_holder_takes_the_final_price_and_is_reviewed(house: AwardHouse) -> None:
    lot = await asked(house, {"three": 1})
    assert await house.state(lot) is LotState.PRIORITY_OFFER
    here, holder = f"/sales/{lot}/offer", house.visitor("three")
    for other in (house.visitor("one"), house.visitors["stranger"]):
        assert (await other.get(here)).status_code == 404
        assert (await other.post(here, {"answer": "take"})).status_code == 404
    assert "10,100" in (await holder.get(here)).text
    stale = await holder.post_and_follow(here, {"answer": "take", "price": "1"})
    assert "页面已过时" in stale.text
    form = {"answer": "take", "price": str(PRICE + STEP)}
    await holder.post(here, form)
    again = await holder.post_and_follow(here, form)
    assert "答复没有被接受" in again.text
    await house.settle()
    award = await AwardRecords(house.web.site.engine).award_of(lot)
    assert award is not None
    assert (award.source, award.account_id) == (Source.PRIORITY, house.parties["three"].account)
    assert award.price == PRICE + STEP
    await house.administrator.post(f"/sales/{lot}/review/accept", {"award": str(award.id)})
    await house.settle()
    found = await house.web.site.sales.of_lot(lot, Paper.CONFIRMATION)
    assert found is not None
    assert (found.transferee, found.price) == ("测试竞买人三", PRICE + STEP)


async def test_holders_are_asked_by_rank_and_silence_passes_on(house: AwardHouse) -> None:
    lot = await asked(house, {"three": 2, "one": 1})
    offers = await AwardRecords(house.web.site.engine).offers_of(lot)
    assert [one.account_id for one in offers] == [house.parties["one"].account]
    assert offers[0].due_at == house.clock() + timedelta(hours=48)
    await house.visitor("one").post(f"/sales/{lot}/offer", {"answer": "decline"})
    assert await answers(house, lot) == [Answer.DECLINED, Answer.ASKED]
    house.clock.advance(hours=49)
    late = await house.visitor("three").post_and_follow(
        f"/sales/{lot}/offer", {"answer": "take", "price": str(PRICE + STEP)}
    )
    assert "期限已过" in late.text
    await house.settle()
    assert await answers(house, lot) == [Answer.DECLINED, Answer.TIMED_OUT]
    assert await house.state(lot) is LotState.REVIEW
    award = await AwardRecords(house.web.site.engine).award_of(lot)
    assert award is not None
    assert (award.source, award.account_id) == (Source.AUCTION, house.parties["two"].account)


async def test_who_won_with_the_first_rank_is_not_asked(house: AwardHouse) -> None:
    lot = await asked(house, {"two": 1, "three": 2})
    assert await house.state(lot) is LotState.REVIEW
    assert await answers(house, lot) == []


# ── without an auction ──────────────────────────────────────────────────────────────────────────────────────


async def negotiating(house: AwardHouse) -> str:
    listing = await house.listed(LotState.EVALUATION)
    await house.register(listing.lot, "one")
    await bring(house.web.site.engine, listing, LotState.NEGOTIATION, house.clock)
    return listing.lot


async def agree(house: AwardHouse, lot: str, **changed: str) -> tuple[int, str]:
    seller = house.visitor("transferor")
    version = await house.scalar("SELECT version FROM listings WHERE lot = :lot", lot=lot)
    form = {
        "price": "1.2万",
        "version": str(version),
        "sure": "1",
        "csrf_token": await seller.token(),
        **changed,
    }
    picture = changed.pop("file", "") or PNG
    files = {"file": ("决定.png", picture.encode("latin-1"))}
    form.pop("file", None)
    answer = await seller.client.post(f"/sales/{lot}/price", data=form, files=files)
    return answer.status_code, answer.text


def _png() -> str:
    out = io.BytesIO()
    Image.new("RGB", (40, 40), "white").save(out, "PNG")
    return out.getvalue().decode("latin-1")


PNG = _png()


async def test_a_negotiated_price_makes_award_and_confirmation(house: AwardHouse) -> None:
    lot = await negotiating(house)
    assert "填写最终成交价" in (await house.visitor("transferor").get(f"/sales/{lot}")).text
    assert (await house.visitors["other-transferor"].get(f"/sales/{lot}/price")).status_code == 404
    status, said = await agree(house, lot)
    assert status == 303, said
    award = await AwardRecords(house.web.site.engine).award_of(lot)
    assert award is not None
    assert (award.source, award.price) == (Source.NEGOTIATION, 1_200_000)
    await house.settle()
    found = await house.web.site.sales.of_lot(lot)
    assert found is not None
    assert (found.transferee, found.price) == ("测试竞买人一", 1_200_000)
    await house.seal(lot, Paper.CONFIRMATION, "one", "transferor")
    assert await house.state(lot) is LotState.CONTRACT


async def test_what_is_wrong_with_a_negotiated_price_is_said_and_nothing_kept(house: AwardHouse) -> None:
    lot = await negotiating(house)
    for changed, says in (
        ({"price": "9999.99"}, "不能低于起始价"),
        ({"price": "很多"}, "请填写金额"),
        ({"sure": ""}, "请核对金额后打勾确认"),
        ({"file": "MZ program"}, "field-file"),
        ({"note": "长" * 1001}, "太长"),
    ):
        status, said = await agree(house, lot, **changed)
        assert status == 422, changed
        assert says in said
    assert (await agree(house, lot, version="1"))[0] == 303
    assert await house.state(lot) is LotState.NEGOTIATION, "a stale form changes nothing"
    await house.visitor("transferor").post(f"/sales/{lot}/give-up", {"reason": "价格谈不拢。"})
    assert await house.state(lot) is LotState.UNSOLD
