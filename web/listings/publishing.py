"""Publishing an announcement, with dates that the rule profile and the working days give; correcting it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from trading.lifecycle import dates as periods
from trading.lifecycle.performing import By, Listing, perform
from trading.lifecycle.states import Act, Actor
from trading.lifecycle.table import allowed
from trading.listings import forms, reading
from trading.listings.checks import Step
from trading.listings.file_kinds import FileKind
from trading.listings.openings import Opening, near
from trading.listings.publishing import differences, snapshot
from trading.listings.reading import Fault, Unreadable, Wrong
from trading.listings.requests import LONGEST_REASON, Answer, RequestKind, Requests, answer
from trading.profiles.profile import RuleProfile
from trading.working_days import WorkingDayStore
from web.languages import N_
from web.listings.assets import LATE, carried_out
from web.listings.drafts import rules_of, shown_version, typed_in
from web.listings.faults import errors, form_fields, worded
from web.listings.own import account_of, any_listing, files_of_site
from web.pages import page
from web.visits import Visit

BASE: Final = "/administration/listings"
FARTHEST: Final = timedelta(days=366)
LONGEST_TEXT: Final = 4_000
DATES: Final = ("registration_starts", "registration_ends", "opens_at")


@dataclass(frozen=True, slots=True)
class Proposed:
    """Dates for the form, and what opens at about the same time."""

    starts: datetime
    ends: datetime
    deposit_ends: datetime
    opens_at: datetime
    provisional: bool
    close: tuple[Opening, ...]


async def proposed_dates(visit: Visit, listing: Listing, rules: RuleProfile, asked: str) -> Proposed:
    """What the profile makes of a start of registration: the one asked for, or the next full hour."""
    now = visit.site.clock()
    starts = (now + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    if asked:
        try:
            starts = max(reading.moment(asked), now)
        except Unreadable:
            visit.flash("warning", visit.text(N_("开始时间看不懂，已改用下一个整点。")))
    calendar = await WorkingDayStore(visit.site.engine).calendar()
    counted = periods.announced(rules, calendar, starts)
    async with visit.site.engine.connect() as connection:
        close = await near(connection, counted.opens_at, listing.lot)
    return Proposed(
        starts, counted.registration_ends, counted.deposit_ends, counted.opens_at, counted.provisional, close
    )


async def publish(visit: Visit) -> Response:
    """The announcement goes out: with the dates of the form, within the rules."""
    listing = await any_listing(visit)
    here = f"{BASE}/{listing.lot}"
    now = visit.site.clock()
    chosen, wrong = read_dates(visit.form, now)
    if wrong:
        return visit.refused(here, " ".join(worded_dates(visit, wrong).values()), 422)
    files = await files_of_site(visit).of(listing.lot)
    approved = [file.digest for file in files if file.kind is FileKind.PRICE_APPROVAL]
    by, version = By.administrator(account_of(visit)), shown_version(visit.form) or None

    async def do() -> None:
        async with visit.site.engine.begin() as connection:
            await perform(
                connection,
                listing.lot,
                Act.ANNOUNCE,
                by,
                now=now,
                facts={"approval_document": approved[0]} if approved else {},
                changes=chosen,
                published=snapshot(listing, files),
                version=version,
            )

    return await carried_out(visit, do, here, here, N_("公告已发布，公众现在能看到。"))


def read_dates(form: Mapping[str, str], now: datetime) -> tuple[dict[str, datetime], dict[str, Wrong]]:
    """What was chosen; what is left open is computed."""
    found: dict[str, datetime] = {}
    wrong: dict[str, Wrong] = {}
    for name in DATES:
        typed = form.get(name, "").strip()
        if not typed:
            continue
        try:
            found[name] = reading.moment(typed)
            if not now - timedelta(days=1) <= found[name] <= now + FARTHEST:
                wrong[name] = Wrong(Fault.OUT_OF_BOUNDS, _bounds(now))
        except Unreadable as unreadable:
            wrong[name] = unreadable.wrong
    return found, wrong


def _bounds(now: datetime) -> dict[str, str | int]:
    return {"least": f"{now:%Y-%m-%d}", "most": f"{now + FARTHEST:%Y-%m-%d}"}


DATE_LABELS: Final = {
    "registration_starts": N_("报名开始"),
    "registration_ends": N_("报名截止"),
    "opens_at": N_("竞价开始"),
}


def worded_dates(visit: Visit, wrong: Mapping[str, Wrong]) -> dict[str, str]:
    together = visit.text(N_("%(field)s：%(fault)s"))
    return {
        name: together % {"field": visit.text(DATE_LABELS[name]), "fault": text}
        for name, text in errors(visit, wrong).items()
    }


# ── corrections ─────────────────────────────────────────────────────────────────────────────────────────────


async def correct_form(visit: Visit) -> Response:
    """What is announced now, to be changed; a transferor's request stands above it."""
    listing = await correctable(visit)
    typed = await typed_now(visit, listing)
    return await _form(visit, listing, typed, {}, version=listing.version)


