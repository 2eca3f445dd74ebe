"""What the public finds, and that it is found through indexes however many listings there are."""

import json
import os
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bidding.lots import AssetClass
from bidding.terms import Fen
from office.database import create_engine
from tests.tradingkit import MONDAY, MutableClock, a_clock, act_on, make_listing
from trading.lifecycle.states import Act, LotState, SaleMethod
from trading.listings import lists
from trading.listings import search as searching
from trading.listings.lists import GROUPS, Wanted, page_of
from trading.listings.search import MOST_COUNTED, PAGE, Order, Query, Stage, conditions, page_sql, search

FEW = 6_000
MANY = 100_000
MOST_READ = 12 * MOST_COUNTED


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database)
    yield engine
    await engine.dispose()


@pytest.fixture
def clock() -> MutableClock:
    return a_clock()


async def found(engine: AsyncEngine, now: datetime, **query: Any) -> list[str]:
    async with engine.connect() as connection:
        return [one.lot for one in (await search(connection, Query(**query), now)).listings]


async def test_words_find_chinese_in_title_place_transferor_and_number(
    engine: AsyncEngine, clock: MutableClock
) -> None:
    shop = await make_listing(
        engine,
        LotState.ANNOUNCED,
        clock=clock,
        lot="SHOP-1",
        title="吉首市人民路门面 100%_产权",
        place="吉首市",
    )
    car = await make_listing(
        engine, LotState.ANNOUNCED, clock=clock, lot="CAR-1", title="公务车一辆", transferor="凤凰县财政局"
    )
    await make_listing(engine, LotState.SUBMITTED, clock=clock, lot="SECRET-1", title="人民路未公告的门面")
    now = clock()
    for words, lots in (
        ("门面", [shop.lot]),
        ("面门", []),
        ("面", [shop.lot]),
        ("人民路 门面", [shop.lot]),
        ("人民路 公务", []),
        ("财政局", [car.lot]),
        ("car-1", [car.lot]),
        ("100%_产权", [shop.lot]),
        ("100%产权", []),
        ("湘西州", [car.lot]),
        ("\\", []),
        ("'; DROP TABLE", []),
        ("未公告", []),
    ):
        assert await found(engine, now, words=words) == lots, words
    assert set(await found(engine, now, place="吉首")) == {shop.lot, car.lot}
    assert await found(engine, now, place="人民路") == [], "a place is looked for in the place"


async def test_conditions_and_orders(engine: AsyncEngine, clock: MutableClock) -> None:
    cheap = await make_listing(
        engine, LotState.ANNOUNCED, clock=clock, starting_price=Fen(200_000), deposit=Fen(20_000)
    )
    clock.advance(days=1)
    debt = await make_listing(
        engine, LotState.ANNOUNCED, clock=clock, asset_class=AssetClass.DEBT, method=SaleMethod.AUCTION
    )
    suspended = await act_on(
        engine, await make_listing(engine, LotState.ANNOUNCED, clock=clock), Act.SUSPEND, clock
    )
    now = clock()
    for query, lots in (
        ({"asset_class": AssetClass.DEBT}, [debt.lot]),
        ({"method": SaleMethod.AUCTION}, [debt.lot]),
        ({"price_to": 200_000}, [cheap.lot]),
        ({"price_from": 200_001, "stage": Stage.OPEN}, [debt.lot]),
        ({"stage": Stage.SUSPENDED}, [suspended.lot]),
        ({"stage": Stage.UPCOMING}, []),
        ({"order": Order.CHEAPEST, "stage": Stage.OPEN}, [cheap.lot, debt.lot]),
        ({"order": Order.DEAREST, "stage": Stage.OPEN}, [debt.lot, cheap.lot]),
        ({"order": Order.ENDING, "stage": Stage.OPEN}, [cheap.lot, debt.lot]),
        ({"order": Order.LATEST, "stage": Stage.OPEN}, [debt.lot, cheap.lot]),
        ({"ends_to": cheap.registration_ends}, []),
    ):
        assert await found(engine, now, **query) == lots, query
    before = clock() - timedelta(days=2)
    assert await found(engine, before, stage=Stage.UPCOMING) == [debt.lot, cheap.lot]


def test_every_public_state_has_one_stage() -> None:
    public = set(LotState) - {LotState.DRAFT, LotState.SUBMITTED}
    for state in public:
        assert state in searching.STATES[searching.stage_of(state, None, MONDAY)]
    counted = [
        state for stage, states in searching.STATES.items() if stage is not Stage.UPCOMING for state in states
    ]
    assert sorted(counted) == sorted(public)


