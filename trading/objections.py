"""异议: somebody with an account objects to a lot, an administrator answers, the lot may be suspended.

    OPEN ──an administrator answers──▶ UPHELD | DISMISSED
      └────who made it──────────────▶ WITHDRAWN

Within the announcement, or within the announcement of the result. Who objects has to do with the lot: it is
known by a pseudonym of its own, which only the sealed process resolves, and the log says "objector".

Text and file are no boxes of the sealed process: administrators have to read them before the close, in order
to answer. They are boxed under the platform's secret, so that a copy of the database or the files does not
tell them; who has that secret too can read what was written, but not who wrote it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.accounts import Role
from office.audit.trail import OBJECTOR, account, record
from office.blurring import blurred
from office.files import Files
from office.marks import Marks
from office.messages.telling import ToRegistration, ToRole, tell
from office.sealed.port import Sealed
from trading.lifecycle.performing import By, perform
from trading.lifecycle.states import Act, LotState
from trading.profiles.store import get_on
from trading.working_days import at_minute, calendar_of, day_of

LONGEST_TEXT: Final = 2_000
LONGEST_ANSWER: Final = 2_000
MOST_OPEN: Final = 3
"""Of one account on one lot."""
PAGE: Final = 20
_BOX: Final = "objection"
_FILE: Final = "objection file"


class Period(StrEnum):
    ANNOUNCEMENT = "announcement"
    RESULT = "result"


class ObjectionState(StrEnum):
    OPEN = "open"
    UPHELD = "upheld"
    DISMISSED = "dismissed"
    WITHDRAWN = "withdrawn"


TRANSITIONS: Final[Mapping[ObjectionState, frozenset[ObjectionState]]] = {
    ObjectionState.OPEN: frozenset(
        {ObjectionState.UPHELD, ObjectionState.DISMISSED, ObjectionState.WITHDRAWN}
    ),
    ObjectionState.UPHELD: frozenset(),
    ObjectionState.DISMISSED: frozenset(),
    ObjectionState.WITHDRAWN: frozenset(),
}
PERIODS: Final[Mapping[LotState, Period]] = {
    LotState.ANNOUNCED: Period.ANNOUNCEMENT,
    LotState.EXTENDED: Period.ANNOUNCEMENT,
    LotState.PUBLICATION: Period.RESULT,
}
"""In which states of the lot somebody may object."""
NAMED_IN: Final = frozenset(
    {
        *(LotState.REVIEW, LotState.PRIORITY_OFFER, LotState.NEXT_OFFER),
        *(LotState.CONFIRMATION, LotState.CONTRACT),
        *(LotState.PAYMENT, LotState.PUBLICATION, LotState.COMPLETED, LotState.ARCHIVED),
        *(LotState.UNSOLD, LotState.WITHDRAWN, LotState.ABORTED),
    }
)
"""After the close: overseers may read who objected."""


class ObjectionFault(Exception):
    """It can't be done; the name of the class says why."""


class NotNow(ObjectionFault):
    """The lot is in no period in which somebody may object."""


class OwnLot(ObjectionFault):
    """The transferor does not object to the own lot."""


class TooMany(ObjectionFault):
    """So many of this account wait for an answer already."""


class Answered(ObjectionFault):
    """It waits no more."""


@dataclass(frozen=True, slots=True)
class NewObjection:
    """What somebody writes; a file is checked before."""

    lot: str
    text: str = field(repr=False)
    file_name: str = field(default="", repr=False)
    file: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    id: int
    lot: str
    title: str
    lot_state: LotState
    period: Period
    state: ObjectionState
    text: str = field(repr=False)
    file_name: str = field(repr=False)
    made_at: datetime
    due_at: datetime
    answer: str
    answered_at: datetime | None
    suspended: bool
    reachable: bool
    """Whether the answer finds who made it: not of a few from before pseudonyms."""

    @property
    def may_suspend(self) -> bool:
        return self.state is ObjectionState.OPEN and self.lot_state in PERIODS


