"""Acts on listings, carried out: the whole table for every actor, and two at once."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.accounts import Role
from tests.tradingkit import MutableClock, an_account, bring, do, keep_result, make_listing
from trading.lifecycle.performing import (
    By,
    Lacks,
    Listing,
    Listings,
    NotAllowed,
    perform,
)
from trading.lifecycle.states import Act, Actor, LotState, SaleMethod
from trading.lifecycle.table import Need, rows, targets

S = LotState


@pytest.mark.parametrize("state", LotState)
async def test_every_act_of_everybody_in_every_state(
    engine: AsyncEngine, clock: MutableClock, state: LotState
) -> None:
    """What the table has is done, everything else is refused and changes nothing."""
    kind = "equity" if state in (S.REVIEW, S.PRIORITY_OFFER) else "physical"
    listing = await make_listing(engine, state=state, clock=clock, asset_class=kind)
    people = {
        Actor.TRANSFEROR: listing.transferor_id,
        Actor.ADMINISTRATOR: await an_account(engine),
        Actor.BIDDER: await an_account(engine, Role.BIDDER),
        Actor.FINANCE: await an_account(engine, Role.FINANCE),
        Actor.CLOCK: None,
    }
    for act in Act:
        for actor, account in people.items():
            await _as_the_table_says(engine, listing, act, By(actor, account), clock)
    assert await Listings(engine).get(listing.lot) == listing


async def _as_the_table_says(
    engine: AsyncEngine, listing: Listing, act: Act, by: By, clock: MutableClock
) -> None:
    ways = [(row, after) for row in rows(act, listing.state) for after in targets(row, listing.state)]
    mine = [(row, after) for row, after in ways if by.actor in row.who]
    if act is Act.RESUME:
        mine = [(row, after) for row, after in mine if after is listing.resume_state]
    async with engine.connect() as connection:
        if not mine:
            with pytest.raises(NotAllowed):
                await perform(connection, listing.lot, act, by, now=clock(), reason="理由")
            return
        for row, after in mine:
            savepoint = await connection.begin_nested()
            now = await _meet(connection, listing, row.needs, clock())
            wanted: dict[str, Any] = {"facts": {"meeting_decision": "d" * 64}, "reason": "理由", "now": now}
            wanted["changes"] = {"final_price": listing.starting_price} if act is Act.AGREE_PRICE else {}
            if Need.AFTER_AUCTION in row.needs or Need.NEXT_IS_OFFERED in row.needs:
                with pytest.raises(Lacks):
                    await perform(connection, listing.lot, act, by, after=after, **wanted)
            else:
                done = await perform(connection, listing.lot, act, by, after=after, **wanted)
                assert (done.state, done.version) == (after, listing.version + 1)
            await savepoint.rollback()


async def _meet(
    connection: AsyncConnection, listing: Listing, needs: tuple[Need, ...], now: datetime
) -> datetime:
    """Make true what can be made true; the time at which the act is due."""
    results = {Need.RESULT_SOLD: True, Need.RESULT_UNSOLD: False, Need.RESULT_ABORTED: None}
    for need in needs:
        if need in results:
            await keep_result(connection, listing, sold=results[need])
        if need is Need.EXTENSION_LEFT:
            free = text("UPDATE listings SET extensions = 0 WHERE lot = :lot")
            await connection.execute(free, {"lot": listing.lot})
        if need is Need.DUE:
            assert listing.due_at is not None
            now = max(now, listing.due_at)
    return now


async def test_of_two_at_once_one_is_refused(engine: AsyncEngine, clock: MutableClock) -> None:
    listing = await make_listing(engine, state=S.SUBMITTED, clock=clock)
    by = By.administrator(await an_account(engine))

    def both(act: Act) -> Callable[[], Any]:
        return lambda: do(engine, listing, act, by, clock, reason="理由")

    ended = await asyncio.gather(both(Act.ANNOUNCE)(), both(Act.RETURN)(), return_exceptions=True)
    assert sorted(type(each).__name__ for each in ended) == ["Listing", "NotAllowed"]
    assert len(await Listings(engine).history(listing.lot)) == 2


async def test_a_clock_comes_back_only_through_the_table(engine: AsyncEngine, clock: MutableClock) -> None:
    listing = await make_listing(engine, state=S.ANNOUNCED, clock=clock, method=SaleMethod.AUCTION)
    with pytest.raises(Lacks) as lacks:
        await do(engine, listing, Act.END_REGISTRATION, By.clock(), clock)
    assert lacks.value.need is Need.DUE
    ended = await bring(engine, listing, S.EVALUATION, clock)
    with pytest.raises(ValueError, match="not changed by an act"):
        await do(engine, ended, Act.FAIL, By.clock(), clock, changes={"state": "archived"})
