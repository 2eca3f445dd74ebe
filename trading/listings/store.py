"""Drafts of listings, as their transferors fill them in: saved step by step, by one tab at a time.

A draft is a row of `listings` in the state `draft`; what happens to it afterwards is done by
trading.lifecycle.performing alone.

    lot = await drafts.create(owner, basics, prices, now)
    version = await drafts.save(lot, version, owner.account_id, Step.PRICES, {"deposit": 1}, now)
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.lots import AssetClass
from office.accounts import Role
from office.audit import trail
from trading.lifecycle.listing import SELECT as LISTING
from trading.lifecycle.listing import Listing, listing_from
from trading.lifecycle.performing import Stale as Stale
from trading.lifecycle.performing import UnknownListing as UnknownListing
from trading.lifecycle.performing import add
from trading.lifecycle.states import LotState, SaleMethod
from trading.listings.checks import Prices, Step
from trading.listings.numbering import next_lot

MAX_TITLE: Final = 120
MAX_PLACE: Final = 100
MAX_TEXT: Final = 20_000
MOST_DRAFTS: Final = 200
"""Of one transferor at the same time."""
COLUMNS: Final[Mapping[Step, frozenset[str]]] = {
    Step.BASICS: frozenset({"asset_class", "method", "title", "place", "starting_price"}),
    Step.DETAILS: frozenset({"overview", "disclosures", "conditions", "details"}),
    Step.PRICES: frozenset({"starting_price", "increment", "max_steps", "deposit", "valuation", "reserve"}),
    Step.FILES: frozenset(),
}
"""What each step may write."""
RELISTED_FROM: Final = (LotState.UNSOLD, LotState.WITHDRAWN, LotState.ABORTED)


class NotADraft(Exception):
    """It has been submitted; it is changed by corrections only."""


class TooManyDrafts(Exception):
    """As many drafts as one transferor may have are there."""


class NotRelistable(Exception):
    """Only what ended without a sale is listed again."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The transferor: account, and the name as it is announced."""

    account_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Basics:
    """What a draft begins with."""

    asset_class: AssetClass
    method: SaleMethod
    title: str
    place: str
    starting_price: int


_COPY_FILES: Final = text(
    "INSERT INTO listing_files (lot, kind, name, media_type, size, digest, thumbnail, width, height,"
    " added_by, added_at)"
    " SELECT :lot, kind, name, media_type, size, digest, thumbnail, width, height, added_by, :now"
    " FROM listing_files WHERE lot = :old AND removed_at IS NULL ORDER BY id"
)


