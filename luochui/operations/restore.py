"""Putting a backup into an empty place, and proving that it is all there."""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from pydantic import SecretStr

from bidding.ledger.checking import Checked, check_ledger
from luochui.operations import demonstration, dumps, kept_files, manifest, migrations
from luochui.operations.manifest import DOCUMENTS, DUMP, KEYS, BrokenBackup, Manifest
from luochui.services import embedded
from luochui.services.embedded import Running
from luochui.services.faults import Repairable
from luochui.services.folder import UNFINISHED_RESTORE
from luochui.settings import Settings

FAULTS_TOLD: Final = 10


class NotEmpty(Repairable):
    """A restore never writes over anything."""


@dataclass(frozen=True)
class Report:
    """What was checked, one sentence a line."""

    lines: tuple[str, ...]


def restore(settings: Settings, source: Path) -> Report:
    """Check the backup, load it into an empty folder or database, compare what arrived.

    The chains of the ledger are followed, too. Raises BrokenBackup, NotEmpty, DumpFailed. A folder whose
    restore did not finish is refused by `up`.
    """
    wanted = manifest.verify(source)
    _refuse_newer(wanted)
    with _empty_place(settings) as place:
        url = place.required_database_url()
        dumps.load(url, source / DUMP)
        with psycopg.connect(url, connect_timeout=5) as connection:
            _compare(connection, wanted)
            checked = _check_ledger(connection)
            if DOCUMENTS in wanted.files:
                kept_files.unpack(source / DOCUMENTS, connection, place)
            if wanted.demo:
                demonstration.mark(connection)
        if KEYS in wanted.files:
            _unpack_keys(source / KEYS, place)
    return Report(_lines(settings, wanted, checked))


@contextmanager
def _empty_place(settings: Settings) -> Iterator[Settings]:
    """An empty database: the embedded one of an empty folder, or the one that DATABASE_URL names."""
    if settings.data.exists() and any(settings.data.iterdir()):
        raise NotEmpty(f"{settings.data} is not empty. Name a new folder in LUOCHUI_DATA.")
    if settings.database_url is not None:
        _refuse_filled(settings.database_url.get_secret_value())
        embedded.open_folder(settings, lends=False)
        yield settings
        return
    # No Valkey is needed here: `luochui recover` fills it afterwards.
    own = settings.model_copy(update={"redis_url": settings.redis_url or SecretStr("redis://unused")})
    folder = embedded.open_folder(own)
    with folder.locked():
        planned = embedded.plan(own)
        mark = folder.path / UNFINISHED_RESTORE
        mark.touch()
        with Running(planned) as running:
            yield running.settings
        mark.unlink()


def _refuse_filled(url: str) -> None:
    with psycopg.connect(url, connect_timeout=5) as connection:
        if dumps.count_rows(connection):
            raise NotEmpty("The database in DATABASE_URL has tables already. Name an empty one.")


def _refuse_newer(wanted: Manifest) -> None:
    if wanted.schema is not None and not migrations.knows(wanted.schema):
        raise BrokenBackup(
            f"The backup is from luochui {wanted.version} with schema {wanted.schema}, which this version "
            "does not know. Restore it with that version, then upgrade."
        )


def _compare(connection: psycopg.Connection, wanted: Manifest) -> None:
    found = dumps.count_rows(connection)
    if found != dict(wanted.tables):
        differing = sorted(
            name for name in {*found, *wanted.tables} if found.get(name) != wanted.tables.get(name)
        )
        raise BrokenBackup(f"After the restore the number of rows differs in: {', '.join(differing)}.")
    if migrations.current(connection) != wanted.schema:
        raise BrokenBackup("After the restore the schema is another than the backup's.")


def _check_ledger(connection: psycopg.Connection) -> Checked:
    """Rows that arrived whole may have been wrong before: whoever restores has to know it now."""
    if connection.execute("SELECT to_regclass('ledger_entries')").fetchone() == (None,):
        return Checked(0, 0, ())
    checked = check_ledger(connection)
    if checked.faults:
        more = "" if len(checked.faults) <= FAULTS_TOLD else " …"
        raise BrokenBackup(f"The restored ledger is broken: {'; '.join(checked.faults[:FAULTS_TOLD])}{more}.")
    return checked


def _unpack_keys(archive: Path, settings: Settings) -> None:
    with tarfile.open(archive) as packed:
        packed.extractall(settings.data, filter="data")
    embedded.keys_folder(settings)


def _lines(settings: Settings, wanted: Manifest, checked: Checked) -> tuple[str, ...]:
    keys = "with its keys" if KEYS in wanted.files else "without keys: put the platform's key back yourself"
    return (
        f"Restored {wanted.rows} rows in {len(wanted.tables)} tables, as of {wanted.made_at}, {keys}.",
        "Checked: SHA-256 of every file, the number of rows of every table, the schema,",
        f"both chains of every lot ({checked.entries} entries) and {checked.seals} signed seals.",
        f"Next: luochui recover (data in {settings.data}) to rebuild the book, then luochui up (or demo).",
    )
