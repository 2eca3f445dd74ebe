"""What is done to a UKey by its authorization code, encrypted to one assistant: a locked one gets a new PIN,
a new one its first.

    task = UnlockTask(serial, secret_for(assistant_key, Authorization(serial, so_pin, next_so_pin)))
    authorization = open_secret(task.secret, key)
    task = InstallTask(…, first_pin=first_pin_for(assistant_key, FirstPin(serial, so_pin, pin)))
    first = open_first_pin(task.first_pin, key)

Whoever authorizes chooses the next SO PIN as well: the used one is replaced, and both sides know by what. A
first PIN is set where UKeys are written, by the house's own assistant: the code stays.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from asn1crypto import core

from signing import SigningError
from signing.der import MalformedDer, load, reading
from signing.libcrypto import LibcryptoError
from signing.sm2 import PrivateKey, PublicKey, Sm2Error
from signing.token.port import Pin

UNLOCK_TAG: Final = "luochui/unlock/1"
FIRST_PIN_TAG: Final = "luochui/first-pin/1"
MAX_TEXT: Final = 128


class UnlockError(SigningError):
    """An authorization that this assistant cannot use."""


class _Secret(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [
        ("tag", core.UTF8String),
        ("serial", core.UTF8String),
        ("so_pin", core.UTF8String),
        ("pin", core.UTF8String),
    ]


@dataclass(frozen=True, slots=True)
class Authorization:
    """The SO PIN of the UKey `serial`, and the one to be set after its use."""

    serial: str
    so_pin: Pin
    next_so_pin: Pin


@dataclass(frozen=True, slots=True)
class FirstPin:
    """The SO PIN of the UKey `serial`, and the user's PIN that its holder is told and has to change."""

    serial: str
    so_pin: Pin
    pin: Pin


def secret_for(assistant: PublicKey, authorization: Authorization) -> bytes:
    """What only that assistant can open."""
    return _closed(
        assistant, UNLOCK_TAG, authorization.serial, authorization.so_pin, authorization.next_so_pin
    )


def open_secret(secret: bytes, key: PrivateKey) -> Authorization:
    """Raises UnlockError when it was made for another assistant, or changed."""
    return Authorization(*_opened(secret, key, UNLOCK_TAG))


def first_pin_for(assistant: PublicKey, first: FirstPin) -> bytes:
    """What only that assistant can open."""
    return _closed(assistant, FIRST_PIN_TAG, first.serial, first.so_pin, first.pin)


def open_first_pin(secret: bytes, key: PrivateKey) -> FirstPin:
    """Raises UnlockError when it was made for another assistant, or changed."""
    return FirstPin(*_opened(secret, key, FIRST_PIN_TAG))


def _closed(assistant: PublicKey, tag: str, serial: str, so_pin: Pin, pin: Pin) -> bytes:
    texts = {"serial": serial, "so_pin": so_pin.reveal(), "pin": pin.reveal()}
    if not all(0 < len(text) <= MAX_TEXT for text in texts.values()):
        raise ValueError("an authorization of an impossible size")
    der: bytes = _Secret({"tag": tag, **texts}).dump()
    return assistant.encrypt(der)


def _opened(secret: bytes, key: PrivateKey, tag: str) -> tuple[str, Pin, Pin]:
    try:
        fields: Any = load(_Secret, key.decrypt(secret), "an authorization", MAX_TEXT * 16)
        with reading("an authorization"):
            if fields["tag"].native != tag:
                raise ValueError("its tag is another one")
            return fields["serial"].native, Pin(fields["so_pin"].native), Pin(fields["pin"].native)
    except (LibcryptoError, Sm2Error, MalformedDer) as error:
        raise UnlockError("the authorization was not made for this assistant") from error
