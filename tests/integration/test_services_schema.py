"""Migrations and readiness, on real servers."""

from collections.abc import Iterator

import psycopg
import pytest
import redis

from luochui.operations import demonstration, disk, migrations, readiness
from luochui.operations.migrations import LotsAreLive
from luochui.operations.readiness import Check, Report
from luochui.settings import Settings


@pytest.fixture
def fresh(postgres_url: str, postgres_admin_url: str) -> Iterator[str]:
    """An empty database of its own."""
    with psycopg.connect(postgres_admin_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE fresh OWNER luochui")
    yield postgres_url.rpartition("/")[0] + "/fresh"
    with psycopg.connect(postgres_admin_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE fresh WITH (FORCE)")


def named(report: Report) -> dict[str, Check]:
    return {check.name: check for check in report.checks}


@pytest.mark.parametrize("phase", migrations.LIVE_PHASES)
def test_no_migration_while_a_lot_is_live(fresh: str, phase: str) -> None:
    with psycopg.connect(fresh) as connection:
        connection.execute("CREATE TABLE lots (phase text)")
        connection.execute("INSERT INTO lots VALUES (%s), ('closed')", (phase,))
    with pytest.raises(LotsAreLive, match="1 lot"):
        migrations.upgrade(fresh)
    assert migrations.schema(fresh).current is None


def test_live_lots_do_not_hinder_a_start_without_migration(database: str) -> None:
    assert not migrations.schema(database).pending
    assert not migrations.upgrade(database).pending


def test_the_schema_comes_to_the_head_and_is_ready(fresh: str, valkey: str) -> None:
    before = migrations.upgrade(fresh)
    assert before.current is None
    assert migrations.schema(fresh).current == migrations.head() is not None


async def test_ready_when_all_promises_hold(database: str, valkey: str, tmp_path: object) -> None:
    settings = Settings(database_url=database, redis_url=valkey, disk_alarm_mb=1)
    report = await readiness.readiness(settings, more=[beat_age])
    assert report.ready, report
    assert set(named(report)) >= {"database", "migrations", "redis", "durability", "disk", "beat"}
    assert report.as_json()["ready"] is True


async def beat_age() -> Check:
    return Check("beat", True, "120 ms ago")


async def test_not_ready_without_sync_at_every_write(database: str, valkey: str) -> None:
    settings = Settings(database_url=database, redis_url=valkey, disk_alarm_mb=1)
    with redis.Redis.from_url(valkey) as client:
        client.config_set("appendfsync", "everysec")
        try:
            report = await readiness.readiness(settings)
        finally:
            client.config_set("appendfsync", "always")
    assert not report.ready
    assert not named(report)["durability"].ok


async def test_not_ready_while_a_migration_is_missing(fresh: str, valkey: str) -> None:
    report = await readiness.readiness(Settings(database_url=fresh, redis_url=valkey, disk_alarm_mb=1))
    assert not named(report)["migrations"].ok


async def test_servers_that_are_gone_are_named_and_no_secret_is_shown() -> None:
    settings = Settings(
        database_url="postgresql://luochui:hunter2hunter2@127.0.0.1:9/x",
        redis_url="redis://:hunter2@127.0.0.1:9/0",
    )
    report = await readiness.readiness(settings)
    assert not named(report)["database"].ok
    assert not named(report)["redis"].ok
    assert "hunter2" not in str(report.as_json())


async def test_a_probe_that_hangs_is_bounded(
    database: str, valkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    async def lag() -> Check:
        await asyncio.sleep(60)
        raise AssertionError("it was waited for")

    monkeypatch.setattr(readiness, "PROBE_WITHIN_S", 0.2)
    report = await readiness.readiness(Settings(database_url=database, redis_url=valkey), more=[lag])
    assert not named(report)["lag"].ok


def test_the_disk_alarm_comes_before_the_disk_is_full(tmp_path: object) -> None:
    settings = Settings(data=str(tmp_path), disk_alarm_mb=10_000_000)
    alarm = disk.free_space(settings)
    assert alarm is not None
    assert alarm.free_mb < alarm.limit_mb
    assert "no bid can be accepted" in str(alarm)
    assert disk.free_space(settings.model_copy(update={"disk_alarm_mb": 1})) is None


def test_demonstration_and_real_data_never_share_a_database(fresh: str) -> None:
    demonstration.check(fresh, demo=True)  # empty: marked
    demonstration.check(fresh, demo=True)
    with pytest.raises(demonstration.WrongDatabase, match="demonstration data"):
        demonstration.check(fresh, demo=False)
