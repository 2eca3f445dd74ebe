"""Run by test_vukey_kills.py, with the shim loaded before libc: begins a thing and dies in the middle of it.

    python -m tests.faults.vukey_stage MODULE FOLDER

For each operation and each call that touches a file: a child starts it on a copy of the same token and is
killed there; another process then says what is left. Prints JSON lines {operation, point, outcome…}.
"""

import ctypes
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from signing.sm2 import PublicKey, encode_signature
from tests.ukeykit import (
    DATA,
    OTHER_PIN,
    PIN,
    PRIVATE,
    PUBLIC,
    SO,
    SO_PIN,
    USER,
    Failed,
    Module,
    blank,
    equip,
    use_folder,
)

MAX_POINTS = 200
Act = Callable[[Module, int], None]


def change_pin(module: Module, slot: int) -> None:
    module.set_pin(module.open(slot), PIN, OTHER_PIN)


def unlock(module: Module, slot: int) -> None:
    session = module.open(slot)
    module.login(session, SO, SO_PIN)
    module.init_pin(session, OTHER_PIN)


def log_in(module: Module, slot: int) -> None:
    module.login(module.open(slot))


def guess(module: Module, slot: int) -> None:
    try:
        module.login(module.open(slot), USER, "wrong-1")
    except Failed as failure:
        if failure.name != "PIN_INCORRECT":
            raise


def store(module: Module, slot: int) -> None:
    session = module.open(slot)
    module.login(session)
    module.create(session, {"CLASS": DATA, "VALUE": b"seal" * 5000})


def destroy(module: Module, slot: int) -> None:
    session = module.open(slot)
    module.login(session)
    module.destroy(session, module.find(session, {"CLASS": DATA})[0])


def another_key(module: Module, slot: int) -> None:
    session = module.open(slot)
    module.login(session)
    module.generate(session, name=b"more")


ACTS: tuple[Act, ...] = (change_pin, unlock, log_in, guess, store, destroy, another_key)


def in_child(work: Callable[[], None]) -> int:
    """0, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as fault:
            sys.stderr.write(f"{fault!r}\n")
            os._exit(3)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at(path: str, act: Act, point: int, shim: ctypes.CDLL) -> bool:
    """Whether the operation was killed; it is not when it has fewer points."""

    def work() -> None:
        module = Module(path)
        (slot,) = module.slots()
        shim.shim_arm(point)
        act(module, slot)
        shim.shim_arm(0)

    status = in_child(work)
    if status not in (0, -signal.SIGKILL):
        raise AssertionError(f"{act.__name__} at {point} ended with {status}")
    return status != 0


def examine(path: str, key: PublicKey) -> dict[str, object]:
    """What somebody finds who comes afterwards."""
    module = Module(path)
    (slot,) = module.slots()
    flags = sorted(module.flags(slot))
    session = module.open(slot)
    pins = []
    for pin in (PIN, OTHER_PIN):
        try:
            module.login(session, USER, pin)
        except Failed:
            continue
        pins.append(pin)
        data, keys = (len(module.find(session, {"CLASS": kind})) for kind in (DATA, PUBLIC))
        private = module.find(session, {"CLASS": PRIVATE, "ID": b"key"})
        module.logout(session)
    if flags == ["USER_PIN_TO_BE_CHANGED"]:
        module.set_pin(session, pins[0], PIN if pins[0] == OTHER_PIN else OTHER_PIN)
        pins[0] = PIN if pins[0] == OTHER_PIN else OTHER_PIN
    module.login(session, USER, pins[0])
    signature = module.sign(session, private[0], b"after", pin=pins[0])
    numbers = (int.from_bytes(part) for part in (signature[:32], signature[32:]))
    return {
        "flags": flags,
        "pins": pins,
        "data": data,
        "keys": keys,
        "signs": key.verify(b"after", encode_signature(*numbers)),
    }


def examined(path: str, key: PublicKey) -> dict[str, object]:
    reading, writing = os.pipe()

    def work() -> None:
        os.write(writing, json.dumps(examine(path, key)).encode())

    status = in_child(work)
    os.close(writing)
    with open(reading) as told:
        text = told.read()
    return dict(json.loads(text)) if status == 0 else {"broken": status}


def main() -> None:
    path, folder = sys.argv[1], Path(sys.argv[2])
    shim = ctypes.CDLL(None)
    use_folder(folder)
    file = blank(folder)
    key = prepared(path, file)
    whole = file.read_bytes()
    for act in ACTS:
        for point in range(1, MAX_POINTS):
            shutil.rmtree(folder)
            folder.mkdir()
            file.write_bytes(whole)
            killed = killed_at(path, act, point, shim)
            print(json.dumps({"act": act.__name__, "point": point, "killed": killed, **examined(path, key)}))
            if not killed:
                break


def prepared(path: str, file: Path) -> PublicKey:
    """A token with a key and a seal; made in a child, so that this process has no module in it."""

    def work() -> None:
        module = Module(path)
        (slot,) = module.slots()
        session = equip(module, slot)
        module.login(session)
        public, _private = module.generate(session)
        module.create(session, {"CLASS": DATA, "VALUE": b"seal"})
        file.with_suffix(".point").write_bytes(module.point(session, public))

    if in_child(work) != 0:
        raise AssertionError("the token could not be made")
    return PublicKey(file.with_suffix(".point").read_bytes())


if __name__ == "__main__":
    main()
