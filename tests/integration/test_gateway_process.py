"""The gateway as a process of its own: settings in, sessions of the pages, a signal to end."""

import asyncio
import signal
import socket
import sys
from pathlib import Path

import httpx
import redis.asyncio
from websockets.asyncio.client import connect

from luochui.settings import Settings
from office.sessions import SessionDirectory
from tests.gatewaykit import Client, Scene, scene
from tests.timekit import PATIENCE_S

PROGRAM = "from luochui.settings import load; from luochui.processes.gateway import main; main(load())"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        number: int = found.getsockname()[1]
        return number


async def test_the_process_serves_knows_the_sessions_and_ends_on_a_signal(
    database: str, valkey: str, tmp_path: Path
) -> None:
    port = free_port()
    settings = Settings(port=port - 1, data=tmp_path, database_url=database, redis_url=valkey, partitions=2)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM),
        env={**settings.environment(), "PYTHONPATH": str(Path.cwd())},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        await _ready(port)
        async with scene(valkey) as stage:
            await stage.lot()
            await _administrator_is_known(stage, valkey, port)
        process.send_signal(signal.SIGTERM)
        _, told = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, told.decode()


async def _ready(port: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as pages, asyncio.timeout(PATIENCE_S):
        while True:
            try:
                if (await pages.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


async def _administrator_is_known(stage: Scene, valkey: str, port: int) -> None:
    async with redis.asyncio.Redis.from_url(valkey) as client:
        directory = SessionDirectory(client)
        cookie, session_id = await directory.start(7, "administrator", "测试管理员")
        connection = await connect(
            f"ws://127.0.0.1:{port}/",
            additional_headers={"Cookie": f"luochui_session={cookie}"},
            proxy=None,
            compression=None,
        )
        board = Client(connection)
        await board.say(type="board")
        await board.hears("board", where=lambda message: bool(message["lots"]))
        await directory.end(session_id)
        assert await board.closed() == 4401
        await board.leave()


BROKEN = """
import asyncio
from bidding.gateway.tail import Tail
async def broken(self, connection):
    await asyncio.sleep(1)
    raise RuntimeError("planted")
Tail._read = broken
"""


async def test_a_process_whose_log_reader_ends_does_not_live_on(
    database: str, valkey: str, tmp_path: Path
) -> None:
    port = free_port()
    settings = Settings(port=port - 1, data=tmp_path, database_url=database, redis_url=valkey, partitions=2)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", BROKEN + PROGRAM.replace("; ", "\n")),
        env={**settings.environment(), "PYTHONPATH": str(Path.cwd())},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, told = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 1, told.decode()
    assert "gateway_failed" in told.decode()
