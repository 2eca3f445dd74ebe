"""我的办件: what waits for the person who asks, and what they were part of."""

from typing import Final

from starlette.responses import Response

from office.accounts import Role
from trading.sales import PAGE
from web.pages import page
from web.visits import Visit

HERE: Final = "/my/tasks"
MOST_PAGES: Final = 500


async def index(visit: Visit) -> Response:
    """`show=all`: everything that one may see, instead of what waits."""
    assert visit.signed_in is not None
    everything = visit.query("show") == "all" or visit.role is Role.REGULATOR
    overseer = visit.role in (Role.ADMINISTRATOR, Role.REGULATOR)
    number = min(visit.page(), MOST_PAGES)
    mine = None if overseer else visit.signed_in.account_id
    documents, total = await visit.site.sales.of_person(mine, due=not everything, page=number)
    administrator = visit.role is Role.ADMINISTRATOR
    return page(
        visit,
        "tasks.html",
        documents=documents,
        everything=everything,
        overseer=overseer,
        number=number,
        pages=max(1, -(-total // PAGE)),
        total=total,
        address=f"{HERE}?{'show=all&' if everything else ''}page=",
        pending=await visit.site.ukeys.pending() if administrator and not everything else (),
        account_id=visit.signed_in.account_id,
    )
