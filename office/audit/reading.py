"""Reading the audit log: by who, what, of what and when, page after page."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.blurring import is_blurred

PAGE: Final = 50
MOST_EXPORTED: Final = 50_000
_AT_ONCE: Final = 2_000
_SELECT: Final = (
    "SELECT e.id, l.seq, e.at, e.actor, e.role, e.act, e.subject, e.facts FROM audit_entries e"
    " LEFT JOIN audit_links l ON l.entry_id = e.id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What to show; "" and None: all. `act` is how it begins: "look." finds every look."""

    actor: str = ""
    act: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry; `seq` is its place in the chain, None until it is linked."""

    id: int
    seq: int | None
    at: datetime
    actor: str
    role: str
    act: str
    subject: str
    facts: Mapping[str, Any]

    @property
    def day_only(self) -> bool:
        """Of what bidders do about a lot only the day is kept."""
        return is_blurred(self.at)


class Log:
    """The log in one database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def page(self, wanted: Filter, *, before: int | None = None) -> tuple[Sequence[Entry], int | None]:
        """The newest entries, and where the next page begins (None: there is none)."""
        found = await self._select(wanted, before, PAGE + 1)
        return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else None

    async def export(self, wanted: Filter, most: int = MOST_EXPORTED) -> AsyncIterator[Entry]:
        """The newest first, at most `most`."""
        before, left = None, most
        while left > 0 and (found := await self._select(wanted, before, min(left, _AT_ONCE))):
            for entry in found:
                yield entry
            before, left = found[-1].id, left - len(found)

    async def _select(self, wanted: Filter, before: int | None, most: int) -> list[Entry]:
        conditions, values = _conditions(wanted)
        if before is not None:
            conditions.append("e.id < :before")
            values["before"] = before
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        found = text(f"{_SELECT}{where} ORDER BY e.id DESC LIMIT :most")
        async with self._engine.connect() as connection:
            rows = (await connection.execute(found, {**values, "most": most})).mappings()
            return [Entry(**{**row, "facts": json.loads(row["facts"])}) for row in rows]


def _conditions(wanted: Filter) -> tuple[list[str], dict[str, Any]]:
    """Only fixed texts reach the statement; what was typed stays a value."""
    every: tuple[tuple[str, str, Any], ...] = (
        ("actor", "e.actor = :actor", wanted.actor),
        ("act", r"e.act LIKE :act ESCAPE '\'", wanted.act and _escaped(wanted.act) + "%"),
        ("subject", "e.subject = :subject", wanted.subject),
        ("since", "e.at >= :since", wanted.since),
        ("until", "e.at < :until", wanted.until),
    )
    given = [(name, condition, value) for name, condition, value in every if value]
    return [condition for _, condition, _ in given], {name: value for name, _, value in given}


def _escaped(typed: str) -> str:
    return typed.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
