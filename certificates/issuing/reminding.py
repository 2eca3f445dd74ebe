"""Reminders that a certificate ends: 90, 30, 7 and 1 days before it, each once.

A reminder that was missed while nothing ran is given late, with the days that are left then; of several that
were missed only the last. Where the last was missed, too, it is said within a week that the certificate has
expired, once. A certificate that was written into its UKey within the days of a reminder gets no such
reminder: it was never more than that. Revoked, renewed and replaced ones are left alone. Told are the account
that holds it, for an organization the organization and its operator while the authority stands, and the
telephone of the order where there is no account. Days are days in Beijing.
"""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.issuing.held import days_left, start_of
from certificates.orders.order import read
from certificates.orders.rounds import to_contact
from office.marks import Marks
from office.messages.telling import ToAccount, tell
from office.reminding import first_time
from office.working_days import day_of

DAYS: Final = (90, 30, 7, 1)
AT_ONCE: Final = 100
KIND: Final = "certificate.expiring"
LAST_DAY: Final = "certificate.expires_today"
EXPIRED: Final = "certificate.expired"
LATE: Final = timedelta(days=7)
"""How long after its end an expired one is still told of (ours)."""
SMS: Final = "您在本平台办理的数字证书（序列号末四位 {tail}）{day} 到期，还有 {days} 天，请及时办理续期。"
SMS_LAST_DAY: Final = "您在本平台办理的数字证书（序列号末四位 {tail}）今天到期，请马上办理续期。"
SMS_EXPIRED: Final = "您在本平台办理的数字证书（序列号末四位 {tail}）已于 {day} 到期，请联系平台办理续期。"
"""Chinese alone, as all SMS to the telephone of an order."""

_DUE: Final = text(
    "SELECT i.serial, i.number, i.valid_until, s.account_id AS owner_id, CASE WHEN o.market_subject IS NULL"
    " OR EXISTS (SELECT 1 FROM subject_operators p WHERE p.subject_id = o.market_subject"
    " AND p.account_id = i.account_id AND p.state = 'standing' AND p.last_day >= :today)"
    " THEN i.account_id END AS account_id"
    " FROM issued_certificates i JOIN orders o ON o.number = i.number"
    " LEFT JOIN subjects s ON s.id = o.market_subject"
    " WHERE i.state = 'written' AND i.valid_until >= :since AND i.valid_until < :until"
    " AND i.valid_until - i.written_at > make_interval(days => :days)"
    " AND NOT EXISTS (SELECT 1 FROM reminders r WHERE r.kind = :kind AND r.due_at = i.valid_until"
    " AND r.subject = i.serial || ' ' || CAST(:days AS text))"
    " AND NOT EXISTS (SELECT 1 FROM issued_certificates n"
    "  WHERE n.follows = i.serial AND n.written_at IS NOT NULL)"
    " ORDER BY i.valid_until, i.serial LIMIT :most"
)


class ExpiryRound:
    """A steward's round. Several beside each other remind once."""

    def __init__(self, engine: AsyncEngine, marks: Marks, platform: str) -> None:
        self._engine = engine
        self._marks = marks
        self._platform = platform

    async def round(self, now: datetime) -> int:
        """How many reminders were given."""
        today = day_of(now)
        given = await self._remind(DAYS[-1], now - LATE, now, now)
        for days, after in pairwise((*DAYS, -1)):
            since = max(now, start_of(today + timedelta(days=after + 1)))
            given += await self._remind(days, since, start_of(today + timedelta(days=days + 1)), now)
        return given

    async def _remind(self, days: int, since: datetime, until: datetime, now: datetime) -> int:
        """The reminder of so many days, for those that end from `since` to before `until`."""
        values: dict[str, Any] = {"days": days, "today": day_of(now), "kind": KIND, "most": AT_ONCE}
        values |= {"since": since, "until": until}
        async with self._engine.begin() as connection:
            rows = (await connection.execute(_DUE, values)).all()
            return sum([await self._once(connection, row, days, now) for row in rows])

    async def _once(self, connection: AsyncConnection, row: Any, days: int, now: datetime) -> int:
        if not await first_time(connection, KIND, f"{row.serial} {days}", row.valid_until, now):
            return 0
        left, day = days_left(row.valid_until, now), day_of(row.valid_until).isoformat()
        kind, said = (KIND, SMS) if left else (LAST_DAY, SMS_LAST_DAY)
        if row.valid_until <= now:
            kind, said = EXPIRED, SMS_EXPIRED
        holders = {row.account_id, row.owner_id} - {None}
        for account_id in holders:
            facts: dict[str, str | int] = {"tail": row.serial[-4:].upper(), "day": day}
            facts |= {"days": left} if kind == KIND else {}
            await tell(connection, ToAccount(int(account_id)), kind, facts, now=now)
        if not holders:
            content = said.format(tail=row.serial[-4:].upper(), day=day, days=left)
            order = await read(connection, row.number)
            await to_contact(connection, self._marks, self._platform, order, content, now)
        return 1
