"""Sessions that end, gateways that leave or die, beats that come or do not. The book's time leaps."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
import redis.asyncio
import uvloop

from bidding.book import Outcome
from bidding.clock import Tolerances
from office.sessions import SessionDirectory
from tests.gatewaykit import LOT, Person, Scene, scene
from tests.timekit import PATIENCE_S, soon

pytestmark = pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy.")


@pytest.fixture(scope="module")
def event_loop_policy() -> asyncio.AbstractEventLoopPolicy:
    """The loop of production: it differs in more than speed."""
    return uvloop.EventLoopPolicy()


@pytest.fixture
async def stage(valkey: str) -> AsyncIterator[Scene]:
    async with scene(valkey) as found:
        yield found


async def test_a_revoked_session_closes_its_sockets_within_two_seconds(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    other = await stage.watcher(gateway, Person(2))
    revoked = iter(range(3, 20))

    async def revoke() -> None:
        person = Person(next(revoked))
        ended = await stage.watcher(gateway, person)
        stage.directory.revoked.add(person.session_id)
        assert await ended.closed() == 4401

    await soon(revoke, within_s=2.0)
    assert (await other.bid("still-here", 10_000))["type"] == "accepted"


async def test_a_gateway_that_leaves_in_good_order_causes_no_outage(stage: Scene) -> None:
    staying, leaving = await stage.gateway(), await stage.gateway()
    await stage.lot()
    watcher = await stage.watcher(leaving)
    await watcher.hears("tick", where=lambda tick: bool(tick["steady"]))
    await leaving.__aexit__()
    assert await watcher.closed() == 1012
    await stage.pass_time(40_000, staying)
    await stage.book.touch(LOT)
    assert await stage.outages() == 0
    assert staying.now() > 0


async def test_a_gateway_whose_beats_stop_is_an_outage(stage: Scene) -> None:
    gateways = [await stage.gateway(), await stage.gateway()]
    await stage.lot()
    watcher = await stage.watcher(gateways[0])
    await watcher.hears("tick", where=lambda tick: bool(tick["steady"]))
    gateways[1].stop_beats()
    await stage.pass_time(60_000, gateways[0])
    await stage.book.touch(LOT)
    assert await stage.outages() == 1
    suspended = await watcher.hears("entry", "entries")
    entry = suspended.get("entry") or suspended["entries"][0]
    assert (entry["kind"], entry["cause"]) == ("suspended", "outage")


async def test_after_an_outage_the_lot_goes_on_with_a_full_period(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot(window_ms=30_000)
    watcher = await stage.watcher(gateway)
    gateway.stop_beats()
    await stage.silence()
    await stage.book.touch(LOT)
    assert (await watcher.hears("tick", where=lambda tick: not tick["steady"]))["steady"] is False
    gateway.begin_beats()
    await stage.phase("timed_bidding")
    resumed = (await stage.log())[-1]
    assert resumed["kind"] == "resumed"
    assert resumed["deadline"] - resumed["at"] == 30_000


async def test_a_stuck_listener_beats_no_more(valkey: str) -> None:
    async with scene(valkey) as stage:
        gateway = await stage.gateway()
        await stage.lot()
        gateway.server.stop_listening()
        for connection in list(gateway.server.connections):
            connection.cut()
        await stage.silence()
        await stage.book.touch(LOT)
        assert await stage.outages() == 1


async def test_a_demanded_beat_comes_at_once(valkey: str) -> None:
    async with scene(valkey, tolerances=Tolerances(beat_ms=60_000, steady_ms=300)) as stage:
        await stage.gateway(probe_every_s=3_600.0)
        await asyncio.sleep(0.5)
        for partition in range(2):

            async def demand(partition: int = partition) -> None:
                before = await stage.book.beat_at(partition)
                async with asyncio.timeout(PATIENCE_S):
                    await stage.book.demand_beat(partition)
                    while await stage.book.beat_at(partition) == before:
                        await asyncio.sleep(0.001)

            await soon(demand, within_s=0.2)


async def test_everything_goes_on_when_connections_to_the_book_break(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    bidder = await stage.watcher(gateway, Person(1))
    prices = itertools.count(10_000, 100)
    numbers = itertools.count()

    async def break_all() -> None:
        connection = await stage.book.pipeline.ready()
        await connection.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no")
        price = next(prices)
        async with asyncio.timeout(PATIENCE_S):
            while (answer := await bidder.bid(f"again-{next(numbers):06d}", price))["type"] == "unknown":
                await asyncio.sleep(0.02)
        assert answer["type"] == "accepted" or answer["refusal"]["reason"] == "own_bid"
        if answer["type"] == "accepted":
            await bidder.reaches(answer["entry"]["seq"])

    await soon(break_all, within_s=1.0)
    await stage.pass_time(40_000, gateway)
    await stage.book.touch(LOT)
    assert await stage.outages() == 0


async def test_a_bid_that_the_book_did_not_answer_is_unknown_and_harmless_to_repeat(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    bidder = await stage.watcher(gateway, Person(1))
    connection = stage.book.pipeline.connection
    assert connection is not None
    await bidder.say(type="bid", id="lost-answer", price=10_000)
    for _ in range(200):
        if gateway.deciding:
            break
        await asyncio.sleep(0)
    connection.close()
    first = await bidder.hears("unknown", "accepted")
    again = first
    for _ in range(100):
        again = await bidder.bid("lost-answer", 10_000)
        if again["type"] != "unknown":
            break
        await asyncio.sleep(0.05)
    assert again["type"] == "accepted"
    assert first["type"] == "unknown" or again["again"]
    assert (await stage.log())[-1]["bids"] == 1


@pytest.mark.parametrize("what", ["stuck", "sweeps_stuck"])
async def test_without_a_session_check_there_is_no_beat(stage: Scene, what: str) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    watcher = await stage.watcher(gateway, Person(1))
    await watcher.hears("tick", where=lambda tick: bool(tick["steady"]))
    setattr(stage.directory, what, True)
    await asyncio.sleep(3.0)  # a sweep every second, and one is awaited for a second more
    await stage.silence()
    await stage.book.touch(LOT)
    assert await stage.outages() == 1


async def test_a_probe_session_that_is_gone_is_opened_again(valkey: str) -> None:
    async with redis.asyncio.Redis.from_url(valkey) as client, scene(valkey) as stage:
        stage.directory = SessionDirectory(client)  # type: ignore[assignment]
        gateway = await stage.gateway()
        await stage.lot()
        watcher = await stage.watcher(gateway)
        await watcher.hears("tick", where=lambda tick: bool(tick["steady"]))
        (key,) = [key async for key in client.scan_iter("luochui:session:*")]
        await client.delete(key)
        await stage.pass_time(40_000, gateway)
        await stage.book.touch(LOT)
        assert await stage.outages() == 0


async def test_a_beat_under_way_does_not_outlive_the_handed_back_lease(stage: Scene) -> None:
    staying, leaving = await stage.gateway(), await stage.gateway()
    await stage.lot()
    watcher = await stage.watcher(staying)
    await watcher.hears("tick", where=lambda tick: bool(tick["steady"]))
    beat, under_way = stage.book.beat, 0

    async def late(partition: int, gateway: str) -> Outcome:
        nonlocal under_way
        under_way += 1
        try:
            if gateway == leaving.beats.lease:
                await asyncio.sleep(0.3)
            return await beat(partition, gateway)
        finally:
            under_way -= 1

    stage.book.beat = late  # type: ignore[method-assign]
    await asyncio.sleep(0.4)
    await leaving.__aexit__()
    await asyncio.sleep(0.5)
    async with asyncio.timeout(PATIENCE_S):
        while under_way:
            await asyncio.sleep(0.01)
    await stage.pass_time(60_000, staying)
    await stage.book.touch(LOT)
    assert await stage.outages() == 0
