"""Messages as their reader finds them on the site.

What was told to a registration is found by its pseudonym, what was told to all registrants of a lot by the
lot: both come from the sealed process, for the person who asks about their own affairs. Of messages to
registrations only the day is kept, so messages are ordered by the day, and then as they were written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.blurring import blurred, is_blurred
from office.marks import Marks

PAGE: Final = 20
MOST_COUNTED: Final = 99
MOST_SHOWN: Final = 1_000
_READ: Final = "message read"

_LATEST: Final = text(
    "SELECT id, registration, lot, kind, facts, at, read_at FROM messages"
    " WHERE account_id = :account_id OR registration = ANY(:registrations) OR lot = ANY(:lots)"
    " ORDER BY (at AT TIME ZONE 'Asia/Shanghai')::date DESC, id DESC LIMIT :most"
)
_UNREAD: Final = text(
    "SELECT count(*) FROM (SELECT FROM messages WHERE read_at IS NULL"
    " AND (account_id = :account_id OR registration = ANY(:registrations)) LIMIT :most) AS found"
)
_OF_LOTS: Final = text(
    "SELECT id, lot FROM messages WHERE lot = ANY(:lots)"
    " AND (CAST(:id AS bigint) IS NULL OR id = :id) ORDER BY id DESC LIMIT 500"
)
_READ_OWN: Final = text(
    "UPDATE messages SET read_at = CASE WHEN registration IS NULL THEN CAST(:now AS timestamptz)"
    " ELSE CAST(:day AS timestamptz) END WHERE read_at IS NULL"
    " AND (account_id = :account_id OR registration = ANY(:registrations))"
    " AND (CAST(:id AS bigint) IS NULL OR id = :id)"
)
_READ_OF_LOT: Final = text("INSERT INTO message_reads (mark) VALUES (:mark) ON CONFLICT DO NOTHING")
_KNOWN: Final = text("SELECT mark FROM message_reads WHERE mark = ANY(:marks)")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads. `registrations`: {pseudonym: lot} of the reader's own registrations; `objections`: other
    pseudonyms of the reader, who is not told by them what all registrants of a lot are told."""

    account_id: int
    registrations: Mapping[str, str] = field(default_factory=dict, repr=False)
    objections: frozenset[str] = field(default=frozenset(), repr=False)

    def values(self) -> dict[str, Any]:
        return {
            "account_id": self.account_id,
            "registrations": [*self.registrations, *self.objections],
            "lots": sorted(set(self.registrations.values())),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    id: int
    kind: str
    facts: Mapping[str, Any]
    at: datetime
    lot: str
    """The lot of the reader's registration, or "": the facts name it elsewhere."""
    read: bool

    @property
    def day_only(self) -> bool:
        """Of what is told to a registration only the day is kept."""
        return is_blurred(self.at)


class Inbox:
    """Every method is one transaction of its own."""

    def __init__(self, engine: AsyncEngine, marks: Marks) -> None:
        self._engine = engine
        self._marks = marks

    async def page(
        self, reader: Reader, number: int, *, unread_only: bool = False
    ) -> tuple[Sequence[Message], int]:
        """The newest first, and how many of the latest MOST_SHOWN there are in all."""
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_LATEST, reader.values() | {"most": MOST_SHOWN})).all()
            read = await self._read_of_lots(connection, reader, rows)
        every = [_message(row, reader, read) for row in rows]
        wanted = [message for message in every if not (unread_only and message.read)]
        start = (number - 1) * PAGE
        return wanted[start : start + PAGE], len(wanted)

    async def unread(self, reader: Reader) -> int:
        """At most MOST_COUNTED."""
        async with self._engine.connect() as connection:
            own = (await connection.execute(_UNREAD, reader.values() | {"most": MOST_COUNTED})).scalar_one()
            rows = (await connection.execute(_OF_LOTS, reader.values() | {"id": None})).all()
            read = await self._read_of_lots(connection, reader, rows)
        return min(MOST_COUNTED, int(own) + len(rows) - len(read))

    async def mark_read(self, reader: Reader, now: datetime, message_id: int | None = None) -> int:
        """One message, or all; how many were unread. Another's message is not there."""
        values = reader.values() | {"id": message_id}
        async with self._engine.begin() as connection:
            count = int(
                (await connection.execute(_READ_OWN, values | {"now": now, "day": blurred(now)})).rowcount
            )
            for row in (await connection.execute(_OF_LOTS, values)).all():
                mark = self._marks.mark(_READ, reader.account_id, row.id)
                count += int((await connection.execute(_READ_OF_LOT, {"mark": mark})).rowcount)
        return count

    async def _read_of_lots(
        self, connection: AsyncConnection, reader: Reader, rows: Sequence[Any]
    ) -> frozenset[int]:
        """Which of the messages to all registrants this reader has read."""
        marks = {
            self._marks.mark(_READ, reader.account_id, row.id): int(row.id)
            for row in rows
            if row.lot is not None
        }
        if not marks:
            return frozenset()
        known = (await connection.execute(_KNOWN, {"marks": list(marks)})).scalars()
        return frozenset(marks[mark] for mark in known)


def _message(row: Any, reader: Reader, read: frozenset[int]) -> Message:
    lot = row.lot or reader.registrations.get(row.registration or "", "")
    return Message(
        id=row.id,
        kind=row.kind,
        facts=row.facts,
        at=row.at,
        lot=lot,
        read=row.read_at is not None if row.lot is None else row.id in read,
    )
