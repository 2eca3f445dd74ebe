"""The catalogue as it is kept: authorities and channels, each as drafts, a published version, replaced ones.

A key has at most one draft and one published version. Who last changed a draft does not publish it: another
administrator does. Nothing is ever deleted but drafts: an order keeps the version it began with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue.faults import CatalogueFaults, fault
from certificates.catalogue.model import Authority, AuthorityList, ChannelRules
from certificates.catalogue.reading import read_authorities, read_channel
from office.accounts import Role
from office.audit.trail import account, record

AUTHORITIES: Final = "authorities"
MOST_VERSIONS: Final = 500
MOST_CHANNELS: Final = 100
_KEPT: Final = 64
"""Read versions that stay in memory: a version's text never changes once it is published."""


class VersionState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a channel or of the authorities, as text. `made_by` made or last changed the draft."""

    id: int
    key: str
    version: int
    state: VersionState
    content: str
    made_by: int | None
    made_at: datetime
    published_by: int | None
    published_at: datetime | None

    @property
    def is_channel(self) -> bool:
        return self.key != AUTHORITIES


@dataclass(frozen=True, slots=True)
class StoredChannel:
    """One version of a channel, read. Orders keep `id`."""

    id: int
    key: str
    version: int
    state: VersionState
    rules: ChannelRules


class UnknownVersion(Exception):
    """There is no such version."""


class NotADraft(Exception):
    """It was published, or thrown away, in the meantime."""


class DraftExists(Exception):
    """There is a draft of this key already."""

    def __init__(self, version_id: int) -> None:
        super().__init__(str(version_id))
        self.version_id = version_id


class OwnDraft(Exception):
    """Who changed a draft can't publish it."""


class DraftChanged(Exception):
    """Somebody else saved the draft since it was shown."""


@lru_cache(maxsize=_KEPT)
def _channel(content: str) -> ChannelRules:
    return read_channel(content)


@lru_cache(maxsize=_KEPT)
def _authorities(content: str) -> AuthorityList:
    return read_authorities(content)


async def published_on(connection: AsyncConnection, key: str) -> StoredChannel | None:
    """A channel's version in force, in the caller's transaction."""
    version = await _published(connection, key)
    return _read(version) if version is not None and version.is_channel else None


async def channel_on(connection: AsyncConnection, version_id: int) -> StoredChannel | None:
    """A channel's version by its id, in the caller's transaction."""
    version = await _get(connection, version_id)
    return _read(version) if version is not None and version.is_channel else None


