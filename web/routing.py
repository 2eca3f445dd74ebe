"""The way of every request: who is it, may they, is the form really theirs, then the page.

A route is a `Page` in one table (web/routes.py) that says who may use it; there is no other way to a page.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal

from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from office.accounts import MARKET, Role
from office.sessions import COOKIE as SESSION_COOKIE
from office.sessions import SignedIn
from web import csrf, unsent
from web.oversight.readers import unread
from web.site import Site
from web.visits import Visit, dress, read_uploads

Who = frozenset[Role] | None
"""The roles that may use a route; None: everybody, signed in or not."""

EVERYBODY: Final[Who] = None
SIGNED_IN: Final = frozenset(Role)
BIDDERS: Final = frozenset({Role.BIDDER})
ADMINISTRATORS: Final = frozenset({Role.ADMINISTRATOR})
SEALERS: Final = MARKET
OVERSEERS: Final = frozenset({Role.ADMINISTRATOR, Role.REGULATOR})
TRANSFERORS: Final = frozenset({Role.TRANSFEROR})
FINANCE: Final = frozenset({Role.FINANCE})

FORM_LIMIT: Final = 256 * 1024
UPLOAD_LIMIT: Final = 1024 * 1024
MOST_FIELDS: Final = 100
MAINTENANCE_KEY: Final = "luochui:maintenance"

Endpoint = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Page:
    """One method on one path.

    `during_maintenance`: it stays open then to those who may use it, because auctions go on: the way to the
    room, the room, the board and its commands.
    `with_given_password`: it stays open to who signed in with a password that somebody else chose.
    `keeps_unsent`: a form that takes long to fill in; who sends it after the session has ended finds it again
    after signing in.
    `ends_session`: all it does is sign out.
    """

    method: Literal["GET", "POST"]
    path: str
    endpoint: Endpoint
    who: Who
    body_limit: int = FORM_LIMIT
    during_maintenance: bool = False
    with_given_password: bool = False
    keeps_unsent: bool = False
    ends_session: bool = False

    def route(self) -> Route:
        return Route(self.path, _Guarded(self), methods=[self.method], name=self.path)


class BodyTooLarge(HTTPException):
    def __init__(self, limit: int) -> None:
        super().__init__(413, f"over {limit} bytes")


class _Guarded:
    """The ASGI application of one page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, bounded(receive, self.page.body_limit))
        request.state.officials_only = self.page.who is not None and Role.BIDDER not in self.page.who
        site: Site = request.app.state.site
        visit = await arrive(site, request)
        check_open(visit, self.page)
        check_password(visit, self.page)
        visit.unread = await unread(visit)
        response = dress(visit, await self._answer(visit))
        await response(scope, receive, send)

    async def _answer(self, visit: Visit) -> Response:
        named = csrf.says_origin(visit.request)
        if self.page.keeps_unsent and visit.signed_in is None and named:
            await read_form(visit, self.page, any_token=True)
            return await unsent.keep(visit)
        check_role(visit, self.page.who)
        if self.page.method == "POST":
            # Who is signed out against their will has lost nothing; who can't sign out may lose a lot.
            await read_form(visit, self.page, any_token=self.page.ends_session and named)
        return await self.page.endpoint(visit)


async def arrive(site: Site, request: Request) -> Visit:
    """Find out who it is. Without Redis only those are served who bring no session."""
    cookie = request.cookies.get(SESSION_COOKIE)
    request.state.visit = await Visit.of(site, request, signed_in=None)
    signed_in: SignedIn | None = await site.sessions.signed_in(cookie)
    visit = await Visit.of(site, request, signed_in=signed_in)
    visit.maintenance = await _maintenance(site)
    request.state.visit = visit
    return visit


async def _maintenance(site: Site) -> str:
    try:
        text = await site.redis.get(MAINTENANCE_KEY)
    except (RedisError, OSError):
        return ""
    return (text.decode() if isinstance(text, bytes) else text or "")[:500]


def check_open(visit: Visit, page: Page) -> None:
    """During maintenance administrators read; all others only get where the auction goes on."""
    if not visit.maintenance or page.during_maintenance:
        return
    if visit.role is not Role.ADMINISTRATOR or page.method != "GET":
        raise HTTPException(503, "maintenance")


def check_role(visit: Visit, who: Who) -> None:
    if who is None or visit.role in who:
        return
    raise HTTPException(401 if visit.signed_in is None else 403)


def check_password(visit: Visit, page: Page) -> None:
    """A password that somebody else knows opens one page: the one where it is replaced."""
    if visit.signed_in is not None and visit.signed_in.password_given and not page.with_given_password:
        raise HTTPException(403, "given password")


async def read_form(visit: Visit, page: Page, *, any_token: bool = False) -> None:
    """Read a POST's fields and make sure that our own page sent them.

    `any_token`: the browser's word for where the form stood is enough, for what a stale page may do as well.
    """
    request, limit = visit.request, page.body_limit
    if not csrf.same_origin(request, visit.site.settings.origins):
        raise HTTPException(403, "origin")
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise HTTPException(400, "not a form")
    try:
        async with request.form(max_files=1, max_fields=MOST_FIELDS, max_part_size=limit) as form:
            visit.form, visit.files = await read_uploads(form)
    except (MultiPartException, UnicodeDecodeError) as wrong:
        raise HTTPException(400, "not a form") from wrong
    presented = request.headers.get(csrf.HEADER) or visit.form.get(csrf.FIELD, "")
    if not any_token and not csrf.fits(visit.site.settings.secret, visit.bound_to, presented):
        raise HTTPException(403, "csrf")
    if any("\0" in text for text in visit.form.values()):
        raise HTTPException(400, "zero character")


def bounded(receive: Receive, limit: int) -> Receive:
    """The request's body up to a limit; what is more is an error, whatever its headers say."""
    taken = 0

    async def receive_bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise BodyTooLarge(limit)
        return message

    return receive_bounded
