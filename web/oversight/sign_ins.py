"""登录记录: where the visitor's account was signed in to; and the hub of everything that is one's own."""

import re
import secrets
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from office.accounts import MARKET, Role
from office.sign_ins import Outcome, Seen, SignIns
from web.oversight.words import SIGN_IN_WORDS
from web.pages import page
from web.visits import Visit

log = structlog.get_logger(__name__)

BROWSER_COOKIE: Final = "luochui_browser"
BROWSER_LIVES_S: Final = 400 * 24 * 3600
_BROWSER: Final = re.compile(r"[A-Za-z0-9_-]{22}")


async def index(visit: Visit) -> Response:
    assert visit.signed_in is not None
    found = await _sign_ins(visit).of(visit.signed_in.account_id)
    return page(visit, "oversight/sign_ins.html", sign_ins=found, words=SIGN_IN_WORDS)


async def hub(visit: Visit) -> Response:
    """个人中心."""
    return page(visit, "oversight/my.html", seals=visit.role in MARKET)


async def remember(visit: Visit, account_id: int, outcome: Outcome, response: Response | None = None) -> None:
    """Note a sign-in; `response` gets the browser's random name. Nobody is kept out because of a note."""
    device = _device(visit) or secrets.token_urlsafe(16)
    if response is not None:
        response.set_cookie(
            BROWSER_COOKIE,
            device,
            max_age=BROWSER_LIVES_S,
            httponly=True,
            samesite="lax",
            secure=visit.site.settings.secure,
        )
    try:
        await _sign_ins(visit).note(account_id, outcome, _seen(visit, device), visit.site.clock())
    except SQLAlchemyError as fault:
        log.error("sign_in_not_noted", fault=type(fault).__name__)


async def trace(visit: Visit) -> None:
    """A bidder is in a room; which one is not noted."""
    if visit.signed_in is None or visit.role is not Role.BIDDER:
        return
    try:
        seen = _seen(visit, _device(visit) or visit.visitor)
        await _sign_ins(visit).trace(visit.signed_in.account_id, seen, visit.site.clock())
    except SQLAlchemyError as fault:
        log.error("trace_not_noted", fault=type(fault).__name__)


def _sign_ins(visit: Visit) -> SignIns:
    return SignIns(visit.site.engine, visit.site.marks)


def _seen(visit: Visit, device: str) -> Seen:
    return Seen(visit.address, device, visit.request.headers.get("user-agent", ""))


def _device(visit: Visit) -> str:
    """The random name that this browser was given at its first sign-in."""
    kept = visit.request.cookies.get(BROWSER_COOKIE, "")
    return kept if _BROWSER.fullmatch(kept) else ""
