"""The board: every live lot, for administrators and regulators. The page itself speaks with a gateway, and
asks for the titles of lots that came onto the board since."""

from typing import Final

from starlette.responses import JSONResponse, Response

from office.accounts import Role
from web import lot_search
from web.headers import gateways
from web.lots import now_ms
from web.pages import data_block, page, words_for
from web.visits import Visit

ENDED_SHOWN_MS: Final = 10 * 60 * 1000
"""The gateways keep ended lots on the board for as long."""


MOST_ASKED: Final = 100
"""Lots whose titles are asked for at once."""


async def titles(visit: Visit) -> Response:
    """{lot: title} of those in the address; who knows a title keeps it."""
    asked = [lot[:32] for lot in visit.request.query_params.getlist("lot")[:MOST_ASKED]]
    found = await lot_search.several(visit.site.engine, asked)
    return JSONResponse({lot.id: lot.title for lot in found})


async def board(visit: Visit) -> Response:
    to = gateways(visit.site.settings, visit.request.headers.get("host", ""))
    lots = await lot_search.on_the_board(visit.site.engine, now_ms() - ENDED_SHOWN_MS)
    titles = [{"id": lot.id, "title": lot.title, "asset_class": lot.asset_class} for lot in lots]
    may_act = visit.role is Role.ADMINISTRATOR
    return page(
        visit,
        "board.html",
        gateways=to,
        gateway_urls=to,
        lots=titles,
        can_act=may_act,
        resume_after_s=visit.site.settings.resume_after_s,
        board_json=data_block(
            {
                "gateways": to,
                "may_act": may_act,
                "locale": visit.locale,
                "lots": {lot["id"]: lot["title"] for lot in titles},
                "words": words_for(visit),
            }
        ),
    )
