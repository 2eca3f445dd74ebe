"""What everybody sees: the list of lots, a lot with its terms and its log, its room."""

import time
from dataclasses import asdict
from urllib.parse import urlencode

from sqlalchemy import text
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bidding.lots import AssetClass
from bidding.messages import Phase
from bidding.terms import LOT_CHARACTERS, is_rehearsal
from office.accounts import Role
from office.sealed.port import SealedAway
from trading.awards.result import disclosed, disclosure_of
from trading.profiles.profile import Disclosure
from web import lot_logs, lot_search
from web.headers import gateways
from web.languages import N_
from web.listings import front
from web.lot_search import ShownLot, Wanted
from web.oversight.sign_ins import trace
from web.pages import data_block, page, words_for
from web.telling import tell
from web.visits import Visit, sign_in_address
from web.words import ASSET_CLASSES

GROUP_TEXTS = (
    ("", N_("全部")),
    ("live", N_("正在竞价")),
    ("scheduled", N_("即将开始")),
    ("ended", N_("已结束")),
)
NO_PADDLES_NOW = N_("现在查不到您的竞买号，请稍等几秒再刷新。已经进入竞价室的竞买人可以照常出价。")
NAMES_SHOWN_TO = (Role.ADMINISTRATOR, Role.REGULATOR)

LOOK_AGAIN_S = 2
"""After so long a page that waits for a room is loaded again."""
_COMING = text(
    "SELECT lots.title, lots.created_by, coalesce(lots.seq, 0) > 0 AS recorded,"
    " (SELECT title FROM listings WHERE lot = :lot AND state = 'in_auction') AS announced"
    " FROM (SELECT 1) AS one LEFT JOIN lots ON lots.id = :lot"
)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def index(visit: Visit) -> Response:
    """The list; also the start page."""
    asset_class = visit.query("class")
    wanted = Wanted(
        group=visit.query("phase") if visit.query("phase") in lot_search.GROUPS else "",
        asset_class=asset_class if asset_class in {str(one) for one in AssetClass} else "",
        title=visit.query("q", 60).replace("\0", "").strip(),
        page=visit.page(),
    )
    found = await lot_search.find(visit.site.engine, wanted)
    counts = await lot_search.counts(visit.site.engine, wanted)
    return page(
        visit,
        "lots.html",
        wanted=wanted,
        found=found,
        tabs=_tabs(visit, wanted, counts),
        asset_classes=[(str(one), visit.text(ASSET_CLASSES[one])) for one in AssetClass],
        address=f"/?{_query(wanted)}page=",
        announced=await _announced(visit, wanted),
        now=now_ms(),
    )


async def _announced(visit: Visit, wanted: Wanted) -> list[front.Card]:
    """What one can register for now, above the lots; not where somebody looks for something else."""
    if wanted.group or wanted.asset_class or wanted.title or wanted.page > 1:
        return []
    return await front.on_the_front(visit)


def _query(wanted: Wanted, group: str | None = None) -> str:
    asked = {
        "phase": wanted.group if group is None else group,
        "class": wanted.asset_class,
        "q": wanted.title,
    }
    text = urlencode({name: value for name, value in asked.items() if value})
    return f"{text}&" if text else ""


def _tabs(visit: Visit, wanted: Wanted, counts: dict[str, int]) -> list[dict[str, object]]:
    return [
        {
            "href": f"/?{_query(wanted, group)}".rstrip("&?"),
            "text": visit.text(text),
            "current": wanted.group == group,
            "count": counts[group],
        }
        for group, text in GROUP_TEXTS
    ]


async def lots_redirect(visit: Visit) -> Response:
    query = visit.request.url.query
    return visit.redirect(f"/?{query}" if query else "/")


async def known_lot(visit: Visit, *, everything: bool = False) -> ShownLot:
    """The lot in the address; 404 for one that does not exist or is not public yet, and for another's
    rehearsal."""
    lot = await lot_search.one(visit.site.engine, lot_named(visit), everything=everything)
    if lot is None:
        raise HTTPException(404)
    if is_rehearsal(lot.id) and not _begun_by(visit, lot):
        raise HTTPException(401 if visit.signed_in is None else 404)
    return lot


def _begun_by(visit: Visit, lot: ShownLot) -> bool:
    return visit.signed_in is not None and visit.signed_in.account_id == lot.created_by


def lot_named(visit: Visit) -> str:
    """The lot's id in the address, which nothing may have; 404 for what can't be one."""
    asked = visit.param("lot")
    if not (0 < len(asked) <= 32 and set(asked) <= LOT_CHARACTERS):
        raise HTTPException(404)
    return asked


