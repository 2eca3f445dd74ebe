"""The catalogue as it is kept: channels, authorities, and the reasons of the desk.

Versions are office/versions.py's, of a key. An order keeps the version it began with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue.faults import CatalogueFault, CatalogueFaults, fault
from certificates.catalogue.model import Authority, AuthorityList, ChannelRules
from certificates.catalogue.reading import read_authorities, read_channel, read_reasons
from certificates.catalogue.reasons import Reason
from office import versions
from office.versions import Kind, Versions, VersionState

AUTHORITIES: Final = "authorities"
REASONS: Final = "reasons"
BESIDES: Final = frozenset({AUTHORITIES, REASONS})
"""Texts that are no channel's; their kind is called as they are."""
MOST_CHANNELS: Final = 100
_KEPT: Final = 64
"""Read versions that stay in memory: a version's text never changes once it is published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version(versions.Version):
    """One version of a channel, of the authorities or of the reasons, as text."""

    key: str
    content: str

    @property
    def family(self) -> tuple[str, ...]:
        return (self.key,)

    @property
    def is_channel(self) -> bool:
        return self.key not in BESIDES


@dataclass(frozen=True, slots=True)
class StoredChannel:
    """One version of a channel, read. Orders keep `id`."""

    id: int
    key: str
    version: int
    state: VersionState
    rules: ChannelRules


def _stored(row: Row[Any]) -> Version:
    return Version(**versions.kept(row), key=row.key, content=row.content)


_KIND: Final[Kind[Version, str]] = Kind(
    table="catalogue_versions",
    columns=("kind", "key"),
    content="content",
    value=":content",
    act="catalogue",
    read=_stored,
    content_of=lambda version: version.content,
    written=str,
)


@lru_cache(maxsize=_KEPT)
def _channel(content: str) -> ChannelRules:
    return read_channel(content)


@lru_cache(maxsize=_KEPT)
def _authorities(content: str) -> AuthorityList:
    return read_authorities(content)


@lru_cache(maxsize=_KEPT)
def _reasons(content: str) -> tuple[Reason, ...]:
    return read_reasons(content)


async def published_on(connection: AsyncConnection, key: str) -> StoredChannel | None:
    """A channel's version in force, in the caller's transaction."""
    version = await _published(connection, key)
    return _read(version) if version is not None and version.is_channel else None


async def channel_on(connection: AsyncConnection, version_id: int) -> StoredChannel | None:
    """A channel's version by its id, in the caller's transaction."""
    version = await versions.get_on(connection, _KIND, version_id)
    return _read(version) if version is not None and version.is_channel else None


class Catalogue(Versions[Version, str]):
    """All versions of everything; contents are TOML. New orders follow what is published."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine, _KIND, _check_references)

    async def published(self, channel: str) -> StoredChannel | None:
        async with self._engine.connect() as connection:
            return await published_on(connection, channel)

    async def by_id(self, version_id: int) -> StoredChannel | None:
        async with self._engine.connect() as connection:
            return await channel_on(connection, version_id)

    async def channels(self) -> tuple[StoredChannel, ...]:
        """Every channel's version in force, in the order of the page."""
        async with self._engine.connect() as connection:
            found = await _channels_on(connection)
        return tuple(sorted(found, key=lambda one: (one.rules.position, one.key)))

    async def authorities(self) -> Mapping[str, Authority]:
        """The authorities in force, by key."""
        async with self._engine.connect() as connection:
            return await _known_authorities(connection)

    async def reasons(self) -> tuple[Reason, ...]:
        """What clerks can say of a refused item now; none where nothing is published yet."""
        async with self._engine.connect() as connection:
            version = await _published(connection, REASONS)
            return () if version is None else _reasons(version.content)

    async def add(self, content: str, by: int, now: datetime) -> Version:
        """A draft of a channel that is not there yet, from its text. Raises CatalogueFaults, DraftExists."""
        rules = _channel(content)
        async with self._engine.begin() as connection:
            await self._lock(connection)
            known = text("SELECT 1 FROM catalogue_versions WHERE key = :key AND state <> 'draft'")
            if (await connection.execute(known, {"key": rules.key})).first() is not None:
                raise CatalogueFaults([fault("key", "taken", f"{rules.key} is there", key=rules.key)])
            await _check_content(connection, content, rules.key)
            return await self.begin(connection, _family(rules.key), content, by, now)


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
    made = 0
    for key, content in shipped(folder).items():
        made += await versions.ship(connection, _KIND, _family(key), content, now)
    return made


async def _check_references(connection: AsyncConnection, draft: Version, content: str) -> None:
    """Raises CatalogueFaults."""
    await _check_content(connection, content, draft.key)


async def _check_content(connection: AsyncConnection, content: str, key: str) -> None:
    """Read a text, and hold it against the authorities and channels in force. Raises CatalogueFaults."""
    if key == AUTHORITIES:
        wrong = await _still_named(connection, set(_authorities(content).by_key))
    elif key == REASONS:
        wrong = await _unknown_channels(connection, _reasons(content))
    else:
        wrong = await _unknown_authorities(connection, _channel(content), key)
    if wrong:
        raise CatalogueFaults(wrong)


async def _still_named(connection: AsyncConnection, known: set[str]) -> list[CatalogueFault]:
    """Authorities that channels in force name, and that would be gone."""
    missing = {
        one: channel.key
        for channel in await _channels_on(connection)
        for one in channel.rules.authorities
        if one not in known
    }
    return [
        fault("authorities", "in_use", f"{one} is named by {channel}", key=one, channel=channel)
        for one, channel in sorted(missing.items())
    ]


async def _unknown_channels(connection: AsyncConnection, reasons: Sequence[Reason]) -> list[CatalogueFault]:
    known = {channel.key for channel in await _channels_on(connection)}
    return [
        fault(f"reasons[{at}].channels", "unknown_channel", f"there is no channel {key}", key=key)
        for at, one in enumerate(reasons)
        for key in one.channels
        if key not in known
    ]


async def _unknown_authorities(
    connection: AsyncConnection, rules: ChannelRules, key: str
) -> list[CatalogueFault]:
    known = set(await _known_authorities(connection))
    wrong = [
        fault(f"authorities[{at}]", "unknown_authority", f"there is no authority {one}", key=one)
        for at, one in enumerate(rules.authorities)
        if one not in known
    ]
    if rules.key != key:
        wrong.append(fault("key", "other_key", f"this is a version of {key}", key=key))
    return wrong


async def _known_authorities(connection: AsyncConnection) -> Mapping[str, Authority]:
    version = await _published(connection, AUTHORITIES)
    return {} if version is None else _authorities(version.content).by_key


async def _channels_on(connection: AsyncConnection) -> list[StoredChannel]:
    found = text(
        "SELECT * FROM catalogue_versions WHERE kind = 'channel' AND state = 'published'"
        " ORDER BY id LIMIT :most"
    )
    rows = await connection.execute(found, {"most": MOST_CHANNELS})
    return [_read(_stored(row)) for row in rows]


async def _published(connection: AsyncConnection, key: str) -> Version | None:
    return await versions.published_on(connection, _KIND, _family(key))


def _family(key: str) -> Mapping[str, str]:
    return {"kind": key if key in BESIDES else "channel", "key": key}


def _read(version: Version) -> StoredChannel:
    return StoredChannel(version.id, version.key, version.version, version.state, _channel(version.content))
