"""PKCS#11 by hand, for the tests of the virtual UKey: every return code as it is, nothing in between.

module = Module(path)                     # LUOCHUI_VUKEY_DIR says which folder
with refused("PIN_INCORRECT"): module.login(session, USER, "wrong1")
"""

import ctypes
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ctypes import Structure, byref, c_char, c_ubyte, c_ulong, c_void_p
from pathlib import Path
from typing import NamedTuple

from signing.sm2 import encode_signature

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "signing" / "vukey"
HEADER = (SOURCES / "cryptoki.h").read_text(encoding="utf-8")
NUMBERS = {name: int(value, 16) for name, value in re.findall(r"#define (CK\w_\w+) (0x\w+|\d+)UL", HEADER)}
NUMBERS |= {name: int(value) for name, value in re.findall(r"#define (CK\w_\w+) (\d+)UL", HEADER)}
NAMES = {value: name[4:] for name, value in NUMBERS.items() if name.startswith("CKR_")}

SO, USER, CONTEXT = 0, 1, 2
DATA, CERTIFICATE, PUBLIC, PRIVATE = 0, 1, 2, 3
PIN, SO_PIN, OTHER_PIN = "135790", "officer-0123", "246801"
GENERATE, SM2_SM3, SM2_RAW = 0x80008001, 0x80008100, 0x80008104
MESSAGE = "落槌 hammer".encode()
CURVE = bytes.fromhex("06082a811ccf5501822d")
FLAGS = {
    name: NUMBERS[f"CKF_{name}"]
    for name in (
        "USER_PIN_COUNT_LOW",
        "USER_PIN_FINAL_TRY",
        "USER_PIN_LOCKED",
        "USER_PIN_TO_BE_CHANGED",
        "SO_PIN_COUNT_LOW",
        "SO_PIN_FINAL_TRY",
        "SO_PIN_LOCKED",
    )
}
Template = Mapping[str, bytes | bool | int]


class Failed(Exception):
    """A return code other than CKR_OK."""

    def __init__(self, code: int) -> None:
        super().__init__(NAMES.get(code, hex(code)))
        self.code = code
        self.name = NAMES.get(code, hex(code))


@contextmanager
def refused(name: str) -> Iterator[None]:
    """The block ends with this return code, and no other."""
    try:
        yield
    except Failed as failure:
        if failure.name != name:
            raise AssertionError(f"{failure.name} instead of {name}") from failure
    else:
        raise AssertionError(f"went through; {name} was expected")


class Attribute(Structure):
    _fields_ = (("type", c_ulong), ("value", c_void_p), ("size", c_ulong))


class Mechanism(Structure):
    _fields_ = (("mechanism", c_ulong), ("parameter", c_void_p), ("size", c_ulong))


class TokenInfo(Structure):
    _fields_ = (
        ("label", c_char * 32),
        ("manufacturer", c_char * 32),
        ("model", c_char * 16),
        ("serial", c_char * 16),
        ("flags", c_ulong),
        ("counts", c_ulong * 4),
        ("max_pin", c_ulong),
        ("min_pin", c_ulong),
        ("memory", c_ulong * 4),
        ("versions", c_ubyte * 4),
        ("time", c_char * 16),
    )


class SessionInfo(Structure):
    _fields_ = (("slot", c_ulong), ("state", c_ulong), ("flags", c_ulong), ("error", c_ulong))


