"""The keys of a virtual UKey and its signatures, also as a stranger's program makes them."""

import ctypes
import shutil
import subprocess
from ctypes import byref, c_ulong
from pathlib import Path

import pytest

from signing.sm2 import PublicKey
from signing.token.prehash import message_digest
from signing.token.profiles import module_path
from tests.ukeykit import (
    CONTEXT,
    MESSAGE,
    PIN,
    PRIVATE,
    SM2_RAW,
    SM2_SM3,
    SO,
    SO_PIN,
    Desk,
    Mechanism,
    der,
    refused,
)


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
