"""UKeys through the port: one process for each operation, every failure with its facts, nothing unchecked."""

import os
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from signing.csr import parse_request
from signing.issuing import SUBSCRIBER, Validity, Wanted
from signing.names import Name
from signing.seal import Seal
from signing.sm2 import PrivateKey, PublicKey
from signing.token import port, virtual
from signing.token.codes import CodeBook, NoCode
from signing.token.contents import read_point
from signing.token.port import Pin, PinState
from signing.token.profiles import Hashing, ProfileError, SignatureFormat, load, module_path, profile
from signing.token.station import Station, StationToken, TokenSigner, wrong_pin
from signing.x509 import Certificate
from tests.sealkit import AUTHORITY, BEGIN, CA, MAKER, SUBSCRIBER_KEY, sealed

PIN, OTHER = Pin("135790"), Pin("246801")
SO_PIN = Pin("officer-0123")
MESSAGE = "落槌".encode()
SOURCES = Path(__file__).parents[2] / "signing" / "vukey"


def subscriber_for(key: PublicKey, days: int = 365) -> Certificate:
    return AUTHORITY.issue(Wanted(Name.of("甲方示例单位"), key, SUBSCRIBER, Validity.of_days(BEGIN, days)))


def seal_for(certificate: Certificate) -> Seal:
    return sealed(certificates=(certificate.der,))


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUOCHUI_VUKEY_COST", "10")


def made(folder: Path, label: str = "甲方", *, delivered: bool = False) -> StationToken:
    virtual.create(label, pin=PIN, so_pin=SO_PIN, folder=folder, delivered=delivered)
    return virtual.station(folder).token(label)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one UKey that has a sealing key; made once, copied for each test."""
    folder = tmp_path_factory.mktemp("template")
    virtual.create("甲方", pin=PIN, so_pin=SO_PIN, folder=folder, cost=10)
    virtual.station(folder).token("甲方").new_key(PIN)
    return folder


@pytest.fixture
def token(template: Path, tmp_path: Path) -> StationToken:
    """With a sealing key."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return StationToken(virtual.station(tmp_path), virtual.find("甲方", tmp_path).serial)


# --- making, finding, plugging ---


def test_a_new_ukey_has_a_label_a_serial_and_a_good_pin(tmp_path: Path) -> None:
    info = virtual.create("甲方", pin=PIN, so_pin=SO_PIN, folder=tmp_path)
    assert (info.label, info.pin_state, info.profile, info.manufacturer) == (
        "甲方",
        PinState.OK,
        "virtual",
        "Luochui",
    )
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []
    (file,) = tmp_path.glob("*.ukey")
    assert file.stat().st_mode & 0o777 == 0o600
    (found,) = virtual.ukeys(tmp_path)
    assert (found.label, found.serial, found.plugged) == ("甲方", info.serial, True)