class Module:
    """The functions of one module, loaded into this process. Made initialized."""

    def __init__(self, path: Path | str, *, initialize: bool = True) -> None:
        self.library = ctypes.CDLL(str(path))
        if initialize:
            self.call("Initialize", None)

    def call(self, name: str, *arguments: object) -> None:
        function = self.library[f"C_{name}"]
        function.restype = c_ulong
        code = function(*(c_ulong(each) if type(each) is int else each for each in arguments))
        if code:
            raise Failed(code)

    def finalize(self) -> None:
        self.call("Finalize", None)

    def slots(self, *, present: bool = True) -> list[int]:
        count = c_ulong()
        self.call("GetSlotList", c_ubyte(present), None, byref(count))
        found = (c_ulong * max(count.value, 1))()
        self.call("GetSlotList", c_ubyte(present), found, byref(count))
        return list(found)[: count.value]

    def token(self, slot: int) -> TokenInfo:
        info = TokenInfo()
        self.call("GetTokenInfo", slot, byref(info))
        return info

    def flags(self, slot: int) -> set[str]:
        """Those about PINs that are set."""
        return {name for name, flag in FLAGS.items() if self.token(slot).flags & flag}

    def init_token(self, slot: int, pin: str = SO_PIN, label: str = "test") -> None:
        self.call("InitToken", slot, pin.encode(), len(pin.encode()), label.encode().ljust(32))

    def open(self, slot: int, *, writable: bool = True) -> int:
        handle = c_ulong()
        self.call("OpenSession", slot, 4 | (2 if writable else 0), None, None, byref(handle))
        return handle.value

    def close(self, session: int) -> None:
        self.call("CloseSession", session)

    def state(self, session: int) -> int:
        info = SessionInfo()
        self.call("GetSessionInfo", session, byref(info))
        return info.state

    def login(self, session: int, user: int = USER, pin: str = PIN) -> None:
        self.call("Login", session, user, pin.encode(), len(pin.encode()))

    def logout(self, session: int) -> None:
        self.call("Logout", session)

    def init_pin(self, session: int, pin: str = PIN) -> None:
        self.call("InitPIN", session, pin.encode(), len(pin.encode()))

    def set_pin(self, session: int, old: str, new: str) -> None:
        self.call("SetPIN", session, old.encode(), len(old.encode()), new.encode(), len(new.encode()))

    def generate(self, session: int, *, each_time: bool = True, name: bytes = b"key") -> tuple[int, int]:
        public, private = c_ulong(), c_ulong()
        mechanism = Mechanism(GENERATE, None, 0)
        of_public, _keep = template({"EC_PARAMS": CURVE, "VERIFY": True, "ID": name})
        of_private, _more = template({"SIGN": True, "ID": name, "ALWAYS_AUTHENTICATE": each_time})
        self.call(
            "GenerateKeyPair", session, byref(mechanism), of_public, len(of_public), of_private,
            len(of_private), byref(public), byref(private),
        )  # fmt: skip
        return public.value, private.value

    def create(self, session: int, wanted: Template) -> int:
        attributes, _keep = template(wanted)
        made = c_ulong()
        self.call("CreateObject", session, attributes, len(attributes), byref(made))
        return made.value

    def destroy(self, session: int, handle: int) -> None:
        self.call("DestroyObject", session, handle)

    def change(self, session: int, handle: int, wanted: Template) -> None:
        attributes, _keep = template(wanted)
        self.call("SetAttributeValue", session, handle, attributes, len(attributes))

    def find(self, session: int, wanted: Template) -> list[int]:
        attributes, _keep = template(wanted)
        self.call("FindObjectsInit", session, attributes, len(attributes))
        found, count = (c_ulong * 100)(), c_ulong()
        self.call("FindObjects", session, found, 100, byref(count))
        self.call("FindObjectsFinal", session)
        return list(found)[: count.value]

    def get(self, session: int, handle: int, name: str) -> bytes:
        attribute = Attribute(NUMBERS[f"CKA_{name}"], None, 0)
        self.call("GetAttributeValue", session, handle, byref(attribute), 1)
        room = ctypes.create_string_buffer(max(attribute.size, 1))
        attribute.value = ctypes.cast(room, c_void_p)
        self.call("GetAttributeValue", session, handle, byref(attribute), 1)
        return room.raw[: attribute.size]

    def sign_init(self, session: int, key: int, mechanism: int = SM2_SM3) -> None:
        self.call("SignInit", session, byref(Mechanism(mechanism, None, 0)), key)

    def sign_now(self, session: int, data: bytes) -> bytes:
        room, size = ctypes.create_string_buffer(64), c_ulong(64)
        self.call("Sign", session, data, len(data), room, byref(size))
        return room.raw[: size.value]

    def sign(
        self, session: int, key: int, data: bytes, *, pin: str | None = PIN, mechanism: int = SM2_SM3
    ) -> bytes:
        self.sign_init(session, key, mechanism)
        if pin is not None:
            self.login(session, CONTEXT, pin)
        return self.sign_now(session, data)

    def point(self, session: int, public: int) -> bytes:
        value = self.get(session, public, "EC_POINT")
        assert value[:2] == b"\x04\x41"
        return value[2:]


def template(wanted: Template) -> tuple[ctypes.Array[Attribute], list[object]]:
    """CK_ATTRIBUTEs, and what has to live as long."""
    attributes = (Attribute * len(wanted))()
    keep: list[object] = []
    for attribute, (name, value) in zip(attributes, wanted.items(), strict=True):
        match value:
            case bool():
                data = bytes([value])
            case int():
                data = value.to_bytes(ctypes.sizeof(c_ulong), "little")
            case _:
                data = value
        room = ctypes.create_string_buffer(data, max(len(data), 1))
        keep.append(room)
        attribute.type = NUMBERS[f"CKA_{name}"]
        attribute.value = ctypes.cast(room, c_void_p)
        attribute.size = len(data)
    return attributes, keep


def blank(folder: Path, name: str = "one") -> Path:
    """A blank token: an empty file."""
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}.ukey"
    file.touch(mode=0o600)
    return file


def slot_named(module: Module, name: str) -> int:
    """The slot of NAME.ukey."""
    for slot in module.slots(present=False):
        info = (c_ubyte * 128)()
        module.call("GetSlotInfo", slot, info)
        if bytes(info)[:64].decode().rstrip() == name:
            return slot
    raise AssertionError(f"no slot {name}")


def equip(module: Module, slot: int, *, pin: str = PIN, so_pin: str = SO_PIN) -> int:
    """Initialize, with a PIN that the user chose. Returns a writable session where nobody is logged in."""
    module.init_token(slot, so_pin)
    session = module.open(slot)
    module.login(session, SO, so_pin)
    module.init_pin(session, "first-0")
    module.logout(session)
    module.set_pin(session, "first-0", pin)
    return session


def use_folder(folder: Path, *, cost: int = 10) -> None:
    """For this process and its module, which reads the environment at each call."""
    os.environ["LUOCHUI_VUKEY_DIR"] = str(folder)
    os.environ["LUOCHUI_VUKEY_COST"] = str(cost)


class Desk(NamedTuple):
    """One token with a PIN, and a writable session where nobody is logged in."""

    module: Module
    slot: int
    session: int
    file: Path


def der(signature: bytes) -> bytes:
    assert len(signature) == 64
    return encode_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
