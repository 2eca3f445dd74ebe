"""The embedded PostgreSQL: a cluster of our own in the data folder, on loopback, with passwords."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import sql

from luochui.services.account import Account, give
from luochui.services.binaries import Binaries
from luochui.services.faults import Repairable
from luochui.services.folder import DataFolder
from luochui.services.program import Program, tail
from luochui.services.secrets import Secrets

ADMIN = "postgres"
ROLE = "luochui"
DATABASE = "luochui"
READY_WITHIN_S = 60.0
INITDB_WITHIN_S = 120.0


class PostgresFailed(Repairable):
    """PostgreSQL could not be made or started; the text quotes its log."""


def make_cluster(binaries: Binaries, folder: DataFolder, secrets: Secrets) -> Path:
    """The cluster's folder; made with scram-sha-256 and the UTF-8 C locale when it is not there yet."""
    cluster = folder.service_folder("postgres")
    if (cluster / "PG_VERSION").exists():
        return cluster
    with tempfile.NamedTemporaryFile("w", prefix="luochui-", suffix=".pw") as password:
        password.write(secrets.postgres_admin.get_secret_value())
        password.flush()
        give(Path(password.name), folder.account)
        command = [
            *(binaries.program("initdb"), "-D", str(cluster), "-U", ADMIN, "-A", "scram-sha-256"),
            *("--pwfile", password.name, "-E", "UTF8", "--locale-provider=libc", "--locale=C.UTF-8"),
            *("--data-checksums", "--no-instructions"),
        ]
        _run_initdb(command, folder.account)
    return cluster


def _run_initdb(command: list[str], account: Account | None) -> None:
    done = subprocess.run(
        command,
        cwd="/",
        env=_environment(),
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        capture_output=True,
        timeout=INITDB_WITHIN_S,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise PostgresFailed(f"PostgreSQL's cluster could not be made: {said}")


def program(binaries: Binaries, folder: DataFolder, cluster: Path, port: int) -> Program:
    """How the server is run. SIGINT is its fast shutdown, SIGQUIT the immediate one."""
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "max_connections": "120",
        "shared_buffers": "128MB",
        "max_wal_size": "1GB",
        "synchronous_commit": "on",
        "logging_collector": "on",
        "log_directory": "log",
        "log_filename": "postgres-%a.log",
        "log_truncate_on_rotation": "on",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
    }
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    return Program(
        name="postgres",
        command=(binaries.program("postgres"), "-D", str(cluster), *settings),
        environment=_environment(),
        folder=cluster,
        account=folder.account,
        log=folder.logs / "postgres.log",
        stop_signal=signal.SIGINT,
        stop_within_s=20.0,
        then_signal=signal.SIGQUIT,
    )


def url(secrets: Secrets, port: int, database: str = DATABASE) -> str:
    return f"postgresql://{ROLE}:{secrets.postgres.get_secret_value()}@127.0.0.1:{port}/{database}"


def admin_url(secrets: Secrets, port: int, database: str = "postgres") -> str:
    return f"postgresql://{ADMIN}:{secrets.postgres_admin.get_secret_value()}@127.0.0.1:{port}/{database}"


def wait_ready(admin: str, *, alive: Callable[[], bool], log: Path | None = None) -> None:
    """Return when it answers; raises PostgresFailed when it ended or the bound has passed."""
    end = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            psycopg.connect(admin, connect_timeout=2).close()
            return
        except psycopg.OperationalError as error:
            if not alive() or time.monotonic() > end:
                raise PostgresFailed(f"PostgreSQL did not start: {error}\n{tail(log)}") from error
        time.sleep(0.05)


def make_database(admin: str, secrets: Secrets, name: str = DATABASE) -> None:
    """The role without special rights, and its database. The password follows the secrets file."""
    password = sql.Literal(secrets.postgres.get_secret_value())
    with psycopg.connect(admin, autocommit=True) as connection:
        exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone()
        verb = sql.SQL("ALTER" if exists else "CREATE")
        connection.execute(
            sql.SQL("{} ROLE {} LOGIN NOSUPERUSER PASSWORD {}").format(verb, sql.Identifier(ROLE), password)
        )
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(ROLE))
            )


def _environment() -> dict[str, str]:
    """Nothing of ours reaches the server but the path and the locale."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
