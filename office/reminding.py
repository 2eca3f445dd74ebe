"""Reminders that are given once: the row and what is told are written in one transaction, so a killed round
repeats nothing."""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_GIVEN: Final = text(
    "INSERT INTO reminders (kind, subject, due_at, at) VALUES (:kind, :subject, :due_at, :now)"
    " ON CONFLICT DO NOTHING"
)


async def first_time(
    connection: AsyncConnection, kind: str, subject: str, due_at: datetime, now: datetime
) -> bool:
    """Whether this reminder of this moment was not given yet; it is from now on. A moment that moves is
    another one."""
    given = {"kind": kind, "subject": subject, "due_at": due_at, "now": now}
    return bool((await connection.execute(_GIVEN, given)).rowcount)
