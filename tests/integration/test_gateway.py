"""Gateways over real sockets and a real Valkey: what bidders and watchers get."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.gatewaykit import LOT, Person, Scene, scene


@pytest.fixture
async def stage(valkey: str) -> AsyncIterator[Scene]:
    async with scene(valkey) as found:
        yield found


async def test_hello_brings_the_lot_as_it_stands(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    watcher = await stage.client(gateway)
    welcome = await watcher.hello(t=123.5)
    assert (welcome["lot"], welcome["t"], welcome["may_bid"]) == (LOT, 123.5, False)
    assert welcome["paddle"] is None
    snapshot = await watcher.hears("snapshot")
    assert snapshot["phase"] == "timed_bidding"
    assert snapshot["entries"] == await stage.log()
    assert snapshot["terms"]["starting_price"] == 10_000
    tick = await watcher.hears("tick")
    assert tick["steady"] is True


async def test_twenty_bidders_on_two_gateways_see_one_gapless_sequence(stage: Scene) -> None:
    gateways = [await stage.gateway(), await stage.gateway()]
    await stage.lot(bidders=20)
    clients = [await stage.watcher(gateways[number % 2], Person(number)) for number in range(1, 21)]

    async def bidder(number: int, client: object) -> None:
        watcher = clients[number]
        for turn in range(8):
            price = 10_000 + 100 * (turn * 20 + number)
            await watcher.bid(f"bid-{number:02d}-{turn:02d}", price)

    await asyncio.gather(*(bidder(number, client) for number, client in enumerate(clients)))
    log = await stage.log()
    assert sum(entry["kind"] == "bid_accepted" for entry in log) > 8
    for client in clients:
        await client.reaches(log[-1]["seq"])
        assert client.entries() == log
    assert [entry["seq"] for entry in log] == list(range(1, len(log) + 1))
