"""The virtual UKey through PKCS#11: what it does, and every return code that the program relies on."""

import ctypes
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ctypes import byref, c_ulong
from pathlib import Path
from typing import NamedTuple

import pytest

from signing.sm2 import PublicKey, encode_signature
from signing.token.prehash import message_digest
from signing.token.profiles import module_path
from tests.sealkit import SEAL, SUBSCRIBER_CERTIFICATE
from tests.ukeykit import (
    CERTIFICATE,
    CONTEXT,
    DATA,
    OTHER_PIN,
    PIN,
    PRIVATE,
    PUBLIC,
    SM2_RAW,
    SM2_SM3,
    SO,
    SO_PIN,
    USER,
    Attribute,
    Failed,
    Mechanism,
    Module,
    blank,
    equip,
    refused,
    slot_named,
)

MESSAGE = "落槌 hammer".encode()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LUOCHUI_VUKEY_DIR", str(tmp_path))
    monkeypatch.setenv("LUOCHUI_VUKEY_COST", "10")
    return tmp_path


@pytest.fixture
def module(folder: Path) -> Iterator[Module]:
    made = Module(module_path())
    yield made
    made.finalize()


class Desk(NamedTuple):
    """One token with a PIN, and a writable session where nobody is logged in."""

    module: Module
    slot: int
    session: int
    file: Path


@pytest.fixture
def desk(module: Module, folder: Path) -> Desk:
    file = blank(folder)
    (slot,) = module.slots()
    return Desk(module, slot, equip(module, slot), file)


def der(signature: bytes) -> bytes:
    assert len(signature) == 64
    return encode_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))


# --- life of the module and of a token ---


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


# --- PINs ---


def test_the_tries_of_a_pin_are_counted_told_and_run_out(desk: Desk) -> None:
    module, slot, session = desk.module, desk.slot, desk.session
    assert module.flags(slot) == set()
    for seen in (
        {"USER_PIN_COUNT_LOW"},
        {"USER_PIN_COUNT_LOW", "USER_PIN_FINAL_TRY"},
        {"USER_PIN_COUNT_LOW", "USER_PIN_LOCKED"},
    ):
        with refused("PIN_INCORRECT"):
            module.login(session, USER, "wrong-1")
        assert module.flags(slot) == seen
    with refused("PIN_LOCKED"):
        module.login(session)
    with refused("PIN_LOCKED"):
        module.set_pin(session, PIN, OTHER_PIN)


def test_the_right_pin_gives_all_tries_back(desk: Desk) -> None:
    for _ in range(4):
        with refused("PIN_INCORRECT"):
            desk.module.login(desk.session, USER, "wrong-1")
        with refused("PIN_INCORRECT"):
            desk.module.set_pin(desk.session, "wrong-2", OTHER_PIN)
        desk.module.login(desk.session)
        assert desk.module.flags(desk.slot) == set()
        desk.module.logout(desk.session)


def test_the_so_unlocks_with_the_keys_kept_and_the_new_pin_must_be_changed_before_it_signs(
    desk: Desk,
) -> None:
    module, slot, session = desk.module, desk.slot, desk.session
    module.login(session)
    public, private = module.generate(session)
    key = PublicKey(module.point(session, public))
    module.logout(session)
    for _ in range(3):
        with refused("PIN_INCORRECT"):
            module.login(session, USER, "wrong-1")
    module.login(session, SO, SO_PIN)
    with refused("PIN_LEN_RANGE"):
        module.init_pin(session, "short")
    module.init_pin(session, OTHER_PIN)
    module.logout(session)
    assert module.flags(slot) == {"USER_PIN_TO_BE_CHANGED"}
    module.login(session, USER, OTHER_PIN)
    with refused("PIN_EXPIRED"):
        module.sign_init(session, private)
    module.set_pin(session, OTHER_PIN, PIN)
    assert module.flags(slot) == set()
    assert key.verify(MESSAGE, der(module.sign(session, private, MESSAGE)))


def test_the_so_pin_has_five_tries_and_is_locked_for_good(desk: Desk) -> None:
    module, slot, session = desk.module, desk.slot, desk.session
    for left in range(4, -1, -1):
        with refused("PIN_INCORRECT"):
            module.login(session, SO, "wrong-so")
        assert ("SO_PIN_FINAL_TRY" in module.flags(slot)) == (left == 1)
    assert "SO_PIN_LOCKED" in module.flags(slot)
    with refused("PIN_LOCKED"):
        module.login(session, SO, SO_PIN)
    module.close(session)
    with refused("PIN_LOCKED"):
        module.init_token(slot)
    module.login(module.open(slot))  # the user goes on


