"""The process that speaks to a device: one operation, then it ends.

A login is valid for the whole process, a driver may hang or crash, and a PIN should not stay in the memory of
a server: hence a process of its own. At its start it imports only what every operation needs. A request comes
as JSON on standard input (never as an argument or in the environment, where others could read the PIN), the
answer goes to standard output: {"ok": …} or {"error": …}. Everything is bytes and numbers here; what they
mean is decided in `station`.
"""

import base64
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import pkcs11
from pkcs11 import Attribute, MechanismFlag, ObjectClass, TokenFlag
from pkcs11 import exceptions as faults

from signing.token.device import Device, Refused, serial_of

MAX_REQUEST: Final = 8 << 20
MAX_OBJECTS: Final = 256
KEY_LABEL: Final = "seal"
APPLICATION: Final = "GB/T 38540"
SM2_CURVE: Final = bytes.fromhex("06082a811ccf5501822d")

CODES: Final[dict[type[Exception], str]] = {
    faults.PinLocked: "pin-locked",
    faults.PinLenRange: "pin-length",
    faults.PinInvalid: "pin-unacceptable",
    faults.PinTooWeak: "pin-unacceptable",
    faults.PinExpired: "pin-must-change",
    faults.UserPinNotInitialized: "pin-not-set",
    faults.DeviceRemoved: "token-removed",
    faults.TokenNotPresent: "token-removed",
    faults.DeviceMemory: "token-full",
}


def _facts(token: Any) -> dict[str, Any]:
    return {
        "label": token.label,
        "serial": serial_of(token),
        "manufacturer": token.manufacturer_id,
        "flags": int(token.flags),
    }


@contextmanager
def _session(token: Any, *, writing: bool = False, pin: str = "", so_pin: str = "") -> Iterator[Any]:
    who = {"user_pin": pin} if pin else {"so_pin": so_pin} if so_pin else {}
    with _pins(token, so=bool(so_pin)):
        session = token.open(rw=writing or bool(so_pin), **who)
    with session:
        yield session


@contextmanager
def _pins(token: Any, *, so: bool = False) -> Iterator[None]:
    """Turns a wrong PIN into its facts: the flags are read again after the try."""
    try:
        yield
    except faults.PinIncorrect:
        flags = int(token.slot.get_token().flags)
        raise Refused("wrong-pin", flags=flags, so=so) from None
    except faults.PinLocked:
        raise Refused("pin-locked", so=so) from None


def _objects(session: Any, kind: ObjectClass, **more: Any) -> list[Any]:
    wanted = {Attribute.CLASS: kind, **{Attribute[name.upper()]: value for name, value in more.items()}}
    return list(session.get_objects(wanted))[:MAX_OBJECTS]


def _read(found: Any, *names: Attribute) -> dict[str, Any]:
    told = {}
    for name in names:
        try:
            value = found[name]
        except (faults.PKCS11Error, UnicodeDecodeError):
            value = b"" if name not in (Attribute.LABEL, Attribute.APPLICATION) else ""
        told[name.name.lower()] = encoded(value) if isinstance(value, bytes) else value
    return told


def _contents(device: Device, session: Any) -> dict[str, Any]:
    keys = _objects(session, ObjectClass.PUBLIC_KEY, key_type=device.key_type)
    certificates = _objects(session, ObjectClass.CERTIFICATE)
    label = device.numbers["seal_label"]
    seals = _objects(session, ObjectClass.DATA, **({"label": label} if label else {}))
    found: dict[str, Any] = {
        "keys": [_read(each, Attribute.ID, Attribute.LABEL, Attribute.EC_POINT) for each in keys],
        "certificates": [_read(each, Attribute.ID, Attribute.VALUE) for each in certificates],
        "seals": [_read(each, Attribute.VALUE) for each in seals],
    }
    return {**found, "sealing": sealing_key_id(found)}


def _contents_of(device: Device, token: Any) -> dict[str, Any]:
    try:
        with _session(token) as session:
            return {**_facts(token), "contents": _contents(device, session)}
    except faults.PKCS11Error as fault:
        return {**_facts(token), "problem": type(fault).__name__}


def list_tokens(device: Device, _request: Mapping[str, Any]) -> Any:
    """Every token with its contents. Those that cannot be read are named by their slot."""
    unreadable = {"label": "", "serial": "", "manufacturer": "", "flags": 0, "problem": "it cannot be read"}
    return [
        {**unreadable, "label": slot.slot_description} if token is None else _contents_of(device, token)
        for slot, token in device.tokens()
    ]


