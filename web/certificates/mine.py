"""我的证书业务: the orders that somebody may open now, those that go on first."""

from typing import Final

from starlette.responses import Response

from certificates.orders.order import PAGE, of_applicant
from web.certificates.listing import rows_of
from web.pages import page
from web.subjects.acting import all_of
from web.visits import Visit

MOST_PAGES: Final = 500


async def index(visit: Visit) -> Response:
    assert visit.signed_in is not None
    me, number = visit.signed_in.account_id, min(visit.page(), MOST_PAGES)
    subjects = [one.subject.id for one in await all_of(visit.site, me, visit.site.clock())]
    async with visit.site.engine.connect() as connection:
        orders, total = await of_applicant(connection, me, subjects, number)
    return page(
        visit,
        "certificates/mine.html",
        rows=await rows_of(visit, orders),
        number=number,
        pages=max(1, -(-total // PAGE)),
        total=total,
    )
