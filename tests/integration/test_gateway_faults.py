"""One fault stays one fault: a bad entry, a broken room, a silent log, a task that ends."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any, NoReturn

import pytest
import uvloop

from bidding.pipeline import pack
from tests.gatewaykit import LOT, Person, Scene, scene
from tests.timekit import PATIENCE_S

pytestmark = pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy.")


@pytest.fixture(scope="module")
def event_loop_policy() -> asyncio.AbstractEventLoopPolicy:
    """The loop of production: it differs in more than speed."""
    return uvloop.EventLoopPolicy()


@pytest.fixture
async def stage(valkey: str) -> AsyncIterator[Scene]:
    async with scene(valkey) as found:
        yield found


def broken(*_: Any) -> NoReturn:
    raise RuntimeError("planted")


async def test_a_malformed_log_entry_is_counted_and_the_reader_goes_on(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    bidder = await stage.watcher(gateway, Person(1))
    book = await stage.book.pipeline.ready()
    await book.ask("XADD", stage.book.keys(LOT).log, "*", "lot", LOT, "epoch", "one")
    await book.ask("XADD", stage.book.keys(LOT).recorded, "*", "nothing", "known")
    answer = await bidder.bid("after-the-fault", 10_000)
    await bidder.reaches(answer["entry"]["seq"])
    assert "luochui_gateway_unreadable_entries_total 2.0" in gateway.metrics.text()


async def test_a_log_reader_that_ends_stops_the_beats_and_fails_the_gateway(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    gateway.tail._read = broken  # type: ignore[method-assign,assignment]
    async with asyncio.timeout(PATIENCE_S):
        await gateway.failed.wait()
    await stage.silence()
    await stage.book.touch(LOT)
    assert await stage.outages() == 1
    assert gateway._ready()[0] == 503


async def test_a_failed_gateway_does_not_hand_back_its_lease(stage: Scene) -> None:
    staying = await stage.gateway()
    failing = await stage.gateway()
    await stage.lot()
    failing.tail._read = broken  # type: ignore[method-assign,assignment]
    async with asyncio.timeout(PATIENCE_S):
        await failing.failed.wait()
    await failing.__aexit__()
    await stage.pass_time(60_000, staying)
    await stage.book.touch(LOT)
    assert await stage.outages() == 1


async def test_a_killed_gateway_is_an_outage_however_soon_it_is_back(stage: Scene) -> None:
    """Its bidders lost their seconds; the next run under the same name does not renew the old lease."""
    staying = await stage.gateway()
    killed = await stage.gateway(id="g0")
    await stage.lot()
    killed.failed.set()  # what leaves like this hands nothing back, as after SIGKILL
    await killed.__aexit__()
    again = await stage.gateway(id="g0")
    await stage.pass_time(60_000, staying, again)
    await stage.book.touch(LOT)
    assert await stage.outages() == 1


async def test_a_silent_log_stops_the_ticks_and_is_read_again(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    bidder = await stage.watcher(gateway, Person(1))
    await bidder.hears("tick")
    connection = gateway.logs.connection
    assert connection is not None
    assert connection._transport is not None
    connection._transport.pause_reading()
    answer = await bidder.bid("into-the-silence", 10_000)
    told: list[object] = []
    tick = gateway.rooms.tick
    async with asyncio.timeout(PATIENCE_S):
        while gateway._ready()[0] != 503:
            await asyncio.sleep(0.01)
    gateway.rooms.tick = lambda *facts: told.append(facts)  # type: ignore[method-assign]
    gateway.pulse._tick()
    assert not told
    gateway.rooms.tick = tick  # type: ignore[method-assign]
    await bidder.reaches(answer["entry"]["seq"])
    await bidder.hears("tick", after=len(bidder.heard))


async def test_a_room_that_fails_stops_no_other_room_and_recovers(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    await stage.lot(lot="XX-2")
    failing = await stage.watcher(gateway, Person(1))
    other = await stage.client(gateway, Person(2))
    await other.hello("XX-2")
    room = gateway.rooms._rooms[LOT]
    step, faults = room.step, iter([broken])
    room.step = lambda *how: next(faults, step)(*how)  # type: ignore[method-assign]
    lost = await failing.bid("in-a-broken-room", 10_000)
    answer = await other.bid("in-another-room", 10_000)
    await other.reaches(answer["entry"]["seq"])
    await failing.reaches(lost["entry"]["seq"])


async def test_one_watcher_that_cannot_be_written_to_is_sent_away_alone(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    bidder = await stage.watcher(gateway, Person(1))
    odd = await stage.watcher(gateway, Person(2))
    last = await stage.watcher(gateway, Person(3))
    (guest,) = [guest for guest in gateway.guests if guest.paddle == "1002"]
    room = gateway.rooms._rooms[LOT]
    write = room._write

    def picky(ongoing: Any, watcher: Any, now: int) -> None:
        return broken() if watcher is guest else write(ongoing, watcher, now)

    room._write = picky  # type: ignore[method-assign]
    answer = await bidder.bid("written-to-all", 10_000)
    await last.reaches(answer["entry"]["seq"])
    assert await odd.closed() == 1013


async def test_a_pulse_that_meets_nonsense_goes_on(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    watcher = await stage.watcher(gateway)
    book = await stage.book.pipeline.ready()
    now = str(gateway.now())
    for name, text in (("odd", "{"), ("other", '{"id":"other"}')):
        await book.ask("SET", f"luochui:gateway:{name}", text)
        await book.ask("ZADD", "luochui:gateways", now, name)
    board = await stage.client(gateway, Person(1, "administrator"))
    await board.say(type="board")
    await board.hears("board")
    await asyncio.sleep(1.5)
    seen = len(watcher.heard)
    await watcher.hears("tick", after=seen)
    assert not gateway.failed.is_set()


async def test_ticks_do_not_wait_for_a_slow_board(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()

    async def slow() -> list[str]:
        await asyncio.sleep(30)
        return []

    gateway.live_lots = slow
    watcher = await stage.watcher(gateway)
    board = await stage.client(gateway, Person(1, "administrator"))
    await board.say(type="board")
    ticks = []
    for _ in range(4):
        ticks.append(await watcher.hears("tick", after=len(watcher.heard)))
    between = [after["now"] - before["now"] for before, after in itertools.pairwise(ticks)]
    assert min(between) < 1_800, "who waited for the board would wait two seconds for it each time"


async def test_an_id_used_again_with_another_price_is_not_told_the_first_bids_entry(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    told: list[str] = []

    class Bidder:
        def accepted(self, bid_id: str, line: bytes) -> None:
            told.append(bid_id)

    gateway.asked(LOT, "1001", "same-id-twice", 10_000, Bidder())  # type: ignore[arg-type]
    gateway.asked(LOT, "1001", "same-id-twice", 10_100, Bidder())  # type: ignore[arg-type]
    gateway._pending.pop((LOT, "1001", "same-id-twice", 10_000))
    line = b'{"kind":"bid_accepted","paddle":"1001","price":10000,"priority":false}'
    gateway.entry(LOT, 1, 3, "bid_accepted", line, "same-id-twice")
    assert told == []
    gateway.entry(LOT, 1, 4, "bid_accepted", line.replace(b"10000", b"10100"), "same-id-twice")
    assert told == ["same-id-twice"]


async def test_a_callback_that_fails_does_not_break_the_connection_to_the_book(stage: Scene) -> None:
    connection = await stage.book.pipeline.ready()
    connection.call(pack("PING"), broken)
    assert await connection.ask("PING") == b"PONG"
    assert await connection.ask("PING") == b"PONG"
    assert stage.book.pipeline.connection is connection


async def test_the_gateways_delays_are_public_after_the_close(stage: Scene) -> None:
    gateways = [await stage.gateway(), await stage.gateway()]
    await stage.lot()
    for number, gateway in enumerate(gateways, 1):
        bidder = await stage.watcher(gateway, Person(number))
        await bidder.bid(f"measured-{number}", 10_000 + 100 * number)
    await stage.pass_time(600_000, *gateways)
    await stage.phase("closed")
    book = await stage.book.pipeline.ready()
    async with asyncio.timeout(PATIENCE_S):
        while True:
            flat = await book.ask("HGETALL", f"luochui:delays:{LOT}")
            found = dict(zip(flat[::2], flat[1::2], strict=True))
            if found.get(b"bids") == b"2":
                break
            await asyncio.sleep(0.05)
    assert 0 < float(found[b"gateway_p99_ms"]) <= float(found[b"gateway_max_ms"]) < 60_000
    assert 29 * 86_400 < await book.ask("TTL", f"luochui:delays:{LOT}") <= 30 * 86_400