def read_token(device: Device, request: Mapping[str, Any]) -> Any:
    """One token with its contents."""
    return _contents_of(device, device.find(request["token"]))


def sealing_key_id(contents: Mapping[str, Any]) -> str:
    """The CKA_ID (encoded) of the sealing key: the only one, the certified one, or the one labelled so.

    Empty when there is none, or no telling which.
    """
    keys = contents["keys"] or contents["certificates"]
    certified = {each["id"] for each in contents["certificates"]}
    for fitting in (
        keys,
        [each for each in keys if each["id"] in certified],
        [each for each in keys if each.get("label") == KEY_LABEL],
    ):
        if len({each["id"] for each in fitting}) == 1:
            return str(fitting[0]["id"])
    return ""


def sign(device: Device, request: Mapping[str, Any]) -> Any:
    """A signature by the sealing key, as the device gives it, and the token's contents at that moment."""
    token = device.find(request["token"])
    if token.flags & TokenFlag.USER_PIN_TO_BE_CHANGED:
        raise Refused("pin-must-change")
    with _session(token, pin=request["pin"]) as session:
        contents = _contents(device, session)
        key = _private_key(device, session, contents["sealing"])
        each_time = _read(key, Attribute.ALWAYS_AUTHENTICATE)["always_authenticate"] is True
        data = decoded(request["message"])
        if device.numbers["hashing"] == "host":
            from signing.token.prehash import message_digest

            data = message_digest(decoded(request["point"]), data)
        with _pins(token):
            signature = key.sign(data, mechanism=device.mechanism, pin=request["pin"] if each_time else None)
        return {**_facts(token), "contents": contents, "signature": encoded(signature)}


def _private_key(device: Device, session: Any, number: str) -> Any:
    keys = _objects(session, ObjectClass.PRIVATE_KEY, key_type=device.key_type, id=decoded(number))
    if not number or not keys:
        raise Refused("no-key")
    return keys[0]


def change_pin(device: Device, request: Mapping[str, Any]) -> Any:
    """The user's own change."""
    token = device.find(request["token"])
    with _session(token, writing=True) as session, _pins(token):
        session.set_pin(request["pin"], request["new_pin"])


def unlock(device: Device, request: Mapping[str, Any]) -> Any:
    """A new PIN by the SO. One that the user chose need not be changed: it is set by a change, from one that
    nobody knows. Whoever ends in between asks the SO again."""
    token = device.find(request["token"])
    _init_pin(token, request["so_pin"], request["new_pin"], delivered=request["delivered"])


def _init_pin(token: Any, so_pin: str, pin: str, *, delivered: bool) -> None:
    first = pin if delivered else f"{int.from_bytes(os.urandom(16)) % 10**12:012}"
    with _session(token, so_pin=so_pin) as session:
        session.init_pin(first)
    if not delivered:
        with _session(token, writing=True) as session:
            session.set_pin(first, pin)


def set_so_pin(device: Device, request: Mapping[str, Any]) -> Any:
    """Another SO PIN."""
    token = device.find(request["token"])
    with _session(token, so_pin=request["so_pin"]) as session, _pins(token, so=True):
        session.set_pin(request["so_pin"], request["new_pin"])


def new_key(device: Device, request: Mapping[str, Any]) -> Any:
    """The sealing key. Returns its CKA_EC_POINT."""
    token = device.find(request["token"])
    with _session(token, writing=True, pin=request["pin"]) as session:
        if _objects(session, ObjectClass.PRIVATE_KEY, key_type=device.key_type):
            raise Refused("key-exists")
        curve = session.create_domain_parameters(
            device.key_type, {Attribute.EC_PARAMS: SM2_CURVE}, local=True
        )
        each_time = {Attribute.ALWAYS_AUTHENTICATE: True} if device.numbers["pin_per_signature"] else {}
        public, _private = curve.generate_keypair(
            id=os.urandom(8),
            label=KEY_LABEL,
            store=True,
            capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
            mechanism=device.generation,
            private_template={Attribute.SIGN: True, Attribute.EXTRACTABLE: False, **each_time},
        )
        return _read(public, Attribute.EC_POINT)


