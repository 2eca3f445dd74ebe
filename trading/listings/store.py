"""Drafts of listings, as their transferors fill them in: saved step by step, by one tab at a time.

A draft is a row of `listings` in the state `draft`; what happens to it afterwards is done by
trading.lifecycle.performing alone.

    lot = await drafts.create(owner, basics, profile_id, prices, now)
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
from trading.lifecycle.states import LotState, SaleMethod
from trading.listings.checks import Prices, Step
from trading.listings.numbering import next_lot

MAX_TITLE: Final = 120
MAX_PLACE: Final = 100
MAX_TEXT: Final = 20_000
MOST_DRAFTS: Final = 200
"""Of one transferor at the same time."""
COLUMNS: Final[Mapping[Step, frozenset[str]]] = {
    Step.BASICS: frozenset({"asset_class", "method", "title", "place", "starting_price", "profile_id"}),
    Step.DETAILS: frozenset({"overview", "disclosures", "conditions", "details"}),
    Step.PRICES: frozenset({"starting_price", "increment", "max_steps", "deposit", "valuation", "reserve"}),
    Step.FILES: frozenset(),
}
"""What each step may write."""
RELISTED_FROM: Final = (LotState.UNSOLD, LotState.WITHDRAWN, LotState.ABORTED)


class UnknownListing(Exception):
    """There is none of this number, or it belongs to somebody else: whoever asks learns no more."""


class NotADraft(Exception):
    """It has been submitted; it is changed by corrections only."""


class StaleDraft(Exception):
    """Another tab has saved it since this form was shown."""


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


_INSERT: Final = text(
    "INSERT INTO listings (lot, transferor_id, transferor, state, asset_class, method, title, place,"
    " starting_price, increment, max_steps, deposit, profile_id, steps, made_at, changed_at)"
    " VALUES (:lot, :owner, :transferor, 'draft', :asset_class, :method, :title, :place,"
    " :starting_price, :increment, :max_steps, :deposit, :profile, ARRAY['basics'], :now, :now)"
)
_COPY: Final = text(
    "INSERT INTO listings (lot, transferor_id, transferor, state, asset_class, method, title, place,"
    " overview, disclosures, conditions, details, starting_price, increment, max_steps, deposit, valuation, reserve,"
    " profile_id, steps, relisted_from, made_at, changed_at)"
    " SELECT :lot, transferor_id, transferor, 'draft', asset_class, method, title, place,"
    " overview, disclosures, conditions, details, starting_price, increment, max_steps, deposit, valuation, reserve,"
    " :profile, steps, lot, :now, :now FROM listings WHERE lot = :old"
)
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

    async def create(
        self, owner: Owner, basics: Basics, profile_id: int, prices: Prices, now: datetime
    ) -> str:
        """A new draft's lot. Raises TooManyDrafts."""
        async with self._engine.begin() as connection:
            await _check_number(connection, owner.account_id)
            lot = await next_lot(connection, basics.asset_class, now)
            values = {**asdict(basics), **asdict(prices), "lot": lot, "now": now, "profile": profile_id}
            await connection.execute(_INSERT, {**values, "owner": owner.account_id, "transferor": owner.name})
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

        Raises UnknownListing, NotADraft, StaleDraft.
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
                await _why_not(connection, lot, owner_id)
                raise StaleDraft(lot)
            return int(found)

    async def steps_of(self, lot: str) -> tuple[str, ...]:
        """The steps that were saved."""
        async with self._engine.connect() as connection:
            found = await connection.execute(
                text("SELECT steps FROM listings WHERE lot = :lot"), {"lot": lot}
            )
            return tuple(found.scalar_one_or_none() or ())

    async def discard(self, lot: str, owner_id: int) -> None:
        """Throw one's own draft away. One that was ever submitted has a history, and stays.

        Raises UnknownListing, NotADraft.
        """
        async with self._engine.begin() as connection:
            await lock_draft(connection, lot, owner_id)
            told = text("SELECT EXISTS (SELECT 1 FROM listing_events WHERE lot = :lot)")
            if (await connection.execute(told, {"lot": lot})).scalar_one():
                raise NotADraft(lot)
            for table in ("listing_files", "listing_requests", "listings"):
                await connection.execute(text(f"DELETE FROM {table} WHERE lot = :lot"), {"lot": lot})  # noqa: S608

    async def relist(self, old: str, owner_id: int, profile_id: int, now: datetime) -> str:
        """A new draft from a lot that ended without a sale, with its texts, prices and files. A second click
        leads to the draft that the first one made. Raises UnknownListing, NotRelistable, TooManyDrafts."""
        async with self._engine.begin() as connection:
            row = await _locked(connection, old, owner_id)
            if row.state not in RELISTED_FROM:
                raise NotRelistable(old)
            again = await connection.execute(
                text(
                    "SELECT lot FROM listings WHERE relisted_from = :old"
                    " AND state <> ALL (:over) ORDER BY lot LIMIT 1"
                ),
                {"old": old, "over": [state.value for state in RELISTED_FROM]},
            )
            if there := again.scalar_one_or_none():
                return str(there)
            await _check_number(connection, owner_id)
            lot = await next_lot(connection, AssetClass(row.asset_class), now)
            values = {"lot": lot, "old": old, "profile": profile_id, "now": now}
            await connection.execute(_COPY, values)
            await connection.execute(_COPY_FILES, {"lot": lot, "old": old, "now": now})
        return lot


async def lock_draft(connection: AsyncConnection, lot: str, owner_id: int) -> Any:
    """One's own draft, locked. Raises UnknownListing, NotADraft."""
    row = await _locked(connection, lot, owner_id)
    if row.state != LotState.DRAFT:
        raise NotADraft(lot)
    return row


async def _locked(connection: AsyncConnection, lot: str, owner_id: int) -> Any:
    found = await connection.execute(
        text(
            "SELECT lot, state, asset_class, method FROM listings"
            " WHERE lot = :lot AND transferor_id = :owner FOR UPDATE"
        ),
        {"lot": lot, "owner": owner_id},
    )
    row = found.one_or_none()
    if row is None:
        raise UnknownListing(lot)
    return row


async def _why_not(connection: AsyncConnection, lot: str, owner_id: int) -> None:
    await lock_draft(connection, lot, owner_id)


async def _check_number(connection: AsyncConnection, owner_id: int) -> None:
    counted = await connection.execute(
        text("SELECT count(*) FROM listings WHERE transferor_id = :owner AND state = 'draft'"),
        {"owner": owner_id},
    )
    if int(counted.scalar_one()) >= MOST_DRAFTS:
        raise TooManyDrafts
