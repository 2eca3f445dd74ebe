"""写入证书 at home: the subscriber's own assistant writes what was renewed, modified or converted."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue.model import Step
from certificates.catalogue.scope import Service
from certificates.issuing.deciding import MAKES
from certificates.orders.order import Order
from certificates.orders.performing import By
from web.certificates import writing_flow as flow
from web.certificates.issue import around
from web.certificates.own import in_words, mine_in_path
from web.pages import page
from web.visits import Visit

BASE: Final = "/certificates/write"


@in_words
async def show(visit: Visit) -> Response:
    order, _by = await _mine(visit)
    return page(
        visit, "certificates/issue.html", **await around(visit, order, f"{BASE}/{order.number}"), desk=False
    )


async def _mine(visit: Visit) -> tuple[Order, By]:
    """One's own order that is written at home; 404 for others', and for what the desk writes."""
    mine = await mine_in_path(visit)
    if Service(mine.order.service) not in MAKES or Step.INSTALL not in mine.order.steps:
        raise HTTPException(404)
    return mine.order, mine.by


@in_words
async def request_job(visit: Visit) -> Response:
    order, by = await _mine(visit)
    return await flow.request_job(visit, order.number, by)


@in_words
async def requested(visit: Visit) -> Response:
    order, by = await _mine(visit)
    return await flow.requested(visit, order.number, by)


@in_words
async def install_job(visit: Visit) -> Response:
    order, by = await _mine(visit)
    return await flow.install_job(visit, order.number, by)


@in_words
async def installed(visit: Visit) -> Response:
    order, by = await _mine(visit)
    return await flow.installed(visit, order.number, by)
