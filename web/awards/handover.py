"""The handover record (交接单): written by the transferor, confirmed by the transferee."""

from datetime import date

from starlette.exceptions import HTTPException
from starlette.responses import Response

from trading.awards.handovers import (
    LONGEST_ITEMS,
    LONGEST_OBJECTION,
    LONGEST_PLACE,
    POSSIBLE,
    Handover,
    Handovers,
    NotNow,
)
from trading.awards.sale import NoAward
from trading.working_days import day_of
from web.awards.access import Part, Seen, account_of, number_in, seen, written
from web.awards.words import STALE
from web.languages import N_
from web.pages import page
from web.visits import Visit


async def show(visit: Visit) -> Response:
    it = await seen(visit)
    record = await Handovers(visit.site.engine).of_lot(it.lot)
    if record is None and (it.part is not Part.TRANSFEROR or it.state not in POSSIBLE):
        raise HTTPException(404)
    return _page(visit, it, record, {})


def _page(
    visit: Visit, it: Seen, record: Handover | None, errors: dict[str, str], status: int = 200
) -> Response:
    today = day_of(visit.site.clock())
    values = {"place": it.sale.listing.place, "items": "", "happened_on": today.isoformat()}
    if record is not None:
        values = {"place": record.place, "items": record.items, "happened_on": record.happened_on.isoformat()}
    possible = it.state in POSSIBLE
    waits = record is not None and record.confirmed_at is None and not record.objection
    return page(
        visit,
        "awards/handover.html",
        status,
        it=it,
        listing=it.sale.listing,
        record=record,
        writes=it.part is Part.TRANSFEROR and possible and not (record and record.confirmed_at),
        answers=it.part is Part.TRANSFEREE and possible and waits,
        values={name: visit.form.get(name, value) for name, value in values.items()},
        today=today.isoformat(),
        longest_place=LONGEST_PLACE,
        longest_items=LONGEST_ITEMS,
        longest_objection=LONGEST_OBJECTION,
        errors=errors,
    )


async def write(visit: Visit) -> Response:
    it = await seen(visit, Part.TRANSFEROR)
    handovers, now = Handovers(visit.site.engine), visit.site.clock()
    place, items = written(visit, "place"), written(visit, "items")
    errors: dict[str, str] = {}
    day = _day(visit.form.get("happened_on", ""))
    if day is None or day > day_of(now):
        errors["happened_on"] = visit.text(N_("请填写交接的日期，不能晚于今天。"))
    for name, text, longest in (("place", place, LONGEST_PLACE), ("items", items, LONGEST_ITEMS)):
        if not 0 < len(text) <= longest:
            errors[name] = visit.text(N_("请填写，最多 %(longest)s 个字。")) % {"longest": longest}
    if errors or day is None:
        return _page(visit, it, await handovers.of_lot(it.lot), errors, 422)
    here = f"/sales/{it.lot}/handover"
    try:
        version = number_in(visit, "version")
        await handovers.write(it.lot, day, place, items, by=account_of(visit), version=version, now=now)
    except (NotNow, NoAward):
        return visit.refused(here, visit.text(STALE))
    return visit.done(here, visit.text(N_("交接单已保存，受让方会收到消息。")))


async def answer(visit: Visit) -> Response:
    """The transferee confirms, or says what is not right."""
    it = await seen(visit, Part.TRANSFEREE)
    here = f"/sales/{it.lot}/handover"
    objects = visit.form.get("answer") == "object"
    objection = written(visit, "objection") if objects else ""
    if visit.form.get("answer") not in ("confirm", "object") or (objects and not objection):
        return visit.refused(here, visit.text(N_("请选择确认，或者写明哪里不对。")), 422)
    if len(objection) > LONGEST_OBJECTION:
        said = visit.text(N_("太长，最多 %(longest)s 个字。")) % {"longest": LONGEST_OBJECTION}
        return visit.refused(here, said, 422)
    try:
        await Handovers(visit.site.engine).answer(
            it.lot,
            by=account_of(visit),
            version=number_in(visit, "version"),
            objection=objection,
            now=visit.site.clock(),
        )
    except (NotNow, NoAward):
        return visit.refused(here, visit.text(STALE))
    done = N_("意见已提交，等转让方修改。") if objection else N_("已确认交接。")
    return visit.done(here, visit.text(done))


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed.strip())
    except ValueError:
        return None
