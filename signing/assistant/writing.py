"""Writing a certificate and its seal into a UKey: the act that leaves more than a signature behind.

Whatever ends at whatever point, the same job again completes it. The UKey keeps the former certificate until
the new one is written: a stop leaves the old one, both (the one that ends later counts) or the new one.
"""

from dataclasses import replace
from datetime import datetime

from signing import SigningError
from signing.assistant.desk import Answer, Entry
from signing.installing import Bundle
from signing.job_tasks import InstallTask, receipt_text
from signing.sm2 import PrivateKey
from signing.statements import OrderStatement, SignedStatement, digest_of_text
from signing.token.port import Pin, PinLocked, Token, TokenContents, WrongPin
from signing.unlocking import FirstPin, UnlockError, open_first_pin
from signing.x509 import Certificate


class ActError(SigningError):
    """Not done. `code` is a word for messages."""

    def __init__(self, code: str) -> None:
        super().__init__(f"not done: {code}")
        self.code = code


def install(
    entry: Entry,
    task: InstallTask,
    token: Token,
    contents: TokenContents,
    pin: Pin,
    now: datetime,
    key: PrivateKey | None,
) -> Answer:
    """Write what was fetched, unless it is there already; then read it back, and sign the receipt.

    A UKey that gets its first PIN: the PIN is set by the authorization code before and, after the receipt,
    once more as one that its holder has to change. So every repetition is the same, and nobody types it.
    Raises TokenError, ActError.
    """
    bundle = entry.shown
    if not isinstance(bundle, Bundle):
        raise AssertionError("a job whose certificate nobody fetched")
    certificate, seal = bundle.certificate, bundle.seal
    if certificate.key != contents.public_key or not seal.info.lists(certificate):
        raise ActError("install.other_key")
    first = _first_pin(task, key)
    if first is not None:
        _set_pin(token, first, delivered=False)
        pin = first.pin
    token.store(certificate, seal, bundle.chain, pin)
    there = token.contents()
    if there.info.serial != task.serial or there.certificate != certificate or there.seal != seal:
        raise ActError("install.not_there")
    digest = digest_of_text(receipt_text(task))
    receipt = OrderStatement(entry.job.platform, task.account, task.order, digest, entry.job.nonce, now)
    answer = signed_statement(receipt.der, token, there, pin)
    if first is not None:
        _set_pin(token, first, delivered=True)
    return replace(answer, serial=task.serial)


def _first_pin(task: InstallTask, key: PrivateKey | None) -> FirstPin | None:
    """Raises ActError for one that was made for another assistant or another UKey."""
    if not task.first_pin:
        return None
    if key is None:
        raise AssertionError("a secret, and no key to open it")
    try:
        first = open_first_pin(task.first_pin, key)
    except UnlockError:
        raise ActError("install.other_assistant") from None
    if first.serial != task.serial:
        raise ActError("install.other_assistant")
    return first


def _set_pin(token: Token, first: FirstPin, *, delivered: bool) -> None:
    try:
        token.unlock(first.so_pin, first.pin, delivered=delivered)
    except (WrongPin, PinLocked):
        raise ActError("install.wrong_code") from None


def signed_statement(statement: bytes, token: Token, contents: TokenContents, pin: Pin) -> Answer:
    """The statement, signed and checked, with certificate and seal. Raises TokenError."""
    certificate = certificate_of(contents)
    signed = SignedStatement(statement, token.sign(statement, pin))
    signed.checked(certificate.key)
    return Answer(signed.der, certificate.der, contents.seal.der if contents.seal else b"")


def certificate_of(contents: TokenContents) -> Certificate:
    """Of a UKey that was judged before."""
    if contents.certificate is None:
        raise AssertionError("a UKey that was not judged")
    return contents.certificate
