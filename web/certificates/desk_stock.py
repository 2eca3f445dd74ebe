"""The stock of blank UKeys, as pages."""

from collections.abc import Sequence
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from certificates.desk.stock import (
    REVERSED_TO,
    SERIAL,
    TRANSITIONS,
    StockAct,
    StockRefused,
    StockState,
    serials_of,
)
from certificates.desk.stock_book import PAGE, Stock, StockEvent
from web.certificates.desk_own import DESK, clerk_of, stock_text
from web.certificates.desk_words import STOCK_ACTS, STOCK_STATES
from web.languages import N_
from web.pages import page
from web.visits import Visit

STOCK: Final = f"{DESK}/stock"
MOST_PAGES: Final = 500
BY_HAND: Final = (
    StockAct.DEFECT,
    StockAct.COME_BACK,
    StockAct.RETURN,
    StockAct.LOSE,
    StockAct.FIND,
    StockAct.REVERSE,
)
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
    acts = [act for act in BY_HAND if act in TRANSITIONS and ukey.state in TRANSITIONS[act].before]
    acts += [StockAct.REVERSE] if _reversible(events) else []
    return page(
        visit,
        "certificates/desk/ukey.html",
        ukey=ukey,
        state=visit.text(STOCK_STATES[ukey.state]),
        acts=[(str(act), visit.text(STOCK_ACTS[act])) for act in acts],
        events=[(one, visit.text(STOCK_ACTS[StockAct(one.act)])) for one in events],
        here=f"{STOCK}/{serial}",
    )


def _reversible(events: Sequence[StockEvent]) -> bool:
    """`events`: the newest first."""
    last = events[0]
    return bool(last.before) and (StockAct(last.act), StockState(last.before)) in REVERSED_TO


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
