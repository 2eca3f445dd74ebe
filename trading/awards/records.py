"""Awards and offers as the tables keep them. The auction's result stands in the ledger, and never changes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, column, select, table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.terms import Fen

LONGEST_REASON: Final = 500


class Source(StrEnum):
    """Why it is this person's turn."""

    AUCTION = "auction"
    NEXT_BIDDER = "next_bidder"
    PRIORITY = "priority"
    NEGOTIATION = "negotiation"


class AwardState(StrEnum):
    REVIEW = "review"
    AWARDED = "awarded"
    REFUSED = "refused"
    DEFAULTED = "defaulted"


class Answer(StrEnum):
    """What somebody says who is asked whether to take the lot."""

    ASKED = "asked"
    TAKEN = "taken"
    DECLINED = "declined"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True)
class Award:
    """One person's turn to get a lot at a price, and what was decided. `number` from the award on.

    `transferee` is the name as it stands in the papers, with who joins in the purchase.
    """

    id: int
    lot: str
    round: int
    source: Source
    registration: str
    account_id: int
    transferee: str
    paddle: str
    price: Fen
    state: AwardState
    reason: str
    number: str | None
    ledger_head: str
    ledger_count: int
    opened_at: datetime
    decided_at: datetime | None
    decided_by: int | None


@dataclass(frozen=True, slots=True)
class Offer:
    """A lot, offered to one person: to the holder of a priority right (PRIORITY) at the final price, or to
    the next bidder (NEXT_BIDDER, no rank) at the own highest bid."""

    lot: str
    paddle: str
    source: Source
    rank: int
    registration: str
    account_id: int
    price: Fen
    asked_at: datetime
    due_at: datetime
    answer: Answer
    answered_at: datetime | None


AWARDS: Final = table("awards", *map(column, Award.__dataclass_fields__))
OFFERS: Final = table("priority_offers", *map(column, Offer.__dataclass_fields__))
_STANDS: Final = AWARDS.c.state.in_([AwardState.REVIEW.value, AwardState.AWARDED.value])
_ASKED: Final = OFFERS.c.answer == Answer.ASKED.value


class AwardRecords:
    """Reading them."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def award_of(self, lot: str) -> Award | None:
        """The one that stands: under review, or awarded."""
        async with self._engine.connect() as connection:
            return await standing(connection, lot)

    async def rounds_of(self, lot: str) -> Sequence[Award]:
        """Everyone whose turn it was, in order."""
        async with self._engine.connect() as connection:
            return await rounds(connection, lot)

    async def mine(self, account_id: int, lots: Collection[str]) -> dict[str, AwardState]:
        """{lot: how this account's turn stands, or ended}; the last turn where there were several."""
        found = select(AWARDS.c.lot, AWARDS.c.state).where(
            AWARDS.c.account_id == account_id, AWARDS.c.lot.in_(list(lots))
        )
        async with self._engine.connect() as connection:
            rows = await connection.execute(found.order_by(AWARDS.c.round))
            return {row.lot: AwardState(row.state) for row in rows}

    async def offers_of(self, lot: str) -> Sequence[Offer]:
        """Who was asked, in order."""
        async with self._engine.connect() as connection:
            return await offers(connection, lot)

    async def asked(self, account_id: int, limit: int = 100) -> Sequence[Offer]:
        """Offers that wait for this account's answer."""
        found = select(OFFERS).where(OFFERS.c.account_id == account_id, _ASKED)
        async with self._engine.connect() as connection:
            rows = await connection.execute(found.order_by(OFFERS.c.due_at).limit(limit))
            return [_offer(row) for row in rows]


async def standing(connection: AsyncConnection, lot: str, *, lock: bool = False) -> Award | None:
    """The award that stands; with `lock` nobody else decides on it until the caller's transaction ends."""
    found = select(AWARDS).where(AWARDS.c.lot == lot, _STANDS)
    row = (await connection.execute(found.with_for_update() if lock else found)).one_or_none()
    return _award(row) if row else None


async def rounds(connection: AsyncConnection, lot: str) -> Sequence[Award]:
    """Everyone whose turn it was, in order."""
    found = select(AWARDS).where(AWARDS.c.lot == lot).order_by(AWARDS.c.round)
    return [_award(row) for row in await connection.execute(found)]


async def offers(connection: AsyncConnection, lot: str) -> Sequence[Offer]:
    """Who was asked, in order."""
    found = select(OFFERS).where(OFFERS.c.lot == lot)
    found = found.order_by(OFFERS.c.asked_at, OFFERS.c.rank, OFFERS.c.paddle)
    return [_offer(row) for row in await connection.execute(found)]


async def asked_offer(connection: AsyncConnection, lot: str) -> Offer | None:
    """The offer that waits for an answer, locked."""
    found = select(OFFERS).where(OFFERS.c.lot == lot, _ASKED).with_for_update()
    row = (await connection.execute(found)).one_or_none()
    return _offer(row) if row else None


def _award(row: Row[Any]) -> Award:
    values = dict(row._mapping)
    kinds = {"source": Source(values["source"]), "state": AwardState(values["state"])}
    return Award(**{**values, **kinds, "price": Fen(values["price"])})


def _offer(row: Row[Any]) -> Offer:
    values = dict(row._mapping)
    kinds = {"source": Source(values["source"]), "answer": Answer(values["answer"])}
    return Offer(**{**values, **kinds, "price": Fen(values["price"])})
