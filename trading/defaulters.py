"""违约名单: who won and did not go through with it. Listed by itself, lifted by an administrator.

An entry counts for the days of the lot's rule profile from the default on, unless it is lifted before. Who is
on the list begins, submits, seals and confirms no registration, and joins nobody's
(trading.registrations); a deposit that comes in then goes back. Who was qualified before
stays so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.accounts import Role
from office.audit.trail import CLOCK, account, record
from office.messages.telling import ToAccount, tell
from trading.profiles.store import get_on

AT_ONCE: Final = 50
PAGE: Final = 50

_NEW: Final = text(
    "SELECT a.lot, a.account_id, a.reason, a.decided_at, l.profile_id FROM awards a"
    " JOIN listings l ON l.lot = a.lot WHERE a.state = 'defaulted'"
    " AND NOT EXISTS (SELECT FROM defaulters d WHERE d.account_id = a.account_id AND d.lot = a.lot)"
    " ORDER BY a.decided_at LIMIT :most"
)
_ADD: Final = text(
    "INSERT INTO defaulters (account_id, lot, reason, listed_at, until)"
    " VALUES (:account_id, :lot, :reason, :listed_at, :until) ON CONFLICT DO NOTHING"
)
_PAGE: Final = text(
    "SELECT d.id, d.lot, d.reason, d.listed_at, d.until, d.lifted_at, d.lifted_because, a.name, a.login"
    " FROM defaulters d JOIN accounts a ON a.id = d.account_id"
    " ORDER BY d.lifted_at IS NOT NULL, d.listed_at DESC, d.id DESC OFFSET :offset LIMIT :most"
)
_LIFT: Final = text(
    "UPDATE defaulters SET lifted_at = :now, lifted_by = :by, lifted_because = :because"
    " WHERE id = :id AND lifted_at IS NULL RETURNING account_id, lot"
)
_LISTED: Final = text(
    "SELECT until FROM defaulters WHERE account_id = :account_id AND lifted_at IS NULL"
    " AND (until IS NULL OR until > :now) ORDER BY until DESC NULLS FIRST LIMIT 1"
)


class OnDefaultersList(Exception):
    """The person is on the list; `until` None: until it is lifted."""

    def __init__(self, until: datetime | None) -> None:
        super().__init__(until)
        self.until = until


async def refuse_listed(connection: AsyncConnection, account_id: int, now: datetime) -> None:
    """Raises OnDefaultersList."""
    values = {"account_id": account_id, "now": now}
    row = (await connection.execute(_LISTED, values)).one_or_none()
    if row is not None:
        raise OnDefaultersList(row.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaulter:
    id: int
    name: str
    login: str
    lot: str
    reason: str
    listed_at: datetime
    until: datetime | None
    lifted_at: datetime | None
    lifted_because: str


class Defaulters:
    """The list. Every method is one transaction of its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def round(self, now: datetime) -> int:
        """Put who defaulted on the list, once for each lot, and tell them."""
        async with self._engine.begin() as connection:
            rows = (await connection.execute(_NEW, {"most": AT_ONCE})).all()
            for row in rows:
                profile = await get_on(connection, row.profile_id)
                assert profile is not None, "a listing has its profile"
                values = {"account_id": row.account_id, "lot": row.lot, "reason": row.reason}
                until = row.decided_at + timedelta(days=profile.rules.defaulter_days)
                values |= {"listed_at": row.decided_at, "until": until}
                if not (await connection.execute(_ADD, values)).rowcount:
                    continue
                facts = {"lot": row.lot, "reason": row.reason}
                await tell(
                    connection, ToAccount(row.account_id), "account.listed_as_defaulter", facts, now=now
                )
                who, subject = CLOCK, account(row.account_id)
                await record(
                    connection, at=now, actor=who, role="", act="defaulter.list", subject=subject, facts=facts
                )
            return len(rows)

    async def page(self, number: int) -> tuple[Sequence[Defaulter], int]:
        """Those that count first, then the newest first; how many in all."""
        values = {"offset": (number - 1) * PAGE, "most": PAGE}
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_PAGE, values)).mappings().all()
            total = (await connection.execute(text("SELECT count(*) FROM defaulters"))).scalar_one()
        return [Defaulter(**row) for row in rows], int(total)

    async def lift(self, entry_id: int, *, because: str, by: int, now: datetime) -> bool:
        """False: it was lifted before, or there is none."""
        async with self._engine.begin() as connection:
            values = {"id": entry_id, "because": because, "by": by, "now": now}
            row = (await connection.execute(_LIFT, values)).one_or_none()
            if row is None:
                return False
            facts, role = {"lot": row.lot, "reason": because}, str(Role.ADMINISTRATOR)
            subject = account(row.account_id)
            await record(
                connection,
                at=now,
                actor=account(by),
                role=role,
                act="defaulter.lift",
                subject=subject,
                facts=facts,
            )
            return True

    async def is_listed(self, account_id: int, now: datetime) -> bool:
        try:
            async with self._engine.connect() as connection:
                await refuse_listed(connection, account_id, now)
        except OnDefaultersList:
            return True
        return False
