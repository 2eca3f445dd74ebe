"""Passwords: argon2id, hashed and checked in a thread, a few at a time."""

import asyncio
import secrets
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST: Final = 8
LONGEST: Final = 200
AT_ONCE: Final = 4
"""Each check takes 64 MiB for a moment; more than this many wait for their turn."""

_hasher = PasswordHasher()


class Passwords:
    """Hash and check without blocking the event loop. One per process."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._nobody = _hasher.hash(secrets.token_hex(16))

    async def hashed(self, password: str) -> str:
        async with self._turn:
            return await asyncio.to_thread(hash_password, password)

    async def fits(self, hashed: str | None, password: str) -> bool:
        """Whether the password belongs to the hash. Without one the same work is done, and the answer is no:
        the time tells nobody which logins exist."""
        async with self._turn:
            fits = await asyncio.to_thread(_fits, hashed or self._nobody, password)
        return fits and hashed is not None


def hash_password(password: str) -> str:
    """The argon2id hash, with its salt and parameters in it. Takes some 50 ms."""
    return _hasher.hash(password)


def outdated(hashed: str) -> bool:
    """Made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(hashed)


def _fits(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
