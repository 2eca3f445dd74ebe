"""终止办理: what was begun and neither the authority nor the UKey ends goes back to the review."""

from starlette.responses import Response

from certificates.issuing import giving_up
from certificates.orders.performing import By
from web.certificates.desk_own import clerk_of, desk_address, in_desk_words, order_in_path, shown_version
from web.languages import N_
from web.visits import Visit


@in_desk_words
async def stop(visit: Visit) -> Response:
    mine = await order_in_path(visit)
    number = mine.order.number
    await giving_up.stop(
        visit.site.engine,
        number,
        By.clerk(clerk_of(visit)),
        visit.form.get("reason", ""),
        version=shown_version(visit, mine.order),
        now=visit.site.clock(),
    )
    text = N_("已终止，订单回到审核：可以重新通过，也可以不予办理。")
    return visit.done(desk_address(number), visit.text(text))
