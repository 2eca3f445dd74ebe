"""A consistent copy of the record while people bid.

PostgreSQL is the record: the book in Valkey can be rebuilt from it (`luochui recover`). Rows are counted in
the same snapshot that is dumped, so a restore can prove that it has all of them. The documents are copied
after that snapshot: then every one that its rows name is there.
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg
import redis

from luochui import __version__
from luochui.logs import get
from luochui.operations import authority, demonstration, documents, dumps, manifest, migrations
from luochui.operations.manifest import AUTHORITY, DOCUMENTS, DUMP, KEYS, BrokenBackup, Manifest
from luochui.operations.packing import packing, sync_folder
from luochui.services.faults import Repairable
from luochui.settings import Settings

# Read by the ledger: the log may be trimmed only where it is older than the last verified backup.
LAST_BACKUP = "luochui:last_backup"
# In the data folder: keys of the platform with its PIN, its UKey, UKeys for training, the authority's keys.
KEY_FOLDERS: Final = ("keys", "platform-ukey", "ukeys", *authority.PRIVATE)

log = get("luochui.backup")


class NoTarget(Repairable):
    """The backup cannot be written where it should."""


class Incomplete(Repairable):
    """The backup is written and counts, but something was lost before it was made."""

    def __init__(self, folder: Path, faults: Sequence[str]) -> None:
        super().__init__(
            "\n".join((f"Backup written and verified: {folder}. But it is not complete:", *faults))
        )
        self.folder = folder


@dataclass(frozen=True)
class Made:
    folder: Path
    manifest: Manifest


@dataclass(frozen=True)
class _Snapshot:
    """What one moment of the database holds."""

    taken_at_ms: int
    tables: Mapping[str, int]
    named: frozenset[bytes]
    demo: bool
    schema: str | None


def make(settings: Settings, target: Path | None = None, *, with_keys: bool = False) -> Made:
    """Write a backup and read it back; only then does it get its name.

    Raises NoTarget, DumpFailed, DocumentsUnreadable, AuthorityUnavailable; Incomplete when it is written, but
    documents that the database names were lost before.
    """
    now = datetime.now(UTC)
    base = settings.backup_folder or settings.data / "backups"
    folder = Path(os.path.abspath(target)) if target else base / f"luochui-{now:%Y%m%dT%H%M%SZ}"
    part = _empty_part(folder)
    try:
        written, faults = _write(settings, part, now, with_keys=with_keys)
        manifest.verify(part)
        dumps.check(part / DUMP)
        sync_folder(part)
        part.rename(folder)
        sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    _remember(settings, folder, written)
    if faults:
        raise Incomplete(folder, faults)
    return Made(folder, written)


def _write(
    settings: Settings, part: Path, now: datetime, *, with_keys: bool
) -> tuple[Manifest, tuple[str, ...]]:
    """All pieces, and what is not in them although it should be."""
    seen = _dump(settings.required_database_url(), part / DUMP)
    count, lost = _pack_documents(settings, part / DOCUMENTS, seen.named)
    faults = (*lost, *_pack_authority(settings, part / AUTHORITY))
    if with_keys:
        _pack_keys(settings, part / KEYS)
        log.warning("backup_has_keys", file=KEYS, why="unencrypted: put it only where the keys may be")
    files = {path.name: manifest.measure(path) for path in sorted(part.iterdir())}
    written = Manifest(
        made_at=now.isoformat(timespec="seconds"),
        taken_at_ms=seen.taken_at_ms,
        version=__version__,
        schema=seen.schema,
        demo=seen.demo,
        tables=seen.tables,
        files=files,
        documents=count,
    )
    written.write(part)
    return written, faults


def _dump(url: str, target: Path) -> _Snapshot:
    with psycopg.connect(url, connect_timeout=5) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        row = connection.execute(
            "SELECT pg_export_snapshot(), (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
        ).fetchone()
        assert row is not None
        snapshot, taken_at_ms = row
        dumps.dump(url, str(snapshot), target)
        return _Snapshot(
            taken_at_ms=int(taken_at_ms),
            tables=dumps.count_rows(connection),
            named=documents.named(connection),
            demo=demonstration.is_marked(connection),
            schema=migrations.current(connection),
        )


def _pack_documents(settings: Settings, target: Path, named: frozenset[bytes]) -> tuple[int, tuple[str, ...]]:
    """How many were copied, and which are missing. They are read back."""
    copied = documents.pack(settings.kept_files(), target, expected=len(named))
    if documents.check(target) != copied.there:
        raise BrokenBackup(f"{target} does not hold what was copied into it.")
    faults = []
    if lost := sorted(digest.hex() for digest in named - copied.there):
        with psycopg.connect(settings.required_database_url(), connect_timeout=5) as connection:
            which = documents.described(connection, lost)
        faults.append(
            f"{len(lost)} document(s) that the database names are missing or damaged in "
            f"{settings.kept_files()}: {which}. Put them back from an older backup."
        )
    unnamed = [name for name in copied.damaged if bytes.fromhex(name) not in named]
    if unnamed:
        log.warning("damaged_files_left_out", count=len(unnamed), first=unnamed[0])
    return len(copied.there), tuple(faults)


def _pack_authority(settings: Settings, target: Path) -> tuple[str, ...]:
    if not authority.exists(settings.authority):
        return ()
    authority.pack(settings.authority, target)
    fault = authority.chain_fault(settings.authority)
    return (f"The authority in {settings.authority}: {fault}.",) if fault else ()


def _pack_keys(settings: Settings, target: Path) -> None:
    """Every private key in the data folder, and what opens it."""
    with packing(target) as out:
        for name in KEY_FOLDERS:
            out.add_folder(settings.data / name, name)


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
