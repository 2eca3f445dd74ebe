"""Acts on listings, carried out: the whole table for every actor, needs, dates, and what an act leaves."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.terms import Fen
from office.accounts import Role
from office.database import create_engine
from tests.tradingkit import MutableClock, a_clock, act_on, an_account, bring, keep_result, make_listing
from trading.lifecycle.needs import LONGEST_REASON
from trading.lifecycle.performing import (
    By,
    Lacks,
    Listing,
    Listings,
    NotAllowed,
    Stale,
    UnknownListing,
    perform,
)
from trading.lifecycle.states import Act, Actor, AnnouncementKind, LotState, SaleMethod
from trading.lifecycle.table import Need, rows, targets
from trading.profiles.store import Profiles
from trading.working_days import BEIJING, WorkingDays, day_of

S = LotState


@pytest_asyncio.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    made = create_engine(database)
    yield made
    await made.dispose()


@pytest.fixture
def clock() -> MutableClock:
    return a_clock()


async def do(
    engine: AsyncEngine, listing: Listing, act: Act, by: By, clock: MutableClock, **more: Any
) -> Listing:
    async with engine.begin() as connection:
        return await perform(connection, listing.lot, act, by, now=clock(), **more)


# ── the whole table ──


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


# ── what must be true ──


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
    await _change_rules(engine, listing, offer_to_next_after_refusal=True)
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


# ── dates ──


def ends_on(listing: Listing) -> date:
    assert listing.registration_ends is not None
    return day_of(listing.registration_ends)


async def _change_rules(engine: AsyncEngine, listing: Listing, **fields: Any) -> None:
    put = text("UPDATE rule_profiles SET fields = fields || CAST(:fields AS jsonb) WHERE id = :id")
    async with engine.begin() as connection:
        await connection.execute(put, {"fields": json.dumps(fields), "id": listing.profile_id})


def together(listing: Listing) -> tuple[timedelta, timedelta]:
    assert listing.registration_ends is not None
    assert listing.opens_at is not None
    assert listing.deposit_ends is not None
    return listing.opens_at - listing.registration_ends, listing.registration_ends - listing.deposit_ends


async def test_an_announcement_takes_the_days_of_the_profile(
    engine: AsyncEngine, clock: MutableClock
) -> None:
    listing = await make_listing(engine, state=S.ANNOUNCED, clock=clock)
    assert ends_on(listing) == date(2026, 3, 16), "ten working days after Monday, 2 March"
    assert listing.registration_ends is not None
    assert f"{listing.registration_ends.astimezone(BEIJING):%H:%M}" == "17:00"
    assert listing.opens_at == listing.deposit_ends == listing.registration_ends == listing.due_at
    assert (listing.provisional, listing.announced_at) == (False, clock())


async def test_the_administrator_may_choose_a_later_end_but_no_earlier_one(
    engine: AsyncEngine, clock: MutableClock
) -> None:
    listing = await make_listing(engine, state=S.SUBMITTED, clock=clock)
    by = By.administrator(await an_account(engine))
    early = datetime(2026, 3, 13, 9, 0, tzinfo=BEIJING)
    with pytest.raises(Lacks) as lacks:
        await do(engine, listing, Act.ANNOUNCE, by, clock, changes={"registration_ends": early})
    assert lacks.value.need is Need.DATES
    later, opens = early + timedelta(days=10), early + timedelta(days=11)
    chosen = {"registration_ends": later, "opens_at": opens}
    done = await do(engine, listing, Act.ANNOUNCE, by, clock, changes=chosen)
    assert (done.registration_ends, done.deposit_ends, done.opens_at) == (later, later, opens)


async def test_a_lot_keeps_the_version_it_was_announced_with(
    engine: AsyncEngine, clock: MutableClock
) -> None:
    announced = await make_listing(engine, state=S.ANNOUNCED, clock=clock)
    draft_listing = await make_listing(engine, state=S.SUBMITTED, clock=clock)
    profiles, one, two = Profiles(engine), await an_account(engine), await an_account(engine, login="second")
    draft = await profiles.draft(announced.profile_id, one, clock())
    await profiles.save(draft.id, {**draft.rules.as_json(), "announcement_working_days": 3}, one, clock())
    new = await profiles.publish(draft.id, two, clock())
    later = await act_on(engine, draft_listing, Act.ANNOUNCE, clock)
    assert (later.profile_id, ends_on(later)) == (new.id, date(2026, 3, 5))
    kept = await Listings(engine).get(announced.lot)
    assert kept is not None
    assert (kept.profile_id, ends_on(kept)) == (announced.profile_id, date(2026, 3, 16))


async def test_an_extension_moves_everything_together_by_seven_working_days(
    engine: AsyncEngine, clock: MutableClock
) -> None:
    listing = await make_listing(engine, state=S.EVALUATION, clock=clock)
    extended = await act_on(engine, listing, Act.EXTEND, clock)
    assert ends_on(extended) == date(2026, 3, 25)
    assert together(extended) == together(listing)
    assert (extended.extensions, extended.due_at) == (1, extended.registration_ends)
    *_, said = await Listings(engine).announcements_of(listing.lot)
    assert said.kind is AnnouncementKind.SUPPLEMENTARY
    assert said.facts["registration_ends"] == extended.registration_ends.isoformat()  # type: ignore[union-attr]


async def test_who_extends_late_gives_the_whole_extension(engine: AsyncEngine, clock: MutableClock) -> None:
    listing = await make_listing(engine, state=S.EVALUATION, clock=clock)
    clock.advance(days=2)
    assert ends_on(await act_on(engine, listing, Act.EXTEND, clock)) == date(2026, 3, 27)


async def test_there_is_one_extension_only(engine: AsyncEngine, clock: MutableClock) -> None:
    extended = await make_listing(engine, state=S.EXTENDED, clock=clock)
    again = await act_on(engine, extended, Act.END_REGISTRATION, clock)
    with pytest.raises(Lacks) as lacks:
        await act_on(engine, again, Act.EXTEND, clock)
    assert lacks.value.need is Need.EXTENSION_LEFT


@pytest.mark.parametrize(("state", "resumed_end"), [(S.ANNOUNCED, 24), (S.EXTENDED, 1)])
async def test_resuming_gives_a_full_period(
    engine: AsyncEngine, clock: MutableClock, state: LotState, resumed_end: int
) -> None:
    listing = await make_listing(engine, state=state, clock=clock)
    clock.advance(days=8 if state is S.ANNOUNCED else 7)
    suspended = await act_on(engine, listing, Act.SUSPEND, clock)
    assert (suspended.resume_state, suspended.due_at) == (state, None)
    resumed = await act_on(engine, suspended, Act.RESUME, clock)
    days = 10 if state is S.ANNOUNCED else 7
    assert ends_on(resumed) == WorkingDays().add(day_of(clock()), days).day
    assert ends_on(resumed).day == resumed_end
    assert (resumed.state, resumed.resume_state) == (state, None)
    assert together(resumed) == together(listing)
    kinds = [each.kind.value for each in await Listings(engine).announcements_of(listing.lot)]
    assert kinds[-2:] == ["suspension", "resumption"]
    assert (await Listings(engine).announcements_of(listing.lot))[-2].facts["reason"] == "测试原因"


async def test_the_period_of_the_result_begins_again_after_a_suspension(
    engine: AsyncEngine, clock: MutableClock
) -> None:
    listing = await make_listing(engine, state=S.PUBLICATION, clock=clock)
    suspended = await act_on(engine, listing, Act.SUSPEND, clock)
    clock.advance(days=30)
    resumed = await act_on(engine, suspended, Act.RESUME, clock)
    assert resumed.due_at is not None
    assert day_of(resumed.due_at) == WorkingDays().add(day_of(clock()), 5).day


async def test_a_correction_leaves_days_enough_and_counts(engine: AsyncEngine, clock: MutableClock) -> None:
    listing = await make_listing(engine, state=S.ANNOUNCED, clock=clock)
    early = await act_on(engine, listing, Act.CORRECT, clock)
    assert (early.registration_ends, early.corrections) == (listing.registration_ends, 1)
    clock.advance(days=10)
    late = await act_on(engine, early, Act.CORRECT, clock)
    assert (ends_on(late), late.corrections) == (date(2026, 3, 19), 2)
    assert together(late) == together(listing)


async def test_a_correction_may_set_a_later_end_but_no_earlier_one(
    engine: AsyncEngine, clock: MutableClock
) -> None:
    listing = await make_listing(engine, state=S.ANNOUNCED, clock=clock)
    by = By.administrator(await an_account(engine))
    assert listing.registration_ends is not None
    early = {"registration_ends": listing.registration_ends - timedelta(minutes=1)}
    with pytest.raises(Lacks) as lacks:
        await do(engine, listing, Act.CORRECT, by, clock, reason="更正", changes=early)
    assert lacks.value.need is Need.DATES
    late = listing.registration_ends + timedelta(days=3)
    done = await do(
        engine, listing, Act.CORRECT, by, clock, reason="更正", changes={"registration_ends": late}
    )
    assert done.registration_ends == done.deposit_ends == done.opens_at == done.due_at == late


async def test_a_correction_may_move_the_opening_but_not_before_the_end(
    engine: AsyncEngine, clock: MutableClock
) -> None:
    listing = await make_listing(engine, state=S.ANNOUNCED, clock=clock)
    by = By.administrator(await an_account(engine))
    assert listing.registration_ends is not None
    early = {"opens_at": listing.registration_ends - timedelta(minutes=1)}
    with pytest.raises(Lacks) as lacks:
        await do(engine, listing, Act.CORRECT, by, clock, reason="更正", changes=early)
    assert lacks.value.need is Need.DATES
    moved = listing.registration_ends + timedelta(days=2)
    done = await do(engine, listing, Act.CORRECT, by, clock, reason="更正", changes={"opens_at": moved})
    assert (done.registration_ends, done.opens_at) == (listing.registration_ends, moved)
    clock.reach(listing.registration_ends - timedelta(hours=1))
    later = await do(engine, done, Act.CORRECT, by, clock, reason="更正", changes={"overview": "更正"})
    assert later.opens_at is not None
    assert later.registration_ends is not None
    assert later.registration_ends > listing.registration_ends
    assert later.opens_at - later.registration_ends == timedelta(days=2), "it follows a later end"


async def test_an_announcement_never_starts_in_the_past(engine: AsyncEngine, clock: MutableClock) -> None:
    listing = await make_listing(engine, state=S.SUBMITTED, clock=clock)
    by = By.administrator(await an_account(engine))
    past = {"registration_starts": clock() - timedelta(days=30)}
    done = await do(engine, listing, Act.ANNOUNCE, by, clock, changes=past)
    assert (done.registration_starts, ends_on(done)) == (clock(), date(2026, 3, 16))


async def test_a_correction_restarts_the_period_where_the_profile_says_so(
    engine: AsyncEngine, clock: MutableClock
) -> None:
    listing = await make_listing(engine, state=S.ANNOUNCED, clock=clock, asset_class="equity")
    clock.advance(days=1)
    corrected = await act_on(engine, listing, Act.CORRECT, clock)
    assert ends_on(corrected) == WorkingDays().add(day_of(clock()), 20).day > ends_on(listing)


async def test_after_the_end_nothing_is_corrected(engine: AsyncEngine, clock: MutableClock) -> None:
    listing = await make_listing(engine, state=S.ANNOUNCED, clock=clock)
    clock.reach(listing.registration_ends)
    with pytest.raises(Lacks) as lacks:
        await act_on(engine, listing, Act.CORRECT, clock)
    assert lacks.value.need is Need.NOT_OVER


async def test_the_opening_waits_until_everybody_could_be_told(
    engine: AsyncEngine, clock: MutableClock
) -> None:
    listing = await make_listing(engine, state=S.EVALUATION, clock=clock)
    clock.advance(hours=3)
    auctioned = await act_on(engine, listing, Act.GO_TO_AUCTION, clock)
    assert auctioned.opens_at == clock() + timedelta(minutes=30)


# ── what an act leaves behind ──


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


# ── two at once ──


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
