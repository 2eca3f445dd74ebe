"""Rule profiles as they are kept: drafts, published versions, and the ones that were replaced.

Versions are office/versions.py's: for a class of asset and a method. A lot keeps the version it was announced
with.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.lots import AssetClass
from office import versions
from office.versions import Kind, Version, Versions
from trading.lifecycle.states import SaleMethod
from trading.profiles.profile import FIELDS, ProfileFaults, RuleProfile, faults_of


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProfile(Version):
    """One version of the rules for a class of asset and a method."""

    asset_class: AssetClass
    method: SaleMethod
    rules: RuleProfile

    @property
    def family(self) -> tuple[str, ...]:
        return (self.asset_class.value, self.method.value)


def _stored(row: Row[Any]) -> StoredProfile:
    return StoredProfile(
        **versions.kept(row),
        asset_class=AssetClass(row.asset_class),
        method=SaleMethod(row.method),
        rules=RuleProfile.parse(row.fields),
    )


_KIND: Final[Kind[StoredProfile, Mapping[str, Any]]] = Kind(
    table="rule_profiles",
    columns=("asset_class", "method"),
    content="fields",
    value="CAST(:content AS jsonb)",
    act="profile",
    read=_stored,
    content_of=lambda profile: profile.rules.as_json(),
    written=lambda fields: json.dumps(dict(fields)),
)


async def published_on(connection: AsyncConnection, asset_class: str, method: str) -> StoredProfile | None:
    return await versions.published_on(connection, _KIND, {"asset_class": asset_class, "method": method})


async def get_on(connection: AsyncConnection, profile_id: int) -> StoredProfile | None:
    return await versions.get_on(connection, _KIND, profile_id)


async def _check(_connection: AsyncConnection, draft: StoredProfile, fields: Mapping[str, Any]) -> None:
    """Raises ProfileFaults."""
    if faults := faults_of(fields, draft.method):
        raise ProfileFaults(faults)


def _changed(old: StoredProfile, new: StoredProfile) -> Mapping[str, Any]:
    fields = new.rules.as_json()
    return {name: fields[name] for name in changes(old.rules, new.rules)}


class Profiles(Versions[StoredProfile, Mapping[str, Any]]):
    """The versions of all profiles; contents are their fields. New announcements follow what is published."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine, _KIND, _check, _changed)

    async def published(
        self, asset_class: AssetClass | str, method: SaleMethod | str
    ) -> StoredProfile | None:
        async with self._engine.connect() as connection:
            return await published_on(connection, str(asset_class), str(method))


def changes(old: RuleProfile, new: RuleProfile) -> tuple[str, ...]:
    """The fields in which two versions differ, in the order of the profile."""
    return tuple(name for name in FIELDS if getattr(old, name) != getattr(new, name))


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
    made = 0
    for (kind, method), rules in defaults().items():
        family = {"asset_class": kind.value, "method": method.value}
        made += await versions.ship(connection, _KIND, family, rules.as_json(), now)
    return made
