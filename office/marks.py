"""Keyed hashes and boxes of the office: what can be compared or read only by who has the platform's secret.

A copy of the database alone neither opens them nor finds out by trying.
"""

import hashlib
import hmac
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE: Final = 12


class BoxUnreadable(Exception):
    """It was made with another secret, for another purpose, or it is damaged."""


class Marks:
    """Each purpose has a key of its own. It can't print itself."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def __repr__(self) -> str:
        return "Marks(***)"

    def mark(self, purpose: str, *parts: str | int) -> str:
        """64 hexadecimal digits that are the same for the same parts."""
        text = "\n".join(str(part) for part in parts)
        return hmac.new(self._key(purpose), text.encode(), hashlib.sha256).hexdigest()

    def box(self, purpose: str, data: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(self._key(purpose)).encrypt(nonce, data, purpose.encode())

    def unbox(self, purpose: str, box: bytes) -> bytes:
        """Raises BoxUnreadable."""
        try:
            return AESGCM(self._key(purpose)).decrypt(box[:_NONCE], box[_NONCE:], purpose.encode())
        except (InvalidTag, ValueError) as wrong:
            raise BoxUnreadable(purpose) from wrong

    def _key(self, purpose: str) -> bytes:
        return hmac.new(self._secret, f"luochui office\n{purpose}".encode(), hashlib.sha256).digest()
