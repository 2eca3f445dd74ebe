"""Where payment providers send their notifications. Nobody signs in here: the signature is who they are."""

from typing import Any, Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from certificates.payments.notices import LARGEST_BODY, NoticeRefused, Notices, Refusal
from web.certificates.pay import keys_of
from web.finance.notices import FORMS
from web.routing import Page, bounded
from web.site import Site
from web.visits import Visit

log = structlog.get_logger(__name__)

STATUS: Final = {
    Refusal.UNKNOWN_WAY: 404,
    Refusal.TOO_LARGE: 413,
    Refusal.NOT_SIGNED: 401,
    Refusal.NOT_FRESH: 401,
    Refusal.REPLAYED: 409,
    Refusal.MALFORMED: 422,
    Refusal.CONFLICTING: 409,
}


class PaidPage(Page):
    """A page for programs: no session, no form of ours, a body with a signature."""

    def route(self) -> Route:
        return Route(self.path, _Receiver(self.body_limit), methods=[self.method], name=self.path)


class _Receiver:
    """The ASGI application: a bounded body, then the signature decides."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, bounded(receive, self._limit))
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind in FORMS:
            raise HTTPException(403, "csrf")  # a browser's form is never a notification
        response = await take(request.app.state.site, request)
        await response(scope, receive, send)


async def take(site: Site, request: Request) -> Response:
    way = str(request.path_params["way"])[:20]
    body = await request.body()
    notices = Notices(site.engine, site.marks, keys_of(site))
    try:
        new = await notices.receive(way, dict(request.headers), body, now=site.clock())
    except NoticeRefused as refused:
        log.warning("payment_notice_refused", way=way, refusal=refused.refusal.value, fact=refused.fact)
        answer: dict[str, Any] = {"ok": False, "refused": refused.refusal.value, "fact": refused.fact}
        return JSONResponse(answer, STATUS[refused.refusal])
    log.info("payment_notice_taken", way=way, new=new)
    return JSONResponse({"ok": True, "new": new})


async def endpoint(visit: Visit) -> Response:
    """Never reached: `PaidPage` has a route of its own."""
    raise AssertionError(visit.path)


NOTICES: Final = PaidPage(
    "POST", "/pay/{way}/notifications", endpoint, None, LARGEST_BODY, during_maintenance=True
)