# ── at scale ────────────────────────────────────────────────────────────────────────────────────────────────


async def fill(engine: AsyncEngine, clock: MutableClock, number: int) -> datetime:
    """So many listings in all states, of three years; the last announced now."""
    one = await make_listing(engine, LotState.ANNOUNCED, clock=clock, lot="FIRST-1")
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL statement_timeout = 0"))
        await connection.execute(
            text(
                "INSERT INTO listings (lot, transferor_id, transferor, state, asset_class, method, title,"
                " place, overview, starting_price, increment, deposit, profile_id, made_at, changed_at,"
                " announced_at, registration_starts, registration_ends, opens_at)"
                " SELECT 'S-' || n, :owner, '单位' || n % 300, states[1 + n % 50],"
                " classes[1 + n % 5], 'auction',"
                " streets[1 + n % 7] || n || '号' || kinds[1 + n % 11], towns[1 + n % 8],"
                " '位于' || streets[1 + n % 7] || '，现状' || kinds[1 + n % 11] || '，证载面积' || n,"
                " 100000 + (n * 7919::bigint) % 900000000, 100, 10000, :profile, at, at, at, at,"
                " at + interval '20 days', at + interval '20 days'"
                " FROM generate_series(1, :number) AS n,"
                " LATERAL (SELECT CAST(:now AS timestamptz) - (:number - n) * interval '15 minutes' AS at)"
                " AS t,"
                " (SELECT ARRAY['physical', 'debt', 'equity', 'concession', 'operating_right'] AS classes,"
                " ARRAY['人民路', '乾州', '团结广场', '世纪大道', '镇溪', '峒河', '马鞍山'] AS streets,"
                " ARRAY['门面', '办公楼', '厂房', '车位', '公务车', '设备', '债权', '股权', '林地',"
                " '茶园', '仓库'] AS kinds,"
                " ARRAY['湘西州吉首市', '湘西州凤凰县', '湘西州花垣县', '湘西州保靖县', '湘西州古丈县',"
                " '湘西州永顺县', '湘西州龙山县', '湘西州泸溪县'] AS towns,"
                " ARRAY['announced', 'in_auction', 'suspended', 'review', 'contract', 'publication',"
                " 'unsold'] || array_fill('archived'::text, ARRAY[43]) AS states) AS words"
            ),
            {"owner": one.transferor_id, "profile": one.profile_id, "number": number, "now": clock()},
        )
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE listings"))
    return clock()


LOOKED_FOR: dict[str, Query] = {
    "everything": Query(),
    "the last page": Query(page=50),
    "one class": Query(asset_class=AssetClass.DEBT),
    "a rare word": Query(words="世纪大道77号"),
    "a frequent word": Query(words="门面"),
    "two words": Query(words="乾州 茶园"),
    "one character": Query(words="茶"),
    "a number": Query(words="S-4711"),
    "a place": Query(place="花垣县"),
    "open, soonest end": Query(stage=Stage.OPEN, order=Order.ENDING),
    "soonest end": Query(order=Order.ENDING),
    "sold": Query(stage=Stage.SOLD),
    "suspended": Query(stage=Stage.SUSPENDED),
    "cheapest": Query(order=Order.CHEAPEST),
    "dearest": Query(order=Order.DEAREST),
    "a price range": Query(price_from=5_000_000, price_to=5_100_000),
    "everything at once": Query(
        words="门面", place="吉首", asset_class=AssetClass.DEBT, price_from=100, price_to=10**9
    ),
    "nothing": Query(words="没有这样的东西"),
}


def scans(plan: Any) -> list[Any]:
    """The plan's nodes that read `listings` from its beginning on."""
    whole = plan["Node Type"] == "Seq Scan" and plan["Relation Name"] == "listings"
    return ([plan] if whole else []) + [scan for inner in plan.get("Plans", ()) for scan in scans(inner)]


async def plan_of(engine: AsyncEngine, how: str, statement: str, values: dict[str, Any]) -> Any:
    async with engine.connect() as connection:
        told = (
            await connection.execute(text(f"EXPLAIN ({how}, FORMAT JSON) {statement}"), values)
        ).scalar_one()
    return (json.loads(told) if isinstance(told, str) else told)[0]["Plan"]


