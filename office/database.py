"""The one way to an async SQLAlchemy engine on PostgreSQL."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

POOL_SIZE: Final = 10
OVERFLOW: Final = 10
WAIT_FOR_CONNECTION_S: Final = 5.0
STATEMENT_TIMEOUT_MS: Final = 15_000
CONNECT_TIMEOUT_S: Final = 5


def create_engine(url: str, *, pool_size: int = POOL_SIZE) -> AsyncEngine:
    """An engine for a URL with or without a driver's name; waits, and statements, are bounded."""
    _scheme, rest = url.split("://", 1)
    return create_async_engine(
        f"postgresql+psycopg://{rest}",
        pool_size=pool_size,
        max_overflow=OVERFLOW,
        pool_timeout=WAIT_FOR_CONNECTION_S,
        pool_pre_ping=True,
        hide_parameters=True,  # an error's text goes to logs; names and hashes do not
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS}",
        },
    )
