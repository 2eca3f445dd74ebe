"""Certificates as their holders see them: how long each still holds, and what became of it.

Whose they are: of the orders that an account began for itself, and of the market subjects that it acts for.
Days are days in Beijing: on its last day a certificate has 0 days left.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.issuing.issued import COLUMNS, PAGE, Issued
from certificates.issuing.states import Holding
from office.working_days import BEIJING, day_of

SOON: Final = 30
"""Days: from here on a certificate is shown as expiring (ours)."""


class HeldState(StrEnum):
    VALID = "valid"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    REVOKED = "revoked"
    REPLACED = "replaced"
    """Another one took its place: renewed, changed, or issued for a lost one."""


@dataclass(frozen=True, slots=True)
class Held:
    issued: Issued
    replaced: bool

    def state(self, now: datetime) -> HeldState:
        if self.replaced or self.issued.state is Holding.FOLLOWED:
            return HeldState.REPLACED
        if self.issued.state is Holding.REVOKED:
            return HeldState.REVOKED
        if now > self.issued.valid_until:
            return HeldState.EXPIRED
        return HeldState.EXPIRING if days_left(self.issued.valid_until, now) <= SOON else HeldState.VALID


def days_left(valid_until: datetime, now: datetime) -> int:
    """Until its last day; less than 0 after it."""
    return (day_of(valid_until) - day_of(now)).days


def start_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=BEIJING)


_THEIRS: Final = (
    " FROM issued_certificates i JOIN orders o ON o.number = i.number WHERE i.written_at IS NOT NULL"
    " AND ((o.market_subject IS NULL AND i.account_id = :account) OR o.market_subject = ANY(:subjects))"
)
_COLUMNS: Final = ", ".join(f"i.{name}" for name in COLUMNS)
_REPLACED: Final = (
    "EXISTS (SELECT 1 FROM issued_certificates n WHERE n.follows = i.serial AND n.written_at IS NOT NULL)"
)
_PAGE_OF: Final = text(
    f"SELECT {_COLUMNS}, {_REPLACED} AS replaced{_THEIRS}"
    " ORDER BY i.state <> 'written', i.valid_until, i.serial LIMIT :most OFFSET :skipped"
)
_COUNT: Final = text(f"SELECT count(*){_THEIRS}")
_EXPIRING: Final = text(
    f"SELECT {_COLUMNS}, false AS replaced{_THEIRS} AND i.state = 'written'"
    " AND i.valid_until < :until AND i.valid_until > :since ORDER BY i.valid_until, i.serial LIMIT :most"
)


async def page_of(
    connection: AsyncConnection, account_id: int, subjects: Collection[int], page: int
) -> tuple[Sequence[Held], int]:
    """One page: those that count first, the first to end first; and how many there are in all."""
    values: dict[str, Any] = {"account": account_id, "subjects": list(subjects)}
    total = int(await connection.scalar(_COUNT, values) or 0)
    values |= {"most": PAGE, "skipped": (page - 1) * PAGE}
    rows = await connection.execute(_PAGE_OF, values)
    return [_held(dict(row)) for row in rows.mappings()], total


async def expiring(
    connection: AsyncConnection, account_id: int, subjects: Collection[int], now: datetime, *, most: int
) -> Sequence[Held]:
    """Those with SOON days left or fewer, or that ended in the last SOON days, and that nothing replaced."""
    values: dict[str, Any] = {"account": account_id, "subjects": list(subjects), "most": most}
    values["until"] = start_of(day_of(now) + timedelta(days=SOON + 1))
    values["since"] = now - timedelta(days=SOON)
    rows = await connection.execute(_EXPIRING, values)
    return [_held(dict(row)) for row in rows.mappings()]


def _held(row: dict[str, Any]) -> Held:
    replaced = bool(row.pop("replaced"))
    return Held(Issued(**{**row, "state": Holding(row["state"]), "box": bytes(row["box"])}), replaced)
