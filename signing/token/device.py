"""A driver in the worker's process: python-pkcs11 with the numbers of a device profile."""

from collections.abc import Iterator, Mapping
from typing import Any

import pkcs11
from pkcs11 import KeyType, Mechanism, TokenFlag
from pkcs11 import exceptions as faults


class Refused(Exception):
    """The answer is an error with these facts."""

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code)
        self.answer = {"code": code, **facts}


class Device:
    """A driver with the numbers of its profile."""

    def __init__(self, module: str, numbers: Mapping[str, Any]) -> None:
        self.numbers = numbers
        self.key_type = _member(KeyType, numbers["key_type"], "SM2")
        self.generation = _member(Mechanism, numbers["key_generation"], "SM2_KEY_PAIR_GEN")
        self.mechanism = _member(Mechanism, numbers["mechanism"], "SM2_SIGN")
        self.module = module
        self.library = pkcs11.lib(module)

    def tokens(self) -> Iterator[tuple[Any, Any]]:
        """(slot, token); the token is None when it cannot be read. Blank ones are left out."""
        for slot in self.library.get_slots(token_present=True):
            try:
                token = slot.get_token()
            except faults.TokenNotPresent:
                continue
            except faults.PKCS11Error:
                yield slot, None
                continue
            if token.flags & TokenFlag.TOKEN_INITIALIZED:
                yield slot, token

    def find(self, name: str) -> Any:
        """The one token with this serial or label; any, for an empty name."""
        readable = [token for _slot, token in self.tokens() if token is not None]
        fitting = [token for token in readable if name in ("", serial_of(token), token.label)]
        if not fitting:
            damaged = any(slot.slot_description == name for slot, token in self.tokens() if token is None)
            if damaged:
                raise Refused("device-fault", detail="its file is damaged")
            raise Refused("no-token", name=name)
        if len(fitting) > 1:
            raise Refused("several-tokens", labels=[token.label for token in fitting])
        return fitting[0]


def _member(kind: Any, number: int, name: str) -> Any:
    """python-pkcs11 takes only members of its enumerations: a vendor's number becomes one."""
    try:
        return kind(number)
    except ValueError:
        member = int.__new__(kind, number)
        member._name_, member._value_ = f"{name}_{number:08X}", number
        kind._value2member_map_[number] = member
        return member


def serial_of(token: Any) -> str:
    """Its serial number as a text; devices pad it with blanks or zeros."""
    return str(token.serial.decode("utf-8", "replace").strip("\0 "))
