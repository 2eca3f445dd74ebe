"""When auctions open: the calendar of administrators, with those that are too close to each other.

Bidders of several lots, and the people who watch over auctions, can't be in two rooms at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bidding.terms import REHEARSAL
from trading.lifecycle.states import LotState

APART: Final = timedelta(minutes=30)
MOST: Final = 1_000
AHEAD: Final = (
    LotState.ANNOUNCED,
    LotState.EXTENDED,
    LotState.EVALUATION,
    LotState.IN_AUCTION,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """`by_hand`: put on by an administrator, without an announcement here."""

    lot: str
    title: str
    opens_at: datetime
    provisional: bool
    by_hand: bool
    movable: bool = False
    """Registration is open: a correction can move it."""


_FOUND: Final = text(
    "SELECT lot, title, opens_at, provisional, false AS by_hand,"
    " state IN ('announced', 'extended') AS movable FROM listings"
    " WHERE opens_at >= :first AND opens_at < :last AND state = ANY (:states)"
    " UNION ALL SELECT id, title, to_timestamp(opens_at / 1000.0), false, true, false FROM lots"
    " WHERE opens_at >= :first_ms AND opens_at < :last_ms"
    " AND NOT EXISTS (SELECT 1 FROM listings WHERE listings.lot = lots.id)"
    " AND NOT starts_with(id, :rehearsal)"
    " ORDER BY opens_at, lot LIMIT :most"
).bindparams(rehearsal=REHEARSAL)


async def openings(connection: AsyncConnection, first: datetime, last: datetime) -> tuple[Opening, ...]:
    """What opens from `first` on and before `last`, in order (bounded)."""
    rows = await connection.execute(
        _FOUND,
        {
            "first": first,
            "last": last,
            "first_ms": int(first.timestamp() * 1000),
            "last_ms": int(last.timestamp() * 1000),
            "states": [state.value for state in AHEAD],
            "most": MOST,
        },
    )
    return tuple(
        Opening(
            lot=row.lot,
            title=row.title,
            opens_at=row.opens_at.astimezone(UTC),
            provisional=row.provisional,
            by_hand=row.by_hand,
            movable=row.movable,
        )
        for row in rows
    )


def conflicts(found: Sequence[Opening], apart: timedelta = APART) -> Mapping[str, tuple[str, ...]]:
    """By lot: the others that open less than `apart` from it. `found` is in the order of the openings."""
    close: dict[str, list[str]] = {}
    for place, one in enumerate(found):
        for other in found[place + 1 :]:
            if other.opens_at - one.opens_at >= apart:
                break
            close.setdefault(one.lot, []).append(other.lot)
            close.setdefault(other.lot, []).append(one.lot)
    return {lot: tuple(others) for lot, others in close.items()}


async def near(connection: AsyncConnection, moment: datetime, but: str = "") -> tuple[Opening, ...]:
    """What opens less than APART from a moment."""
    found = await openings(connection, moment - APART + timedelta(seconds=1), moment + APART)
    return tuple(one for one in found if one.lot != but)
