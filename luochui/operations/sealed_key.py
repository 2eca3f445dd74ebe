"""Whether the key of who takes part in what came back with a backup. Nothing replaces it."""

import psycopg

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
