"""A transferor's asset: the form in steps, each saved for itself, and its files."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any, Final

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bidding.lots import AssetClass
from office.money import yuan
from trading.lifecycle.performing import Lacks, Listing, Listings
from trading.lifecycle.states import SaleMethod
from trading.listings import checks, forms
from trading.listings.checks import Prices, Step
from trading.listings.fields import fields_of, typed_of
from trading.listings.files import counted
from trading.listings.reading import Wrong
from trading.listings.store import ListingDrafts, NotADraft, Owner, Stale, TooManyDrafts, UnknownListing
from trading.profiles.profile import RuleProfile
from trading.profiles.store import Profiles
from web import csrf, unsent
from web.languages import N_
from web.listings.faults import errors, form_fields, worded
from web.listings.own import SUBMITTED, address, files_of_site, next_address, own_draft
from web.listings.uploads import upload_kinds
from web.listings.words import (
    METHOD_HINTS,
    METHODS,
    NEEDS,
    STEPS,
)
from web.pages import page
from web.visits import Visit
from web.words import ASSET_CLASSES

log = structlog.get_logger(__name__)

STALE: Final = N_("这份草稿刚才在别处改过。您填写的内容还在下面，请核对后再保存，以免互相覆盖。")
ONCE_S: Final = 600
TOO_MANY: Final = N_("草稿太多了（最多 200 份）。请先提交或撤回一些。")
# ── a new one ───────────────────────────────────────────────────────────────────────────────────────────────


async def new_form(visit: Visit) -> Response:
    kept, _ = await unsent.take(visit)
    empty = {"asset_class": AssetClass.PHYSICAL.value, "method": SaleMethod.COMPETITIVE_BIDDING.value}
    return _new(visit, {**dict.fromkeys(forms.BASICS, ""), **empty, **kept}, {})


async def create(visit: Visit) -> Response:
    """A draft with what the platform proposes for its prices; the next steps follow."""
    basics, wrong = forms.read_basics(visit.form)
    typed = {name: visit.form.get(name, "") for name in forms.BASICS}
    if basics is None:
        return _new(visit, typed, wrong)
    if not await once(visit):
        return visit.done("/my/assets", visit.text(N_("草稿刚才已经建立，就在下面。")))
    profile = await Profiles(visit.site.engine).published(basics.asset_class, basics.method)
    if profile is None:
        return _new(visit, typed, {}, visit.text(NEEDS["profile"]))
    assert visit.signed_in is not None
    owner = Owner(visit.signed_in.account_id, visit.signed_in.name)
    prices = checks.proposed(basics.starting_price, profile.rules)
    try:
        lot = await ListingDrafts(visit.site.engine).create(owner, basics, prices, visit.site.clock())
    except TooManyDrafts:
        return _new(visit, typed, {}, visit.text(TOO_MANY))
    except Lacks:
        return _new(visit, typed, {}, visit.text(NEEDS["profile"]))
    log.info("listing_drafted", lot=lot)
    return visit.done(address(lot, Step.DETAILS), visit.text(N_("草稿已建立，编号 %(lot)s。")) % {"lot": lot})


async def once(visit: Visit) -> bool:
    """Whether this form comes for the first time: a second click makes no second draft."""
    asked = visit.form.get("once", "")[:64]
    if not asked:
        return True
    key = f"luochui:once:{csrf.sign(visit.site.settings.secret, 'once', f'{visit.bound_to} {asked}')}"
    return bool(await visit.site.redis.set(key, "1", nx=True, ex=ONCE_S))


def _new(visit: Visit, typed: Mapping[str, str], wrong: Mapping[str, Wrong], said: str = "") -> Response:
    summary = ({"": said} if said else {}) | worded(visit, wrong)
    return page(
        visit,
        "listings/new.html",
        422 if wrong or said else 200,
        typed=typed,
        summary=summary,
        errors=errors(visit, wrong),
        once=secrets.token_urlsafe(16),
        **choices(visit),
    )


def choices(visit: Visit) -> dict[str, Any]:
    return {
        "asset_classes": [(str(one), visit.text(ASSET_CLASSES[one])) for one in AssetClass],
        "methods": [
            (str(one), visit.text(METHODS[one]), visit.text(METHOD_HINTS[one])) for one in SaleMethod
        ],
    }


# ── the steps ───────────────────────────────────────────────────────────────────────────────────────────────


async def step_form(visit: Visit) -> Response:
    """A step as it is saved, or as it was typed before the session ended."""
    listing, step = await own_draft(visit), step_in_path(visit)
    typed = await typed_in(visit, listing, step)
    kept, _ = await unsent.take(visit)
    if kept:
        typed |= {name: text for name, text in kept.items() if name in typed}
    return await show_step(
        visit, listing, step, typed, {}, version=int(kept.get("version") or listing.version)
    )


async def save_step(visit: Visit) -> Response:
    """Save, and go on to the next step; or show what is wrong with everything still typed in."""
    listing, step = await own_draft(visit), step_in_path(visit)
    changes, wrong = read_step(listing, step, visit.form)
    typed = {name: visit.form.get(name, "") for name in await typed_in(visit, listing, step)}
    version = shown_version(visit.form)
    if wrong or changes is None:
        return await show_step(visit, listing, step, typed, wrong, version=version)
    drafts = ListingDrafts(visit.site.engine)
    try:
        await drafts.save(listing.lot, version, listing.transferor_id, step, changes, visit.site.clock())
    except Stale:
        return await show_step(
            visit, listing, step, typed, {}, version=listing.version, said=visit.text(STALE)
        )
    except (NotADraft, UnknownListing):
        return visit.refused(f"/my/assets/{listing.lot}", visit.text(SUBMITTED))
    to = next_address(listing.lot, step) if visit.form.get("then") == "next" else address(listing.lot, step)
    return visit.done(to, visit.text(N_("“%(step)s”已保存。")) % {"step": visit.text(STEPS[step])})


def read_step(
    listing: Listing, step: Step, form: Mapping[str, str]
) -> tuple[dict[str, Any] | None, dict[str, Wrong]]:
    """What a step changes, or everything that is wrong with it."""
    match step:
        case Step.BASICS:
            basics, wrong = forms.read_basics(form)
            return (asdict(basics) if basics else None), wrong
        case Step.DETAILS:
            values, wrong = forms.read_description(listing.asset_class, form)
            return values, wrong
        case Step.PRICES:
            prices, wrong = forms.read_prices(form)
            return (asdict(prices) if prices else None), wrong
        case Step.FILES:
            return {}, {}


async def typed_in(visit: Visit, listing: Listing, step: Step) -> dict[str, str]:
    """What the fields of a step hold for what is saved."""
    match step:
        case Step.BASICS:
            values = {name: getattr(listing, name) for name in forms.BASICS}
            return {
                **{name: str(value) for name, value in values.items()},
                **_yuan(listing, ("starting_price",)),
            }
        case Step.DETAILS:
            details = {
                field.input: typed_of(field, listing.details.get(field.name))
                for field in fields_of(listing.asset_class)
            }
            return {name: str(getattr(listing, name)) for name in forms.TEXTS} | details
        case Step.PRICES:
            amounts = tuple(name for name in forms.PRICES if name != "max_steps")
            return _yuan(listing, amounts) | {"max_steps": str(listing.max_steps)}
        case Step.FILES:
            return {}


def _yuan(listing: Listing, names: tuple[str, ...]) -> dict[str, str]:
    return {name: "" if (fen := getattr(listing, name)) is None else yuan(fen) for name in names}


async def show_step(
    visit: Visit,
    listing: Listing,
    step: Step,
    typed: Mapping[str, str],
    wrong: Mapping[str, Wrong],
    *,
    version: int,
    said: str = "",
) -> Response:
    rules = await rules_of(visit, listing)
    saved = await ListingDrafts(visit.site.engine).steps_of(listing.lot)
    least, most = checks.deposit_bounds(listing.starting_price, rules)
    files = await files_of_site(visit).of(listing.lot) if step is Step.FILES else ()
    return page(
        visit,
        f"listings/step_{step.value}.html",
        409 if said else 422 if wrong else 200,
        listing=listing,
        step=step.value,
        steps=stepper(visit, listing.lot, step, saved, await _lacking(visit, listing)),
        typed=typed,
        version=version,
        summary=({"": said} if said else {}) | worded(visit, wrong, listing.asset_class),
        errors=errors(visit, wrong),
        fields=form_fields(visit, listing.asset_class) if step is Step.DETAILS else [],
        rules=rules,
        deposit_least=least,
        deposit_most=most,
        kinds=upload_kinds(visit, files) if step is Step.FILES else [],
        **choices(visit),
    )


async def _lacking(visit: Visit, listing: Listing) -> frozenset[Step]:
    missing = checks.lacks(await candidate_of(visit, listing), await rules_of(visit, listing))
    return frozenset(each.step for each in missing)


def stepper(
    visit: Visit, lot: str, here: Step | None, saved: tuple[str, ...], lacking: Collection[Step]
) -> list[dict[str, Any]]:
    """The steps above a form; the last is the check. `lacking`: where something is missing or wrong."""
    found = [
        {
            "href": address(lot, step),
            "text": visit.text(STEPS[step]),
            "current": step is here,
            "done": step.value in saved and step not in lacking,
            "lacks": step.value in saved and step in lacking,
        }
        for step in Step
    ]
    check = {
        "href": f"/my/assets/{lot}",
        "text": visit.text(N_("核对并提交")),
        "current": here is None,
        "done": False,
        "lacks": False,
    }
    return [*found, check]


# ── what belongs to it ──────────────────────────────────────────────────────────────────────────────────────


async def rules_of(visit: Visit, listing: Listing) -> RuleProfile:
    """The rules that apply: a draft follows what is published now, an announced lot keeps its own."""
    profiles = Profiles(visit.site.engine)
    current = None
    if listing.announced_at is None:
        current = await profiles.published(listing.asset_class, listing.method)
    profile = current or await profiles.get(listing.profile_id)
    if profile is None:
        raise AssertionError("a listing has its rule profile")
    return profile.rules


async def candidate_of(visit: Visit, listing: Listing) -> checks.Candidate:
    """A listing as the checks before submission look at it."""
    old = await Listings(visit.site.engine).get(listing.relisted_from) if listing.relisted_from else None
    return checks.Candidate(
        asset_class=listing.asset_class,
        steps=await ListingDrafts(visit.site.engine).steps_of(listing.lot),
        overview=listing.overview,
        disclosures=listing.disclosures,
        details=listing.details,
        prices=prices_of(listing),
        files=counted(await files_of_site(visit).of(listing.lot)),
        relisted_price=old.starting_price if old else None,
    )


def prices_of(listing: Listing) -> Prices:
    return Prices(**{name: getattr(listing, name) for name in forms.PRICES})


def step_in_path(visit: Visit) -> Step:
    asked = visit.param("step")
    if asked not in {step.value for step in Step}:
        raise HTTPException(404)
    return Step(asked)


def shown_version(form: Mapping[str, str]) -> int:
    """The version that the form showed; 0, which fits none, for what is no number."""
    asked = form.get("version", "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0
