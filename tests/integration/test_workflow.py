"""Stories through the whole workflow, by the stores and the steward's rounds: days in milliseconds.

The same stories are told through the pages in tests/browser; what a page does is not repeated here.
"""

import pytest

from bidding.terms import PriorityMode
from tests.storykit import DEPOSIT, PRICE, STEP, Story, a_story
from trading.lifecycle.states import Act, LotState, SaleMethod
from trading.sale_states import Paper

SOLD_AND_KEPT = (LotState.ARCHIVED, LotState.COMPLETED)

how_far = pytest.mark.parametrize(
    "to_the_archive", [False, pytest.param(True, marks=pytest.mark.long)], ids=["award", "archive"]
)
"""From the award on these stories go on alike: others tell it in the normal run."""


async def test_three_registrants_bid_and_the_loser_gets_the_deposit_back(database: str, valkey: str) -> None:
    async with a_story(database, valkey) as story:
        lot = await story.announced()
        for login in ("one", "two", "three"):
            await story.registers(login, lot)
        bids = [("one", PRICE), ("two", PRICE + STEP), ("one", PRICE + 3 * STEP)]
        await story.registration_ends(lot, bids)
        assert await story.hammer(lot) is LotState.REVIEW
        assert await story.accepted(lot) is LotState.CONFIRMATION
        assert await dispositions(story) == ["held", "released", "released"]
        assert await story.to_the_archive(lot) in SOLD_AND_KEPT
        assert await dispositions(story) == ["credited", "released", "released"]
        assert await story.kinds(lot) == ["announcement", "result"]


@how_far
async def test_one_registrant_an_extension_one_more_and_the_auction(
    database: str, valkey: str, to_the_archive: bool
) -> None:
    async with a_story(database, valkey) as story:
        lot = await story.announced()
        await story.registers("one", lot)
        assert await story.registration_ends(lot) is LotState.EXTENDED
        await story.registers("two", lot)
        await story.registration_ends(lot, [("one", PRICE), ("two", PRICE + STEP)])
        assert await story.hammer(lot) is LotState.REVIEW
        assert await story.accepted(lot) is LotState.CONFIRMATION
        assert await story.winner(lot) == "two"
        assert await story.kinds(lot) == ["announcement", "supplementary"]
        if to_the_archive:
            assert await story.to_the_archive(lot) in SOLD_AND_KEPT
            assert await story.kinds(lot) == ["announcement", "supplementary", "result"]


async def test_one_registrant_to_the_end_and_a_negotiated_price(database: str, valkey: str) -> None:
    async with a_story(database, valkey) as story:
        lot = await story.announced()
        await story.registers("one", lot)
        assert await story.registration_ends(lot) is LotState.EXTENDED
        assert await story.registration_ends(lot) is LotState.NEGOTIATION
        assert await story.agrees(lot, PRICE + STEP) is LotState.CONFIRMATION
        assert await story.to_the_archive(lot) in SOLD_AND_KEPT
        assert await story.kinds(lot) == ["announcement", "supplementary", "result"]


@how_far
async def test_by_auction_one_bidder_is_enough(database: str, valkey: str, to_the_archive: bool) -> None:
    async with a_story(database, valkey) as story:
        lot = await story.announced(SaleMethod.AUCTION)
        await story.registers("one", lot)
        await story.registration_ends(lot, [("one", PRICE)])
        assert await story.hammer(lot) is LotState.REVIEW
        assert await story.accepted(lot) is LotState.CONFIRMATION
        assert await story.winner(lot) == "one"
        if to_the_archive:
            assert await story.to_the_archive(lot) in SOLD_AND_KEPT


async def test_a_refused_winner_leaves_the_lot_unsold_and_everybody_is_paid_back(
    database: str, valkey: str
) -> None:
    async with a_story(database, valkey) as story:
        lot = await story.announced()
        for login in ("one", "two"):
            await story.registers(login, lot)
        await story.registration_ends(lot, [("one", PRICE), ("two", PRICE + STEP)])
        await story.hammer(lot)
        assert await story.refused(lot, "提交的资质文件已过期。") is LotState.UNSOLD
        assert await dispositions(story) == ["released", "released"]
        assert await story.kinds(lot) == ["announcement", "unsold"]


@how_far
async def test_after_a_refusal_the_next_bidder_by_profile_at_the_own_bid(
    database: str, valkey: str, to_the_archive: bool
) -> None:
    async with a_story(database, valkey, offer_to_next_after_refusal=True) as story:
        lot = await story.announced()
        for login in ("one", "two"):
            await story.registers(login, lot)
        await story.registration_ends(lot, [("one", PRICE), ("two", PRICE + STEP)])
        await story.hammer(lot)
        assert await story.refused(lot, "提交的资质文件已过期。") is LotState.NEXT_OFFER
        assert await story.takes_the_offer(lot, "one") is LotState.REVIEW
        assert await story.accepted(lot) is LotState.CONFIRMATION
        award = await story.awards.award_of(lot)
        assert award is not None
        assert (await story.winner(lot), award.price) == ("one", PRICE)
        if to_the_archive:
            assert await story.to_the_archive(lot) in SOLD_AND_KEPT


