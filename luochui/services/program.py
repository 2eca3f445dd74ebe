"""One child process: how it is started, stopped within a bound, and cleaned up after a hard stop."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from luochui.services.account import Account, give

PR_SET_PDEATHSIG = 1
LOG_LIMIT = 10 * 1024 * 1024
LAST_RESORT_S = 3.0
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Program:
    """What to run, and how it likes to be stopped. Waits in seconds."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    folder: Path = Path("/")
    account: Account | None = None
    log: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within_s: float = 10.0
    then_signal: signal.Signals = signal.SIGKILL
    phase: int = 0  # started upwards, stopped downwards; equal ones together


def start(program: Program, pid_file: Path | None = None) -> subprocess.Popen[bytes]:
    """Start it in a session of its own (Ctrl-C reaches only the supervisor, which stops all in order)."""
    log = _open_log(program)
    try:
        process = subprocess.Popen(
            program.command,
            env=dict(program.environment),
            cwd=program.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            user=program.account.uid if program.account else None,
            group=program.account.gid if program.account else None,
            extra_groups=[] if program.account else None,
            preexec_fn=_die_with_parent(program.stop_signal, os.getpid()),
        )
    finally:
        if log is not None:
            os.close(log)
    if pid_file is not None:
        written = pid_file.with_suffix(".new")
        written.write_text(f"{process.pid} {_started_at(process.pid)}\n")
        written.replace(pid_file)  # whoever reads it finds the one or the other, never half of it
    return process


def stop(program: Program, process: subprocess.Popen[bytes], *, already_told: bool = False) -> bool:
    """Stop it within its bound; True when it went by itself. Afterwards it is gone in any case."""
    if not already_told:
        tell(program, process)
    if _gone_within(process, program.stop_within_s):
        return True
    for number in (program.then_signal, signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(number)
        if _gone_within(process, LAST_RESORT_S):
            break
    return False


def tell(program: Program, process: subprocess.Popen[bytes]) -> None:
    """Ask it to stop, without waiting."""
    if process.poll() is None:
        process.send_signal(program.stop_signal)


def clear_orphan(program: Program, pid_file: Path) -> bool:
    """Stop what an earlier supervisor, killed outright, left behind under this name; True if there was one.

    The process is recognized by pid and start time, so a stranger that got the same pid is left alone.
    """
    try:
        pid, started = (int(part) for part in pid_file.read_text().split())
    except (FileNotFoundError, ValueError):
        return False
    pid_file.unlink()
    if _started_at(pid) != started:
        return False
    for number, bound in (
        (program.stop_signal, program.stop_within_s),
        (program.then_signal, 3.0),
        (signal.SIGKILL, 3.0),
    ):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            break
        if _wait_until(lambda: _started_at(pid) != started, bound):
            break
    return True


def describe_end(code: int) -> str:
    """An exit status in words."""
    if code >= 0:
        return f"ended with status {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def tail(log: Path | None, lines: int = 5) -> str:
    """The last lines of a log, for an error that has to say why."""
    if log is None or not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        text = file.read().decode("utf-8", "replace")
    return "\n".join(text.strip().splitlines()[-lines:])


def _die_with_parent(number: signal.Signals, parent: int) -> Callable[[], None]:
    def before_exec() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
            if os.getppid() != parent:  # it died before the line above
                os._exit(1)

    return before_exec


def _open_log(program: Program) -> int | None:
    """The log file, moved aside at the start when it has grown past its limit: two files at most."""
    if program.log is None:
        return None
    if program.log.exists() and program.log.stat().st_size > LOG_LIMIT:
        program.log.replace(program.log.with_suffix(".1.log"))
    descriptor = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
    give(program.log, program.account)
    return descriptor


def _gone_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(0.05)
    return True


def _started_at(pid: int) -> int:
    """The kernel's start time of a process in ticks; 0 when there is none (a zombie is none)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    fields = text.rpartition(")")[2].split()
    return 0 if fields[0] == "Z" else int(fields[19])