def test_the_so_changes_its_own_pin(desk: Desk) -> None:
    desk.module.login(desk.session, SO, SO_PIN)
    desk.module.set_pin(desk.session, SO_PIN, "officer-9876")
    desk.module.logout(desk.session)
    with refused("PIN_INCORRECT"):
        desk.module.login(desk.session, SO, SO_PIN)
    desk.module.login(desk.session, SO, "officer-9876")


@pytest.mark.parametrize(
    ("new", "code"),
    [
        ("12345", "PIN_LEN_RANGE"),
        ("1" * 17, "PIN_LEN_RANGE"),
        ("", "PIN_LEN_RANGE"),
        ("123 456", "PIN_INVALID"),
        ("密码密码", "PIN_INVALID"),
        (PIN, "PIN_INVALID"),
    ],
)
def test_new_pins_that_are_not_taken_and_change_nothing(desk: Desk, new: str, code: str) -> None:
    with refused(code):
        desk.module.set_pin(desk.session, PIN, new)
    assert desk.module.flags(desk.slot) == set()
    desk.module.login(desk.session)


@pytest.mark.parametrize("new", ["123456", "~" * 16])
def test_pins_of_6_and_of_16_characters_are_taken(desk: Desk, new: str) -> None:
    desk.module.set_pin(desk.session, PIN, new)
    desk.module.login(desk.session, USER, new)


def test_what_cannot_be_the_pin_uses_up_no_try(desk: Desk) -> None:
    for pin in ("", "12345", "1" * 17):
        with refused("PIN_LEN_RANGE"):
            desk.module.login(desk.session, USER, pin)
    assert desk.module.flags(desk.slot) == set()


def test_who_is_logged_in(desk: Desk) -> None:
    module, session = desk.module, desk.session
    with refused("USER_NOT_LOGGED_IN"):
        module.logout(session)
    with refused("USER_NOT_LOGGED_IN"):
        module.init_pin(session)
    module.login(session)
    assert module.state(session) == 3
    with refused("USER_ALREADY_LOGGED_IN"):
        module.login(session)
    with refused("USER_ANOTHER_ALREADY_LOGGED_IN"):
        module.login(session, SO, SO_PIN)
    with refused("USER_NOT_LOGGED_IN"):
        module.init_pin(session)
    reading = module.open(desk.slot, writable=False)
    assert module.state(reading) == 1, "a login is for all sessions of the process"
    with refused("SESSION_READ_ONLY"):
        module.set_pin(reading, PIN, OTHER_PIN)
    with refused("SESSION_READ_ONLY"):
        module.generate(reading)
    module.logout(session)
    with refused("SESSION_READ_ONLY_EXISTS"):
        module.login(session, SO, SO_PIN)
    module.close(reading)
    module.login(session, SO, SO_PIN)
    with refused("SESSION_READ_WRITE_SO_EXISTS"):
        module.open(desk.slot, writable=False)


def test_the_last_session_takes_the_login_with_it(desk: Desk) -> None:
    desk.module.login(desk.session)
    desk.module.close(desk.session)
    assert desk.module.state(desk.module.open(desk.slot)) == 2


# --- keys and signatures ---


