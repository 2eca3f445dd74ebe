"""成交办理: the sales that somebody has a part in; for those who watch, all of them, by where they stand."""

from typing import Final

from sqlalchemy import text
from starlette.responses import Response

from trading.lifecycle.states import LotState
from web.awards.access import OVERSEERS, SOLD, account_of
from web.languages import N_
from web.listings.words import LOT_STATES, STATE_BADGES
from web.pages import page
from web.visits import Visit

PAGE: Final = 20
MOST_PAGES: Final = 500
UNDER_WAY: Final = tuple(state.value for state in SOLD - {LotState.ARCHIVED})
GROUPS: Final = {
    "": (N_("办理中"), UNDER_WAY),
    "done": (N_("已归档"), (LotState.ARCHIVED.value,)),
    "failed": (N_("未成交"), (LotState.UNSOLD.value, LotState.ABORTED.value)),
}
_MINE: Final = (
    " AND (:everything OR transferor_id = :me OR EXISTS (SELECT FROM awards AS a WHERE a.lot = listings.lot"
    " AND a.account_id = :me AND a.id = (SELECT max(id) FROM awards AS b WHERE b.lot = listings.lot)))"
    " AND (state NOT IN ('unsold', 'aborted') OR EXISTS (SELECT FROM awards AS a WHERE a.lot = listings.lot))"
    " AND (NOT :bidder OR EXISTS (SELECT FROM awards AS a WHERE a.lot = listings.lot))"
)
_PAGE: Final = text(
    "SELECT lot, title, state, due_at, changed_at, final_price FROM listings WHERE state = ANY(:states)"  # noqa: S608
    f"{_MINE} ORDER BY changed_at DESC, lot LIMIT :limit OFFSET :offset"
)


async def index(visit: Visit) -> Response:
    """One page of them, the latest first; one more is asked for, to know whether there is a next page."""
    group = visit.query("show") if visit.query("show") in GROUPS else ""
    number = min(visit.page(), MOST_PAGES)
    given = {
        "states": list(GROUPS[group][1]),
        "everything": visit.role in OVERSEERS,
        "bidder": visit.role == "bidder",
        "me": account_of(visit),
        "limit": PAGE + 1,
        "offset": (number - 1) * PAGE,
    }
    async with visit.site.engine.connect() as connection:
        rows = (await connection.execute(_PAGE, given)).all()
    tabs = [
        {
            "href": f"/sales?show={name}" if name else "/sales",
            "text": visit.text(words),
            "current": name == group,
        }
        for name, (words, _) in GROUPS.items()
    ]
    return page(
        visit,
        "awards/sales.html",
        sales=rows[:PAGE],
        states={name: visit.text(words) for name, words in LOT_STATES.items()},
        badges=STATE_BADGES,
        tabs=tabs,
        number=number,
        more=len(rows) > PAGE and number < MOST_PAGES,
        address=f"/sales?show={group}&page=",
    )
