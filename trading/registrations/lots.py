"""What a registration needs to know of its lot, and whether the lot takes registrations now."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bidding.terms import Fen
from trading.lifecycle.states import LotState

REGISTERING: Final = frozenset({LotState.ANNOUNCED, LotState.EXTENDED})
BEFORE_DECISION: Final = REGISTERING | {LotState.EVALUATION, LotState.SUSPENDED}
"""States in which a registration may still become, or stay, a qualified one."""

_COLUMNS: Final = (
    "SELECT lot, state, title, asset_class, transferor_id, transferor, starting_price, deposit,"
    " registration_starts, registration_ends, deposit_ends, opens_at, corrections FROM listings"
)
_FOUND: Final = text(f"{_COLUMNS} WHERE lot = :lot")
_SEVERAL: Final = text(f"{_COLUMNS} WHERE lot = ANY(:lots)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterableLot:
    """Money in fen, times aware UTC."""

    lot: str
    state: LotState
    title: str
    asset_class: str
    transferor_id: int
    transferor: str
    starting_price: Fen
    deposit: Fen
    registration_starts: datetime | None
    registration_ends: datetime | None
    deposit_ends: datetime | None
    opens_at: datetime | None
    corrections: int

    def is_open(self, now: datetime) -> bool:
        """Whether registrations are taken, sealed, withdrawn and confirmed now."""
        started = self.registration_starts is not None and self.registration_starts <= now
        ended = self.registration_ends is None or self.registration_ends <= now
        return self.state in REGISTERING and started and not ended


async def lots_of(connection: AsyncConnection, lots: Collection[str]) -> dict[str, RegisterableLot]:
    """Those of these lots that have a listing."""
    found = await connection.execute(_SEVERAL, {"lots": list(lots)})
    return {row.lot: _lot(row) for row in found}


async def lot_of(connection: AsyncConnection, lot: str) -> RegisterableLot | None:
    row = (await connection.execute(_FOUND, {"lot": lot})).one_or_none()
    if row is None:
        return None
    return _lot(row)


def _lot(row: Row[Any]) -> RegisterableLot:
    return RegisterableLot(**{**row._mapping, "state": LotState(row.state)})