def test_signatures_are_sm2_with_sm3_and_openssl_agrees(desk: Desk, tmp_path: Path) -> None:
    module, session = desk.module, desk.session
    module.login(session)
    public, private = module.generate(session)
    key = PublicKey(module.point(session, public))
    signature = der(module.sign(session, private, MESSAGE))
    assert key.verify(MESSAGE, signature)
    assert not key.verify(MESSAGE + b"!", signature)
    (tmp_path / "key.pem").write_bytes(key.to_pem())
    (tmp_path / "message").write_bytes(MESSAGE)
    (tmp_path / "signature").write_bytes(signature)
    command = (
        "openssl pkeyutl -verify -rawin -digest sm3 -pkeyopt distid:1234567812345678 -pubin -inkey key.pem"
    )
    subprocess.run(
        [*command.split(), "-in", "message", "-sigfile", "signature"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=30,
    )


def test_a_raw_signature_over_the_right_digest_is_the_same_thing(desk: Desk) -> None:
    module, session = desk.module, desk.session
    module.login(session)
    public, private = module.generate(session)
    point = module.point(session, public)
    signature = module.sign(session, private, message_digest(point, MESSAGE), mechanism=SM2_RAW)
    assert PublicKey(point).verify(MESSAGE, der(signature))
    with refused("DATA_LEN_RANGE"):
        module.sign(session, private, MESSAGE, mechanism=SM2_RAW)


@pytest.mark.parametrize("mechanism", [SM2_SM3, SM2_RAW])
def test_a_message_in_parts(desk: Desk, mechanism: int) -> None:
    module, session = desk.module, desk.session
    module.login(session)
    public, private = module.generate(session)
    point = module.point(session, public)
    whole = MESSAGE if mechanism == SM2_SM3 else message_digest(point, MESSAGE)
    module.sign_init(session, private, mechanism)
    module.login(session, CONTEXT, PIN)
    for part in (whole[:5], b"", whole[5:]):
        module.call("SignUpdate", session, part, len(part))
    room, size = ctypes.create_string_buffer(64), c_ulong(64)
    module.call("SignFinal", session, room, byref(size))
    assert PublicKey(point).verify(MESSAGE, der(room.raw))


def test_the_seal_key_wants_the_pin_for_each_signature(desk: Desk) -> None:
    module, session = desk.module, desk.session
    module.login(session)
    _public, private = module.generate(session)
    with refused("USER_NOT_LOGGED_IN"):
        module.sign(session, private, MESSAGE, pin=None)
    module.sign(session, private, MESSAGE)
    with refused("USER_NOT_LOGGED_IN"):
        module.sign(session, private, MESSAGE, pin=None)
    module.sign_init(session, private)
    with refused("PIN_INCORRECT"):
        module.login(session, CONTEXT, "wrong-1")
    assert module.flags(desk.slot) == {"USER_PIN_COUNT_LOW"}
    with refused("USER_NOT_LOGGED_IN"):
        module.sign_now(session, MESSAGE)
    with refused("OPERATION_NOT_INITIALIZED"):
        module.login(session, CONTEXT, PIN)


def test_a_pin_given_for_one_session_is_not_good_for_another(desk: Desk) -> None:
    module, session = desk.module, desk.session
    module.login(session)
    _public, private = module.generate(session)
    other = module.open(desk.slot)
    module.sign_init(session, private)
    module.sign_init(other, private)
    module.login(session, CONTEXT, PIN)
    with refused("USER_NOT_LOGGED_IN"):
        module.sign_now(other, MESSAGE)
    module.sign_now(session, MESSAGE)


def test_guessing_at_each_signature_locks_the_pin_and_ends_the_login(desk: Desk) -> None:
    module, session = desk.module, desk.session
    module.login(session)
    _public, private = module.generate(session)
    module.sign_init(session, private)
    for _ in range(3):
        with refused("PIN_INCORRECT"):
            module.login(session, CONTEXT, "wrong-1")
    assert module.state(session) == 2
    with refused("PIN_LOCKED"):
        module.login(session)


def test_a_key_without_that_rule_signs_on_one_login(desk: Desk) -> None:
    module, session = desk.module, desk.session
    module.login(session)
    public, private = module.generate(session, each_time=False)
    key = PublicKey(module.point(session, public))
    signatures = [module.sign(session, private, MESSAGE, pin=None) for _ in range(3)]
    assert all(key.verify(MESSAGE, der(each)) for each in signatures)
    assert len(set(signatures)) == 3, "a nonce came twice"


def test_order_and_sizes_of_signing(desk: Desk) -> None:
    module, session = desk.module, desk.session
    module.login(session)
    public, private = module.generate(session, each_time=False)
    with refused("OPERATION_NOT_INITIALIZED"):
        module.sign_now(session, MESSAGE)
    with refused("KEY_FUNCTION_NOT_PERMITTED"):
        module.sign_init(session, public)
    with refused("KEY_HANDLE_INVALID"):
        module.sign_init(session, 4711)
    with refused("MECHANISM_INVALID"):
        module.sign_init(session, private, 0x1041)
    with refused("MECHANISM_PARAM_INVALID"):
        module.call("SignInit", session, byref(Mechanism(SM2_SM3, None, 5)), private)
    module.sign_init(session, private)
    with refused("OPERATION_ACTIVE"):
        module.sign_init(session, private)
    size = c_ulong(0)
    module.call("Sign", session, MESSAGE, len(MESSAGE), None, byref(size))
    assert size.value == 64, "asking for the size leaves the signature under way"
    size.value = 63
    with refused("BUFFER_TOO_SMALL"):
        module.call("Sign", session, MESSAGE, len(MESSAGE), ctypes.create_string_buffer(64), byref(size))
    module.sign_now(session, MESSAGE)
    module.sign_init(session, private)
    module.logout(session)
    with refused("OPERATION_NOT_INITIALIZED"):
        module.sign_now(session, MESSAGE)


def test_private_keys_are_seen_by_the_user_only_and_never_come_out(desk: Desk) -> None:
    module, session = desk.module, desk.session
    module.login(session)
    _public, private = module.generate(session)
    assert module.find(session, {"CLASS": PRIVATE}) == [private]
    with refused("ATTRIBUTE_SENSITIVE"):
        module.get(session, private, "VALUE")
    for name, expected in (("SENSITIVE", 1), ("EXTRACTABLE", 0), ("ALWAYS_AUTHENTICATE", 1), ("LOCAL", 1)):
        assert module.get(session, private, name) == bytes([expected])
    module.logout(session)
    assert module.find(session, {"CLASS": PRIVATE}) == []
    with refused("OBJECT_HANDLE_INVALID"):
        module.get(session, private, "ID")
    with refused("USER_NOT_LOGGED_IN"):
        module.sign_init(session, private)
    module.login(session, SO, SO_PIN)
    assert module.find(session, {"CLASS": PRIVATE}) == [], "the security officer signs nothing"
    with refused("USER_NOT_LOGGED_IN"):
        module.sign_init(session, private)


def test_no_pin_is_in_the_file_and_only_the_owner_may_read_it(desk: Desk) -> None:
    module, session = desk.module, desk.session
    module.login(session)
    module.generate(session)
    content = desk.file.read_bytes()
    assert PIN.encode() not in content
    assert SO_PIN.encode() not in content
    assert desk.file.stat().st_mode & 0o777 == 0o600


def test_keys_are_made_here_and_never_brought(desk: Desk) -> None:
    module, session = desk.module, desk.session
    with refused("USER_NOT_LOGGED_IN"):
        module.generate(session)
    module.login(session)
    with refused("TEMPLATE_INCONSISTENT"):
        module.create(session, {"CLASS": PRIVATE, "KEY_TYPE": 0x80000004, "VALUE": bytes(32)})


# --- objects ---


def test_certificate_and_seal_are_stored_found_and_read_by_everybody(desk: Desk) -> None:
    module, session = desk.module, desk.session
    module.login(session)
    certificate = module.create(
        session,
        {"CLASS": CERTIFICATE, "CERTIFICATE_TYPE": 0, "ID": b"k", "VALUE": SUBSCRIBER_CERTIFICATE.der},
    )
    seal = module.create(
        session, {"CLASS": DATA, "LABEL": b"SESeal", "APPLICATION": b"GB/T 38540", "VALUE": SEAL.der}
    )
    module.logout(session)
    assert module.find(session, {"CLASS": CERTIFICATE, "ID": b"k"}) == [certificate]
    assert module.get(session, certificate, "VALUE") == SUBSCRIBER_CERTIFICATE.der
    assert module.get(session, certificate, "SUBJECT") == SUBSCRIBER_CERTIFICATE.subject.der
    assert module.find(session, {"LABEL": b"SESeal"}) == [seal]
    assert module.get(session, seal, "VALUE") == SEAL.der
    with refused("USER_NOT_LOGGED_IN"):
        module.destroy(session, seal)
    module.login(session)
    module.destroy(session, seal)
    assert module.find(session, {"CLASS": DATA}) == []
    with refused("OBJECT_HANDLE_INVALID"):
        module.destroy(session, seal)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"LABEL": b"x"}, "TEMPLATE_INCOMPLETE"),
        ({"CLASS": DATA}, "TEMPLATE_INCOMPLETE"),
        ({"CLASS": DATA, "VALUE": b"x", "SIGN": True}, "ATTRIBUTE_TYPE_INVALID"),
        ({"CLASS": DATA, "VALUE": b"x", "LABEL": b"x" * 65}, "ATTRIBUTE_VALUE_INVALID"),
        ({"CLASS": DATA, "VALUE": b"x", "TOKEN": False}, "TEMPLATE_INCONSISTENT"),
        ({"CLASS": DATA, "VALUE": bytes(512 * 1024 + 1)}, "ATTRIBUTE_VALUE_INVALID"),
        ({"CLASS": CERTIFICATE, "VALUE": b"no certificate"}, "ATTRIBUTE_VALUE_INVALID"),
        ({"CLASS": b"\0", "VALUE": b"x"}, "ATTRIBUTE_VALUE_INVALID"),
    ],
)
def test_objects_that_are_not_taken(desk: Desk, wanted: dict[str, bytes | int | bool], code: str) -> None:
    desk.module.login(desk.session)
    before = desk.file.read_bytes()
    with refused(code):
        desk.module.create(desk.session, wanted)
    assert desk.file.read_bytes() == before
    assert desk.module.find(desk.session, {}) == []


