"""我的交易: the lots on which the person who asks holds a paddle."""

from starlette.responses import Response

from office import sealed
from web import lot_search
from web.lots import now_ms
from web.pages import page
from web.visits import Visit


async def trades(visit: Visit) -> Response:
    assert visit.signed_in is not None
    held = await sealed.lots_of(visit.site.engine, visit.signed_in.account_id)
    lots = await lot_search.several(visit.site.engine, held)
    return page(visit, "trades.html", lots=lots, held=held, now=now_ms())
