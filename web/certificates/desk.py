"""办证审核: the queue of the clerks, by what is to be done and until when."""

from typing import Any, Final

from starlette.responses import Response

from certificates.catalogue.store import Catalogue
from certificates.desk.queue import Found, Lying, Queue, Shelf, Wanted
from certificates.orders.performing import By
from web.certificates.desk_own import DESK, clerk_of, desk_address
from web.certificates.desk_words import EMPTY, SHELVES, URGENCIES
from web.certificates.order_words import BADGES, state_of
from web.certificates.own import NUMBER, orders_on
from web.certificates.showing import certificate_name, what
from web.languages import N_
from web.pages import page
from web.visits import Visit

MOST_SHOWN: Final = 20
NO_SUCH: Final = N_("没有这个订单，请核对订单号。")


async def index(visit: Visit) -> Response:
    """One shelf, one page; a number that is typed leads to its order."""
    wanted = wanted_of(visit)
    found = await Queue(visit.site.engine).page_of(wanted, now=visit.site.clock())
    names = {one.key: visit.named(one.rules) for one in await Catalogue(visit.site.engine).channels()}
    return page(
        visit,
        "certificates/desk/queue.html",
        rows=[await row_of(visit, one, names) for one in found.rows],
        found=found,
        wanted=wanted,
        tabs=_tabs(visit, wanted, found),
        channels=[("", visit.text(N_("全部渠道"))), *((key, names.get(key, key)) for key in found.channels)],
        empty=visit.text(EMPTY[wanted.shelf]),
        address=f"{DESK}?shelf={wanted.shelf}&channel={wanted.channel}&page=",
    )


def wanted_of(visit: Visit) -> Wanted:
    shelf, channel = visit.query("shelf"), visit.query("channel", 40)
    number = visit.query("number", 40).strip().upper()
    return Wanted(
        shelf=Shelf(shelf) if shelf in set(Shelf) else Shelf.REVIEW,
        channel=channel if channel.replace("_", "").isalnum() and channel.isascii() else "",
        number=number if NUMBER.fullmatch(number) else "",
        page=visit.page(),
    )


async def find(visit: Visit) -> Response:
    """By its number, wherever it lies."""
    number = visit.query("number", 40).strip().upper()
    if not NUMBER.fullmatch(number):
        return visit.refused(DESK, visit.text(NO_SUCH), 404)
    return visit.redirect(desk_address(number))


def _tabs(visit: Visit, wanted: Wanted, found: Found) -> list[dict[str, Any]]:
    return [
        {
            "href": f"{DESK}?shelf={shelf}&channel={wanted.channel}",
            "text": visit.text(word),
            "current": shelf is wanted.shelf,
            "count": found.counts[shelf] if shelf is not Shelf.OVER else None,
        }
        for shelf, word in SHELVES.items()
    ]


async def row_of(visit: Visit, one: Lying, names: dict[str, str]) -> dict[str, Any]:
    """A line of the queue: whose name is in it only those read who may work on it."""
    mine = await orders_on(visit.site).of(one.order.number, By.clerk(clerk_of(visit)))
    return {
        "order": one.order,
        "href": desk_address(one.order.number),
        "name": certificate_name(mine),
        "what": what(visit, one.order),
        "channel": names.get(one.order.channel, one.order.channel),
        "state": visit.text(state_of(one.order.service, one.order.state)),
        "badge": BADGES.get(one.order.state, "neutral"),
        "held_by": one.held_by,
        "mine": bool(one.held_by) and one.order.worked_by == clerk_of(visit),
        "walk_in": one.walk_in,
        **due_shown(visit, one),
    }


def due_shown(visit: Visit, one: Lying) -> dict[str, Any]:
    if one.urgency is None:
        return {"due": None, "urgent": "", "urgent_badge": ""}
    word, badge = URGENCIES[one.urgency]
    return {
        "due": one.due_on,
        "provisional": one.provisional,
        "urgent": visit.text(word),
        "urgent_badge": badge,
    }
