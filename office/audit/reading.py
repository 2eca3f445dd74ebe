"""Reading the audit log: by who, what, of what and when, page after page.

What bidders did about a lot is left out until its close: who reads would else count them, and learn from the
numbers between two entries how many acts lie there. So entries are shown without their numbers, too.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.audit.trail import REGISTRATION
from office.blurring import is_blurred
from office.sealed.port import Sealed, SealedFault

PAGE: Final = 50
MOST_EXPORTED: Final = 50_000
_AT_ONCE: Final = 2_000
_ASKED_AT_ONCE: Final = 500
_MOST_READ: Final = 20
"""Times that a page reads on, when what it found has to be left out."""
_SELECT: Final = "SELECT e.id, e.at, e.actor, e.role, e.act, e.subject, e.facts FROM audit_entries e"


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
    """One entry; `id` finds the next page, and is told to nobody."""

    id: int
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
    """The log in one database, as people may see it."""

    def __init__(self, engine: AsyncEngine, sealed: Sealed) -> None:
        self._engine = engine
        self._sealed = sealed

    async def page(self, wanted: Filter, *, before: int | None = None) -> tuple[Sequence[Entry], int | None]:
        """The newest entries, and where the next page begins (None: there is none)."""
        shown: list[Entry] = []
        for most in (PAGE + 1, *[_ASKED_AT_ONCE] * _MOST_READ):
            found = await self._select(wanted, before, most)
            shown += await self._seen(found)
            if len(shown) > PAGE:
                return shown[:PAGE], shown[PAGE - 1].id
            if len(found) < most:
                return shown, None
            before = found[-1].id
        return shown, before

    async def export(self, wanted: Filter, most: int = MOST_EXPORTED) -> AsyncIterator[Entry]:
        """The newest first, at most `most`."""
        before, left = None, most
        while left > 0 and (found := await self._select(wanted, before, _AT_ONCE)):
            for entry in (await self._seen(found))[:left]:
                left -= 1
                yield entry
            before = found[-1].id

    async def _seen(self, found: Sequence[Entry]) -> list[Entry]:
        """Without what bidders did about lots that are not closed; while that can't be asked, without all."""
        named = sorted({one for entry in found for one in _pseudonyms(entry)})
        closed: set[str] = set()
        try:
            for at in range(0, len(named), _ASKED_AT_ONCE):
                closed.update(await self._sealed.closed_among(named[at : at + _ASKED_AT_ONCE]))
        except SealedFault:
            closed = set()
        return [entry for entry in found if closed.issuperset(_pseudonyms(entry))]

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


def _pseudonyms(entry: Entry) -> list[str]:
    """Whose act it was; what officials did themselves is no secret of bidders."""
    if entry.actor.startswith("account "):
        return []
    return [one for one in (entry.actor, entry.subject) if REGISTRATION.fullmatch(one)]


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
