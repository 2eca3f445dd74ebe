"""The virtual UKey through PKCS#11: a module, its tokens and sessions, with every return code that counts."""

from ctypes import byref, c_ulong
from pathlib import Path

from signing.token.profiles import module_path
from tests.ukeykit import (
    SO_PIN,
    USER,
    Desk,
    Module,
    blank,
    refused,
)


def test_nothing_works_before_initialize_and_twice_is_told(folder: Path) -> None:
    module = Module(module_path(), initialize=False)
    with refused("CRYPTOKI_NOT_INITIALIZED"):
        module.slots()
    module.call("Initialize", None)
    with refused("CRYPTOKI_ALREADY_INITIALIZED"):
        module.call("Initialize", None)
    module.finalize()
    with refused("CRYPTOKI_NOT_INITIALIZED"):
        module.finalize()


def test_a_blank_token_is_made_a_token_and_told_apart_by_a_serial_number(
    module: Module, folder: Path
) -> None:
    blank(folder, "a")
    blank(folder, "b")
    first, second = module.slots()
    with refused("TOKEN_NOT_RECOGNIZED"):
        module.open(first)
    for slot, label in ((first, "甲方"), (second, "乙方")):
        module.init_token(slot, label=label)
    assert {module.token(slot).label.decode().rstrip() for slot in (first, second)} == {"甲方", "乙方"}
    assert module.token(first).serial != module.token(second).serial
    assert module.token(first).serial.isalnum()
    assert (module.token(first).min_pin, module.token(first).max_pin) == (6, 16)


def test_a_token_is_made_anew_only_by_its_so_pin_and_loses_everything(desk: Desk) -> None:
    module, slot = desk.module, desk.slot
    module.login(desk.session)
    module.generate(desk.session)
    serial = module.token(slot).serial
    with refused("SESSION_EXISTS"):
        module.init_token(slot)
    module.close(desk.session)
    with refused("PIN_INCORRECT"):
        module.init_token(slot, "not-the-so")
    module.init_token(slot, SO_PIN, "anew")
    session = module.open(slot)
    assert module.find(session, {}) == []
    assert module.token(slot).serial == serial
    with refused("USER_PIN_NOT_INITIALIZED"):
        module.login(session)


def test_slots_sessions_and_arguments_that_do_not_exist(desk: Desk) -> None:
    module = desk.module
    with refused("SLOT_ID_INVALID"):
        module.token(12345)
    with refused("SLOT_ID_INVALID"):
        module.open(12345)
    with refused("SESSION_HANDLE_INVALID"):
        module.login(99999)
    with refused("ARGUMENTS_BAD"):
        module.call("GetTokenInfo", desk.slot, None)
    with refused("SESSION_PARALLEL_NOT_SUPPORTED"):
        module.call("OpenSession", desk.slot, 2, None, None, byref(c_ulong()))
    with refused("USER_TYPE_INVALID"):
        module.login(desk.session, 7)
    with refused("ARGUMENTS_BAD"):
        module.call("Login", desk.session, USER, None, 6)


def test_sessions_run_out_and_come_back(desk: Desk) -> None:
    opened = []
    with refused("SESSION_COUNT"):
        for _ in range(200):
            opened.append(desk.module.open(desk.slot))
    desk.module.close(opened[0])
    desk.module.open(desk.slot)
