"""kill -9 at every call that touches a file, and at any moment: the UKey stays usable, no try is for free."""

import fcntl
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from signing.token.profiles import module_path
from tests.faults.vukey_stage import in_child
from tests.ukeykit import (
    DATA,
    OTHER_PIN,
    PIN,
    PRIVATE,
    SO,
    SO_PIN,
    USER,
    Failed,
    Module,
    blank,
    equip,
    refused,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "ukeys"
    home.mkdir()
    monkeypatch.setenv("LUOCHUI_VUKEY_DIR", str(home))
    monkeypatch.setenv("LUOCHUI_VUKEY_COST", "10")
    return home


@pytest.fixture(scope="module")
def kills(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """For each operation what was left after a kill at each point; the last one is not killed.

    In memory where that is possible: a kill is no power cut, so the thousand syncs may cost nothing.
    """
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield _killed(Path(folder), tmp_path_factory.mktemp("shim") / "shim.so")


def _killed(home: Path, shim: Path) -> dict[str, list[dict[str, Any]]]:
    source = Path(__file__).with_name("vukey_shim.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl"], check=True, timeout=150)
    (home / "ukeys").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.vukey_stage", module_path(), home / "ukeys"],
        env={**os.environ, "LD_PRELOAD": str(shim), "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = defaultdict(list)
    for line in done.stdout.splitlines():
        told = json.loads(line)
        found[told["act"]].append(told)
    return found


ACTS = ["change_pin", "unlock", "log_in", "guess", "store", "destroy", "another_key"]


@pytest.mark.parametrize("act", ACTS)
def test_a_kill_at_any_point_leaves_a_usable_ukey(kills: dict[str, list[dict[str, Any]]], act: str) -> None:
    after = kills[act]
    assert len(after) > 10, "hardly anything was killed"
    assert [each["killed"] for each in after] == [True] * (len(after) - 1) + [False]
    for each in after:
        assert each.get("signs") is True, each
        assert len(each["pins"]) == 1, f"not exactly one PIN is good: {each}"


def test_a_change_of_the_pin_happens_or_not(kills: dict[str, list[dict[str, Any]]]) -> None:
    pins = [each["pins"][0] for each in kills["change_pin"]]
    assert pins == sorted(pins, key=[PIN, OTHER_PIN].index), "from some point on it is the new one"
    assert (pins[0], pins[-1]) == (PIN, OTHER_PIN)


def test_a_guess_that_is_killed_has_cost_its_try(kills: dict[str, list[dict[str, Any]]]) -> None:
    """The PIN is looked at after the file with one try less took its place, and not before."""
    low = ["USER_PIN_COUNT_LOW" in each["flags"] for each in kills["guess"]]
    assert low == sorted(low)
    assert (low[0], low[-1]) == (False, True)
    right = ["USER_PIN_COUNT_LOW" in each["flags"] for each in kills["log_in"]]
    assert True in right, "before the right PIN is looked at, the try is taken, too"
    assert right[-1] is False


def test_objects_are_there_or_not(kills: dict[str, list[dict[str, Any]]]) -> None:
    assert {each["data"] for each in kills["store"]} == {1, 2}
    assert {each["data"] for each in kills["destroy"]} == {0, 1}
    assert {each["keys"] for each in kills["another_key"]} == {1, 2}


def test_kills_at_random_moments(folder: Path) -> None:
    """The same without a shim: whoever writes all the time is killed at any time, again and again."""
    blank(folder)
    assert in_child(_prepare) == 0
    dice = random.Random(7)
    end = time.monotonic() + 4
    kills = 0
    while kills < 10 or (kills < 150 and time.monotonic() < end):
        child = os.fork()
        if child == 0:
            _write_for_ever()
        time.sleep(dice.uniform(0.002, 0.03))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        kills += 1
        assert in_child(_still_good) == 0, f"broken by kill {kills}"


def _prepare() -> None:
    module = Module(module_path())
    session = equip(module, module.slots()[0])
    module.login(session)
    module.generate(session)


def _write_for_ever() -> None:
    module = Module(module_path())
    session = module.open(module.slots()[0])
    module.login(session, SO, SO_PIN)
    while True:
        module.init_pin(session, OTHER_PIN)
        module.set_pin(session, SO_PIN, "officer-4567")
        module.set_pin(session, "officer-4567", SO_PIN)
        module.init_pin(session, PIN)


def _still_good() -> None:
    module = Module(module_path())
    session = module.open(module.slots()[0])
    for code in (SO_PIN, "officer-4567"):
        try:
            module.login(session, SO, code)
        except Failed as failure:
            if failure.name != "PIN_INCORRECT":
                raise
            continue
        if code != SO_PIN:
            module.set_pin(session, code, SO_PIN)
        module.init_pin(session, OTHER_PIN)
        module.logout(session)
        module.set_pin(session, OTHER_PIN, PIN)
    module.login(session)
    (private,) = module.find(session, {"CLASS": PRIVATE})
    module.sign(session, private, b"still here")


@pytest.mark.parametrize("room", [0, 100, 400])
def test_without_room_on_the_disk_nothing_is_lost(folder: Path, room: int) -> None:
    """A file that may not grow stands for a full disk. No try can be counted, so no PIN is looked at."""
    file = blank(folder)
    assert in_child(_prepare) == 0
    before = file.read_bytes()
    assert len(before) > room

    def work() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        module = Module(module_path())
        session = module.open(module.slots()[0])
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        for act in (
            lambda: module.login(session),
            lambda: module.login(session, USER, "wrong-1"),
            lambda: module.set_pin(session, PIN, OTHER_PIN),
        ):
            with refused("DEVICE_ERROR"):
                act()

    assert in_child(work) == 0
    assert file.read_bytes() == before
    assert sorted(each.name for each in folder.iterdir()) == ["one.lock", "one.ukey"]
    assert in_child(_still_good) == 0


def test_processes_that_write_at_once_lose_nothing(folder: Path) -> None:
    blank(folder)
    assert in_child(_prepare) == 0
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            _store_ten(number)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
    module = Module(module_path())
    try:
        session = module.open(module.slots()[0])
        values = {module.get(session, each, "VALUE") for each in module.find(session, {"CLASS": DATA})}
        assert values == {b"%d-%d" % (number, turn) for number in range(4) for turn in range(10)}
    finally:
        module.finalize()


def _store_ten(number: int) -> None:
    status = 1
    try:
        module = Module(module_path())
        session = module.open(module.slots()[0])
        module.login(session)
        for turn in range(10):
            module.create(session, {"CLASS": DATA, "VALUE": b"%d-%d" % (number, turn)})
        status = 0
    finally:
        os._exit(status)


def test_processes_that_guess_at_once_share_the_tries(folder: Path) -> None:
    blank(folder)
    assert in_child(_prepare) == 0
    wrong = []
    for _ in range(6):
        child = os.fork()
        if child == 0:
            _guess_three_times()
        wrong.append(child)
    assert sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in wrong) == 3


def _guess_three_times() -> None:
    """Its status is how often the PIN was looked at."""
    looked = 100
    try:
        module = Module(module_path())
        session = module.open(module.slots()[0])
        names = []
        for _ in range(3):
            try:
                module.login(session, USER, "wrong-1")
            except Failed as failure:
                names.append(failure.name)
        looked = names.count("PIN_INCORRECT")
    finally:
        os._exit(looked)


def test_a_process_waits_for_another_one_and_goes_on_when_that_one_dies(folder: Path) -> None:
    """The lock is on NAME.lock; its holder here sleeps. 20 s are waited, so only the start is seen."""
    held = folder / "held"
    blank(folder)
    assert in_child(_prepare) == 0
    holder = os.fork()
    if holder == 0:
        _hold_and_sleep(folder / "one.lock", held)
    while not held.exists():
        time.sleep(0.01)
    waiting = os.fork()
    if waiting == 0:
        _guess_three_times()
    time.sleep(0.5)
    assert os.waitpid(waiting, os.WNOHANG) == (0, 0), "it did not wait for the lock"
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
    assert os.waitstatus_to_exitcode(os.waitpid(waiting, 0)[1]) == 3, "it went on when the holder was gone"


def _hold_and_sleep(lock: Path, held: Path) -> None:
    with lock.open("r+") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        held.touch()
        time.sleep(60)
    os._exit(0)
