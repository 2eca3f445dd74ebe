"""A server whose answer never gets past its head holds nobody for longer than was said."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from signing.assistant.fetching import FetchError, fetch
from signing.timestamp import NoStamp, stamp_over_http

PAUSE_S = 0.1


@pytest.fixture
def trickling() -> Iterator[str]:
    """One byte of a header after the other, each well within the limit of a read."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                for _ in range(1_000):
                    connection.sendall(b"a")
                    time.sleep(PAUSE_S)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/tsa"
    listener.close()


def test_a_head_that_trickles_is_given_up_in_time(trickling: str) -> None:
    begun = time.monotonic()
    with pytest.raises(NoStamp, match="slowly"):
        stamp_over_http(trickling, within_s=0.5)(b"x" * 70)
    assert time.monotonic() - begun < 30


def test_the_assistant_gives_it_up_in_time_too(trickling: str) -> None:
    begun = time.monotonic()
    with pytest.raises(FetchError) as refused:
        fetch(trickling, trickling.removesuffix("/tsa"), limit=1_000, demo=True, within_s=0.5)
    assert refused.value.code == "too-slow"
    assert time.monotonic() - begun < 30
