"""The sealed process's end of the socket. Of a call only its name and a fault's kind are logged."""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from office.sealed import wire
from office.sealed.port import NotPublished, Sealed, SealedAway, SealedFault
from office.sealed.wire import BadFrame

AT_ONCE: Final = 16
"""Calls that are worked on; more wait."""
MOST_CONNECTIONS: Final = 256
ANSWER_WITHIN_S: Final = 20.0
PUBLISH_WITHIN_S: Final = 15.0
IDLE_S: Final = 120.0

log = structlog.get_logger(__name__)


class SealedServer:
    """Answers calls on one connection after the other, `AT_ONCE` in all."""

    def __init__(self, vault: Sealed) -> None:
        self._vault = vault
        self._working = asyncio.Semaphore(AT_ONCE)
        self._connections: set[asyncio.Task[None]] = set()

    async def welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends, is silent for too long or sends what is no call."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if len(self._connections) <= MOST_CONNECTIONS and _of_this_account(writer):
                await self._serve(reader, writer)
        except (TimeoutError, BadFrame, ConnectionError) as fault:
            log.info("sealed_connection_ended", fault=type(fault).__name__)
        finally:
            self._connections.discard(task)
            writer.close()

    def end(self) -> None:
        """Cut the connections that there are."""
        for task in self._connections:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            async with asyncio.timeout(IDLE_S):
                frame = await wire.read_frame(reader)
            if frame is None:
                return
            await wire.write_frame(writer, await self._answer(frame, reader, writer))

    async def _answer(
        self, frame: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes:
        method, arguments = wire.read_call(frame)
        if method == "import_qualified":
            arguments["publish"] = _asking(reader, writer)
        try:
            async with self._working, asyncio.timeout(ANSWER_WITHIN_S):
                value = await getattr(self._vault, method)(**arguments)
            return wire.pack_answer(method, value)
        except (SealedFault, ValueError) as fault:
            return wire.pack_fault(fault)
        except (SQLAlchemyError, TimeoutError, OSError) as fault:
            log.warning("sealed_not_answered", method=method, fault=type(fault).__name__)
            return wire.pack_fault(SealedAway())


def _asking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
    """`publish` at the other end: who called takes the list to the book, and says how that went."""

    async def publish(ranks: Mapping[str, int]) -> bool:
        await wire.write_frame(writer, b'{"publish":' + wire.dump(ranks) + b"}")
        async with asyncio.timeout(PUBLISH_WITHIN_S):
            said = await wire.read_frame(reader)
        if said is None:
            raise NotPublished("who asked for it went away")
        return wire.parse(said).get("published") is True

    return publish


def _of_this_account(writer: asyncio.StreamWriter) -> bool:
    """Whether the other end runs under our own account (or root), whatever the file's mode became."""
    peer = writer.get_extra_info("socket")
    given = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", given)
    return user in (os.geteuid(), 0)


@asynccontextmanager
async def serving(vault: Sealed, path: Path) -> AsyncIterator[None]:
    """The socket, for this account alone, while the block runs. What an earlier run left is replaced."""
    _make_way(path)
    welcomes = SealedServer(vault)
    before = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(welcomes.welcome, path=str(path), backlog=MOST_CONNECTIONS)
    finally:
        os.umask(before)
    try:
        yield
    finally:
        server.close()
        welcomes.end()
        _make_way(path)


def _make_way(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
