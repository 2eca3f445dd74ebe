"""Publishing an announcement, with dates that the rule profile and the working days give."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from starlette.responses import Response

from trading.lifecycle import dates as periods
from trading.lifecycle.performing import By, Listing, perform
from trading.lifecycle.states import Act
from trading.listings import reading
from trading.listings.file_kinds import FileKind
from trading.listings.openings import Opening, near
from trading.listings.publishing import snapshot
from trading.listings.reading import Fault, Unreadable, Wrong
from trading.profiles.profile import RuleProfile
from trading.working_days import WorkingDayStore
from web.languages import N_
from web.listings.assets import carried_out
from web.listings.drafts import shown_version
from web.listings.faults import errors
from web.listings.own import account_of, any_listing, files_of_site
from web.visits import Visit

BASE: Final = "/administration/listings"
FARTHEST: Final = timedelta(days=366)
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
