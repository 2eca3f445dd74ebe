"""Putting a backup into an empty place, and proving that it is all there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import psycopg
from pydantic import SecretStr

from bidding.ledger.checking import Checked, check_ledger
from luochui.operations import authority, demonstration, documents, dumps, manifest, migrations, sealed_key
from luochui.operations.backup import KEY_FOLDERS
from luochui.operations.manifest import AUTHORITY, DOCUMENTS, DUMP, KEYS, BrokenBackup, Manifest
from luochui.operations.packing import unpack
from luochui.services import embedded
from luochui.services.embedded import Running
from luochui.services.faults import Repairable
from luochui.services.folder import UNFINISHED_RESTORE
from luochui.services.secrets import DATA_FILE
from luochui.settings import Settings

FAULTS_TOLD: Final = 10


class NotEmpty(Repairable):
    """A restore never writes over anything."""


class Incomplete(Repairable):
    """All that the backup holds is restored and can be used; what it should hold and does not is told."""


@dataclass(frozen=True)
class Report:
    """What was checked, one sentence a line."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class _Found:
    """What the checks found. `named`: documents that the database names. `faults`: sentences."""

    ledger: Checked
    named: int
    faults: tuple[str, ...]


def restore(settings: Settings, source: Path) -> Report:
    """Check the backup, load it into an empty folder or database, compare what arrived.

    The chains of the ledger are followed, too, and the register's; every document that the database names is
    read. Raises BrokenBackup, NotEmpty, DumpFailed, DocumentsUnreadable: a folder whose restore did not
    finish is refused by `up`. Raises Incomplete when it finished, but documents are missing or the register
    is damaged.
    """
    wanted = manifest.verify(source)
    _refuse_newer(wanted)
    with _empty_place(settings) as place:
        url = place.required_database_url()
        dumps.load(url, source / DUMP)
        with psycopg.connect(url, connect_timeout=5) as connection:
            _compare(connection, wanted)
            checked = _check_ledger(connection)
            if wanted.demo:
                demonstration.mark(connection)
        _unpack(source, wanted, place)
        with psycopg.connect(url, connect_timeout=5) as connection:
            named, lost = _check_documents(connection, place, wanted)
            sealed = sealed_key.said(connection, place)
        found = _Found(checked, named, (*lost, *_check_authority(place, wanted)))
    *lines, following = _lines(settings, wanted, found)
    lines += [*sealed, following]
    if found.faults:
        raise Incomplete("\n".join((*lines, "But it is not complete:", *found.faults)))
    return Report(tuple(lines))


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
    # Nor a data secret: the one of the backup is put there, or the administrator does it.
    unused = {"redis_url": settings.redis_url or SecretStr("redis://unused")}
    unused["data_secret"] = settings.data_secret or SecretStr("unused")
    own = settings.model_copy(update=unused)
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


def _unpack(source: Path, wanted: Manifest, settings: Settings) -> None:
    if DOCUMENTS in wanted.files:
        put = documents.put_back(source / DOCUMENTS, settings.kept_files(), expected=wanted.documents or 0)
        if wanted.documents not in (None, put):
            raise BrokenBackup(f"{source / DOCUMENTS} holds {put} documents, not {wanted.documents}.")
    if AUTHORITY in wanted.files:
        authority.put_back(source / AUTHORITY, settings.authority)
    if KEYS in wanted.files:
        unpack(source / KEYS, settings.data, _is_of_keys)
        embedded.keys_folder(settings)


def _is_of_keys(name: PurePosixPath) -> bool:
    return any(name.is_relative_to(folder) for folder in KEY_FOLDERS)


def _check_documents(
    connection: psycopg.Connection, settings: Settings, wanted: Manifest
) -> tuple[int, tuple[str, ...]]:
    """How many the database names, and which of them are not there."""
    named = documents.named(connection)
    lost = documents.lacking(settings.kept_files(), named)
    if not lost:
        return len(named), ()
    why = (
        "they were missing or damaged when the backup was made"
        if DOCUMENTS in wanted.files
        else "this backup is from before documents were part of one"
    )
    which = documents.described(connection, lost)
    return len(named), (
        f"{len(lost)} of {len(named)} document(s) that the database names are not there ({why}): {which}. "
        f"Copy them into {settings.kept_files()} from elsewhere, if you can; `luochui doctor` looks again.",
    )


def _check_authority(settings: Settings, wanted: Manifest) -> tuple[str, ...]:
    if AUTHORITY not in wanted.files:
        return ()
    authority.hold_places(settings.authority)
    fault = authority.chain_fault(settings.authority)
    return (f"The authority's register is not what it was: {fault}.",) if fault else ()


def _lines(settings: Settings, wanted: Manifest, found: _Found) -> tuple[str, ...]:
    keys = "with its keys" if KEYS in wanted.files else "without keys: put the platform's key back yourself"
    return (
        f"Restored {wanted.rows} rows in {len(wanted.tables)} tables, as of {wanted.made_at}, {keys}.",
        "Checked: SHA-256 of every file, the number of rows of every table, the schema,",
        f"both chains of every lot ({found.ledger.entries} entries) and {found.ledger.seals} signed seals,",
        f"the SM3 of every document that the database names ({found.named}).",
        *_authority_lines(settings, wanted),
        *_data_lines(settings),
        f"Next: luochui recover (data in {settings.data}) to rebuild the book, then luochui up (or demo).",
    )


def _data_lines(settings: Settings) -> tuple[str, ...]:
    path = settings.keys / DATA_FILE
    if path.exists():
        return ()
    return (
        "What people typed into orders, registrations and contacts can be read with the former data secret",
        f"only: put it into {path} (0600), or into LUOCHUI_DATA_SECRET, before luochui up.",
        f"It lay in keys/{DATA_FILE}; in installations without one it is the session secret of secrets.json.",
    )


def _authority_lines(settings: Settings, wanted: Manifest) -> tuple[str, ...]:
    if AUTHORITY not in wanted.files:
        return ()
    lines = ("The authority is as it was then: what was revoked after that has to be revoked again.",)
    if KEYS in wanted.files:
        return lines
    folder = settings.authority
    return (
        *lines,
        f"It has no keys: put them into {folder / 'private'}, or delete {folder} and begin a new authority, "
        "which no seal of the old one belongs to.",
    )
