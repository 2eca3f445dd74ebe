"""The load's own processes: started, told what to do in lines, heard in lines of JSON, ended in any case."""

import json
import os
import resource
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final, Self

ROOT: Final = Path(__file__).resolve().parents[1]
READY_WITHIN_S: Final = 40.0
ENDS_WITHIN_S: Final = 5.0


class WorkerFailed(RuntimeError):
    """A worker said nothing in time, or ended."""


class Worker:
    """`with Worker("loadtests.swarm", {…}) as swarm`: inside, it is ready."""

    def __init__(self, module: str, spec: dict[str, Any]) -> None:
        self._name = module
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, json.dumps(spec)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=ROOT,
        )
        self._rest = b""

    def __enter__(self) -> Self:
        try:
            self.hear(READY_WITHIN_S)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def ask(self, line: str, within_s: float) -> dict[str, Any]:
        self.tell(line)
        return self.hear(within_s)

    def hear(self, within_s: float) -> dict[str, Any]:
        """The next line. Raises WorkerFailed."""
        assert self.process.stdout is not None
        until = time.monotonic() + within_s
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, until - time.monotonic()))
            piece = os.read(self.process.stdout.fileno(), 1 << 20) if ready else b""
            if not piece:
                raise WorkerFailed(f"{self._name} said nothing within {within_s} s, or ended")
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        told: dict[str, Any] = json.loads(line)
        return told


class MachineWatch:
    """What of the machine's CPU went to programs that are not ours, from here to `others()`.

    Ask when our own processes have ended: only then the system has counted them as ours.
    """

    def __init__(self) -> None:
        self._began = self._now()

    @staticmethod
    def _now() -> tuple[float, float, float]:
        """CPU seconds that the machine had, that were used, and that we used."""
        ticks = [int(text) for text in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        second = os.sysconf("SC_CLK_TCK")
        ours = sum(
            sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        return sum(ticks) / second, (sum(ticks) - ticks[3] - ticks[4]) / second, ours

    def others(self) -> float:
        """Their share, 0 to 1."""
        total, used, ours = (now - then for now, then in zip(self._now(), self._began, strict=True))
        return max(0.0, min(1.0, (used - ours) / total))


def sync_ms(folder: Path, count: int) -> list[float]:
    """How long this disk takes to make 4 KB durable, in ms each: under AOF always every bid waits for it."""
    path, taken = folder / "sync", []
    with path.open("wb", buffering=0) as file:
        for _ in range(count):
            file.write(b"x" * 4096)
            began = time.monotonic()
            os.fdatasync(file.fileno())
            taken.append((time.monotonic() - began) * 1000)
    path.unlink()
    return taken


def cpu_s(pid: int) -> float:
    """CPU time of a process so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_kb(pid: int) -> float:
    """Memory of a process that is resident now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024
