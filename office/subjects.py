"""Market subjects (市场主体): the organizations and persons that take part, each registered by an account.

One subject for an account; who else may act for it, subject_operators.py says. The profile lies in a box, and
every change of it is kept with who made it. What stands in it is shown grey where a form asks for it again.

A name counts as checked once an identity check of its own has passed: until then others may have typed the
same number, from then on nobody else's check can pass, but a transfer where the first check was none: it is
asked for the name and the number together. What a check was about can't change without a new one, the number
not at all (ours).
Source: spec/certificates.md, "Steps", the unified registration platform.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office import identity_checks
from office.audit.trail import account, record
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

_PURPOSE: Final = "market subject"
_PAD: Final = 512
PAGE: Final = 20


class MarketSubjectKind(StrEnum):
    ORGANIZATION = "organization"
    NATURAL_PERSON = "natural_person"


_K = MarketSubjectKind
NUMBERS: Final[Mapping[MarketSubjectKind, str]] = {
    _K.ORGANIZATION: "credit_code",
    _K.NATURAL_PERSON: "applicant_number",
}
"""The field of the profile that says who it is."""
NAMES: Final[Mapping[MarketSubjectKind, str]] = {
    _K.ORGANIZATION: "organization_name",
    _K.NATURAL_PERSON: "applicant_name",
}
CHECKS: Final[Mapping[MarketSubjectKind, tuple[IdentityCheck, ...]]] = {
    _K.ORGANIZATION: (IdentityCheck.CORPORATE_ACCOUNT, IdentityCheck.LEGAL_REPRESENTATIVE_MOBILE),
    _K.NATURAL_PERSON: (IdentityCheck.APPLICANT_MOBILE, IdentityCheck.APPLICANT_ACCOUNT),
}
"""By which a name is checked; one of them is chosen."""
_PROVEN: Final[Mapping[MarketSubjectKind, frozenset[str]]] = {
    _K.ORGANIZATION: frozenset(
        {"organization_name", "credit_code", "representative_name", "representative_number"}
    ),
    _K.NATURAL_PERSON: frozenset({"applicant_name", "applicant_number"}),
}
"""What a check that passed stands for. A telephone or account is the way of a check, not what it proves."""


@dataclass(frozen=True, slots=True)
class MarketSubject:
    """`profile`: fields by name, as forms call them: organization_name, credit_code, representative_name …"""

    id: int
    account_id: int
    kind: MarketSubjectKind
    profile: Mapping[str, str] = field(repr=False)
    version: int
    verified_at: datetime | None = None
    verified_by: str = ""

    @property
    def name(self) -> str:
        return self.profile.get(NAMES[self.kind], "")

    @property
    def by_account(self) -> bool:
        """Whether the owner of the organization's bank account stands for the name."""
        return self.verified_at is not None and self.verified_by == IdentityCheck.CORPORATE_ACCOUNT

    @property
    def checks(self) -> tuple[IdentityCheck, ...]:
        """Those that there are now: all until the name is checked, of an organization then its account."""
        if self.verified_at is None:
            return CHECKS[self.kind]
        more = self.kind is MarketSubjectKind.ORGANIZATION and not self.by_account
        return (IdentityCheck.CORPORATE_ACCOUNT,) if more else ()


@dataclass(frozen=True, slots=True)
class SubjectEvent:
    """One change: `fields` by name, never their values."""

    act: str
    at: datetime
    by_account: int | None
    by_name: str
    fields: tuple[str, ...]


class SubjectChanged(Exception):
    """Somebody saved the profile since it was shown."""


class NumberFixed(Exception):
    """The number of a subject whose name is checked does not change: another one is another subject."""


class NumberTaken(Exception):
    """Another account has this number, and its name is checked."""


class NotThisCheck(Exception):
    """There is no such check for this kind, or none more is needed."""


