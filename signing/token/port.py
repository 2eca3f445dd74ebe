"""What the program asks of a UKey, and all that can go wrong, each with its facts.

    token = station.token("甲方")                      # signing.token.station
    signature = token.sign(message, Pin("…"))          # DER {r, s}, checked before it is given back
    signer = TokenSigner(token, pin)                   # the same as a key in memory, for everything above

Every failure is a TokenError. `code` is a fixed word for messages in other languages; the attributes are the
facts. No error, no value and no log ever holds a PIN.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Final, NoReturn, Protocol

from signing import SigningError
from signing.csr import CertificateRequest
from signing.names import Name
from signing.seal import Seal
from signing.sm2 import PublicKey
from signing.x509 import Certificate

MIN_PIN: Final = 6
MAX_PIN: Final = 16


class Pin:
    """A PIN that cannot be printed or pickled by mistake. Its length is judged when it is used."""

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """The characters. Only for the pipe to the worker."""
        return self.__text

    def __eq__(self, other: object) -> bool:
        return self.__text == other.__text if isinstance(other, Pin) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "Pin(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a PIN is not pickled or copied")


class PinState(StrEnum):
    """How it stands with the user's PIN. The gravest that applies."""

    OK = "ok"
    COUNT_LOW = "count-low"
    """It was wrong at least once since it was last right."""
    FINAL_TRY = "final-try"
    LOCKED = "locked"
    TO_BE_CHANGED = "to-be-changed"
    """Somebody else chose it: it has to be changed before it signs."""
    UNINITIALIZED = "uninitialized"


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """What a token says of itself to everybody."""

    label: str
    serial: str
    manufacturer: str
    profile: str
    """The name of the device profile that reached it."""
    pin_state: PinState
    so_pin_locked: bool = False


@dataclass(frozen=True, slots=True)
class TokenContents:
    """The public part of a token, readable without a PIN.

    `public_key` is that of the sealing key. `certificate` is the one for this key and `seal` the one that
    lists the certificate, if there are such; `chain` is all other certificates, the issuer first.
    """

    info: TokenInfo
    certificate: Certificate | None = None
    seal: Seal | None = None
    public_key: PublicKey | None = None
    chain: tuple[Certificate, ...] = ()
    problem: str = field(default="", compare=False)
    """What on the token could not be read, in English; empty when all could."""


class TokenError(SigningError):
    """Root. Says what is the matter in English; `code` says it to programs."""

    code: ClassVar[str] = "token"
    text: ClassVar[str] = "the UKey cannot do this"

    def __init__(self, text: str = "") -> None:
        super().__init__(text or self.text)


class NoToken(TokenError):
    code = "no-token"
    text = "no UKey is plugged in"


class SeveralTokens(TokenError):
    """More than one fits what was asked for. `labels` names them."""

    code = "several-tokens"

    def __init__(self, labels: tuple[str, ...]) -> None:
        super().__init__(f"more than one UKey fits: {', '.join(labels)}")
        self.labels = labels


class NoSeal(TokenError):
    code = "no-seal"
    text = "there is no seal on the UKey"


class NoCertificate(TokenError):
    code = "no-certificate"
    text = "there is no certificate on the UKey"


class NoKey(TokenError):
    code = "no-key"
    text = "there is no key on the UKey"


class KeyExists(TokenError):
    """A sealing key is never replaced: its certificate and its seal would be worthless."""

    code = "key-exists"
    text = "there is a sealing key on the UKey already"


class WrongPin(TokenError):
    """`tries_left` is None when the device does not tell. At `final_try` the next wrong one locks it."""

    code = "wrong-pin"

    def __init__(self, tries_left: int | None, final_try: bool) -> None:
        left = "" if tries_left is None else f", tries left: {tries_left}"
        super().__init__(f"the PIN is wrong{left}" + ("; the next wrong one locks it" if final_try else ""))
        self.tries_left = tries_left
        self.final_try = final_try


class PinLocked(TokenError):
    """`so` tells whose PIN is locked. The user's is unlocked with the authorization code, the other never."""

    code = "pin-locked"

    def __init__(self, so: bool = False) -> None:
        whose = "authorization code of the UKey" if so else "PIN"
        super().__init__(f"the {whose} is locked: it was wrong too often")
        self.so = so


class PinLength(TokenError):
    code = "pin-length"
    text = f"a PIN has {MIN_PIN} to {MAX_PIN} characters"


class PinUnacceptable(TokenError):
    """The device does not take this new PIN: the old one again, or characters that it does not know."""

    code = "pin-unacceptable"
    text = "the UKey does not take this new PIN (the same again, or other than printable ASCII)"


class PinMustChange(TokenError):
    code = "pin-must-change"
    text = "the PIN was given by somebody else and has to be changed first"


class PinNotSet(TokenError):
    code = "pin-not-set"
    text = "the UKey has no PIN yet"


class TokenExists(TokenError):
    """There is a UKey with this label already. It is not written over: its key cannot be made again."""

    code = "token-exists"

    def __init__(self, label: str) -> None:
        super().__init__(f"there is a UKey {label} already")
        self.label = label


class TokenRemoved(TokenError):
    code = "token-removed"
    text = "the UKey was pulled out"


class TokenFull(TokenError):
    code = "token-full"
    text = "the UKey has no room for this"


class DeviceFault(TokenError):
    """The device or its driver failed. `detail` is its return code or what it did."""

    code = "device-fault"

    def __init__(self, detail: str) -> None:
        super().__init__(f"the UKey or its driver failed: {detail}")
        self.detail = detail


class BadSignature(DeviceFault):
    """What the device gave is not a signature by its public key over the message. It was thrown away."""

    code = "bad-signature"

    def __init__(self) -> None:
        super().__init__("its signature does not fit its public key")


class TimedOut(TokenError):
    """The process that spoke to the device was ended after `seconds`; it may have done the work."""

    code = "timed-out"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the UKey did not answer within {seconds:g} s")
        self.seconds = seconds


class Token(Protocol):
    """One UKey. Each call is an operation of its own and may raise any TokenError."""

    def info(self) -> TokenInfo:
        """What it says of itself now."""

    def contents(self) -> TokenContents:
        """Certificate, seal and public key, without a PIN."""

    def sign(self, message: bytes, pin: Pin) -> bytes:
        """DER SM2-with-SM3 by the sealing key, user ID set, checked against the public key."""

    def change_pin(self, old: Pin, new: Pin) -> None:
        """The user's own change."""

    def unlock(self, so_pin: Pin, new_pin: Pin, *, delivered: bool = False) -> None:
        """A new PIN by the authorization code; the keys stay.

        `delivered`: the new PIN was chosen for the user by somebody else and must be changed at first use.
        """

    def set_so_pin(self, old: Pin, new: Pin) -> None:
        """Another authorization code; the used one is worth nothing any more."""

    def new_key(self, pin: Pin) -> PublicKey:
        """The sealing key: it asks for the PIN at each signature. Raises KeyExists when there is one."""

    def request_certificate(self, subject: Name, pin: Pin) -> CertificateRequest:
        """A PKCS#10 request, signed by the sealing key."""

    def store(
        self, certificate: Certificate, seal: Seal | None, chain: tuple[Certificate, ...], pin: Pin
    ) -> None:
        """Put these in place of all certificates and seals that are there. Raises NoKey for another key's."""
