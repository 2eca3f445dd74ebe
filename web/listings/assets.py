"""A transferor's assets: the list, one with its state and what can be done now, and the acts on it."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from trading.lifecycle.performing import By, Lacks, Listing, Listings, NotAllowed, Stale, perform
from trading.lifecycle.states import Act, Actor, LotState
from trading.lifecycle.table import allowed
from trading.listings import lists
from trading.listings.checks import lacks
from trading.listings.file_kinds import FileKind
from trading.listings.requests import (
    LONGEST_REASON,
    AnsweredAlready,
    AskedAlready,
    NotAskable,
    RequestKind,
    Requests,
    askable,
)
from trading.listings.store import (
    ListingDrafts,
    NotRelistable,
    TooManyDrafts,
    UnknownListing,
    relistable,
)
from web.languages import N_
from web.listings.drafts import TOO_MANY, candidate_of, rules_of, shown_version, stepper
from web.listings.faults import lack_words, need_words, place_of
from web.listings.own import (
    account_of,
    address,
    files_of_site,
    number_in_path,
    own_listing,
    sheet,
)
from web.listings.words import REQUESTS
from web.pages import page
from web.visits import Visit

log = structlog.get_logger(__name__)

TABS: Final = (
    ("", N_("全部")),
    ("draft", N_("草稿")),
    ("submitted", N_("待审核")),
    ("announced", N_("公告期")),
    ("auction", N_("竞价")),
    ("settling", N_("成交手续")),
    ("ended", N_("已结束")),
)
CHANGED: Final = N_("这份资产刚才有变化，请看清现在的状态再操作。")
LATE: Final = N_("现在的状态不能这样做，可能已经办过了。")


async def index(visit: Visit) -> Response:
    """My assets, by state, the latest changed first."""
    group = visit.query("state")
    wanted = lists.Wanted(
        transferor_id=account_of(visit),
        group=group if group in lists.GROUPS else "",
        words=visit.query("q", 60),
        page=visit.page(),
    )
    async with visit.site.engine.connect() as connection:
        found = await lists.page_of(connection, wanted)
    return page(
        visit,
        "listings/assets.html",
        found=found,
        wanted=wanted,
        tabs=tabs(visit, "/my/assets", wanted, found),
    )


def tabs(visit: Visit, base: str, wanted: lists.Wanted, found: lists.Page) -> list[dict[str, Any]]:
    return [
        {
            "href": f"{base}?state={group}" if group else base,
            "text": visit.text(text),
            "current": wanted.group == group,
            "count": found.counts[group],
        }
        for group, text in TABS
    ]


async def show(visit: Visit) -> Response:
    """One asset: what it is, how it stands, what is missing, what can be done."""
    listing = await own_listing(visit)
    files = await files_of_site(visit).of(listing.lot)
    listings = Listings(visit.site.engine)
    draft = listing.state is LotState.DRAFT
    missing = lacks(await candidate_of(visit, listing), await rules_of(visit, listing)) if draft else ()
    saved = await ListingDrafts(visit.site.engine).steps_of(listing.lot) if draft else ()
    history = await listings.history(listing.lot)
    return page(
        visit,
        "listings/asset.html",
        **sheet(visit, listing, files, f"/my/assets/{listing.lot}"),
        lacks=[
            (lack_words(visit, each), address(listing.lot, each.step) + place_of(each)) for each in missing
        ],
        steps=stepper(visit, listing.lot, None, saved, {each.step for each in missing}) if draft else [],
        returned=_returned(history) if draft else "",
        history=list(reversed(history)),
        announcements=list(reversed(await listings.announcements_of(listing.lot))),
        requests=await Requests(visit.site.engine).of(listing.lot),
        askable=[(kind.value, visit.text(REQUESTS[kind])) for kind in askable(listing.state)],
        may=may(listing),
        live=listing.state is LotState.IN_AUCTION,
    )


def may(listing: Listing) -> dict[str, bool]:
    """What the transferor can do now, for the buttons."""
    return {
        "submit": allowed(listing.state, Act.SUBMIT, Actor.TRANSFEROR),
        "withdraw": allowed(listing.state, Act.WITHDRAW, Actor.TRANSFEROR),
        "relist": relistable(listing),
    }


def _returned(history: Any) -> str:
    """Why a draft came back, when returning it was the last that happened."""
    return history[-1].reason if history and history[-1].act is Act.RETURN else ""


async def preview(visit: Visit) -> Response:
    """As the public will see it."""
    listing = await own_listing(visit)
    files = [file for file in await files_of_site(visit).of(listing.lot) if file.public]
    base = f"/my/assets/{listing.lot}"
    return page(visit, "listings/preview.html", **sheet(visit, listing, tuple(files), base))


async def submit(visit: Visit) -> Response:
    """For review, once nothing is missing."""
    listing = await own_listing(visit)
    here = f"/my/assets/{listing.lot}"
    if listing.state is LotState.DRAFT and lacks(
        await candidate_of(visit, listing), await rules_of(visit, listing)
    ):
        return visit.refused(here, visit.text(N_("还不能提交，请先补齐下面列出的内容。")), 422)
    approved = await files_of_site(visit).of(listing.lot, (FileKind.PRICE_APPROVAL,))
    facts = {"approval_document": approved[0].digest} if approved else {}
    text = N_("已提交审核。管理员审核后会发布公告，或退回并说明原因。")
    return await act(visit, listing, Act.SUBMIT, here, text, facts=facts)


async def withdraw(visit: Visit) -> Response:
    """Before it is announced: without asking anybody."""
    listing = await own_listing(visit)
    return await act(visit, listing, Act.WITHDRAW, "/my/assets", N_("已撤回。"))


async def act(
    visit: Visit,
    listing: Listing,
    what: Act,
    to: str,
    text: str,
    *,
    facts: dict[str, Any] | None = None,
) -> Response:
    """One act of the transferor, in one transaction."""
    by = By.transferor(account_of(visit))
    version = shown_version(visit.form) or None
    now = visit.site.clock()

    async def carry_out() -> None:
        async with visit.site.engine.begin() as connection:
            await perform(connection, listing.lot, what, by, now=now, facts=facts, version=version)

    return await carried_out(visit, carry_out, f"/my/assets/{listing.lot}", to, text)


async def carried_out(
    visit: Visit, carry_out: Callable[[], Awaitable[None]], back: str, to: str, text: str
) -> Response:
    """Do it; or say in words why it can't be done, on the page that it came from."""
    try:
        await carry_out()
    except Stale:
        return visit.refused(back, visit.text(CHANGED))
    except NotAllowed:
        return visit.refused(back, visit.text(LATE))
    except Lacks as lacking:
        return visit.refused(back, need_words(visit, lacking), 422)
    except (UnknownListing, AnsweredAlready):
        return visit.refused(back, visit.text(LATE))
    return visit.done(to, visit.text(text))


