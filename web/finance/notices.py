"""Where banks send their notifications. Nobody signs in here: the signature is who they are."""

from typing import Any, Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from office.banking.notifications import LARGEST_BODY, NotificationRefused, Notifications, Refusal
from web.routing import Page, bounded
from web.site import Site
from web.visits import Visit

log = structlog.get_logger(__name__)

STATUS: Final = {
    Refusal.UNKNOWN_BANK: 404,
    Refusal.TOO_LARGE: 413,
    Refusal.NOT_SIGNED: 401,
    Refusal.NOT_FRESH: 401,
    Refusal.REPLAYED: 409,
    Refusal.MALFORMED: 422,
    Refusal.CONFLICTING: 409,
}
FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


class NoticePage(Page):
    """A page for programs: no session, no form of ours, a body with a signature."""

    def route(self) -> Route:
        return Route(self.path, _Receiver(self.body_limit), methods=[self.method], name=self.path)


class _Receiver:
    """The ASGI application: a bounded body, then the office decides."""

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
    """Answer in words that a bank's program can tell apart; what was taken before is fine."""
    bank = str(request.path_params["bank"])[:40]
    body = await request.body()
    notifications = Notifications(site.engine, site.settings.bank_keys)
    try:
        taken = await notifications.receive(bank, dict(request.headers), body, now=site.clock())
    except NotificationRefused as refused:
        log.warning("notification_refused", bank=bank, refusal=refused.refusal.value, fact=refused.fact)
        answer: dict[str, Any] = {"ok": False, "refused": refused.refusal.value, "fact": refused.fact}
        return JSONResponse(answer, STATUS[refused.refusal])
    log.info("notification_taken", bank=bank, new=taken.new, known=taken.known)
    return JSONResponse({"ok": True, "new": taken.new, "known": taken.known})


async def endpoint(visit: Visit) -> Response:
    """Never reached: `NoticePage` has a route of its own."""
    raise AssertionError(visit.path)


NOTICES: Final = NoticePage(
    "POST", "/bank/{bank}/notifications", endpoint, None, LARGEST_BODY, during_maintenance=True
)
