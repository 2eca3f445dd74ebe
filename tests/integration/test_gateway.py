"""Gateways over real sockets and a real Valkey: what bidders and watchers get."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import uvloop

from bidding.gateway.limits import Rate
from bidding.terms import InquiryMode
from tests.gatewaykit import LOT, Client, Person, Scene, scene

pytestmark = pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy.")


@pytest.fixture(scope="module")
def event_loop_policy() -> asyncio.AbstractEventLoopPolicy:
    """The loop of production: it differs in more than speed."""
    return uvloop.EventLoopPolicy()


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
    snapshot = await watcher.hears("snapshot")
    assert snapshot["phase"] == "timed_bidding"
    assert snapshot["entries"] == await stage.log()
    assert snapshot["terms"]["starting_price"] == 10_000
    assert (await watcher.hears("tick", where=lambda tick: bool(tick["steady"])))["watchers"] == 1


async def test_twenty_bidders_on_two_gateways_see_one_gapless_sequence(stage: Scene) -> None:
    gateways = [await stage.gateway(), await stage.gateway()]
    await stage.lot(bidders=20)
    clients = [await stage.watcher(gateways[number % 2], Person(number)) for number in range(1, 21)]

    async def bids(number: int, client: Client) -> None:
        for turn in range(8):
            await client.bid(f"bid-{number:02d}-{turn:02d}", 10_000 + 100 * (turn * 20 + number))

    await asyncio.gather(*(bids(number, client) for number, client in enumerate(clients)))
    log = await stage.log()
    assert sum(entry["kind"] == "bid_accepted" for entry in log) > 8
    assert [entry["seq"] for entry in log] == list(range(1, len(log) + 1))
    for client in clients:
        await client.reaches(log[-1]["seq"])
        assert client.entries() == log


async def test_the_bidder_is_answered_before_anybody_hears_of_the_bid(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    bidder = await stage.watcher(gateway, Person(1))
    answer = await bidder.bid("first-bid", 10_000)
    await bidder.reaches(answer["entry"]["seq"])
    kinds = [message["type"] for message in bidder.heard]
    assert kinds.index("accepted") < kinds.index("entry")


async def test_entries_reach_the_pages_byte_by_byte(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    watcher = await stage.watcher(gateway, Person(1))
    await stage.book.notice(LOT, "公告：测试")
    await watcher.hears("entry")
    connection = await stage.book.pipeline.ready()
    line = (await connection.ask("LRANGE", stage.book.keys(LOT).lot(LOT, "recent"), "-1", "-1"))[0]
    assert any(line.decode() in text for text in watcher.raw)


async def test_a_bid_in_the_last_second_resets_the_countdown_and_one_after_it_is_late(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot(window_ms=120_000)
    first, second = [await stage.watcher(gateway, Person(number)) for number in (1, 2)]
    deadline = (await first.hears("snapshot"))["deadline"]
    await stage.pass_time(90_000, gateway)
    answer = await first.bid("last-second", 10_000)
    assert answer["type"] == "accepted"
    assert answer["entry"]["deadline"] > deadline
    await stage.pass_time(120_000, gateway)
    late = await second.bid("too-late-1", 10_100)
    assert late["refusal"]["reason"] in ("late", "not_live")
    await stage.phase("closed")
    closed = await second.hears("entry", "entries", where=lambda message: "closed" in json.dumps(message))
    assert closed


async def test_a_repeat_after_a_dropped_socket_gets_the_same_answer(stage: Scene) -> None:
    gateways = [await stage.gateway(), await stage.gateway()]
    await stage.lot()
    bidder = await stage.watcher(gateways[0], Person(1))
    first = await bidder.bid("repeated-1", 10_000)
    assert first["again"] is False
    bidder.connection.transport.abort()
    again = await stage.watcher(gateways[1], Person(1))
    repeated = await again.bid("repeated-1", 10_000)
    assert repeated["again"] is True
    assert repeated["entry"] == first["entry"]
    assert (await stage.log())[-1]["bids"] == 1


async def test_resuming_by_seq_brings_the_missing_entries_only(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    bidder = await stage.watcher(gateway, Person(1))
    seen = (await bidder.hears("snapshot"))["seq"]
    for number in range(3):
        await stage.book.notice(LOT, f"notice {number}")
    await bidder.reaches(seen + 3)
    back = await stage.watcher(gateway, Person(2), after=seen, epoch=1)
    assert (await back.hears("welcome"))["resumed"] is True
    await back.reaches(seen + 3)
    assert back.seqs() == [seen + 1, seen + 2, seen + 3]
    assert not [message for message in back.heard if message["type"] == "snapshot"]


async def test_a_stale_epoch_or_an_unknown_position_gets_a_snapshot(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    for after, epoch in ((2, 7), (9_999, 1), (0, 0)):
        watcher = await stage.watcher(gateway, after=after, epoch=epoch)
        assert (await watcher.hears("welcome"))["resumed"] is False
        assert (await watcher.hears("snapshot"))["epoch"] == 1


async def test_who_was_there_gets_a_snapshot_when_the_epoch_changes(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    watcher = await stage.watcher(gateway)
    before = await watcher.hears("snapshot")
    keys = stage.book.keys(LOT)
    connection = await stage.book.pipeline.ready()
    await connection.ask("HSET", keys.lot(LOT), "epoch", "2")
    await stage.book.notice(LOT, "after the recovery")
    after = await watcher.hears("snapshot", where=lambda message: bool(message["epoch"] == 2))
    assert after["seq"] == before["seq"] + 1


async def test_a_gap_in_the_log_is_closed_from_the_book(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    watcher = await stage.watcher(gateway)
    seen = (await watcher.hears("snapshot"))["seq"]
    await stage.book.notice(LOT, "one")
    await watcher.reaches(seen + 1)
    connection = await stage.book.pipeline.ready()
    keys = stage.book.keys(LOT)
    # An entry that never came through the log: only the book has it.
    lost = (await stage.log())[-1] | {"seq": seen + 2, "text": "two"}
    text = json.dumps(lost, sort_keys=True, separators=(",", ":"))
    await connection.ask("RPUSH", keys.lot(LOT, "recent"), text)
    await connection.ask("HSET", keys.lot(LOT), "seq", str(seen + 2))
    await stage.book.notice(LOT, "three")
    await watcher.reaches(seen + 3)
    assert watcher.seqs() == list(range(1, seen + 4))


async def test_what_the_ledger_recorded_is_told(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    watcher = await stage.watcher(gateway)
    await watcher.hears("snapshot")
    connection = await stage.book.pipeline.ready()
    fields = ("lot", LOT, "seq", "3", "hash", "ab" * 32, "root", "")
    await connection.ask("XADD", stage.book.keys(LOT).recorded, "*", *fields)
    recorded = await watcher.hears("recorded")
    assert (recorded["seq"], recorded["hash"]) == (3, "ab" * 32)
    later = await stage.watcher(gateway)
    assert (await later.hears("snapshot"))["recorded"] == {"seq": 3, "hash": "ab" * 32}


async def test_a_bidder_confirms_during_the_inquiry(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot(inquiry_ms=60_000, inquiry_mode=InquiryMode.CONFIRM)
    bidder = await stage.watcher(gateway, Person(1))
    assert (await bidder.hears("welcome"))["confirmed"] is False
    await bidder.say(type="confirm")
    await bidder.hears("confirmed")
    back = await stage.watcher(gateway, Person(1))
    assert (await back.hears("welcome"))["confirmed"] is True
    stranger = await stage.watcher(gateway, Person(99))
    await stranger.say(type="confirm")
    assert (await stranger.hears("not_confirmed"))["obstacle"] == "not_qualified"


async def test_watchers_are_counted_over_all_gateways(stage: Scene) -> None:
    gateways = [await stage.gateway(), await stage.gateway()]
    await stage.lot()
    watchers = [await stage.watcher(gateway) for gateway in (*gateways, gateways[0])]
    for watcher in watchers:
        await watcher.hears("tick", where=lambda tick: bool(tick["watchers"] == 3))


async def test_a_refusal_brings_its_facts(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    bidder = await stage.watcher(gateway, Person(1))
    refused = (await bidder.bid("off-the-grid", 10_001))["refusal"]
    assert (refused["reason"], refused["lowest"], refused["current"]) == ("off_grid", 10_000, 0)


async def test_bids_of_one_connection_are_decided_one_after_the_other(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot(self_raise=True)
    bidder = await stage.watcher(gateway, Person(1))
    for number in range(4):
        await bidder.say(type="bid", id=f"in-a-row-{number}", price=10_000 + 100 * number)
    for number in range(4):
        answer = await bidder.hears("accepted", where=lambda it, n=number: it["id"] == f"in-a-row-{n}")
        assert answer["entry"]["price"] == 10_000 + 100 * number


async def test_too_many_bids_are_limited_and_never_reach_the_book(stage: Scene) -> None:
    gateway = await stage.gateway(bid_rate=Rate(per_second=0.001, burst=3))
    await stage.lot(self_raise=True)
    one, other = [await stage.watcher(gateway, Person(1)) for _ in range(2)]
    answers = [
        await client.bid(f"quick-{number:03d}", 10_000 + 100 * number)
        for number, client in enumerate((one, other, one, other, one))
    ]
    assert [answer["type"] for answer in answers] == ["accepted"] * 3 + ["limited"] * 2
    assert 0 < answers[3]["retry_ms"] <= 1_000_000
    assert (await stage.log())[-1]["bids"] == 3


async def test_who_is_not_signed_in_or_has_no_paddle_may_watch_and_not_bid(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    for person in (None, Person(950), Person(1, "regulator")):
        watcher = await stage.watcher(gateway, person)
        assert (await watcher.hears("welcome"))["may_bid"] is False
        assert (await watcher.bid("not-allowed", 10_000))["code"] == "may_not_bid"


async def test_who_signed_in_with_a_password_alone_may_look_and_not_bid(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    looker = await stage.watcher(gateway, Person(1, by_ukey=False))
    welcome = await looker.hears("welcome")
    assert (welcome["paddle"], welcome["may_bid"], welcome["needs_ukey"]) == ("1001", False, True)
    refused = await looker.bid("by-password", 10_000)
    assert (refused["code"], refused["id"]) == ("ukey_required", "by-password")
    assert "password" in refused["text"]
    await looker.say(type="confirm")
    assert (await looker.hears("error", where=lambda it: it["id"] is None))["code"] == "ukey_required"
    assert all(entry["kind"] != "bid_accepted" for entry in await stage.log())


async def test_a_platform_may_do_without_ukeys(stage: Scene) -> None:
    gateway = await stage.gateway(bid_requires_ukey=False)
    await stage.lot()
    bidder = await stage.watcher(gateway, Person(1, by_ukey=False))
    assert (await bidder.hears("welcome"))["needs_ukey"] is False
    assert (await bidder.bid("by-password", 10_000))["type"] == "accepted"


async def test_a_lot_without_somebody_who_knows_it_is_unknown(stage: Scene) -> None:
    gateway = await stage.gateway()
    watcher = await stage.client(gateway)
    await watcher.say(type="hello", lot="NO-SUCH-LOT")
    assert await watcher.closed() == 4404
