"""Several virtual UKeys, unplugged, damaged, made anew by others, and used by threads and forks."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from signing.sm2 import PublicKey
from signing.token.profiles import module_path
from tests.ukeykit import (
    CONTEXT,
    OTHER_PIN,
    PIN,
    PRIVATE,
    PUBLIC,
    ROOT,
    USER,
    Desk,
    Failed,
    Module,
    blank,
    der,
    equip,
    refused,
    slot_named,
)


def test_tokens_are_apart(module: Module, folder: Path) -> None:
    blank(folder, "a")
    blank(folder, "b")
    a, b = slot_named(module, "a"), slot_named(module, "b")
    of_a, of_b = equip(module, a), equip(module, b, pin=OTHER_PIN)
    module.login(of_a)
    module.generate(of_a)
    assert module.state(of_b) == 2
    assert module.find(of_b, {}) == []
    with refused("PIN_INCORRECT"):
        module.login(of_b)
    assert module.flags(a) == set()
    module.login(of_b, USER, OTHER_PIN)


def test_pulled_out_and_plugged_in_again(desk: Desk) -> None:
    module, session = desk.module, desk.session
    module.login(session)
    _public, private = module.generate(session)
    module.sign_init(session, private)
    mark = desk.file.with_suffix(".unplugged")
    mark.touch()
    assert module.slots() == []
    with refused("DEVICE_REMOVED"):
        module.login(session, CONTEXT, PIN)
    with refused("TOKEN_NOT_PRESENT"):
        module.open(desk.slot)
    mark.unlink()
    assert module.slots() == [desk.slot]
    with refused("SESSION_HANDLE_INVALID"):
        module.state(session)
    session = module.open(desk.slot)
    assert module.state(session) == 2, "whoever plugs it in again is not logged in"
    module.login(session)
    assert module.find(session, {"CLASS": PRIVATE}) == [private]


def test_a_token_that_another_program_made_anew_ends_the_sessions(desk: Desk, folder: Path) -> None:
    desk.module.login(desk.session)
    desk.module.generate(desk.session)
    script = (
        "import sys; from tests.ukeykit import Module; m = Module(sys.argv[1]); m.init_token(m.slots()[0])"
    )
    subprocess.run(["python", "-c", script, module_path()], check=True, timeout=60, env=_environment())
    with refused("DEVICE_REMOVED"):
        desk.module.find(desk.session, {})
    assert desk.module.find(desk.module.open(desk.slot), {"CLASS": PUBLIC}) == []


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


@pytest.mark.parametrize("kept", [0, 7, 8, 60, -33, -1])
def test_a_truncated_file_is_not_recognized_and_does_not_disturb_others(
    module: Module, folder: Path, kept: int
) -> None:
    damaged, _whole = blank(folder, "damaged"), blank(folder, "whole")
    bad, good = slot_named(module, "damaged"), slot_named(module, "whole")
    session, other = equip(module, bad), equip(module, good)
    module.login(session)
    module.generate(session)
    content = damaged.read_bytes()
    damaged.write_bytes(content[:kept])
    with refused("DEVICE_REMOVED"):
        module.find(session, {})
    if kept:
        with refused("TOKEN_NOT_RECOGNIZED"):
            module.token(bad)
    with refused("TOKEN_NOT_RECOGNIZED"):
        module.open(bad)
    module.login(other)


@pytest.mark.parametrize("place", [8, 16, 20, 40, 66, 70, 100, 200, 260, 300, -40, -1])
def test_a_changed_byte_is_noticed(desk: Desk, place: int) -> None:
    desk.module.login(desk.session)
    desk.module.generate(desk.session)
    desk.module.close(desk.session)
    content = bytearray(desk.file.read_bytes())
    content[place] ^= 1
    desk.file.write_bytes(content)
    with refused("TOKEN_NOT_RECOGNIZED"):
        desk.module.open(desk.slot)


def test_what_is_no_file_is_no_token(module: Module, folder: Path) -> None:
    (folder / "folder.ukey").mkdir()
    os.mkfifo(folder / "pipe.ukey")
    (folder / "link.ukey").symlink_to("/etc/passwd")
    (folder / "huge.ukey").write_bytes(b"LCUKEY\0\1" + bytes(3 << 20))
    (folder / ".hidden.ukey").touch()
    for slot in module.slots():
        with pytest.raises(Failed) as failure:
            module.open(slot)
        assert failure.value.name in ("TOKEN_NOT_RECOGNIZED", "DEVICE_ERROR")


def test_a_folder_that_is_not_there_has_no_slots(module: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUOCHUI_VUKEY_DIR", "/nonexistent/folder")
    assert module.slots() == []


def test_threads_sign_at_once_with_several_tokens(module: Module, folder: Path) -> None:
    keys, handles = {}, {}
    for name in ("a", "b"):
        blank(folder, name)
    for name in ("a", "b"):
        slot = slot_named(module, name)
        session = equip(module, slot)
        module.login(session)
        public, handles[slot] = module.generate(session, each_time=False)
        keys[slot] = PublicKey(module.point(session, public))

    def work(slot: int) -> int:
        session = module.open(slot)
        for number in range(60):
            message = f"{threading.get_ident()} {number}".encode()
            signature = module.sign(session, handles[slot], message, pin=None)
            assert keys[slot].verify(message, der(signature))
        module.close(session)
        return 60

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, list(keys) * 4)) == 480


def test_threads_that_guess_share_the_tries(desk: Desk) -> None:
    def guess(_: int) -> str:
        try:
            desk.module.login(desk.session, USER, "wrong-1")
        except Failed as failure:
            return failure.name
        return "in"

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(guess, range(12)))
    assert seen.count("PIN_INCORRECT") == 3
    assert seen.count("PIN_LOCKED") == 9


def test_a_forked_child_starts_without_its_parents_login(desk: Desk) -> None:
    desk.module.login(desk.session)
    child = os.fork()
    if child == 0:
        try:
            desk.module.state(desk.session)
        except Failed as failure:
            os._exit(0 if failure.name == "CRYPTOKI_NOT_INITIALIZED" else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert desk.module.state(desk.session) == 3
