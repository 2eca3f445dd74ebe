"""The one key of the sealed process: a file that only its account reads, and the keys derived from it."""

import os
import re
import secrets
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NAME: Final = "sealed.key"
SIZE: Final = 32
_FORM: Final = re.compile(r"luochui sealed 1 ([0-9a-f]{64})\n?")


class KeyFault(Exception):
    """The file with the key cannot be used. Says why, never what is in it."""


class SealedKey:
    """It can't print itself."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SIZE:
            raise ValueError(f"the key has {SIZE} bytes")
        self._secret = secret

    def __repr__(self) -> str:
        return "SealedKey(***)"

    @classmethod
    def generate(cls) -> "SealedKey":
        return cls(secrets.token_bytes(SIZE))

    def derived(self, purpose: str) -> bytes:
        """32 bytes for one purpose; none tells anything of another."""
        return HKDF(hashes.SHA256(), SIZE, salt=b"luochui sealed", info=purpose.encode()).derive(self._secret)

    def secret(self) -> bytes:
        """For the escrow."""
        return self._secret

    @property
    def mark(self) -> str:
        """Which key it is, for people: 16 hexadecimal digits that tell nothing of it."""
        return self.derived("mark")[:8].hex()


def load(file: Path) -> SealedKey:
    """Raises KeyFault."""
    try:
        if file.stat().st_mode & 0o077:
            raise KeyFault(f"{file}: others may read it; chmod 600 it")
        match = _FORM.fullmatch(file.read_text("ascii"))
    except (OSError, UnicodeDecodeError) as fault:
        raise KeyFault(f"{file}: {type(fault).__name__}") from fault
    if match is None:
        raise KeyFault(f"{file}: this is no key of the sealed process")
    return SealedKey(bytes.fromhex(match[1]))


def write(file: Path, key: SealedKey) -> None:
    """Once: a file that is there is never overwritten. Raises FileExistsError."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    passing = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.write(f"luochui sealed 1 {key.secret().hex()}\n")
            opened.flush()
            os.fsync(opened.fileno())
        os.link(passing, file)
        _sync(file.parent)
    finally:
        passing.unlink()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
