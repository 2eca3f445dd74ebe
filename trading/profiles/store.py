"""Rule profiles as they are kept: drafts, published versions, and the ones that were replaced.

A class of asset and a method have at most one draft and one published version. Who made a draft does not
publish it: another administrator does. Nothing is ever deleted but drafts: a lot keeps the version it was
announced with.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.lots import AssetClass
from office.accounts import Role
from office.audit.trail import account, record
from trading.lifecycle.states import SaleMethod
from trading.profiles.profile import FIELDS, ProfileFaults, RuleProfile, faults_of

MOST_VERSIONS: Final = 500


class ProfileState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """One version. `changed_by` made or last changed the draft."""

    id: int
    asset_class: AssetClass
    method: SaleMethod
    version: int
    state: ProfileState
    rules: RuleProfile
    made_by: int | None
    made_at: datetime
    published_by: int | None
    published_at: datetime | None


class UnknownProfile(Exception):
    """There is no such version."""


class NotADraft(Exception):
    """It was published, or thrown away, in the meantime."""


class DraftExists(Exception):
    """There is a draft for this class and method already."""

    def __init__(self, profile_id: int) -> None:
        super().__init__(str(profile_id))
        self.profile_id = profile_id


class OwnDraft(Exception):
    """Who made a draft can't publish it."""


class DraftChanged(Exception):
    """Somebody else saved the draft since it was shown."""


async def published_on(connection: AsyncConnection, asset_class: str, method: str) -> StoredProfile | None:
    found = text("SELECT * FROM rule_profiles WHERE asset_class = :c AND method = :m AND state = 'published'")
    row = (await connection.execute(found, {"c": asset_class, "m": method})).first()
    return _stored(row) if row else None


async def get_on(connection: AsyncConnection, profile_id: int) -> StoredProfile | None:
    row = (
        await connection.execute(text("SELECT * FROM rule_profiles WHERE id = :id"), {"id": profile_id})
    ).first()
    return _stored(row) if row else None


