"""The first page of finance: what waits, and up to when the statements are complete."""

from datetime import datetime

from starlette.responses import Response

from trading.deposits import search
from trading.deposits.deposits import Deposits, MarkRefused
from trading.working_days import BEIJING, day_of
from web.finance.rooms import by, room
from web.languages import N_
from web.visits import Visit


async def index(visit: Visit) -> Response:
    return await _shown(visit)


async def _shown(visit: Visit, *, typed: str = "", fault: str = "", status: int = 200) -> Response:
    now = visit.site.clock()
    deposits = Deposits(visit.site.engine, visit.site.sealed)
    found = await search.overview(visit.site.engine, day_of(now))
    return room(
        visit,
        "overview.html",
        status,
        found=found,
        marked=await deposits.marked_until(),
        usable=await deposits.complete_until(),
        now_local=f"{now.astimezone(BEIJING):%Y-%m-%dT%H:%M}",
        typed=typed,
        fault=fault,
    )


async def mark_complete(visit: Visit) -> Response:
    """All that the banks booked up to then is in. Said once: it can't be taken back."""
    typed = visit.form.get("until", "")[:19]
    try:
        until = datetime.fromisoformat(typed).replace(tzinfo=BEIJING)
    except ValueError:
        fault = visit.text(N_("请填写日期和时间。"))
        return await _shown(visit, typed=typed, fault=fault, status=422)
    if visit.form.get("sure") != "1":
        fault = visit.text(N_("请先确认所有银行的对账单都已导入。"))
        return await _shown(visit, typed=typed, fault=fault, status=422)
    try:
        await Deposits(visit.site.engine, visit.site.sealed).mark_complete_until(
            until, by(visit), now=visit.site.clock()
        )
    except MarkRefused:
        fault = visit.text(N_("不能晚于现在，也不能早于上一次标记的时间。"))
        return await _shown(visit, typed=typed, fault=fault, status=422)
    return visit.done("/finance", visit.text(N_("已标记。到这一时间为止的款项将作为判定依据。")))
