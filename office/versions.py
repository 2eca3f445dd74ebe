"""What administrators change as versions: a draft, one version in force, and those that it replaced.

Rules of trading and the catalogue of certificate services are kept so. Which table, and how a row is read, is
a `Kind`; what may be kept is the check of whoever owns the content:

    versions = Versions(engine, KIND, check)
    draft = await versions.draft(version_id, administrator, now)
    await versions.save(draft.id, content, administrator, now, seen=draft.made_at)
    await versions.publish(draft.id, another_administrator, now)

A family of versions (one channel's, one class and method's) has at most one draft and one published version.
Who last changed a draft does not publish it: another administrator does. Nothing is ever deleted but drafts.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.accounts import Role
from office.audit.trail import account, record

MOST_VERSIONS: Final = 500
"""Of a table, on a list."""


class VersionState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What every version has. `made_by` made or last changed the draft; None: the program shipped it."""

    id: int
    version: int
    state: VersionState
    made_by: int | None
    made_at: datetime
    published_by: int | None
    published_at: datetime | None

    @property
    def family(self) -> tuple[str, ...]:
        """What it is a version of: the names that stand in the audit log."""
        raise NotImplementedError


V = TypeVar("V", bound=Version)
C = TypeVar("C")
"""What a version says: a text, fields."""


def kept(row: Row[Any]) -> dict[str, Any]:
    """The fields of `Version` of a row, for the `read` of a Kind."""
    return {
        "id": row.id,
        "version": row.version,
        "state": VersionState(row.state),
        "made_by": row.made_by,
        "made_at": row.made_at,
        "published_by": row.published_by,
        "published_at": row.published_at,
    }


@dataclass(frozen=True, slots=True)
class Kind(Generic[V, C]):
    """Where versions are kept. The names are the program's own, never typed by anybody."""

    table: str
    columns: tuple[str, ...]
    """Those that name the family."""
    content: str
    """The column with what a version says."""
    value: str
    """How `:content` is written: ":content", or a cast of it."""
    act: str
    """The acts of the audit log: "profile" for profile.draft, profile.save and so on."""
    read: Callable[[Row[Any]], V]
    content_of: Callable[[V], C]
    written: Callable[[C], str]
    """A content as it is put into its column."""

    @property
    def of_family(self) -> str:
        return " AND ".join(f"{name} = :{name}" for name in self.columns)


class UnknownVersion(Exception):
    """There is no such version."""


class NotADraft(Exception):
    """It was published, or thrown away, in the meantime."""


class DraftExists(Exception):
    """The family has a draft already."""

    def __init__(self, version_id: int) -> None:
        super().__init__(str(version_id))
        self.version_id = version_id


class OwnDraft(Exception):
    """Who changed a draft can't publish it."""


class DraftChanged(Exception):
    """Somebody else saved the draft since it was shown."""


Check = Callable[[AsyncConnection, V, C], Awaitable[None]]
"""Raises, in words of its own, what is wrong with a content that is to be kept or published."""
Facts = Callable[[V, V], Mapping[str, Any]]
"""What the audit log keeps of a change: from the draft as it was, and as it is saved."""


async def get_on(connection: AsyncConnection, kind: Kind[V, C], version_id: int) -> V | None:
    """A version, in the caller's transaction."""
    found = text(f"SELECT * FROM {kind.table} WHERE id = :id")  # noqa: S608 - the program's own names
    row = (await connection.execute(found, {"id": version_id})).first()
    return None if row is None else kind.read(row)


async def published_on(connection: AsyncConnection, kind: Kind[V, C], family: Mapping[str, str]) -> V | None:
    """A family's version in force, in the caller's transaction."""
    found = text(f"SELECT * FROM {kind.table} WHERE {kind.of_family} AND state = 'published'")  # noqa: S608
    row = (await connection.execute(found, dict(family))).first()
    return None if row is None else kind.read(row)


async def ship(
    connection: AsyncConnection, kind: Kind[V, C], family: Mapping[str, str], content: C, now: datetime
) -> bool:
    """Publish what the program comes with as the first version; False: the family has versions."""
    names = ", ".join(kind.columns)
    values = ", ".join(f":{name}" for name in kind.columns)
    put = text(
        f"INSERT INTO {kind.table} ({names}, version, state, {kind.content}, made_at, published_at)"  # noqa: S608
        f" VALUES ({values}, 1, 'published', {kind.value}, :now, :now) ON CONFLICT DO NOTHING RETURNING id"
    )
    return (
        await connection.execute(put, {**family, "content": kind.written(content), "now": now})
    ).first() is not None


