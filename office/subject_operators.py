"""Operators (经办人) of an organization: accounts that act for it, while their authority stands.

    OFFERED ──the account that is named takes it──▶ STANDING ──▶ ENDED
       └──────────declined, withdrawn──────────────────────────────▲

The organization names the login, the person and the last day, and says or uploads what the authority is
(授权委托书). A standing authority ends by itself after its last day in Beijing: it is judged at each use.
Whether there is such a login, nobody learns here.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.accounts import LOGIN, MARKET
from office.marks import Marks
from office.messages.telling import ToAccount, tell
from office.subjects import MarketSubject, MarketSubjectKind, remember
from office.working_days import day_of

MOST_LIVING: Final = 20
"""Operators of one organization that have not ended; and as many are added in a day: papers are kept."""
MOST_SHOWN: Final = 100
MOST_KNOWN: Final = 1_000
"""Operators that are looked through for a telephone, those that have not ended first."""
LONGEST_AUTHORITY: Final = timedelta(days=3 * 366)
"""From the day on which it is given (ours)."""
LARGEST_PAPER: Final = 5 << 20
_PURPOSE: Final = "market subject operator"
_PAPER: Final = "market subject authority"
_PAD: Final = 512


class OperatorState(StrEnum):
    OFFERED = "offered"
    STANDING = "standing"
    ENDED = "ended"


TRANSITIONS: Final[Mapping[OperatorState, frozenset[OperatorState]]] = {
    OperatorState.OFFERED: frozenset({OperatorState.STANDING, OperatorState.ENDED}),
    OperatorState.STANDING: frozenset({OperatorState.ENDED}),
    OperatorState.ENDED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One authority. `person`: operator_name, operator_number, operator_phone, operator_email, statement."""

    id: int
    subject_id: int
    login: str
    account_id: int | None
    state: OperatorState
    last_day: date
    person: Mapping[str, str] = field(repr=False)
    paper_type: str
    made_at: datetime
    taken_at: datetime | None
    ended_at: datetime | None

    def stands(self, now: datetime) -> bool:
        return self.state is OperatorState.STANDING and day_of(now) <= self.last_day


