"""Where programs send signed messages: a bank's, a payment provider's. Nobody signs in here: the signature is
who they are.

    NOTICES = signed_page("/bank/{bank}/notifications", take, LARGEST_BODY)

`take` is given the site, who sends, headers and body; it answers with what the sender is told,
or raises MessageRefused.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from office.banking.signed import MessageRefused, Refusal
from web.routing import Page, bounded
from web.site import Site
from web.visits import Visit

log = structlog.get_logger(__name__)

STATUS: Final[Mapping[Refusal, int]] = {
    Refusal.UNKNOWN_SENDER: 404,
    Refusal.TOO_LARGE: 413,
    Refusal.NOT_SIGNED: 401,
    Refusal.NOT_FRESH: 401,
    Refusal.REPLAYED: 409,
    Refusal.MALFORMED: 422,
    Refusal.CONFLICTING: 409,
}
FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
LONGEST_SENDER: Final = 40

Take = Callable[[Site, str, Mapping[str, str], bytes], Awaitable[Mapping[str, Any]]]
"""(site, sender, headers, body) -> what the sender is told besides "ok"."""


async def never(visit: Visit) -> Response:
    """Never reached: a `SignedPage` has a route of its own."""
    raise AssertionError(visit.path)


@dataclass(frozen=True, slots=True)
class SignedPage(Page):
    """A page for programs: no session, no form of ours, a bounded body with a signature. Its address has one
    parameter, which names the sender."""

    take: Take | None = None

    def route(self) -> Route:
        return Route(self.path, _Receiver(self), methods=[self.method], name=self.path)


def signed_page(path: str, take: Take, largest: int) -> SignedPage:
    return SignedPage("POST", path, never, None, largest, during_maintenance=True, take=take)


class _Receiver:
    """The ASGI application."""

    def __init__(self, page: SignedPage) -> None:
        assert page.take is not None, page.path
        self._take = page.take
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, bounded(receive, self._page.body_limit))
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind in FORMS:
            raise HTTPException(403, "csrf")  # a browser's form is never a notification
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        """In words that a program can tell apart; what was taken before is fine."""
        site: Site = request.app.state.site
        (sender,) = (str(value)[:LONGEST_SENDER] for value in request.path_params.values())
        said = {"path": self._page.path, "sender": sender}
        try:
            told = await self._take(site, sender, dict(request.headers), await request.body())
        except MessageRefused as refused:
            log.warning("signed_message_refused", **said, refusal=refused.refusal.value, fact=refused.fact)
            answer = {"ok": False, "refused": refused.refusal.value, "fact": refused.fact}
            return JSONResponse(answer, STATUS[refused.refusal])
        log.info("signed_message_taken", **said, **told)
        return JSONResponse({"ok": True, **told})
