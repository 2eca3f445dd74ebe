"""The assistant's own folder (0700) and the files in it (0600): nobody else on this computer may look."""

import json
import os
import secrets
import stat
from pathlib import Path
from typing import Any, Final

from signing import SigningError
from signing.sm2 import PrivateKey, load_or_create

MAX_FILE: Final = 1 << 20
_OTHERS: Final = 0o077


class NotPrivate(SigningError):
    """A file or folder that other local users may touch. Names it."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: others than its owner may read or write it")
        self.path = path


def private_folder(folder: Path) -> Path:
    """The folder, made when it is missing. Raises NotPrivate when it is open to others or somebody else's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if stat.S_IMODE(found.st_mode) & _OTHERS or found.st_uid != os.geteuid():
        raise NotPrivate(folder)
    return folder


def write_private(path: Path, data: bytes) -> None:
    """The whole file or the old one, mode 0600."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def read_private(path: Path) -> bytes | None:
    """The file, or None when there is none. Raises NotPrivate."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if stat.S_IMODE(found.st_mode) & _OTHERS or found.st_uid != os.geteuid():
                raise NotPrivate(path)
            return file.read(MAX_FILE + 1)
    except FileNotFoundError:
        return None


def write_json(path: Path, value: Any) -> None:
    """As `write_private`."""
    write_private(path, json.dumps(value, ensure_ascii=False, indent=1).encode())


def read_json(path: Path) -> Any:
    """The value, or None when there is no file. Raises NotPrivate, ValueError."""
    data = read_private(path)
    return None if data is None else json.loads(data)


def own_secret(folder: Path) -> str:
    """The secret of this person's assistant: made once, read by the person's own commands."""
    path = folder / "secret"
    found = read_private(path)
    if found is None:
        write_private(path, secrets.token_urlsafe(32).encode())
        found = read_private(path) or b""
    return found.decode()


def own_key(folder: Path) -> PrivateKey:
    """To which is encrypted what only this person's assistant may read: made once."""
    return load_or_create(folder / "key.pem")
