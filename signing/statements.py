"""What people sign besides documents: a sign-in, and an order of a certificate service.

    der = SignIn(origin, account, nonce, time).der
    answer = SignedStatement(der, ukey.sign(der)).der         # what goes back to the platform
    statement = parse_sign_in(parse_signed(answer).checked(certificate.key))

Each statement is a SEQUENCE whose first element is a UTF8String with its kind and version. What is signed in
a seal (TBS_Sign) and in a request for a certificate (PKCS#10) begins with an INTEGER: no signature of one
kind can be passed off as one of another.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, TypeVar

from asn1crypto import core

from signing import SigningError
from signing.der import MalformedDer, load, part, reading
from signing.sm2 import PublicKey
from signing.sm3 import DIGEST_SIZE, sm3

MAX_STATEMENT: Final = 4_096
MAX_TEXT: Final = 512
MAX_SIGNATURE: Final = 72

SIGN_IN: Final = "luochui/sign-in/1"
ORDER: Final = "luochui/order/1"


class StatementError(SigningError):
    """A signed statement that does not hold. Says why."""


class _SignIn(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [
        ("tag", core.UTF8String),
        ("origin", core.UTF8String),
        ("account", core.UTF8String),
        ("nonce", core.UTF8String),
        ("time", core.GeneralizedTime),
    ]


class _Order(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [
        ("tag", core.UTF8String),
        ("origin", core.UTF8String),
        ("account", core.UTF8String),
        ("order", core.UTF8String),
        ("digest", core.OctetString),
        ("nonce", core.UTF8String),
        ("time", core.GeneralizedTime),
    ]


class _Signed(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [("statement", core.Any), ("signature", core.OctetString)]


@dataclass(frozen=True, slots=True)
class SignIn:
    """“I sign in here, as this account, now.” Whole seconds, with a zone.

    `origin` is the platform's (https://host); who takes a sign-in must compare it with its own, and take each
    nonce once. `account` is empty where the certificate alone says who it is.
    """

    origin: str
    account: str
    nonce: str
    time: datetime

    @property
    def der(self) -> bytes:
        """What is signed."""
        texts = _texts(origin=self.origin, account=self.account, nonce=self.nonce)
        return _dumped(_SignIn({"tag": SIGN_IN, **texts, "time": _second(self.time)}))


@dataclass(frozen=True, slots=True)
class OrderStatement:
    """“I want this order carried out.” `digest` is SM3 over the UTF-8 of the text that was shown."""

    origin: str
    account: str
    order: str
    digest: bytes
    nonce: str
    time: datetime

    @property
    def der(self) -> bytes:
        """What is signed."""
        texts = _texts(origin=self.origin, account=self.account, order=self.order, nonce=self.nonce)
        if len(self.digest) != DIGEST_SIZE:
            raise ValueError("the digest is not one of SM3")
        fields = {"tag": ORDER, **texts, "digest": self.digest, "time": _second(self.time)}
        return _dumped(_Order(fields))


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A statement and a signature over it, not yet checked."""

    statement: bytes
    signature: bytes = field(repr=False)

    @property
    def der(self) -> bytes:
        """The form in which it travels."""
        outer = {"statement": core.Any.load(self.statement), "signature": self.signature}
        return _dumped(_Signed(outer))

    def checked(self, key: PublicKey) -> bytes:
        """The statement, when this key signed it. Raises StatementError."""
        if not key.verify(self.statement, self.signature):
            raise StatementError("this key did not sign this statement")
        return self.statement


_T = TypeVar("_T", SignIn, OrderStatement, SignedStatement)


def parse_sign_in(der: bytes) -> SignIn:
    """A sign-in. Raises MalformedDer; no other error on any input."""
    what = "a sign-in"
    fields = load(_SignIn, der, what, MAX_STATEMENT)
    with reading(what):
        _require_tag(fields, SIGN_IN)
        found = SignIn(
            origin=_text(fields, "origin"),
            account=_text(fields, "account"),
            nonce=_text(fields, "nonce"),
            time=fields["time"].native,
        )
        return _same(found, der, what)


def parse_order(der: bytes) -> OrderStatement:
    """The statement of an order. Raises MalformedDer; no other error on any input."""
    what = "the statement of an order"
    fields = load(_Order, der, what, MAX_STATEMENT)
    with reading(what):
        _require_tag(fields, ORDER)
        found = OrderStatement(
            origin=_text(fields, "origin"),
            account=_text(fields, "account"),
            order=_text(fields, "order"),
            digest=bytes(fields["digest"].native),
            nonce=_text(fields, "nonce"),
            time=fields["time"].native,
        )
        return _same(found, der, what)


def parse_signed(der: bytes) -> SignedStatement:
    """A statement with its signature. Raises MalformedDer; no other error on any input."""
    what = "a signed statement"
    fields = load(_Signed, der, what, MAX_STATEMENT + 128)
    with reading(what):
        signature = bytes(fields["signature"].native)
        if len(signature) > MAX_SIGNATURE:
            raise ValueError("a signature of an impossible size")
        return _same(SignedStatement(part(der, 0), signature), der, what)


def digest_of_text(text: str) -> bytes:
    """What OrderStatement.digest holds for a text."""
    return sm3(text.encode())


def _dumped(value: Any) -> bytes:
    der: bytes = value.dump()
    return der


def _second(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC).replace(microsecond=0)


def _texts(**texts: str) -> dict[str, str]:
    for name, text in texts.items():
        if len(text) > MAX_TEXT or not text.isprintable():
            raise ValueError(f"{name} is no plain text of at most {MAX_TEXT} characters")
    return texts


def _text(fields: Any, name: str) -> str:
    text: str = fields[name].native
    return _texts(**{name: text})[name]


def _require_tag(fields: Any, tag: str) -> None:
    if fields["tag"].native != tag:
        raise ValueError(f"its tag is not {tag}")


def _same(found: _T, der: bytes, what: str) -> _T:
    """One value, one encoding: what was read is written the same way."""
    if found.der != der:
        raise MalformedDer(what, "it is written in another way than ours")
    return found