_LOT: Final = text("SELECT state, title, transferor_id, profile_id FROM listings WHERE lot = :lot FOR SHARE")
_OPEN_OF: Final = text(
    "SELECT count(*) FROM objections WHERE pseudonym = :pseudonym AND lot = :lot AND state = 'open'"
)
_ADD: Final = text(
    "INSERT INTO objections"
    " (lot, period, state, pseudonym, content, file, file_name, made_at, due_at)"
    " VALUES (:lot, :period, 'open', :pseudonym, :content, :file, :file_name, :day, :due_at)"
    " RETURNING id"
)
_SELECT: Final = (
    "SELECT o.id, o.lot, l.title, l.state AS lot_state, o.period, o.state, o.content, o.file_name, o.made_at,"
    " o.due_at, o.answer, o.answered_at, o.suspended, o.pseudonym <> '' AS reachable"
    " FROM objections o JOIN listings l ON l.lot = o.lot"
)
_ONE: Final = text(_SELECT + " WHERE o.id = :id")
_OF: Final = text(_SELECT + " WHERE o.pseudonym = ANY(:own) ORDER BY o.id DESC OFFSET :offset LIMIT :most")
_ALL: Final = text(
    _SELECT + " WHERE (NOT :open OR o.state = 'open') ORDER BY o.state = 'open' DESC,"
    " CASE WHEN o.state = 'open' THEN o.due_at END, o.id DESC OFFSET :offset LIMIT :most"
)
_COUNT_OF: Final = text("SELECT count(*) FROM objections WHERE pseudonym = ANY(:own)")
_COUNT: Final = text("SELECT count(*) FROM objections WHERE NOT :open OR state = 'open'")
_LOCK: Final = text("SELECT lot, state, pseudonym FROM objections WHERE id = :id FOR UPDATE")
_END: Final = text(
    "UPDATE objections SET state = :state, answer = :answer, answered_at = :now, answered_by = :by"
    " WHERE id = :id"
)


