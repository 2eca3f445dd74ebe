"""The demonstration's data: the same way as the administrator's form, repeatable, never on real data."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from bidding import lots
from bidding.book import Book
from bidding.closing import Closer
from bidding.lots import AssetClass
from bidding.messages import Phase
from bidding.terms import Fen
from luochui import demo
from luochui.demo_lots import BY_ROBOTS, LIVELY, SCENES, Part
from luochui.operations import demonstration
from luochui.operations.demonstration import WrongDatabase
from luochui.processes import robots
from luochui.processes.wiring import open_book
from luochui.robots import Temperament, _next_price, bid_like_a_person
from luochui.seat import LotState, Seat
from luochui.settings import Settings
from luochui.vaults import open_vault
from office.database import create_engine
from tests.gatewaykit import Person, Scene, scene
from tests.timekit import PATIENCE_S

BEAT_EVERY_S = 0.1


@pytest.fixture
def settings(database: str, valkey: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a demonstration on marked servers; the mark is taken away again."""
    with psycopg.connect(database) as connection:
        demonstration.mark(connection)
    yield Settings(demo=True, data=tmp_path, database_url=SecretStr(database), redis_url=SecretStr(valkey))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f'COMMENT ON DATABASE "{connection.info.dbname}" IS NULL'.encode())


@asynccontextmanager
async def beating(book: Book) -> AsyncIterator[None]:
    """What gateways and the ledger writer do for the clock."""

    async def beat() -> None:
        while True:
            for partition in range(book.partitions):
                await book.recorded(partition)
                await book.beat(partition, "test")
            await asyncio.sleep(BEAT_EVERY_S)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()


def everything(url: str) -> dict[str, list[Any]]:
    queries = {
        "accounts": "SELECT id, login, password_hash, role FROM accounts ORDER BY id",
        "lots": "SELECT id, title, opens_at, terms FROM lots ORDER BY id",
        "secrets": "SELECT * FROM lot_secrets ORDER BY lot",
        "paddles": "SELECT pair_tag, paddle_tag, box FROM sealed_paddles ORDER BY pair_tag",
    }
    with psycopg.connect(url) as connection:
        return {name: connection.execute(query.encode()).fetchall() for name, query in queries.items()}


def test_preparing_twice_changes_nothing(settings: Settings) -> None:
    first = demo.prepare(settings)
    before = everything(settings.required_database_url())
    assert demo.prepare(settings) == first
    assert everything(settings.required_database_url()) == before
    assert len(before["lots"]) == sum(scene.part not in BY_ROBOTS for scene in SCENES) + 1


def test_the_demonstration_does_not_touch_a_database_without_its_mark(
    database: str, valkey: str, tmp_path: Path
) -> None:
    settings = Settings(
        demo=True, data=tmp_path, database_url=SecretStr(database), redis_url=SecretStr(valkey)
    )
    with pytest.raises(WrongDatabase):
        demo.prepare(settings)
    assert not any(everything(database).values())


def test_robots_bid_in_demonstration_mode_only(database: str, valkey: str) -> None:
    with pytest.raises(WrongDatabase):
        robots.main(Settings(database_url=SecretStr(database), redis_url=SecretStr(valkey)))


def test_there_are_lots_of_every_class_and_accounts_of_every_role() -> None:
    assert {scene.asset_class for scene in SCENES} == set(AssetClass)
    assert {account.role.value for account in demo.accounts()} == {
        *("bidder", "transferor", "administrator", "regulator", "finance", "clerk")
    }
    assert {scene.part for scene in (LIVELY, *SCENES)} == set(Part)


async def test_book_and_database_agree_on_every_lot(settings: Settings) -> None:
    casts = await asyncio.to_thread(demo.prepare, settings)
    engine = create_engine(settings.required_database_url())
    vault = await open_vault(settings, engine)
    async with open_book(settings) as book:
        for cast in casts:
            snapshot = await book.snapshot(cast.lot)
            assert snapshot is not None
            assert snapshot.session.phase is Phase.SCHEDULED
            assert snapshot.session.qualified == await vault.qualified(cast.lot)
            assert len(snapshot.session.qualified) == len(demo.BIDDERS)
    await engine.dispose()


async def test_what_a_crash_left_half_done_is_finished(settings: Settings) -> None:
    """The lot is kept in the database, and neither the book nor the list know of it."""
    scene = SCENES[0]
    async with demo.stage(settings) as here:
        await here.make_accounts()
        made = demo.draft(scene, scene.lot, 1_800_000_000_000)
        secrets = lots.Secrets(
            reserve=None, reserve_salt="0" * 64, qualified_salt="1" * 64, private_salt="2" * 64
        )
        async with here.engine.begin() as connection:
            await lots.put_on(connection, made.offer, secrets)
        await here.put_on(scene)
        snapshot = await here.book.snapshot(scene.lot)
        assert snapshot is not None
        assert len(snapshot.session.qualified) == len(demo.BIDDERS)


