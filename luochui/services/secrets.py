"""Secrets that nobody gave: made once, kept in the data folder, readable by its owner only.

The data secret lies with the platform's keys, because it is worth as much: boxes of personal data, and what
they are found by, are made of it and lost without it. `luochui backup --with-keys` takes it along.
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from luochui.services.folder import FolderUnusable, write_private
from luochui.settings import Settings

FILE = "secrets.json"
DATA_FILE = "data.secret"


@dataclass(frozen=True)
class Secrets:
    """What the services and processes share. SecretStr does not print."""

    session: SecretStr
    data: SecretStr
    postgres: SecretStr
    postgres_admin: SecretStr
    valkey: SecretStr


def obtain(
    settings: Settings, folder: Path, *, make: Callable[[int], str] = secrets.token_urlsafe
) -> Secrets:
    """The given secrets, then those of the file, then new ones, which are written to the file."""
    path = folder / FILE
    kept = _read(path)
    before = settings.session_secret is not None or bool(kept)
    given = {
        "session": settings.session_secret,
        "postgres": settings.postgres_password,
        "valkey": settings.valkey_password,
    }
    missing = [name for name in ("session", "postgres", "postgres_admin", "valkey") if name not in kept]
    if missing:
        kept |= {name: make(32) for name in missing}
        write_private(path, json.dumps(kept, indent=2) + "\n")
    chosen = {name: given.get(name) or SecretStr(text) for name, text in kept.items()}
    data = settings.data_secret or _data(settings, chosen["session"] if before else SecretStr(make(32)))
    return Secrets(chosen["session"], data, chosen["postgres"], chosen["postgres_admin"], chosen["valkey"])


def _data(settings: Settings, first: SecretStr) -> SecretStr:
    """The kept one, else `first`, which is kept from then on. What an installation kept before there was one
    of its own is made of its session secret: that goes on."""
    path = settings.keys / DATA_FILE
    if not path.exists():
        settings.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, first.get_secret_value() + "\n")
    _refuse_open(path)
    return SecretStr(path.read_text(encoding="utf-8").strip())


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    _refuse_open(path)
    kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return kept


def _refuse_open(path: Path) -> None:
    if path.stat().st_mode & 0o077:
        raise FolderUnusable(f"{path} can be read by others. Run: chmod 600 {path}")
