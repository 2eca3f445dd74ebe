"""`luochui assistant`: one command starts it, the same command opens it again, and other users stay out."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from signing.assistant.pairing import Pairings
from tests.assistantkit import PHRASE, SmallPlatform, free_port

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "luochui", "assistant", "--quiet"]
NOBODY = 65_534


def environment(folder: Path, port: int, **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "LC_ALL": "C.UTF-8",
        "LUOCHUI_ASSISTANT_DIR": str(folder / "assistant"),
        "LUOCHUI_ASSISTANT_PORT": str(port),
        "LUOCHUI_ASSISTANT_OPEN": "none",
        "LUOCHUI_VUKEY_DIR": str(folder / "ukeys"),
        **more,
    }


@contextmanager
def started(environ: dict[str, str], *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [*COMMAND, *arguments], env=environ, cwd="/", stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert process.stdout is not None
    try:
        text = process.stdout.readline() + process.stdout.readline()
        match = re.search(r"http://\S+", text)
        assert match, text
        for _ in range(100):
            try:
                httpx.get(match[0].rpartition("/open/")[0], trust_env=False)
                break
            except httpx.ConnectError:
                time.sleep(0.05)
        yield process, match[0]
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


def run(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environ,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        encoding="utf-8",
    )


def test_it_starts_opens_again_and_stops(tmp_path: Path) -> None:
    environ = environment(tmp_path, free_port())
    with started(environ) as (process, address):
        assert httpx.get(address, trust_env=False).status_code == 303
        assert httpx.get(address, trust_env=False).status_code == 410
        again = run(environ)
        assert again.returncode == 0
        match = re.search(r"http://\S+", again.stdout)
        assert match
        assert match[0] != address
        assert httpx.get(match[0], trust_env=False).status_code == 303
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert list((tmp_path / "assistant" / "open").iterdir()) == []


def test_it_pairs_at_its_start_and_keeps_the_pairing(tmp_path: Path) -> None:
    platform = SmallPlatform()
    environ = environment(tmp_path, free_port(), LUOCHUI_ASSISTANT_DEMO="1")
    pair = ("--pair", platform.origin, "--phrase", PHRASE, "--code")
    wrong = run(environ, *pair, "AAAA")
    assert wrong.returncode == 1
    assert "配对码不正确" in wrong.stderr
    accesses = set()
    for _ in range(2):
        with started(environ, *pair, platform.code):
            found = Pairings(tmp_path / "assistant").get(platform.origin)
            assert found is not None
            assert found.phrase == PHRASE
            accesses.add(found.access)
    assert len(accesses) == 1
    platform.close()


def test_a_port_that_another_has_is_not_spoken_to(tmp_path: Path) -> None:
    other = SmallPlatform()
    found = run(environment(tmp_path, other.port))
    assert found.returncode == 1
    assert "被别的程序或这台电脑的其他用户占用" in found.stderr
    assert "/v1/open" in other.asked
    other.close()


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    found = run(environment(tmp_path, 80))
    assert found.returncode == 1
    assert "LUOCHUI_ASSISTANT_PORT" in found.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_another_user_cannot_read_anything() -> None:
    reachable = Path(tempfile.mkdtemp(dir="/tmp", prefix="luochui-test-"))
    reachable.chmod(0o755)
    (reachable / "plain").write_text("anybody may")
    with started(environment(reachable, free_port())):
        assert as_nobody(reachable / "plain").stdout == b"anybody may"
        for file in ("secret", "key.pem", "open"):
            path = reachable / "assistant" / file
            assert path.exists()
            found = as_nobody(path)
            assert b"denied" in found.stderr
            assert found.stdout == b""
    shutil.rmtree(reachable)


def as_nobody(path: Path) -> subprocess.CompletedProcess[bytes]:
    who = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    return subprocess.run(["cat", str(path)], capture_output=True, check=False, **who)  # type: ignore[call-overload,no-any-return]
