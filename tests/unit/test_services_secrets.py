"""Secrets that are made once; that of the data is another one than that of the sessions."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from luochui.messaging import marks
from luochui.services.folder import FolderUnusable
from luochui.services.secrets import DATA_FILE, FILE, obtain
from luochui.settings import Settings

BEFORE = {"session": "s" * 40, "postgres": "p" * 40, "postgres_admin": "a" * 40, "valkey": "v" * 40}


def made() -> Callable[[int], str]:
    numbers = itertools.count()
    return lambda _length: f"made {next(numbers)}"


def test_a_new_installation_has_a_secret_of_its_own_for_its_data(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    first = obtain(settings, tmp_path, make=made())
    assert first.data != first.session
    kept = tmp_path / "keys" / DATA_FILE
    assert kept.read_text().strip() == first.data.get_secret_value()
    assert (kept.stat().st_mode & 0o077, kept.parent.stat().st_mode & 0o077) == (0, 0)
    assert first.data.get_secret_value() not in (tmp_path / FILE).read_text()
    (tmp_path / FILE).unlink()  # as after a restore: sessions begin anew, the data go on
    again = obtain(settings, tmp_path)
    assert (again.data == first.data, again.session == first.session) == (True, False)
    kept.chmod(0o644)
    with pytest.raises(FolderUnusable, match="chmod 600"):
        obtain(settings, tmp_path)


def test_an_installation_from_before_goes_on_with_what_its_data_are_made_of(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps(BEFORE))
    (tmp_path / FILE).chmod(0o600)
    assert obtain(Settings(data=tmp_path), tmp_path).data.get_secret_value() == BEFORE["session"]
    other = SecretStr("another secret for the sessions of the web")
    changed = obtain(Settings(data=tmp_path, session_secret=other), tmp_path)
    assert changed.session == other
    assert changed.data.get_secret_value() == BEFORE["session"], "who changes the one keeps the other"


def test_what_is_given_is_taken_and_not_kept(tmp_path: Path) -> None:
    session, data = SecretStr("s" * 40), SecretStr("d" * 40)
    given = obtain(Settings(data=tmp_path, session_secret=session, data_secret=data), tmp_path)
    assert (given.session, given.data) == (session, data)
    assert not (tmp_path / "keys").exists()
    assert obtain(Settings(data=tmp_path, session_secret=session), tmp_path).data == session


def test_boxes_are_made_of_it() -> None:
    """Where processes are started one by one, without it: of the session secret, as before."""
    session, data = SecretStr("s" * 40), SecretStr("d" * 40)
    apart = marks(Settings(session_secret=session, data_secret=data))
    alone = marks(Settings(session_secret=session))
    assert apart.mark("x", 1) != alone.mark("x", 1)
    assert alone.unbox(
        "x", marks(Settings(session_secret=SecretStr("o" * 40), data_secret=session)).box("x", b"y")
    )
