"""What machines ask for: alive, ready, measurements."""

import asyncio
import json
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from web.site import Site

LEDGER_METRICS: Final = "luochui:metrics:ledger"
"""Prometheus' text of the ledger's process, which publishes it with an expiry of 10 s."""
LEDGER_AT_MOST: Final = 256 * 1024
LEDGER_WITHIN_S: Final = 1.0


async def healthz(_request: Request) -> Response:
    """The process answers; nothing else is asked."""
    return PlainTextResponse("ok\n")


async def readyz(request: Request) -> Response:
    """Whether an acknowledged bid would be safe now; 503 with the failing checks if not."""
    site: Site = request.app.state.site
    ready, report = await site.readiness()
    text = json.dumps(report, ensure_ascii=False, indent=2) + "\n"
    return Response(text, 200 if ready else 503, media_type="application/json")


async def metrics(request: Request) -> Response:
    """What the web measures, and behind it what the ledger's process last published."""
    site: Site = request.app.state.site
    text = generate_latest(site.registry) + await _of_the_ledger(site)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


async def _of_the_ledger(site: Site) -> bytes:
    """Empty when the ledger's process is silent (its text expires), Redis does not answer, or the text is
    longer than it can be."""
    try:
        async with asyncio.timeout(LEDGER_WITHIN_S):
            found = await site.redis.getrange(LEDGER_METRICS, 0, LEDGER_AT_MOST)
    except (RedisError, OSError, TimeoutError):
        return b""
    text = found.encode() if isinstance(found, str) else bytes(found)
    if len(text) > LEDGER_AT_MOST or not text.endswith(b"\n"):
        return b""
    return text