async def correct(visit: Visit) -> Response:
    """Change the announcement and publish what was changed and why."""
    listing = await correctable(visit)
    here = f"{BASE}/{listing.lot}"
    typed = {name: visit.form.get(name, "") for name in await typed_now(visit, listing)}
    changes, wrong = read_correction(visit, listing)
    said = visit.form.get("reason", "").replace("\r\n", "\n").strip()
    if not said:
        wrong["reason"] = Wrong(Fault.MISSING)
    elif len(said) > LONGEST_TEXT:
        wrong["reason"] = Wrong(Fault.TOO_LONG, {"longest": LONGEST_TEXT})
    if wrong:
        return await _form(visit, listing, typed, wrong, version=shown_version(visit.form))
    administrator, now, version = account_of(visit), visit.site.clock(), shown_version(visit.form)
    files = await files_of_site(visit).of(listing.lot)
    approved = [file.digest for file in files if file.kind is FileKind.PRICE_APPROVAL]
    asked = [
        each
        for each in await Requests(visit.site.engine).of(listing.lot)
        if not each.answer and each.kind is RequestKind.CORRECT
    ]

    async def do() -> None:
        async with visit.site.engine.begin() as connection:
            await perform(
                connection,
                listing.lot,
                Act.CORRECT,
                By.administrator(administrator),
                now=now,
                reason=said,
                facts={"approval_document": approved[0]} if approved else {},
                changes=changes,
                published={"changed": sorted(changes), **snapshot(listing, files, changes)},
                version=version or None,
            )
            for each in asked:
                why = said[:LONGEST_REASON]
                await answer(
                    connection, listing.lot, each.id, Answer.ACCEPTED, reason=why, by=administrator, now=now
                )

    text = N_("更正公告已发布。已报名的竞买人要重新确认。")
    return await carried_out(visit, do, f"{here}/correct", here, text)


def read_correction(visit: Visit, listing: Listing) -> tuple[dict[str, Any], dict[str, Wrong]]:
    """What really changes, and what is wrong with it."""
    basics = {"asset_class": listing.asset_class.value, "method": listing.method.value}
    words, wrong = forms.read_basics({**visit.form, **basics})
    texts, wrong_texts = forms.read_description(listing.asset_class, visit.form)
    prices, wrong_prices = forms.read_prices({**visit.form, "reserve": ""})
    wrong = wrong | wrong_texts | wrong_prices
    wanted: dict[str, Any] = dict(texts)
    if words is not None:
        wanted |= {"title": words.title, "place": words.place}
    if prices is not None:
        wanted |= {name: value for name, value in asdict(prices).items() if name != "reserve"}
    return differences(listing, wanted), wrong


async def typed_now(visit: Visit, listing: Listing) -> dict[str, str]:
    found: dict[str, str] = {"reason": ""}
    for step in (Step.BASICS, Step.DETAILS, Step.PRICES):
        found |= await typed_in(visit, listing, step)
    found.pop("reserve")
    return found


async def correctable(visit: Visit) -> Listing:
    listing = await any_listing(visit)
    if not allowed(listing.state, Act.CORRECT, Actor.ADMINISTRATOR):
        raise HTTPException(404 if visit.request.method == "GET" else 409, visit.text(LATE))
    return listing


async def _form(
    visit: Visit, listing: Listing, typed: Mapping[str, str], wrong: Mapping[str, Wrong], *, version: int
) -> Response:
    requests = await Requests(visit.site.engine).of(listing.lot)
    return page(
        visit,
        "listings/correct.html",
        422 if wrong else 200,
        listing=listing,
        typed=typed,
        version=version,
        rules=await rules_of(visit, listing),
        errors=errors(visit, wrong),
        summary=worded(visit, wrong, listing.asset_class),
        fields=form_fields(visit, listing.asset_class),
        asked=[each for each in requests if not each.answer and each.kind is RequestKind.CORRECT],
        restarts=(await rules_of(visit, listing)).correction_restarts,
    )