async def check_plans(engine: AsyncEngine, now: datetime) -> None:
    """No page reads the table through. A count that stops at its bound may read from the beginning on, but
    only where it comes to the bound soon."""
    for name, query in LOOKED_FOR.items():
        where, values = conditions(query, now)
        async with engine.connect() as connection:
            often = (await search(connection, query, now)).more
        chosen, given = conditions(query, now, often=often)
        page = await plan_of(engine, "COSTS", page_sql(query, chosen), {**given, "limit": PAGE, "offset": 0})
        assert not scans(page), (name, json.dumps(page, indent=1))
        bounded = f"SELECT count(*) FROM (SELECT 1 FROM listings WHERE {where} LIMIT {MOST_COUNTED + 1}) AS c"
        for scan in scans(await plan_of(engine, "ANALYZE", bounded, values)):
            read = scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)
            assert read <= MOST_READ, (name, json.dumps(scan, indent=1))


LISTED: dict[str, Wanted] = {
    "all": Wanted(),
    "all, the last page": Wanted(page=50),
    **{group: Wanted(group=group) for group in GROUPS},
    "of a rare word": Wanted(words="世纪大道77号"),
    "of a frequent word": Wanted(words="门面"),
    "of a frequent word, ended": Wanted(words="门面", group="ended"),
    "of a transferor without any": Wanted(transferor_id=-1),
}


def indexes(plan: Any) -> set[str]:
    """The indexes that a plan goes along."""
    own = {str(plan["Index Name"])} if "Index Name" in plan else set()
    return own.union(*(indexes(inner) for inner in plan.get("Plans", ())))


async def check_lists(engine: AsyncEngine) -> None:
    """The lists of administrators and transferors: no page reads or sorts the table."""
    for name, wanted in LISTED.items():
        where, values = lists.conditions(wanted)
        given = {**values, "limit": PAGE, "offset": PAGE * (wanted.page - 1)}
        if wanted.group:
            given["states"] = [state.value for state in GROUPS[wanted.group]]
        plan = await plan_of(engine, "COSTS", lists.page_sql(wanted, where), given)
        assert not scans(plan), (name, json.dumps(plan, indent=1))
        if not wanted.words and wanted.transferor_id is None and wanted.group in ("", "ended"):
            assert indexes(plan) == {"listings_changed"}, (name, json.dumps(plan, indent=1))
        counted = {f"states_{group}": [state.value for state in states] for group, states in GROUPS.items()}
        given = {**values, **counted, "most": MOST_COUNTED}
        for scan in scans(await plan_of(engine, "ANALYZE", lists.counts_sql(where), given)):
            read = scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)
            assert read <= MOST_READ, (name, json.dumps(scan, indent=1))


async def p95(engine: AsyncEngine, now: datetime, times: int) -> dict[str, float]:
    """Milliseconds in which 95 of 100 searches are answered, by what is looked for."""
    measured: dict[str, float] = {}
    for name, query in LOOKED_FOR.items():
        took = []
        for number in range(times):
            async with engine.connect() as connection:
                began = time.perf_counter()
                await search(connection, replace(query, page=query.page if number else 1), now)
                took.append((time.perf_counter() - began) * 1000)
        measured[name] = statistics.quantiles(took, n=20)[-1]
    return measured


async def test_searches_go_through_indexes(engine: AsyncEngine, clock: MutableClock) -> None:
    now = await fill(engine, clock, FEW)
    await check_plans(engine, now)
    await check_lists(engine)
    async with engine.connect() as connection:
        everything = await search(connection, Query(page=10**6), now)
        assert (everything.total, everything.more, everything.page) == (MOST_COUNTED, True, 50)
        mine = await page_of(connection, Wanted(transferor_id=-1))
        assert mine.total == 0
        all_of_them = await page_of(connection, Wanted(words="茶园", page=10**6))
        assert len(all_of_them.listings) <= PAGE
        assert max(all_of_them.counts.values()) <= MOST_COUNTED


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_a_hundred_thousand_listings_are_searched_quickly(
    engine: AsyncEngine, clock: MutableClock
) -> None:
    now = await fill(engine, clock, MANY)
    await check_plans(engine, now)
    await check_lists(engine)
    measured = await p95(engine, now, 40)
    print("\n".join(f"{name}: {ms:.1f} ms" for name, ms in measured.items()))
    idle = os.getloadavg()[0] < (os.cpu_count() or 1)
    assert not idle or max(measured.values()) <= 50, measured
