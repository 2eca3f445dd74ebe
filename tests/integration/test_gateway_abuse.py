"""What comes in wrong, too much or not at all; the others feel nothing."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest
import uvloop
from websockets.exceptions import InvalidStatus

from bidding.gateway.server import PlainConnection
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


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "not_json"),
        ("[1]", "not_an_object"),
        ("{}", "unknown_type"),
        ("[" * 4000, "not_json"),
        (b"\x00\x01", "binary"),
    ],
)
async def test_who_does_not_speak_the_protocol_is_told_and_dismissed(
    stage: Scene, text: str | bytes, code: str
) -> None:
    gateway = await stage.gateway()
    client = await stage.client(gateway)
    await client.connection.send(text)
    assert await client.closed() == 4400
    assert (await client.hears("error"))["code"] == code


async def test_an_unknown_type_or_a_bad_field_is_an_error_and_the_connection_stays(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    client = await stage.watcher(gateway, Person(1))
    await client.say(type="dance")
    assert (await client.hears("error"))["code"] == "unknown_type"
    await client.say(type="bid", id="with-a-float", price=10_000.5)
    refused = await client.hears("error", where=lambda message: bool(message["id"]))
    assert (refused["code"], refused["id"]) == ("bad_field", "with-a-float")
    assert (await client.bid("a-good-one", 10_000))["type"] == "accepted"


async def test_many_malformed_messages_are_a_flood(stage: Scene) -> None:
    gateway = await stage.gateway()
    client = await stage.client(gateway)
    for _ in range(40):
        await client.say(type="dance")
    assert await client.closed() == 4429


async def test_a_frame_over_the_limit_is_refused(stage: Scene) -> None:
    gateway = await stage.gateway()
    client = await stage.client(gateway)
    await client.connection.send(json.dumps({"type": "ping", "t": 1, "x": "x" * 5000}))
    assert await client.closed() == 1009


async def test_a_fragmented_message_is_put_together(stage: Scene) -> None:
    gateway = await stage.gateway()
    client = await stage.client(gateway)
    await client.connection.send(iter(('{"type":', '"ping",', '"t":5}')))
    assert (await client.hears("pong"))["t"] == 5


async def test_a_flood_of_messages_ends_the_connection_and_nobody_else_feels_it(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    bidder = await stage.watcher(gateway, Person(1))
    took = []
    for number in range(2, 5):
        flooder = await stage.watcher(gateway, Person(number))
        for word in range(300):
            await flooder.say(type="ping", t=word)
        began = time.monotonic()
        assert (await bidder.bid(f"undisturbed-{number}", 10_000))["type"] in ("accepted", "rejected")
        took.append(time.monotonic() - began)
        assert await flooder.closed() == 4429
    assert min(took) < 1.0


async def test_who_does_not_say_hello_in_time_is_dropped(stage: Scene) -> None:
    gateway = await stage.gateway(limits={"hello_within_s": 0.5})
    client = await stage.client(gateway)
    assert await client.closed() == 4408


async def test_a_connection_that_never_speaks_is_dropped(stage: Scene) -> None:
    gateway = await stage.gateway(limits={"hello_within_s": 0.5})
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
    writer.close()


async def test_a_page_of_another_origin_may_not_connect(stage: Scene) -> None:
    gateway = await stage.gateway(web_port=8000, origins=frozenset({"https://auction.example.cn"}))
    for origin in ("https://evil.example", "null", "http://127.0.0.1:8001", "http://[bad"):
        with pytest.raises(InvalidStatus) as refused:
            await stage.client(gateway, headers={"Origin": origin})
        assert refused.value.response.status_code == 403
    for origin in ("https://auction.example.cn", "http://127.0.0.1:8000"):
        client = await stage.client(gateway, headers={"Origin": origin})
        await client.say(type="ping", t=1)
        await client.hears("pong")


async def test_probes_are_the_gateways_own(stage: Scene) -> None:
    gateway = await stage.gateway()
    client = await stage.client(gateway, Person(1), headers={})
    await client.say(type="probe")
    assert await client.closed() == 4403


async def test_bids_need_a_hello_and_a_second_hello_is_refused(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    client = await stage.client(gateway, Person(1))
    assert (await client.bid("before-hello", 10_000))["code"] == "hello_first"
    await client.hello()
    await client.say(type="hello", lot=LOT)
    assert (await client.hears("error", where=lambda it: it["code"] == "hello_twice"))["id"] is None


async def test_the_number_of_connections_is_bounded(stage: Scene) -> None:
    gateway = await stage.gateway(limits={"connections": 3})
    await stage.client(gateway)
    await stage.client(gateway)
    with pytest.raises(InvalidStatus) as refused:
        await stage.client(gateway)
    assert refused.value.response.status_code == 503


@pytest.mark.parametrize("plain", [False, True])
async def test_a_slow_reader_is_dropped_and_resumes_while_the_others_feel_nothing(
    stage: Scene, plain: bool
) -> None:
    gateway = await stage.gateway(
        plain=plain, limits={"buffered_at_most": 64 * 1024, "congested_at": 16 * 1024, "close_within_s": 2.0}
    )
    assert (gateway.server.connection is PlainConnection) == plain
    await stage.lot()
    slow = await _one_that_does_not_read(gateway.port)
    bidder = await stage.watcher(gateway, Person(1))
    took = []
    for number in range(3_000):
        began = time.monotonic()
        await stage.book.notice(LOT, "x" * 400)
        if number % 100 == 0:
            await bidder.bid(f"meanwhile-{number:05d}", 9_999)
            took.append(time.monotonic() - began)
        if gateway.server.dropped:
            break
    assert gateway.server.dropped == 1
    assert sorted(took)[len(took) // 2] < 1.0
    slow.close()
    log = await stage.log()
    back = await stage.watcher(gateway, after=log[-20]["seq"], epoch=1)
    await back.reaches(log[-1]["seq"])
    assert back.entries() == log[-19:]
    await bidder.reaches(log[-1]["seq"])


async def _one_that_does_not_read(port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.setblocking(False)
    await loop.sock_connect(slow, ("127.0.0.1", port))
    handshake = (
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await loop.sock_sendall(slow, handshake.encode())
    await loop.sock_recv(slow, 1000)
    hello = json.dumps({"type": "hello", "lot": LOT}).encode()
    await loop.sock_sendall(slow, bytes([0x81, 0x80 | len(hello)]) + b"\0\0\0\0" + hello)
    return slow


async def test_behind_a_trusted_proxy_each_visitor_is_counted_and_none_invents_another(stage: Scene) -> None:
    proxy = (ip_network("127.0.0.1"),)
    gateway = await stage.gateway(limits={"per_address": 2, "trusted_proxies": proxy})
    one = {"X-Forwarded-For": "203.0.113.7"}
    first, _ = [await stage.client(gateway, headers=one) for _ in range(2)]
    for spoofed in ("203.0.113.7", "198.51.100.1, 203.0.113.7", "127.0.0.1, 203.0.113.7"):
        with pytest.raises(InvalidStatus) as refused:
            await stage.client(gateway, headers={"X-Forwarded-For": spoofed})
        assert refused.value.response.status_code == 503
    await stage.client(gateway, headers={"X-Forwarded-For": "203.0.113.8"})
    await first.leave()
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(InvalidStatus):
                await stage.client(gateway, headers=one)
                break
            await asyncio.sleep(0.02)


async def test_without_trusted_proxies_a_forwarded_address_is_not_believed(stage: Scene) -> None:
    gateway = await stage.gateway(limits={"per_address": 1})
    for _ in range(3):  # from this machine, which is not counted
        await stage.client(gateway, headers={"X-Forwarded-For": "203.0.113.7"})
    assert {connection.address for connection in gateway.server.connections} == {"127.0.0.1"}


@pytest.mark.parametrize("opcode", [0x89, 0x8A, 0x01])
async def test_a_flood_of_frames_that_are_no_message_ends_the_connection_too(
    stage: Scene, opcode: int
) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    flooder = await _one_that_does_not_read(gateway.port)
    reader, writer = await asyncio.open_connection(sock=flooder)
    frame = bytes([opcode, 0x80]) + b"\0\0\0\0"
    rest = bytes([0x00, 0x80]) + b"\0\0\0\0" if opcode == 0x01 else frame
    writer.write(frame + 400 * rest)
    heard = b""
    while data := await asyncio.wait_for(reader.read(65536), PATIENCE_S):
        heard += data
    assert (4429).to_bytes(2, "big") in heard
    writer.close()


async def test_a_message_and_a_close_in_one_segment_are_both_answered(stage: Scene) -> None:
    gateway = await stage.gateway()
    await stage.lot()
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: faults.append(context))
    raw = await _one_that_does_not_read(gateway.port)
    reader, writer = await asyncio.open_connection(sock=raw)
    ping = json.dumps({"type": "ping", "t": 77}).encode()
    writer.write(bytes([0x81, 0x80 | len(ping)]) + b"\0\0\0\0" + ping + bytes([0x88, 0x80]) + b"\0\0\0\0")
    heard = b""
    while data := await asyncio.wait_for(reader.read(65536), PATIENCE_S):
        heard += data
    writer.close()
    assert b'"t":77' in heard
    assert not faults
