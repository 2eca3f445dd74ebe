"""Alembic's environment: one transaction for the whole upgrade, one upgrade at a time.

The database comes from `config.attributes["url"]` (luochui.operations.migrations) or from DATABASE_URL, so
that `alembic revision` works in a checkout as well.
"""

import os

from alembic import context
from sqlalchemy import create_engine, text
from sqlmodel import SQLModel

# Two processes that upgrade at once wait for each other here ("luoc" as a number).
UPGRADE_LOCK = 0x6C756F63
LOCK_TIMEOUT = "30s"


def url() -> str:
    given = context.config.attributes.get("url") or os.environ.get("DATABASE_URL")
    if not given:
        raise SystemExit("Set DATABASE_URL, or run `luochui migrate`.")
    return f"postgresql+psycopg://{str(given).split('://', 1)[1]}"


def run() -> None:
    engine = create_engine(url())
    try:
        with engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
            context.configure(connection=connection, target_metadata=SQLModel.metadata)
            context.run_migrations()
    finally:
        engine.dispose()


if context.is_offline_mode():
    raise SystemExit("Offline migrations (--sql) are not supported.")
run()
