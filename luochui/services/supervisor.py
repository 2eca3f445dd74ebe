"""Starts programs in order, restarts the ones that die, and stops all of them in the reverse order.

One thread, no polling: it sleeps until a signal comes (a child ended, somebody wants it to stop) or until
the next thing is due. Nothing it starts outlives it.
"""

import contextlib
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import FrameType

from luochui.logs import get
from luochui.services import program as programs
from luochui.services.program import Program

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 15.0
STEADY_AFTER_S = 60.0
WATCH_EVERY_S = 30.0
# A child that ends with this status (EX_CONFIG) says that another try cannot help.
HOPELESS = 78

log = get("luochui.supervisor")


class Stopped(Exception):
    """Somebody asked for the end while the start was under way."""


class Wakeups:
    """Turns signals into a wake-up of `wait`, and remembers whether the end was asked for."""

    def __init__(self) -> None:
        self.stopping = False
        self._reader, self._writer = socket.socketpair()

    @contextlib.contextmanager
    def installed(self) -> Iterator["Wakeups"]:
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        before_fd = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        before = {number: signal.signal(number, self._stop) for number in STOP_SIGNALS}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before_fd)
            self._reader.close()
            self._writer.close()

    def wait(self, seconds: float) -> None:
        """Sleep until a signal comes, at most so long."""
        select.select([self._reader], [], [], max(0.0, seconds))
        with contextlib.suppress(BlockingIOError):
            while self._reader.recv(4096):
                pass

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True


@dataclass
class Child:
    """What the supervisor knows of one program. Times are those of the monotonic clock."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    due: float = field(default=float("inf"))  # the next start, while it is down

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """The children of one `luochui up`."""

    def __init__(
        self, *, run_folder: Path, wakeups: Wakeups, watch: Callable[[], None] | None = None
    ) -> None:
        self._run_folder = run_folder
        self._wakeups = wakeups
        self._children: dict[str, Child] = {}
        self._watch = watch
        self._next_watch = 0.0
        self.given_up: list[str] = []

    def start(self, new: Sequence[Program]) -> None:
        """Start them in the order of their phases; orphans of a killed supervisor are ended first."""
        for program in sorted(new, key=lambda each: each.phase):
            if programs.clear_orphan(program, self._pid_file(program)):
                log.warning("orphan_ended", name=program.name)
            child = self._children[program.name] = Child(program)
            self._start(child)

    def alive(self, program: Program) -> bool:
        return self._children[program.name].running

    def step(self, longest_s: float = WATCH_EVERY_S) -> None:
        """Sleep until something happens, then restart what is due; raises Stopped at the request to end."""
        now = time.monotonic()
        due = min((child.due for child in self._children.values()), default=float("inf"))
        watch = float("inf") if self._watch is None else self._next_watch
        self._wakeups.wait(min(longest_s, due - now, watch - now))
        if self._wakeups.stopping:
            raise Stopped
        for child in self._children.values():
            self._look_after(child, time.monotonic())
        if self._watch is not None and time.monotonic() >= self._next_watch:
            self._next_watch = time.monotonic() + WATCH_EVERY_S
            self._watch()

    def stop(self) -> None:
        """Stop all, the last phase first; each program within its bound."""
        down = sorted(self._children.values(), key=lambda child: -child.program.phase)
        for _phase, group in groupby(down, key=lambda child: child.program.phase):
            together = [child for child in group if child.process is not None]
            for child in together:
                if child.process is not None:
                    programs.tell(child.program, child.process)
            for child in together:
                self._finish(child)
        self._children.clear()

    def _finish(self, child: Child) -> None:
        if child.process is None:
            return
        if programs.stop(child.program, child.process, already_told=True):
            log.debug("stopped", name=child.program.name)
        else:
            log.warning("stopped_by_force", name=child.program.name, after_s=child.program.stop_within_s)
        self._pid_file(child.program).unlink(missing_ok=True)

    def _start(self, child: Child) -> None:
        child.due = float("inf")
        child.started = time.monotonic()
        try:
            child.process = programs.start(child.program, self._pid_file(child.program))
        except OSError as error:
            child.process = None
            self._plan_restart(child, f"could not be started: {error}")
        else:
            log.debug("started", name=child.program.name, pid=child.process.pid)

    def _look_after(self, child: Child, now: float) -> None:
        if child.process is not None and (code := child.process.poll()) is not None:
            child.process = None
            if code == HOPELESS:
                self.given_up.append(child.program.name)
                log.error(
                    "given_up", name=child.program.name, why="its error is above; a restart would not help"
                )
                return
            if now - child.started >= STEADY_AFTER_S:
                child.failures = 0
            self._plan_restart(child, programs.describe_end(code))
        if child.process is None and now >= child.due:
            self._start(child)
            log.warning("restarted", name=child.program.name, failures=child.failures)

    def _plan_restart(self, child: Child, what: str) -> None:
        delay = min(FIRST_DELAY_S * 2**child.failures, LONGEST_DELAY_S)
        child.failures = min(child.failures + 1, 20)
        child.due = time.monotonic() + delay
        log.error(
            "died",
            name=child.program.name,
            what=what,
            restart_in_s=delay,
            failures=child.failures,
            log=str(child.program.log) if child.program.log else None,
        )

    def _pid_file(self, program: Program) -> Path:
        return self._run_folder / f"{program.name}.pid"
