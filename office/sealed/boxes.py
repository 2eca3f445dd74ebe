"""Boxes and tags: what the key does to bytes. Pure.

A box is AES-256-GCM under a key of its own purpose, bound to a context: in another row it does not open.
A tag is a keyed digest, for finding a row without knowing what it is about.
"""

import hmac
import json
import secrets
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from office.sealed.key import SealedKey
from office.sealed.port import BoxBroken

_FORM: Final = b"\x01"
_NONCE: Final = 12


class Boxes:
    def __init__(self, key: SealedKey) -> None:
        self._key = key
        self._tagging = key.derived("tags")

    def tag(self, *parts: str) -> bytes:
        """The same for the same parts; parts don't run into each other."""
        text = "".join(f"{len(part)}:{part}" for part in parts)
        return hmac.digest(self._tagging, text.encode(), "sha256")

    def seal(self, data: bytes, *context: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return _FORM + nonce + self._cipher(context).encrypt(nonce, data, _FORM)

    def open(self, box: bytes, *context: str) -> bytes:
        """Raises BoxBroken."""
        if box[:1] != _FORM or len(box) < 1 + _NONCE:
            raise BoxBroken("not a box")
        try:
            return self._cipher(context).decrypt(box[1 : 1 + _NONCE], box[1 + _NONCE :], _FORM)
        except InvalidTag as broken:
            raise BoxBroken("another key, another place, or changed") from broken

    def seal_facts(self, facts: dict[str, Any], *context: str) -> bytes:
        """As long as others of its kind: the length must not tell a number of digits."""
        text = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()
        return self.seal(text + b" " * (-len(text) % 128), *context)

    def open_facts(self, box: bytes, *context: str) -> dict[str, Any]:
        facts = json.loads(self.open(box, *context))
        assert isinstance(facts, dict)
        return facts

    def _cipher(self, context: tuple[str, ...]) -> AESGCM:
        return AESGCM(self._key.derived("box " + "".join(f"{len(part)}:{part}" for part in context)))
