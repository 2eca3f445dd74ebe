"""What finance does by hand, in the audit log."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from office.accounts import Role
from office.audit import trail


async def record_act(
    connection: AsyncConnection, by: int, act: str, subject: str, facts: Mapping[str, object], now: datetime
) -> None:
    """In the caller's transaction; pseudonyms and sub-accounts only, as everywhere in finance."""
    await trail.record(
        connection,
        at=now,
        actor=trail.account(by),
        role=Role.FINANCE,
        act=act,
        subject=subject,
        facts=facts,
    )
