"""A consistent copy of the record while people bid.

PostgreSQL is the record: the book in Valkey can be rebuilt from it (`luochui recover`). Rows are counted in
the same snapshot that is dumped, so a restore can prove that it has all of them.
"""

import json
import os
import shutil
import tarfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import redis

from luochui import __version__
from luochui.logs import get
from luochui.operations import demonstration, dumps, kept_files, manifest, migrations
from luochui.operations.manifest import DOCUMENTS, DUMP, KEYS, Manifest
from luochui.services.faults import Repairable
from luochui.settings import Settings

# Read by the ledger: the log may be trimmed only where it is older than the last verified backup.
LAST_BACKUP = "luochui:last_backup"

log = get("luochui.backup")


class NoTarget(Repairable):
    """The backup cannot be written where it should."""


@dataclass(frozen=True)
class Made:
    folder: Path
    manifest: Manifest


def make(settings: Settings, target: Path | None = None, *, with_keys: bool = False) -> Made:
    """Write a backup and read it back; only then does it get its name."""
    now = datetime.now(UTC)
    base = settings.backup_folder or settings.data / "backups"
    folder = Path(os.path.abspath(target)) if target else base / f"luochui-{now:%Y%m%dT%H%M%SZ}"
    part = _empty_part(folder)
    try:
        written = _write(settings, part, now, with_keys=with_keys)
        manifest.verify(part)
        dumps.check(part / DUMP)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    _remember(settings, folder, written)
    return Made(folder, written)


def _write(settings: Settings, part: Path, now: datetime, *, with_keys: bool) -> Manifest:
    url = settings.required_database_url()
    with psycopg.connect(url, connect_timeout=5) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        row = connection.execute(
            "SELECT pg_export_snapshot(), (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
        ).fetchone()
        assert row is not None
        snapshot, taken_at_ms = row
        dumps.dump(url, str(snapshot), part / DUMP)
        tables = dumps.count_rows(connection)
        demo = demonstration.is_marked(connection)
        schema = migrations.current(connection)
        kept_files.pack(connection, settings, part / DOCUMENTS)
    if with_keys:
        _pack_keys(settings.keys, part / KEYS)
    files = {path.name: manifest.measure(path) for path in sorted(part.iterdir())}
    written = Manifest(
        made_at=now.isoformat(timespec="seconds"),
        taken_at_ms=int(taken_at_ms),
        version=__version__,
        schema=schema,
        demo=demo,
        tables=tables,
        files=files,
    )
    written.write(part)
    return written


def _pack_keys(keys: Path, target: Path) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
        archive.add(keys, arcname="keys")


def _empty_part(folder: Path) -> Path:
    if folder.exists():
        raise NoTarget(f"{folder} exists already; a backup is written to a new folder.")
    part = folder.with_name(folder.name + ".part")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part.mkdir(mode=0o700)
    except FileExistsError:
        raise NoTarget(f"{part} exists: another backup runs, or one was cut short. Delete it then.") from None
    except OSError as error:
        raise NoTarget(f"{folder} cannot be written: {error.strerror}.") from error
    return part


def _remember(settings: Settings, folder: Path, written: Manifest) -> None:
    """The backup counts even if this cannot be noted; then the log is only trimmed later."""
    note = json.dumps({"taken_at_ms": written.taken_at_ms, "folder": str(folder)})
    try:
        with redis.Redis.from_url(settings.required_redis_url(), socket_timeout=5) as client:
            client.set(LAST_BACKUP, note)
    except redis.RedisError as error:
        log.warning("backup_not_noted", why=str(error))
