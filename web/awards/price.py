"""A negotiated sale: the transferor's page for the final price and the meeting decision."""

import asyncio

from starlette.responses import Response

from bidding.terms import Fen
from office.money import capitals, yuan
from office.sealed.port import SealedAway, StillSealed
from trading.awards.awards import NobodyThere, NotStanding
from trading.awards.negotiation import LONGEST_NOTE, Negotiations
from trading.awards.records import LONGEST_REASON
from trading.lifecycle.performing import By, Lacks, NotAllowed, Stale
from trading.lifecycle.states import LotState
from trading.listings.contents import take
from trading.listings.file_kinds import FileKind, FileRefused
from trading.listings.reading import Unreadable, amount
from web.awards.access import Part, Seen, account_of, number_in, seen, written
from web.awards.words import AWAY, NO_REASON, NOT_NOW, STALE
from web.languages import N_
from web.listings.faults import refusal
from web.listings.uploads import uploaded_name
from web.pages import page
from web.visits import Visit


async def form(visit: Visit) -> Response:
    return _page(visit, await seen(visit, Part.TRANSFEROR), {})


def _page(visit: Visit, it: Seen, errors: dict[str, str], status: int = 200) -> Response:
    listing = it.sale.listing
    return page(
        visit,
        "awards/price.html",
        status,
        it=it,
        listing=listing,
        open=it.state is LotState.NEGOTIATION,
        agreed=it.sale.agreed,
        price=visit.form.get("price", ""),
        note=visit.form.get("note", ""),
        longest=LONGEST_NOTE,
        errors=errors,
    )


async def agree(visit: Visit) -> Response:
    """Everything that is wrong at once; then the price stands."""
    it = await seen(visit, Part.TRANSFEROR)
    errors: dict[str, str] = {}
    price = 0
    try:
        price = amount(visit.form.get("price", ""))
    except Unreadable:
        errors["price"] = visit.text(N_("请填写金额，例如 120000 或者 12 万。"))
    least = int(it.sale.listing.starting_price)
    if price and price < least:
        errors["price"] = visit.text(N_("不能低于起始价 %(price)s 元。")) % {"price": yuan(least)}
    decision = None
    try:
        name, content = await uploaded_name(visit), visit.files.get("file", b"")
        decision = await asyncio.to_thread(take, FileKind.DECISION, name, content)
    except FileRefused as refused:
        errors["file"] = refusal(visit, refused)
    if visit.form.get("sure") != "1":
        errors["sure"] = visit.text(N_("请核对金额后打勾确认。"))
    if len(note := written(visit, "note")) > LONGEST_NOTE:
        errors["note"] = visit.text(N_("太长，最多 %(longest)s 个字。")) % {"longest": LONGEST_NOTE}
    if errors or decision is None:
        return _page(visit, it, errors, 422)
    negotiations = Negotiations(visit.site.engine, visit.site.sealed, visit.site.files)
    here = f"/sales/{it.lot}/price"
    try:
        await negotiations.agree(
            it.lot,
            Fen(price),
            decision,
            note,
            by=account_of(visit),
            version=number_in(visit, "version"),
            now=visit.site.clock(),
        )
    except (Stale, NotStanding):
        return visit.refused(here, visit.text(STALE))
    except (NotAllowed, Lacks):
        return visit.refused(here, visit.text(NOT_NOW))
    except NobodyThere:
        return visit.refused(here, visit.text(N_("没有找到唯一的竞买人，请与平台联系。")))
    except (SealedAway, StillSealed):
        return visit.refused(here, visit.text(AWAY), 503)
    said = visit.text(N_("成交价已确定：%(price)s 元（%(capitals)s）。")) % {
        "price": yuan(price),
        "capitals": capitals(price),
    }
    return visit.done(f"/sales/{it.lot}", said)


async def give_up(visit: Visit) -> Response:
    """They did not agree: the lot is unsold."""
    it = await seen(visit, Part.TRANSFEROR, Part.OVERSEER)
    here = f"/sales/{it.lot}"
    reason = written(visit, "reason")
    if not 0 < len(reason) <= LONGEST_REASON:
        return visit.refused(
            f"{here}/price" if it.part is Part.TRANSFEROR else here, visit.text(NO_REASON), 422
        )
    mine = account_of(visit)
    by = By.transferor(mine) if it.part is Part.TRANSFEROR else By.administrator(mine)
    negotiations = Negotiations(visit.site.engine, visit.site.sealed, visit.site.files)
    try:
        await negotiations.give_up(it.lot, reason, by=by, now=visit.site.clock())
    except (NotAllowed, Lacks):
        return visit.refused(here, visit.text(NOT_NOW))
    return visit.done(here, visit.text(N_("已记录：未能达成协议，标的未成交。")))