def test_a_full_token_says_so_and_keeps_what_it_has(desk: Desk) -> None:
    desk.module.login(desk.session)
    with refused("DEVICE_MEMORY"):
        for _ in range(65):
            desk.module.create(desk.session, {"CLASS": DATA, "VALUE": b"x"})
    assert len(desk.module.find(desk.session, {})) == 64
    for handle in desk.module.find(desk.session, {})[:60]:
        desk.module.destroy(desk.session, handle)
    with refused("DEVICE_MEMORY"):
        for _ in range(5):
            desk.module.create(desk.session, {"CLASS": DATA, "VALUE": bytes(500 * 1024)})
    assert len(desk.module.find(desk.session, {})) == 8


def test_labels_change_and_nothing_else(desk: Desk) -> None:
    module, session = desk.module, desk.session
    module.login(session)
    handle = module.create(session, {"CLASS": DATA, "VALUE": b"x"})
    module.change(session, handle, {"LABEL": b"new"})
    assert module.find(session, {"LABEL": b"new"}) == [handle]
    with refused("ATTRIBUTE_READ_ONLY"):
        module.change(session, handle, {"LABEL": b"newer", "VALUE": b"y"})
    assert module.get(session, handle, "LABEL") == b"new"


def test_a_value_is_not_written_beyond_the_room_for_it(desk: Desk) -> None:
    desk.module.login(desk.session)
    handle = desk.module.create(desk.session, {"CLASS": DATA, "VALUE": b"12345678"})
    room = ctypes.create_string_buffer(b"....", 4)
    attribute = Attribute(0x11, ctypes.cast(room, ctypes.c_void_p), 4)
    with refused("BUFFER_TOO_SMALL"):
        desk.module.call("GetAttributeValue", desk.session, handle, byref(attribute), 1)
    assert room.raw == b"...."
    assert attribute.size == 2**64 - 1


