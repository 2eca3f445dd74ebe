"""The numbers of lots: XX-SW-2026-0007 is the seventh physical asset that was entered in 2026."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bidding.lots import AssetClass

PLATFORM: Final = "XX"
LETTERS: Final[Mapping[AssetClass, str]] = {
    AssetClass.PHYSICAL: "SW",
    AssetClass.DEBT: "ZQ",
    AssetClass.EQUITY: "GQ",
    AssetClass.CONCESSION: "TX",
    AssetClass.OPERATING_RIGHT: "WL",
}
BEIJING: Final = timezone(timedelta(hours=8))
_NEXT: Final = text(
    "INSERT INTO listing_numbers (series, last) VALUES (:series, 1)"
    " ON CONFLICT (series) DO UPDATE SET last = listing_numbers.last + 1 RETURNING last"
)


async def next_lot(connection: AsyncConnection, asset_class: AssetClass, now: datetime) -> str:
    """The next number of the class and year; it skips what an administrator has put on by hand."""
    series = f"{PLATFORM}-{LETTERS[asset_class]}-{now.astimezone(BEIJING).year}"
    while True:
        last = int((await connection.execute(_NEXT, {"series": series})).scalar_one())
        lot = f"{series}-{last:04d}"
        taken = text(
            "SELECT EXISTS (SELECT 1 FROM lots WHERE id = :lot)"
            " OR EXISTS (SELECT 1 FROM listings WHERE lot = :lot)"
        )
        if not (await connection.execute(taken, {"lot": lot})).scalar_one():
            return lot
