"""The key, written down for safe keeping under a passphrase: text that can be printed and typed in again.

scrypt makes the passphrase slow to guess; AES-GCM says whether it was the right one.
"""

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from office.sealed.key import KeyFault, SealedKey

SHORTEST_PASSPHRASE: Final = 12
LONGEST: Final = 4_096
COST: Final = 17
"""N = 2^17, r = 8, p = 1: 128 MB and about half a second for each guess."""
MOST_COST: Final = 20
HEAD: Final = "luochui sealed escrow 1"
_GROUP: Final = 4


class WrongPassphrase(KeyFault):
    """Another passphrase, or a character of the text is wrong."""


class ShortPassphrase(KeyFault):
    def __init__(self) -> None:
        super().__init__(f"A passphrase has at least {SHORTEST_PASSPHRASE} characters.")


def write_escrow(key: SealedKey, passphrase: str, *, cost: int = COST) -> str:
    """The text. Raises ShortPassphrase."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise ShortPassphrase
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    box = _cipher(passphrase, salt, cost).encrypt(nonce, key.secret(), key.mark.encode())
    lines = (
        HEAD,
        f"key {key.mark}",
        f"cost {cost}",
        f"salt {grouped(salt)}",
        f"box {grouped(nonce + box)}",
    )
    return "\n".join(lines) + "\n"


def read_escrow(text: str, passphrase: str) -> SealedKey:
    """The key of the text. Raises KeyFault for what is none, WrongPassphrase."""
    fields = fields_of(text, HEAD)
    try:
        cost, salt, box = int(fields["cost"]), bytes.fromhex(fields["salt"]), bytes.fromhex(fields["box"])
    except (KeyError, ValueError) as wrong:
        raise KeyFault("This is no escrow of a sealed key, or it is not complete.") from wrong
    if not 10 <= cost <= MOST_COST:
        raise KeyFault("This escrow asks for an impossible cost.")
    try:
        secret = _cipher(passphrase, salt, cost).decrypt(box[:12], box[12:], fields["key"].encode())
    except (InvalidTag, ValueError) as wrong:
        raise WrongPassphrase("The passphrase is another, or a character of the escrow is wrong.") from wrong
    return SealedKey(secret)


def fields_of(text: str, head: str) -> dict[str, str]:
    """Of an escrow that begins so. Spaces and line ends between groups don't matter. Raises KeyFault."""
    lines = [line.strip() for line in text[:LONGEST].splitlines() if line.strip()]
    if not lines or lines[0] != head:
        raise KeyFault("This is no escrow of a sealed key.")
    return {name: "".join(rest.split()) for name, _, rest in (line.partition(" ") for line in lines[1:])}


def _cipher(passphrase: str, salt: bytes, cost: int) -> AESGCM:
    return AESGCM(Scrypt(salt=salt, length=32, n=1 << cost, r=8, p=1).derive(passphrase.encode()))


def grouped(data: bytes) -> str:
    """Hexadecimal digits that people can read off paper."""
    text = data.hex()
    return " ".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))