class NotPossible(Exception):
    """`why`: not_organization, not_verified, login, self, twice, too_many, day, paper."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Paper:
    """The signed authority as it was uploaded, checked before."""

    content: bytes = field(repr=False)
    media_type: str


_COLUMNS: Final = (
    "o.id, o.subject_id, o.login, o.account_id, o.state, o.last_day, o.box, o.paper_type, o.made_at,"
    " o.taken_at, o.ended_at"
)
_OF: Final = text(
    f"SELECT {_COLUMNS} FROM subject_operators o WHERE o.subject_id = :subject"  # noqa: S608
    " ORDER BY o.state = 'ended', o.id DESC LIMIT :most"
)
_TO: Final = text(
    f"SELECT {_COLUMNS} FROM subject_operators o JOIN accounts a ON a.login = o.login"  # noqa: S608
    " WHERE a.id = :account AND o.state <> 'ended' AND (o.account_id IS NULL OR o.account_id = a.id)"
    " ORDER BY o.id DESC LIMIT :most"
)
_STANDING: Final = text(
    f"SELECT {_COLUMNS} FROM subject_operators o WHERE o.subject_id = :subject"  # noqa: S608
    " AND o.account_id = :account AND o.state = 'standing' AND o.last_day >= :today LIMIT 1"
)
ACTS: Final = (
    "(EXISTS (SELECT 1 FROM subjects s WHERE s.id = {subject} AND s.account_id = {account})"
    " OR EXISTS (SELECT 1 FROM subject_operators a WHERE a.subject_id = {subject}"
    " AND a.account_id = {account} AND a.state = 'standing' AND a.last_day >= :today))"
)
"""Whether an account acts for a subject, as a condition on rows: `{subject}` and `{account}` are columns,
`today` the day in Beijing."""
_ACTS: Final = text(f"SELECT {ACTS.format(subject=':subject', account=':account')}")
_OWNERS: Final = text("SELECT id, account_id FROM subjects WHERE id = ANY(:subjects)")
_OPERATORS: Final = text(
    "SELECT subject_id, account_id, state, last_day, box FROM subject_operators"
    " WHERE subject_id = ANY(:subjects) ORDER BY state = 'ended', id DESC LIMIT :most"
)
_LOCK_SUBJECT: Final = text(
    "SELECT s.id, s.kind, s.box, s.verified_at, a.login FROM subjects s"
    " JOIN accounts a ON a.id = s.account_id WHERE s.id = :subject FOR UPDATE OF s"
)
_ADDED: Final = text(
    "SELECT count(*) FROM subject_operators WHERE subject_id = :subject AND made_at > :since"
)
_LIVING: Final = text("SELECT login FROM subject_operators WHERE subject_id = :subject AND state <> 'ended'")
_RUN_OUT: Final = text(
    "UPDATE subject_operators SET state = 'ended', ended_at = :now"
    " WHERE subject_id = :subject AND state <> 'ended' AND last_day < :today"
)
_ADD: Final = text(
    "INSERT INTO subject_operators"
    " (subject_id, login, state, last_day, box, paper, paper_type, made_by, made_at)"
    " VALUES (:subject, :login, 'offered', :last_day, :box, :paper, :paper_type, :by, :now)"
)
_NAMED: Final = text("SELECT id FROM accounts WHERE login = :login AND NOT disabled AND role = ANY(:market)")
_TAKE: Final = text(
    "UPDATE subject_operators o SET state = 'standing', account_id = :account, taken_at = :now"
    " FROM accounts a WHERE o.id = :id AND o.state = 'offered' AND a.id = :account AND a.login = o.login"
    " AND o.last_day >= :today RETURNING o.subject_id"
)
_END: Final = text(
    "UPDATE subject_operators o SET state = 'ended', ended_at = :now, ended_by = :by"
    " WHERE o.id = :id AND o.state <> 'ended' AND (o.subject_id = :subject OR EXISTS"
    " (SELECT 1 FROM accounts a WHERE a.id = :by AND a.login = o.login)) RETURNING o.subject_id, o.account_id"
)
_PAPER_OF: Final = text(
    "SELECT o.id, o.paper, o.paper_type FROM subject_operators o JOIN subjects s ON s.id = o.subject_id"
    " JOIN accounts a ON a.id = :account WHERE o.id = :id AND o.paper IS NOT NULL"
    " AND (s.account_id = :account OR (o.login = a.login AND o.state <> 'ended'))"
)


async def acts_for(connection: AsyncConnection, account_id: int, subject_id: int, now: datetime) -> bool:
    """Whether the account acts for this subject at this moment: it is its own, or an authority stands."""
    values = {"subject": subject_id, "account": account_id, "today": day_of(now)}
    return bool(await connection.scalar(_ACTS, values))


@dataclass(frozen=True, slots=True)
class Actors:
    """Who acts for a subject at this moment: its own account and operators, with the operators' telephones;
    and the telephones of those whose authority has ended, or was never taken on in time."""

    accounts: frozenset[int]
    telephones: frozenset[str] = field(repr=False)
    former_telephones: frozenset[str] = field(repr=False)


async def actors_of(
    connection: AsyncConnection, marks: Marks, subjects: Collection[int], now: datetime
) -> Mapping[int, Actors]:
    """Of each of these subjects. Raises BoxUnreadable."""
    asked = {"subjects": sorted(subjects)}
    owners = {row.id: row.account_id for row in await connection.execute(_OWNERS, asked)}
    rows = (await connection.execute(_OPERATORS, {**asked, "most": MOST_KNOWN})).all()
    found = {}
    for subject in subjects:
        accounts, standing, former = {owners[subject]}, set[str](), set[str]()
        for row in (one for one in rows if one.subject_id == subject):
            telephone = json.loads(marks.unbox(_PURPOSE, bytes(row.box))).get("operator_phone", "")
            if row.state == OperatorState.STANDING and day_of(now) <= row.last_day:
                accounts.add(row.account_id)
                standing.add(telephone)
            elif row.state == OperatorState.ENDED or day_of(now) > row.last_day:
                former.add(telephone)
        found[subject] = Actors(frozenset(accounts), frozenset(standing), frozenset(former))
    return found


class SubjectOperators:
    def __init__(self, engine: AsyncEngine, marks: Marks) -> None:
        self._engine = engine
        self._marks = marks

    async def of(self, subject_id: int) -> Sequence[Operator]:
        """All of an organization, those that have not ended first."""
        return await self._found(_OF, subject=subject_id)

    async def offered_to(self, account_id: int) -> Sequence[Operator]:
        """What the account may take, and what it has taken."""
        return await self._found(_TO, account=account_id)

    async def standing(self, subject_id: int, account_id: int, now: datetime) -> Operator | None:
        """The authority by which this account acts for this subject at this moment."""
        found = await self._found(_STANDING, subject=subject_id, account=account_id, today=day_of(now))
        return found[0] if found else None

    async def add(
        self,
        subject: MarketSubject,
        login: str,
        last_day: date,
        person: Mapping[str, str],
        paper: Paper | None,
        *,
        now: datetime,
    ) -> None:
        """Offer the authority; the account that is named is told. Raises NotPossible."""
        self._require(subject, login, last_day, person, paper, now)
        written = json.dumps(dict(person), ensure_ascii=False).encode()
        async with self._engine.begin() as connection:
            there = (await connection.execute(_LOCK_SUBJECT, {"subject": subject.id})).one()
            if there.verified_at is None:
                raise NotPossible("not_verified")
            if there.login == login:
                raise NotPossible("self")
            run_out = {"subject": subject.id, "now": now, "today": day_of(now)}
            await connection.execute(_RUN_OUT, run_out)
            living = set((await connection.execute(_LIVING, {"subject": subject.id})).scalars())
            if login in living:
                raise NotPossible("twice")
            since = {"subject": subject.id, "since": now - timedelta(days=1)}
            added = int(await connection.scalar(_ADDED, since) or 0)
            if len(living) >= MOST_LIVING or added >= MOST_LIVING:
                raise NotPossible("too_many")
            row: dict[str, Any] = {"subject": subject.id, "login": login, "last_day": last_day, "now": now}
            row |= {"by": subject.account_id, "paper": None, "paper_type": ""}
            row["box"] = self._marks.box(_PURPOSE, written + b" " * (-len(written) % _PAD))
            if paper is not None:
                row |= {"paper": self._marks.box(_PAPER, paper.content), "paper_type": paper.media_type}
            await connection.execute(_ADD, row)
            await remember(
                connection, subject.id, "operator_offer", subject.account_id, [], bytes(there.box), now
            )
            named = await connection.scalar(_NAMED, {"login": login, "market": sorted(MARKET)})
            if named is not None:
                await tell(connection, ToAccount(int(named)), "subject.operator_offer", now=now)

    def _require(
        self,
        subject: MarketSubject,
        login: str,
        last_day: date,
        person: Mapping[str, str],
        paper: Paper | None,
        now: datetime,
    ) -> None:
        if subject.kind is not MarketSubjectKind.ORGANIZATION:
            raise NotPossible("not_organization")
        if not LOGIN.fullmatch(login):
            raise NotPossible("login")
        if not day_of(now) <= last_day <= day_of(now) + LONGEST_AUTHORITY:
            raise NotPossible("day")
        if paper is None and not person.get("statement", ""):
            raise NotPossible("paper")

    async def take(self, operator_id: int, account_id: int, *, now: datetime) -> bool:
        """The account that is named takes it on. False: it is not there for it (any more)."""
        values = {"id": operator_id, "account": account_id, "now": now, "today": day_of(now)}
        async with self._engine.begin() as connection:
            row = (await connection.execute(_TAKE, values)).first()
            if row is not None:
                await self._remember(connection, row.subject_id, "operator_take", account_id, now)
        return row is not None

    async def end(self, operator_id: int, subject_id: int | None, by: int, *, now: datetime) -> bool:
        """By the organization (`subject_id`: the caller's own), or by who is named. False: nothing to end."""
        values = {"id": operator_id, "subject": subject_id or 0, "by": by, "now": now}
        async with self._engine.begin() as connection:
            row = (await connection.execute(_END, values)).first()
            if row is not None:
                await self._remember(connection, row.subject_id, "operator_end", by, now)
                if row.account_id is not None and row.account_id != by:
                    await tell(connection, ToAccount(int(row.account_id)), "subject.operator_end", now=now)
        return row is not None

    async def paper(self, operator_id: int, account_id: int) -> Paper | None:
        """For the organization, and for who is named while it is theirs. None: not for this account."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(_PAPER_OF, {"id": operator_id, "account": account_id})).first()
        if row is None:
            return None
        return Paper(self._marks.unbox(_PAPER, bytes(row.paper)), row.paper_type)

    async def _remember(
        self, connection: AsyncConnection, subject_id: int, act: str, by: int, now: datetime
    ) -> None:
        there = (await connection.execute(_LOCK_SUBJECT, {"subject": subject_id})).one()
        await remember(connection, subject_id, act, by, [], bytes(there.box), now)

    async def _found(self, query: Any, **values: Any) -> Sequence[Operator]:
        async with self._engine.connect() as connection:
            wanted = values if query is _STANDING else {**values, "most": MOST_SHOWN}
            rows = [dict(row) for row in (await connection.execute(query, wanted)).mappings()]
        return [self._operator(row) for row in rows]

    def _operator(self, row: Mapping[str, Any]) -> Operator:
        values = {name: value for name, value in row.items() if name != "box"}
        person = json.loads(self._marks.unbox(_PURPOSE, bytes(row["box"])))
        return Operator(**{**values, "state": OperatorState(row["state"]), "person": person})
