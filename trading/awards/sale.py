"""A sale from the award on: the facts that its papers, its payments and its pages share."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bidding.terms import Fen
from trading.awards.records import Award, AwardState, rounds
from trading.lifecycle.listing import Listing, locked, read
from trading.profiles.profile import RuleProfile
from trading.profiles.store import get_on

_AGREED: Final = text("SELECT * FROM agreed_prices WHERE lot = :lot")


@dataclass(frozen=True, slots=True)
class AgreedPrice:
    """A negotiated sale's price, and the meeting decision that was uploaded with it."""

    lot: str
    price: Fen
    decision: str
    decision_size: int
    decision_name: str
    note: str
    agreed_at: datetime
    agreed_by: int


@dataclass(frozen=True, slots=True)
class Sale:
    """A listing with its award, the one that stands or the last."""

    listing: Listing
    rules: RuleProfile
    award: Award | None
    agreed: AgreedPrice | None
    after_default: bool = False
    """An earlier buyer defaulted: the deposits of all others have gone back before this award."""

    @property
    def lot(self) -> str:
        return self.listing.lot

    @property
    def transferee(self) -> str:
        """As it stands in the papers; "" before anybody's turn."""
        return self.award.transferee if self.award else ""

    @property
    def awarded(self) -> Award:
        """For what comes after the award. Raises NoAward."""
        if self.award is None or self.award.state is not AwardState.AWARDED:
            raise NoAward(self.listing.lot)
        return self.award


class NoAward(Exception):
    """Nobody has been awarded the lot, or not any more."""


async def sale_of(connection: AsyncConnection, lot: str, *, lock: bool = False) -> Sale | None:
    """None without a listing. `lock`: its row, until the caller's transaction ends."""
    listing = await (locked(connection, lot) if lock else read(connection, lot))
    profile = await get_on(connection, listing.profile_id) if listing else None
    if listing is None or profile is None:
        return None
    had = await rounds(connection, lot)
    award = had[-1] if had else None
    agreed = (await connection.execute(_AGREED, {"lot": lot})).one_or_none()
    price = AgreedPrice(**agreed._mapping) if agreed else None
    earlier = any(each.state is AwardState.DEFAULTED for each in had[:-1])
    return Sale(listing, profile.rules, award, price, earlier)
