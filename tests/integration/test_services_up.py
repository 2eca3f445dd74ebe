"""`luochui up` as a program: real servers, real signals, nothing left behind."""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final

import psycopg
import pytest
import redis

from luochui.commands import announcing
from luochui.services import embedded, running
from luochui.services.embedded import Running
from luochui.settings import Settings
from office.accounts import Role

STARTS_WITHIN_S = 120.0
DEMONSTRATION: Final = ("luochui", "demo")
QUIET: Final = ("tests.browser.quiet_demo",)
"""All of its processes but the robots, with little to show: the whole one takes a minute of both cores."""


@contextmanager
def a_folder() -> Iterator[Path]:
    """A data folder which the services' account can reach."""
    made = Path(tempfile.mkdtemp(prefix="luochui-test-"))
    made.chmod(0o711)
    try:
        yield made / "data"
    finally:
        shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    with a_folder() as made:
        yield made


@pytest.fixture(scope="module")
def up() -> Iterator["Up"]:
    """One for all who leave it running; it also repairs what they kill, and ends well at SIGTERM."""
    with a_folder() as folder:
        started = Up(folder)
        try:
            started.wait_started()
            yield started
            started.ends_well(signal.SIGTERM)
        finally:
            started.end()


class Up:
    """One `luochui up`."""

    def __init__(
        self,
        folder: Path,
        more: Mapping[str, str] = MappingProxyType({}),
        *,
        module: Sequence[str] = ("luochui", "up"),
    ) -> None:
        self.folder = folder
        self.port = free_ports(2)
        self.environment = {
            **os.environ,
            "LUOCHUI_DATA": str(folder),
            "LUOCHUI_PORT": str(self.port),
            "LUOCHUI_GATEWAYS": "1",
            "LUOCHUI_CLOSERS": "1",
            "LUOCHUI_LOG_FORMAT": "json",
            "LUOCHUI_READY_WITHIN_S": "90",
            **more,
        }
        self.log = folder.parent / "up.log"
        self._command = [sys.executable, "-m", *module]
        self.start()

    def start(self) -> None:
        """Again, when the one before is dead: its log goes on."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._command, env=self.environment, stdout=log, stderr=log)

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "luochui", *arguments]

    def run(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=150,
        )

    def wait_started(self) -> None:
        wait(lambda: "Luochui is" in self.text() or self.process.poll() is not None, STARTS_WITHIN_S)
        assert self.process.poll() is None, self.text()

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def settings(self) -> Settings:
        return running.attach(Settings(data=self.folder))

    def pid(self, name: str) -> int:
        return int((self.folder / "run" / f"{name}.pid").read_text().split()[0])

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(120)

    def ends_well(self, number: signal.Signals = signal.SIGTERM) -> None:
        """At the signal it stops all, leaves no process behind, and none had to be forced."""
        assert processes_with(str(self.folder))
        assert self.end(number) == 0
        assert processes_with(str(self.folder)) == []
        assert "stopped_by_force" not in self.text()


def wait(condition: object, seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def free_ports(count: int) -> int:
    """The first of so many free ports in a row."""
    for _attempt in range(100):
        first = random.randrange(10_000, 20_000)  # below the ports that connections take by themselves
        if all(_free(port) for port in range(first, first + count + 1)):
            return first
    raise AssertionError("no free ports")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return port <= 65_535 and probe.connect_ex(("127.0.0.1", port)) != 0


def processes_with(text: str) -> list[str]:
    """The command lines of living processes that have this in their command line or environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if command and text.encode() in command + environment and entry.name != str(os.getpid()):
            found.append(command.replace(b"\0", b" ").decode())
    return found


