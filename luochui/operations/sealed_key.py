"""Whether the key of who takes part in what is there: after a restore, and for the doctor."""

from collections.abc import Iterator

import psycopg

from luochui.operations.findings import Finding, Level
from luochui.operations.sealed_escrow import noted_beside
from luochui.services import running
from luochui.settings import Settings
from luochui.vaults import key_file
from office.sealed import key as keys
from office.sealed import takeover
from office.sealed.key import KeyFault


def said(connection: psycopg.Connection, settings: Settings) -> tuple[str, ...]:
    """Sentences for the report of a restore; none where nothing was ever sealed."""
    if connection.execute("SELECT to_regclass('sealed_key')").fetchone() == (None,):
        return ()
    row = connection.execute("SELECT mark, box FROM sealed_key").fetchone()
    if row is None:
        return ()
    file = key_file(settings)
    if not file.exists():
        return (
            f"Who takes part in what was sealed with the key {row[0]}, which this backup does not hold:"
            " bring it back from its escrow (luochui sealed restore FILE) before luochui up.",
        )
    try:
        takeover.check(keys.load(file), row[0], row[1])
    except KeyFault as fault:
        return (f"{fault} Bring the right one back: luochui sealed restore FILE.",)
    return (f"The key of who takes part in what ({row[0]}) opens what was sealed.",)


def sealed_key(settings: Settings) -> Iterator[Finding]:
    """Whether the key is there, read by nobody else, opens the database, and has an escrow."""
    file, what = key_file(settings), "sealed key"
    sealed = _of_database(settings)
    if not file.exists():
        if sealed is None:
            yield Finding(
                Level.NOTE, what, "not there; the first start makes it, if nothing was sealed before"
            )
        else:
            do = "bring it back: luochui sealed restore FILE"
            yield Finding(Level.BAD, what, f"missing: nobody can say whose paddle won (key {sealed[0]})", do)
        return
    try:
        key = keys.load(file)
        if sealed is not None:
            takeover.check(key, *sealed)
    except KeyFault as fault:
        yield Finding(Level.BAD, what, str(fault), f"chmod 600 {file}, or: luochui sealed restore FILE")
        return
    opens = "it opens this database" if sealed is not None else "the database was not looked at"
    yield Finding(Level.GOOD, what, f"{key.mark}; {opens}")
    escrows = [one for one in noted_beside(file) if one.mark == key.mark]
    if escrows:
        last = escrows[-1]
        yield Finding(Level.GOOD, "escrow", f"{len(escrows)} noted, the last of {last.at} (for {last.to})")
    else:
        says = "no escrow of the sealed key is noted: if the file is lost, no winner can be named"
        yield Finding(Level.BAD if sealed else Level.NOTE, "escrow", says, "luochui sealed escrow FILE")


def _of_database(settings: Settings) -> tuple[str, bytes] | None:
    """Mark and known box; None: nothing is sealed, or the database is away."""
    try:
        url = running.attach(settings).required_database_url()
        with psycopg.connect(url, connect_timeout=5) as connection:
            if connection.execute("SELECT to_regclass('sealed_key')").fetchone() == (None,):
                return None
            row = connection.execute("SELECT mark, box FROM sealed_key").fetchone()
    except (running.NotRunning, psycopg.Error):
        return None
    return None if row is None else (str(row[0]), bytes(row[1]))
