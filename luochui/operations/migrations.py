"""The database's schema: where it is, where it should be, and when it must not be touched."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql

import luochui
from luochui.services.faults import Repairable

LIVE_PHASES = ("inquiry", "timed_bidding", "suspended")


class LotsAreLive(Repairable):
    """A migration was asked for while people bid."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"{count} lot(s) are live, and the database needs a migration. Start the version before, "
            "let the lots close or abort them, then migrate. Nothing was changed."
        )
        self.count = count


@dataclass(frozen=True)
class Schema:
    """The revisions: of the database (None: empty), and of this program (None: it ships none)."""

    current: str | None
    head: str | None

    @property
    def pending(self) -> bool:
        return self.current != self.head


def scripts() -> Path:
    """The folder of the migrations: inside the installed package, or beside it in a checkout."""
    package = Path(luochui.__file__).parent
    installed = package / "migrations"
    return installed if (installed / "env.py").exists() else package.parent / "alembic"


@cache
def head() -> str | None:
    """The newest revision this program brings."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def knows(revision: str) -> bool:
    """Whether this program has the migrations up to that revision."""
    script = ScriptDirectory.from_config(_config())
    return any(each.revision == revision for each in script.walk_revisions())


def schema(database_url: str) -> Schema:
    with psycopg.connect(database_url, connect_timeout=5) as connection:
        return Schema(current(connection), head())


def upgrade(database_url: str) -> Schema:
    """Bring the schema to the head; raises LotsAreLive. Returns what it was before."""
    with psycopg.connect(database_url, connect_timeout=5) as connection:
        before = Schema(current(connection), head())
        live = live_lots(connection) if before.pending else 0
    if live:
        raise LotsAreLive(live)
    if before.pending:
        config = _config()
        config.attributes["url"] = database_url
        command.upgrade(config, "head")
    return before


def live_lots(connection: psycopg.Connection) -> int:
    """How many lots people may be bidding on now; 0 when there is no table of lots yet."""
    if not _exists(connection, "lots"):
        return 0
    row = connection.execute(
        sql.SQL("SELECT count(*) FROM lots WHERE phase::text = ANY(%s)"), (list(LIVE_PHASES),)
    ).fetchone()
    return int(row[0]) if row else 0


def current(connection: psycopg.Connection) -> str | None:
    """The revision of this database; None when it has none."""
    if not _exists(connection, "alembic_version"):
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def _exists(connection: psycopg.Connection, table: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone()
    return bool(row and row[0])


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts()))
    return config
