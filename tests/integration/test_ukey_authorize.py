"""`luochui ukey authorize`: what it prints unlocks a real virtual UKey through the assistant's own form."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from luochui.cli import app
from luochui.commands.ukey_authorize import NotAuthorized, assistant_key, next_of
from signing.assistant.desk import State
from signing.sm2 import PrivateKey, load_or_create
from signing.token import virtual
from signing.token.codes import FOLDER, CodeBook
from signing.token.port import Pin, PinLocked, PinState, WrongPin
from tests.assistantkit import PHRASE, Assistant, SmallPlatform, running_assistant

PIN, NEW = "135790", "246802"
LABEL = "甲方"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LUOCHUI_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LUOCHUI_VUKEY_COST", "10")
    return tmp_path / "data"


@pytest.fixture
def platform(data: Path) -> Iterator[SmallPlatform]:
    """A platform whose job key lies where the web keeps it."""
    made = SmallPlatform()
    (data / "keys").mkdir(parents=True, mode=0o700)
    (data / "keys" / "jobs.pem").write_bytes(made.key.to_pem())
    (data / "keys" / "jobs.pem").chmod(0o600)
    yield made
    made.close()


@pytest.fixture
def serial(data: Path, tmp_path: Path) -> str:
    pin = tmp_path / "pin"
    pin.write_text(PIN)
    pin.chmod(0o600)
    assert ukey("new", LABEL, "--name", "示例单位", "--pin-file", str(pin)).exit_code == 0
    return virtual.station(data / "ukeys").token(LABEL).info().serial


@pytest.fixture
def assistant(data: Path, tmp_path: Path, serial: str, platform: SmallPlatform) -> Iterator[Assistant]:
    with running_assistant(tmp_path / "assistant", data / "ukeys") as running:
        running.work.pair(platform.origin, platform.code, PHRASE)
        yield running


def ukey(*words: str) -> Result:
    done: Result = CliRunner().invoke(app, ["ukey", *words])
    return done


def authorized(assistant: Assistant, platform: SmallPlatform, *more: str) -> Result:
    """With the key that stands on the assistant's home, as its holder sends it."""
    (key,) = re.findall(r'id="own-key"[^>]*>([^<]+)<', assistant.home().text)
    return ukey("authorize", LABEL, "--assistant", key, "--origin", platform.origin, *more)


def unlock_with(assistant: Assistant, text: str, serial: str) -> None:
    """As a person does it: paste, then choose a new PIN in the window that opens."""
    assistant.home().act("unlock", code=text)
    (entry,) = [
        each for each in assistant.work.desk.open_entries(assistant.work.now()) if each.state is State.WAITING
    ]
    assert "已解锁" in assistant.window(entry.id).agree(serial, new_pin=NEW, again=NEW).text


def lock(data: Path) -> None:
    token = virtual.station(data / "ukeys").token(LABEL)
    for _ in range(3):
        with pytest.raises((WrongPin, PinLocked)):
            token.sign(b"x", Pin("999999"))
    assert token.info().pin_state is PinState.LOCKED


def test_a_locked_ukey_is_unlocked_through_the_assistant_and_no_code_is_lost(
    assistant: Assistant, platform: SmallPlatform, data: Path, serial: str
) -> None:
    codes = CodeBook(data / "authority" / FOLDER)
    before = codes.get(serial)
    lock(data)
    done = authorized(assistant, platform)
    assert done.exit_code == 0, done.output
    assert assistant.work.key.public_key.key_id in done.stderr
    following = codes.get(next_of(serial))
    for code in (before, following):
        assert code.reveal() not in done.output
    unlock_with(assistant, done.stdout.strip(), serial)
    token = virtual.station(data / "ukeys").token(LABEL)
    token.sign(b"x", Pin(NEW))
    with pytest.raises(WrongPin):
        token.unlock(before, Pin(PIN))
    # nobody told the platform: it asks before it gives out a code that may be the old one
    again = authorized(assistant, platform)
    assert again.exit_code == 1
    assert "--used" in again.output
    lock(data)
    done = authorized(assistant, platform, "--used")
    assert codes.get(serial) == following
    unlock_with(assistant, done.stdout.strip(), serial)
    assert token.info().pin_state is PinState.OK


def test_one_that_was_not_used_is_made_again_with_the_same_codes(
    assistant: Assistant, platform: SmallPlatform, data: Path, serial: str
) -> None:
    codes = CodeBook(data / "authority" / FOLDER)
    lost = authorized(assistant, platform).stdout
    kept = codes.get(serial), codes.get(next_of(serial))
    done = authorized(assistant, platform, "--unused")
    assert done.stdout != lost
    assert (codes.get(serial), codes.get(next_of(serial))) == kept
    lock(data)
    unlock_with(assistant, done.stdout.strip(), serial)


def test_after_it_was_used_the_shell_unlocks_by_the_next_code(
    assistant: Assistant, platform: SmallPlatform, data: Path, serial: str, tmp_path: Path
) -> None:
    lock(data)
    unlock_with(assistant, authorized(assistant, platform).stdout.strip(), serial)
    lock(data)
    done = ukey("unlock", LABEL, "--new-pin-file", str(tmp_path / "pin"), "--used")
    assert done.exit_code == 0, done.output
    virtual.station(data / "ukeys").token(LABEL).sign(b"x", Pin(PIN))
    assert [each.name for each in (data / "authority" / FOLDER).iterdir()] == [serial]


def test_a_serial_number_is_enough_when_the_ukey_is_not_here(
    assistant: Assistant, platform: SmallPlatform, data: Path, serial: str
) -> None:
    key = assistant.work.key.public_key.to_pem().decode()
    done = ukey("authorize", serial, "--assistant", key, "--origin", platform.origin, "--folder", str(data))
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody"], "no authorization code for a UKey nobody"),
        ([LABEL, "--origin", "http://auction.example.cn"], "is no origin"),
        ([LABEL, "--used"], "No authorization was made"),
    ],
)
def test_what_goes_wrong_is_said_and_nothing_is_kept(
    platform: SmallPlatform, data: Path, serial: str, words: list[str], said: str
) -> None:
    key = PrivateKey.generate().public_key.to_pem().decode()
    done = ukey("authorize", *words, "--assistant", key)
    assert done.exit_code == 1
    assert said in done.output
    assert [each.name for each in (data / "authority" / FOLDER).iterdir()] == [serial]


def test_without_the_platforms_key_none_is_made_up(data: Path, serial: str) -> None:
    key = PrivateKey.generate().public_key.to_pem().decode()
    done = ukey("authorize", LABEL, "--assistant", key, "--origin", "https://auction.example.cn")
    assert done.exit_code == 1
    assert "jobs.pem is missing" in done.output
    assert not (data / "keys" / "jobs.pem").exists()


def test_the_assistants_key_is_a_file_or_a_text_and_never_the_private_one(tmp_path: Path) -> None:
    key = load_or_create(tmp_path / "key.pem")
    public = key.public_key
    (tmp_path / "public.pem").write_bytes(public.to_pem())
    text = base64.b64encode(public.spki).decode()
    for given in (
        str(tmp_path / "public.pem"),
        public.to_pem().decode(),
        text,
        f" {text[:40]}\n{text[40:]} ",
    ):
        assert assistant_key(given) == public
    with pytest.raises(NotAuthorized, match="private key"):
        assistant_key(str(tmp_path / "key.pem"))
    for wrong in ("", "x", "AAAA", "/nowhere/key.pem"):
        with pytest.raises(NotAuthorized, match="public key"):
            assistant_key(wrong)
