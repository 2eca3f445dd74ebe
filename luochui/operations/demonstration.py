"""Demonstration data and real data never share a database.

The demonstration has accounts with public passwords. Its database carries a mark (the comment on the
database); `demo` works on a marked or an empty one only, `up` on an unmarked one only.
"""

import psycopg
from psycopg import sql

from luochui.services.faults import Repairable

MARK = "luochui: demonstration data"


class WrongDatabase(Repairable):
    """Demonstration and real data would be mixed."""


def check(database_url: str, *, demo: bool) -> None:
    """Raises WrongDatabase; marks an empty database when `demo`."""
    with psycopg.connect(database_url, connect_timeout=5) as connection:
        marked, empty = is_marked(connection), _is_empty(connection)
        if demo and not marked and not empty:
            raise WrongDatabase(
                "This database holds real data: the demonstration, with its public passwords, does not start "
                "on it. Choose another folder in LUOCHUI_DATA or another DATABASE_URL."
            )
        if not demo and marked:
            raise WrongDatabase(
                "This database holds demonstration data with public passwords. Start it with `luochui demo`, "
                "or choose another folder in LUOCHUI_DATA for real data."
            )
        if demo and not marked:
            mark(connection)


def mark(connection: psycopg.Connection) -> None:
    name = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(MARK)))


def is_marked(connection: psycopg.Connection) -> bool:
    row = connection.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    return row is not None and row[0] == MARK


def _is_empty(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    return row is not None and row[0] == 0
