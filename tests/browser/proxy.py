"""A TCP proxy before a gateway, so that a test can cut or silence connections as a network does.

playwright's set_offline does not drop an open WebSocket; a proxy between browser and gateway does.
"""

import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

CHUNK = 65_536


@dataclass(frozen=True)
class Pair:
    browser: socket.socket
    gateway: socket.socket

    def close(self) -> None:
        for end in (self.browser, self.gateway):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Proxy:
    """Listens at once; `target` is set when the gateway's port is known."""

    def __init__(self) -> None:
        self.target: tuple[str, int] | None = None
        self.upward = self.downward = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: set[Pair] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._listener.getsockname()[1]}"

    def drop(self) -> int:
        """Cut every connection; how many there were."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            pair.close()
        return len(pairs)

    def silence(self, *, upward: bool = True, downward: bool = True) -> None:
        """Let nothing through any more: to the gateway, to the browser, or both. Connections stay open."""
        self.upward, self.downward = not upward, not downward

    def restore(self) -> None:
        self.upward = self.downward = True

    def close(self) -> None:
        self._listener.close()
        self.drop()

    def _accept(self) -> None:
        while True:
            try:
                browser, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(browser,), daemon=True).start()

    def _serve(self, browser: socket.socket) -> None:
        if self.target is None:
            browser.close()
            return
        try:
            gateway = socket.create_connection(self.target, timeout=30)
        except OSError:
            browser.close()
            return
        for end in (browser, gateway):
            end.setblocking(True)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = Pair(browser, gateway)
        with self._lock:
            self._pairs.add(pair)
        self._pump(pair)

    def _pump(self, pair: Pair) -> None:
        with selectors.DefaultSelector() as selector, suppress(OSError, ValueError):
            selector.register(pair.browser, selectors.EVENT_READ, (pair.gateway, lambda: self.upward))
            selector.register(pair.gateway, selectors.EVENT_READ, (pair.browser, lambda: self.downward))
            while pair in self._pairs:
                for key, _ in selector.select(timeout=0.5):
                    end = key.fileobj
                    assert isinstance(end, socket.socket)
                    if not _forward(end, *key.data):
                        raise OSError("closed")
        with self._lock:
            self._pairs.discard(pair)
        pair.close()


def _forward(source: socket.socket, sink: socket.socket, lets_through: Callable[[], bool]) -> bool:
    data = source.recv(CHUNK)
    if data and lets_through():
        sink.sendall(data)
    return bool(data)
