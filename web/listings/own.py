"""Whose listing it is: what a transferor, an administrator or the public may see of it."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException

from bidding.lots import AssetClass
from office.accounts import Role
from trading.lifecycle.performing import Listing, Listings
from trading.lifecycle.states import LotState
from trading.listings.checks import Step
from trading.listings.fields import rows
from trading.listings.file_kinds import BOUNDS, FileKind
from trading.listings.files import ListingFile, ListingFiles
from web.languages import CHINESE, N_
from web.lots import lot_named
from web.visits import Visit

PUBLIC_KINDS: Final = tuple(kind for kind in FileKind if BOUNDS[kind].public)
LARGEST_ID: Final = 2**62
SUBMITTED: Final = N_("这份资产已经提交，不能再改。需要修改时，请管理员退回。")


def account_of(visit: Visit) -> int:
    """Who is signed in; the routes have let nobody else in."""
    if visit.signed_in is None:
        raise HTTPException(401)
    return visit.signed_in.account_id


async def any_listing(visit: Visit) -> Listing:
    """The listing in the address; 404 when there is none."""
    listing = await Listings(visit.site.engine).get(lot_named(visit))
    if listing is None:
        raise HTTPException(404)
    return listing


async def own_listing(visit: Visit) -> Listing:
    """One's own; 404 for somebody else's, as for one that does not exist."""
    listing = await any_listing(visit)
    if listing.transferor_id != account_of(visit):
        raise HTTPException(404)
    return listing


async def overseen_listing(visit: Visit) -> Listing:
    """For administrators and regulators: what was ever submitted. Until then a draft is its owner's own."""
    listing = await any_listing(visit)
    if listing.state is LotState.DRAFT and not await Listings(visit.site.engine).history(listing.lot):
        raise HTTPException(404)
    return listing


async def public_listing(visit: Visit) -> Listing:
    """What was announced; 404 for everything else."""
    listing = await any_listing(visit)
    if listing.announced_at is None:
        raise HTTPException(404)
    return listing


def number_in_path(visit: Visit, name: str) -> int:
    """A number in the address; 404 for what is none."""
    asked = visit.param(name)
    if not (asked.isascii() and asked.isdigit() and int(asked) < LARGEST_ID):
        raise HTTPException(404)
    return int(asked)


def files_of_site(visit: Visit) -> ListingFiles:
    return ListingFiles(visit.site.engine, visit.site.files)


def detail_rows(
    visit: Visit, asset_class: AssetClass, details: Mapping[str, Any]
) -> tuple[tuple[str, str], ...]:
    """The details in the language of the visit."""
    return rows(asset_class, details, english=visit.locale != CHINESE)


def sheet(visit: Visit, listing: Listing, files: tuple[ListingFile, ...], base: str) -> dict[str, Any]:
    """What the sections of a listing show. `base`: the address under which its files are."""
    return {
        "listing": listing,
        "details": detail_rows(visit, listing.asset_class, listing.details),
        "pictures": [file for file in files if file.kind is FileKind.PICTURE],
        "attachments": [file for file in files if file.kind is FileKind.ATTACHMENT],
        "private_files": [file for file in files if not file.public],
        "base": base,
    }


def oversees(visit: Visit) -> bool:
    return visit.role in (Role.ADMINISTRATOR, Role.REGULATOR)


async def own_draft(visit: Visit) -> Listing:
    """One's own draft; whoever comes too late is told so on its page."""
    listing = await own_listing(visit)
    if listing.state is not LotState.DRAFT:
        raise HTTPException(404 if visit.request.method == "GET" else 409, "not a draft")
    return listing


def address(lot: str, step: Step) -> str:
    return f"/my/assets/{lot}/steps/{step.value}"


def next_address(lot: str, step: Step) -> str:
    steps = list(Step)
    place = steps.index(step) + 1
    return address(lot, steps[place]) if place < len(steps) else f"/my/assets/{lot}"