class Objections:
    """The table. Every method is one transaction of its own."""

    def __init__(self, engine: AsyncEngine, sealed: Sealed, files: Files, marks: Marks) -> None:
        self._engine = engine
        self._sealed = sealed
        self._files = files
        self._marks = marks

    async def make(self, new: NewObjection, account_id: int, now: datetime) -> int:
        """A new objection's id; administrators are told. Raises NotNow, OwnLot, TooMany."""
        boxed = self._marks.box(_FILE, new.file) if new.file else b""
        kept = (await self._files.keep(boxed)).name if boxed else ""
        pseudonym = await self._sealed.objector_of(account_id, new.lot)
        async with self._engine.begin() as connection:
            lot = (await connection.execute(_LOT, {"lot": new.lot})).one_or_none()
            period = PERIODS.get(LotState(lot.state)) if lot is not None else None
            if lot is None or period is None:
                raise NotNow(new.lot)
            if lot.transferor_id == account_id:
                raise OwnLot(new.lot)
            waiting = await connection.execute(_OPEN_OF, {"pseudonym": pseudonym, "lot": new.lot})
            if int(waiting.scalar_one()) >= MOST_OPEN:
                raise TooMany(new.lot)
            due_at = await _due(connection, lot.profile_id, now)
            row: dict[str, Any] = {"lot": new.lot, "period": str(period), "pseudonym": pseudonym}
            row |= {"file": kept, "file_name": self._box(new.file_name), "content": self._box(new.text)}
            row |= {"day": blurred(now), "due_at": due_at}
            number = int((await connection.execute(_ADD, row)).scalar_one())
            facts: dict[str, str | int] = {"lot": new.lot, "title": lot.title, "objection": number}
            facts |= {"due_at": due_at.isoformat()}
            told = blurred(now)  # the very moment would be the objector's
            await tell(connection, ToRole(Role.ADMINISTRATOR), "objection.made", facts, now=told)
            await record(
                connection,
                at=now,
                actor=OBJECTOR,
                role="",
                act="objection.make",
                subject=new.lot,
                facts={"objection": number, "period": str(period)},
            )
            return number

    async def answer(self, objection_id: int, *, upheld: bool, answer: str, by: int, now: datetime) -> None:
        """Answer it; who made it is told. Raises Answered."""
        state = ObjectionState.UPHELD if upheld else ObjectionState.DISMISSED
        async with self._engine.begin() as connection:
            row = await self._end(connection, objection_id, state, answer, by, now)
            if row.pseudonym:
                await tell(connection, ToRegistration(row.pseudonym), "objection.answered", now=now)
            act = "objection.uphold" if upheld else "objection.dismiss"
            await self._record(connection, by, act, row.lot, objection_id, now)

    async def withdraw(self, objection_id: int, account_id: int, now: datetime) -> None:
        """By who made it. Raises Answered, also where it is another's."""
        own = await self._own(account_id)
        async with self._engine.begin() as connection:
            row = await self._end(connection, objection_id, ObjectionState.WITHDRAWN, "", None, now)
            if row.pseudonym not in own:
                raise Answered(objection_id)
            await record(
                connection,
                at=now,
                actor=OBJECTOR,
                role="",
                act="objection.withdraw",
                subject=row.lot,
                facts={"objection": objection_id},
            )

    async def suspend(self, objection_id: int, *, reason: str, by: int, now: datetime) -> None:
        """Suspend the lot because of it; the reason is public.

        Raises Answered, and what `perform` raises: NotAllowed, Lacks.
        """
        done = text("UPDATE objections SET suspended = true WHERE id = :id")
        async with self._engine.begin() as connection:
            found = (
                await connection.execute(
                    text("SELECT lot FROM objections WHERE id = :id"), {"id": objection_id}
                )
            ).one_or_none()
            if found is None:
                raise Answered(objection_id)
            facts = {"objection": objection_id}
            await perform(
                connection, found.lot, Act.SUSPEND, By.administrator(by), now=now, reason=reason, facts=facts
            )
            row = (await connection.execute(_LOCK, {"id": objection_id})).one()
            if row.state != ObjectionState.OPEN:
                raise Answered(objection_id)
            await connection.execute(done, {"id": objection_id})

    async def get(self, objection_id: int) -> Objection | None:
        async with self._engine.connect() as connection:
            row = (await connection.execute(_ONE, {"id": objection_id})).one_or_none()
        return None if row is None else self._read(row)

    async def mine(self, account_id: int, number: int) -> tuple[Sequence[Objection], int]:
        own = {"own": list(await self._own(account_id))}
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_OF, own | _span(number))).all()
            total = int((await connection.execute(_COUNT_OF, own)).scalar_one())
        return [self._read(row) for row in rows], total

    async def page(self, number: int, *, open_only: bool) -> tuple[Sequence[Objection], int]:
        """All, those that wait first, the most urgent of them first."""
        which = {"open": open_only}
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_ALL, which | _span(number))).all()
            total = int((await connection.execute(_COUNT, which)).scalar_one())
        return [self._read(row) for row in rows], total

    async def is_of(self, objection_id: int, account_id: int) -> bool:
        found = text("SELECT count(*) FROM objections WHERE id = :id AND pseudonym = ANY(:own)")
        values = {"id": objection_id, "own": list(await self._own(account_id))}
        async with self._engine.connect() as connection:
            return bool((await connection.execute(found, values)).scalar_one())

    async def objector(self, objection_id: int) -> int | None:
        """Who made it; who asks records the look. None: from before pseudonyms. Raises StillSealed."""
        found = text("SELECT pseudonym FROM objections WHERE id = :id")
        async with self._engine.connect() as connection:
            pseudonym = (await connection.execute(found, {"id": objection_id})).scalar_one()
        return await self._sealed.objector_after_end(pseudonym) if pseudonym else None

    async def file(self, objection_id: int) -> bytes:
        """Its file; b"" when it has none. Raises FileMissing, FileDamaged."""
        found = text("SELECT file FROM objections WHERE id = :id")
        async with self._engine.connect() as connection:
            name = (await connection.execute(found, {"id": objection_id})).scalar_one_or_none()
        return self._marks.unbox(_FILE, await self._files.read(name)) if name else b""

    async def _end(
        self,
        connection: AsyncConnection,
        objection_id: int,
        state: ObjectionState,
        answer: str,
        by: int | None,
        now: datetime,
    ) -> Any:
        row = (await connection.execute(_LOCK, {"id": objection_id})).one_or_none()
        if row is None or state not in TRANSITIONS[ObjectionState(row.state)]:
            raise Answered(objection_id)
        values = {"id": objection_id, "state": str(state), "answer": answer, "now": now, "by": by}
        await connection.execute(_END, values)
        return row

    async def _record(
        self, connection: AsyncConnection, by: int, act: str, lot: str, objection_id: int, now: datetime
    ) -> None:
        facts = {"objection": objection_id}
        role = str(Role.ADMINISTRATOR)
        await record(connection, at=now, actor=account(by), role=role, act=act, subject=lot, facts=facts)

    def _read(self, row: Any) -> Objection:
        values = dict(row._mapping)
        values |= {"text": self._unbox(values.pop("content")), "file_name": self._unbox(row.file_name)}
        values |= {"lot_state": LotState(row.lot_state), "period": Period(row.period)}
        return Objection(**values | {"state": ObjectionState(row.state)})

    def _box(self, value: str) -> bytes:
        return self._marks.box(_BOX, json.dumps(value).encode())

    def _unbox(self, box: bytes | None) -> str:
        return "" if box is None else str(json.loads(self._marks.unbox(_BOX, bytes(box))))

    async def _own(self, account_id: int) -> frozenset[str]:
        return frozenset(one.registration for one in await self._sealed.objections_of(account_id))


def _span(number: int) -> dict[str, int]:
    return {"offset": (number - 1) * PAGE, "most": PAGE}


async def _due(connection: AsyncConnection, profile_id: int, now: datetime) -> datetime:
    """By the rules of the lot."""
    profile = await get_on(connection, profile_id)
    assert profile is not None, "a listing has its profile"
    calendar = await calendar_of(connection)
    last = calendar.add(day_of(now), profile.rules.objection_working_days).day
    return at_minute(last, profile.rules.day_ends_minute)
