"""`luochui ukey …` from a shell: what it makes, what it says, and that nothing half made stays."""

import os
import shutil
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from certificates.authority.demonstration import DemonstrationAuthority
from certificates.authority.trust import read_trust
from luochui.cli import app
from signing.chain import check_certificate
from signing.findings import Verdict
from signing.seal_check import check_seal
from signing.token import virtual
from signing.token.codes import FOLDER, CodeBook
from signing.token.port import Pin, PinState

PIN, OTHER = "135790", "246801"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LUOCHUI_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LUOCHUI_VUKEY_COST", "10")
    return tmp_path / "data"


def secret(folder: Path, text: str, mode: int = 0o600) -> str:
    file = folder / f"{text[:6]}.pin"
    file.write_text(f"{text}\n")
    file.chmod(mode)
    return str(file)


def ukey(*words: str, succeeds: bool = True) -> Result:
    done = CliRunner().invoke(app, ["ukey", *words])
    assert (done.exit_code == 0) == succeeds, done.output
    return done


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A data folder where `new` was called; made once, copied for each test."""
    folder = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUOCHUI_DATA", str(folder / "data"))
        patch.setenv("LUOCHUI_VUKEY_COST", "10")
        done = ukey("new", "甲方", "--name", "示例单位", "--pin-file", secret(folder, PIN))
    return folder / "data", done


@pytest.fixture
def made(template: tuple[Path, Result], data: Path) -> Result:
    shutil.copytree(template[0], data)
    return template[1]


def test_new_makes_key_certificate_and_seal_that_the_authority_stands_for(made: Result, data: Path) -> None:
    contents = virtual.station(data / "ukeys").token("甲方").contents()
    assert contents.info.pin_state is PinState.OK
    assert contents.certificate is not None
    assert contents.seal is not None
    assert contents.certificate.subject.common_name == "示例单位"
    assert contents.certificate.key == contents.public_key
    assert contents.seal.info.name == "示例单位"
    assert len(contents.chain) == 2
    trust = read_trust(data / "authority")
    at = contents.seal.info.valid_from
    assert check_certificate(contents.certificate, trust, at=at).verdict is Verdict.VALID
    assert check_seal(contents.seal, trust, at=at).verdict is Verdict.VALID


def test_no_secret_is_printed_and_the_code_is_kept_for_the_owner(made: Result, data: Path) -> None:
    (kept,) = (data / "authority" / FOLDER).iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    code = CodeBook(kept.parent).get(kept.name).reveal()
    assert code not in made.output
    assert PIN not in made.output
    assert f"{FOLDER}/{kept.name}" in made.output


def test_list_and_show(made: Result) -> None:
    line = ukey("list").stdout
    assert "甲方" in line
    assert "示例单位" in line
    assert "PIN ok" in line
    shown = ukey("show", "甲方").stdout
    assert "落槌演示签发 CA" in shown
    assert "Seal         示例单位" in shown


def test_without_ukeys_it_says_how_to_make_one() -> None:
    assert "luochui ukey new" in ukey("list").stdout


def test_a_ukey_without_a_name_is_bare(tmp_path: Path) -> None:
    ukey("new", "bare", "--pin-file", secret(tmp_path, PIN))
    assert "no certificate" in ukey("list").stdout


def test_plugging(made: Result) -> None:
    ukey("unplug", "甲方")
    assert "not plugged in" in ukey("list").stdout
    assert "no UKey 甲方 is plugged in" in ukey("show", "甲方", succeeds=False).output
    ukey("plug", "甲方")
    assert "PIN          ok" in ukey("show", "甲方").stdout


def test_a_label_is_taken_once(made: Result, tmp_path: Path) -> None:
    again = ukey("new", "甲方", "--pin-file", secret(tmp_path, OTHER), succeeds=False)
    assert "there is a UKey 甲方 already" in again.output


def test_a_pin_is_changed_and_a_wrong_one_says_what_is_left(made: Result, tmp_path: Path) -> None:
    old, new = secret(tmp_path, PIN), secret(tmp_path, OTHER)
    ukey("pin", "甲方", "--pin-file", old, "--new-pin-file", new)
    wrong = ukey("pin", "甲方", "--pin-file", old, "--new-pin-file", new, succeeds=False)
    assert "tries left: 2" in wrong.output
    assert wrong.exit_code == 1


def test_unlock_uses_the_kept_code_once(made: Result, tmp_path: Path, data: Path) -> None:
    book = CodeBook(data / "authority" / FOLDER)
    token = virtual.station(data / "ukeys").token("甲方")
    before = book.get(token.name)
    new = secret(tmp_path, OTHER)
    for _ in range(3):
        ukey("pin", "甲方", "--pin-file", new, "--new-pin-file", new, succeeds=False)
        ukey("pin", "甲方", "--pin-file", secret(tmp_path, "000000"), "--new-pin-file", new, succeeds=False)
    assert token.info().pin_state is PinState.LOCKED
    ukey("unlock", "甲方", "--new-pin-file", new)
    assert token.info().pin_state is PinState.OK
    token.sign(b"x", Pin(OTHER))
    after = book.get(token.name)
    assert after != before
    assert [each.name for each in (data / "authority" / FOLDER).iterdir()] == [token.name]
    token.unlock(after, Pin(PIN))


def test_a_pin_file_that_others_may_read_is_warned_about(tmp_path: Path) -> None:
    done = ukey("new", "x", "--pin-file", secret(tmp_path, PIN, 0o644))
    assert "mode 0644" in done.output
    assert "chmod 600" in done.output


def test_without_a_terminal_a_missing_pin_file_is_said() -> None:
    assert "there is no terminal to ask at" in ukey("new", "x", succeeds=False).output


@pytest.mark.parametrize("pin", ["123", "1" * 17, "with blank"])
def test_a_pin_that_cannot_be_makes_no_ukey(tmp_path: Path, data: Path, pin: str) -> None:
    ukey("new", "x", "--pin-file", secret(tmp_path, pin), succeeds=False)
    assert virtual.ukeys(data / "ukeys") == ()


def test_nothing_stays_when_the_authority_fails(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(DemonstrationAuthority, "make_seal", fail)
    done = ukey("new", "x", "--name", "示例单位", "--pin-file", secret(tmp_path, PIN), succeeds=False)
    assert "the disk is full" in done.output
    assert virtual.ukeys(data / "ukeys") == ()
    assert list((data / "authority" / FOLDER).iterdir()) == []


def test_delete_asks_and_destroys(made: Result, data: Path) -> None:
    refused = CliRunner().invoke(app, ["ukey", "delete", "甲方"], input="n\n")
    assert refused.exit_code == 1
    assert len(virtual.ukeys(data / "ukeys")) == 1
    ukey("delete", "甲方", "--yes")
    assert virtual.ukeys(data / "ukeys") == ()
    assert os.listdir(data / "authority" / FOLDER) == []


def test_another_kind_of_device_needs_a_module(made: Result) -> None:
    assert "names no module" in ukey("list", "--profile", "sansec", succeeds=False).output
    assert "there is no profile x" in ukey("list", "--profile", "x", succeeds=False).output
