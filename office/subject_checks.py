"""Whose number it is: the check of a market subject's name.

    checks = SubjectChecks(engine, marks, provider, follow)
    fault = await checks.ask(subject, IdentityCheck.CORPORATE_ACCOUNT, now=now)  # None: passed, or a transfer
    fault = await checks.prove_transfer(subject, remark, now=now)

Until a check has passed, others may have typed the same number; from then on nobody else's check can pass,
but a transfer where the first check was none: only the owner of the account reads its remark, and the
provider was asked whether that is who has this very number. Whoever proves the account gets the number whole
(ours):

- everybody else who registered the number by less, checked or not, acts for it no more: the check is void,
  the operators end;
- what they had begun for the number goes on as the owner's (`Follow`: certificates/orders/following.py);
- both are told, and both histories and the audit log say so.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office import identity_checks
from office.identity import (
    TRANSFER,
    Answer,
    Failed,
    IdentityCheck,
    IdentityFault,
    IdentityProvider,
    Passed,
    asked_of,
)
from office.identity_checks import IdentityOutcome, about_subject
from office.marks import Marks
from office.messages.telling import ToAccount, tell
from office.subjects import (
    COLUMNS,
    NAMES,
    MarketSubject,
    SubjectChanged,
    boxed,
    held,
    number_mark,
    profile_from,
    remember,
    subject_from,
)

Follow = Callable[[AsyncConnection, MarketSubject, MarketSubject], Awaitable[int]]
"""(connection, former, owner): what the former one began for this number is the owner's from now on, in the
same transaction; how many things that were."""


class NumberTaken(Exception):
    """Another account has this number, and its name is checked."""


class NotThisCheck(Exception):
    """There is no such check for this kind, or none more is needed."""


_ONE_NUMBER: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:mark, 1330660682))")
_TAKEN: Final = text(
    "SELECT count(*) FROM subjects WHERE number_mark = :mark AND id <> :id AND verified_at IS NOT NULL"
    " AND (NOT :by_transfer OR verified_by = ANY(:transfers))"
)
_BY_LESS: Final = text(
    f"SELECT {COLUMNS} FROM subjects WHERE number_mark = :mark AND id <> :id"  # noqa: S608
    " AND NOT verified_by = ANY(:transfers) ORDER BY id FOR UPDATE"
)
_VOID: Final = text(
    "UPDATE subjects SET verified_at = NULL, verified_by = '', version = version + 1 WHERE id = :id"
)
_OPERATORS_END: Final = text(
    "UPDATE subject_operators SET state = 'ended', ended_at = :now"
    " WHERE subject_id = :id AND state <> 'ended'"
)
_VERIFIED: Final = text(
    "UPDATE subjects SET verified_at = :now, verified_by = :way, version = version + 1 WHERE id = :id"
)
_TOUCH: Final = text("UPDATE subjects SET version = version + 1 WHERE id = :id")
_CHECKED_BEFORE: Final = text(
    "SELECT box FROM subject_events WHERE subject_id = :id AND act = 'verify' ORDER BY id DESC LIMIT 1"
)
_CALLED: Final = text("UPDATE accounts SET name = :name WHERE id = :id AND (name = login OR name = :former)")
"""Who opened the account without a name is called so from now on, or was called by the former checked name;
another name, which somebody gave, stays."""


class SubjectChecks:
    """`ask` asks the provider between two transactions; everything else is one."""

    def __init__(self, engine: AsyncEngine, marks: Marks, provider: IdentityProvider, follow: Follow) -> None:
        self._engine = engine
        self._marks = marks
        self._provider = provider
        self._follow = follow

    async def outcome(self, subject_id: int) -> IdentityOutcome | None:
        """Of the last check."""
        async with self._engine.connect() as connection:
            found = await identity_checks.of(connection, about_subject(subject_id))
        return found[0] if found else None

    async def ask(
        self, subject: MarketSubject, check: IdentityCheck, *, now: datetime
    ) -> IdentityFault | None:
        """Ask the provider. None: passed, or 0.01 yuan is on its way.

        Raises NotThisCheck, SubjectChanged, NumberTaken, TooManyChecks, ProviderAway.
        """
        if check not in subject.checks:
            raise NotThisCheck(check)
        about = about_subject(subject.id)
        async with self._engine.begin() as connection:
            await held(connection, self._marks, subject)
            asked = await identity_checks.ask(connection, about, str(subject.kind), str(check), now)
            await connection.execute(_TOUCH, {"id": subject.id})  # the same form sent twice asks once
        answer: Answer = await self._provider.check(asked_of(check, subject.profile, b""))
        async with self._engine.begin() as connection:
            await self._one_number(connection, subject)
            there = await self._unchanged(connection, subject)
            stale = there is None
            await identity_checks.answer(connection, self._marks, about, asked, answer, now, stale=stale)
            passed = isinstance(answer, Passed) and there is not None
            taken = passed and not await self._verify(connection, there or subject, check, now)
        if stale:
            raise SubjectChanged(str(subject.id))
        if taken:
            raise NumberTaken(str(subject.id))
        return answer.fault if isinstance(answer, Failed) else None

    async def _unchanged(self, connection: AsyncConnection, asked: MarketSubject) -> MarketSubject | None:
        """The row, held; None: changed while the provider looked."""
        try:
            return await held(connection, self._marks, asked, later=1)
        except SubjectChanged:
            return None

    async def prove_transfer(
        self, subject: MarketSubject, remark: str, *, now: datetime
    ) -> IdentityFault | None:
        """The remark of the 0.01 yuan, as it was read in the account. None: right. A wrong one counts.

        Raises SubjectChanged, NumberTaken.
        """
        about, taken = about_subject(subject.id), False
        async with self._engine.begin() as connection:
            await self._one_number(connection, subject)
            there = await held(connection, self._marks, subject)
            last = next(iter(await identity_checks.of(connection, about)), None)
            fault = await identity_checks.prove_transfer(
                connection, self._marks, about, str(there.kind), remark, now
            )
            if fault is None and last is not None:
                taken = not await self._verify(connection, there, IdentityCheck(last.way), now)
        if taken:
            raise NumberTaken(str(subject.id))
        return fault

    async def _one_number(self, connection: AsyncConnection, subject: MarketSubject) -> None:
        """Two checks of one number wait for each other, before either holds a row."""
        mark = number_mark(self._marks, subject.kind, subject.profile)
        await connection.execute(_ONE_NUMBER, {"mark": mark})

    async def _verify(
        self, connection: AsyncConnection, subject: MarketSubject, way: IdentityCheck, now: datetime
    ) -> bool:
        """False: another account has the number, by a check that counts no less."""
        values = boxed(self._marks, subject.kind, subject.profile)
        number = {"mark": values["number_mark"], "id": subject.id, "transfers": sorted(TRANSFER)}
        if await connection.scalar(_TAKEN, {**number, "by_transfer": way in TRANSFER}):
            await identity_checks.make_stale(connection, about_subject(subject.id), now)
            return False
        if way in TRANSFER:
            await self._displace(connection, subject, number, now)
        await connection.execute(_VERIFIED, {"id": subject.id, "now": now, "way": str(way)})
        before = await connection.scalar(_CHECKED_BEFORE, {"id": subject.id})
        former = "" if before is None else profile_from(self._marks, before).get(NAMES[subject.kind], "")
        called = {"id": subject.account_id, "name": subject.name, "former": former}
        await connection.execute(_CALLED, called)
        await remember(connection, subject.id, "verify", subject.account_id, [], values["box"], now)
        return True

    async def _displace(
        self, connection: AsyncConnection, owner: MarketSubject, number: Mapping[str, Any], now: datetime
    ) -> None:
        """Everybody else of this number gives way to the owner of its account. Whoever typed it and has done
        nothing with it is left alone, and hears nothing."""
        displaced, orders = 0, 0
        for row in (await connection.execute(_BY_LESS, number)).all():
            former = subject_from(self._marks, row)
            moved = await self._follow(connection, former, owner)
            if former.verified_at is None and not moved:
                continue
            await connection.execute(_VOID, {"id": former.id})
            await identity_checks.make_stale(connection, about_subject(former.id), now)
            await connection.execute(_OPERATORS_END, {"id": former.id, "now": now})
            facts = {"orders": moved, "owner": owner.id}
            await remember(
                connection, former.id, "displace", owner.account_id, [], bytes(row.box), now, **facts
            )
            await tell(connection, ToAccount(former.account_id), "subject.displaced", now=now)
            displaced, orders = displaced + 1, orders + moved
        if displaced:
            box = boxed(self._marks, owner.kind, owner.profile)["box"]
            await remember(connection, owner.id, "take_over", owner.account_id, [], box, now, orders=orders)
            await tell(
                connection, ToAccount(owner.account_id), "subject.took_over", {"orders": orders}, now=now
            )
