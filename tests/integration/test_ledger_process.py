"""The ledger's process and `luochui recover`, as an operator runs them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
import typer
from typer.testing import CliRunner

from bidding.ledger.file import verify_ledger
from bidding.ledger.trimming import MARGIN_MS, note_positions, trim
from bidding.messages import Phase
from luochui.commands import recover as command
from luochui.commands.verify import key_in
from luochui.operations.backup import LAST_BACKUP
from luochui.operations.log_keeping import DAY_MS, trim_log
from luochui.processes.ledger import wall_clock_ms
from luochui.settings import Settings, load
from luochui.vaults import open_vault
from office.accounts import Accounts, Role
from office.sealed import QualifiedRow
from tests.integration.test_ledger import append, check_chains, lively
from tests.integration.test_settlement import sealed_file
from tests.ledgerkit import SECRETS, Scene, scene, terms
from tests.timekit import PATIENCE_S


@pytest.fixture
async def stage(valkey: str, database: str) -> AsyncIterator[Scene]:
    async with scene(valkey, database, partitions=2, frozen=False) as made:
        yield made


@contextmanager
def ledger(stage: Scene, data: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """`luochui run ledger`, stopped by SIGTERM; it must end well."""
    environment = {
        **os.environ,
        "DATABASE_URL": stage.database_url,
        "REDIS_URL": stage.redis_url,
        "LUOCHUI_DATA": str(data),
        "LUOCHUI_PARTITIONS": "2",
        "LUOCHUI_LOG_FORMAT": "json",
        "LUOCHUI_TOLERANCE_MS": "3600000",  # the test is ahead of the time that this process knows
    }
    with redis.Redis.from_url(stage.redis_url) as client:
        client.delete("luochui:metrics:ledger")
        process = subprocess.Popen([sys.executable, "-m", "luochui", "run", "ledger"], env=environment)
        for _ in range(600):  # it shows its metrics as soon as it listens to signals
            if client.exists("luochui:metrics:ledger"):
                break
            time.sleep(0.1)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


async def test_the_process_records_settles_seals_and_shows_its_metrics(stage: Scene, tmp_path: Path) -> None:
    await stage.put_on(terms(window_ms=600_000))
    with ledger(stage, tmp_path):
        await stage.recorded("L-1", 1)
        await stage.open("L-1")
        await lively(stage, "L-1", 6)
        await stage.pass_time(600_000)
        await stage.reach("L-1", Phase.CLOSED)
        data = await sealed_file(stage, "L-1")
        with redis.Redis.from_url(stage.redis_url, decode_responses=True) as client:
            for _ in range(600):
                shown = str(client.get("luochui:metrics:ledger"))
                if "luochui_ledger_seals_total 1.0" in shown:
                    break
                time.sleep(0.1)
        assert "luochui_ledger_seals_total 1.0" in shown
    (pem,) = (tmp_path / "trust").glob("*.pem")
    assert verify_ledger(data, [key_in(pem)]).exit_code == 0
    assert (tmp_path / "keys" / "ledger.pem").stat().st_mode & 0o777 == 0o600


async def test_sigterm_drains_what_is_in_the_log(stage: Scene, tmp_path: Path) -> None:
    await stage.put_on(terms(window_ms=600_000))
    with ledger(stage, tmp_path):
        await stage.recorded("L-1", 1)
        await stage.open("L-1")
        await lively(stage, "L-1", 40)
    session = await stage.session("L-1")
    assert await check_chains(stage, "L-1") == session.seq


async def test_kill_9_loses_nothing_and_doubles_nothing(stage: Scene, tmp_path: Path) -> None:
    await stage.put_on(terms(window_ms=600_000))
    await stage.open("L-1")
    price = 100
    for _ in range(3):
        environment = {
            **os.environ,
            "DATABASE_URL": stage.database_url,
            "REDIS_URL": stage.redis_url,
            "LUOCHUI_DATA": str(tmp_path),
            "LUOCHUI_PARTITIONS": "2",
            "LUOCHUI_TOLERANCE_MS": "3600000",
        }
        process = subprocess.Popen([sys.executable, "-m", "luochui", "run", "ledger"], env=environment)
        price = await lively(stage, "L-1", 20, price)
        time.sleep(0.8)
        process.kill()
        process.wait()
    with ledger(stage, tmp_path):
        await stage.recorded("L-1", (await stage.session("L-1")).seq)
    assert await check_chains(stage, "L-1") == (await stage.session("L-1")).seq
    assert await stage.rows("SELECT * FROM ledger_conflicts") == []


async def test_the_recover_command_says_what_it_promises(
    stage: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = Accounts(stage.engine)
    for login in ("bidder-1", "bidder-2"):
        await accounts.create(login, "a-long-password-9", Role.BIDDER, "测试竞买人")
    rows = [QualifiedRow("bidder-1"), QualifiedRow("bidder-2", 1)]
    given = {"DATABASE_URL": stage.database_url, "REDIS_URL": stage.redis_url, "LUOCHUI_PARTITIONS": "2"}
    for name, value in {**given, "LUOCHUI_DATA": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    vault = await open_vault(load(), stage.engine)
    await vault.import_qualified("L-1", rows)
    listed = await vault.qualified("L-1")
    await stage.put_on(terms(), secrets=SECRETS, qualified=listed)
    async with stage.writer():
        await stage.reach("L-1", Phase.INQUIRY)
    assert run_recover()[0] == 1
    with redis.Redis.from_url(stage.redis_url) as client:
        client.flushall()
    code, said = run_recover()
    assert code == 0, said
    assert "epoch 2" in said
    assert "last recorded entry 2" in said
    assert "may be lost" in said
    code, said = run_recover()
    assert code == 1
    assert "--force" in said
    assert (await stage.session("L-1")).qualified == listed


def run_recover() -> tuple[int, str]:
    """In a process of its own: the command runs a loop, and so does this test."""
    done = subprocess.run(
        [sys.executable, "-m", "luochui", "recover"], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_the_recover_command_is_registered() -> None:
    app = typer.Typer()
    command.register(app)
    assert "--force" in CliRunner().invoke(app, ["--help"], terminal_width=200).output


async def test_the_log_is_trimmed_only_where_it_is_recorded_and_backed_up(stage: Scene) -> None:
    for lot in ("L-1", "L-2"):
        await stage.put_on(terms(lot, window_ms=600_000))
        await stage.open(lot)
    async with stage.writer():
        pass
    log = stage.book.keys("L-1").log
    with redis.Redis.from_url(stage.redis_url) as client:
        recorded = client.xlen(log)
        append(stage, "L-1", seq=99, kind="notice", line="{}")
        assert (await trim(stage.book, stage.database_url, 1))[log] == 0
        far = 2**45
        assert (await trim(stage.book, stage.database_url, far))[log] == 0, "no backup can be said to have it"
        assert await note_positions(stage.book, stage.database_url)
        assert not await note_positions(stage.book, stage.database_url), "not so often"
        removed = (await trim(stage.book, stage.database_url, far))[log]
        assert removed == recorded - 1
        assert client.xlen(log) == 2
        async with stage.writer():
            await stage.eventually("SELECT count(*) FROM ledger_conflicts", 1)
        append(stage, "L-2", seq=99, kind="notice", line="{}")
        await trim(stage.book, stage.database_url, far)
        assert client.xlen(log) >= 1


async def test_what_was_recorded_only_after_the_backup_began_is_kept(stage: Scene) -> None:
    """An entry older than the backup's moment that a lagging ledger recorded later."""
    await stage.put_on(terms(window_ms=600_000))
    async with stage.writer():
        await stage.recorded("L-1", 1)
    await note_positions(stage.book, stage.database_url)
    await stage.open("L-1")
    await stage.bid("L-1", "1001", 100)
    backup = wall_clock_ms() + MARGIN_MS + 1_000
    async with stage.writer():
        await stage.recorded("L-1", (await stage.session("L-1")).seq)
    log = stage.book.keys("L-1").log
    with redis.Redis.from_url(stage.redis_url) as client:
        before = client.xlen(log)
        assert before > 2
        await trim(stage.book, stage.database_url, backup)
        assert client.xlen(log) == before
        await note_positions(stage.book, stage.database_url, every_ms=0)
        await trim(stage.book, stage.database_url, wall_clock_ms() + MARGIN_MS + 1_000)
        assert client.xlen(log) == 1


async def test_the_log_goes_only_after_its_days_and_after_a_backup(stage: Scene) -> None:
    await stage.put_on(terms(window_ms=600_000))
    await stage.open("L-1")
    async with stage.writer():
        pass
    settings = Settings(redis_url=stage.redis_url, database_url=stage.database_url, log_keep_days=30)
    forever = settings.model_copy(update={"log_keep_days": 0})
    await note_positions(stage.book, stage.database_url)
    now, later = wall_clock_ms(), wall_clock_ms() + 31 * DAY_MS
    with redis.Redis.from_url(stage.redis_url) as client:
        log, before = stage.book.keys("L-1").log, client.xlen(stage.book.keys("L-1").log)
        assert await trim_log(settings, stage.book, later) == {}, "no backup"
        client.set(LAST_BACKUP, json.dumps({"taken_at_ms": now + 120_000, "folder": "/backups/monday"}))
        assert await trim_log(settings, stage.book, now + 120_000) == {}, "too young"
        assert await trim_log(forever, stage.book, later) == {}, "kept for ever"
        assert (await trim_log(settings, stage.book, later))[log] == before - 1
        assert client.xlen(log) == 1
