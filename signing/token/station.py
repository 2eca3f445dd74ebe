"""Where UKeys are plugged in: one driver, reached through a process of its own for each operation.

    station = Station(profile("virtual"), environment={...})      # virtual UKeys: virtual.station()
    for contents in station.tokens(): ...
    token = station.token("甲方")
    signature = token.sign(message, pin)

The PIN goes to the process over a pipe. A process that takes too long is killed. What comes back is read and
checked here: a signature leaves this module only if it verifies against the token's public key.
"""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import signing
from signing.csr import CertificateRequest, request_certificate
from signing.names import Name
from signing.seal import Seal
from signing.sm2 import PublicKey, SignatureFormatError, decode_signature, encode_signature
from signing.token import port
from signing.token.contents import read_contents, read_info, read_point
from signing.token.port import Pin, TokenContents, TokenInfo
from signing.token.profiles import DeviceProfile, SignatureFormat, module_path
from signing.x509 import Certificate

SECONDS: Final = 60
"""More than another process may hold a virtual token (20 s) and two slow derivations."""
MAX_MESSAGE: Final = 4 << 20
_ROOT: Final = Path(signing.__file__).parents[1]
_ENTRY: Final = (
    "import sys; sys.path[:0] = sys.argv[1:]; from signing.token.lean import leave_out; leave_out();"
    " from signing.token.worker import main; main()"
)
_SIMPLE: Final[Mapping[str, Callable[[], port.TokenError]]] = {
    "no-key": port.NoKey,
    "key-exists": port.KeyExists,
    "pin-length": port.PinLength,
    "pin-unacceptable": port.PinUnacceptable,
    "pin-must-change": port.PinMustChange,
    "pin-not-set": port.PinNotSet,
    "token-removed": port.TokenRemoved,
    "token-full": port.TokenFull,
}


@dataclass(frozen=True, slots=True)
class Station:
    """One driver. `environment` is added to that of the processes; `seconds` bounds each operation."""

    profile: DeviceProfile
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: int = SECONDS

    def tokens(self) -> tuple[TokenContents, ...]:
        """All that are plugged in, by label."""
        answers = self.run("list", {})
        found = [read_contents(answer, self.profile) for answer in answers]
        return tuple(sorted(found, key=lambda each: (each.info.label, each.info.serial)))

    def token(self, name: str = "") -> "StationToken":
        """The one with this label or serial number; without a name, the only one.

        Raises NoToken or SeveralTokens.
        """
        answer = self.run("read", {"token": name})
        info = read_info(answer, self.profile)
        return StationToken(self, info.serial or info.label)

    def run(self, operation: str, request: Mapping[str, Any]) -> Any:
        """One operation in a process of its own. Raises a TokenError."""
        numbers = {**asdict(self.profile), "mechanism": self.profile.mechanism}
        whole = {
            **request,
            "operation": operation,
            "module": self._module(),
            "numbers": numbers,
            "seconds": self.seconds + 5,
        }
        command = [sys.executable, "-I", "-S", "-c", _ENTRY, str(_ROOT), _library()]
        try:
            done = subprocess.run(
                command,
                input=json.dumps(whole).encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **self.environment},
                timeout=self.seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise port.TimedOut(self.seconds) from None  # the expired command would show its input
        return _result(done.returncode, done.stdout, self.profile)

    def _module(self) -> str:
        if self.profile.is_virtual:
            if not module_path().exists():
                raise port.DeviceFault(
                    "the virtual UKey is not compiled: make native (needs gcc and libssl-dev)"
                )
            return str(module_path())
        if not self.profile.module:
            raise port.DeviceFault(
                f"the profile {self.profile.name} names no module; write one of your own (docs/vukey.md)"
            )
        return self.profile.module


@cache
def _library() -> str:
    """The folder with python-pkcs11: all that the process needs of the installed packages."""
    found = find_spec("pkcs11")
    if found is None or found.origin is None:
        raise port.DeviceFault("python-pkcs11 is not installed")
    return str(Path(found.origin).parents[1])


def _result(status: int, output: bytes, profile: DeviceProfile) -> Any:
    try:
        answer = json.loads(output)
    except ValueError:
        ended = f"signal {-status}" if status < 0 else f"status {status}"
        raise port.DeviceFault(f"its process ended with {ended}") from None
    if "error" in answer:
        raise _error(answer["error"], profile)
    return answer["ok"]


def _error(facts: Mapping[str, Any], profile: DeviceProfile) -> port.TokenError:
    match facts["code"]:
        case "wrong-pin":
            return wrong_pin(facts["flags"], profile, so=facts["so"])
        case "pin-locked":
            return port.PinLocked(so=facts.get("so", False))
        case "no-token":
            return port.NoToken(f"no UKey {facts['name']} is plugged in" if facts["name"] else "")
        case "several-tokens":
            return port.SeveralTokens(tuple(facts["labels"]))
        case code if code in _SIMPLE:
            return _SIMPLE[code]()
        case _:
            return port.DeviceFault(facts.get("detail", facts["code"]))


