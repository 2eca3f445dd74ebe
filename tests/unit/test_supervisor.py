"""The supervisor, with small programs in place of the real ones."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from luochui.services.folder import DataFolder, FolderInUse
from luochui.services.program import Program, clear_orphan, describe_end, start, stop
from luochui.services.supervisor import HOPELESS, Stopped, Supervisor, Wakeups
from tests.timekit import PATIENCE_S

SLEEP = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('set', flush=True); time.sleep(60)"
)


def python(name: str, code: str, **kwargs: object) -> Program:
    return Program(name, (sys.executable, "-c", code), environment=dict(os.environ), **kwargs)  # type: ignore[arg-type]


@pytest.fixture
def wakeups() -> Iterator[Wakeups]:
    with Wakeups().installed() as installed:
        yield installed


@pytest.fixture
def supervisor(tmp_path: Path, wakeups: Wakeups) -> Iterator[Supervisor]:
    made = Supervisor(run_folder=tmp_path, wakeups=wakeups)
    yield made
    made.stop()


def steps_until(supervisor: Supervisor, condition: object, seconds: float = PATIENCE_S) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen in time"
        supervisor.step(0.2)


def pid_of(tmp_path: Path, name: str) -> int:
    return int((tmp_path / f"{name}.pid").read_text().split()[0])


def test_a_child_that_dies_is_restarted(supervisor: Supervisor, tmp_path: Path) -> None:
    program = python("sleeper", SLEEP)
    supervisor.start([program])
    first = pid_of(tmp_path, "sleeper")
    os.kill(first, signal.SIGKILL)
    steps_until(supervisor, lambda: supervisor.alive(program) and pid_of(tmp_path, "sleeper") != first)


def test_a_child_that_keeps_dying_is_restarted_ever_more_rarely(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    count = tmp_path / "count"
    with capture_logs() as said:
        supervisor.start([python("failing", f"open({str(count)!r}, 'a').write('x')")])
        steps_until(supervisor, lambda: sum(line["event"] == "died" for line in said) == 4)
    delays = [line["restart_in_s"] for line in said if line["event"] == "died"]
    assert delays == [0.1, 0.2, 0.4, 0.8]
    assert len(count.read_text()) == 4
    due = supervisor._children["failing"].due
    while time.monotonic() + 0.3 < due:
        supervisor.step(0.05)
        assert len(count.read_text()) == 4, "it was started before its time"


def test_a_child_that_cannot_work_is_given_up(supervisor: Supervisor) -> None:
    program = python("absent", f"raise SystemExit({HOPELESS})")
    supervisor.start([program])
    steps_until(supervisor, lambda: supervisor.given_up == ["absent"])
    supervisor.step(0.3)
    assert not supervisor.alive(program)


def test_children_stop_in_the_reverse_order_of_their_phases(supervisor: Supervisor, tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    ready = tmp_path / "ready"
    code = (
        "import signal, sys, time\n"
        f"def end(*_): time.sleep(0.1); open({str(ended)!r}, 'a').write(sys.argv[1] + ' '); sys.exit()\n"
        f"signal.signal(signal.SIGTERM, end); open({str(ready)!r}, 'a').write('x'); time.sleep(60)"
    )
    names = ["servers", "ledger", "web", "gateway"]
    supervisor.start(
        [
            Program(name, (sys.executable, "-c", code, name), dict(os.environ), phase=phase)
            for phase, name in enumerate(names)
        ]
    )
    steps_until(supervisor, lambda: ready.exists() and len(ready.read_text()) == len(names))
    supervisor.stop()
    assert ended.read_text().split() == names[::-1]


def test_a_child_that_will_not_stop_is_stopped_within_the_bound(tmp_path: Path) -> None:
    log = tmp_path / "log"
    program = python("stubborn", STUBBORN, stop_within_s=0.3, log=log)
    process = start(program)
    while not log.exists() or b"set" not in log.read_bytes():
        time.sleep(0.02)
    began = time.monotonic()
    assert stop(program, process) is False
    assert process.poll() == -signal.SIGKILL
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_sleep_at_once(supervisor: Supervisor, number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    began = time.monotonic()
    with pytest.raises(Stopped):
        supervisor.step(100)
    assert time.monotonic() - began < 50


def test_a_child_does_not_outlive_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, sys, time\n"
        "from luochui.services.program import Program, start\n"
        "from pathlib import Path\n"
        f"p = start(Program('x', (sys.executable, '-c', {SLEEP!r}), dict(os.environ)))\n"
        f"Path({str(tmp_path / 'pid')!r}).write_text(str(p.pid)); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.02)
    child = int((tmp_path / "pid").read_text())
    parent.kill()
    parent.wait()
    assert gone_within(child, 30)


def test_an_orphan_is_ended_before_its_successor_starts(tmp_path: Path) -> None:
    program = python("orphan", SLEEP)
    process = start(program, tmp_path / "orphan.pid")
    assert clear_orphan(program, tmp_path / "orphan.pid") is True
    assert process.wait(30) == -signal.SIGTERM


def test_a_stranger_with_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    program = python("other", SLEEP)
    process = start(program)
    (tmp_path / "other.pid").write_text(f"{process.pid} 12345\n")
    assert clear_orphan(program, tmp_path / "other.pid") is False
    assert process.poll() is None
    stop(program, process)


def test_a_second_start_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data", None)
    folder.prepare()
    with folder.locked(), pytest.raises(FolderInUse, match=str(os.getpid())), folder.locked():
        pass
    with folder.locked():  # free again afterwards
        pass


def test_ends_are_described_in_words() -> None:
    assert describe_end(3) == "ended with status 3"
    assert describe_end(-9) == "was ended by SIGKILL"


def gone_within(pid: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False
