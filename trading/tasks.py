"""我的办件: what waits for a person. Owners offer sources; the page puts what they find in one list.

A source is listed in `SOURCES` of `web/<package>/tasks.py`. Most are a query and a title:

    SOURCES = (Rows(role=Role.ADMINISTRATOR, query=_SUBMITTED, kind="listing.review", title=N_("…%(title)s"),
                    address="/administration/listings/{lot}"),)

What has to ask somebody else than the database is an async function:

    async def to_seal(site: Site, person: Person, now: datetime) -> Sequence[Task]: ...

It answers quickly from an index, gives at most MOST tasks (the most urgent ones), and () to whom it has
nothing to say. A task disappears by itself when its reason is gone: nothing is marked as done.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import TextClause

from office.accounts import Person, Role

MOST: Final = 100
"""Tasks of one source."""

Source = Callable[[Any, Person, datetime], Awaitable[Sequence["Task"]]]
"""(site, person, now) -> tasks of this person. The site is web.site.Site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing to do.

    `kind`: a name for programs, "registration.seal". `title`: a text marked with N_, translated on the page;
    it may take `facts`, as in N_("审核公告：%(title)s"). `lot`: its number, or "". `address`: the page
    where it is done, straight. `about`: a line more, marked with N_ as well, or "".
    """

    kind: str
    title: str
    lot: str = ""
    address: str
    since: datetime
    due_at: datetime | None = None
    about: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A source that is a query: each row is a task of everybody with this role.

    The query may name :me, :now and :most. Its rows have `since`, perhaps `due_at` and `lot`, and what `kind`
    and `address` name in braces. `facts`: the columns that the title takes. `title` and `about` may be a
    mapping, of which the column `each` chooses.
    """

    role: Role
    query: TextClause
    kind: str
    title: str | Mapping[str, str]
    address: str
    about: str | Mapping[str, str] = ""
    facts: tuple[str, ...] = ("title",)

    async def __call__(self, site: Any, person: Person, now: datetime) -> Sequence[Task]:
        if person.role is not self.role:
            return ()
        given = {"me": person.id, "now": now, "most": MOST}
        wanted = {name: given[name] for name in self.query.compile().params}
        async with site.engine.connect() as connection:
            found = await connection.execute(self.query, wanted)
            return [self._task(row) for row in found.mappings()]

    def _task(self, row: Mapping[str, Any]) -> Task:
        return Task(
            kind=self.kind.format_map(row),
            title=_chosen(self.title, row),
            lot=row.get("lot", ""),
            address=self.address.format_map(row),
            since=row["since"],
            due_at=row.get("due_at"),
            about=_chosen(self.about, row),
            facts={name: row[name] for name in self.facts},
        )


def _chosen(words: str | Mapping[str, str], row: Mapping[str, Any]) -> str:
    return words if isinstance(words, str) else words[row["each"]]


_FAR: Final = datetime.max.replace(tzinfo=UTC)


def in_order(tasks: Sequence[Task]) -> list[Task]:
    """The most urgent first: by due date, those without one after them; then the oldest first."""
    return sorted(tasks, key=lambda task: (task.due_at or _FAR, task.since, task.kind, task.address))
