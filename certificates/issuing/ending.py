"""Bound UKeys that stand for nobody any more end, and the sessions of their accounts with them.

revoked     what judges a certificate anew each time (sign-in, sealing, verification) reads the list
            itself; this is for what was judged before: a binding, a session opened with the UKey
authority   the certificate was issued for a market subject, for which the account does not act any more:
            an operator who was ended, or whose last day is over, seals nothing as the organization. What an
            administrator gave to an account that never acted for it is the administrator's to end
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.audit import trail
from office.subject_operators import ACTS
from office.working_days import day_of
from signing.chain import Trust
from signing.names import Name
from signing.x509 import parse_certificate

log = structlog.get_logger(__name__)

AGAIN_AFTER: Final = timedelta(minutes=1)
"""Also when no list has changed: a binding may be newer than the list."""
AT_ONCE: Final = 5_000

_LIVING: Final = text(
    "SELECT id, account_id, serial, certificate FROM ukeys WHERE state <> 'ended' AND id > :after"
    " ORDER BY id LIMIT :most"
)
_UNAUTHORIZED: Final = text(
    "SELECT u.id, u.account_id FROM ukeys u JOIN issued_certificates i ON i.fingerprint = u.fingerprint"  # noqa: S608
    " JOIN orders o ON o.number = i.number WHERE u.state = 'confirmed' AND o.market_subject IS NOT NULL"
    " AND (u.confirmed_by IS NULL OR i.account_id = u.account_id OR EXISTS (SELECT FROM subject_operators p"
    " WHERE p.subject_id = o.market_subject AND p.account_id = u.account_id))"
    f" AND NOT {ACTS.format(subject='o.market_subject', account='u.account_id')} ORDER BY u.id LIMIT :most"
)
_END: Final = text(
    "UPDATE ukeys SET state = 'ended', ended_at = :now WHERE id = :id AND state <> 'ended' RETURNING id"
)


class Sessions(Protocol):
    """office.sessions.SessionDirectory."""

    async def end_all_of(self, account_id: int, *, but: str = "") -> int:
        """End the sessions of an account."""


class EndingRound:
    """`trust`: as of now, the same object while no list has changed; None while it is not known. A steward's
    round."""

    def __init__(self, engine: AsyncEngine, sessions: Sessions, trust: Callable[[], Trust | None]) -> None:
        self._engine = engine
        self._sessions = sessions
        self._trust = trust
        self._seen: tuple[Trust, datetime] | None = None

    async def round(self, now: datetime) -> int:
        """How many UKeys ended."""
        return await self._unauthorized(now) + await self._revoked(now)

    async def _unauthorized(self, now: datetime) -> int:
        async with self._engine.connect() as connection:
            values = {"today": day_of(now), "most": AT_ONCE}
            rows = (await connection.execute(_UNAUTHORIZED, values)).all()
        return sum([await self._end(int(row.id), int(row.account_id), "authority", now) for row in rows])

    async def _revoked(self, now: datetime) -> int:
        trust = await asyncio.to_thread(self._trust)
        if trust is None:
            return 0
        if self._seen is not None and self._seen[0] is trust and now - self._seen[1] < AGAIN_AFTER:
            return 0
        revoked = {(one.issuer, serial) for one in trust.lists for serial in one.entries}
        ended = await self._look(revoked, now) if revoked else 0
        self._seen = trust, now
        return ended

    async def _look(self, revoked: set[tuple[Name, int]], now: datetime) -> int:
        serials, ended, after = {f"{serial:x}" for _issuer, serial in revoked}, 0, 0
        while True:
            async with self._engine.connect() as connection:
                rows = (await connection.execute(_LIVING, {"after": after, "most": AT_ONCE})).all()
            for row in rows:
                if row.serial not in serials:
                    continue
                certificate = parse_certificate(bytes(row.certificate))
                if (certificate.issuer, certificate.serial) in revoked:
                    ended += await self._end(int(row.id), int(row.account_id), "revoked", now)
            if len(rows) < AT_ONCE:
                return ended
            after = int(rows[-1].id)

    async def _end(self, ukey: int, account: int, why: str, now: datetime) -> int:
        """Sessions first, should this be killed; again after the binding, for who signed in meanwhile."""
        await self._sessions.end_all_of(account)
        async with self._engine.begin() as connection:
            done = (await connection.execute(_END, {"id": ukey, "now": now})).first() is not None
            if done:
                await trail.record(
                    connection,
                    at=now,
                    actor=trail.CLOCK,
                    role="",
                    act="ukey.end",
                    subject=f"account {account}",
                    facts={"ukey": ukey, "why": why},
                )
        await self._sessions.end_all_of(account)
        log.info("ukey_ended", ukey=ukey, account=account, why=why)
        return int(done)
