"""The assistants at the desks, registered by administrators.

    registered ──ended, with a reason──▶ ended        (the same one may be registered anew)

What opens a UKey (its first PIN, its authorization code) is encrypted to an assistant whose key the desk's
page brings. A page can bring any key, a clerk's own program's, too; so the authority's process encrypts at a
desk to registered ones alone. What a subscriber unlocks at home goes to whatever assistant is there: the code
of the SMS is the proof.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.accounts import Role
from office.audit import trail
from signing.sm2 import PublicKey

LONGEST: Final = 60
"""Characters of a label, and of a counter."""
LONGEST_REASON: Final = 200
MOST: Final = 200
"""Registered at once; the page shows them all."""
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_GAPS: Final = re.compile(r"[\s:-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskAssistant:
    """One row of desk_assistants."""

    id: int
    fingerprint: str
    """SM3 over its public key, hex."""
    label: str
    counter: str
    registered_at: datetime
    registered_by: int | None
    """None: the demonstration itself."""
    ended_at: datetime | None
    ended_by: int | None
    reason: str


class AssistantRefused(Exception):
    """`field` is what is wrong: fingerprint, label, counter, reason; `twice`, `too_many`, `ended`."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


_COLUMNS: Final = ", ".join(each.name for each in fields(DeskAssistant))
_ALL: Final = text(
    f"SELECT {_COLUMNS} FROM desk_assistants"  # noqa: S608 - our own names
    " ORDER BY ended_at IS NOT NULL, id DESC LIMIT :most"
)
_PUT: Final = text(
    "INSERT INTO desk_assistants (fingerprint, label, counter, registered_at, registered_by)"
    " VALUES (:fingerprint, :label, :counter, :now, :by) RETURNING id"
)
_LIVING: Final = text("SELECT count(*) FROM desk_assistants WHERE ended_at IS NULL")
_END: Final = text(
    "UPDATE desk_assistants SET ended_at = :now, ended_by = :by, reason = :reason"
    " WHERE id = :id AND ended_at IS NULL RETURNING fingerprint"
)
_KNOWN: Final = text(
    "SELECT EXISTS (SELECT FROM desk_assistants WHERE fingerprint = :fingerprint AND ended_at IS NULL)"
)


def typed_fingerprint(typed: str) -> str:
    """As the assistant shows it, in groups or not. Raises AssistantRefused."""
    found = _GAPS.sub("", typed).lower()
    if not _FINGERPRINT.fullmatch(found):
        raise AssistantRefused("fingerprint")
    return found


async def is_registered(connection: AsyncConnection, key: PublicKey) -> bool:
    return bool(await connection.scalar(_KNOWN, {"fingerprint": key.fingerprint}))


class DeskAssistants:
    """Every method is one transaction of its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def all(self) -> Sequence[DeskAssistant]:
        """Those that are registered first, then what ended last."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(_ALL, {"most": 2 * MOST})
            return [DeskAssistant(**row._mapping) for row in rows]

    async def register(
        self, fingerprint: str, label: str, counter: str, by: int | None, *, now: datetime
    ) -> None:
        """`by`: None for the demonstration. Raises AssistantRefused."""
        for field, value in (("label", label), ("counter", counter)):
            if not 0 < len(value) <= LONGEST or not value.isprintable():
                raise AssistantRefused(field)
        row = {"fingerprint": typed_fingerprint(fingerprint), "label": label, "counter": counter}
        try:
            async with self._engine.begin() as connection:
                if int(await connection.scalar(_LIVING) or 0) >= MOST:
                    raise AssistantRefused("too_many")
                await connection.execute(_PUT, {**row, "now": now, "by": by})
                await _record(connection, "assistant.register", row["fingerprint"], by, now)
        except IntegrityError as twice:
            raise AssistantRefused("twice") from twice

    async def end(self, assistant_id: int, reason: str, by: int, *, now: datetime) -> None:
        """Nothing is encrypted to it from now on. Raises AssistantRefused."""
        if not 0 < len(reason) <= LONGEST_REASON:
            raise AssistantRefused("reason")
        async with self._engine.begin() as connection:
            values = {"id": assistant_id, "now": now, "by": by, "reason": reason}
            fingerprint = await connection.scalar(_END, values)
            if fingerprint is None:
                raise AssistantRefused("ended")
            await _record(connection, "assistant.end", str(fingerprint), by, now, reason=reason)


async def _record(
    connection: AsyncConnection, act: str, fingerprint: str, by: int | None, now: datetime, **facts: str
) -> None:
    actor, role = (trail.CLOCK, "") if by is None else (trail.account(by), Role.ADMINISTRATOR.value)
    await trail.record(connection, at=now, actor=actor, role=role, act=act, subject=fingerprint, facts=facts)
