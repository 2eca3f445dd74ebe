"""Market subjects (市场主体): the organizations and persons that take part, each registered by an account.

Thin for now: one subject for an account, its profile in a box, every change kept. What stands in the profile
is shown grey where a form asks for it again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.audit.trail import account, record
from office.marks import Marks

_PURPOSE: Final = "market subject"
_PAD: Final = 512


class MarketSubjectKind(StrEnum):
    ORGANIZATION = "organization"
    NATURAL_PERSON = "natural_person"


NUMBERS: Final[Mapping[MarketSubjectKind, str]] = {
    MarketSubjectKind.ORGANIZATION: "credit_code",
    MarketSubjectKind.NATURAL_PERSON: "applicant_number",
}
"""The field of the profile that says who it is."""


@dataclass(frozen=True, slots=True)
class MarketSubject:
    """`profile`: fields by name, as forms call them: organization_name, credit_code, representative_name …"""

    id: int
    account_id: int
    kind: MarketSubjectKind
    profile: Mapping[str, str] = field(repr=False)
    version: int


class SubjectChanged(Exception):
    """Somebody saved the profile since it was shown."""


_OF: Final = text("SELECT id, account_id, kind, box, version FROM subjects WHERE account_id = :account_id")
_REGISTER: Final = text(
    "INSERT INTO subjects (account_id, kind, number_mark, box, made_at, changed_at)"
    " VALUES (:account_id, :kind, :number_mark, :box, :now, :now)"
    " ON CONFLICT (account_id) DO NOTHING RETURNING id"
)
_CHANGE: Final = text(
    "UPDATE subjects SET box = :box, number_mark = :number_mark, version = version + 1, changed_at = :now"
    " WHERE id = :id AND version = :version RETURNING id"
)
_EVENT: Final = text(
    "INSERT INTO subject_events (subject_id, act, by_account, at, fields, box)"
    " VALUES (:subject_id, :act, :by_account, :now, :fields, :box)"
)


class Subjects:
    def __init__(self, engine: AsyncEngine, marks: Marks) -> None:
        self._engine = engine
        self._marks = marks

    async def of(self, account_id: int) -> MarketSubject | None:
        async with self._engine.connect() as connection:
            row = (await connection.execute(_OF, {"account_id": account_id})).first()
        if row is None:
            return None
        profile = json.loads(self._marks.unbox(_PURPOSE, bytes(row.box)))
        return MarketSubject(row.id, row.account_id, MarketSubjectKind(row.kind), profile, row.version)

    async def register(
        self, account_id: int, kind: MarketSubjectKind, profile: Mapping[str, str], *, now: datetime
    ) -> bool:
        """False: the account has a subject already."""
        values = self._values(kind, profile) | {"account_id": account_id, "kind": str(kind), "now": now}
        async with self._engine.begin() as connection:
            made = (await connection.execute(_REGISTER, values)).first()
            if made is not None:
                await self._remember(connection, made.id, "register", account_id, sorted(profile), values)
        return made is not None

    async def change(self, subject: MarketSubject, profile: Mapping[str, str], *, now: datetime) -> None:
        """The whole profile anew. Raises SubjectChanged."""
        old = subject.profile
        names = sorted(name for name in {*old, *profile} if old.get(name, "") != profile.get(name, ""))
        values = self._values(subject.kind, profile) | {
            "id": subject.id,
            "version": subject.version,
            "now": now,
        }
        async with self._engine.begin() as connection:
            if (await connection.execute(_CHANGE, values)).first() is None:
                raise SubjectChanged(str(subject.id))
            await self._remember(connection, subject.id, "change", subject.account_id, names, values)

    def _values(self, kind: MarketSubjectKind, profile: Mapping[str, str]) -> dict[str, Any]:
        written = json.dumps(dict(profile), ensure_ascii=False).encode()
        box = self._marks.box(_PURPOSE, written + b" " * (-len(written) % _PAD))
        mark = self._marks.mark("market subject number", str(kind), profile.get(NUMBERS[kind], ""))
        return {"box": box, "number_mark": mark}

    async def _remember(
        self,
        connection: AsyncConnection,
        subject_id: int,
        act: str,
        by_account: int,
        names: list[str],
        values: Mapping[str, Any],
    ) -> None:
        row = {"subject_id": subject_id, "act": act, "by_account": by_account, "fields": names}
        await connection.execute(_EVENT, row | {"box": values["box"], "now": values["now"]})
        await record(
            connection,
            at=values["now"],
            actor=account(by_account),
            role="",
            act=f"subject.{act}",
            subject=f"subject {subject_id}",
            facts={"fields": names},
        )
