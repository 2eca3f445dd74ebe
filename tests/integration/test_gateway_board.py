"""The board, the alarm, health and measurements of a gateway."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import uvloop

from bidding.gateway.lookup import read_views
from tests.gatewaykit import LOT, Person, Scene, scene

ADMINISTRATOR = Person(1, "administrator")


pytestmark = pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy.")


@pytest.fixture(scope="module")
def event_loop_policy() -> asyncio.AbstractEventLoopPolicy:
    """The loop of production: it differs in more than speed."""
    return uvloop.EventLoopPolicy()


@pytest.fixture
async def stage(valkey: str) -> AsyncIterator[Scene]:
    async with scene(valkey) as found:
        yield found


async def test_the_board_shows_every_live_lot_and_the_health_of_the_clocks(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    bidder = await stage.watcher(gateway, Person(1))
    board = await stage.client(gateway, ADMINISTRATOR)
    await board.say(type="board")
    await bidder.bid("seen-on-board", 10_000)
    await bidder.bid("refused-one", 10_050)

    def complete(message: dict[str, Any]) -> bool:
        counted = any(row["rejections"] and row["bids"] for row in message["lots"])
        return counted and all(clock["steady"] for clock in message["partitions"])

    shown = await board.hears("board", where=complete)
    (row,) = shown["lots"]
    assert (row["lot"], row["phase"], row["price"], row["leader"]) == (LOT, "timed_bidding", 10_000, "1001")
    assert (row["bids_per_minute"], row["watchers"]) == (1, 1)
    assert row["rejections"] == {"own_bid": 1}
    assert len(shown["partitions"]) == 2
    assert [other["id"] for other in shown["gateways"]] == [gateway.id]


async def test_the_board_follows_a_lot_until_its_end(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot(window_ms=60_000)
    board = await stage.client(gateway, ADMINISTRATOR)
    await board.say(type="board")
    await board.hears("board", where=lambda message: message["lots"][0]["phase"] == "timed_bidding")
    await stage.pass_time(60_000, gateway)
    await stage.phase("closed")
    ended = await board.hears("board", where=lambda message: message["lots"][0]["phase"] == "closed")
    assert ended["lots"][0]["lateness_ms"] >= 0
    assert ended["lots"][0]["sold"] is None


@pytest.mark.parametrize("sold", [True, False])
async def test_the_board_says_sold_or_unsold_once_it_is_known(stage: Scene, sold: bool) -> None:
    """To who looks on, and to a gateway that reads the lot from the book once more."""
    gateway = await stage.gateway()
    await stage.lot(window_ms=60_000)
    bidder = await stage.watcher(gateway, Person(1))
    assert (await bidder.bid("the-only-one", 10_000))["type"] == "accepted"
    await stage.pass_time(60_000, gateway)
    await stage.phase("closed")
    board = await stage.client(gateway, ADMINISTRATOR)
    await board.say(type="board")
    await board.hears("board", where=lambda message: bool(message["lots"]))
    await stage.book.settle(LOT, {"reserve": 0}, sold=sold)
    await board.hears("board", where=lambda message: message["lots"][0]["sold"] is sold)
    assert [view.standing.sold for view in await read_views(stage.book, [LOT])] == [sold]


async def test_no_paddle_of_a_refusal_is_on_the_board(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    bidder = await stage.watcher(gateway, Person(7))
    await bidder.bid("refused-one", 10_050)
    board = await stage.client(gateway, ADMINISTRATOR)
    await board.say(type="board")
    await board.hears("board", where=lambda message: bool(message["lots"][0]["rejections"]))
    assert "1007" not in "".join(board.raw)


async def test_the_board_is_for_administrators_and_regulators(stage: Scene) -> None:
    gateway = await stage.gateway()
    for person in (None, Person(1), Person(1, "transferor")):
        client = await stage.client(gateway, person)
        await client.say(type="board")
        assert await client.closed() == 4403


async def test_a_mass_disconnect_raises_an_alarm(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    board = await stage.client(gateway, ADMINISTRATOR)
    await board.say(type="board")
    watchers = [await stage.watcher(gateway) for _ in range(30)]
    await board.hears("board")
    for watcher in watchers:
        watcher.connection.transport.abort()
    alarm = await board.hears("board", where=lambda message: bool(message["alarms"]))
    assert alarm["alarms"] == [f"mass_disconnect:{gateway.id}"]


async def test_health_and_measurements_are_plain_pages_on_the_same_port(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    bidder = await stage.watcher(gateway, Person(1))
    await bidder.bid("measured-one", 10_000)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}", trust_env=False) as pages:
        assert (await pages.get("/healthz")).text == "ok\n"
        assert (await pages.get("/readyz")).status_code == 200
        measured = await pages.get("/metrics")
        assert measured.headers["content-type"].startswith("text/plain; version=")
        assert 'luochui_gateway_bids_total{outcome="bid_accepted"} 1.0' in measured.text
        assert (await pages.get("/")).status_code == 426
        await asyncio.sleep(0)
