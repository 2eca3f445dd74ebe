"""我的办件: what waits for the person who asks, and what they were part of."""

from typing import Final

from starlette.responses import Response

from office.accounts import Role
from trading.sale_lists import Which
from trading.sales import PAGE
from web.pages import page
from web.visits import Visit

HERE: Final = "/my/tasks"
MOST_PAGES: Final = 500
SHOWN: Final = {"open": Which.OPEN, "all": Which.ALL}


async def index(visit: Visit) -> Response:
    """What waits for the visitor; `show=open`: what is under way; `show=all`: everything that one may see."""
    assert visit.signed_in is not None
    which = Which.ALL if visit.role is Role.REGULATOR else SHOWN.get(visit.query("show"), Which.DUE)
    overseer = visit.role in (Role.ADMINISTRATOR, Role.REGULATOR)
    number = min(visit.page(), MOST_PAGES)
    account_id = visit.signed_in.account_id
    sales = visit.site.sales
    documents, total = await sales.of_person(None if overseer else account_id, which, page=number)
    administrator = visit.role is Role.ADMINISTRATOR
    return page(
        visit,
        "tasks.html",
        documents=documents,
        which=which.name,
        ofd_waits=frozenset() if overseer else await sales.lack_ofd_seal_of(account_id, documents),
        number=number,
        pages=max(1, -(-total // PAGE)),
        total=total,
        address=HERE + {Which.DUE: "?", Which.OPEN: "?show=open&", Which.ALL: "?show=all&"}[which] + "page=",
        pending=await visit.site.ukeys.pending() if administrator and which is Which.DUE else (),
        account_id=account_id,
    )