@contextmanager
def connected(url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(url, socket_timeout=30, decode_responses=True) as client:
        yield client


def test_a_second_start_on_the_same_folder_says_so(up: Up) -> None:
    second = up.run("up")
    assert second.returncode == 1
    assert second.stderr.strip() == (
        f"Another luochui (process {up.process.pid}) already runs on {up.folder}."
    )
    assert up.process.poll() is None


def test_a_start_that_is_interrupted_leaves_no_process_behind(folder: Path) -> None:
    started = Up(folder)
    wait(lambda: (folder / "run" / "valkey.pid").exists(), STARTS_WITHIN_S)
    started.end()
    assert processes_with(str(folder)) == []


def test_kill_9_of_valkey_loses_no_acknowledged_write(up: Up) -> None:
    settings = up.settings()
    with connected(settings.required_redis_url()) as client:
        for number in range(200):
            client.set(f"kept:{number}", number)
    first = up.pid("valkey")
    os.kill(first, signal.SIGKILL)
    wait(lambda: up.pid("valkey") != first)
    wait(lambda: answers(settings.required_redis_url()))
    with connected(settings.required_redis_url()) as client:
        assert [client.get(f"kept:{number}") for number in range(200)] == [str(n) for n in range(200)]
    assert died(up) >= {"valkey"}


def test_kill_9_of_postgres_is_repaired_and_reported(up: Up) -> None:
    url = up.settings().required_database_url()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")
    first = up.pid("postgres")
    os.kill(first, signal.SIGKILL)
    wait(lambda: up.pid("postgres") != first)
    wait(lambda: count(url) == 1000)
    assert died(up) >= {"postgres"}


def test_kill_9_of_the_supervisor_leaves_nothing_and_the_next_start_works(up: Up) -> None:
    with connected(up.settings().required_redis_url()) as client:
        client.set("kept by both", "yes")
    with psycopg.connect(up.settings().required_database_url()) as connection:
        connection.execute(
            "INSERT INTO accounts (login, password_hash, role, name) VALUES ('first', 'x', %s, 'k')",
            (Role.ADMINISTRATOR.value,),
        )
    wait(lambda: "Stop     Ctrl-C" in up.text(), STARTS_WITHIN_S)
    before, dead = len(up.text()), {name: up.pid(name) for name in ("postgres", "valkey", "web")}
    up.process.kill()
    up.process.wait()
    up.start()
    wait(lambda: "Stop     Ctrl-C" in up.text()[before:] or up.process.poll() is not None, STARTS_WITHIN_S)
    assert up.process.poll() is None, up.text()[before:]
    assert "luochui account" not in up.text()[before:], "there is an administrator"
    assert all(up.pid(name) != pid for name, pid in dead.items())
    with connected(up.settings().required_redis_url()) as client:
        assert client.get("kept by both") == "yes"


def test_real_data_are_no_place_for_a_demonstration(folder: Path, database: str, valkey: str) -> None:
    refused = Up(folder, {"DATABASE_URL": database, "REDIS_URL": valkey}, module=DEMONSTRATION)
    assert refused.process.wait(120) == 1
    assert "real data" in refused.text()


def test_secrets_are_on_no_command_line_and_open_to_nobody_else(up: Up) -> None:
    secrets = json.loads((up.folder / "secrets.json").read_text())
    lines = "\n".join(_readable_command_lines())
    for secret in secrets.values():
        assert secret not in lines
        assert secret not in up.text()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(up.settings().required_database_url(), password="another")
    assert (up.folder / "secrets.json").stat().st_mode & 0o077 == 0
    assert (up.folder / "valkey").resolve().stat().st_mode & 0o077 == 0


def test_maintenance_is_switched_from_another_terminal(up: Up) -> None:
    assert up.run("maintenance", "on", "升级中").returncode == 0
    with connected(up.settings().required_redis_url()) as client:
        assert client.get("luochui:maintenance") == "升级中"
    assert up.run("maintenance", "off").returncode == 0
    with connected(up.settings().required_redis_url()) as client:
        assert client.get("luochui:maintenance") is None


def test_the_first_administrator_is_made_as_the_start_says(up: Up) -> None:
    wait(lambda: "Stop     Ctrl-C" in up.text(), STARTS_WITHIN_S)
    assert "luochui account LOGIN --role administrator --name NAME" in up.text()
    typed = "a long password\n"
    made = up.run("account", "keeper", "--role", "administrator", "--name", "管理员", typed=typed)
    assert made.returncode == 0, made.stderr
    assert "keeper (administrator)" in made.stdout
    again = up.run("account", "keeper", "--role", "administrator", typed=typed)
    assert (again.returncode, "already" in again.stderr) == (1, True)


@pytest.mark.parametrize(
    ("module", "shown"),
    [
        pytest.param(QUIET, ("transferor / luochui-demo",), id="quiet"),
        pytest.param(
            DEMONSTRATION,
            ("making listings in every state …", "bidder1 / luochui-demo", "timed bidding", "/room"),
            id="whole",
            marks=pytest.mark.long,
        ),
    ],
)
def test_the_demonstration_says_how_far_it_is_and_where_to_go(
    folder: Path, module: tuple[str, ...], shown: tuple[str, ...]
) -> None:
    """It also ends well at Ctrl-C."""
    quick = {"LUOCHUI_READY_WITHIN_S": "150", "LUOCHUI_VUKEY_COST": "10"}
    started = Up(folder, quick, module=module)
    try:
        wait(lambda: "Stop     Ctrl-C" in started.text() or started.process.poll() is not None, 200)
        said = started.text()
        started.ends_well(signal.SIGINT)
    finally:
        started.end()
    for part in (
        *("starting PostgreSQL and Valkey …", "making the demonstration's data …", "Luochui is ready"),
        *(f"http://127.0.0.1:{started.port}", str(folder), "UKey PIN", *shown),
    ):
        assert part in said
    assert '"level": "info"' not in said


def test_the_accounts_and_the_lot_of_the_demonstration_are_named_in_a_line_each() -> None:
    lines = announcing.demo_accounts()
    assert any(line.startswith("bidder1 / luochui-demo ") and "UKey PIN" in line for line in lines)
    lot = announcing.GoesLive("XX-1", "一处房产", at=90_000)
    assert lot.text(30_000) == "XX-1 一处房产: timed bidding in 60 s, at 08:01:30"
    assert lot.text(90_000) == "XX-1 一处房产: timed bidding now"


def test_the_doctor_looks_at_the_running_servers(up: Up) -> None:
    said = up.run("doctor").stdout
    assert "✓ durability: appendonly yes, appendfsync always" in said
    assert f"luochui runs here as process {up.process.pid}" in said


def test_faulty_settings_are_named_before_anything_starts(folder: Path) -> None:
    environment = {**os.environ, "LUOCHUI_DATA": str(folder), "LUOCHUI_PORT": "x", "REDIS_URL": "http://x"}
    done = subprocess.run(Up.command("up"), env=environment, capture_output=True, text=True, timeout=150)
    assert done.returncode == 1
    assert "LUOCHUI_PORT" in done.stderr
    assert "REDIS_URL" in done.stderr
    assert "Traceback" not in done.stderr
    assert not folder.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends an account")
def test_root_runs_the_servers_as_an_unprivileged_account(up: Up) -> None:
    for name in ("postgres", "valkey"):
        assert Path(f"/proc/{up.pid(name)}").stat().st_uid != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends an account")
def test_root_may_name_a_folder_that_the_account_cannot_reach(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    settings = Settings(data=closed / "data", redis_url="redis://unused")
    with Running(embedded.plan(settings)) as servers:
        assert answers_sql(servers.settings.required_database_url())
    assert closed.stat().st_mode & 0o777 == 0o700
    shutil.rmtree((closed / "data" / "postgres").resolve())


def test_existing_servers_have_to_keep_what_they_acknowledge(
    folder: Path, database: str, valkey: str
) -> None:
    environment = {"DATABASE_URL": database, "REDIS_URL": valkey}
    with connected(valkey) as client:
        client.config_set("appendfsync", "everysec")
        try:
            refused = Up(folder, environment)
            assert refused.process.wait(120) == 1
        finally:
            client.config_set("appendfsync", "always")
    assert "before they are on disk" in refused.text()
    accepted = Up(folder, environment)
    wait(lambda: (folder / "run" / "web.pid").exists() or accepted.process.poll() is not None)
    assert accepted.process.poll() is None, accepted.text()
    assert accepted.end() == 0
    assert not (folder / "postgres").exists()
    assert not (folder / "valkey").exists()


@pytest.mark.long
@pytest.mark.parametrize("named", [("DATABASE_URL", "REDIS_URL"), ("DATABASE_URL",), ("REDIS_URL",)])
def test_existing_servers_are_used_beside_those_that_are_started(
    folder: Path, database: str, valkey: str, named: tuple[str, ...]
) -> None:
    existing = {"DATABASE_URL": database, "REDIS_URL": valkey}
    accepted = Up(folder, {name: existing[name] for name in named})
    accepted.wait_started()
    assert accepted.end() == 0
    assert (folder / "postgres").exists() is ("DATABASE_URL" not in named)
    assert (folder / "valkey").exists() is ("REDIS_URL" not in named)


def test_a_server_that_is_gone_is_named_without_its_password(folder: Path, valkey: str) -> None:
    url = "postgresql://luochui:hunter2hunter2@127.0.0.1:9/luochui"
    refused = Up(folder, {"DATABASE_URL": url, "REDIS_URL": valkey})
    assert refused.process.wait(120) == 1
    assert "DATABASE_URL: 127.0.0.1:9 cannot be used" in refused.text()
    assert "hunter2" not in refused.text()
    assert "Traceback" not in refused.text()


def answers(url: str) -> bool:
    try:
        with connected(url) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def answers_sql(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def count(url: str) -> int:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            row = connection.execute("SELECT count(*) FROM kept").fetchone()
            return int(row[0]) if row else -1
    except psycopg.OperationalError:
        return -1


def died(up: Up) -> set[str]:
    lines = [json.loads(line) for line in up.text().splitlines() if line.startswith("{")]
    return {line["name"] for line in lines if line["event"] == "died"}


def _readable_command_lines() -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            found.append((entry / "cmdline").read_text())
    return found
