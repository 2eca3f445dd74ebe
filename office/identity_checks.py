"""Identity checks: asked of the provider, remembered, and of a transfer the remark that proves it.

`number` says what they are about: a certificate order, or a market subject (`about_subject`). What was asked
is personal and stays in the box of that; here are the outcome, the provider's reference and the remark's
keyed hash. Tries and checks are bounded. Asked and answered are two steps: between them the provider looks,
and nothing is held.

    asked = await ask(connection, number, person, way, now)          # counts from now on
    await answer(connection, marks, number, asked, outcome, now, stale=False)
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from office.identity import Answer, Failed, IdentityFault, Passed, Sent
from office.marks import Marks

TRIES: Final = 3
"""Of one transfer's remark."""
MOST_IN_A_DAY: Final = 8
"""Checks of one order or subject: providers are paid for each, and none is for guessing whose card it is."""
LIVES: Final = timedelta(days=3)
"""Of a transfer."""


class TooManyChecks(Exception):
    """MOST_IN_A_DAY were asked for."""


@dataclass(frozen=True, slots=True)
class IdentityOutcome:
    """The last check of a person. `state`: asked (a transfer is on its way), passed, failed, stale."""

    id: int
    person: str
    way: str
    state: str
    fault: str
    tries: int
    made_at: datetime


_OF: Final = text(
    "SELECT DISTINCT ON (person) id, person, way, state, fault, tries, made_at FROM identity_checks"
    " WHERE number = :number AND reference <> '' ORDER BY person, id DESC"
)
_BY_WAY: Final = text(
    "SELECT DISTINCT ON (person, way) id, person, way, state, fault, tries, made_at FROM identity_checks"
    " WHERE number = :number AND reference <> '' ORDER BY person, way, id DESC"
)
_ASK: Final = text(
    "INSERT INTO identity_checks (number, person, way, state, made_at)"
    " VALUES (:number, :person, :way, 'asked', :now) RETURNING id"
)
_ANSWER: Final = text(
    "UPDATE identity_checks SET reference = :reference, state = :state, fault = :fault,"
    " remark_hash = :remark_hash, ended_at = :ended_at WHERE id = :id AND reference = ''"
)
_RECENT: Final = text("SELECT count(*) FROM identity_checks WHERE number = :number AND made_at > :since")
_TRY: Final = text(
    "UPDATE identity_checks SET tries = tries + 1 WHERE id ="
    " (SELECT id FROM identity_checks WHERE number = :number AND person = :person AND reference <> ''"
    " ORDER BY id DESC LIMIT 1)"
    " AND state = 'asked' AND tries < :most AND made_at > :since RETURNING id, remark_hash, tries"
)
_END: Final = text(
    "UPDATE identity_checks SET state = :state, fault = :fault, ended_at = :now"
    " WHERE id = :id AND state = 'asked'"
)
_STALE: Final = text(
    "UPDATE identity_checks SET state = 'stale', ended_at = :now"
    " WHERE number = :number AND state IN ('passed', 'asked')"
)


async def of(connection: AsyncConnection, number: str) -> Sequence[IdentityOutcome]:
    """The last check of each person."""
    return [
        IdentityOutcome(row.id, row.person, row.way, row.state, row.fault, row.tries, row.made_at)
        for row in await connection.execute(_OF, {"number": number})
    ]


async def by_way(connection: AsyncConnection, number: str) -> Sequence[IdentityOutcome]:
    """The last check of each person by each way, the newest first."""
    rows = await connection.execute(_BY_WAY, {"number": number})
    return sorted((IdentityOutcome(**row._mapping) for row in rows), key=lambda one: -one.id)


async def ask(connection: AsyncConnection, number: str, person: str, way: str, now: datetime) -> int:
    """Before the provider is asked, in a transaction of its own; the id of what is asked.

    It counts from now on, whatever comes of it: no answer, or one that comes when the question is another by
    then, was paid for as well. Until `answer` it has no reference, and is no outcome. Raises TooManyChecks.
    """
    values = {"number": number, "since": now - timedelta(days=1)}
    if int(await connection.scalar(_RECENT, values) or 0) >= MOST_IN_A_DAY:
        raise TooManyChecks(number)
    row = {"number": number, "person": person, "way": way, "now": now}
    return int((await connection.execute(_ASK, row)).scalar_one())


async def answer(
    connection: AsyncConnection,
    marks: Marks,
    number: str,
    asked: int,
    answer: Answer,
    now: datetime,
    *,
    stale: bool,
) -> None:
    """The outcome, or the transfer that is on its way. `stale`: what it was about was changed meanwhile."""
    row: dict[str, Any] = {"id": asked, "reference": answer.reference, "state": "stale", "fault": ""}
    row |= {"remark_hash": "", "ended_at": now}
    match answer:
        case _ if stale:
            pass
        case Passed():
            row["state"] = "passed"
        case Failed(_, fault):
            row |= {"state": "failed", "fault": str(fault)}
        case Sent(_, remark):
            row |= {"state": "asked", "remark_hash": _remark_hash(marks, number, remark), "ended_at": None}
    await connection.execute(_ANSWER, row)


async def prove_transfer(
    connection: AsyncConnection, marks: Marks, number: str, person: str, remark: str, now: datetime
) -> IdentityFault | None:
    """The remark as the account's owner read it. None: it is right; the try counts if the caller commits."""
    values = {"number": number, "person": person, "most": TRIES, "since": now - LIVES}
    row = (await connection.execute(_TRY, values)).one_or_none()
    if row is None:
        return IdentityFault.TOO_MANY
    if secrets.compare_digest(row.remark_hash, _remark_hash(marks, number, remark.strip()[:20])):
        await connection.execute(_END, {"id": row.id, "state": "passed", "fault": "", "now": now})
        return None
    if row.tries >= TRIES:
        fault = str(IdentityFault.TOO_MANY)
        await connection.execute(_END, {"id": row.id, "state": "failed", "fault": fault, "now": now})
        return IdentityFault.TOO_MANY
    return IdentityFault.WRONG_REMARK


async def make_stale(connection: AsyncConnection, number: str, now: datetime) -> None:
    """Who was checked is not who the order is about any more."""
    await connection.execute(_STALE, {"number": number, "now": now})


def about_subject(subject_id: int) -> str:
    """What `number` is for a market subject; no order is called so."""
    return f"subject {subject_id}"


def _remark_hash(marks: Marks, number: str, remark: str) -> str:
    return marks.mark("certificate remark", number, remark)
