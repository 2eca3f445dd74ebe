"""The pipelined connection: answers in order, lost connections, bounds."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import hiredis
import pytest
import uvloop

from bidding import pipeline as pipelines
from bidding.pipeline import BookUnavailable, Overloaded, Pipeline, pack
from tests.timekit import PATIENCE_S


@pytest.fixture
async def pipeline(valkey: str) -> AsyncIterator[Pipeline]:
    async with Pipeline(valkey, scripts=("return 'loaded'",)) as pipeline:
        await pipeline.ready()
        yield pipeline


async def test_answers_come_in_order_though_sent_in_one_turn(pipeline: Pipeline) -> None:
    connection = await pipeline.ready()
    answers = await asyncio.gather(*(connection.ask("ECHO", str(number)) for number in range(500)))
    assert answers == [str(number).encode() for number in range(500)]


async def test_it_knows_the_run_of_its_server_and_has_loaded_its_scripts(pipeline: Pipeline) -> None:
    connection = await pipeline.ready()
    assert connection.run == pipelines.run_of(await connection.ask("INFO", "server"))
    assert len(connection.run) == 40
    sha = await connection.ask("SCRIPT", "LOAD", "return 'loaded'")
    assert await connection.ask("EVALSHA", sha, "0") == b"loaded"


async def test_an_error_of_the_server_reaches_who_asked_and_nobody_else(pipeline: Pipeline) -> None:
    connection = await pipeline.ready()
    wrong, right = await asyncio.gather(
        connection.ask("NOSUCH"), connection.ask("ECHO", "x"), return_exceptions=True
    )
    assert isinstance(wrong, hiredis.ReplyError)
    assert right == b"x"


async def test_a_lost_connection_is_told_to_who_waits_and_comes_back(pipeline: Pipeline, valkey: str) -> None:
    connection = await pipeline.ready()
    waiting = asyncio.create_task(connection.ask("BLPOP", "nothing", "30"))
    await asyncio.sleep(0.05)
    async with Pipeline(valkey) as other:
        await (await other.ready()).ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    with pytest.raises(BookUnavailable):
        await waiting
    async with asyncio.timeout(PATIENCE_S):
        while (again := await pipeline.ready()) is connection:
            await asyncio.sleep(0.01)
    assert await again.ask("ECHO", "back") == b"back"


async def test_a_call_on_a_dead_connection_is_refused_at_once(pipeline: Pipeline) -> None:
    connection = await pipeline.ready()
    connection.close()
    await asyncio.sleep(0.05)
    with pytest.raises(BookUnavailable):
        await connection.ask("ECHO", "x")


async def test_one_call_too_many_is_refused_and_not_sent(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelines, "MAX_PENDING", 3)
    connection = await pipeline.ready()
    replies: list[Any] = []
    for _ in range(4):
        connection.call(pack("INCR", "counted"), replies.append)
    async with asyncio.timeout(PATIENCE_S):
        while len(replies) < 4:
            await asyncio.sleep(0.01)
    assert sum(isinstance(reply, Overloaded) for reply in replies) == 1
    assert await connection.ask("GET", "counted") == b"3"


def test_it_runs_under_uvloop_too(valkey: str) -> None:
    async def ask() -> bytes:
        async with Pipeline(valkey) as pipeline:
            answer: bytes = await (await pipeline.ready()).ask("ECHO", "x")
            return answer

    assert uvloop.run(ask()) == b"x"


async def test_without_a_server_ready_says_so_in_time() -> None:
    async with Pipeline("redis://127.0.0.1:1/0") as pipeline:
        with pytest.raises(BookUnavailable):
            await pipeline.ready(timeout_s=0.2)


async def test_a_server_that_no_longer_answers_is_given_up(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelines, "ANSWER_WITHIN_S", 0.3)
    connection = await pipeline.ready()
    with pytest.raises(BookUnavailable):
        await asyncio.wait_for(connection.ask("BLPOP", "nothing", "30"), PATIENCE_S)
