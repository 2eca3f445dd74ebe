"""Sending what waits: each once, tried again with growing pauses, and given up where people see it.

A delivery is claimed (a lease under a row lock, committed) before anything is sent. A process that dies while
it sends leaves the lease: after it the letter is sent again with the same key, by which SMS gateways and most
mail servers tell that they have it. Who is sent to is found out at the last moment and stays in memory.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.accounts import Role
from office.blurring import blurred
from office.marks import BoxUnreadable, Marks
from office.messages.channels import Letter, Mailer, SendFault
from office.messages.kinds import Channel, kind, said
from office.sealed.port import Sealed, SealedFault

log = structlog.get_logger(__name__)

AT_ONCE: Final = 20
LEASE: Final = timedelta(minutes=3)
"""Longer than any channel takes to send."""
PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (30, 120, 600, 3_600, 4 * 3_600, 12 * 3_600))
"""Between one try and the next; after the last it is given up."""
BOX: Final = "letter"
LONGEST_FAULT: Final = 200


class Delivered(StrEnum):
    """How a delivery ended."""

    SENT = "sent"
    GIVEN_UP = "given_up"
    NO_ADDRESS = "no_address"


_CLAIM: Final = text(
    "UPDATE deliveries SET state = 'sending', attempts = attempts + 1, next_at = :lease WHERE id IN"
    " (SELECT id FROM deliveries WHERE next_at <= :now ORDER BY next_at, id LIMIT :most"
    " FOR UPDATE SKIP LOCKED)"
    " RETURNING id, key, channel, account_id, registration, message_id, kind, box, attempts"
)
_AGAIN: Final = text(
    "UPDATE deliveries SET state = 'waiting', next_at = :next_at, fault = :fault"
    " WHERE id = :id AND state = 'sending'"
)
_END: Final = text(
    "UPDATE deliveries SET state = :state, next_at = NULL, finished_at = :now, fault = :fault, box = NULL"
    " WHERE id = :id AND state = 'sending'"
)
_FORGET: Final = text("DELETE FROM deliveries WHERE id = :id")
_CONTACT: Final = text(
    "SELECT c.address, a.role, a.locale, a.disabled FROM contacts c JOIN accounts a ON a.id = c.account_id"
    " WHERE c.account_id = :account_id AND c.channel = :channel"
)
_MESSAGE: Final = text("SELECT kind, facts FROM messages WHERE id = :id")


@dataclass(frozen=True, slots=True)
class Platform:
    """How letters name the platform, and where it is."""

    name: str
    address: str


class DeliveryRound:
    """`mailers`: the channels of this installation; what goes through none of them is given up."""

    def __init__(
        self,
        engine: AsyncEngine,
        sealed: Sealed,
        marks: Marks,
        mailers: Mapping[Channel, Mailer],
        platform: Platform,
    ) -> None:
        self._engine = engine
        self._sealed = sealed
        self._marks = marks
        self._mailers = mailers
        self._platform = platform

    async def round(self, now: datetime) -> int:
        """How many deliveries were tried."""
        async with self._engine.begin() as connection:
            claim = {"now": now, "lease": now + LEASE, "most": AT_ONCE}
            rows = (await connection.execute(_CLAIM, claim)).all()
        await asyncio.gather(*(self._deliver(row, now) for row in rows))
        return len(rows)

    async def _deliver(self, row: Any, now: datetime) -> None:
        """Every end of a delivery is written down and logged, without the address and what it says."""
        try:
            letter = await self._letter(row, now)
            if letter is None:
                await self._end(row, Delivered.NO_ADDRESS, now)
                return
            mailer = self._mailers.get(Channel(row.channel))
            if mailer is None:
                raise SendFault("this installation has no such channel", final=True)
            await mailer.send(letter)
        except SendFault as fault:
            await self._failed(row, str(fault), now, final=fault.final)
        except SealedFault as fault:
            await self._failed(row, type(fault).__name__, now, final=False)
        else:
            await self._end(row, Delivered.SENT, now)

    async def _failed(self, row: Any, fault: str, now: datetime, *, final: bool) -> None:
        if final or row.attempts > len(PAUSES):
            await self._end(row, Delivered.GIVEN_UP, now, fault)
            return
        next_at = now + PAUSES[row.attempts - 1]
        values = {"id": row.id, "next_at": next_at, "fault": fault[:LONGEST_FAULT]}
        async with self._engine.begin() as connection:
            await connection.execute(_AGAIN, values)
        log.warning(
            "message_not_sent", delivery=row.id, channel=row.channel, attempt=row.attempts, fault=fault
        )

    async def _end(self, row: Any, state: Delivered, now: datetime, fault: str = "") -> None:
        """What went to a registrant leaves no row behind, unless it was given up."""
        async with self._engine.begin() as connection:
            if row.registration is not None and state is not Delivered.GIVEN_UP:
                await connection.execute(_FORGET, {"id": row.id})
            else:
                ended = now if row.registration is None else blurred(now)
                values = {"id": row.id, "state": str(state), "now": ended, "fault": fault[:LONGEST_FAULT]}
                await connection.execute(_END, values)
        tell = log.error if state is Delivered.GIVEN_UP else log.info
        tell("message_" + str(state), delivery=row.id, channel=row.channel, attempt=row.attempts, fault=fault)

    async def _letter(self, row: Any, now: datetime) -> Letter | None:
        """What is sent, and to whom; None: this person has no such address."""
        if row.box is not None:
            return self._boxed(row, now)
        account_id = row.account_id
        if row.registration is not None:
            account_id = await self._sealed.account_for_delivery(row.registration)
        async with self._engine.connect() as connection:
            values = {"account_id": account_id, "channel": row.channel}
            contact = (await connection.execute(_CONTACT, values)).one_or_none()
            message = (await connection.execute(_MESSAGE, {"id": row.message_id})).one_or_none()
        if contact is None or contact.disabled:
            return None
        named = message is not None and (contact.role != Role.BIDDER or kind(row.kind).whole)
        facts = message.facts if named and message is not None else None
        subject, content = self._written(row.kind, facts, contact.locale, Channel(row.channel))
        return Letter(row.key, contact.address, subject, content, now)

    def _written(
        self, kind_name: str, facts: Mapping[str, Any] | None, locale: str, channel: Channel
    ) -> tuple[str, str]:
        """Subject and text. Without facts the brief text, which names no lot: bidders get no other,
        but of kinds whose text is for them whole."""
        brief = kind(kind_name).brief.of(locale)
        if facts is None:
            subject, body, place = self._platform.name, brief, "/my/messages"
        else:
            message = said(kind_name, facts, locale)
            subject, body, place = message.title, message.text, message.address or "/my/messages"
        if channel is Channel.SMS:
            return subject, body
        return subject, f"{body}\n\n{self._platform.address}{place}\n\n{self._platform.name}\n"

    def _boxed(self, row: Any, now: datetime) -> Letter:
        """A letter that was written when it was ordered: a one-time code, which no table has in the clear."""
        try:
            written = json.loads(self._marks.unbox(BOX, bytes(row.box)))
        except BoxUnreadable:
            raise SendFault("the box does not open", final=True) from None
        return Letter(row.key, written["address"], written["subject"], written["content"], now)
