"""Raw client sockets for the load: no WebSocket library, so that the load costs as little as it can.

Client frames are masked with zeros, which is a mask like any other: the payload goes out as it is.
"""

import base64
import json
import os
import resource
import select
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
RECEIVE: Final = 256 * 1024
CONNECT_AT_ONCE: Final = 100
SETTLE_WITHIN_S: Final = 30.0
_CLOSING: Final = 0x88


class NotLoopback(ValueError):
    """Load goes to this machine only."""

    def __init__(self, url: str) -> None:
        super().__init__(f"{url}: load is made on this machine only (127.0.0.1, localhost, ::1)")


def check_loopback(url: str) -> None:
    """Raises NotLoopback for anything else."""
    if (urlsplit(url).hostname or "") not in LOOPBACK:
        raise NotLoopback(url)


def allow_files(wanted: int) -> None:
    """Raise the limit of open files; RuntimeError when this account may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except (ValueError, OSError):
        if hard < wanted:
            raise RuntimeError(f"{wanted} open files are needed, {hard} are allowed (ulimit -n)") from None
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def text_frame(payload: bytes) -> bytes:
    """A client's text frame."""
    length = len(payload)
    size = bytes((0x80 | length,)) if length < 126 else bytes((0x80 | 126,)) + length.to_bytes(2, "big")
    return b"\x81" + size + b"\0\0\0\0" + payload


def handshake(host: str, port: int, cookie: str = "") -> bytes:
    """The request that opens a WebSocket."""
    lines = [
        "GET / HTTP/1.1",
        f"Host: {host}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
    ]
    lines += [f"Cookie: luochui_session={cookie}"] if cookie else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def hello(lot: str) -> bytes:
    return text_frame(f'{{"type":"hello","lot":"{lot}","after":null,"epoch":null,"t":null}}'.encode())


def connect(host: str, port: int) -> socket.socket:
    connection = socket.create_connection((host, port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setblocking(False)
    return connection


SNAPSHOT: Final = b'{"type":"snapshot"'


def snapshot_in(data: bytes) -> tuple[dict[str, Any], bytes] | None:
    """The snapshot with which a lot begins, and what follows it; None when it is not complete yet."""
    at = data.find(SNAPSHOT)
    if at < 0:
        return None
    try:  # latin-1: places in the text are places in the bytes
        snapshot, end = json.JSONDecoder().raw_decode(data[at:].decode("latin-1"))
    except ValueError:
        return None
    return snapshot, data[at + end :]


class Crowd:
    """Many connections in one epoll loop. `heard(index, data)` gets what comes, piece by piece."""

    def __init__(self, heard: Callable[[int, memoryview], None]) -> None:
        self._heard = heard
        self._epoll = select.epoll()
        self._buffer = bytearray(RECEIVE)
        self._view = memoryview(self._buffer)
        self._index: dict[int, int] = {}
        self.connections: list[socket.socket] = []
        self.lost = 0

    def add(self, connection: socket.socket) -> int:
        index = len(self.connections)
        self.connections.append(connection)
        self._index[connection.fileno()] = index
        self._epoll.register(connection.fileno(), select.EPOLLIN)
        return index

    def watch(self, fileno: int) -> None:
        """Also wake for this one (the parent's commands); its events are left to the caller."""
        self._epoll.register(fileno, select.EPOLLIN)

    def turn(self, wait_s: float) -> list[int]:
        """Wait for news and tell them. Returns the ready files that are not connections."""
        others = []
        for fileno, _ in self._epoll.poll(wait_s):
            index = self._index.get(fileno)
            if index is None:
                others.append(fileno)
                continue
            self._receive(index)
        return others

    def _receive(self, index: int) -> None:
        try:
            length = self.connections[index].recv_into(self._buffer)
        except BlockingIOError:
            return
        except OSError:
            length = 0
        if length == 0:
            self._drop(index)
        else:
            self._heard(index, self._view[:length])

    def _drop(self, index: int) -> None:
        connection = self.connections[index]
        self._epoll.unregister(connection.fileno())
        del self._index[connection.fileno()]
        connection.close()
        self.lost += 1

    def close(self) -> None:
        for connection in self.connections:
            connection.close()
        self._epoll.close()


def join(
    crowd: Crowd,
    *,
    host: str,
    port: int,
    lots: Sequence[str],
    cookies: Mapping[int, str],
    settled: Callable[[], int],
) -> None:
    """Let one connection for each of `lots` in, a hundred at a time; `settled` counts the snapshots."""
    deadline = time.monotonic() + SETTLE_WITHIN_S
    for first in range(0, len(lots), CONNECT_AT_ONCE):
        wave = range(first, min(first + CONNECT_AT_ONCE, len(lots)))
        for index in wave:
            connection = connect(host, port)
            crowd.add(connection)
            connection.send(handshake(host, port, cookies.get(index, "")) + hello(lots[index]))
        while settled() < wave.stop:
            crowd.turn(0.1)
            if crowd.lost or time.monotonic() > deadline:
                raise RuntimeError(f"{settled()} of {wave.stop} connections were let in, {crowd.lost} lost")
