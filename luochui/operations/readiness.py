"""What /readyz says: whether an acknowledged bid would be safe here, now.

Each probe answers within its bound and never raises. Others (the beat's age, the ledger's lag) are given
by the caller: `readiness(settings, more=[beat_age, ledger_lag])`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
import redis.asyncio
from redis.exceptions import RedisError

from luochui.operations import disk, migrations
from luochui.settings import Settings

PROBE_WITHIN_S = 3.0


@dataclass(frozen=True)
class Check:
    """One promise and whether it holds; `says` is for people and holds no secret."""

    name: str
    ok: bool
    says: str


@dataclass(frozen=True)
class Report:
    """All checks; ready when every one holds."""

    checks: tuple[Check, ...]

    @property
    def ready(self) -> bool:
        return all(check.ok for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        return {"ready": self.ready, "checks": [asdict(check) for check in self.checks]}


Probe = Callable[[], Awaitable[Check]]


async def readiness(settings: Settings, *, more: Sequence[Probe] = ()) -> Report:
    """Ask everything at once."""
    groups = await asyncio.gather(
        _bounded("database", _database(settings)),
        _bounded("redis", _redis(settings)),
        _bounded("disk", _disk(settings)),
        *(_bounded(getattr(probe, "__name__", "probe"), _single(probe)) for probe in more),
    )
    return Report(tuple(check for group in groups for check in group))


async def _bounded(name: str, probe: Awaitable[list[Check]]) -> list[Check]:
    try:
        async with asyncio.timeout(PROBE_WITHIN_S):
            return await probe
    except TimeoutError:
        return [Check(name, False, f"no answer within {PROBE_WITHIN_S:.0f} s")]
    except (OSError, psycopg.Error, RedisError) as error:
        return [Check(name, False, f"not reachable ({type(error).__name__})")]


async def _single(probe: Probe) -> list[Check]:
    return [await probe()]


async def _database(settings: Settings) -> list[Check]:
    url = settings.required_database_url()
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=2, autocommit=True) as connection:
        row = await (await connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL")).fetchone()
        current = None
        if row and row[0]:
            found = await (await connection.execute("SELECT version_num FROM alembic_version")).fetchone()
            current = str(found[0]) if found else None
    head = migrations.head()
    says = f"at {current}" if current == head else f"at {current}, this program needs {head}: luochui migrate"
    return [Check("database", True, "reachable"), Check("migrations", current == head, says)]


async def _redis(settings: Settings) -> list[Check]:
    client = redis.asyncio.Redis.from_url(
        settings.required_redis_url(), socket_timeout=2, socket_connect_timeout=2, decode_responses=True
    )
    async with client:
        kept = await client.config_get("append*")
        info: dict[str, Any] = await client.info("persistence")
    return [Check("redis", True, "reachable"), durability(kept), _last_write(info)]


def durability(kept: Mapping[str | None, str | None]) -> Check:
    """An acknowledged bid is on disk only with an append-only file that is synced at every write."""
    on, when = kept.get("appendonly"), kept.get("appendfsync")
    ok = on == "yes" and when == "always"
    return Check(
        "durability", ok, f"appendonly {on}, appendfsync {when}" + ("" if ok else " (needs yes, always)")
    )


def _last_write(info: dict[str, Any]) -> Check:
    """Valkey stops writing when its file cannot be written; it says so before anything else fails."""
    status = str(info.get("aof_last_write_status", "unknown"))
    return Check("append_only_file", status == "ok", f"last write {status}")


async def _disk(settings: Settings) -> list[Check]:
    alarm = await asyncio.to_thread(disk.free_space, settings)
    return [Check("disk", alarm is None, "enough room" if alarm is None else str(alarm))]
