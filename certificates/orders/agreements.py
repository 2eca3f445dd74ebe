"""Agreements that were accepted: each by itself, with its version and the time. They are only added to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.model import Agreement

_ACCEPT: Final = text(
    "INSERT INTO order_agreements (number, agreement, version, accepted_at)"
    " VALUES (:number, :agreement, :version, :now) ON CONFLICT DO NOTHING"
)
_OF: Final = text(
    "SELECT agreement, version, accepted_at FROM order_agreements WHERE number = :number"
    " ORDER BY accepted_at, agreement LIMIT 100"
)


@dataclass(frozen=True, slots=True)
class Accepted:
    agreement: str
    version: str
    accepted_at: datetime


async def accept(
    connection: AsyncConnection, number: str, accepted: Sequence[Agreement], now: datetime
) -> None:
    """A repetition keeps the first time."""
    for one in accepted:
        values = {"number": number, "agreement": str(one.kind), "version": one.version, "now": now}
        await connection.execute(_ACCEPT, values)


async def of(connection: AsyncConnection, number: str) -> Sequence[Accepted]:
    rows = await connection.execute(_OF, {"number": number})
    return [Accepted(row.agreement, row.version, row.accepted_at) for row in rows]