def wrong_pin(flags: int, profile: DeviceProfile, *, so: bool) -> port.TokenError:
    """What a wrong PIN means, by the token's flags after it. When it was the last try, that it is locked."""
    low, final, locked = (flags & (flag << (4 if so else 0)) for flag in (0x1_0000, 0x2_0000, 0x4_0000))
    if locked:
        return port.PinLocked(so=so)
    if final:
        return port.WrongPin(1, final_try=True)
    told = low and not so and profile.pin_tries == TRIES_TOLD_BY_FLAGS
    return port.WrongPin(2 if told else None, final_try=False)


TRIES_TOLD_BY_FLAGS: Final = 3
"""With three tries, "low but not the last" is two."""


@dataclass(frozen=True, slots=True)
class StationToken:
    """One UKey at a station, told apart by its serial number: a `Token`."""

    station: Station
    name: str

    def info(self) -> TokenInfo:
        """What it says of itself now."""
        return read_info(self._run("read"), self.station.profile)

    def contents(self) -> TokenContents:
        """Certificate, seal and public key."""
        return read_contents(self._run("read"), self.station.profile)

    def sign(self, message: bytes, pin: Pin) -> bytes:
        """DER by the sealing key, checked. Raises PinMustChange before a PIN is spent."""
        if len(message) > MAX_MESSAGE:
            raise ValueError(f"a message to sign has at most {MAX_MESSAGE} bytes")
        profile = self.station.profile
        more = {"message": _encoded(message)}
        if profile.hashing == "host":
            more["point"] = _encoded(_key_of(self.contents()).point)
        answer = self._run("sign", pin=pin, **more)
        key = _key_of(read_contents(answer, profile))
        signature = _as_der(base64.b64decode(answer["signature"]), profile)
        if not key.verify(message, signature):
            raise port.BadSignature
        return signature

    def change_pin(self, old: Pin, new: Pin) -> None:
        """The user's own change."""
        _require_acceptable(new)
        self._run("change-pin", pin=old, new_pin=new)

    def unlock(self, so_pin: Pin, new_pin: Pin, *, delivered: bool = False) -> None:
        """A new PIN by the authorization code; the keys stay."""
        _require_acceptable(new_pin)
        self._run("unlock", so_pin=so_pin, new_pin=new_pin, delivered=delivered)

    def set_so_pin(self, old: Pin, new: Pin) -> None:
        """Another authorization code."""
        _require_acceptable(new)
        self._run("set-so-pin", so_pin=old, new_pin=new)

    def new_key(self, pin: Pin) -> PublicKey:
        """The sealing key. Raises KeyExists when there is one."""
        answer = self._run("new-key", pin=pin)
        return PublicKey(read_point(base64.b64decode(answer["ec_point"]), self.station.profile))

    def request_certificate(self, subject: Name, pin: Pin) -> CertificateRequest:
        """A PKCS#10 request, signed by the sealing key."""
        return request_certificate(subject, TokenSigner(self, pin))

    def store(
        self, certificate: Certificate, seal: Seal | None, chain: tuple[Certificate, ...], pin: Pin
    ) -> None:
        """Put these in place of all certificates and seals. Raises NoKey for another key's certificate."""
        if _key_of(self.contents()) != certificate.key:
            raise port.NoKey("the certificate is for a key that is not on this UKey")
        if seal is not None and not seal.info.lists(certificate):
            raise port.NoSeal("the seal was not made for this certificate")
        certificates = [_encoded(each.der) for each in (certificate, *chain)]
        self._run("store", pin=pin, certificates=certificates, seals=[_encoded(seal.der)] if seal else [])

    def _run(self, operation: str, **request: Any) -> Any:
        plain = {key: each.reveal() if isinstance(each, Pin) else each for key, each in request.items()}
        if any(plain.get(kind) == "" for kind in ("pin", "so_pin", "new_pin")):
            raise port.PinLength
        return self.station.run(operation, {"token": self.name, **plain})


class TokenSigner:
    """A UKey and its PIN as a `Signer`: the same to everything above as a key in memory."""

    def __init__(self, token: port.Token, pin: Pin) -> None:
        """Raises NoKey, or what keeps the token from being read."""
        self._token = token
        self._pin = pin
        self._key = _key_of(token.contents())

    @property
    def public_key(self) -> PublicKey:
        """That of the sealing key when this was made."""
        return self._key

    def sign(self, message: bytes) -> bytes:
        """DER {r, s}. Raises a TokenError; BadSignature too when the UKey has another key by now."""
        signature = self._token.sign(message, self._pin)
        if not self._key.verify(message, signature):
            raise port.BadSignature
        return signature

    def __repr__(self) -> str:
        return f"TokenSigner({self._key.key_id}, ***)"


def _key_of(contents: TokenContents) -> PublicKey:
    if contents.public_key is None:
        raise port.NoKey
    return contents.public_key


def _require_acceptable(pin: Pin) -> None:
    """Before the device is asked: an unlock that fails half way would leave a PIN that nobody knows."""
    text = pin.reveal()
    if not port.MIN_PIN <= len(text) <= port.MAX_PIN:
        raise port.PinLength
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise port.PinUnacceptable


def _as_der(signature: bytes, profile: DeviceProfile) -> bytes:
    try:
        if profile.signature_format is SignatureFormat.DER:
            decode_signature(signature)
            return signature
        half = len(signature) // 2
        return encode_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
    except SignatureFormatError:
        raise port.BadSignature from None


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