def test_functions_that_are_not_there_say_so(module: Module) -> None:
    table = ctypes.c_void_p()
    module.call("GetFunctionList", byref(table))
    # version, then the pointers in the order of the standard: C_GetOperationState is the 17th
    pointers = ctypes.cast(table.value + 8, ctypes.POINTER(ctypes.CFUNCTYPE(c_ulong)))
    assert pointers[16]() == 0x54


# --- several tokens, unplugging, files ---


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
    root = Path(__file__).parents[2]
    return {
        **os.environ,
        "PYTHONPATH": str(root),
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


# --- a stranger's program ---


def test_opensc_lists_and_signs(desk: Desk, tmp_path: Path) -> None:
    tool = shutil.which("pkcs11-tool")
    if not tool:
        pytest.skip("no pkcs11-tool (Debian: opensc)")
    module, session = desk.module, desk.session
    module.login(session)
    public, _private = module.generate(session, name=b"\x07")
    key = PublicKey(module.point(session, public))
    (tmp_path / "message").write_bytes(MESSAGE)
    run = [tool, "--module", str(module_path())]
    listed = subprocess.run(
        [*run, "--list-objects", "--login", "--pin", PIN],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Private Key Object" in listed.stdout
    assert "always authenticate" in listed.stdout.lower()
    mechanisms = subprocess.run([*run, "-M"], check=True, capture_output=True, text=True, timeout=60).stdout
    assert "0x80008100" in mechanisms.lower() or "80008100" in mechanisms.lower()
    sign = [*run, "--sign", "--id", "07", "-m", "0x80008100", "--login", "--pin", PIN]
    done = subprocess.run(
        [*sign, "-i", str(tmp_path / "message"), "-o", str(tmp_path / "signature")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        input=PIN + "\n",
    )
    assert done.returncode == 0, done.stderr
    assert key.verify(MESSAGE, der((tmp_path / "signature").read_bytes()))