async def show(visit: Visit) -> Response:
    """A lot: what it is, on what terms, how it stands or ended, and its log."""
    engine = visit.site.engine
    lot = await known_lot(visit, everything=visit.role is Role.ADMINISTRATOR)
    log = await lot_logs.read_page(engine, lot.id, visit.page())
    ending = await lot_logs.read_ending(engine, visit.site.redis, lot.id) if lot.ended else None
    return page(
        visit,
        "lot.html",
        lot=lot,
        terms=lot.terms,
        log=log,
        told=[(one, tell(visit, one.event)) for one in log.entries],
        ending=ending,
        winner_name=await _winner_name(visit, lot, ending),
        paddle=await own_paddle(visit, lot.id),
        announced=await front.is_announced(visit, lot.id),
        names=await _names(visit, lot),
        rehearsal=is_rehearsal(lot.id),
        now=now_ms(),
    )


async def own_paddle(visit: Visit, lot: str) -> str:
    """The paddle that the person who asks holds, or ""."""
    if visit.signed_in is None or visit.signed_in.role is not Role.BIDDER:
        return ""
    try:
        held = await visit.site.sealed.paddle_of(lot, visit.signed_in.account_id)
    except SealedAway:  # the room itself works without it
        visit.flash("warning", visit.text(NO_PADDLES_NOW))
        return ""
    return held[0] if held else ""


async def _winner_name(visit: Visit, lot: ShownLot, ending: lot_logs.Ending | None) -> str:
    """The highest bidder, as the lot's rules name a winner in public; overseers read the names anyway. A
    rehearsal has none."""
    result = None if ending is None else ending.result
    if is_rehearsal(lot.id) or lot.phase is not Phase.CLOSED or result is None or not result.sold:
        return ""
    names = await visit.site.sealed.names_after_close(lot.id, [result.winner])
    name = names.get(result.winner, "")
    if visit.role in NAMES_SHOWN_TO:
        return name
    async with visit.site.engine.connect() as connection:
        rule = await disclosure_of(connection, lot.id)
    return "" if rule is Disclosure.PADDLE else disclosed(name, result.winner, rule)


async def _names(visit: Visit, lot: ShownLot) -> dict[str, str]:
    """All who were qualified: after the close, for administrators and regulators."""
    if lot.phase is not Phase.CLOSED or visit.role not in NAMES_SHOWN_TO:
        return {}
    return await visit.site.sealed.names_after_close(lot.id)


async def room(visit: Visit) -> Response:
    """The room of one lot; the page itself speaks with a gateway. Before the book and the ledger have a lot
    whose auction has been announced or begun, a page that goes on by itself."""
    coming = await _coming(visit)
    if coming:
        return _waiting(visit, coming)
    lot = await known_lot(visit)
    if is_rehearsal(lot.id) and lot.ended:  # the book lets go of it
        return visit.redirect(f"/lots/{lot.id}")
    to = gateways(visit.site.settings, visit.request.headers.get("host", ""))
    paddle = await own_paddle(visit, lot.id)
    await trace(visit)
    return page(
        visit,
        "room.html",
        lot=lot,
        terms=lot.terms,
        gateways=to,
        gateway_urls=to,
        paddle=paddle,
        needs_ukey=_needs_ukey(visit, lot, paddle),
        rehearsal=is_rehearsal(lot.id),
        now=now_ms(),
        room_json=data_block(
            {
                "lot": lot.id,
                "title": lot.title,
                "gateways": to,
                "terms": asdict(lot.terms),
                "signed_in": visit.signed_in is not None,
                "role": visit.role,
                "locale": visit.locale,
                "sign_in": sign_in_address(visit.path),
                "lot_page": f"/lots/{lot.id}",
                "ledger": f"/lots/{lot.id}/ledger.jsonl",
                "words": words_for(visit),
            }
        ),
    )


async def _coming(visit: Visit) -> str:
    """The title of a lot that is on its way to its room: of a listing in auction, of one's own rehearsal."""
    lot = lot_named(visit)
    async with visit.site.engine.connect() as connection:
        row = (await connection.execute(_COMING, {"lot": lot})).one()
    if row.recorded:
        return ""
    if is_rehearsal(lot):
        mine = visit.signed_in is not None and visit.signed_in.account_id == row.created_by
        return row.title if mine and row.title else ""
    return row.announced or ""


def _waiting(visit: Visit, title: str) -> Response:
    response = page(visit, "room_waiting.html", lot=lot_named(visit), title=title)
    response.headers["Refresh"] = str(LOOK_AGAIN_S)
    response.headers["Cache-Control"] = "no-store"
    return response


def _needs_ukey(visit: Visit, lot: ShownLot, paddle: str) -> bool:
    """Whether a bidder of this lot is here with a password alone, which may only look."""
    if not paddle or lot.ended or visit.signed_in is None:
        return False
    return visit.site.settings.bid_requires_ukey and not visit.signed_in.by_ukey


async def refusals(visit: Visit) -> Response:
    """What was refused or confirmed on a closed lot; the routes let only overseers in."""
    lot = await known_lot(visit)
    if lot.phase is not Phase.CLOSED:
        raise HTTPException(404)
    entries, pages = await lot_logs.read_refusals(visit.site.engine, lot.id, visit.page())
    number = min(visit.page(), pages)
    return page(visit, "refusals.html", lot=lot, entries=entries, number=number, pages=pages)
