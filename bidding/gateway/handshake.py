"""Whom a gateway lets connect: by the origin of the page and the session in the cookie."""

import asyncio
import contextlib
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import structlog
from websockets.http11 import Request

from bidding.gateway.config import Config, Sessions
from bidding.gateway.guest import SignedIn
from bidding.gateway.server import Refused

log = structlog.get_logger(__name__)

SESSION_COOKIE: Final = "luochui_session"
PORTS_ANSWER_WITHIN_S: Final = 5.0


async def identify(sessions: Sessions, cookie: str) -> SignedIn | None:
    """Who has this cookie; None for nobody. Raises Refused when sessions can't be asked."""
    if not cookie:
        return None
    try:
        async with asyncio.timeout(PORTS_ANSWER_WITHIN_S):
            return await sessions.signed_in(cookie)
    except Exception as fault:  # whatever the store raises: nobody becomes anonymous because of it
        log.warning("sessions_unavailable", fault=repr(fault))
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "Sessions can't be checked now.") from None


def origin_allowed(config: Config, request: Request) -> bool:
    """Browsers always name the page's origin; programs that name none can't abuse anybody's cookie."""
    origins = request.headers.get_all("Origin")
    if not origins:
        return True
    if len(origins) > 1:
        return False
    if origins[0] in config.origins:
        return True
    with contextlib.suppress(ValueError):
        page, here = urlsplit(origins[0]), urlsplit(f"//{request.headers.get('Host', '')}")
        same_host = page.hostname is not None and page.hostname == here.hostname
        return same_host and page.port == config.web_port
    return False


def cookies_of(request: Request) -> dict[str, str]:
    """The cookies of a request; of several with one name the first (the most specific path)."""
    found: dict[str, str] = {}
    for header in request.headers.get_all("Cookie"):
        for pair in header.split(";"):
            name, _, value = pair.strip().partition("=")
            found.setdefault(name, value.strip('"'))
    return found
