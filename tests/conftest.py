"""Real servers for the tests, started with the services' own code.

`postgres_url`   a database of this worker, empty
`postgres_admin_url`  the same server, for its owner
`database`       the same, migrated to the head; emptied after each test
`valkey`         URL of a Valkey with `appendfsync always`; flushed after each test

Each pytest-xdist worker has servers of its own, so workers never meet. A file's tests run on one worker
(`--dist loadfile`), which starts what they share once. The files that take longest begin, so that no worker
is left alone with one of them at the end.
"""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
import redis
import structlog
from argon2 import PasswordHasher
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from luochui.operations import migrations
from luochui.services import embedded, postgres
from luochui.services.embedded import Running
from luochui.settings import Settings
from office import passwords

# Fast and still honest: the cluster of a test run never outlives it, so PostgreSQL need not sync.
UNSYNCED = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")

EMPTYING: Final = "emptying"
"""The name of the connection that stays open to empty the database."""

# What a password costs is tested in test_passwords.py; everywhere else it would be paid thousands of times.
HONEST_HASHER = passwords._hasher
passwords._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)

# As by default, but without colours, and tracebacks as Python prints them: with every local it takes seconds.
_PLAIN: Final = [
    *structlog.get_config()["processors"][:-1],
    structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
]
_configure_logs = structlog.configure


def _without_cache(**chosen: Any) -> None:
    """A command that a test runs in its own process configures the logs; no logger may stay with that."""
    _configure_logs(**{**chosen, "cache_logger_on_first_use": False})


structlog.configure = _without_cache
structlog.configure(processors=_PLAIN)

LONGEST = (
    "integration/test_services_up.py",
    "faults/test_trading_kills.py",
    "integration/test_workflow.py",
    "faults/test_kills.py",
    "integration/test_certificate_matrix.py",
    "integration/test_awards_pages.py",
    "integration/test_workflow_kills.py",
    "integration/test_confidential.py",
    "integration/performing/test_table.py",
    "integration/test_web_desk.py",
    "integration/test_archive.py",
    "integration/test_certificate_way.py",
    "differential/test_book_and_rules.py",
    "properties/test_money_lives.py",
    "unit/test_seal_command.py",
)

# How long an example takes says more of the machine than of what is tested.
hypothesis_settings.register_profile(
    "patient", hypothesis_settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("patient")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """After chance has put them in order."""
    first = [Path(__file__).parent / name for name in LONGEST]
    items.sort(key=lambda item: first.index(item.path) if item.path in first else len(first))


def pytest_collection_finish() -> None:
    """What was collected stays to the end: no later collection of garbage goes through it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)  # a test makes much garbage, and little of it in circles


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Whatever a test made of the logs, the next one finds them as they are here."""
    yield
    if structlog.get_config()["processors"] is not _PLAIN:
        structlog.reset_defaults()
        structlog.configure(processors=_PLAIN)


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    """Settings of the person who runs the tests do not leak into them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("LUOCHUI_") or name in ("DATABASE_URL", "REDIS_URL"):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A data folder that an unprivileged account can reach (pytest's own temporary folders are closed)."""
    folder = Path(tempfile.mkdtemp(prefix="luochui-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _postgres_running(server_folder: Path) -> Iterator[Running]:
    settings = Settings(data=server_folder / "postgres-only", redis_url="redis://unused")
    planned = embedded.plan(settings)
    assert planned.postgres is not None
    _ask_for_no_password(planned.postgres.folder / "pg_hba.conf")
    faster = replace(planned.postgres, command=planned.postgres.command + UNSYNCED)
    with Running(replace(planned, postgres=faster)) as running:
        yield running


def _ask_for_no_password(rules: Path) -> None:
    """The exchange about a password takes longer than most statements; that it is asked for, is tested on a
    cluster as it is made (test_services_up.py)."""
    text = rules.read_text(encoding="utf-8")
    rules.write_text(text.replace("scram-sha-256", "trust"), encoding="utf-8")


@pytest.fixture(scope="session")
def postgres_url(_postgres_running: Running) -> str:
    """A fresh PostgreSQL for this worker."""
    return _postgres_running.settings.required_database_url()


@pytest.fixture(scope="session")
def postgres_admin_url(_postgres_running: Running) -> str:
    """The same server for its owner, who may make databases."""
    planned = _postgres_running.embedded
    return postgres.admin_url(planned.secrets, planned.postgres_port)


@pytest.fixture(scope="session")
def migrated_url(postgres_url: str, postgres_admin_url: str) -> str:
    migrations.upgrade(postgres_url)
    role = sql.Identifier(str(conninfo_to_dict(postgres_url)["user"]))
    with psycopg.connect(postgres_admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("GRANT SET ON PARAMETER session_replication_role TO {}").format(role))
    return postgres_url


@pytest.fixture(scope="session")
def _emptying(migrated_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Stays open: to connect anew takes longer than to empty the database."""
    with psycopg.connect(migrated_url, autocommit=True, application_name=EMPTYING) as connection:
        yield connection


@pytest.fixture
def database(migrated_url: str, _emptying: psycopg.Connection[Any]) -> Iterator[str]:
    """A migrated database, empty at the start of each test. Gives its URL."""
    yield migrated_url
    try:
        _empty(_emptying)
    except psycopg.OperationalError:  # a test ended every connection
        empty(migrated_url)


def empty(url: str) -> None:
    """As `database` is left: see `_empty`."""
    with psycopg.connect(url, autocommit=True) as connection:
        _empty(connection)


def _empty(connection: psycopg.Connection[Any]) -> None:
    """Delete every row but the schema's revision; connections that a test left open are cut first.

    Most tests write into few tables: only these are emptied, and by DELETE, because a TRUNCATE makes new
    files for every table and index that it reaches. Tables that are only added to refuse both; as a replica
    would, this connection asks no trigger."""
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
        " AND application_name <> %s",
        (EMPTYING,),
    )
    tables = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    ).fetchall()
    connection.execute("SET session_replication_role = replica")
    with connection.transaction():
        for table in _filled(connection, sorted(str(name) for (name,) in tables)):
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        connection.execute(
            "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)"
            " FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
        )


def _filled(connection: psycopg.Connection[Any], tables: list[str]) -> list[str]:
    """Those of the tables that have a row."""
    if not tables:
        return []
    looks = [
        sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(sql.Literal(name), sql.Identifier(name))
        for name in tables
    ]
    found = connection.execute(sql.SQL(" UNION ALL ").join(looks), prepare=True)
    return [str(name) for (name,) in found.fetchall()]


@pytest.fixture(scope="session")
def _valkey_running(server_folder: Path) -> Iterator[Running]:
    settings = Settings(data=server_folder / "valkey-only", database_url="postgresql://unused")
    with Running(embedded.plan(settings)) as running:
        yield running


@pytest.fixture
def valkey(_valkey_running: Running) -> Iterator[str]:
    """URL of a fresh Valkey with AOF always, empty at the start of each test."""
    url = _valkey_running.settings.required_redis_url()
    yield url
    with redis.Redis.from_url(url) as client:
        client.flushall()
        client.script_flush()
