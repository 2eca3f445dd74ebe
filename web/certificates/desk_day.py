"""The day's reckoning at the desk, and the figures of a month, as pages."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue.store import Catalogue
from certificates.desk import figures
from certificates.desk.day import MOST_FEN, ClosedAlready, Days, NoNote, NotClosed
from certificates.desk.walk_ins import WalkIns
from office.working_days import day_of
from web.certificates.desk_own import DESK, clerk_of
from web.certificates.desk_walk_ins import walk_in_row
from web.certificates.order_words import SERVICES
from web.languages import N_
from web.pages import page
from web.visits import Visit

DAY: Final = f"{DESK}/day"
FIRST_DAY: Final = date(2000, 1, 1)
_YUAN: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,2}))?")


async def day(visit: Visit) -> Response:
    today = day_of(visit.site.clock())
    asked = _day(visit.query("day", 10)) or today
    return await _page(visit, min(asked, today))


async def _page(visit: Visit, shown: date, status: int = 200, **refused: Mapping[str, Any]) -> Response:
    """The day. `refused`: what is wrong with the form that was sent (errors), and what it said (typed)."""
    today = day_of(visit.site.clock())
    reckoned = await Days(visit.site.engine).reckoning(shown)
    mine = next((till for till in reckoned.tills if till.clerk_id == clerk_of(visit)), None)
    names = {one.key: visit.named(one.rules) for one in await Catalogue(visit.site.engine).channels()}
    left = await WalkIns(visit.site.engine).open_of(shown)
    return page(
        visit,
        "certificates/desk/day.html",
        status,
        day=shown,
        left=[walk_in_row(visit, one, names) for one in left],
        today=today,
        reckoned=reckoned,
        services={key: visit.text(word) for key, word in SERVICES.items()},
        mine=mine,
        **{"errors": {}, "typed": {}, **refused},
    )


def _day(typed: str) -> date | None:
    """None for what is no day of this platform's time."""
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        return None
    return day if day >= FIRST_DAY else None


def _fen(typed: str) -> int | None:
    """Yuan as they are counted: "120", "1,234.50"; 0 is an amount here."""
    found = _YUAN.fullmatch(typed.replace(",", "").replace("，", "").strip())
    return None if found is None else int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))


async def close(visit: Visit) -> Response:
    """日结: the clerk has counted the drawer."""
    closed, today = _day(visit.form.get("day", "")[:10]), day_of(visit.site.clock())
    if closed is None or closed > today:
        raise HTTPException(400)
    here = f"{DAY}?day={closed.isoformat()}"
    counted = _fen(visit.form.get("counted", ""))
    if counted is None or not 0 <= counted <= MOST_FEN:
        wrong = visit.text(N_("请填写清点的现金，例如 120.00；没有现金填 0。"))
        return await _page(visit, closed, 422, errors={"counted": wrong}, typed=visit.form)
    try:
        await Days(visit.site.engine).close(
            closed, clerk_of(visit), counted, visit.form.get("note", ""), now=visit.site.clock()
        )
    except NoNote:
        wrong = visit.text(N_("您清点的现金和账上您的“现金应有”不一致，请写明原因。"))
        return await _page(visit, closed, 422, errors={"note": wrong}, typed=visit.form)
    except ClosedAlready:
        return visit.refused(here, visit.text(N_("这一天您已经日结过了。")))
    return visit.done(here, visit.text(N_("已日结。")))


async def reopen(visit: Visit) -> Response:
    """撤回日结: the clerk's own, with the reason; it stays in the records."""
    closed = _day(visit.form.get("day", "")[:10])
    if closed is None:
        raise HTTPException(400)
    here, reason = f"{DAY}?day={closed.isoformat()}", visit.form.get("reason", "")
    try:
        await Days(visit.site.engine).reopen(closed, clerk_of(visit), reason, now=visit.site.clock())
    except NoNote:
        return visit.refused(here, visit.text(N_("请写明撤回的原因。")), 422)
    except NotClosed:
        return visit.refused(here, visit.text(N_("这一天您还没有日结。")))
    return visit.done(here, visit.text(N_("日结已撤回，请重新清点。")))


# ── figures ─────────────────────────────────────────────────────────────────────────────────────────────────


async def statistics(visit: Visit) -> Response:
    now = visit.site.clock()
    months = figures.months_to(now)
    asked = visit.query("month", 7)
    month = next((one for one in months if f"{one:%Y-%m}" == asked), months[0])
    names = {one.key: visit.named(one.rules) for one in await Catalogue(visit.site.engine).channels()}
    rows = await figures.of_month(visit.site.engine, month, now=now)
    return page(
        visit,
        "certificates/desk/statistics.html",
        months=[(f"{one:%Y-%m}", f"{one:%Y-%m}") for one in months],
        month=f"{month:%Y-%m}",
        rows=[
            {
                "channel": names.get(one.channel, one.channel),
                "service": visit.text(SERVICES[one.service]),
                "figures": one,
            }
            for one in rows
        ],
        total=sum(one.applied for one in rows),
        late=sum(one.late for one in rows),
    )
