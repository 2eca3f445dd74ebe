"""The authorization to give a locked UKey a new PIN, encrypted to one assistant.

    task = UnlockTask(serial, secret_for(assistant_key, Authorization(serial, so_pin, next_so_pin)))
    authorization = open_secret(task.secret, key)

Whoever authorizes chooses the next SO PIN as well: the used one is replaced, and both sides know by what.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from asn1crypto import core

from signing import SigningError
from signing.der import MalformedDer, load, reading
from signing.libcrypto import LibcryptoError
from signing.sm2 import PrivateKey, PublicKey, Sm2Error
from signing.token.port import Pin

TAG: Final = "luochui/unlock/1"
MAX_TEXT: Final = 128


class UnlockError(SigningError):
    """An authorization that this assistant cannot use."""


class _Authorization(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [
        ("tag", core.UTF8String),
        ("serial", core.UTF8String),
        ("so_pin", core.UTF8String),
        ("next_so_pin", core.UTF8String),
    ]


@dataclass(frozen=True, slots=True)
class Authorization:
    """The SO PIN of the UKey `serial`, and the one to be set after its use."""

    serial: str
    so_pin: Pin
    next_so_pin: Pin


def secret_for(assistant: PublicKey, authorization: Authorization) -> bytes:
    """What only that assistant can open."""
    texts = (authorization.serial, authorization.so_pin.reveal(), authorization.next_so_pin.reveal())
    if not all(0 < len(text) <= MAX_TEXT for text in texts):
        raise ValueError("an authorization of an impossible size")
    names = ("serial", "so_pin", "next_so_pin")
    der: bytes = _Authorization({"tag": TAG, **dict(zip(names, texts, strict=True))}).dump()
    return assistant.encrypt(der)


def open_secret(secret: bytes, key: PrivateKey) -> Authorization:
    """Raises UnlockError when it was made for another assistant, or changed."""
    try:
        fields: Any = load(_Authorization, key.decrypt(secret), "an authorization", MAX_TEXT * 16)
        with reading("an authorization"):
            if fields["tag"].native != TAG:
                raise ValueError("its tag is another one")
            return Authorization(
                serial=fields["serial"].native,
                so_pin=Pin(fields["so_pin"].native),
                next_so_pin=Pin(fields["next_so_pin"].native),
            )
    except (LibcryptoError, Sm2Error, MalformedDer) as error:
        raise UnlockError("the authorization was not made for this assistant") from error
