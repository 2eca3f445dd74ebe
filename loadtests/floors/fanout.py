"""Runs the C floor of the fan-out: compiled when it is needed, with the swarm as its watchers."""

import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadtests.workers import ROOT, Worker

SOURCE: Final = Path(__file__).with_name("fanout_floor.c")
BINARY: Final = ROOT / "build" / "fanout_floor"
INTERVAL_MS: Final = 60


@dataclass(frozen=True, slots=True)
class Floor:
    """Per round: ms until the last watcher had the frame; and CPU µs per delivery."""

    last_ms: tuple[float, ...]
    cpu_us: tuple[float, ...]


def compiled() -> Path | None:
    """The program; None without a C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    if not BINARY.exists() or BINARY.stat().st_mtime < SOURCE.stat().st_mtime:
        BINARY.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([compiler, "-O2", "-o", str(BINARY), str(SOURCE)], check=True, timeout=60)
    return BINARY


def measure(watchers: int, rounds: int, frame_bytes: int) -> Floor | None:
    """Run it; None without a C compiler."""
    program = compiled()
    if program is None:
        return None
    command = [str(program), *map(str, (watchers, rounds, INTERVAL_MS, frame_bytes))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            spec = {"host": "127.0.0.1", "port": port, "lot": "", "watchers": watchers, "raw": True}
            with Worker("loadtests.swarm", spec) as swarm:
                lines = [line.split() for line in server.stdout if line.strip() != "ready"]
                last = {int(seq): at for seq, at in swarm.ask("", 10)["last"].items()}
        finally:
            with suppress(ProcessLookupError):
                server.kill()
    rows = [(int(number), int(start) / 1e9, int(cpu) / 1e3) for number, start, cpu in lines]
    return Floor(
        tuple((last[number] - start) * 1000 for number, start, _ in rows if number in last),
        tuple(cpu / watchers for _, _, cpu in rows),
    )
