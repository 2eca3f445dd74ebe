"""What becomes due by itself: once, whatever is killed in between, and with two stewards at once."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.accounts import Role
from office.database import create_engine
from tests.killkit import Guillotine, Killed
from tests.tradingkit import MutableClock, a_clock, act_on, an_account, bring, keep_result, make_listing
from trading.lifecycle import due
from trading.lifecycle.due import DueRound, Surroundings
from trading.lifecycle.performing import Listing, Listings
from trading.lifecycle.states import Act, LotState, SaleMethod
from trading.working_days import WorkingDayStore, day_of

S = LotState
BIDDING, AUCTION = SaleMethod.COMPETITIVE_BIDDING, SaleMethod.AUCTION
LAST_WEEK_OF_2026 = datetime.fromisoformat("2026-12-21T01:00:00+00:00")


@dataclass
class Neighbours:
    """Registrations, money and the book, as far as the lifecycle asks them."""

    registrants: int = 0
    complete: datetime | None = None
    put_on: list[str] = field(default_factory=list)
    corrections: list[tuple[str, int]] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    put_on_ahead: timedelta | None = None

    async def _qualified(self, lot: str) -> Mapping[str, int]:
        if lot in self.broken:
            raise ConnectionError("the sealed process is away")
        return {str(1001 + n): 0 for n in range(self.registrants)}

    async def _complete_until(self) -> datetime | None:
        return self.complete

    async def _put_on(self, listing: Listing, ranks: Mapping[str, int]) -> None:
        assert ranks
        self.put_on.append(listing.lot)

    async def _corrected(self, lot: str, number: int) -> None:
        self.corrections.append((lot, number))

    def around(self) -> Surroundings:
        return Surroundings(
            qualified=self._qualified,
            statements_complete_until=self._complete_until,
            put_on=self._put_on,
            corrected=self._corrected,
            put_on_ahead=self.put_on_ahead,
        )


@pytest_asyncio.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    made = create_engine(database)
    yield made
    await made.dispose()


@pytest.fixture
def clock() -> MutableClock:
    return a_clock()


@pytest.fixture
def around() -> Neighbours:
    return Neighbours()


async def settle(engine: AsyncEngine, around: Neighbours, clock: MutableClock) -> int:
    """Rounds until nothing is left to do; how much it was."""
    due, total = DueRound(engine, around.around()), 0
    for _ in range(20):
        done = await due.round(clock())
        total += done
        if not done:
            return total
    raise AssertionError("it never comes to rest")


async def now_of(engine: AsyncEngine, listing: Listing) -> Listing:
    found = await Listings(engine).get(listing.lot)
    assert found is not None
    return found


async def acts(engine: AsyncEngine, listing: Listing) -> list[str]:
    return [event.act.value for event in await Listings(engine).history(listing.lot)][2:]


async def told(engine: AsyncEngine, kind: str) -> int:
    found = text("SELECT count(*) FROM messages WHERE kind = :kind")
    async with engine.connect() as connection:
        return int((await connection.execute(found, {"kind": kind})).scalar_one())


def over(listing: Listing, around: Neighbours, clock: MutableClock, registrants: int) -> None:
    """The announcement has ended with so many, and finance is done."""
    clock.reach(listing.registration_ends)
    around.registrants, around.complete = registrants, listing.deposit_ends


# ── the end of the announcement ──


@pytest.mark.parametrize(
    ("method", "registrants", "outcome"),
    [
        (AUCTION, 0, S.UNSOLD),
        (AUCTION, 1, S.IN_AUCTION),
        (BIDDING, 0, S.UNSOLD),
        (BIDDING, 1, S.EXTENDED),
        (BIDDING, 2, S.IN_AUCTION),
    ],
)
async def test_the_end_of_the_announcement(
    engine: AsyncEngine,
    clock: MutableClock,
    around: Neighbours,
    method: SaleMethod,
    registrants: int,
    outcome: LotState,
) -> None:
    listing = await make_listing(engine, S.ANNOUNCED, clock=clock, method=method)
    over(listing, around, clock, registrants)
    await settle(engine, around, clock)
    assert (await now_of(engine, listing)).state is outcome
    assert around.put_on == ([listing.lot] if outcome is S.IN_AUCTION else [])


@pytest.mark.parametrize(
    ("registrants", "outcome"), [(0, S.UNSOLD), (1, S.NEGOTIATION), (2, S.IN_AUCTION), (3, S.IN_AUCTION)]
)
async def test_after_the_extension_the_total_decides(
    engine: AsyncEngine, clock: MutableClock, around: Neighbours, registrants: int, outcome: LotState
) -> None:
    listing = await make_listing(engine, S.ANNOUNCED, clock=clock)
    over(listing, around, clock, 1)
    await settle(engine, around, clock)
    extended = await now_of(engine, listing)
    assert extended.registration_ends is not None
    assert day_of(extended.registration_ends) == date(2026, 3, 25)
    over(extended, around, clock, registrants)
    await settle(engine, around, clock)
    assert (await now_of(engine, listing)).state is outcome


async def test_nothing_happens_before_the_end(
    engine: AsyncEngine, clock: MutableClock, around: Neighbours
) -> None:
    listing = await make_listing(engine, S.ANNOUNCED, clock=clock)
    await settle(engine, around, clock)
    assert listing.registration_ends is not None
    clock.reach(listing.registration_ends - timedelta(milliseconds=1))
    assert await settle(engine, around, clock) == 0
    clock.reach(listing.registration_ends)
    await settle(engine, around, clock)
    assert (await now_of(engine, listing)).state is S.EVALUATION


async def test_the_evaluation_waits_for_finance_and_then_calls_an_administrator_once(
    engine: AsyncEngine, clock: MutableClock, around: Neighbours
) -> None:
    await an_account(engine)
    listing = await make_listing(engine, S.ANNOUNCED, clock=clock)
    over(listing, around, clock, 2)
    assert listing.deposit_ends is not None
    around.complete = listing.deposit_ends - timedelta(seconds=1)
    await settle(engine, around, clock)
    assert await told(engine, "lot.statements_late") == 0
    clock.advance(hours=24)
    await settle(engine, around, clock)
    clock.advance(hours=24)
    await settle(engine, around, clock)
    assert await told(engine, "lot.statements_late") == 1
    assert (await now_of(engine, listing)).state is S.EVALUATION
    around.complete = listing.deposit_ends
    await settle(engine, around, clock)
    assert (await now_of(engine, listing)).state is S.IN_AUCTION


async def test_a_correction_is_passed_on_before_anything_is_evaluated(
    engine: AsyncEngine, clock: MutableClock, around: Neighbours
) -> None:
    listing = await make_listing(engine, S.ANNOUNCED, clock=clock)
    corrected = await act_on(engine, listing, Act.CORRECT, clock)
    over(corrected, around, clock, 2)
    await settle(engine, around, clock)
    assert around.corrections == [(listing.lot, 1)]
    assert (await now_of(engine, listing)).corrections_passed_on == 1


async def test_a_suspended_lot_stays_where_it_is(
    engine: AsyncEngine, clock: MutableClock, around: Neighbours
) -> None:
    listing = await make_listing(engine, S.SUSPENDED, clock=clock)
    clock.advance(days=400)
    around.registrants, around.complete = 2, clock()
    await settle(engine, around, clock)
    assert (await now_of(engine, listing)).state is S.SUSPENDED


# ── going to auction, and its result ──


async def test_an_opening_that_has_passed_is_moved_before_the_book_is_told(
    engine: AsyncEngine, clock: MutableClock, around: Neighbours
) -> None:
    await an_account(engine)
    listing = await make_listing(engine, S.IN_AUCTION, clock=clock)
    around.registrants = 2
    clock.advance(days=1)
    await settle(engine, around, clock)
    put_on = await now_of(engine, listing)
    assert await told(engine, "lot.not_put_on") == 1
    assert put_on.opens_at == clock() + timedelta(minutes=30)
    assert put_on.put_on_at == clock()


async def test_where_the_clock_leaps_the_book_is_told_shortly_before_the_opening(
    engine: AsyncEngine, clock: MutableClock, around: Neighbours
) -> None:
    listing = await make_listing(engine, S.IN_AUCTION, clock=clock)
    assert listing.opens_at is not None
    around.registrants, around.put_on_ahead = 2, timedelta(minutes=2)
    clock.reach(listing.opens_at - timedelta(minutes=3))
    await settle(engine, around, clock)
    assert around.put_on == []
    clock.advance(minutes=1)
    await settle(engine, around, clock)
    assert around.put_on == [listing.lot]


@pytest.mark.parametrize(
    ("sold", "state", "act"),
    [(True, S.REVIEW, "hammer"), (False, S.UNSOLD, "fail"), (None, S.ABORTED, "abort")],
)
async def test_results_of_auctions_lead_on(
    engine: AsyncEngine,
    clock: MutableClock,
    around: Neighbours,
    sold: bool | None,
    state: LotState,
    act: str,
) -> None:
    listing = await make_listing(engine, S.IN_AUCTION, clock=clock)
    around.registrants = 2
    await settle(engine, around, clock)
    async with engine.begin() as connection:
        await keep_result(connection, listing, sold=sold)
    await settle(engine, around, clock)
    assert (await now_of(engine, listing)).state is state
    assert (await acts(engine, listing))[-1] == act
    assert await settle(engine, around, clock) == 0


async def test_a_result_counts_once_its_record_is_sealed(
    engine: AsyncEngine, clock: MutableClock, around: Neighbours
) -> None:
    listing = await make_listing(engine, S.IN_AUCTION, clock=clock)
    around.registrants = 2
    async with engine.begin() as connection:
        await keep_result(connection, listing, sold=True)
        await connection.execute(text("DELETE FROM lot_seals"))
    await settle(engine, around, clock)
    assert (await now_of(engine, listing)).state is S.IN_AUCTION


async def test_the_publication_of_the_result_ends(
    engine: AsyncEngine, clock: MutableClock, around: Neighbours
) -> None:
    listing = await make_listing(engine, S.PUBLICATION, clock=clock)
    assert await settle(engine, around, clock) == 0
    clock.reach(listing.due_at)
    await settle(engine, around, clock)
    assert (await now_of(engine, listing)).state is S.COMPLETED


# ── provisional dates ──


async def test_a_provisional_date_waits_and_calls_an_administrator(
    engine: AsyncEngine, around: Neighbours
) -> None:
    clock = a_clock(LAST_WEEK_OF_2026)
    await an_account(engine)
    listing = await make_listing(engine, S.ANNOUNCED, clock=clock)
    assert listing.provisional
    over(listing, around, clock, 2)
    await settle(engine, around, clock)
    clock.advance(days=3)
    await settle(engine, around, clock)
    kept = await now_of(engine, listing)
    assert (kept.state, kept.registration_ends) == (S.ANNOUNCED, listing.registration_ends)
    assert await told(engine, "lot.date_unknown") == 1


async def _publish_2027(engine: AsyncEngine, first_free: int, days: int = 40) -> None:
    """As an administrator would: the first days are free, then the weekdays are worked."""
    store, new_year = WorkingDayStore(engine), date(2027, 1, 1)
    for n in range(days):
        day = new_year + timedelta(days=n)
        works = n >= first_free and day.weekday() < 5
        await store.set(day, works, "2027 年放假安排", None, LAST_WEEK_OF_2026)


async def test_a_provisional_date_is_counted_again_when_the_days_are_known(
    engine: AsyncEngine, around: Neighbours
) -> None:
    clock = a_clock(LAST_WEEK_OF_2026)
    listing = await make_listing(engine, S.ANNOUNCED, clock=clock)
    assert listing.registration_ends is not None
    assert day_of(listing.registration_ends) == date(2027, 1, 4), "as if 1 January were an ordinary Friday"
    await settle(engine, around, clock)
    await _publish_2027(engine, first_free=3)
    await settle(engine, around, clock)
    known = await now_of(engine, listing)
    assert known.registration_ends is not None
    assert (day_of(known.registration_ends), known.provisional) == (date(2027, 1, 5), False)
    assert known.opens_at == known.deposit_ends == known.due_at == known.registration_ends
    kinds = [each.kind.value for each in await Listings(engine).announcements_of(listing.lot)]
    assert kinds == ["announcement", "supplementary"]
    assert await settle(engine, around, clock) == 0
    over(known, around, clock, 2)
    await settle(engine, around, clock)
    assert (await now_of(engine, listing)).state is S.IN_AUCTION


async def test_days_that_become_known_too_late_still_leave_a_working_day(
    engine: AsyncEngine, around: Neighbours
) -> None:
    clock = a_clock(LAST_WEEK_OF_2026)
    listing = await make_listing(engine, S.ANNOUNCED, clock=clock)
    clock.advance(days=21)
    await _publish_2027(engine, first_free=3)
    await settle(engine, around, clock)
    known = await now_of(engine, listing)
    assert known.registration_ends is not None
    assert day_of(known.registration_ends) == date(2027, 1, 12)
    assert known.state is S.ANNOUNCED


async def test_a_settled_date_never_moves_by_itself(
    engine: AsyncEngine, clock: MutableClock, around: Neighbours
) -> None:
    listing = await make_listing(engine, S.ANNOUNCED, clock=clock)
    await settle(engine, around, clock)
    await WorkingDayStore(engine).set(date(2026, 3, 10), False, "临时放假", None, clock())
    await settle(engine, around, clock)
    assert (await now_of(engine, listing)).registration_ends == listing.registration_ends


# ── once, whatever happens ──


async def _whole_way(
    engine: AsyncEngine, clock: MutableClock, around: Neighbours, **fields: Any
) -> tuple[Listing, list[str]]:
    """An announcement that ends with one registrant, is extended, and goes to auction with two."""
    listing = await make_listing(engine, S.ANNOUNCED, clock=clock, **fields)
    over(listing, around, clock, 1)
    return listing, ["end_registration", "extend", "end_registration", "go_to_auction", "hammer"]


async def _until_done(engine: AsyncEngine, around: Neighbours, clock: MutableClock, listing: Listing) -> None:
    """Rounds, the clock and the auction, until there is a result."""
    for _ in range(40):
        await DueRound(engine, around.around()).round(clock())
        found = await now_of(engine, listing)
        if found.state is S.EXTENDED:
            over(found, around, clock, 2)
        if found.state is S.IN_AUCTION and found.put_on_at:
            async with engine.begin() as connection:
                await keep_result(connection, found, sold=True)
        if found.state is S.REVIEW:
            return
    raise AssertionError("it never ends")


async def test_a_kill_before_any_statement_loses_nothing_and_repeats_nothing(
    engine: AsyncEngine, clock: MutableClock, around: Neighbours
) -> None:
    """Each statement and commit of the whole way is a point at which the steward dies once."""
    guillotine, kills = Guillotine(engine), 0
    listing, expected = await _whole_way(engine, clock, around)
    for point in range(1, 400):
        guillotine.set(point)
        try:
            await _until_done(engine, around, clock, listing)
        except Killed:
            kills += 1
            continue
        finally:
            guillotine.set(None)
        break
    assert kills > 15, "each kill lets the next try come further"
    assert await acts(engine, listing) == expected
    announced = [each.kind.value for each in await Listings(engine).announcements_of(listing.lot)]
    assert announced == ["announcement", "supplementary"]
    assert set(around.put_on) == {listing.lot}
    assert await told(engine, "lot.extend") == 2, "the transferor and the registrants, once each"


@pytest.mark.long
async def test_a_kill_at_each_point_alone(engine: AsyncEngine, around: Neighbours) -> None:
    """The same with a fresh lot for every point, so that each kill meets every state of the rest."""
    guillotine, killed = Guillotine(engine), 0
    for point in range(1, 400):
        clock, fresh = a_clock(), Neighbours()
        listing, expected = await _whole_way(engine, clock, fresh)
        guillotine.set(point)
        try:
            await _until_done(engine, fresh, clock, listing)
        except Killed:
            await _until_done(engine, fresh, clock, listing)
            killed += 1
        else:
            break
        finally:
            guillotine.set(None)
        assert await acts(engine, listing) == expected, point
    assert killed > 60, "the way has that many points"


async def test_two_stewards_at_once_do_it_once(
    engine: AsyncEngine, clock: MutableClock, around: Neighbours
) -> None:
    await an_account(engine, Role.FINANCE)
    listings = [await make_listing(engine, S.ANNOUNCED, clock=clock) for _ in range(8)]
    clock.reach(max(each.registration_ends for each in listings if each.registration_ends))
    around.registrants, around.complete = 1, clock()
    stewards = [DueRound(engine, around.around()) for _ in range(3)]
    for _ in range(6):
        await asyncio.gather(*(steward.round(clock()) for steward in stewards))
    for listing in listings:
        assert await acts(engine, listing) == ["end_registration", "extend"]
    assert await told(engine, "finance.end_registration") == len(listings)


async def test_a_lot_that_fails_holds_up_no_other(
    engine: AsyncEngine, clock: MutableClock, around: Neighbours
) -> None:
    listings = [await make_listing(engine, S.ANNOUNCED, clock=clock) for _ in range(3)]
    over(listings[0], around, clock, 2)
    around.broken = {listings[0].lot}
    due = DueRound(engine, around.around())
    for _ in range(5):
        await due.round(clock())
    states = [(await now_of(engine, listing)).state for listing in listings]
    assert states == [S.EVALUATION, S.IN_AUCTION, S.IN_AUCTION]
    around.broken.clear()
    assert await due.round(clock()) == 0, "it is held back for a while"
    clock.advance(minutes=6)
    await due.round(clock())
    assert (await now_of(engine, listings[0])).state is S.IN_AUCTION


async def test_more_than_one_batch_is_worked_off(
    engine: AsyncEngine, clock: MutableClock, around: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading.lifecycle.due.BATCH", 2)
    listings = [await make_listing(engine, S.ANNOUNCED, clock=clock) for _ in range(5)]
    over(listings[0], around, clock, 0)
    await settle(engine, around, clock)
    assert {(await now_of(engine, listing)).state for listing in listings} == {S.UNSOLD}


async def test_a_negotiation_is_led_on_by_people_alone(
    engine: AsyncEngine, clock: MutableClock, around: Neighbours
) -> None:
    extended = await make_listing(engine, S.EXTENDED, clock=clock)
    over(extended, around, clock, 1)
    await settle(engine, around, clock)
    assert (await now_of(engine, extended)).state is S.NEGOTIATION
    clock.advance(days=400)
    assert await settle(engine, around, clock) == 0
    agreed = await act_on(engine, await now_of(engine, extended), Act.AGREE_PRICE, clock)
    assert agreed.state is S.CONFIRMATION
    assert await bring(engine, agreed, S.CONTRACT, clock)


# ── what looking costs ──

_MANY = """
INSERT INTO listings (lot, transferor_id, transferor, state, asset_class, method, title, place,
    starting_price, increment, deposit, profile_id, due_at, made_at, changed_at)
