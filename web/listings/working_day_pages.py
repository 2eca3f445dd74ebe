"""The calendar of a year, with what an administrator says about single days; regulators read."""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from starlette.responses import Response

from trading.working_days import (
    FIRST_YEAR,
    LONGEST_REASON,
    MOST_AT_ONCE,
    Override,
    WorkingDays,
    WorkingDayStore,
    day_of,
    published,
)
from web.languages import N_
from web.pages import page
from web.visits import Visit

HERE: Final = "/administration/working-days"
YEARS_AHEAD: Final = 5
LABELS: Final = {
    "day": N_("日期"),
    "until": N_("到哪一天为止"),
    "works": N_("这一天"),
    "reason": N_("理由"),
}
WEEK: Final = "week"
"""Monday to Friday worked, the rest free: for the ordinary weeks of a year that is not published."""


@dataclass(frozen=True, slots=True)
class Day:
    """`works` None: the year is not published. `mark`: what makes it remarkable, "" for an ordinary day."""

    day: date
    works: bool | None
    mark: str
    override: Override | None


async def show(visit: Visit) -> Response:
    return await _shown(visit, dict.fromkeys(LABELS, ""), {})


async def say(visit: Visit) -> Response:
    """Say what a day is; said again, it replaces what was said before."""
    assert visit.signed_in is not None
    typed = {name: visit.form.get(name, "").strip() for name in LABELS}
    days, faults = _read(visit, typed)
    if faults:
        return await _shown(visit, typed, faults)
    store, first = WorkingDayStore(visit.site.engine), min(days)
    await store.set_all(days, typed["reason"], visit.signed_in.account_id, visit.site.clock())
    text = N_("%(day)s 已改为上班。") if days[first] else N_("%(day)s 已改为休息。")
    text = N_("从 %(day)s 起的 %(count)s 天已保存。") if len(days) > 1 else text
    return visit.done(
        f"{HERE}?year={first.year}", visit.text(text) % {"day": first.isoformat(), "count": len(days)}
    )


async def unsay(visit: Visit) -> Response:
    assert visit.signed_in is not None
    day = _day(visit.form.get("day", ""))
    if day is None:
        return visit.refused(HERE, visit.text(N_("没有这一天。")))
    store = WorkingDayStore(visit.site.engine)
    there = await store.unset(day, visit.signed_in.account_id, visit.site.clock())
    text = N_("%(day)s 已恢复为国家规定的安排。") if there else N_("%(day)s 没有另外的说明。")
    return visit.done(f"{HERE}?year={day.year}", visit.text(text) % {"day": day.isoformat()})


def _read(visit: Visit, typed: dict[str, str]) -> tuple[dict[date, bool], dict[str, str]]:
    """What is said of each day; or what is wrong."""
    first, last = _years(visit)
    day = _day(typed["day"])
    until = _day(typed["until"]) if typed["until"] else day
    faults = {}
    if day is None or not first <= day.year <= last:
        faults["day"] = visit.text(N_("请选择 %(first)s 年到 %(last)s 年之间的一天。")) % {
            "first": first,
            "last": last,
        }
    elif until is None or not 0 <= (until - day).days < MOST_AT_ONCE or until.year > last:
        faults["until"] = visit.text(N_("请选择同一天或者以后的一天，最多一年；只改一天就留空。"))
    if typed["works"] not in ("0", "1", WEEK):
        faults["works"] = visit.text(N_("请选择上班或休息。"))
    if not 0 < len(typed["reason"]) <= LONGEST_REASON:
        faults["reason"] = visit.text(N_("请写明理由，最多 200 个字。"))
    if faults or day is None or until is None:
        return {}, faults
    days = [day + timedelta(days=n) for n in range((until - day).days + 1)]
    week = typed["works"] == WEEK
    return {each: each.weekday() < 5 if week else typed["works"] == "1" for each in days}, {}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _years(visit: Visit) -> tuple[int, int]:
    return FIRST_YEAR, day_of(visit.site.clock()).year + YEARS_AHEAD


async def _shown(visit: Visit, typed: dict[str, str], faults: dict[str, str]) -> Response:
    first, last = _years(visit)
    today = day_of(visit.site.clock())
    asked = visit.query("year", 4)
    year = int(asked) if asked.isascii() and asked.isdigit() and first <= int(asked) <= last else today.year
    given = _day(typed["day"])
    year = given.year if given and first <= given.year <= last else year
    store = WorkingDayStore(visit.site.engine)
    overrides, days = await store.overrides(year), await store.calendar()
    return page(
        visit,
        "profiles/working_days.html",
        422 if faults else 200,
        year=year,
        first=first,
        last=last,
        today=today,
        published=published(year),
        months=[_month(year, month, days, overrides) for month in range(1, 13)],
        overrides=list(overrides.values()),
        typed=typed,
        errors=faults,
        summary={
            name: visit.text(N_("%(field)s：%(fault)s")) % {"field": visit.text(label), "fault": faults[name]}
            for name, label in LABELS.items()
            if name in faults
        },
    )


def _month(
    year: int, month: int, days: WorkingDays, overrides: dict[date, Override]
) -> list[list[Day | None]]:
    """Its weeks, Monday first."""
    return [
        [_shown_day(day, days, overrides) if day.month == month else None for day in week]
        for week in calendar.Calendar().monthdatescalendar(year, month)
    ]


def _shown_day(day: date, days: WorkingDays, overrides: dict[date, Override]) -> Day:
    works, weekday = days.is_working(day), day.weekday() < 5
    if day in overrides:
        mark = "said-works" if works else "said-free"
    elif works is None:
        mark = "unknown"
    else:
        mark = "" if works == weekday else "make-up" if works else "holiday"
    return Day(day, works, mark, overrides.get(day))
