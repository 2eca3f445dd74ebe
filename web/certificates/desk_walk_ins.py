"""Somebody stands at the counter: an order is begun for them and typed in, within the hours and outside."""

from datetime import datetime
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue.model import Service, SubjectKind, Way
from certificates.catalogue.scope import Case
from certificates.catalogue.store import Catalogue, StoredChannel
from certificates.desk.hours import hours_of, outside
from certificates.desk.walk_ins import StillTyped, WalkIn, WalkIns
from certificates.orders.beginning import NotOffered
from office.working_days import WorkingDays, calendar_of
from web.certificates.desk_own import DESK, clerk_of
from web.certificates.desk_words import OUTSIDE
from web.certificates.order_words import SERVICES, SUBJECTS, state_of
from web.certificates.own import NUMBER
from web.languages import N_
from web.pages import page
from web.visits import Visit

WALK_IN: Final = f"{DESK}/walk-in"
NOT_OFFERED: Final = N_("这个渠道没有这项现场业务，请看办理方式说明。")


def walk_ins_on(visit: Visit) -> WalkIns:
    return WalkIns(visit.site.engine)


async def show(visit: Visit) -> Response:
    """Which business; what a channel does at its counter, and when, is its data."""
    channels, now = await Catalogue(visit.site.engine).channels(), visit.site.clock()
    async with visit.site.engine.connect() as connection:
        days = await calendar_of(connection)
    offered = [_offered(visit, stored, now, days) for stored in channels]
    names = {one.key: visit.named(one.rules) for one in channels}
    clerk = clerk_of(visit)
    unfinished = await walk_ins_on(visit).unfinished(clerk)
    return page(
        visit,
        "certificates/desk/walk_in.html",
        offered=[one for one in offered if one["rows"]],
        mine=[walk_in_row(visit, one, names) for one in unfinished if one.clerk_id == clerk],
        others=[
            walk_in_row(visit, one, names) | {"free": one.free_for(clerk, now)}
            for one in unfinished
            if one.clerk_id != clerk
        ],
    )


def _offered(visit: Visit, stored: StoredChannel, now: datetime, days: WorkingDays) -> dict[str, Any]:
    """A channel with its counter's business: each with its hours, and whether the counter is closed now."""
    rows, hours, closed = list[tuple[str, str, bool]](), dict[str, dict[str, None]](), None
    for service in Service:
        for subject in SubjectKind:
            if Way.COUNTER not in stored.rules.ways(service, subject):
                continue
            text = f"{visit.text(SERVICES[service])} · {visit.text(SUBJECTS[subject])}"
            case = Case(service=service, subject=subject, way=Way.COUNTER)
            open_at = hours_of(stored.rules, case)
            why = outside(open_at, now, days)
            closed = closed or why
            if open_at:
                spans = (f"{one.opens:%H:%M}–{one.closes:%H:%M}" for one in open_at)
                said = visit.text(N_("、")).join(spans)
                hours.setdefault(said, {})[visit.text(SERVICES[service])] = None
            rows.append((f"{stored.key}:{service}:{subject}", text, why is not None))
    some = not all(out for _value, _text, out in rows)  # what is closed altogether is said once, above
    mark = visit.text(N_("（现在不在办理时间）")) if some else ""
    return {
        "name": visit.named(stored.rules),
        "rows": [(value, text + mark if out else text) for value, text, out in rows],
        "hours": [f"{visit.text(N_('、')).join(services)} {said}" for said, services in hours.items()],
        "closed": visit.text(OUTSIDE[closed]) if closed is not None else "",
    }


def walk_in_row(visit: Visit, one: WalkIn, names: dict[str, str]) -> dict[str, Any]:
    return {
        "number": one.number,
        "at": one.at,
        "clerk": one.clerk,
        "what": f"{visit.text(SERVICES[one.service])} · {visit.text(SUBJECTS[one.subject])}",
        "channel": names.get(one.channel, one.channel),
        "state": visit.text(state_of(one.service, one.state)),
    }


async def begin(visit: Visit) -> Response:
    """Begin the order; the pages of the form follow, typed in by the clerk."""
    channel, _, rest = visit.form.get("business", "")[:120].partition(":")
    service, _, subject = rest.partition(":")
    stored = await Catalogue(visit.site.engine).published(channel[:40])
    try:
        case = Case(service=Service(service), subject=SubjectKind(subject), way=Way.COUNTER)
        if stored is None:
            raise NotOffered(channel)
        number, closed = await walk_ins_on(visit).begin(clerk_of(visit), stored, case, now=visit.site.clock())
    except (ValueError, NotOffered):
        return visit.refused(WALK_IN, visit.text(NOT_OFFERED), 422)
    if closed is not None:
        text = visit.text(N_("%(why)s，不在办理时间。可以办理，已记入审计日志。"))
        visit.flash("warning", text % {"why": visit.text(OUTSIDE[closed])})
    return visit.redirect(f"/certificates/orders/{number}/go-on")


async def take_over(visit: Visit) -> Response:
    """Go on with what another clerk began and left."""
    number = visit.param("number")
    if not NUMBER.fullmatch(number):
        raise HTTPException(404)
    try:
        await walk_ins_on(visit).take_over(number, clerk_of(visit), now=visit.site.clock())
    except StillTyped:
        text = N_("这个订单还有人在填写，或者已经填完。30 分钟没有人填写的，才能接手。")
        return visit.refused(WALK_IN, visit.text(text))
    return visit.done(f"/certificates/orders/{number}/go-on", visit.text(N_("已接手，请接着填写。")))
