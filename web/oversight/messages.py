"""我的消息: what the platform told the visitor; and in a demonstration, what would have left the site."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import text
from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.messages.channels import outbox_page
from office.messages.inbox import PAGE, Message
from office.messages.kinds import Said, said
from web.languages import N_
from web.oversight.readers import forget_unread, reader_of
from web.pages import page
from web.visits import Visit, local

HERE: Final = "/my/messages"
MOST_PAGES: Final = 50
OUTBOX_PAGE: Final = 20
GIVEN_UP_SHOWN: Final = 50

_TITLES: Final = text("SELECT lot, title FROM listings WHERE lot = ANY(:lots)")
_GIVEN_UP: Final = text(
    "SELECT d.channel, d.kind, d.attempts, d.fault, d.finished_at, a.login"
    " FROM deliveries d LEFT JOIN accounts a ON a.id = d.account_id"
    " WHERE d.state = 'given_up' AND d.registration IS NULL ORDER BY d.id DESC LIMIT :most"
)
_TO_BIDDERS: Final = text(
    "SELECT DISTINCT channel, fault FROM deliveries WHERE state = 'given_up' AND registration IS NOT NULL"
    " ORDER BY channel, fault LIMIT :most"
)
"""Without their number, kind and day: until the close nobody counts who registered."""
_WAITING: Final = text(
    "SELECT count(*) FILTER (WHERE attempts = 0) AS waiting, count(*) FILTER (WHERE attempts > 0) AS again"
    " FROM deliveries WHERE next_at IS NOT NULL AND registration IS NULL"
)


async def index(visit: Visit) -> Response:
    """The newest first; `show=unread`: only what was not opened yet."""
    unread_only = visit.query("show") == "unread"
    number = min(visit.page(), MOST_PAGES)
    messages, total = await visit.site.inbox.page(await reader_of(visit), number, unread_only=unread_only)
    titles = await _titles(visit, messages)
    return page(
        visit,
        "oversight/messages.html",
        messages=[(one, _said(visit, one, titles)) for one in messages],
        total=total,
        unread_only=unread_only,
        number=number,
        pages=min(MOST_PAGES, max(1, -(-total // PAGE))),
        address=HERE + ("?show=unread&" if unread_only else "?") + "page=",
    )


async def open_one(visit: Visit) -> Response:
    """Mark it as read, and go where it leads."""
    number = visit.param("message")
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        raise HTTPException(404)
    await visit.site.inbox.mark_read(await reader_of(visit), visit.site.clock(), int(number))
    await forget_unread(visit)
    return visit.redirect(local(visit.form.get("next", "") or HERE))


async def read_all(visit: Visit) -> Response:
    count = await visit.site.inbox.mark_read(await reader_of(visit), visit.site.clock())
    await forget_unread(visit)
    return visit.done(HERE, visit.text(N_("已把 %(count)s 条消息标为已读。")) % {"count": count})


async def _titles(visit: Visit, messages: Sequence[Message]) -> Mapping[str, str]:
    lots = sorted({one.lot for one in messages if one.lot})
    if not lots:
        return {}
    async with visit.site.engine.connect() as connection:
        rows = (await connection.execute(_TITLES, {"lots": lots})).all()
    return {row.lot: row.title for row in rows}


def _said(visit: Visit, message: Message, titles: Mapping[str, str]) -> Said:
    """With the lot filled in, where only its registrant may read which one it is."""
    facts: dict[str, Any] = dict(message.facts)
    if message.lot:
        facts = {"lot": message.lot, "title": titles.get(message.lot, message.lot)} | facts
    return said(message.kind, facts, visit.locale)


async def outbox(visit: Visit) -> Response:
    """What would have been sent; in a demonstration only, where all addresses are made up."""
    if not visit.site.settings.demo:
        raise HTTPException(404)
    number = min(visit.page(), MOST_PAGES)
    rows, total = await outbox_page(visit.site.engine, number, OUTBOX_PAGE)
    pages = min(MOST_PAGES, max(1, -(-total // OUTBOX_PAGE)))
    return page(visit, "oversight/outbox.html", letters=rows, number=number, pages=pages)


async def deliveries(visit: Visit) -> Response:
    """What could not be sent, for administrators: somebody may have to be called."""
    async with visit.site.engine.connect() as connection:
        given_up = (await connection.execute(_GIVEN_UP, {"most": GIVEN_UP_SHOWN})).all()
        to_bidders = (await connection.execute(_TO_BIDDERS, {"most": GIVEN_UP_SHOWN})).all()
        waiting = (await connection.execute(_WAITING)).one()
    return page(visit, "oversight/deliveries.html", given_up=given_up, to_bidders=to_bidders, waiting=waiting)
