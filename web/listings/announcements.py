"""What everybody sees: announcements, found by class, place, price, phase, time and words; one lot with all
of its announcements; an announcement as PDF. No scripts are needed."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response

from bidding.lots import AssetClass
from office.accounts import Role
from trading.lifecycle.performing import Announcement, Listing, Listings
from trading.lifecycle.states import LotState, SaleMethod
from trading.listings import reading
from trading.listings.notices import notice_of
from trading.listings.printing import render
from trading.listings.reading import Unreadable
from trading.listings.search import Order, Query, Stage, search, stage_of
from web import lot_search
from web.languages import CHINESE, N_
from web.listings.drafts import rules_of
from web.listings.front import cards
from web.listings.own import (
    PUBLIC_KINDS,
    any_listing,
    files_of_site,
    number_in_path,
    oversees,
    public_listing,
    sheet,
)
from web.listings.words import FAULTS, METHODS, ORDERS, STAGES, minute, minute_en
from web.pages import page
from web.visits import Visit, sign_in_address
from web.words import ASSET_CLASSES

FIELDS: Final = (
    *("q", "class", "method", "place", "stage", "price_from", "price_to", "ends_from", "ends_to", "order"),
)
DEMONSTRATION: Final = "演示环境：数据均为虚构，没有法律效力"


# ── finding ─────────────────────────────────────────────────────────────────────────────────────────────────


async def index(visit: Visit) -> Response:
    """The list; what can't be read is said, and left out."""
    typed = {name: visit.query(name, 60).replace("\0", "") for name in FIELDS}
    query, wrong = read_query(visit, typed)
    async with visit.site.engine.connect() as connection:
        found = await search(connection, query, visit.site.clock())
    return page(
        visit,
        "listings/announcements.html",
        found=found,
        cards=cards(visit, found.listings),
        typed=typed,
        errors=wrong,
        query=query,
        asked=not query.empty,
        asset_classes=_options(visit, AssetClass, ASSET_CLASSES),
        methods=_options(visit, SaleMethod, METHODS),
        stages=_options(visit, Stage, STAGES),
        orders=_options(visit, Order, ORDERS),
        address=f"/announcements?{_address(typed)}page=",
    )


def _options(visit: Visit, kinds: Any, words: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(one.value, visit.text(words[one])) for one in kinds]


def _address(typed: Mapping[str, str]) -> str:
    text = urlencode({name: value for name, value in typed.items() if value})
    return f"{text}&" if text else ""


def read_query(visit: Visit, typed: Mapping[str, str]) -> tuple[Query, dict[str, str]]:
    """What is looked for, and what of it can't be read."""
    wrong: dict[str, str] = {}
    query = Query(
        words=typed["q"],
        place=typed["place"],
        asset_class=_one_of(AssetClass, typed["class"]),
        method=_one_of(SaleMethod, typed["method"]),
        stage=_one_of(Stage, typed["stage"]),
        order=_one_of(Order, typed["order"]) or Order.LATEST,
        page=visit.page(),
    )
    for name in ("price_from", "price_to"):
        query = _take(visit, query, typed, name, reading.amount, wrong)
    for name in ("ends_from", "ends_to"):
        query = _take(visit, query, typed, name, _day_from if name == "ends_from" else _day_to, wrong)
    return query, wrong


def _take(
    visit: Visit, query: Query, typed: Mapping[str, str], name: str, read: Any, wrong: dict[str, str]
) -> Query:
    if not typed[name].strip():
        return query
    try:
        return replace(query, **{name: read(typed[name])})
    except Unreadable as unreadable:
        wrong[name] = visit.text(FAULTS[unreadable.wrong.fault]) % unreadable.wrong.facts
        return query


def _day_from(typed: str) -> datetime:
    return reading.moment(f"{reading.day(typed)} 00:00")


def _day_to(typed: str) -> datetime:
    """The whole day is meant."""
    return _day_from(typed) + timedelta(days=1)


def _one_of(kinds: Any, typed: str) -> Any:
    return kinds(typed) if typed in {kind.value for kind in kinds} else None


# ── one lot ─────────────────────────────────────────────────────────────────────────────────────────────────


async def show(visit: Visit) -> Response:
    """A lot with everything that was announced, and what a visitor can do now."""
    listing = await any_listing(visit)
    if listing.announced_at is None:
        return _not_yet(visit, listing)
    now = visit.site.clock()
    stage = stage_of(listing.state, listing.registration_starts, now)
    files = await files_of_site(visit).of(listing.lot, PUBLIC_KINDS)
    announcements = await Listings(visit.site.engine).announcements_of(listing.lot)
    live = await lot_search.one(visit.site.engine, listing.lot)
    return page(
        visit,
        "listings/announcement.html",
        **sheet(visit, listing, files, f"/announcements/{listing.lot}"),
        stage=stage,
        rules=await rules_of(visit, listing),
        doing=doing(visit, listing, stage, now, in_the_room=live is not None),
        room=live,
        notices=[(one, notice_of(one)) for one in reversed(announcements)],
        now=now,
    )


