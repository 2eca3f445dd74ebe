"""What is asked of the authority, and its answers: rows of the web, answered by the authority's round.

Each question has an `about`: asked twice while the first is open, it is one row. Whoever changes a row holds
the row of its order first: two who do it at once come one after the other, in one sequence of locks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.issuing import issued
from certificates.issuing.states import CHOOSES_AUTHORITY, REQUESTS, Holding, RequestKind, RequestState
from office.marks import Marks
from signing.crl import Reason

FIRST_PAUSE_S: Final = 2.0
LONGEST_PAUSE_S: Final = 3_600.0
"""What is not done is asked again: after FIRST_PAUSE_S, then each time after twice as long, up to an hour."""
STUCK_AFTER: Final = 8
"""Tries, in about eight minutes; then the desk is told (ours)."""
STUCK_FOR: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One row of authority_requests."""

    id: int
    kind: RequestKind
    number: str
    state: RequestState
    about: str
    content: bytes = field(repr=False)
    """PKCS#10, or the public key of an assistant."""
    card: str
    medium: str
    serial: str
    """Of the certificate that was made, or is to be revoked."""
    reason: str
    refusal: str
    answer: bytes | None = field(repr=False)
    question: bytes | None = field(repr=False)
    """What an authority was asked for, while its answer is not kept; also of one that was abandoned since."""
    asked_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    tries: int
    """How often the authority was asked and did not do it; that it is away does not count."""

    def is_stuck(self, now: datetime) -> bool:
        """Whether somebody has to look: it is asked on, but the desk may end it."""
        late = now - self.asked_at >= STUCK_FOR
        return self.state is RequestState.ASKED and (self.tries >= STUCK_AFTER or late)

    @property
    def reference(self) -> str:
        """By which the authority knows the request, also after the row's answer was lost."""
        return f"request {self.id} of order {self.number}"

    def unboxed(self, marks: Marks) -> bytes:
        """The answer. Raises BoxUnreadable, ValueError when there is none."""
        if self.answer is None:
            raise ValueError("a request without an answer")
        return marks.unbox(purpose(self.id), self.answer)

    @property
    def is_unsettled(self) -> bool:
        """Whether an answer is to be had: asked, or abandoned while the authority was being asked."""
        left = self.state is RequestState.ABANDONED and self.question is not None
        return self.state is RequestState.ASKED or left


COLUMNS: Final = tuple(each.name for each in fields(Request))
_SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM authority_requests"  # noqa: S608 - our own names
_UNSETTLED: Final = "r.state = 'asked' OR (r.state = 'abandoned' AND r.question IS NOT NULL)"
_ASK: Final = text(
    "INSERT INTO authority_requests (kind, number, about, content, card, medium, serial, reason, asked_at)"
    " VALUES (:kind, :number, :about, :content, :card, :medium, :serial, :reason, :now)"
    " ON CONFLICT (number, kind, about) WHERE state IN ('asked', 'answered') DO NOTHING"
)


def purpose(request_id: int) -> str:
    return f"authority answer {request_id}"


def question_purpose(request_id: int) -> str:
    return f"authority question {request_id}"


async def ask(
    connection: AsyncConnection,
    kind: RequestKind,
    number: str,
    about: str,
    *,
    now: datetime,
    content: bytes = b"",
    card: str = "",
    medium: str = "",
    serial: str = "",
    reason: str = "",
) -> Request:
    """The open request about this, made when there is none. The caller holds the order's row."""
    values: dict[str, Any] = {"kind": str(kind), "number": number, "about": about, "content": content}
    values["card"] = card
    values |= {"medium": medium, "serial": serial, "reason": reason, "now": now}
    await connection.execute(_ASK, values)
    found = text(
        f"{_SELECT} WHERE number = :number AND kind = :kind AND about = :about"
        " AND state IN ('asked', 'answered')"
    )
    return _request((await connection.execute(found, values)).one())


@dataclass(frozen=True, slots=True)
class Waiting:
    """A question that waits. `authority`: whom it will be put to; "" for what needs none."""

    id: int
    number: str
    authority: str
    tries: int


async def asked(
    connection: AsyncConnection, most: int, now: datetime, but: Sequence[str] = ()
) -> Sequence[Waiting]:
    """What waits for an authority, the oldest first, and last what was put off; not what waits for one of
    `but`."""
    found = text(
        "SELECT id, number, authority, tries FROM (SELECT r.id, r.number, r.tries, r.next_at,"  # noqa: S608
        " CASE WHEN r.kind = 'certificate' AND o.service = ANY(:chosen)"
        " THEN coalesce(nullif(o.authority, ''), i.authority)"
        " WHEN r.kind IN ('certificate', 'revocation') THEN coalesce(i.authority, o.authority)"
        " ELSE '' END AS authority FROM authority_requests r JOIN orders o ON o.number = r.number"
        " LEFT JOIN issued_certificates i ON i.serial ="
        " CASE WHEN r.kind = 'revocation' THEN r.serial ELSE o.about_certificate END"
        f" WHERE {_UNSETTLED}) w WHERE authority <> ALL(CAST(:but AS text[]))"
        " AND (next_at IS NULL OR next_at <= :now) ORDER BY next_at NULLS FIRST, id LIMIT :most"
    )
    values = {"most": most, "but": list(but), "chosen": sorted(CHOOSES_AUTHORITY), "now": now}
    rows = await connection.execute(found, values)
    return [Waiting(**row._mapping) for row in rows]


def pause_after(tries: int) -> timedelta:
    """Before what was not done so often is asked again."""
    return timedelta(seconds=min(FIRST_PAUSE_S * 2.0 ** min(tries - 1, 30), LONGEST_PAUSE_S))


