"""The stock of blank UKeys, the day's reckoning and the figures, as pages."""

import re
from datetime import date
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.catalogue.store import Catalogue
from certificates.desk import figures
from certificates.desk.day import MOST_FEN, ClosedAlready, Days, NoNote
from certificates.desk.stock import (
    PAGE,
    SERIAL,
    TRANSITIONS,
    Stock,
    StockAct,
    StockRefused,
    StockState,
    serials_of,
)
from office.working_days import day_of
from web.certificates.desk_own import DESK, clerk_of, stock_text
from web.certificates.desk_words import STOCK_ACTS, STOCK_STATES
from web.certificates.order_words import SERVICES
from web.languages import N_
from web.pages import page
from web.visits import Visit

STOCK: Final = f"{DESK}/stock"
DAY: Final = f"{DESK}/day"
MOST_PAGES: Final = 500
_YUAN: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,2}))?")
BY_HAND: Final = (StockAct.DEFECT, StockAct.COME_BACK, StockAct.RETURN, StockAct.LOSE, StockAct.FIND)
"""What a clerk says of a UKey by itself; the rest happens with an order."""


def stock_on(visit: Visit) -> Stock:
    return Stock(visit.site.engine)


async def index(visit: Visit) -> Response:
    """The sums, the list, and what came in; nothing of it is personal."""
    asked, serial = visit.query("state"), visit.query("serial", 40).strip().upper()
    state = StockState(asked) if asked in set(StockState) else None
    number, stock = min(visit.page(), MOST_PAGES), stock_on(visit)
    rows, total = await stock.page_of(state, serial, number)
    sums = await stock.sums()
    chosen = state.value if state else ""
    return page(
        visit,
        "certificates/desk/stock.html",
        rows=[_row(visit, one) for one in rows],
        tabs=[
            {
                "href": STOCK,
                "text": visit.text(N_("全部")),
                "current": not chosen,
                "count": sum(sums.values()),
            },
            *(
                {
                    "href": f"{STOCK}?state={one}",
                    "text": visit.text(STOCK_STATES[one]),
                    "current": one is state,
                    "count": sums[one],
                }
                for one in StockState
            ),
        ],
        serial=serial,
        number=number,
        pages=max(1, min(MOST_PAGES, -(-total // PAGE))),
        address=f"{STOCK}?state={chosen}&serial={serial if SERIAL.fullmatch(serial) else ''}&page=",
        counts=await stock.counts(),
    )


def _row(visit: Visit, one: Any) -> dict[str, Any]:
    return {"ukey": one, "state": visit.text(STOCK_STATES[one.state]), "href": f"{STOCK}/{one.serial}"}


async def receive(visit: Visit) -> Response:
    try:
        serials = serials_of(visit.form.get("serials", "")[:30_000])
        model = visit.form.get("model", "")
        n = await stock_on(visit).receive(serials, model, clerk_of(visit), now=visit.site.clock())
    except StockRefused as refused:
        return visit.refused(STOCK, stock_text(visit, refused), 422)
    return visit.done(STOCK, visit.text(N_("%(n)s 个 UKey 已入库。")) % {"n": n})


async def count(visit: Visit) -> Response:
    """盘点: what is there, against the books."""
    try:
        there = serials_of(visit.form.get("serials", "")[:30_000])
    except StockRefused as refused:
        return visit.refused(STOCK, stock_text(visit, refused), 422)
    done = await stock_on(visit).count(there, clerk_of(visit), now=visit.site.clock())
    if not done.missing and not done.unknown:
        return visit.done(f"{STOCK}#counts", visit.text(N_("盘点相符。")))
    text = visit.text(N_("盘点不符：缺 %(missing)s 个，多 %(unknown)s 个，序列号见下。"))
    facts = {"missing": len(done.missing), "unknown": len(done.unknown)}
    return visit.refused(f"{STOCK}#counts", text % facts)


async def one(visit: Visit) -> Response:
    serial = visit.param("serial")
    found = await stock_on(visit).one(serial) if SERIAL.fullmatch(serial) else None
    if found is None:
        raise HTTPException(404)
    ukey, events = found
    acts = [act for act in BY_HAND if ukey.state in TRANSITIONS[act].before]
    return page(
        visit,
        "certificates/desk/ukey.html",
        ukey=ukey,
        state=visit.text(STOCK_STATES[ukey.state]),
        acts=[(str(act), visit.text(STOCK_ACTS[act])) for act in acts],
        events=[(one, visit.text(STOCK_ACTS[StockAct(one.act)])) for one in events],
        here=f"{STOCK}/{serial}",
    )


async def move(visit: Visit) -> Response:
    serial, act = visit.param("serial"), visit.param("act")
    if not SERIAL.fullmatch(serial) or act not in set(BY_HAND):
        raise HTTPException(404)
    reason, now = visit.form.get("reason", ""), visit.site.clock()
    try:
        await stock_on(visit).move(serial, StockAct(act), clerk_of(visit), reason, now=now)
    except StockRefused as refused:
        return visit.refused(f"{STOCK}/{serial}", stock_text(visit, refused))
    return visit.done(f"{STOCK}/{serial}", visit.text(N_("已记录。")))


# ── the day ─────────────────────────────────────────────────────────────────────────────────────────────────


async def day(visit: Visit) -> Response:
    today = day_of(visit.site.clock())
    asked = _day(visit.query("day", 10)) or today
    shown = min(asked, today)
    reckoned = await Days(visit.site.engine).reckoning(shown)
    mine = next((till for till in reckoned.tills if till.clerk_id == clerk_of(visit)), None)
    return page(
        visit,
        "certificates/desk/day.html",
        day=shown,
        today=today,
        reckoned=reckoned,
        services={key: visit.text(word) for key, word in SERVICES.items()},
        mine=mine,
    )


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


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
        return visit.refused(here, visit.text(N_("请填写实收金额，例如 120.00；没有收款填 0。")), 422)
    try:
        await Days(visit.site.engine).close(
            closed, clerk_of(visit), counted, visit.form.get("note", ""), now=visit.site.clock()
        )
    except NoNote:
        return visit.refused(here, visit.text(N_("实收和账上不一致，请写明原因。")), 422)
    except ClosedAlready:
        return visit.refused(here, visit.text(N_("这一天您已经日结过了。")))
    return visit.done(here, visit.text(N_("已日结。")))


# ── figures ─────────────────────────────────────────────────────────────────────────────────────────────────


async def statistics(visit: Visit) -> Response:
    now = visit.site.clock()
    months = figures.months_to(now)
    asked = visit.query("month", 7)
    month = next((one for one in months if f"{one:%Y-%m}" == asked), months[0])
    names = {one.key: one.rules.name for one in await Catalogue(visit.site.engine).channels()}
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
