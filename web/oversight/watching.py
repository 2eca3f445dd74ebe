"""监督管理: the hub of who watches over the platform, signs of collusion, and the list of defaulters."""

import asyncio
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.audit.trail import look
from office.sealed.port import SealedFault, StillSealed
from trading.defaulters import PAGE, Defaulters
from trading.patterns import ALWAYS, LOTS_LOOKED_AT, Bidder, Patterns
from web import lot_search
from web.languages import N_
from web.lots import known_lot
from web.oversight.auditing import who
from web.oversight.words import SIGNS
from web.pages import page
from web.visits import Visit

MOST_PAGES: Final = 200
STILL_OPEN: Final = N_("标的还没有结束，现在不能查看。")
AWAY: Final = N_("暂时查不了，请稍后再试。")


async def hub(visit: Visit) -> Response:
    return page(visit, "oversight/hub.html")


async def lots(visit: Visit) -> Response:
    """Closed lots, to look at one; and who was alone with the same other again and again."""
    wanted = lot_search.Wanted(
        "ended", "", visit.query("q", 60).replace("\0", "").strip(), visit.page(), True
    )
    return page(
        visit,
        "oversight/patterns.html",
        found=await lot_search.find(visit.site.engine, wanted),
        wanted=wanted,
        pairs=None,
        looked_at=LOTS_LOOKED_AT,
        always=ALWAYS,
    )


async def pairs(visit: Visit) -> Response:
    """A look at every closed lot, which is recorded before it is done."""
    async with visit.site.engine.begin() as connection:
        await look(connection, **who(visit), what="patterns", subject="pairs")
    try:
        found = await Patterns(visit.site.engine, visit.site.sealed).pairs()
    except SealedFault:
        return visit.refused("/oversight/patterns", visit.text(AWAY), 503)
    names = await _names(visit, {account_id for pair in found for account_id in pair.accounts})
    wanted = lot_search.Wanted("ended", "", "", 1, True)
    return page(
        visit,
        "oversight/patterns.html",
        found=await lot_search.find(visit.site.engine, wanted),
        wanted=wanted,
        pairs=[([names[one] for one in pair.accounts], pair.lots) for pair in found],
        looked_at=LOTS_LOOKED_AT,
        always=ALWAYS,
    )


async def of_lot(visit: Visit) -> Response:
    """What the bidders of a closed lot share; the look is recorded before it is done."""
    lot = await known_lot(visit, everything=True)
    async with visit.site.engine.begin() as connection:
        await look(connection, **who(visit), what="patterns", subject=lot.id)
    try:
        bidders, findings = await Patterns(visit.site.engine, visit.site.sealed).of_lot(lot.id)
    except StillSealed:
        return visit.refused("/oversight/patterns", visit.text(STILL_OPEN), 403)
    except SealedFault:
        return visit.refused("/oversight/patterns", visit.text(AWAY), 503)
    names = await _names(visit, {bidder.account_id for bidder in bidders})
    return page(
        visit,
        "oversight/patterns_lot.html",
        lot=lot,
        bidders=[(bidder, names[bidder.account_id]) for bidder in bidders],
        findings=[(one, _named(one.paddles, bidders, names)) for one in findings],
        signs=SIGNS,
    )


def _named(paddles: tuple[str, ...], bidders: object, names: dict[int, str]) -> list[str]:
    accounts = {one.paddle: one.account_id for one in bidders if isinstance(one, Bidder)}  # type: ignore[attr-defined]
    return [f"{names[accounts[paddle]]}（{paddle}）" for paddle in paddles]


async def _names(visit: Visit, accounts: set[int]) -> dict[int, str]:
    people = await asyncio.gather(*(visit.site.accounts.get(one) for one in accounts))
    return {person.id: person.name for person in people if person is not None}


# ── defaulters ──────────────────────────────────────────────────────────────────────────────────────────────


async def defaulters(visit: Visit) -> Response:
    number = min(visit.page(), MOST_PAGES)
    found, total = await Defaulters(visit.site.engine).page(number)
    pages = min(MOST_PAGES, max(1, -(-total // PAGE)))
    now = visit.site.clock()
    return page(visit, "oversight/defaulters.html", defaulters=found, number=number, pages=pages, now=now)


async def lift(visit: Visit) -> Response:
    assert visit.signed_in is not None
    here, because = "/oversight/defaulters", visit.form.get("because", "").strip()
    number = visit.param("entry")
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        raise HTTPException(404)
    if not 2 <= len(because) <= 300:
        return visit.refused(here, visit.text(N_("请写明移出的理由，2 到 300 个字。")), 422)
    by, now = visit.signed_in.account_id, visit.site.clock()
    if not await Defaulters(visit.site.engine).lift(int(number), because=because, by=by, now=now):
        return visit.refused(here, visit.text(N_("这一条已经移出了。")))
    return visit.done(here, visit.text(N_("已移出违约名单。")))