def _not_yet(visit: Visit, listing: Listing) -> Response:
    """Before the announcement: who works on it is led to where they do; for all others there is none."""
    if oversees(visit):
        return visit.redirect(f"/administration/listings/{listing.lot}")
    if visit.signed_in is not None and visit.signed_in.account_id == listing.transferor_id:
        return visit.redirect(f"/my/assets/{listing.lot}")
    raise HTTPException(404)


@dataclass(frozen=True, slots=True)
class Doing:
    """What somebody can do now: a sentence, and a button where there is something to press."""

    text: str
    href: str = ""
    label: str = ""
    kind: str = "primary"


def doing(
    visit: Visit, listing: Listing, stage: Stage, now: datetime, *, in_the_room: bool
) -> tuple[Doing, ...]:
    """The next step for this visitor. Strangers and bidders may act; all others look."""
    text = visit.text
    match stage:
        case Stage.UPCOMING:
            at_minute = minute if visit.locale == CHINESE else minute_en
            said = text(N_("报名还没有开始，%(at)s 起可以在这里报名。"))
            return (Doing(said % {"at": at_minute(listing.registration_starts)}),)
        case Stage.OPEN if listing.registration_ends is not None and now < listing.registration_ends:
            return _register(visit, listing)
        case Stage.OPEN:
            return (Doing(text(N_("报名已经截止，正在核定报名结果。"))),)
        case Stage.SUSPENDED:
            return (Doing(text(N_("交易已中止，暂时不能报名和出价。恢复时会发布公告。"))),)
        case Stage.LIVE if in_the_room or listing.state is LotState.IN_AUCTION:
            room = f"/lots/{listing.lot}/room"
            return (
                Doing(
                    text(N_("网上竞价：人人可以观看，合格的竞买人可以出价。")), room, text(N_("进入竞价室"))
                ),
            )
        case Stage.LIVE:
            return (Doing(text(N_("报名已经截止，正在核定报名结果。"))),)
        case Stage.SETTLING:
            return (Doing(text(N_("竞价已结束，正在办理成交手续。"))), *_record(visit, listing, in_the_room))
        case Stage.SOLD:
            return (
                Doing(text(N_("已成交。结果见下面的成交结果公告。"))),
                *_record(visit, listing, in_the_room),
            )
        case Stage.ENDED:
            return (Doing(text(N_("这个标的没有成交，或者已经撤回。原因见下面的公告。"))),)


def _register(visit: Visit, listing: Listing) -> tuple[Doing, ...]:
    text, to = visit.text, f"/announcements/{listing.lot}/register"
    if visit.signed_in is None:
        said = text(N_("正在报名。登录后即可报名；还没有账号的，请先联系平台办理。"))
        return (Doing(said, sign_in_address(to), text(N_("登录后报名"))),)
    if visit.role is not Role.BIDDER:
        return (Doing(text(N_("正在报名。只有竞买人账号可以报名。"))),)
    paying = text(N_("已经报过名的，可以在“我的交易”查看进度和保证金。"))
    return (
        Doing(text(N_("正在报名。报名后请在截止前交纳保证金。")), to, text(N_("我要报名"))),
        Doing(paying, "/my/trades", text(N_("我的交易")), "secondary"),
    )


def _record(visit: Visit, listing: Listing, in_the_room: bool) -> tuple[Doing, ...]:
    if not in_the_room:
        return ()
    said = visit.text(N_("竞价过程已记入账本，任何人可以查看和核验。"))
    return (Doing(said, f"/lots/{listing.lot}", visit.text(N_("查看竞价记录")), "secondary"),)


async def printed(visit: Visit) -> Response:
    """One announcement as PDF."""
    listing = await public_listing(visit)
    wanted = number_in_path(visit, "announcement")
    announcements = await Listings(visit.site.engine).announcements_of(listing.lot)
    found = next((one for one in announcements if one.id == wanted), None)
    if found is None:
        raise HTTPException(404)
    etag = f'"{found.number}"'
    if visit.request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    made = await asyncio.to_thread(_pdf, visit, found)
    headers = {
        "Content-Disposition": f'attachment; filename="{found.number}.pdf"',
        "ETag": etag,
        "Cache-Control": "public, max-age=3600",
    }
    return Response(made, media_type="application/pdf", headers=headers)


def _pdf(visit: Visit, announcement: Announcement) -> bytes:
    settings = visit.site.settings
    warning = DEMONSTRATION if settings.demo else ""
    return render(notice_of(announcement), platform=settings.platform_name, warning=warning)
