"""Putting a lot on, and its list: first the database, then the book; each step may be repeated.

A crash in between leaves a lot that is "not in the book yet", or a list that the book does not have yet; the
lot's page in the administration says so and offers the step again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from bidding import lots
from bidding.book import Book
from bidding.lots import Secrets
from bidding.messages import Refused, commitments_line
from bidding.session import ENDED
from office.sealed import Imported, QualifiedRow, Sealed
from trading import putting_on as core
from trading.putting_on import CannotSchedule as CannotSchedule
from trading.putting_on import UnknownLot as UnknownLot
from web.offer_form import Draft


@dataclass(frozen=True, slots=True)
class InTheBook:
    """Whether the book has the lot, and the same list of the qualified as the database."""

    scheduled: bool
    list_agrees: bool


async def put_on(engine: AsyncEngine, book: Book, sealed: Sealed, draft: Draft) -> None:
    """Keep the lot, then tell the book. Raises lots.LotExists, CannotSchedule, BookUnavailable (the lot is
    kept then, and `schedule` finishes the work)."""
    await core.keep(engine, draft.offer, draft.reserve)
    await schedule(engine, book, sealed, draft.offer.lot)


async def schedule(engine: AsyncEngine, book: Book, sealed: Sealed, lot: str) -> None:
    """Tell the book of a lot that is kept; harmless when it knows it already."""
    await core.schedule(engine, book, lot, await sealed.qualified(lot))


async def import_list(
    engine: AsyncEngine, book: Book, sealed: Sealed, lot: str, rows: Sequence[QualifiedRow]
) -> Imported:
    """Replace the list of the qualified, in the sealed module and in the book together.

    Raises sealed.ListFaults, sealed.NotPublished (the book has opened the lot, or does not know it).
    """
    _, kept = await _kept(engine, lot)

    async def publish(ranks: Mapping[str, int]) -> bool:
        outcome = await book.amend(lot, kept.commitments(ranks), ranks)
        return not isinstance(outcome.answer, Refused)

    return await sealed.import_qualified(lot, rows, publish)


async def agree_on_list(engine: AsyncEngine, book: Book, sealed: Sealed, lot: str) -> bool:
    """Give the book the list that the database has; False when the book refuses."""
    _, kept = await _kept(engine, lot)
    ranks = await sealed.qualified(lot)
    outcome = await book.amend(lot, kept.commitments(ranks), ranks)
    return not isinstance(outcome.answer, Refused)


async def in_the_book(engine: AsyncEngine, book: Book, sealed: Sealed, lot: str) -> InTheBook:
    """How far a lot has come."""
    state = await book.fields(lot, "commitments")
    if not state:
        ended = await _has_ended(engine, lot)
        return InTheBook(scheduled=ended, list_agrees=ended)
    _, kept = await _kept(engine, lot)
    ranks = await sealed.qualified(lot)
    return InTheBook(True, state["commitments"] == commitments_line(kept.commitments(ranks)))


async def _has_ended(engine: AsyncEngine, lot: str) -> bool:
    async with engine.connect() as connection:
        found = await lots.lot(connection, lot)
    return found is not None and found.standing.phase in ENDED


async def _kept(engine: AsyncEngine, lot: str) -> tuple[lots.Offer, Secrets]:
    async with engine.connect() as connection:
        found = await lots.lot(connection, lot)
        kept = await lots.secrets_of(connection, lot)
    if found is None or kept is None:
        raise UnknownLot(lot)
    return found.offer, kept
