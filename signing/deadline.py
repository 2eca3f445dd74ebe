"""One end for a whole exchange over HTTP.

The limits of an HTTP client are for each read: a peer that sends a byte now and then holds a thread for ever.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx


@contextmanager
def ended_after(within_s: float, client: httpx.Client) -> Iterator[None]:
    """The client's connections are closed then, whatever it waits for; it raises one of httpx' errors."""
    watch = threading.Timer(within_s, client.close)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
