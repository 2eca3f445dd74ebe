"""What machines ask for: alive, ready, measurements."""

import json

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from web.site import Site


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
    site: Site = request.app.state.site
    return Response(generate_latest(site.registry), media_type=CONTENT_TYPE_LATEST)