def store(device: Device, request: Mapping[str, Any]) -> Any:
    """Certificates and a seal in place of those that are there; who stops in between leaves too many.

    The own certificate is written last: it decides which seal and which chain count, and until it is there
    the former one does. Of what was there, certificates go before seals for the same reason.
    """
    token = device.find(request["token"])
    with _session(token, writing=True, pin=request["pin"]) as session:
        number = decoded(_contents(device, session)["sealing"])
        label = device.numbers["seal_label"]
        former = _objects(session, ObjectClass.CERTIFICATE)
        former += _objects(session, ObjectClass.DATA, **({"label": label} if label else {}))
        certificates = [decoded(each) for each in request["certificates"]]
        fresh = [_seal(decoded(each), label or "SESeal") for each in request["seals"]]
        fresh += [_certificate(each, each[-8:], "chain") for each in certificates[1:]]
        fresh.append(_certificate(certificates[0], number, KEY_LABEL))
        _replace(session, former, fresh)


def _replace(session: Any, former: list[Any], fresh: list[dict[Attribute, Any]]) -> None:
    made: list[Any] = []
    try:
        for template in fresh:
            made.append(session.create_object(template))
    except faults.PKCS11Error:
        for each in made:
            each.destroy()
        raise
    for each in former:
        each.destroy()


def _certificate(value: bytes, number: bytes, label: str) -> dict[Attribute, Any]:
    return {
        Attribute.CLASS: ObjectClass.CERTIFICATE,
        Attribute.CERTIFICATE_TYPE: pkcs11.CertificateType.X_509,
        Attribute.TOKEN: True,
        Attribute.LABEL: label,
        Attribute.ID: number,
        Attribute.VALUE: value,
    }


def _seal(value: bytes, label: str) -> dict[Attribute, Any]:
    return {
        Attribute.CLASS: ObjectClass.DATA,
        Attribute.TOKEN: True,
        Attribute.PRIVATE: False,
        Attribute.LABEL: label,
        Attribute.APPLICATION: APPLICATION,
        Attribute.VALUE: value,
    }


def initialize(device: Device, request: Mapping[str, Any]) -> Any:
    """Makes a blank token a token. python-pkcs11 has no C_InitToken: it is called in the library."""
    import ctypes

    slots = device.library.get_slots(token_present=True)
    if len(slots) != 1:
        raise Refused("several-tokens" if slots else "no-token", labels=[], name="")
    so_pin, label = request["so_pin"].encode(), request["label"].encode().ljust(32)
    init = ctypes.CDLL(device.module).C_InitToken
    init.restype = ctypes.c_ulong
    result = init(ctypes.c_ulong(slots[0].slot_id), so_pin, ctypes.c_ulong(len(so_pin)), label)
    if result:
        raise Refused("device-fault", detail=f"C_InitToken gave 0x{result:08X}")
    _init_pin(slots[0].get_token(), request["so_pin"], request["pin"], delivered=request["delivered"])
    return _facts(slots[0].get_token())


OPERATIONS: Final[dict[str, Callable[[Device, Mapping[str, Any]], Any]]] = {
    "list": list_tokens,
    "read": read_token,
    "sign": sign,
    "change-pin": change_pin,
    "unlock": unlock,
    "set-so-pin": set_so_pin,
    "new-key": new_key,
    "store": store,
    "initialize": initialize,
}


def encoded(data: bytes) -> str:
    """Bytes in JSON."""
    return base64.b64encode(data).decode()


def decoded(text: str) -> bytes:
    """The bytes again."""
    return base64.b64decode(text)


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Do what the request says. Every failure is an answer too, and none holds a PIN."""
    try:
        device = Device(request["module"], request["numbers"])
        return {"ok": OPERATIONS[request["operation"]](device, request)}
    except Refused as refusal:
        return {"error": refusal.answer}
    except faults.PKCS11Error as fault:
        code = CODES.get(type(fault), "device-fault")
        return {"error": {"code": code, "detail": _name(fault)}}


def _name(fault: Exception) -> str:
    """Its own words only when it could not load the library: they name the file."""
    return str(fault) if "loading" in str(fault) else type(fault).__name__


def main() -> None:
    """Answer one request. What a driver prints goes nowhere."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a PIN is in memory
    out = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    request = json.loads(sys.stdin.buffer.read(MAX_REQUEST))
    signal.alarm(request["seconds"])  # should the one who asked be gone
    with open(out, "w", encoding="utf-8") as stream:
        json.dump(answer(request), stream)