async def test_after_a_default_the_next_bidder_buys_and_the_deposit_is_kept(
    database: str, valkey: str
) -> None:
    async with a_story(database, valkey, offer_to_next_after_refusal=True) as story:
        lot = await story.announced()
        for login in ("one", "two"):
            await story.registers(login, lot)
        await story.registration_ends(lot, [("one", PRICE), ("two", PRICE + STEP)])
        await story.hammer(lot)
        await story.accepted(lot)
        await story.sealed_by(lot, Paper.CONFIRMATION, "two", "transferor")
        assert await story.contract(lot) is LotState.PAYMENT
        assert await story.defaults(lot, "逾期没有付款。") is LotState.NEXT_OFFER
        assert await dispositions(story) == ["forfeited", "released"]
        assert await story.takes_the_offer(lot, "one") is LotState.REVIEW
        assert await story.accepted(lot) is LotState.CONFIRMATION
        award = await story.awards.award_of(lot)
        assert award is not None
        assert (await story.winner(lot), award.price) == ("one", PRICE)
        assert await story.to_the_archive(lot) in SOLD_AND_KEPT
        assert await dispositions(story) == ["forfeited", "released"]
        assert await story.kinds(lot) == ["announcement", "result"]


@how_far
async def test_the_holder_of_a_priority_right_takes_the_final_price(
    database: str, valkey: str, to_the_archive: bool
) -> None:
    async with a_story(database, valkey, priority_mode=PriorityMode.OFFER.value) as story:
        lot = await story.announced()
        await story.has_priority("three", lot)
        for login in ("one", "two", "three"):
            await story.registers(login, lot)
        await story.registration_ends(lot, [("one", PRICE), ("two", PRICE + STEP)])
        assert await story.hammer(lot) is LotState.PRIORITY_OFFER
        assert await story.takes_the_offer(lot, "three") is LotState.REVIEW
        assert await story.accepted(lot) is LotState.CONFIRMATION
        assert await story.winner(lot) == "three"
        if to_the_archive:
            assert await story.to_the_archive(lot) in SOLD_AND_KEPT


async def test_a_correction_has_to_be_confirmed_again(database: str, valkey: str) -> None:
    async with a_story(database, valkey) as story:
        lot = await story.announced()
        for login in ("one", "two"):
            await story.registers(login, lot)
        changes = {"disclosures": "标的左侧外墙有裂缝，竞买人自行踏勘。"}
        by = story.by("administrator")
        await story.act(lot, Act.CORRECT, by, reason="补充披露外墙裂缝", changes=changes)
        await story.settle()
        assert await states(story) == ["invalidated", "invalidated"]
        await story.confirms_again("one", lot)
        assert await states(story) == ["invalidated", "qualified"]
        assert await story.registration_ends(lot) is LotState.EXTENDED, "one of two counts"
        await story.confirms_again("two", lot)
        assert await story.registration_ends(lot) is LotState.IN_AUCTION
        assert await story.kinds(lot) == ["announcement", "correction", "supplementary"]


async def test_a_suspension_stops_the_clock_and_resuming_gives_a_full_period(
    database: str, valkey: str
) -> None:
    async with a_story(database, valkey) as story:
        lot = await story.announced()
        for login in ("one", "two"):
            await story.registers(login, lot)
        before = await story.listing(lot)
        by = story.by("administrator")
        await story.act(lot, Act.SUSPEND, by, reason="收到异议，正在核实。")
        assert before.registration_ends is not None
        story.clock.reach(before.registration_ends)
        await story.settle()
        assert await story.state(lot) is LotState.SUSPENDED
        await story.act(lot, Act.RESUME, by, reason="异议不成立。")
        await story.settle()
        after = await story.listing(lot)
        assert after.registration_ends is not None
        assert (after.registration_ends - story.clock()).days >= 10
        assert await story.registration_ends(lot) is LotState.IN_AUCTION
        assert await story.kinds(lot) == ["announcement", "suspension", "resumption"]


async def test_nobody_registers_and_nobody_pays_is_unsold(database: str, valkey: str) -> None:
    async with a_story(database, valkey) as story:
        lot = await story.announced()
        await story.registers("one", lot, pays=0)
        await story.registers("two", lot, pays=DEPOSIT - 1)
        assert await story.registration_ends(lot) is LotState.UNSOLD
        assert await states(story) == ["not_concluded", "not_concluded"]
        assert await story.kinds(lot) == ["announcement", "unsold"]


async def dispositions(story: Story) -> list[str]:
    return await story.column("SELECT disposition FROM sub_accounts ORDER BY disposition")


async def states(story: Story) -> list[str]:
    return await story.column("SELECT state FROM registrations ORDER BY state")
