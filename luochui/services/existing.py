"""Servers that somebody else runs, named in DATABASE_URL and REDIS_URL: looked at before anything starts."""

import psycopg
import redis
from psycopg.conninfo import conninfo_to_dict

from luochui.logs import get
from luochui.services.faults import Repairable

OLDEST_POSTGRES = 160_000

log = get("luochui.servers")


class ServerUnusable(Repairable):
    """An existing server cannot be reached, or would not keep what it acknowledges."""


def check_database(url: str) -> None:
    """Raises ServerUnusable when it does not answer or is too old."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            version = connection.info.server_version
    except psycopg.OperationalError as error:
        parts = conninfo_to_dict(url)
        place = f"{parts.get('host')}:{parts.get('port', 5432)}"
        raise ServerUnusable(f"DATABASE_URL: {place} cannot be used: {error}") from error
    if version < OLDEST_POSTGRES:
        raise ServerUnusable(
            f"DATABASE_URL: PostgreSQL {version // 10_000} is too old; 16 or newer is needed."
        )


def check_redis(url: str) -> None:
    """Raises ServerUnusable when it does not answer, or answers before a write is on disk."""
    with redis.Redis.from_url(
        url, socket_timeout=5, socket_connect_timeout=5, decode_responses=True
    ) as client:
        try:
            client.ping()
        except redis.RedisError as error:
            raise ServerUnusable(f"REDIS_URL: the server cannot be used: {error}") from error
        try:
            kept = client.config_get("append*")
        except redis.ResponseError as error:
            # Hosted servers forbid CONFIG; /readyz goes on saying that nothing is known.
            log.warning("durability_unknown", why=str(error))
            return
    if (kept.get("appendonly"), kept.get("appendfsync")) != ("yes", "always"):
        raise ServerUnusable(
            "REDIS_URL: that server acknowledges bids before they are on disk. Set `appendonly yes` and "
            "`appendfsync always` there, or leave REDIS_URL out and use the embedded Valkey."
        )
