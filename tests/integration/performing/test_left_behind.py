"""What an act on a listing leaves: history, announcement, messages, audit; a refused one nothing."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.accounts import Role
from tests.tradingkit import MutableClock, an_account, do, make_listing
from trading.lifecycle.performing import (
    By,
    Lacks,
    Listings,
    NotAllowed,
)
from trading.lifecycle.states import Act, LotState

S = LotState


async def _counts(engine: AsyncEngine) -> dict[str, int]:
    tables = ("listing_events", "announcements", "messages", "audit_entries")
    async with engine.connect() as connection:
        return {
            name: int((await connection.execute(text(f"SELECT count(*) FROM {name}"))).scalar_one())
            for name in tables
        }


async def test_an_act_leaves_history_announcement_messages_and_an_audit_entry(
    engine: AsyncEngine, clock: MutableClock
) -> None:
    listing = await make_listing(engine, state=S.ANNOUNCED, clock=clock)
    by = By.administrator(await an_account(engine))
    before = await _counts(engine)
    await do(engine, listing, Act.SUSPEND, by, clock, reason="有异议", facts={"objection": 3})
    after = await _counts(engine)
    assert after["listing_events"] - before["listing_events"] == 1
    assert after["announcements"] - before["announcements"] == 1
    assert after["audit_entries"] - before["audit_entries"] == 1
    assert after["messages"] - before["messages"] == 2, "the transferor and the registrants"
    event = (await Listings(engine).history(listing.lot))[-1]
    assert (event.act, event.before, event.after, event.reason) == (
        Act.SUSPEND,
        S.ANNOUNCED,
        S.SUSPENDED,
        "有异议",
    )
    assert (event.actor, event.actor_id, event.at) == ("administrator", by.account_id, clock())
    assert event.facts == {"objection": 3}


async def test_a_refused_act_leaves_nothing(engine: AsyncEngine, clock: MutableClock) -> None:
    listing = await make_listing(engine, state=S.ANNOUNCED, clock=clock)
    before = await _counts(engine)
    for act, by in ((Act.HAMMER, By.clock()), (Act.SUSPEND, By.administrator(await an_account(engine)))):
        with pytest.raises((NotAllowed, Lacks)):
            await do(engine, listing, act, by, clock)
    assert await _counts(engine) == before


async def test_finance_is_never_told_which_lot_it_is(engine: AsyncEngine, clock: MutableClock) -> None:
    await an_account(engine, Role.FINANCE)
    listing = await make_listing(engine, state=S.EVALUATION, clock=clock)
    found = text(
        "SELECT facts::text FROM messages JOIN accounts a ON a.id = account_id WHERE role = 'finance'"
    )
    async with engine.connect() as connection:
        said = list((await connection.execute(found)).scalars())
    assert said
    assert not any(listing.lot in each or listing.title in each for each in said)


async def test_announcements_are_numbered_within_their_lot(engine: AsyncEngine, clock: MutableClock) -> None:
    listing = await make_listing(engine, state=S.EXTENDED, clock=clock, lot="XX-1")
    other = await make_listing(engine, state=S.ANNOUNCED, clock=clock, lot="XX-2")
    numbers = [
        each.number for lot in (listing, other) for each in await Listings(engine).announcements_of(lot.lot)
    ]
    assert numbers == ["XX-1-01", "XX-1-02", "XX-2-01"]


async def test_what_is_published_never_tells_how_many_take_part(
    engine: AsyncEngine, clock: MutableClock
) -> None:
    listing = await make_listing(engine, state=S.EXTENDED, clock=clock)
    for said in await Listings(engine).announcements_of(listing.lot):
        assert not {"registrants", "count", "ranks", "reserve"} & set(said.facts)
