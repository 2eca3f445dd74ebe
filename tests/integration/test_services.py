"""The embedded servers: real ones, started from the wheels' programs."""

import psycopg
import redis


def test_postgres_speaks_utf8_and_we_are_no_superuser(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert connection.info.encoding == "utf-8"
        row = connection.execute("SHOW server_encoding").fetchone()
        assert row == ("UTF8",)
        row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
        assert row == (False,)


def test_an_acknowledged_write_is_on_disk(valkey: str) -> None:
    with redis.Redis.from_url(valkey, decode_responses=True) as client:
        assert client.config_get("append*")["appendfsync"] == "always"
        assert client.config_get("append*")["appendonly"] == "yes"