class ListingDrafts:
    """The drafts. Every method is one transaction of its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def create(self, owner: Owner, basics: Basics, prices: Prices, now: datetime) -> str:
        """A new draft's lot. Raises TooManyDrafts, Lacks (no rule profile of this class and method)."""
        async with self._engine.begin() as connection:
            await _check_number(connection, owner.account_id)
            lot = await next_lot(connection, basics.asset_class, now)
            values = {**asdict(basics), **asdict(prices), "lot": lot, "steps": [Step.BASICS.value]}
            values |= {"transferor_id": owner.account_id, "transferor": owner.name}
            await add(connection, values, now=now)
            await note(connection, "lot.enter", lot, owner.account_id, now)
        return lot

    async def save(
        self,
        lot: str,
        version: int,
        owner_id: int,
        step: Step,
        changes: Mapping[str, Any],
        now: datetime,
    ) -> int:
        """Save a step of one's own draft: its new version.

        Raises UnknownListing, NotADraft, Stale.
        """
        if not set(changes) <= COLUMNS[step]:
            raise AssertionError(f"{step} does not write {sorted(set(changes) - COLUMNS[step])}")
        sets = "".join(f", {name} = :{name}" for name in sorted(changes))
        statement = text(
            "UPDATE listings SET version = version + 1, changed_at = :now,"  # noqa: S608
            f" steps = CASE WHEN :step = ANY (steps) THEN steps ELSE array_append(steps, :step) END{sets}"
            " WHERE lot = :lot AND transferor_id = :owner AND state = 'draft' AND version = :version"
            " RETURNING version"
        )
        if "details" in changes:
            statement = statement.bindparams(bindparam("details", type_=JSONB))
        async with self._engine.begin() as connection:
            values = {**changes, "lot": lot, "owner": owner_id, "version": version, "now": now}
            saved = await connection.execute(statement, {**values, "step": step.value})
            found = saved.scalar_one_or_none()
            if found is None:
                await lock_draft(connection, lot, owner_id)
                raise Stale(lot)
            await note(connection, "lot.save", lot, owner_id, now, step=step.value, version=int(found))
            return int(found)

    async def steps_of(self, lot: str) -> tuple[str, ...]:
        """The steps that were saved."""
        async with self._engine.connect() as connection:
            found = await connection.execute(
                text("SELECT steps FROM listings WHERE lot = :lot"), {"lot": lot}
            )
            return tuple(found.scalar_one_or_none() or ())

    async def relist(self, old: str, owner_id: int, now: datetime) -> str:
        """A new draft from a lot that ended without a sale, with its texts, prices and files. A second click
        leads to the draft that the first one made.

        Raises UnknownListing, NotRelistable, TooManyDrafts, Lacks.
        """
        async with self._engine.begin() as connection:
            ended = await _locked(connection, old, owner_id)
            if ended.state not in RELISTED_FROM or ended.announced_at is None:
                raise NotRelistable(old)
            if there := await _relisted(connection, old):
                return there
            await _check_number(connection, owner_id)
            lot = await next_lot(connection, ended.asset_class, now)
            await add(connection, {**_copied(ended), "lot": lot, "relisted_from": old}, now=now)
            await connection.execute(_COPY_FILES, {"lot": lot, "old": old, "now": now})
            await note(connection, "lot.enter", lot, owner_id, now, relisted_from=old)
        return lot


def relistable(listing: Listing) -> bool:
    return listing.state in RELISTED_FROM and listing.announced_at is not None


_COPIED: Final = (
    *("transferor_id", "transferor", "asset_class", "method", "title", "place", "overview", "disclosures"),
    *("conditions", "details", "starting_price", "increment", "max_steps", "deposit", "valuation", "reserve"),
)


def _copied(ended: Listing) -> dict[str, Any]:
    values = {name: getattr(ended, name) for name in _COPIED}
    return {**values, "steps": [Step.BASICS.value, Step.DETAILS.value, Step.FILES.value]}


async def _relisted(connection: AsyncConnection, old: str) -> str | None:
    """What this lot was listed again as, and did not end without a sale again."""
    again = await connection.execute(
        text(
            "SELECT lot FROM listings WHERE relisted_from = :old AND state <> ALL (:over)"
            " ORDER BY lot LIMIT 1"
        ),
        {"old": old, "over": [state.value for state in RELISTED_FROM]},
    )
    return again.scalar_one_or_none()


async def note(
    connection: AsyncConnection, act: str, lot: str, owner_id: int, now: datetime, **facts: str | int
) -> None:
    """What a transferor does to a draft, in the audit log."""
    who = trail.account(owner_id)
    await trail.record(connection, at=now, actor=who, role=Role.TRANSFEROR, act=act, subject=lot, facts=facts)


async def lock_draft(connection: AsyncConnection, lot: str, owner_id: int) -> Listing:
    """One's own draft, locked. Raises UnknownListing, NotADraft."""
    found = await _locked(connection, lot, owner_id)
    if found.state is not LotState.DRAFT:
        raise NotADraft(lot)
    return found


async def _locked(connection: AsyncConnection, lot: str, owner_id: int) -> Listing:
    """Somebody else's listing is none: whoever asks learns no more."""
    found = await connection.execute(
        text(f"{LISTING} WHERE lot = :lot AND transferor_id = :owner FOR UPDATE"),
        {"lot": lot, "owner": owner_id},
    )
    row = found.one_or_none()
    if row is None:
        raise UnknownListing(lot)
    return listing_from(row)


async def _check_number(connection: AsyncConnection, owner_id: int) -> None:
    counted = await connection.execute(
        text("SELECT count(*) FROM listings WHERE transferor_id = :owner AND state = 'draft'"),
        {"owner": owner_id},
    )
    if int(counted.scalar_one()) >= MOST_DRAFTS:
        raise TooManyDrafts
