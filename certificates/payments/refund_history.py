"""What happened to a refund: planned, asked, answered, gone. Rows that are only added."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

MOST_EVENTS: Final = 200
LONGEST_SAID: Final = 300


class RefundAct(StrEnum):
    PLANNED = "planned"
    ASKED = "asked"
    """The provider was asked, or the bank's batch was made."""
    ACCEPTED = "accepted"
    """The provider has it, and the money has not left yet."""
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    """By the provider, or by the bank."""
    PAID = "paid"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class RefundEvent:
    at: datetime
    act: RefundAct
    said: str


_EVENT: Final = text(
    "INSERT INTO order_refund_events (refund_id, at, act, said) VALUES (:refund, :now, :act, :said)"
)
_EVENTS: Final = text(
    "SELECT at, act, said FROM order_refund_events WHERE refund_id = :refund ORDER BY id DESC LIMIT :most"
)


async def event(
    connection: AsyncConnection, refund: int, act: RefundAct, now: datetime, told: str = ""
) -> None:
    """In the caller's transaction."""
    values = {"refund": refund, "act": act.value, "now": now, "said": told[:LONGEST_SAID]}
    await connection.execute(_EVENT, values)


async def events(connection: AsyncConnection, refund: int) -> Sequence[RefundEvent]:
    """The latest first."""
    rows = await connection.execute(_EVENTS, {"refund": refund, "most": MOST_EVENTS})
    return [RefundEvent(row.at, RefundAct(row.act), row.said) for row in rows]
