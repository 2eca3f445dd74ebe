"""Secrets that nobody gave: made once, kept in the data folder, readable by its owner only."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from luochui.services.folder import FolderUnusable, write_private
from luochui.settings import Settings

FILE = "secrets.json"


@dataclass(frozen=True)
class Secrets:
    """What the services and processes share. SecretStr does not print."""

    session: SecretStr
    postgres: SecretStr
    postgres_admin: SecretStr
    valkey: SecretStr


def obtain(
    settings: Settings, folder: Path, *, make: Callable[[int], str] = secrets.token_urlsafe
) -> Secrets:
    """The given secrets, then those of the file, then new ones, which are written to the file."""
    path = folder / FILE
    kept = _read(path)
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
    return Secrets(chosen["session"], chosen["postgres"], chosen["postgres_admin"], chosen["valkey"])


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    if path.stat().st_mode & 0o077:
        raise FolderUnusable(f"{path} can be read by others. Run: chmod 600 {path}")
    kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return kept
