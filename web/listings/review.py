"""Administrators review what transferors submit, and look at any listing; regulators read."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.accounts import Role
from trading.lifecycle.performing import By, Listing, Listings, perform
from trading.lifecycle.states import Act, Actor
from trading.lifecycle.table import allowed
from trading.listings import lists
from trading.listings.checks import price_floor
from trading.listings.requests import LONGEST_REASON, Answer, Request, RequestKind, Requests, answer
from web.languages import N_
from web.listings.assets import carried_out, tabs
from web.listings.drafts import rules_of, shown_version
from web.listings.own import account_of, files_of_site, number_in_path, overseen_listing, sheet
from web.listings.publishing import proposed_dates
from web.pages import page
from web.visits import Visit

BASE = "/administration/listings"
SIMPLE = {
    "return": (Act.RETURN, N_("已退回，转让方会看到原因。")),
    "suspend": (Act.SUSPEND, N_("已中止，中止公告已发布。")),
    "resume": (Act.RESUME, N_("已恢复，恢复公告已发布，报名期重新计算。")),
    "withdraw": (Act.WITHDRAW, N_("已撤回，撤回公告已发布。")),
    "abort": (Act.ABORT, N_("已终结，终结公告已发布。")),
}
"""Acts that need a reason and nothing else."""
ASKED = {RequestKind.WITHDRAW: Act.WITHDRAW, RequestKind.SUSPEND: Act.SUSPEND}


async def index(visit: Visit) -> Response:
    """All listings by state; what waits for a review stands first, the oldest on top."""
    group = visit.query("state")
    wanted = lists.Wanted(
        group=group if group in lists.GROUPS else "",
        words=visit.query("q", 60),
        page=visit.page(),
    )
    async with visit.site.engine.connect() as connection:
        found = await lists.page_of(connection, wanted)
    waiting = await Requests(visit.site.engine).waiting() if visit.role is Role.ADMINISTRATOR else []
    shown = [tab for tab in tabs(visit, BASE, wanted, found) if not tab["href"].endswith("=draft")]
    return page(
        visit, "listings/review_list.html", found=found, wanted=wanted, tabs=shown, waiting=waiting[:20]
    )


async def show(visit: Visit) -> Response:
    """One listing with everything: its papers, its history, and what can be done now."""
    listing = await overseen_listing(visit)
    rules = await rules_of(visit, listing)
    listings = Listings(visit.site.engine)
    requests = await Requests(visit.site.engine).of(listing.lot)
    acts = acts_now(visit, listing)
    announce = Act.ANNOUNCE.value in acts
    return page(
        visit,
        "listings/review.html",
        **sheet(visit, listing, await files_of_site(visit).of(listing.lot), f"{BASE}/{listing.lot}"),
        history=list(reversed(await listings.history(listing.lot))),
        announcements=list(reversed(await listings.announcements_of(listing.lot))),
        requests=requests,
        open_requests=[each for each in requests if not each.answer],
        acts=acts,
        rules=rules,
        floor=price_floor(listing.valuation, rules),
        dates=await proposed_dates(visit, listing, rules, visit.query("starts", 40)) if announce else None,
    )


def acts_now(visit: Visit, listing: Listing) -> frozenset[str]:
    """What this administrator can do; regulators nothing."""
    if visit.role is not Role.ADMINISTRATOR:
        return frozenset()
    return frozenset(act.value for act in Act if allowed(listing.state, act, Actor.ADMINISTRATOR))


async def carry_out(visit: Visit) -> Response:
    """Return, suspend, resume, withdraw or abort, with a reason; it may answer the transferor's request."""
    listing = await overseen_listing(visit)
    name = visit.param("act")
    if name not in SIMPLE:
        raise HTTPException(404)
    act, text = SIMPLE[name]
    here, reason = f"{BASE}/{listing.lot}", reason_of(visit)
    if not reason:
        return visit.refused(here, visit.text(N_("请写明理由，最多 800 字；理由会公开。")), 422)
    by, version, now = (
        By.administrator(account_of(visit)),
        shown_version(visit.form) or None,
        visit.site.clock(),
    )
    asked = await _request(visit, listing, act)

    async def do() -> None:
        async with visit.site.engine.begin() as connection:
            await perform(connection, listing.lot, act, by, now=now, reason=reason, version=version)
            if asked is not None:
                await answer(
                    connection,
                    *(listing.lot, asked.id, Answer.ACCEPTED),
                    reason=reason,
                    by=by.account_id or 0,
                    now=now,
                )

    return await carried_out(visit, do, here, here, text)


async def _request(visit: Visit, listing: Listing, act: Act) -> Request | None:
    """The open request that this act fulfils, whether or not the form named it."""
    for each in await Requests(visit.site.engine).of(listing.lot):
        if not each.answer and ASKED.get(each.kind) is act:
            return each
    return None


async def refuse_request(visit: Visit) -> Response:
    """A request is not granted; the transferor reads why."""
    listing = await overseen_listing(visit)
    here, reason = f"{BASE}/{listing.lot}", reason_of(visit)
    if not reason:
        return visit.refused(here, visit.text(N_("请写明不同意的理由，最多 800 字。")), 422)
    request, by, now = number_in_path(visit, "request"), account_of(visit), visit.site.clock()

    async def do() -> None:
        async with visit.site.engine.begin() as connection:
            await answer(connection, listing.lot, request, Answer.REFUSED, reason=reason, by=by, now=now)

    return await carried_out(visit, do, here, here, N_("已答复转让方。"))


def reason_of(visit: Visit) -> str:
    """The reason in words; "" when there is none or it is too long."""
    reason = visit.form.get("reason", "").replace("\r\n", "\n").strip()
    return reason if len(reason) <= LONGEST_REASON else ""
