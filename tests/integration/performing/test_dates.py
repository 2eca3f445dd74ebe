"""The dates that acts on listings set, move and wait for."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.tradingkit import MutableClock, act_on, an_account, do, make_listing
from trading.lifecycle.performing import (
    By,
    Lacks,
    Listing,
    Listings,
)
from trading.lifecycle.states import Act, AnnouncementKind, LotState
from trading.lifecycle.table import Need
from trading.profiles.store import Profiles
from trading.working_days import BEIJING, WorkingDays, day_of

S = LotState


def ends_on(listing: Listing) -> date:
    assert listing.registration_ends is not None
    return day_of(listing.registration_ends)


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