_COLUMNS: Final = "id, account_id, kind, box, version, verified_at, verified_by"
_OF: Final = text(f"SELECT {_COLUMNS} FROM subjects WHERE account_id = :account_id")  # noqa: S608
_BY_ID: Final = text(f"SELECT {_COLUMNS} FROM subjects WHERE id = :id")  # noqa: S608
_LOCK: Final = text(f"SELECT {_COLUMNS} FROM subjects WHERE id = :id FOR UPDATE")  # noqa: S608
_REGISTER: Final = text(
    "INSERT INTO subjects (account_id, kind, number_mark, box, made_at, changed_at)"
    " VALUES (:account_id, :kind, :number_mark, :box, :now, :now)"
    " ON CONFLICT (account_id) DO NOTHING RETURNING id"
)
_CHANGE: Final = text(
    "UPDATE subjects SET box = :box, number_mark = :number_mark, version = version + 1, changed_at = :now,"
    " verified_at = CASE WHEN :again THEN NULL ELSE verified_at END,"
    " verified_by = CASE WHEN :again THEN '' ELSE verified_by END WHERE id = :id"
)
_ONE_NUMBER: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:mark, 1330660682))")
_TAKEN: Final = text(
    "SELECT count(*) FROM subjects o JOIN subjects s ON s.number_mark = o.number_mark"
    " WHERE s.id = :id AND o.id <> :id AND o.verified_at IS NOT NULL"
)
_DISPLACED: Final = text(
    "UPDATE subjects o SET verified_at = NULL, verified_by = '', version = o.version + 1 FROM subjects s"
    " WHERE s.id = :id AND o.number_mark = s.number_mark AND o.id <> :id AND o.verified_at IS NOT NULL"
    " AND NOT o.verified_by = ANY(:transfers) RETURNING o.id, o.account_id, o.box"
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
_EVENT: Final = text(
    "INSERT INTO subject_events (subject_id, act, by_account, at, fields, box)"
    " VALUES (:subject_id, :act, :by_account, :now, :fields, :box)"
)
_HISTORY: Final = text(
    "SELECT e.act, e.at, e.by_account, coalesce(a.name, '') AS by_name, e.fields, count(*) OVER () AS total"
    " FROM subject_events e LEFT JOIN accounts a ON a.id = e.by_account WHERE e.subject_id = :id"
    " ORDER BY e.id DESC LIMIT :most OFFSET :skipped"
)


class Subjects:
    """Every method is one transaction of its own, but `check`, which asks a provider between two."""

    def __init__(self, engine: AsyncEngine, marks: Marks) -> None:
        self._engine = engine
        self._marks = marks

    async def of(self, account_id: int) -> MarketSubject | None:
        async with self._engine.connect() as connection:
            row = (await connection.execute(_OF, {"account_id": account_id})).first()
        return None if row is None else self._subject(row)

    async def get(self, subject_id: int) -> MarketSubject | None:
        async with self._engine.connect() as connection:
            row = (await connection.execute(_BY_ID, {"id": subject_id})).first()
        return None if row is None else self._subject(row)

    async def register(
        self, account_id: int, kind: MarketSubjectKind, profile: Mapping[str, str], *, now: datetime
    ) -> bool:
        """False: the account has a subject already."""
        values = self._values(kind, profile) | {"account_id": account_id, "kind": str(kind), "now": now}
        async with self._engine.begin() as connection:
            made = (await connection.execute(_REGISTER, values)).first()
            if made is not None:
                await remember(
                    connection, made.id, "register", account_id, sorted(profile), values["box"], now
                )
        return made is not None

    async def change(self, subject: MarketSubject, profile: Mapping[str, str], *, now: datetime) -> bool:
        """The whole profile anew. True: the name has to be checked again.

        Raises SubjectChanged, NumberFixed.
        """
        values = self._values(subject.kind, profile) | {"id": subject.id, "now": now}
        async with self._engine.begin() as connection:
            there = await self._locked(connection, subject)
            names = _changed(there.profile, profile)
            if there.verified_at is not None and NUMBERS[there.kind] in names:
                raise NumberFixed(str(there.id))
            again = bool(names & _PROVEN[there.kind]) and there.verified_at is not None
            if names & (_PROVEN[there.kind] | {"representative_phone", "applicant_phone", "account_number"}):
                await identity_checks.make_stale(connection, about_subject(there.id), now)
            await connection.execute(_CHANGE, {**values, "again": again})
            by = subject.account_id
            await remember(connection, there.id, "change", by, sorted(names), values["box"], now)
        return again

    async def history(self, subject_id: int, page: int) -> tuple[Sequence[SubjectEvent], int]:
        """One page, the newest first, and how many events there are."""
        values = {"id": subject_id, "most": PAGE, "skipped": (page - 1) * PAGE}
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_HISTORY, values)).all()
        events = [SubjectEvent(r.act, r.at, r.by_account, r.by_name, tuple(r.fields)) for r in rows]
        return events, int(rows[0].total) if rows else 0

    # ── the check of the name ──

    async def outcome(self, subject_id: int) -> IdentityOutcome | None:
        """Of the last check."""
        async with self._engine.connect() as connection:
            found = await identity_checks.of(connection, about_subject(subject_id))
        return found[0] if found else None

    async def check(
        self, subject: MarketSubject, check: IdentityCheck, provider: IdentityProvider, *, now: datetime
    ) -> IdentityFault | None:
        """Ask the provider. None: passed, or 0.01 yuan is on its way.

        Raises NotThisCheck, SubjectChanged, NumberTaken, TooManyChecks, ProviderAway.
        """
        if check not in subject.checks:
            raise NotThisCheck(check)
        about = about_subject(subject.id)
        async with self._engine.begin() as connection:
            await self._locked(connection, subject)
            asked = await identity_checks.ask(connection, about, str(subject.kind), str(check), now)
            await connection.execute(_TOUCH, {"id": subject.id})  # the same form sent twice asks once
        answer: Answer = await provider.check(asked_of(check, subject.profile, b""))
        async with self._engine.begin() as connection:
            there = self._subject((await connection.execute(_LOCK, {"id": subject.id})).one())
            stale = there.version != subject.version + 1
            await identity_checks.answer(connection, self._marks, about, asked, answer, now, stale=stale)
            passed = isinstance(answer, Passed) and not stale
            taken = passed and not await self._verify(connection, there, check, now)
        if stale:
            raise SubjectChanged(str(subject.id))
        if taken:
            raise NumberTaken(str(subject.id))
        return answer.fault if isinstance(answer, Failed) else None

    async def prove_transfer(
        self, subject: MarketSubject, remark: str, *, now: datetime
    ) -> IdentityFault | None:
        """The remark of the 0.01 yuan, as it was read in the account. None: right. A wrong one counts.

        Raises SubjectChanged, NumberTaken.
        """
        about, taken = about_subject(subject.id), False
        async with self._engine.begin() as connection:
            there = await self._locked(connection, subject)
            last = next(iter(await identity_checks.of(connection, about)), None)
            fault = await identity_checks.prove_transfer(
                connection, self._marks, about, str(there.kind), remark, now
            )
            if fault is None and last is not None:
                taken = not await self._verify(connection, there, IdentityCheck(last.way), now)
        if taken:
            raise NumberTaken(str(subject.id))
        return fault

    async def _verify(
        self, connection: AsyncConnection, subject: MarketSubject, way: IdentityCheck, now: datetime
    ) -> bool:
        """False: another account has the number, checked; two at once wait for each other."""
        values = self._values(subject.kind, subject.profile)
        await connection.execute(_ONE_NUMBER, {"mark": values["number_mark"]})
        if way in TRANSFER:
            await self._displace(connection, subject, now)
        if await connection.scalar(_TAKEN, {"id": subject.id}):
            await identity_checks.make_stale(connection, about_subject(subject.id), now)
            return False
        await connection.execute(_VERIFIED, {"id": subject.id, "now": now, "way": str(way)})
        before = await connection.scalar(_CHECKED_BEFORE, {"id": subject.id})
        former = "" if before is None else self._profile(before).get(NAMES[subject.kind], "")
        called = {"id": subject.account_id, "name": subject.name, "former": former}
        await connection.execute(_CALLED, called)
        await remember(connection, subject.id, "verify", subject.account_id, [], values["box"], now)
        return True

    async def _displace(self, connection: AsyncConnection, subject: MarketSubject, now: datetime) -> None:
        """Who reads the remark of a transfer has the account; whoever only knew names and numbers gives way:
        nobody keeps an organization from its own number. Their operators end, and they are told (ours). It
        rests on the provider: it was asked whether the account's holder has this very number."""
        values: dict[str, Any] = {"id": subject.id, "transfers": sorted(TRANSFER)}
        for row in (await connection.execute(_DISPLACED, values)).all():
            await identity_checks.make_stale(connection, about_subject(row.id), now)
            await connection.execute(_OPERATORS_END, {"id": row.id, "now": now})
            await remember(connection, row.id, "displace", subject.account_id, [], bytes(row.box), now)
            await tell(connection, ToAccount(int(row.account_id)), "subject.displaced", now=now)

    # ── rows ──

    async def _locked(self, connection: AsyncConnection, subject: MarketSubject) -> MarketSubject:
        """The row as it is, held. Raises SubjectChanged when it is not what was shown."""
        row = (await connection.execute(_LOCK, {"id": subject.id})).first()
        if row is None or row.version != subject.version:
            raise SubjectChanged(str(subject.id))
        return self._subject(row)

    def _subject(self, row: Any) -> MarketSubject:
        kind, profile = MarketSubjectKind(row.kind), self._profile(row.box)
        return MarketSubject(
            row.id, row.account_id, kind, profile, row.version, row.verified_at, row.verified_by
        )

    def _profile(self, box: Any) -> dict[str, str]:
        return {str(k): str(v) for k, v in json.loads(self._marks.unbox(_PURPOSE, bytes(box))).items()}

    def _values(self, kind: MarketSubjectKind, profile: Mapping[str, str]) -> dict[str, Any]:
        written = json.dumps(dict(profile), ensure_ascii=False).encode()
        box = self._marks.box(_PURPOSE, written + b" " * (-len(written) % _PAD))
        mark = self._marks.mark("market subject number", str(kind), profile.get(NUMBERS[kind], ""))
        return {"box": box, "number_mark": mark}


def _changed(old: Mapping[str, str], new: Mapping[str, str]) -> frozenset[str]:
    return frozenset(name for name in {*old, *new} if old.get(name, "") != new.get(name, ""))


async def remember(
    connection: AsyncConnection,
    subject_id: int,
    act: str,
    by_account: int,
    names: Sequence[str],
    box: bytes,
    now: datetime,
) -> None:
    """The history of the subject, and the audit log: which fields, never what stands in them."""
    row = {"subject_id": subject_id, "act": act, "by_account": by_account, "fields": list(names)}
    await connection.execute(_EVENT, row | {"box": box, "now": now})
    await record(
        connection,
        at=now,
        actor=account(by_account),
        role="",
        act=f"subject.{act}",
        subject=f"subject {subject_id}",
        facts={"fields": list(names)},
    )