async def put_off(connection: AsyncConnection, one: Waiting, until: datetime, tries: int) -> bool:
    """Nothing came of it: it is asked again then, after all that was not put off. False: it waits no more."""
    later = text(
        "UPDATE authority_requests r SET tries = :tries, next_at = :until"  # noqa: S608 - our own words
        f" WHERE id = :id AND ({_UNSETTLED})"
    )
    done = await connection.execute(later, {"id": one.id, "until": until, "tries": tries})
    return bool(done.rowcount)


async def locked(connection: AsyncConnection, request_id: int) -> Request | None:
    """The row, held; None: somebody else holds it."""
    found = text(f"{_SELECT} WHERE id = :id FOR UPDATE SKIP LOCKED")
    row = (await connection.execute(found, {"id": request_id})).first()
    return None if row is None else _request(row)


async def held(connection: AsyncConnection, request_id: int) -> Request:
    """The row, held, however long that takes."""
    found = text(f"{_SELECT} WHERE id = :id FOR UPDATE")
    return _request((await connection.execute(found, {"id": request_id})).one())


async def of_order(
    connection: AsyncConnection, number: str, kind: RequestKind, most: int = 20
) -> Sequence[Request]:
    """The newest first."""
    found = text(f"{_SELECT} WHERE number = :number AND kind = :kind ORDER BY id DESC LIMIT :most")
    rows = await connection.execute(found, {"number": number, "kind": str(kind), "most": most})
    return [_request(row) for row in rows]


async def approved_ends(connection: AsyncConnection, most: int) -> Sequence[str]:
    """Approved orders whose certificate is revoked now: a revocation, and the replacement of a lost one."""
    found = text(
        "SELECT o.number FROM orders o LEFT JOIN issued_certificates i ON i.serial = o.about_certificate"
        " WHERE o.state = 'approved' AND o.about_certificate <> '' AND (o.service = 'revoke'"
        " OR (o.service = 'replace' AND i.state <> 'revoked' AND NOT EXISTS (SELECT FROM authority_requests r"
        " WHERE r.number = o.number AND r.kind = 'revocation' AND r.serial = i.serial)))"
        " ORDER BY o.changed_at LIMIT :most"
    )
    return [str(one) for one in (await connection.execute(found, {"most": most})).scalars()]


async def was_unlocked(connection: AsyncConnection, request: Request) -> bool:
    """Whether the authorization for this UKey before this one was used, and its code replaced."""
    found = text(
        "SELECT state FROM authority_requests WHERE kind = 'authorization' AND card = :card AND id < :id"
        " AND state IN ('answered', 'written') ORDER BY id DESC LIMIT 1"
    )
    return str(await connection.scalar(found, {"card": request.card, "id": request.id})) == "written"


async def move(
    connection: AsyncConnection, request: Request, to: RequestState, *, now: datetime, **values: Any
) -> None:
    """To another state. `request` was read under the lock of its order or its own. Raises ValueError."""
    if to not in REQUESTS[request.state]:
        raise ValueError(f"a request that is {request.state} does not become {to}")
    moment = "answered_at" if to is RequestState.ANSWERED else "ended_at"
    put = "".join(f", {name} = :{name}" for name in values)
    done = "" if to is RequestState.ABANDONED else ", question = NULL"
    changed = text(
        f"UPDATE authority_requests SET state = :to, {moment} = :now{done}{put} WHERE id = :id"  # noqa: S608
    )
    await connection.execute(changed, {**values, "to": str(to), "now": now, "id": request.id})


async def put_question(connection: AsyncConnection, request: Request, question: bytes) -> None:
    """Before the authority is asked. The caller holds the row."""
    kept = text("UPDATE authority_requests SET question = :question WHERE id = :id")
    await connection.execute(kept, {"question": question, "id": request.id})


async def settle(
    connection: AsyncConnection, request: Request, *, serial: str = "", refusal: str = ""
) -> None:
    """What came of an abandoned one is known: this certificate, or none. The caller holds the row."""
    settled = text(
        "UPDATE authority_requests SET question = NULL, serial = :serial, refusal = :refusal WHERE id = :id"
    )
    await connection.execute(settled, {"serial": serial, "refusal": refusal, "id": request.id})


async def ask_revocation(
    connection: AsyncConnection, number: str, serial: str, reason: Reason, now: datetime
) -> None:
    """Of a certificate that was made; what is revoked already is not asked about."""
    row = await issued.by_serial(connection, serial)
    if row is not None and row.state is not Holding.REVOKED:
        kind, why = RequestKind.REVOCATION, str(reason)
        await ask(connection, kind, number, serial, serial=serial, reason=why, now=now)


async def end_first_pins(connection: AsyncConnection, number: str, to: RequestState, now: datetime) -> None:
    """What was given out for the UKey of an order is done with: the answers are emptied."""
    ended = text(
        "UPDATE authority_requests SET state = :to, ended_at = :now, answer = NULL"
        " WHERE number = :number AND kind = 'first_pin' AND state = ANY(:before)"
    )
    before = [str(state) for state, after in REQUESTS.items() if to in after]
    await connection.execute(ended, {"number": number, "to": str(to), "now": now, "before": before})


def _request(row: Row[Any]) -> Request:
    values = dict(row._mapping)
    values |= {
        "kind": RequestKind(row.kind),
        "state": RequestState(row.state),
        "content": bytes(row.content),
        "answer": None if row.answer is None else bytes(row.answer),
        "question": None if row.question is None else bytes(row.question),
    }
    return Request(**values)
