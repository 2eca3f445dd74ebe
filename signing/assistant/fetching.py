"""What the assistant fetches itself: from one origin, without redirects, bounded in size and time."""

import ssl
import time
from typing import Final

import httpx

from signing import SigningError
from signing.deadline import ended_after
from signing.jobs import is_loopback, is_origin

WITHIN_S: Final = 20.0
_PART_S: Final = 5.0


class FetchError(SigningError):
    """Nothing usable came. `code` is a word for messages."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(f"not fetched: {why}")
        self.code = code


def permitted(origin: str, *, demo: bool) -> bool:
    """Whether anything may be fetched from there at all: HTTPS; this computer in a demonstration."""
    return is_origin(origin) and (origin.startswith("https://") or (demo and is_loopback(origin)))


def fetch(url: str, origin: str, *, limit: int, demo: bool, within_s: float = WITHIN_S) -> bytes:
    """The body at `url`, at most `limit` bytes of it, whole. Raises FetchError.

    Certificates of servers are checked by this computer's own list of authorities. No proxy and no cookie of
    this computer takes part. A redirect is an error, as is every status but 200.
    """
    if not permitted(origin, demo=demo) or not url.startswith(f"{origin}/"):
        raise FetchError("address", "the address is not at a paired origin")
    timeout = httpx.Timeout(min(_PART_S, within_s))
    until = time.monotonic() + within_s
    try:
        with (
            httpx.Client(
                follow_redirects=False, trust_env=False, timeout=timeout, verify=ssl.create_default_context()
            ) as client,
            ended_after(within_s, client),
            client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer,
        ):
            return _body(answer, limit, until)
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
        if time.monotonic() >= until:
            raise FetchError("too-slow", "it took too long") from error
        raise FetchError("unreachable", type(error).__name__) from error


def _body(answer: httpx.Response, limit: int, until: float) -> bytes:
    if answer.is_redirect or 300 <= answer.status_code < 400:
        raise FetchError("redirect", "it points somewhere else")
    if answer.status_code != 200:
        raise FetchError("status", f"status {answer.status_code}")
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise FetchError("status", "it is compressed, which was not asked for")
    body = bytearray()
    for part in answer.iter_raw(65_536):
        body += part
        if len(body) > limit:
            raise FetchError("too-large", f"more than {limit} bytes")
        if time.monotonic() > until:
            raise FetchError("too-slow", "it took too long")
    return bytes(body)
