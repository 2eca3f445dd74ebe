"""What must be true for an act on a listing."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bidding.terms import Fen
from office.accounts import Role
from tests.tradingkit import MutableClock, act_on, an_account, change_rules, do, keep_result, make_listing
from trading.lifecycle.needs import LONGEST_REASON
from trading.lifecycle.performing import (
    By,
    Lacks,
    Listings,
    NotAllowed,
    Stale,
    UnknownListing,
    perform,
)
from trading.lifecycle.states import Act, LotState
from trading.lifecycle.table import Need

S = LotState


async def test_a_reason_is_needed(engine: AsyncEngine, clock: MutableClock) -> None:
    listing = await make_listing(engine, state=S.SUBMITTED, clock=clock)
    by = By.administrator(await an_account(engine))
    with pytest.raises(Lacks) as lacks:
        await do(engine, listing, Act.RETURN, by, clock, reason="  ")
    assert lacks.value.need is Need.REASON
    with pytest.raises(Lacks) as too_long:
        await do(engine, listing, Act.RETURN, by, clock, reason="长" * (LONGEST_REASON + 1))
    assert too_long.value.need is Need.REASON
    lines = "长\r\n" * (LONGEST_REASON // 2)  # as a form sends them
    assert (await do(engine, listing, Act.RETURN, by, clock, reason=lines)).state is S.DRAFT


async def test_another_transferor_may_do_nothing(engine: AsyncEngine, clock: MutableClock) -> None:
    listing = await make_listing(engine, clock=clock)
    other = await an_account(engine, Role.TRANSFEROR, "another")
    with pytest.raises(NotAllowed):
        await do(engine, listing, Act.SUBMIT, By.transferor(other), clock)


async def test_there_has_to_be_a_listing_and_the_one_that_was_shown(
    engine: AsyncEngine, clock: MutableClock
) -> None:
    listing = await make_listing(engine, clock=clock)
    by = By.transferor(listing.transferor_id)
    async with engine.begin() as connection:
        with pytest.raises(UnknownListing):
            await perform(connection, "NONE", Act.SUBMIT, by, now=clock())
        with pytest.raises(Stale):
            await perform(connection, listing.lot, Act.SUBMIT, by, now=clock(), version=listing.version + 1)


@pytest.mark.parametrize(
    ("fields", "facts", "need"),
    [
        ({"valuation": Fen(1_200_000)}, {}, Need.PRICE_FLOOR),
        ({"valuation": Fen(1_200_000)}, {"approval_document": "a" * 64}, None),
        ({"valuation": Fen(1_111_111)}, {}, None),
        ({"deposit": Fen(49_999)}, {}, Need.DEPOSIT_SHARE),
        ({"deposit": Fen(50_000)}, {}, None),
        ({"deposit": Fen(200_000)}, {}, None),
        ({"deposit": Fen(200_001)}, {}, Need.DEPOSIT_SHARE),
    ],
)
async def test_prices_are_within_the_profile(
    engine: AsyncEngine, clock: MutableClock, fields: dict[str, Any], facts: dict[str, Any], need: Need | None
) -> None:
    listing = await make_listing(engine, clock=clock, **fields)
    submit = do(engine, listing, Act.SUBMIT, By.transferor(listing.transferor_id), clock, facts=facts)
    if need is None:
        assert (await submit).state is S.SUBMITTED
        return
    with pytest.raises(Lacks) as lacks:
        await submit
    assert lacks.value.need is need


@pytest.mark.parametrize(("price", "fits"), [(800_000, True), (799_999, False)])
async def test_relisting_lowers_the_price_by_a_fifth_at_most(
    engine: AsyncEngine, clock: MutableClock, price: int, fits: bool
) -> None:
    old = await make_listing(engine, state=S.UNSOLD, clock=clock)
    new = await make_listing(
        engine, clock=clock, relisted_from=old.lot, starting_price=Fen(price), deposit=Fen(price // 10)
    )
    submit = do(engine, new, Act.SUBMIT, By.transferor(new.transferor_id), clock)
    if fits:
        await submit
        return
    with pytest.raises(Lacks) as lacks:
        await submit
    assert lacks.value.need is Need.RELIST_FLOOR


async def test_a_negotiated_sale_takes_the_price_and_the_decision(
    engine: AsyncEngine, clock: MutableClock
) -> None:
    extended = await make_listing(engine, state=S.EXTENDED, clock=clock)
    evaluated = await act_on(engine, extended, Act.END_REGISTRATION, clock)
    listing = await act_on(engine, evaluated, Act.NEGOTIATE, clock)
    by, decision = By.transferor(listing.transferor_id), {"meeting_decision": "d" * 64}
    for changes, facts, need in (
        ({}, decision, Need.FINAL_PRICE),
        ({"final_price": listing.starting_price - 1}, decision, Need.FINAL_PRICE),
        ({"final_price": listing.starting_price}, {}, Need.MEETING_DECISION),
    ):
        with pytest.raises(Lacks) as lacks:
            await do(engine, listing, Act.AGREE_PRICE, by, clock, changes=changes, facts=facts)
        assert lacks.value.need is need
    price = {"final_price": listing.starting_price}
    done = await do(engine, listing, Act.AGREE_PRICE, by, clock, changes=price, facts=decision)
    assert (done.state, done.final_price) == (S.CONFIRMATION, listing.starting_price)


@pytest.mark.parametrize("sealed", [True, False])
async def test_the_hammer_waits_for_the_sealed_record(
    engine: AsyncEngine, clock: MutableClock, sealed: bool
) -> None:
    listing = await make_listing(engine, state=S.IN_AUCTION, clock=clock)
    with pytest.raises(Lacks):
        await do(engine, listing, Act.HAMMER, By.clock(), clock)
    async with engine.begin() as connection:
        await keep_result(connection, listing, sold=True)
        if not sealed:
            await connection.execute(text("DELETE FROM lot_seals"))
    if sealed:
        assert (await do(engine, listing, Act.HAMMER, By.clock(), clock)).state is S.REVIEW
        return
    with pytest.raises(Lacks) as lacks:
        await do(engine, listing, Act.HAMMER, By.clock(), clock)
    assert lacks.value.need is Need.RESULT_SOLD


async def test_a_refusal_leads_to_the_next_bidder_only_by_profile(
    engine: AsyncEngine, clock: MutableClock
) -> None:
    listing = await make_listing(engine, state=S.REVIEW, clock=clock)
    by = By.administrator(await an_account(engine))
    with pytest.raises(ValueError, match="say which"):
        await do(engine, listing, Act.REFUSE_AWARD, by, clock, reason="资格不符")
    with pytest.raises(Lacks) as lacks:
        await do(engine, listing, Act.REFUSE_AWARD, by, clock, reason="资格不符", after=S.REVIEW)
    assert lacks.value.need is Need.NEXT_IS_OFFERED
    await change_rules(engine, listing, offer_to_next_after_refusal=True)
    next_one = await do(engine, listing, Act.REFUSE_AWARD, by, clock, reason="资格不符", after=S.REVIEW)
    last = await do(engine, next_one, Act.REFUSE_AWARD, by, clock, reason="资格不符", after=S.UNSOLD)
    assert last.state is S.UNSOLD
    assert [each.kind for each in await Listings(engine).announcements_of(listing.lot)][-1] == "unsold"


async def test_the_priority_right_is_offered_once(engine: AsyncEngine, clock: MutableClock) -> None:
    listing = await make_listing(engine, state=S.PRIORITY_OFFER, clock=clock, asset_class="equity")
    back = await act_on(engine, listing, Act.ANSWER_PRIORITY, clock)
    with pytest.raises(Lacks):
        await act_on(engine, back, Act.OFFER_PRIORITY, clock)


async def test_a_suspended_sale_is_aborted_and_a_suspended_announcement_withdrawn(
    engine: AsyncEngine, clock: MutableClock
) -> None:
    by = By.administrator(await an_account(engine))
    sale = await act_on(engine, await make_listing(engine, S.REVIEW, clock=clock), Act.SUSPEND, clock)
    with pytest.raises(Lacks):
        await do(engine, sale, Act.WITHDRAW, by, clock, reason="异议成立")
    assert (await do(engine, sale, Act.ABORT, by, clock, reason="异议成立")).state is S.ABORTED
    early = await make_listing(engine, S.SUSPENDED, clock=clock)
    with pytest.raises(Lacks):
        await do(engine, early, Act.ABORT, by, clock, reason="异议成立")
    assert (await do(engine, early, Act.WITHDRAW, by, clock, reason="撤回")).state is S.WITHDRAWN
