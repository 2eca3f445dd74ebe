"""By when a deposit has to be in, and how fast it goes back: asked of the sealed process and the listing
each time.

A deadline beside a payer would name the lot: it stands in the announcement. So no table of the deposits
has it. An extension of the lot moves it without anybody's doing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.sealed.port import Sealed

USUAL_REFUND_DAYS: Final = 5


@dataclass(frozen=True, slots=True)
class DepositTerms:
    """`deadline` None: no announcement says one."""

    deadline: datetime | None
    refund_working_days: int = USUAL_REFUND_DAYS


TermsOf = Callable[[str], Awaitable[DepositTerms]]
"""The terms of a registration's lot. For the steward alone."""

_FOUND: Final = text(
    "SELECT l.deposit_ends, p.fields FROM listings l JOIN rule_profiles p ON p.id = l.profile_id"
    " WHERE l.lot = :lot"
)


def listed_terms(engine: AsyncEngine, sealed: Sealed) -> TermsOf:
    """Terms from the listing and its rule profile."""

    async def terms_of(registration: str) -> DepositTerms:
        lot = await sealed.lot_for_steward(registration)
        async with engine.connect() as connection:
            row = (await connection.execute(_FOUND, {"lot": lot})).one_or_none()
        if row is None:
            return DepositTerms(None)
        return DepositTerms(row.deposit_ends, int(row.fields.get("refund_working_days", USUAL_REFUND_DAYS)))

    return terms_of
