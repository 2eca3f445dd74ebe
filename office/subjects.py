"""Market subjects (市场主体): the organizations and persons that take part, each registered by an account.

One subject for an account; who else may act for it, subject_operators.py says. The profile lies in a box, and
every change of it is kept with who made it. What stands in it is shown grey where a form asks for it again.

A name counts as checked once an identity check of its own has passed (subject_checks.py). What a check was
about can't change without a new one, the number not at all (ours).
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
from office.identity import IdentityCheck
from office.identity_checks import about_subject
from office.marks import Marks

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
    once_verified: bool = False
    """A check has passed at some time. From then on the number stays: with another one its owner could not be
    found when the rightful one proves it (subject_checks.py)."""

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
    """The number of a subject that was ever checked does not change: another one is another subject."""


COLUMNS: Final = (
    "id, account_id, kind, box, version, verified_at, verified_by,"
    " EXISTS (SELECT FROM subject_events e WHERE e.subject_id = subjects.id AND e.act = 'verify')"
    " AS once_verified"
)
"""What `subject_from` reads."""
_OF: Final = text(f"SELECT {COLUMNS} FROM subjects WHERE account_id = :account_id")  # noqa: S608
_BY_ID: Final = text(f"SELECT {COLUMNS} FROM subjects WHERE id = :id")  # noqa: S608
_LOCK: Final = text(f"SELECT {COLUMNS} FROM subjects WHERE id = :id FOR UPDATE")  # noqa: S608
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
    """Every method is one transaction of its own. The check of the name is subject_checks.py."""

    def __init__(self, engine: AsyncEngine, marks: Marks) -> None:
        self._engine = engine
        self._marks = marks

    async def of(self, account_id: int) -> MarketSubject | None:
        async with self._engine.connect() as connection:
            row = (await connection.execute(_OF, {"account_id": account_id})).first()
        return None if row is None else subject_from(self._marks, row)

    async def get(self, subject_id: int) -> MarketSubject | None:
        async with self._engine.connect() as connection:
            row = (await connection.execute(_BY_ID, {"id": subject_id})).first()
        return None if row is None else subject_from(self._marks, row)

    async def register(
        self, account_id: int, kind: MarketSubjectKind, profile: Mapping[str, str], *, now: datetime
    ) -> bool:
        """False: the account has a subject already."""
        values = boxed(self._marks, kind, profile) | {"account_id": account_id, "kind": str(kind), "now": now}
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
        values = boxed(self._marks, subject.kind, profile) | {"id": subject.id, "now": now}
        async with self._engine.begin() as connection:
            there = await held(connection, self._marks, subject)
            names = _changed(there.profile, profile)
            if there.once_verified and NUMBERS[there.kind] in names:
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


async def held(
    connection: AsyncConnection, marks: Marks, shown: MarketSubject, *, later: int = 0
) -> MarketSubject:
    """The row as it is, held. Raises SubjectChanged when it is not what was shown, so many versions later."""
    row = (await connection.execute(_LOCK, {"id": shown.id})).first()
    if row is None or row.version != shown.version + later:
        raise SubjectChanged(str(shown.id))
    return subject_from(marks, row)


def subject_from(marks: Marks, row: Any) -> MarketSubject:
    kind, profile = MarketSubjectKind(row.kind), profile_from(marks, row.box)
    proved = (row.verified_at, row.verified_by, row.once_verified)
    return MarketSubject(row.id, row.account_id, kind, profile, row.version, *proved)


def profile_from(marks: Marks, box: Any) -> dict[str, str]:
    return {str(k): str(v) for k, v in json.loads(marks.unbox(_PURPOSE, bytes(box))).items()}


def boxed(marks: Marks, kind: MarketSubjectKind, profile: Mapping[str, str]) -> dict[str, Any]:
    """The columns of a profile."""
    written = json.dumps(dict(profile), ensure_ascii=False).encode()
    box = marks.box(_PURPOSE, written + b" " * (-len(written) % _PAD))
    return {"box": box, "number_mark": number_mark(marks, kind, profile)}


def number_mark(marks: Marks, kind: MarketSubjectKind, profile: Mapping[str, str]) -> str:
    """By which subjects of one number are found."""
    return marks.mark("market subject number", str(kind), profile.get(NUMBERS[kind], ""))


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
    **facts: int,
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
        facts={"fields": list(names), **facts},
    )
