"""我的交易: the lots on which the person who asks holds a paddle."""

from collections.abc import Mapping

from starlette.responses import Response

from web import lot_search
from web.lot_search import ShownLot
from web.lots import now_ms
from web.pages import page
from web.visits import Visit


async def trades(visit: Visit) -> Response:
    assert visit.signed_in is not None
    held = await visit.site.sealed.lots_of(visit.signed_in.account_id)
    lots = await lot_search.several(visit.site.engine, held)
    ordered = sorted(lots, key=lambda lot: _place(lot, held))
    return page(visit, "trades.html", lots=ordered, held=held, now=now_ms())


def _place(lot: ShownLot, held: Mapping[str, tuple[str, int]]) -> tuple[int, int, str]:
    """Won lots first, then those in progress, what opens next, and what has ended, the newest first."""
    if lot.sold and lot.winner == held[lot.id][0]:
        return 0, -(lot.closed_at or 0), lot.id
    if lot.live:
        return 1, -lot.opens_at, lot.id
    return (3, -(lot.closed_at or 0), lot.id) if lot.ended else (2, lot.opens_at, lot.id)
