"""A listing as it is kept, and the reading of listings, their history and their announcements."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.lots import AssetClass
from bidding.terms import Fen
from trading.lifecycle.states import Act, AnnouncementKind, LotState, SaleMethod

MOST_EVENTS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The trading side of a lot: every column of `listings`. Money in fen, times aware UTC."""

    lot: str
    transferor_id: int
    transferor: str
    state: LotState
    resume_state: LotState | None
    asset_class: AssetClass
    method: SaleMethod
    title: str
    place: str
    overview: str
    disclosures: str
    conditions: str
    details: Mapping[str, Any]
    starting_price: Fen
    increment: Fen
    max_steps: int
    deposit: Fen
    valuation: Fen | None
    reserve: Fen | None
    profile_id: int
    registration_starts: datetime | None
    registration_ends: datetime | None
    deposit_ends: datetime | None
    opens_at: datetime | None
    counted_from: datetime | None
    counted_days: int | None
    """From when, and over how many working days, the end was counted; None: somebody chose the end."""
    provisional: bool
    extensions: int
    corrections: int
    corrections_passed_on: int
    put_on_at: datetime | None
    alarmed_at: datetime | None
    due_at: datetime | None
    final_price: Fen | None
    relisted_from: str | None
    version: int
    made_at: datetime
    changed_at: datetime
    announced_at: datetime | None


COLUMNS: Final = tuple(field.name for field in fields(Listing))
SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM listings"  # noqa: S608 - our own names


@dataclass(frozen=True, slots=True)
class ListingEvent:
    """One act in the history of a listing."""

    act: Act
    before: LotState
    after: LotState
    at: datetime
    actor: str
    actor_id: int | None
    reason: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Announcement:
    """What was published, with the public facts of that moment."""

    id: int
    lot: str
    kind: AnnouncementKind
    number: str
    title: str
    facts: Mapping[str, Any]
    published_at: datetime


def listing_from(row: Row[Any]) -> Listing:
    values = dict(row._mapping)
    values["state"] = LotState(row.state)
    values["resume_state"] = LotState(row.resume_state) if row.resume_state else None
    values["asset_class"] = AssetClass(row.asset_class)
    values["method"] = SaleMethod(row.method)
    return Listing(**values)


async def locked(connection: AsyncConnection, lot: str) -> Listing | None:
    """The listing, its row locked until the caller's transaction ends."""
    found = text(f"{SELECT} WHERE lot = :lot FOR UPDATE")
    row = (await connection.execute(found, {"lot": lot})).first()
    return listing_from(row) if row else None


async def read(connection: AsyncConnection, lot: str) -> Listing | None:
    row = (await connection.execute(text(f"{SELECT} WHERE lot = :lot"), {"lot": lot})).first()
    return listing_from(row) if row else None


class Listings:
    """Reading; every method is one query of its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def get(self, lot: str) -> Listing | None:
        async with self._engine.connect() as connection:
            return await read(connection, lot)

    async def history(self, lot: str) -> tuple[ListingEvent, ...]:
        """Everything that was done, in order (bounded)."""
        found = text("SELECT * FROM listing_events WHERE lot = :lot ORDER BY id LIMIT :most")
        async with self._engine.connect() as connection:
            rows = await connection.execute(found, {"lot": lot, "most": MOST_EVENTS})
            return tuple(
                ListingEvent(
                    *(Act(row.act), LotState(row.before), LotState(row.after), row.at),
                    *(row.actor, row.actor_id, row.reason, row.facts),
                )
                for row in rows
            )

    async def announcements_of(self, lot: str) -> tuple[Announcement, ...]:
        """Everything that was published, in order (bounded)."""
        found = text("SELECT * FROM announcements WHERE lot = :lot ORDER BY id LIMIT :most")
        async with self._engine.connect() as connection:
            rows = await connection.execute(found, {"lot": lot, "most": MOST_EVENTS})
            return tuple(
                Announcement(
                    row.id,
                    row.lot,
                    AnnouncementKind(row.kind),
                    *(row.number, row.title, row.facts, row.published_at),
                )
                for row in rows
            )