# ── asking, once it is announced ────────────────────────────────────────────────────────────────────────────


async def ask(visit: Visit) -> Response:
    """For what only an administrator can do."""
    listing = await own_listing(visit)
    here = f"/my/assets/{listing.lot}"
    kind, reason = visit.form.get("kind", ""), visit.form.get("reason", "").strip()
    if kind not in {each.value for each in RequestKind}:
        raise HTTPException(400, "kind of request")
    if not reason or len(reason) > LONGEST_REASON:
        return visit.refused(here, visit.text(N_("请写明理由，最多 800 字。")), 422)
    try:
        asked = Requests(visit.site.engine).ask
        await asked(listing.lot, RequestKind(kind), reason, account_of(visit), visit.site.clock())
    except AskedAlready:
        return visit.refused(here, visit.text(N_("同样的申请已经提交过，正在等管理员答复。")))
    except NotAskable:
        return visit.refused(here, visit.text(LATE))
    return visit.done(here, visit.text(N_("申请已提交，管理员会尽快答复。")))


async def take_back(visit: Visit) -> Response:
    listing = await own_listing(visit)
    here = f"/my/assets/{listing.lot}"
    request = number_in_path(visit, "request")
    try:
        await Requests(visit.site.engine).take_back(
            listing.lot, request, account_of(visit), visit.site.clock()
        )
    except AnsweredAlready:
        return visit.refused(here, visit.text(N_("这份申请已经有了答复，或者已经收回。")))
    return visit.done(here, visit.text(N_("申请已收回。")))


async def relist(visit: Visit) -> Response:
    """A new draft from what did not sell, in one step."""
    listing = await own_listing(visit)
    here = f"/my/assets/{listing.lot}"
    try:
        lot = await ListingDrafts(visit.site.engine).relist(
            listing.lot, account_of(visit), visit.site.clock()
        )
    except (NotRelistable, UnknownListing):
        return visit.refused(here, visit.text(N_("只有公告过而没有成交的标的可以重新挂牌。")))
    except TooManyDrafts:
        return visit.refused(here, visit.text(TOO_MANY))
    except Lacks as lacking:
        return visit.refused(here, need_words(visit, lacking))
    log.info("listing_relisted", lot=lot, old=listing.lot)
    text = visit.text(N_("已按原标的建立新草稿 %(lot)s。请核对价格后提交；起始价有下限。"))
    return visit.done(f"/my/assets/{lot}/steps/prices", text % {"lot": lot})
