"""From messages to deliveries: who gets what through which channel, decided once for each message.

Deliveries to registrants keep only the pseudonym and a text without facts, and are gone when they are done:
nothing here tells later who registered for what, or how many did.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.blurring import blurred
from office.messages.kinds import Channel, kind
from office.sealed.port import Sealed, SealedFault

log = structlog.get_logger(__name__)

AT_ONCE: Final = 100

_WAITING: Final = text(
    "SELECT id, account_id, registration, lot, kind FROM messages WHERE NOT dispatched"
    " ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED"
)
_DONE: Final = text("UPDATE messages SET dispatched = true WHERE id = ANY(:ids)")
_TO_ACCOUNT: Final = text(
    "INSERT INTO deliveries (key, channel, account_id, message_id, kind, state, next_at, made_at)"
    " SELECT :key, c.channel, c.account_id, :message_id, :kind, 'waiting', CAST(:now AS timestamptz),"
    " CAST(:now AS timestamptz) FROM contacts c"
    " WHERE c.account_id = :account_id AND c.channel = :channel ON CONFLICT (key) DO NOTHING"
)
_TO_REGISTRATION: Final = text(
    "INSERT INTO deliveries (key, channel, registration, kind, state, next_at, made_at)"
    " VALUES (:key, :channel, :registration, :kind, 'waiting', :now, :day)"
)


class DispatchRound:
    """Each message once: its row is locked, and the deliveries are made in the same transaction."""

    def __init__(self, engine: AsyncEngine, sealed: Sealed) -> None:
        self._engine = engine
        self._sealed = sealed

    async def round(self, now: datetime) -> int:
        """How many messages were dispatched."""
        async with self._engine.begin() as connection:
            rows = (await connection.execute(_WAITING, {"most": AT_ONCE})).all()
            done = [row.id for row in rows if await self._dispatch(connection, row, now)]
            if done:
                await connection.execute(_DONE, {"ids": done})
            return len(done)

    async def _dispatch(self, connection: AsyncConnection, row: Any, now: datetime) -> bool:
        """False: the sealed process is away; the message waits, and holds up no other."""
        channels = kind(row.kind).channels
        registrations: list[str] = [] if row.registration is None else [row.registration]
        if row.lot is not None and channels:
            try:
                registrations = await self._sealed.of_lot(row.lot)
            except SealedFault as fault:
                log.warning("message_waits", message=row.id, fault=type(fault).__name__)
                return False
        for channel in channels:
            await self._deliver(connection, row, registrations, channel, now)
        return True

    async def _deliver(
        self,
        connection: AsyncConnection,
        row: Any,
        registrations: Sequence[str],
        channel: Channel,
        now: datetime,
    ) -> None:
        given = {"channel": str(channel), "kind": row.kind, "now": now}
        if row.account_id is not None:
            key = f"m{row.id}-{channel}"
            values = {**given, "key": key, "account_id": row.account_id, "message_id": row.id}
            await connection.execute(_TO_ACCOUNT, values)
            return
        for registration in registrations:
            # A random key: a name that is made of message and registration could be looked for.
            values = {**given, "key": f"r{secrets.token_hex(16)}", "registration": registration}
            values["day"] = blurred(now)
            await connection.execute(_TO_REGISTRATION, values)
