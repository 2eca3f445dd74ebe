"""我的办件: what waits for a person. Owners offer sources; the page puts what they find in one list.

A source is an async function in `web/<package>/tasks.py`, listed in its `SOURCES`:

    async def to_seal(site: Site, person: Person, now: datetime) -> Sequence[Task]: ...

    SOURCES = (to_seal,)

It answers quickly from an index, gives at most MOST tasks (the most urgent ones), and () to whom it has
nothing to say. A task disappears by itself when its reason is gone: nothing is marked as done.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from office.accounts import Person

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


_FAR: Final = datetime.max.replace(tzinfo=UTC)


def in_order(tasks: Sequence[Task]) -> list[Task]:
    """The most urgent first: by due date, those without one after them; then the oldest first."""
    return sorted(tasks, key=lambda task: (task.due_at or _FAR, task.since, task.kind, task.address))
