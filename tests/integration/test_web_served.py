"""How the pages are served: slow requests, proxies before them, and what machines read."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import redis.asyncio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from luochui.processes import web
from luochui.processes.patience import BoundedRequests
from luochui.settings import Settings
from tests.timekit import PATIENCE_S
from tests.webkit import Web, web_on
from web.operations import LEDGER_AT_MOST, LEDGER_METRICS


class Hasty(BoundedRequests):
    headers_within_s = 0.4
    body_within_s = 0.8


async def tell(request: Request) -> Response:
    """Who asks, and how much they sent."""
    assert request.client is not None
    body = await request.body()
    return PlainTextResponse(f"{request.client.host} {request.url.scheme} {len(body)}")


APP = Starlette(routes=[Route("/", tell, methods=["GET", "POST"])])


@asynccontextmanager
async def served(*, proxies: tuple[str, ...] = (), http: type[BoundedRequests] = Hasty) -> AsyncIterator[int]:
    """The server as the web's process configures it, in a hurry. Gives the port."""
    config = web.server_config(APP, Settings(trusted_proxies=proxies, port=1))
    assert config.http is BoundedRequests
    config.port, config.http = 0, http
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


async def cut_after(port: int, first: bytes, trickle: bytes) -> float:
    """Seconds until a connection that sends `first` and then a byte now and then is cut."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first)
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not reader.at_eof():
                writer.write(trickle)
                await asyncio.wait({asyncio.ensure_future(reader.read(1))}, timeout=0.05)
    except OSError:
        pass
    finally:
        writer.close()
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("first", "trickle", "least"),
    [
        (b"", b"", 0.3),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"a", 0.3),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n", b"a", 0.6),
    ],
    ids=["nothing at all", "headers that never end", "a body that never ends"],
)
async def test_a_request_that_does_not_arrive_in_time_is_cut(
    first: bytes, trickle: bytes, least: float
) -> None:
    async with served() as port:
        assert least < await cut_after(port, first, trickle) < PATIENCE_S


async def test_requests_on_one_connection_have_their_time_each() -> None:
    """All of them take longer than one may. Where the machine stood still for too long, it is tried again."""
    for _ in range(10):
        with contextlib.suppress(httpx.TransportError):
            await several_on_one_connection()
            return
    raise AssertionError("a connection was cut, whatever was on it")


async def several_on_one_connection() -> None:
    limits = httpx.Limits(max_connections=1)
    async with (
        served() as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits) as client,
    ):
        for size in range(8):
            answer = await client.post("/", content=b"x" * size)
            assert answer.text == f"127.0.0.1 http {size}"
            await asyncio.sleep(0.15)


async def test_without_trusted_proxies_nobody_is_believed() -> None:
    async with served() as port:
        assert await seen(port, "203.0.113.7") == "127.0.0.1 http 0"


async def test_a_trusted_proxy_names_the_visitor_and_the_visitor_nobody() -> None:
    async with served(proxies=("127.0.0.0/8",)) as port:
        assert await seen(port, "203.0.113.7") == "203.0.113.7 https 0"
        assert await seen(port, "198.51.100.1, 203.0.113.7") == "203.0.113.7 https 0"
    async with served(proxies=("10.0.0.1",)) as port:
        assert await seen(port, "203.0.113.7") == "127.0.0.1 http 0"


async def seen(port: int, forwarded: str) -> str:
    headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"}
    async with httpx.AsyncClient() as client:
        return (await client.get(f"http://127.0.0.1:{port}/", headers=headers)).text


@pytest.fixture
async def site(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as found:
        yield found


async def test_the_metrics_hold_what_the_ledger_published(site: Web, valkey: str) -> None:
    published = "# TYPE luochui_ledger_seals_total counter\nluochui_ledger_seals_total 3.0\n"
    async with redis.asyncio.Redis.from_url(valkey) as client:
        assert "luochui_ledger" not in (await site.visitor().get("/metrics")).text
        await client.set(LEDGER_METRICS, published)
        text = (await site.visitor().get("/metrics")).text
        assert text.endswith(published)
        assert "luochui_web_requests_total" in text


async def test_what_is_no_measurement_stays_out_of_the_metrics(site: Web, valkey: str) -> None:
    async with redis.asyncio.Redis.from_url(valkey) as client:
        for nonsense in ("cut off in the middle of", "x" * LEDGER_AT_MOST + "\n"):
            await client.set(LEDGER_METRICS, nonsense)
            assert len((await site.visitor().get("/metrics")).text) < LEDGER_AT_MOST
            assert nonsense[:20] not in (await site.visitor().get("/metrics")).text
        await client.delete(LEDGER_METRICS)
        await client.lpush(LEDGER_METRICS, "another type")
        assert (await site.visitor().get("/metrics")).status_code == 200
