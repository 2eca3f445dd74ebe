"""What a transferor asks for once a lot is announced: to withdraw it, to suspend it, or to correct its text.

An administrator answers. Accepting does the act itself in the same transaction, so a request is never
answered without its act or the other way round. A request takes the row of the listing first, as acts do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.accounts import Role
from office.audit import trail
from office.messages.telling import ToAccount, ToRole, tell
from trading.lifecycle.states import Act, Actor, LotState
from trading.lifecycle.table import allowed

LONGEST_REASON: Final = 800
"""Characters: a reason goes into messages and the audit log, whose facts are at most 4000 bytes."""
MOST_OPEN: Final = 1_000
_COLUMNS: Final = "id, lot, kind, reason, asked_by, asked_at, answer, answer_reason, answered_by, answered_at"


class RequestKind(StrEnum):
    WITHDRAW = "withdraw"
    SUSPEND = "suspend"
    CORRECT = "correct"


class Answer(StrEnum):
    OPEN = ""
    ACCEPTED = "accepted"
    REFUSED = "refused"
    TAKEN_BACK = "taken_back"


ACTS: Final = {
    RequestKind.WITHDRAW: Act.WITHDRAW,
    RequestKind.SUSPEND: Act.SUSPEND,
    RequestKind.CORRECT: Act.CORRECT,
}


class AskedAlready(Exception):
    """The same is asked for already, and not answered."""


class NotAskable(Exception):
    """In this state there is nothing to ask for."""


class AnsweredAlready(Exception):
    """Somebody else has answered it, or it was taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    id: int
    lot: str
    kind: RequestKind
    reason: str
    asked_by: int
    asked_at: datetime
    answer: Answer
    answer_reason: str
    answered_by: int | None
    answered_at: datetime | None


def askable(state: LotState) -> tuple[RequestKind, ...]:
    """What may be asked for: what an administrator could do now and the transferor could not."""
    return tuple(
        kind
        for kind, act in ACTS.items()
        if allowed(state, act, Actor.ADMINISTRATOR) and not allowed(state, act, Actor.TRANSFEROR)
    )


class Requests:
    """Asking and reading; every method is one transaction of its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def ask(self, lot: str, kind: RequestKind, reason: str, owner_id: int, now: datetime) -> int:
        """Raises NotAskable (also for somebody else's lot), AskedAlready; ValueError without a reason."""
        if not 0 < len(reason.strip()) <= LONGEST_REASON:
            raise ValueError("a request has a reason")
        try:
            async with self._engine.begin() as connection:
                row = await _locked(connection, lot, owner_id)
                if row is None or kind not in askable(LotState(row.state)):
                    raise NotAskable(lot)
                made = await _insert(connection, lot, kind, reason.strip(), owner_id, now)
                facts = {"lot": lot, "title": str(row.title)}
                await tell(connection, ToRole(Role.ADMINISTRATOR), f"listing.asked.{kind}", facts, now=now)
                await _record(connection, now, owner_id, Role.TRANSFEROR, f"lot.ask.{kind}", lot)
                return made
        except IntegrityError as there:
            raise AskedAlready(lot) from there

    async def take_back(self, lot: str, request: int, owner_id: int, now: datetime) -> None:
        """Raises AnsweredAlready (also for somebody else's)."""
        async with self._engine.begin() as connection:
            done = await connection.execute(
                text(
                    "UPDATE listing_requests SET answer = 'taken_back', answered_by = :owner,"
                    " answered_at = :now"
                    " WHERE id = :request AND lot = :lot AND asked_by = :owner AND answer = '' RETURNING id"
                ),
                {"request": request, "lot": lot, "owner": owner_id, "now": now},
            )
            if done.scalar_one_or_none() is None:
                raise AnsweredAlready(lot)
            await _record(connection, now, owner_id, Role.TRANSFEROR, "lot.request.taken_back", lot)

    async def of(self, lot: str) -> Sequence[Request]:
        """All of a lot, the latest first (bounded)."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(
                text(
                    f"SELECT {_COLUMNS} FROM listing_requests WHERE lot = :lot ORDER BY id DESC LIMIT 100"  # noqa: S608
                ),
                {"lot": lot},
            )
            return [_read(row) for row in rows]

    async def waiting(self) -> Sequence[tuple[Request, str]]:
        """All that nobody has answered, the oldest first, with the titles of their lots (bounded)."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(
                text(
                    "SELECT r.*, l.title FROM listing_requests AS r JOIN listings AS l USING (lot)"
                    " WHERE r.answer = '' ORDER BY r.asked_at, r.id LIMIT :most"
                ),
                {"most": MOST_OPEN},
            )
            return [(_read(row), str(row.title)) for row in rows]


async def answer(
    connection: AsyncConnection,
    lot: str,
    request: int,
    given: Answer,
    *,
    reason: str,
    by: int,
    now: datetime,
) -> Request:
    """Write an answer down in the caller's transaction, which carries the act out as well when accepted.

    Raises AnsweredAlready.
    """
    await connection.execute(text("SELECT 1 FROM listings WHERE lot = :lot FOR UPDATE"), {"lot": lot})
    done = await connection.execute(
        text(
            "UPDATE listing_requests SET answer = :given, answer_reason = :reason, answered_by = :by,"  # noqa: S608
            " answered_at = :now WHERE id = :request AND lot = :lot AND answer = ''"
            f" RETURNING {_COLUMNS},"
            " (SELECT title FROM listings AS l WHERE l.lot = listing_requests.lot) AS title"
        ),
        {"given": given.value, "reason": reason, "by": by, "now": now, "request": request, "lot": lot},
    )
    row = done.one_or_none()
    if row is None:
        raise AnsweredAlready(lot)
    found = _read(row)
    facts = {"lot": lot, "title": str(row.title), "reason": reason}
    await tell(connection, ToAccount(found.asked_by), f"listing.answered.{given}", facts, now=now)
    await _record(connection, now, by, Role.ADMINISTRATOR, f"lot.request.{given}", lot, kind=found.kind)
    return found


async def _locked(connection: AsyncConnection, lot: str, owner_id: int) -> Row[Any] | None:
    found = await connection.execute(
        text("SELECT state, title FROM listings WHERE lot = :lot AND transferor_id = :owner FOR UPDATE"),
        {"lot": lot, "owner": owner_id},
    )
    return found.one_or_none()


async def _insert(
    connection: AsyncConnection, lot: str, kind: RequestKind, reason: str, owner_id: int, now: datetime
) -> int:
    made = await connection.execute(
        text(
            "INSERT INTO listing_requests (lot, kind, reason, asked_by, asked_at)"
            " VALUES (:lot, :kind, :reason, :owner, :now) RETURNING id"
        ),
        {"lot": lot, "kind": kind.value, "reason": reason, "owner": owner_id, "now": now},
    )
    return int(made.scalar_one())


async def _record(
    connection: AsyncConnection, now: datetime, by: int, role: Role, act: str, lot: str, **facts: str
) -> None:
    await trail.record(
        connection, at=now, actor=trail.account(by), role=role, act=act, subject=lot, facts=facts
    )


def _read(row: Row[Any]) -> Request:
    return Request(
        id=row.id,
        lot=row.lot,
        kind=RequestKind(row.kind),
        reason=row.reason,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        answer=Answer(row.answer),
        answer_reason=row.answer_reason,
        answered_by=row.answered_by,
        answered_at=row.answered_at,
    )