class Profiles:
    """The versions of all profiles. Every method is one transaction of its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def published(
        self, asset_class: AssetClass | str, method: SaleMethod | str
    ) -> StoredProfile | None:
        async with self._engine.connect() as connection:
            return await published_on(connection, str(asset_class), str(method))

    async def get(self, profile_id: int) -> StoredProfile | None:
        async with self._engine.connect() as connection:
            return await get_on(connection, profile_id)

    async def versions(self) -> tuple[StoredProfile, ...]:
        """All of them (bounded), by class and method, the newest first."""
        found = text("SELECT * FROM rule_profiles ORDER BY asset_class, method, version DESC LIMIT :most")
        async with self._engine.connect() as connection:
            return tuple(_stored(row) for row in await connection.execute(found, {"most": MOST_VERSIONS}))

    async def draft(self, base: int, by: int, now: datetime) -> StoredProfile:
        """A new draft that begins as a copy of a version. Raises UnknownProfile, DraftExists."""
        async with self._engine.begin() as connection:
            await connection.execute(text("LOCK TABLE rule_profiles IN SHARE ROW EXCLUSIVE MODE"))
            old = await get_on(connection, base)
            if old is None:
                raise UnknownProfile(base)
            rows = await connection.execute(
                text(
                    "SELECT max(version) AS last, max(id) FILTER (WHERE state = 'draft') AS draft"
                    " FROM rule_profiles WHERE asset_class = :c AND method = :m"
                ),
                {"c": old.asset_class.value, "m": old.method.value},
            )
            known = rows.one()
            if known.draft is not None:
                raise DraftExists(known.draft)
            made = await _insert(connection, old.asset_class, old.method, known.last + 1, old.rules, by, now)
            await _audit(connection, "draft", made, by, now, {"copy_of": base})
            return made

    async def save(
        self,
        profile_id: int,
        fields: Mapping[str, Any],
        by: int,
        now: datetime,
        *,
        seen: datetime | None = None,
    ) -> StoredProfile:
        """Replace what a draft says; whoever saves has made it. `seen`: its `made_at` when it was shown.

        Raises ProfileFaults, NotADraft, DraftChanged.
        """
        async with self._engine.begin() as connection:
            draft = await _draft(connection, profile_id)
            if seen is not None and draft.made_at != seen:
                raise DraftChanged(profile_id)
            if faults := faults_of(fields, draft.method):
                raise ProfileFaults(faults)
            put = text(
                "UPDATE rule_profiles SET fields = CAST(:fields AS jsonb), made_by = :by, made_at = :now"
                " WHERE id = :id RETURNING *"
            )
            values = {"fields": json.dumps(dict(fields)), "by": by, "now": now, "id": profile_id}
            saved = _stored((await connection.execute(put, values)).one())
            changed = {name: fields[name] for name in changes(draft.rules, saved.rules)}
            await _audit(connection, "save", saved, by, now, changed)
            return saved

    async def publish(
        self, profile_id: int, by: int, now: datetime, *, seen: datetime | None = None
    ) -> StoredProfile:
        """Make a draft the version that new announcements follow. Raises NotADraft, OwnDraft, DraftChanged,
        ProfileFaults."""
        async with self._engine.begin() as connection:
            draft = await _draft(connection, profile_id)
            if draft.made_by == by:
                raise OwnDraft(profile_id)
            if seen is not None and draft.made_at != seen:
                raise DraftChanged(profile_id)
            if faults := faults_of(draft.rules.as_json(), draft.method):
                raise ProfileFaults(faults)
            retire = text(
                "UPDATE rule_profiles SET state = 'retired'"
                " WHERE asset_class = :c AND method = :m AND state = 'published'"
            )
            await connection.execute(retire, {"c": draft.asset_class.value, "m": draft.method.value})
            put = text(
                "UPDATE rule_profiles SET state = 'published', published_by = :by, published_at = :now"
                " WHERE id = :id RETURNING *"
            )
            values = {"by": by, "now": now, "id": profile_id}
            done = _stored((await connection.execute(put, values)).one())
            await _audit(connection, "publish", done, by, now, {"made_by": done.made_by})
            return done

    async def discard(self, profile_id: int, by: int, now: datetime) -> None:
        """Throw a draft away. Raises NotADraft."""
        async with self._engine.begin() as connection:
            draft = await _draft(connection, profile_id)
            await connection.execute(text("DELETE FROM rule_profiles WHERE id = :id"), {"id": profile_id})
            await _audit(connection, "discard", draft, by, now, {})


def changes(old: RuleProfile, new: RuleProfile) -> tuple[str, ...]:
    """The fields in which two versions differ, in the order of the profile."""
    return tuple(name for name in FIELDS if getattr(old, name) != getattr(new, name))


async def _audit(
    connection: AsyncConnection,
    what: str,
    profile: StoredProfile,
    by: int,
    now: datetime,
    facts: Mapping[str, Any],
) -> None:
    await record(
        connection,
        at=now,
        actor=account(by),
        role=Role.ADMINISTRATOR.value,
        act=f"profile.{what}",
        subject=f"{profile.asset_class}/{profile.method}/{profile.version}",
        facts=facts,
    )


async def _draft(connection: AsyncConnection, profile_id: int) -> StoredProfile:
    found = text("SELECT * FROM rule_profiles WHERE id = :id AND state = 'draft' FOR UPDATE")
    row = (await connection.execute(found, {"id": profile_id})).first()
    if row is None:
        raise NotADraft(profile_id)
    return _stored(row)


async def _insert(
    connection: AsyncConnection,
    asset_class: AssetClass,
    method: SaleMethod,
    version: int,
    rules: RuleProfile,
    by: int | None,
    now: datetime,
) -> StoredProfile:
    put = text(
        "INSERT INTO rule_profiles (asset_class, method, version, state, fields, made_by, made_at)"
        " VALUES (:c, :m, :version, 'draft', CAST(:fields AS jsonb), :by, :now) RETURNING *"
    )
    values = {"c": asset_class.value, "m": method.value, "version": version, "by": by, "now": now}
    return _stored((await connection.execute(put, values | {"fields": json.dumps(rules.as_json())})).one())


def _stored(row: Row[Any]) -> StoredProfile:
    return StoredProfile(
        id=row.id,
        asset_class=AssetClass(row.asset_class),
        method=SaleMethod(row.method),
        version=row.version,
        state=ProfileState(row.state),
        rules=RuleProfile.parse(row.fields),
        made_by=row.made_by,
        made_at=row.made_at,
        published_by=row.published_by,
        published_at=row.published_at,
    )


def defaults() -> dict[tuple[AssetClass, SaleMethod], RuleProfile]:
    """The profiles that the program ships: what holds for all, for a method, for a class, for both."""
    data = tomllib.loads(files("trading.profiles").joinpath("defaults.toml").read_text("utf-8"))
    return {
        (kind, method): RuleProfile.parse(
            {
                **data["all"],
                **data["method"].get(method.value, {}),
                **data["asset_class"].get(kind.value, {}),
                **data["both"].get(f"{kind.value}-{method.value}", {}),
            }
        )
        for kind in AssetClass
        for method in SaleMethod
    }


async def ensure_defaults(connection: AsyncConnection, now: datetime) -> int:
    """Publish what the program ships for every class and method that has no profile yet. How many it was."""
    put = text(
        "INSERT INTO rule_profiles"
        " (asset_class, method, version, state, fields, made_at, published_at)"
        " VALUES (:c, :m, 1, 'published', CAST(:fields AS jsonb), :now, :now)"
        " ON CONFLICT (asset_class, method, version) DO NOTHING RETURNING id"
    )
    made = 0
    for (kind, method), rules in defaults().items():
        values = {"c": kind.value, "m": method.value, "fields": json.dumps(rules.as_json()), "now": now}
        made += (await connection.execute(put, values)).first() is not None
    return made