class Catalogue:
    """All versions of everything. Every method is one transaction of its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def published(self, channel: str) -> StoredChannel | None:
        async with self._engine.connect() as connection:
            return await published_on(connection, channel)

    async def by_id(self, version_id: int) -> StoredChannel | None:
        async with self._engine.connect() as connection:
            return await channel_on(connection, version_id)

    async def channels(self) -> tuple[StoredChannel, ...]:
        """Every channel's version in force, by name."""
        found = text(
            "SELECT * FROM catalogue_versions WHERE kind = 'channel' AND state = 'published'"
            " ORDER BY id LIMIT :most"
        )
        async with self._engine.connect() as connection:
            rows = await connection.execute(found, {"most": MOST_CHANNELS})
            return tuple(sorted((_read(_stored(row)) for row in rows), key=lambda one: one.key))

    async def authorities(self) -> Mapping[str, Authority]:
        """The authorities in force, by key."""
        async with self._engine.connect() as connection:
            return await _known_authorities(connection)

    async def versions(self) -> tuple[Version, ...]:
        """All versions of all keys (bounded), by key, the newest first."""
        found = text("SELECT * FROM catalogue_versions ORDER BY key, version DESC LIMIT :most")
        async with self._engine.connect() as connection:
            return tuple(_stored(row) for row in await connection.execute(found, {"most": MOST_VERSIONS}))

    async def get(self, version_id: int) -> Version | None:
        async with self._engine.connect() as connection:
            return await _get(connection, version_id)

    async def draft(self, base: int, by: int, now: datetime) -> Version:
        """A new draft that begins as a copy of a version. Raises UnknownVersion, DraftExists."""
        async with self._engine.begin() as connection:
            await _lock(connection)
            old = await _get(connection, base)
            if old is None:
                raise UnknownVersion(base)
            made = await _insert(connection, old.key, old.content, by, now)
            await _audit(connection, "draft", made, by, now, {"copy_of": base})
            return made

    async def add(self, content: str, by: int, now: datetime) -> Version:
        """A draft of a channel that is not there yet, from its text. Raises CatalogueFaults, DraftExists."""
        rules = _channel(content)
        async with self._engine.begin() as connection:
            await _lock(connection)
            known = text("SELECT 1 FROM catalogue_versions WHERE key = :key AND state <> 'draft'")
            if (await connection.execute(known, {"key": rules.key})).first() is not None:
                raise CatalogueFaults([fault("key", "taken", f"{rules.key} is there", key=rules.key)])
            await _check_references(connection, content, rules.key)
            made = await _insert(connection, rules.key, content, by, now)
            await _audit(connection, "draft", made, by, now, {})
            return made

    async def save(
        self, version_id: int, content: str, by: int, now: datetime, *, seen: datetime | None = None
    ) -> Version:
        """Replace a draft's text; whoever saves has made it. `seen`: its `made_at` when it was shown.

        Raises CatalogueFaults, NotADraft, DraftChanged.
        """
        async with self._engine.begin() as connection:
            await _lock(connection)
            draft = await _draft(connection, version_id, seen)
            await _check_references(connection, content, draft.key)
            put = text(
                "UPDATE catalogue_versions SET content = :content, made_by = :by, made_at = :now"
                " WHERE id = :id RETURNING *"
            )
            values = {"content": content, "by": by, "now": now, "id": version_id}
            saved = _stored((await connection.execute(put, values)).one())
            await _audit(connection, "save", saved, by, now, {})
            return saved

    async def publish(
        self, version_id: int, by: int, now: datetime, *, seen: datetime | None = None
    ) -> Version:
        """Make a draft the version that new orders follow. Raises NotADraft, OwnDraft, DraftChanged,
        CatalogueFaults."""
        async with self._engine.begin() as connection:
            await _lock(connection)
            draft = await _draft(connection, version_id, seen)
            if draft.made_by == by:
                raise OwnDraft(version_id)
            await _check_references(connection, draft.content, draft.key)
            retire = text(
                "UPDATE catalogue_versions SET state = 'retired' WHERE key = :key AND state = 'published'"
            )
            await connection.execute(retire, {"key": draft.key})
            put = text(
                "UPDATE catalogue_versions SET state = 'published', published_by = :by, published_at = :now"
                " WHERE id = :id RETURNING *"
            )
            done = _stored((await connection.execute(put, {"by": by, "now": now, "id": version_id})).one())
            await _audit(connection, "publish", done, by, now, {"made_by": done.made_by})
            return done

    async def discard(self, version_id: int, by: int, now: datetime) -> None:
        """Throw a draft away. Raises NotADraft."""
        async with self._engine.begin() as connection:
            await _lock(connection)
            draft = await _draft(connection, version_id, None)
            await connection.execute(
                text("DELETE FROM catalogue_versions WHERE id = :id"), {"id": version_id}
            )
            await _audit(connection, "discard", draft, by, now, {})


def shipped(folder: Traversable | None = None) -> dict[str, str]:
    """The texts that the program comes with, by key: a new channel is a new file here."""
    there = folder or files("certificates.catalogue").joinpath("data")
    return {
        file.name.removesuffix(".toml"): file.read_text("utf-8")
        for file in sorted(there.iterdir(), key=lambda one: one.name)
        if file.name.endswith(".toml")
    }


async def ensure_defaults(
    connection: AsyncConnection, now: datetime, folder: Traversable | None = None
) -> int:
    """Publish what the program ships (or a folder has) for every key without a version. How many it was."""
    put = text(
        "INSERT INTO catalogue_versions (kind, key, version, state, content, made_at, published_at)"
        " VALUES (:kind, :key, 1, 'published', :content, :now, :now)"
        " ON CONFLICT (key, version) DO NOTHING RETURNING id"
    )
    made = 0
    for key, content in shipped(folder).items():
        values = {"kind": _kind(key), "key": key, "content": content, "now": now}
        made += (await connection.execute(put, values)).first() is not None
    return made


