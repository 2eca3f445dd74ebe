"""The clock of a demonstration: working days pass at the press of a button. Elsewhere it is no page."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.clock import Travelling
from trading.lifecycle.dates import TRAVELLERS_AHEAD
from web.languages import N_
from web.pages import page
from web.visits import Visit

HERE: Final = "/demo/clock"
STEPS: Final = {
    "hour": (timedelta(hours=1), N_("快进 1 小时")),
    "day": (timedelta(days=1), N_("快进 1 天")),
    "week": (timedelta(days=7), N_("快进 7 天")),
}
NEXT_DUE: Final = text(
    "SELECT min(day) FROM listings, LATERAL (SELECT unnest(CASE WHEN state <> 'in_auction'"
    " THEN ARRAY[registration_starts, due_at] WHEN put_on_at IS NULL THEN ARRAY[opens_at - :ahead] END)"
    ") AS days (day) WHERE day > :now AND NOT provisional"
    " AND state IN ('announced', 'extended', 'in_auction', 'publication')"
)
"""A registration that has not begun comes before its end: whoever leaps to the end could not register. An
auction is reached shortly before its opening: from then on it runs in real time."""


async def show(visit: Visit) -> Response:
    clock = _clock(visit)
    return page(
        visit,
        "profiles/demo_clock.html",
        now=clock(),
        ahead=clock.ahead(),
        due=await _due(visit),
        steps=[(name, visit.text(label)) for name, (_, label) in STEPS.items()],
    )


async def advance(visit: Visit) -> Response:
    clock, step = _clock(visit), visit.form.get("step", "")
    due = await _due(visit) if step == "due" else None
    if step not in STEPS and due is None:
        return visit.refused(HERE, visit.text(N_("没有可以快进到的期限。")))
    by = due - clock() + timedelta(seconds=1) if due else STEPS[step][0]
    if not clock.advance(max(by, timedelta(0))):
        return visit.refused(HERE, visit.text(N_("最多比真实时间快一年。")))
    return visit.done(HERE, visit.text(N_("时间已快进，平台会在几秒内办理到期的事项。")))


async def _due(visit: Visit) -> datetime | None:
    """The next date at which something happens by itself; all of them are public."""
    async with visit.site.engine.connect() as connection:
        found = await connection.scalar(NEXT_DUE, {"now": visit.site.clock(), "ahead": TRAVELLERS_AHEAD})
    return found if isinstance(found, datetime) else None


def _clock(visit: Visit) -> Travelling:
    clock = visit.site.clock
    if not visit.site.settings.demo or not isinstance(clock, Travelling):
        raise HTTPException(404)
    return clock
