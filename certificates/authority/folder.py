"""The authority's folder: who may read what, whole files or none, one writer at a time.

<folder>/            0700
  lock               held while something changes
  register.jsonl     0600, append-only (see `register`)
  private/           0700: one key file per role, 0600
  public/            what anybody may have: certificates (PEM), lists of revoked certificates (DER)
  seals/             0700: seals that are made and not yet handed over (see `sealing`)
  authorities/<key>  0700: register, lock and seals of an issuing CA of its own (see `authorities`); its
                     keys lie in private/authorities/<key>, what it publishes in public/authorities/<key>
"""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from certificates.authority.port import AuthorityAway, AuthorityError

BELOW: Final = "authorities"
LOCK_WITHIN_S: Final = 30.0
_LOOK_AGAIN_S: Final = 0.01


class AuthorityBusy(AuthorityAway):
    """Another process changes the authority for longer than one waits."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Paths, the lock, and whole writes."""

    path: Path
    house: "Folder | None" = None
    """Of the root, where that is another authority's: keys and what is published lie there."""

    @property
    def private(self) -> Path:
        """The keys."""
        return self.house.private / BELOW / self.path.name if self.house else self.path / "private"

    @property
    def public(self) -> Path:
        """What anybody may have."""
        return self.house.public / BELOW / self.path.name if self.house else self.path / "public"

    def below(self, key: str) -> "Folder":
        """Of the issuing CA `key`, whose root lies here."""
        return Folder(self.path / BELOW / key, self)

    def keys_below(self) -> list[str]:
        """The issuing CAs that there are."""
        found = (self.path / BELOW).glob("*/register.jsonl")
        return sorted(path.parent.name for path in found)

    @property
    def seals(self) -> Path:
        """Seals whose way to who asked for them is not known to be over."""
        return self.path / "seals"

    @property
    def register(self) -> Path:
        """What was issued and revoked."""
        return self.path / "register.jsonl"

    def prepare(self) -> None:
        """Make what is missing; several processes may do it at once."""
        kept = ((self.path, 0o700), (self.private, 0o700), (self.public, 0o755), (self.seals, 0o700))
        for folder, mode in kept:
            folder.mkdir(mode=mode, parents=True, exist_ok=True)
        if self.private.stat().st_mode & 0o077:
            raise AuthorityError(f"{self.private} lets others in; chmod 700 it")

    @contextmanager
    def locked(self, within_s: float = LOCK_WITHIN_S) -> Iterator[None]:
        """Alone among processes and threads. The system gives it back when the process dies."""
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            end = time.monotonic() + within_s
            while not _taken(descriptor):
                if time.monotonic() > end:
                    raise AuthorityBusy(f"{self.path} is held by another process")
                time.sleep(_LOOK_AGAIN_S)
            yield
        finally:
            os.close(descriptor)

    def publish(self, name: str, data: bytes) -> None:
        """The file in `public`, whole, replacing what was there; unchanged files are left alone."""
        path = self.public / name
        if path.exists() and path.read_bytes() == data:
            return
        write_whole(path, data)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_whole(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace the file: the old one or the new one is there at any moment, the new one on disk on return."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Names in the folder are on disk on return."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