class Versions(Generic[V, C]):
    """The versions of a kind. Every method is one transaction of its own."""

    def __init__(
        self,
        engine: AsyncEngine,
        kind: Kind[V, C],
        check: Check[V, C],
        facts: Facts[V] = lambda _old, _new: {},
    ) -> None:
        self._engine = engine
        self._kind = kind
        self._check = check
        self._facts = facts

    async def get(self, version_id: int) -> V | None:
        async with self._engine.connect() as connection:
            return await get_on(connection, self._kind, version_id)

    async def versions(self) -> tuple[V, ...]:
        """All of them (bounded), by family, the newest first."""
        order = ", ".join(self._kind.columns)
        found = text(
            f"SELECT * FROM {self._kind.table} ORDER BY {order}, version DESC LIMIT :most"  # noqa: S608
        )
        async with self._engine.connect() as connection:
            rows = await connection.execute(found, {"most": MOST_VERSIONS})
            return tuple(self._kind.read(row) for row in rows)

    async def draft(self, base: int, by: int, now: datetime) -> V:
        """A new draft that begins as a copy of a version. Raises UnknownVersion, DraftExists."""
        async with self._engine.begin() as connection:
            await self._lock(connection)
            kind = self._kind
            found = text(f"SELECT * FROM {kind.table} WHERE id = :id")  # noqa: S608
            row = (await connection.execute(found, {"id": base})).first()
            if row is None:
                raise UnknownVersion(base)
            family = {name: row._mapping[name] for name in kind.columns}
            made = await self._insert(connection, family, kind.content_of(kind.read(row)), by, now)
            await self._audit(connection, "draft", made, by, now, {"copy_of": base})
            return made

    async def begin(
        self, connection: AsyncConnection, family: Mapping[str, str], content: C, by: int, now: datetime
    ) -> V:
        """The first draft of a new family, in the caller's transaction, which has checked it.

        Raises DraftExists.
        """
        await self._lock(connection)
        made = await self._insert(connection, family, content, by, now)
        await self._audit(connection, "draft", made, by, now, {})
        return made

    async def save(
        self, version_id: int, content: C, by: int, now: datetime, *, seen: datetime | None = None
    ) -> V:
        """Replace what a draft says; whoever saves has made it. `seen`: its `made_at` when it was shown.

        Raises NotADraft, DraftChanged, and what the check raises.
        """
        async with self._engine.begin() as connection:
            draft = await self._draft(connection, version_id, seen)
            await self._check(connection, draft, content)
            put = text(
                f"UPDATE {self._kind.table} SET {self._kind.content} = {self._kind.value},"  # noqa: S608
                " made_by = :by, made_at = :now WHERE id = :id RETURNING *"
            )
            values = {"content": self._kind.written(content), "by": by, "now": now, "id": version_id}
            saved = self._kind.read((await connection.execute(put, values)).one())
            await self._audit(connection, "save", saved, by, now, self._facts(draft, saved))
            return saved

    async def publish(self, version_id: int, by: int, now: datetime, *, seen: datetime | None = None) -> V:
        """Put a draft in force in place of what was.

        Raises NotADraft, DraftChanged, OwnDraft, and what the check raises.
        """
        table = self._kind.table
        async with self._engine.begin() as connection:
            draft = await self._draft(connection, version_id, seen)
            if draft.made_by == by:
                raise OwnDraft(version_id)
            await self._check(connection, draft, self._kind.content_of(draft))
            names = ", ".join(self._kind.columns)
            retire = text(
                f"UPDATE {table} SET state = 'retired' WHERE state = 'published'"  # noqa: S608
                f" AND ({names}) = (SELECT {names} FROM {table} WHERE id = :id)"
            )
            await connection.execute(retire, {"id": version_id})
            put = text(
                f"UPDATE {table} SET state = 'published', published_by = :by, published_at = :now"  # noqa: S608
                " WHERE id = :id RETURNING *"
            )
            done = self._kind.read(
                (await connection.execute(put, {"by": by, "now": now, "id": version_id})).one()
            )
            await self._audit(connection, "publish", done, by, now, {"made_by": done.made_by})
            return done

    async def discard(self, version_id: int, by: int, now: datetime) -> None:
        """Throw a draft away. Raises NotADraft."""
        async with self._engine.begin() as connection:
            draft = await self._draft(connection, version_id, None)
            gone = text(f"DELETE FROM {self._kind.table} WHERE id = :id")  # noqa: S608
            await connection.execute(gone, {"id": version_id})
            await self._audit(connection, "discard", draft, by, now, {})

    async def _lock(self, connection: AsyncConnection) -> None:
        """Every change holds against what is in force, and changes are rare: one at a time."""
        await connection.execute(text(f"LOCK TABLE {self._kind.table} IN SHARE ROW EXCLUSIVE MODE"))

    async def _draft(self, connection: AsyncConnection, version_id: int, seen: datetime | None) -> V:
        await self._lock(connection)
        found = await get_on(connection, self._kind, version_id)
        if found is None or found.state is not VersionState.DRAFT:
            raise NotADraft(version_id)
        if seen is not None and found.made_at != seen:
            raise DraftChanged(version_id)
        return found

    async def _insert(
        self, connection: AsyncConnection, family: Mapping[str, str], content: C, by: int, now: datetime
    ) -> V:
        """The next version of a family, as a draft. Raises DraftExists."""
        kind = self._kind
        known = text(
            "SELECT coalesce(max(version), 0) AS last, max(id) FILTER (WHERE state = 'draft') AS draft"  # noqa: S608
            f" FROM {kind.table} WHERE {kind.of_family}"
        )
        there = (await connection.execute(known, dict(family))).one()
        if there.draft is not None:
            raise DraftExists(there.draft)
        names = ", ".join(kind.columns)
        values = ", ".join(f":{name}" for name in kind.columns)
        put = text(
            f"INSERT INTO {kind.table} ({names}, version, state, {kind.content}, made_by, made_at)"  # noqa: S608
            f" VALUES ({values}, :version, 'draft', {kind.value}, :by, :now) RETURNING *"
        )
        row = {**family, "version": there.last + 1, "content": kind.written(content), "by": by, "now": now}
        return kind.read((await connection.execute(put, row)).one())

    async def _audit(
        self,
        connection: AsyncConnection,
        what: str,
        version: V,
        by: int,
        now: datetime,
        facts: Mapping[str, Any],
    ) -> None:
        await record(
            connection,
            at=now,
            actor=account(by),
            role=Role.ADMINISTRATOR.value,
            act=f"{self._kind.act}.{what}",
            subject="/".join((*version.family, str(version.version))),
            facts=facts,
        )