async def _check_references(connection: AsyncConnection, content: str, key: str) -> None:
    """Read a text, and hold it against the authorities and channels in force. Raises CatalogueFaults."""
    if key == AUTHORITIES:
        known = set(_authorities(content).by_key)
        rows = await connection.execute(
            text("SELECT * FROM catalogue_versions WHERE kind = 'channel' AND state = 'published'")
        )
        missing = {
            one: channel.key
            for channel in (_read(_stored(row)) for row in rows)
            for one in channel.rules.authorities
            if one not in known
        }
        wrong = [
            fault("authorities", "in_use", f"{one} is named by {channel}", key=one, channel=channel)
            for one, channel in sorted(missing.items())
        ]
    else:
        rules = _channel(content)
        known = set(await _known_authorities(connection))
        wrong = [
            fault(f"authorities[{at}]", "unknown_authority", f"there is no authority {one}", key=one)
            for at, one in enumerate(rules.authorities)
            if one not in known
        ]
        if rules.key != key:
            wrong.append(fault("key", "other_key", f"this is a version of {key}", key=key))
    if wrong:
        raise CatalogueFaults(wrong)


async def _known_authorities(connection: AsyncConnection) -> Mapping[str, Authority]:
    version = await _published(connection, AUTHORITIES)
    return {} if version is None else _authorities(version.content).by_key


async def _audit(
    connection: AsyncConnection,
    what: str,
    version: Version,
    by: int,
    now: datetime,
    facts: Mapping[str, Any],
) -> None:
    await record(
        connection,
        at=now,
        actor=account(by),
        role=Role.ADMINISTRATOR.value,
        act=f"catalogue.{what}",
        subject=f"{version.key}/{version.version}",
        facts=facts,
    )


async def _lock(connection: AsyncConnection) -> None:
    """Every change holds against what is in force, and changes are rare: one at a time."""
    await connection.execute(text("LOCK TABLE catalogue_versions IN SHARE ROW EXCLUSIVE MODE"))


async def _get(connection: AsyncConnection, version_id: int) -> Version | None:
    found = text("SELECT * FROM catalogue_versions WHERE id = :id")
    row = (await connection.execute(found, {"id": version_id})).first()
    return _stored(row) if row else None


async def _published(connection: AsyncConnection, key: str) -> Version | None:
    found = text("SELECT * FROM catalogue_versions WHERE key = :key AND state = 'published'")
    row = (await connection.execute(found, {"key": key})).first()
    return _stored(row) if row else None


async def _draft(connection: AsyncConnection, version_id: int, seen: datetime | None) -> Version:
    found = text("SELECT * FROM catalogue_versions WHERE id = :id AND state = 'draft' FOR UPDATE")
    row = (await connection.execute(found, {"id": version_id})).first()
    if row is None:
        raise NotADraft(version_id)
    if seen is not None and row.made_at != seen:
        raise DraftChanged(version_id)
    return _stored(row)


async def _insert(connection: AsyncConnection, key: str, content: str, by: int, now: datetime) -> Version:
    """The next version of a key, as a draft. Raises DraftExists."""
    known = text(
        "SELECT coalesce(max(version), 0) AS last, max(id) FILTER (WHERE state = 'draft') AS draft"
        " FROM catalogue_versions WHERE key = :key"
    )
    there = (await connection.execute(known, {"key": key})).one()
    if there.draft is not None:
        raise DraftExists(there.draft)
    put = text(
        "INSERT INTO catalogue_versions (kind, key, version, state, content, made_by, made_at)"
        " VALUES (:kind, :key, :version, 'draft', :content, :by, :now) RETURNING *"
    )
    values = {"kind": _kind(key), "key": key, "version": there.last + 1, "by": by, "now": now}
    return _stored((await connection.execute(put, values | {"content": content})).one())


def _kind(key: str) -> str:
    return AUTHORITIES if key == AUTHORITIES else "channel"


def _read(version: Version) -> StoredChannel:
    return StoredChannel(version.id, version.key, version.version, version.state, _channel(version.content))


def _stored(row: Row[Any]) -> Version:
    return Version(
        id=row.id,
        key=row.key,
        version=row.version,
        state=VersionState(row.state),
        content=row.content,
        made_by=row.made_by,
        made_at=row.made_at,
        published_by=row.published_by,
        published_at=row.published_at,
    )