def test_a_label_is_taken_once_and_nothing_is_written_over(tmp_path: Path) -> None:
    made(tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(port.TokenExists):
        virtual.create("甲方", pin=OTHER, so_pin=SO_PIN, folder=tmp_path)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("label", ["", " x", "x" * 33, "落" * 11, "a\nb", "../x"])
def test_labels_that_are_not_possible_or_not_dangerous(tmp_path: Path, label: str) -> None:
    home = tmp_path / "ukeys"
    if label == "../x":
        assert virtual.create(label, pin=PIN, so_pin=SO_PIN, folder=home).label == "../x"
        assert [each.name for each in tmp_path.iterdir()] == ["ukeys"]
        return
    with pytest.raises(virtual.LabelError):
        virtual.create(label, pin=PIN, so_pin=SO_PIN, folder=home)


def test_a_pin_of_a_wrong_length_makes_no_ukey(tmp_path: Path) -> None:
    with pytest.raises(port.PinLength):
        virtual.create("x", pin=Pin("12345"), so_pin=SO_PIN, folder=tmp_path)
    with pytest.raises(port.PinUnacceptable):
        virtual.create("x", pin=Pin("密12345"), so_pin=SO_PIN, folder=tmp_path)
    assert virtual.ukeys(tmp_path) == ()


def test_pulled_out_found_in_the_drawer_and_plugged_in_again(tmp_path: Path) -> None:
    ukey = made(tmp_path)
    virtual.unplug("甲方", tmp_path)
    assert virtual.station(tmp_path).tokens() == ()
    assert not virtual.find("甲方", tmp_path).plugged
    with pytest.raises(port.NoToken, match="甲方"):
        virtual.station(tmp_path).token("甲方")
    with pytest.raises(port.NoToken):
        ukey.info()
    virtual.plug("甲方", tmp_path)
    assert ukey.info().label == "甲方"
    virtual.delete("甲方", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_maker_left_is_cleaned_up_and_what_another_one_makes_is_not(tmp_path: Path) -> None:
    old, fresh = tmp_path / ".new-old", tmp_path / ".new-fresh"
    for staging in (old, fresh):
        staging.mkdir()
        (staging / "x.ukey").touch()
    os.utime(old, (1, 1))
    made(tmp_path)
    assert not old.exists()
    assert fresh.exists()


def test_what_is_no_file_is_no_ukey(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.ukey")
    (tmp_path / "folder.ukey").mkdir()
    (tmp_path / "gone.ukey").symlink_to(tmp_path / "nowhere")
    assert virtual.ukeys(tmp_path) == ()
    assert made(tmp_path).info().label == "甲方"


def test_one_of_several_has_to_be_named(tmp_path: Path) -> None:
    station = virtual.station(tmp_path)
    with pytest.raises(port.NoToken):
        station.token()
    first = made(tmp_path, "甲方")
    assert station.token().name == first.name
    made(tmp_path, "乙方")
    with pytest.raises(port.SeveralTokens) as several:
        station.token()
    assert set(several.value.labels) == {"甲方", "乙方"}
    assert station.token(first.name).info().label == "甲方"
    assert [each.info.label for each in station.tokens()] == ["乙方", "甲方"]


def test_a_damaged_ukey_is_shown_as_such_beside_the_others(tmp_path: Path) -> None:
    made(tmp_path, "good")
    made(tmp_path, "bad")
    (tmp_path / "bad.ukey").write_bytes((tmp_path / "bad.ukey").read_bytes()[:200])
    bad, good = virtual.station(tmp_path).tokens()
    assert (bad.info.label, bad.problem) == ("bad", "it cannot be read")
    assert good.problem == ""
    with pytest.raises(port.DeviceFault, match="damaged"):
        virtual.station(tmp_path).token("bad")


# --- signing ---


def test_a_ukey_is_a_signer_like_a_key_in_memory(token: StationToken) -> None:
    signer = TokenSigner(token, PIN)
    assert signer.public_key.verify(MESSAGE, signer.sign(MESSAGE))
    assert "135790" not in f"{signer!r} {PIN!r} {PIN} {vars(signer)}"


@pytest.mark.parametrize("message", [b"", b"x" * 1_000_000])
def test_messages_of_any_size(token: StationToken, message: bytes) -> None:
    assert TokenSigner(token, PIN).public_key.verify(message, token.sign(message, PIN))


def test_the_digest_can_be_made_here_for_devices_that_sign_digests_only(token: StationToken) -> None:
    host = replace(token.station.profile, hashing=Hashing.HOST)
    ukey = replace(token, station=replace(token.station, profile=host))
    key = token.contents().public_key
    assert key is not None
    assert key.verify(MESSAGE, ukey.sign(MESSAGE, PIN))


@pytest.mark.parametrize("hashing", Hashing)
def test_a_device_with_other_habits(token: StationToken, tmp_path: Path, hashing: Hashing) -> None:
    """By a profile of one's own: signatures as DER, the public point bare, the digest made there or here."""
    module = tmp_path / "strange.so"
    command = ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]
    source = Path(__file__).with_name("strange_device.c")
    subprocess.run([*command, f"-I{SOURCES}", "-o", module, source, "-ldl"], check=True, timeout=60)
    profiles = tmp_path / "ours.toml"
    profiles.write_text(
        f'[ours]\nlike = "tass"\nmodule = "{module}"\nhashing = "{hashing}"\npoint_wrapped = false\n'
        "raw_signing = 0x80008104\n"
    )
    environment = {"INNER": str(module_path()), **token.station.environment}
    station = Station(profile("ours", profiles), environment)
    signer = TokenSigner(station.token("甲方"), PIN)
    assert signer.public_key == token.contents().public_key
    for message in (b"", MESSAGE, bytes(100_000)):
        assert signer.public_key.verify(message, signer.sign(message))
    assert station.token().info().profile == "ours"
    with pytest.raises(port.WrongPin) as wrong:
        station.token().sign(MESSAGE, OTHER)
    assert wrong.value.tries_left is None, "the profile does not say how many tries there are"


def test_a_signature_that_does_not_verify_does_not_leave(token: StationToken) -> None:
    """A profile with the wrong form: r and s, read as DER and the other way round."""
    wrong = replace(token.station.profile, signature_format=SignatureFormat.DER)
    with pytest.raises(port.BadSignature):
        replace(token, station=replace(token.station, profile=wrong)).sign(MESSAGE, PIN)


def test_a_signature_by_another_key_does_not_leave(
    token: StationToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = PrivateKey.generate().public_key
    monkeypatch.setattr("signing.token.contents.PublicKey", lambda _point: other)
    with pytest.raises(port.BadSignature):
        token.sign(MESSAGE, PIN)


def test_the_key_is_made_once(token: StationToken) -> None:
    before = token.contents().public_key
    with pytest.raises(port.KeyExists):
        token.new_key(PIN)
    assert token.contents().public_key == before


def test_without_a_key_there_is_no_signer(tmp_path: Path) -> None:
    ukey = made(tmp_path)
    with pytest.raises(port.NoKey):
        TokenSigner(ukey, PIN)
    with pytest.raises(port.NoKey):
        ukey.sign(MESSAGE, PIN)


def test_a_request_for_a_certificate_proves_the_key(token: StationToken) -> None:
    request = token.request_certificate(Name.of("甲方示例单位"), PIN)
    assert parse_request(request.der).proves_possession
    assert request.key == token.contents().public_key


# --- PINs ---


def test_wrong_pins_are_told_with_what_is_left(token: StationToken) -> None:
    seen = []
    for _ in range(3):
        with pytest.raises((port.WrongPin, port.PinLocked)) as wrong:
            token.sign(MESSAGE, OTHER)
        seen.append((wrong.value, token.info().pin_state))
    first, second, third = (error for error, _state in seen)
    assert isinstance(first, port.WrongPin)
    assert (first.tries_left, first.final_try) == (2, False)
    assert isinstance(second, port.WrongPin)
    assert (second.tries_left, second.final_try) == (1, True)
    assert isinstance(third, port.PinLocked)
    assert [state for _error, state in seen] == [PinState.COUNT_LOW, PinState.FINAL_TRY, PinState.LOCKED]
    with pytest.raises(port.PinLocked):
        token.change_pin(PIN, OTHER)


def test_the_authorization_code_unlocks_and_the_key_stays(token: StationToken) -> None:
    key = token.contents().public_key
    assert key is not None
    for _ in range(3):
        with pytest.raises((port.WrongPin, port.PinLocked)):
            token.change_pin(OTHER, PIN)
    with pytest.raises(port.WrongPin) as wrong:
        token.unlock(Pin("not-the-code"), OTHER)
    assert wrong.value.tries_left is None
    token.unlock(SO_PIN, OTHER)
    assert token.info().pin_state is PinState.OK
    assert key.verify(MESSAGE, token.sign(MESSAGE, OTHER))


def test_a_delivered_pin_has_to_be_changed_first(tmp_path: Path) -> None:
    ukey = made(tmp_path, delivered=True)
    ukey.new_key(PIN)
    assert ukey.info().pin_state is PinState.TO_BE_CHANGED
    with pytest.raises(port.PinMustChange):
        ukey.sign(MESSAGE, PIN)
    ukey.change_pin(PIN, OTHER)
    ukey.sign(MESSAGE, OTHER)
    ukey.unlock(SO_PIN, PIN, delivered=True)
    assert ukey.info().pin_state is PinState.TO_BE_CHANGED


@pytest.mark.parametrize(
    ("new", "error"),
    [
        ("12345", port.PinLength),
        ("1" * 17, port.PinLength),
        ("", port.PinLength),
        ("135790", port.PinUnacceptable),
        ("abc def", port.PinUnacceptable),
    ],
)
def test_new_pins_that_are_not_taken(token: StationToken, new: str, error: type[port.TokenError]) -> None:
    with pytest.raises(error):
        token.change_pin(PIN, Pin(new))
    token.sign(MESSAGE, PIN)


def test_an_unlock_with_an_impossible_pin_changes_nothing(token: StationToken) -> None:
    with pytest.raises(port.PinLength):
        token.unlock(SO_PIN, Pin("short"))
    with pytest.raises(port.PinUnacceptable):
        token.unlock(SO_PIN, Pin("密12345"))
    token.sign(MESSAGE, PIN)


def test_the_authorization_code_is_replaced(token: StationToken) -> None:
    token.set_so_pin(SO_PIN, Pin("another-code"))
    with pytest.raises(port.WrongPin):
        token.unlock(SO_PIN, OTHER)
    token.unlock(Pin("another-code"), OTHER)


def test_the_authorization_code_locks_for_good(token: StationToken) -> None:
    for _ in range(5):
        with pytest.raises((port.WrongPin, port.PinLocked)):
            token.unlock(Pin("not-the-code"), OTHER)
    with pytest.raises(port.PinLocked) as locked:
        token.unlock(SO_PIN, OTHER)
    assert locked.value.so
    assert token.info().so_pin_locked


def test_what_is_told_of_tries_depends_on_what_the_device_tells() -> None:
    unknown = load()["sansec"]
    low = wrong_pin(0x1_0000, unknown, so=False)
    assert isinstance(low, port.WrongPin)
    assert low.tries_left is None
    final = wrong_pin(0x3_0000, unknown, so=False)
    assert isinstance(final, port.WrongPin)
    assert (final.tries_left, final.final_try) == (1, True)
    assert isinstance(wrong_pin(0x50_0000, unknown, so=True), port.PinLocked)


# --- certificate and seal ---


def test_certificate_seal_and_chain_are_stored_and_replaced(token: StationToken) -> None:
    key = token.contents().public_key
    assert key is not None
    first = subscriber_for(key)
    seal = seal_for(first)
    token.store(first, seal, (CA,), PIN)
    told = token.contents()
    assert (told.certificate, told.seal, told.chain) == (first, seal, (CA,))
    second = subscriber_for(key, days=700)
    token.store(second, None, (CA, MAKER), PIN)
    told = token.contents()
    assert (told.certificate, told.seal) == (second, None)
    assert set(told.chain) == {CA, MAKER}
    assert told.chain[0] == CA, "the issuer first"
    assert key.verify(MESSAGE, token.sign(MESSAGE, PIN))


def test_what_belongs_to_another_key_is_not_stored(token: StationToken) -> None:
    key = token.contents().public_key
    assert key is not None
    strange = subscriber_for(SUBSCRIBER_KEY.public_key)
    with pytest.raises(port.NoKey):
        token.store(strange, None, (), PIN)
    with pytest.raises(port.NoSeal):
        token.store(subscriber_for(key), seal_for(strange), (), PIN)
    assert token.contents().certificate is None


# --- the process ---


def test_a_pin_is_neither_in_arguments_nor_in_the_environment(token: StationToken) -> None:
    """A driver that does not answer shows how long the process is there and what is seen of it."""
    seen: list[bytes] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    try:
                        if (entry / "stat").read_text().split()[3] == str(os.getpid()):
                            seen.append((entry / "cmdline").read_bytes() + (entry / "environ").read_bytes())
                    except OSError:
                        continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    secret = Pin("unusual-pin-77")
    token.change_pin(PIN, secret)
    token.sign(MESSAGE, secret)
    done.set()
    watcher.join()
    assert any(b"signing.token.worker" in each for each in seen)
    assert not any(b"unusual-pin-77" in each for each in seen)


def test_operations_at_once_wait_for_each_other_and_all_succeed(token: StationToken) -> None:
    key = token.contents().public_key
    assert key is not None
    messages = [f"document {number}".encode() for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        signatures = list(pool.map(lambda message: token.sign(message, PIN), messages))
    assert all(key.verify(*each) for each in zip(messages, signatures, strict=True))
    assert token.info().pin_state is PinState.OK


HANGS = """
#include <unistd.h>
unsigned long C_GetFunctionList(void **list) { (void)list; for (;;) pause(); }
"""
CRASHES = "unsigned long C_GetFunctionList(void **list) { *list = 0; return *(volatile int *)8; }"


def compiled(folder: Path, source: str) -> str:
    (folder / "module.c").write_text(source)
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", folder / "module.so", folder / "module.c"], check=True, timeout=60
    )
    return str(folder / "module.so")


def test_a_driver_that_hangs_is_given_up_and_its_process_ended(tmp_path: Path) -> None:
    station = Station(replace(profile(), module=compiled(tmp_path, HANGS)), seconds=2)
    begun = time.monotonic()
    with pytest.raises(port.TimedOut) as late:
        station.token("x")
    assert late.value.seconds == 2
    assert time.monotonic() - begun < 60
    children = [
        entry.name
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and str(tmp_path).encode() in _maps(entry)
    ]
    assert children == []


def _maps(entry: Path) -> bytes:
    try:
        return (entry / "maps").read_bytes()
    except OSError:
        return b""


def test_a_driver_that_crashes_is_a_device_fault(tmp_path: Path) -> None:
    station = Station(replace(profile(), module=compiled(tmp_path, CRASHES)))
    with pytest.raises(port.DeviceFault, match="signal 11"):
        station.tokens()


def test_a_driver_that_is_not_there_is_named(tmp_path: Path) -> None:
    station = Station(replace(profile(), module=str(tmp_path / "missing.so")))
    with pytest.raises(port.DeviceFault, match=r"missing\.so"):
        station.tokens()
    with pytest.raises(port.DeviceFault, match="sansec"):
        Station(profile("sansec")).tokens()


# --- profiles and codes ---


def test_the_profiles_that_come_with_the_program() -> None:
    known = load()
    assert set(known) == {"virtual", "sansec", "tass", "ibm"}
    assert known["sansec"].mechanism == 0x80008100
    assert known["tass"].raw_signing == 0x80008000
    assert known["tass"].signature_format is SignatureFormat.DER
    assert known["ibm"].key_type == 0x80050002
    assert replace(known["tass"], hashing=Hashing.HOST).mechanism == 0x80008000


def test_a_profile_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[ours]\nlike = "tass"\nmodule = "/opt/x.so"\nhashing = "host"\n')
    ours = profile("ours", file)
    assert (ours.module, ours.hashing, ours.key_type) == ("/opt/x.so", Hashing.HOST, 0x80000004)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[a", "a"),
        ('[a]\nlike = "a"', "leads nowhere"),
        ('[a]\nlike = "none"', "leads nowhere"),
        ('[a]\nlike = "virtual"\ncolour = "red"', "colour"),
        ('[a]\nlike = "virtual"\nhashing = "cloud"', "token, host"),
        ('[a]\nlike = "virtual"\nsigning = "x"', "int"),
        ('[a]\nlike = "virtual"\nsigning = -1', "range"),
        ('[a]\nmodule = "x"', "missing"),
        ("a = 1", "no table"),
    ],
)
def test_profiles_that_cannot_be_used_say_why(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    with pytest.raises(ProfileError, match=says):
        load(file)


def test_a_profile_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(ProfileError, match="virtual"):
        profile("nothing")


def test_authorization_codes_are_kept_for_the_owner_only(tmp_path: Path) -> None:
    book = CodeBook(tmp_path / "codes")
    book.put("ABC", SO_PIN)
    book.put("ABC", OTHER)
    assert book.get("ABC") == OTHER
    assert (tmp_path / "codes" / "ABC").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "codes").stat().st_mode & 0o777 == 0o700
    book.forget("ABC")
    for serial in ("ABC", "../ABC", ""):
        with pytest.raises(NoCode):
            book.get(serial)


def test_codes_are_random_and_long(tmp_path: Path) -> None:
    codes = {virtual.random_so_pin().reveal() for _ in range(100)}
    assert len(codes) == 100
    assert {len(each) for each in codes} == {16}


def test_a_public_key_is_read_with_and_without_its_wrapping() -> None:
    point = SUBSCRIBER_KEY.public_key.point
    wrapped = bytes((4, 65)) + point
    assert read_point(wrapped, profile()) == point
    assert read_point(point, profile()) == point
    assert PublicKey(point) == SUBSCRIBER_KEY.public_key