async def test_a_lot_that_has_ended_gets_a_successor(settings: Settings) -> None:
    scene = SCENES[0]
    async with demo.stage(settings) as here:
        await here.make_accounts()
        first = await here.put_on(scene)
        with psycopg.connect(settings.required_database_url()) as connection:
            connection.execute("UPDATE lots SET phase = 'closed' WHERE id = %s", (first.lot,))
        assert (await here.put_on(scene)).lot == f"{first.lot}-2"


async def test_the_lively_lot_is_in_timed_bidding_within_a_minute_of_the_start() -> None:
    assert LIVELY.opens_in_ms + LIVELY.inquiry_ms <= 45_000
    assert LIVELY.window_ms == 240_000


async def test_the_lively_lot_goes_live(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same lot with shorter times: by beats and a closer alone it comes into timed bidding."""
    monkeypatch.setattr(demo, "LIVELY", replace(LIVELY, opens_in_ms=6_000, inquiry_ms=300))
    async with demo.stage(settings) as here, beating(here.book):
        await here.make_accounts()
        cast = await here.lively()
        closer = asyncio.create_task(Closer(here.book).run())
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (snapshot := await here.book.snapshot(cast.lot)) is not None:
                    if snapshot.session.phase is Phase.TIMED_BIDDING:
                        break
                    await asyncio.sleep(0.1)
        finally:
            closer.cancel()
        connection = await here.book.pipeline.ready()
        lines = await connection.ask("LRANGE", here.book.keys(cast.lot).lot(cast.lot, "recent"), "0", "-1")
    assert [json.loads(line)["kind"] for line in lines] == [
        *("lot_scheduled", "inquiry_opened", "timed_bidding_started")
    ]


# ── robots at a real gateway ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def robots_stage(valkey: str) -> AsyncIterator[Scene]:
    async with scene(valkey) as found:
        yield found


async def test_robots_make_a_lot_lively_and_then_leave_it_to_the_visitor(robots_stage: Scene) -> None:
    gateway = await robots_stage.gateway()
    terms = await robots_stage.lot()
    limits = {1: 8, 2: 11}

    async def robot(number: int) -> None:
        cookie = Person(number).cookie
        async with Seat(terms.lot, [f"ws://127.0.0.1:{gateway.port}"], cookie) as own:
            await bid_like_a_person(own, Temperament(0.01, 0.05, limits[number]), random.Random(number))

    leader = asyncio.create_task(robot(2))
    async with asyncio.timeout(PATIENCE_S):
        await robot(1)
    log = await robots_stage.log()
    bids = [entry for entry in log if entry["kind"] == "bid_accepted"]
    assert len(bids) > 2
    assert {entry["paddle"] for entry in bids} == {"1001", "1002"}
    assert all(entry["price"] <= terms.starting_price + 11 * terms.increment for entry in bids)
    assert not leader.done()
    leader.cancel()


async def test_a_seat_comes_back_after_a_lost_connection_and_misses_nothing(robots_stage: Scene) -> None:
    gateway = await robots_stage.gateway()
    terms = await robots_stage.lot()
    visitor = await robots_stage.watcher(gateway, Person(1))
    async with (
        Seat(terms.lot, [f"ws://127.0.0.1:{gateway.port}"], Person(2).cookie) as own,
        asyncio.timeout(PATIENCE_S),
    ):
        assert await own.reaches(Phase.TIMED_BIDDING)
        for connection in list(gateway.server.connections):
            connection.cut()
        visitor = await robots_stage.watcher(gateway, Person(1))
        await visitor.bid("visitor-1", 10_000)
        while own.state.bids == 0:
            await own.change()
        assert own.state.price == 10_000
        answer = await own.bid(10_100)
        assert answer["type"] == "accepted"


# ── how robots bid ──────────────────────────────────────────────────────────────────────────────────────────


def seat(**state: Any) -> Seat:
    found = Seat("XX-1", ["ws://127.0.0.1:1"])
    found.state = LotState(Phase.TIMED_BIDDING, starting_price=10_000, increment=100, **state)
    return found


class Steady:
    """Chance that always takes the first."""

    def choice(self, options: Any) -> Any:
        return options[0]


def test_a_robot_begins_with_the_starting_price() -> None:
    assert _next_price(seat(), Temperament(0, 0, 10), Steady()) == 10_000  # type: ignore[arg-type]


def test_a_robot_gives_up_above_its_limit() -> None:
    at_limit = seat(price=10_900, bids=3, leader="1111")
    assert _next_price(at_limit, Temperament(0, 0, 10), Steady()) == 11_000  # type: ignore[arg-type]
    above = seat(price=11_000, bids=4, leader="1111")
    assert _next_price(above, Temperament(0, 0, 10), Steady()) is None  # type: ignore[arg-type]


def test_a_seat_knows_the_lowest_price_from_what_it_heard() -> None:
    state = LotState(starting_price=10_000, increment=100)
    assert state.lowest == Fen(10_000)
    entry = {"kind": "bid_accepted", "epoch": 1, "seq": 4, "price": 10_300, "paddle": "1234", "bids": 1}
    state.hear(entry)
    assert (state.lowest, state.leader, state.seq) == (10_400, "1234", 4)
