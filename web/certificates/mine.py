"""我的证书业务: the orders of one's own account, those that go on first."""

from starlette.responses import Response

from certificates.orders.order import PAGE, of_account
from web.certificates.listing import rows_of
from web.pages import page
from web.visits import Visit


async def index(visit: Visit) -> Response:
    assert visit.signed_in is not None
    number = min(visit.page(), 500)
    async with visit.site.engine.connect() as connection:
        orders, total = await of_account(connection, visit.signed_in.account_id, number)
    return page(
        visit,
        "certificates/mine.html",
        rows=await rows_of(visit, orders),
        number=number,
        pages=max(1, -(-total // PAGE)),
        total=total,
    )