SELECT 'XX-OLD-' || n, transferor_id, transferor, (ARRAY['archived', 'unsold', 'announced'])[1 + n % 3],
    asset_class, method, title, place, starting_price, increment, deposit, profile_id,
    CASE WHEN n % 3 = 2 THEN TIMESTAMPTZ '2026-06-01' END, made_at, made_at - n * INTERVAL '1 minute'
FROM listings, generate_series(1, 6000) AS n WHERE lot = :lot
"""


async def test_looking_for_what_is_due_never_reads_all_listings(
    engine: AsyncEngine, clock: MutableClock
) -> None:
    searches = [value for name, value in vars(due).items() if name.startswith("_") and name[1:].isupper()]
    wheres = [each for each in searches if isinstance(each, str)]
    assert len(wheres) == 7
    listing = await make_listing(engine, S.EVALUATION, clock=clock)
    async with engine.begin() as connection:
        await connection.execute(text(_MANY), {"lot": listing.lot})
        await connection.execute(text("ANALYZE listings"))
        for where in wheres:
            asked = text(f"EXPLAIN SELECT * FROM listings WHERE {where} ORDER BY due_at, lot LIMIT 100")
            values = {"now": clock()} if ":now" in where else {}
            plan = "\n".join((await connection.execute(asked, values)).scalars())
            assert "Seq Scan on listings" not in plan, plan
