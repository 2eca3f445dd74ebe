"""A telephone that was proved in a browser, and opens orders there without an account.

By the order query (query.py), or to begin an order (phone.py). It lasts while the browser is used: half an
hour after the last page, and a working day at most, as printing, signing and stamping take long. It ends at
once by 结束查询, which stands on every page that it opened, and by signing in or out: others sit at the
computers of counters and libraries afterwards.

One for a browser: kept under its visitor's cookie, so that who signs out ends it from any page; and under a
token of its own, new at each proof, so that who knew the visitor's cookie before gets nothing.
"""

import hashlib
import json
import secrets
from datetime import datetime, timedelta
from typing import Final

from starlette.responses import Response

from certificates.orders.by_telephone import Access
from web.languages import N_
from web.visits import Visit

COOKIE: Final = "luochui_orders"
IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=8)
HERE: Final = "/certificates/query/end"
_PATH: Final = "/certificates"
_ACCESS: Final = "luochui:order-access"
ENDED: Final = N_("已结束查询。在这台电脑上，别人打不开您的订单了。")


async def grant(visit: Visit, response: Response, access: Access) -> None:
    """The proof of a telephone, for this browser; the one before is over."""
    token, until = secrets.token_urlsafe(32), visit.site.clock() + LONGEST
    phone = visit.site.marks.box(_ACCESS, access.phone.encode()).hex()
    kept = [_digest(token), until.isoformat(), access.number_mark, access.contact_mark, phone]
    await visit.site.redis.set(_key(visit), json.dumps(kept), ex=IDLE)
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(LONGEST.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=visit.site.settings.secure,
        path=_PATH,
    )


async def access_of(visit: Visit) -> Access | None:
    """What is proved in this browser; each look prolongs it, up to LONGEST after the proof."""
    token = visit.request.cookies.get(COOKIE, "")
    if not 20 <= len(token) <= 100:
        return None
    found = await visit.site.redis.get(_key(visit))
    if not found:
        return None
    kept, until, number_mark, contact_mark, phone = json.loads(found)
    left = datetime.fromisoformat(until) - visit.site.clock()
    if not secrets.compare_digest(kept, _digest(token)) or left < timedelta(seconds=1):
        return None
    await visit.site.redis.expire(_key(visit), min(IDLE, left))
    visit.by_telephone = True
    opened = visit.site.marks.unbox(_ACCESS, bytes.fromhex(phone)).decode()
    return Access(number_mark, contact_mark, opened)


async def drop(visit: Visit, response: Response) -> None:
    """Whatever telephone was proved in this browser opens nothing any more."""
    await visit.site.redis.delete(_key(visit))
    response.delete_cookie(
        COOKIE, httponly=True, samesite="lax", secure=visit.site.settings.secure, path=_PATH
    )


async def end(visit: Visit) -> Response:
    response = visit.done("/certificates/query", visit.text(ENDED))
    await drop(visit, response)
    return response


def _key(visit: Visit) -> str:
    return f"{_ACCESS}:{_digest(visit.visitor)}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
