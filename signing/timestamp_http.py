"""Time stamps over HTTP (RFC 3161, 3.4): one bounded request, no redirect, no proxy from the environment."""

import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import httpx

from signing.deadline import ended_after
from signing.timestamp_token import MAX_MESSAGE, NoStamp, read_response, request, signature_digest

QUERY_TYPE: Final = "application/timestamp-query"
REPLY_TYPE: Final = "application/timestamp-reply"
TOO_SLOW: Final = "the time stamp authority answers too slowly"


def stamp_over_http(
    url: str, *, within_s: float = 10.0, transport: httpx.BaseTransport | None = None
) -> Callable[[bytes], bytes]:
    """A function that gets a token (DER) over a signature value from the authority at this address.

    It raises NoStamp: the address does not answer within the time, or not with what was asked for. What it
    gives back is yet to be checked (`check_token`). Raises ValueError for an address that is not HTTP.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"the address of a time stamp authority is an HTTP address, not {url!r}")

    def stamp(signature: bytes) -> bytes:
        asked = request(signature_digest(signature))
        return read_response(_exchange(url, asked.der, within_s, transport), asked)

    return stamp


def _exchange(url: str, body: bytes, within_s: float, transport: httpx.BaseTransport | None) -> bytes:
    end = time.monotonic() + within_s
    headers = {"content-type": QUERY_TYPE, "accept": REPLY_TYPE, "accept-encoding": "identity"}
    try:
        with (
            httpx.Client(
                timeout=within_s, follow_redirects=False, trust_env=False, transport=transport
            ) as client,
            ended_after(within_s, client),
            client.stream("POST", url, content=body, headers=headers) as response,
        ):
            if response.status_code != 200:
                raise NoStamp(f"the time stamp authority answered with {response.status_code}")
            if response.headers.get("content-type", "").partition(";")[0].strip() != REPLY_TYPE:
                raise NoStamp("the time stamp authority answered with something else")
            return _bounded(response, end)
    except (httpx.HTTPError, httpx.StreamError) as error:
        if time.monotonic() >= end:
            raise NoStamp(TOO_SLOW) from error
        raise NoStamp(f"the time stamp authority does not answer: {error or type(error).__name__}") from error


def _bounded(response: httpx.Response, end: float) -> bytes:
    received = b""
    for piece in response.iter_raw(4_096):
        received += piece
        if len(received) > MAX_MESSAGE:
            raise NoStamp(f"the time stamp authority answered with more than {MAX_MESSAGE} bytes")
        if time.monotonic() > end:
            raise NoStamp(TOO_SLOW)
    return received
