"""What is done with a UKey: the four tagged kinds of signature, and the unlocking. There is no fifth.

fits = judge(job, ukeys.tokens(), now, lists)              # which UKey may do it, and why another may not
answer = perform(entry, token, contents, pin, now)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, assert_never

from signing import SigningError
from signing.assistant.desk import Answer, Entry
from signing.assistant.revocation import Lists, Standing
from signing.assistant.showing import Shown
from signing.assistant.texts import say
from signing.assistant.writing import ActError, certificate_of, install, signed_statement
from signing.jobs import (
    InstallTask,
    Job,
    OrderTask,
    RequestTask,
    SealFilesTask,
    SealTask,
    SignInTask,
    Task,
    UnlockTask,
)
from signing.names import Name
from signing.seal import Seal
from signing.seal_signature import SealSignature, assemble, to_be_signed, together
from signing.sm2 import PrivateKey
from signing.sm3 import sm3
from signing.statements import OrderStatement, SignIn, digest_of_text
from signing.token.port import Pin, PinLocked, PinState, Token, TokenContents, WrongPin
from signing.unlocking import UnlockError, open_secret
from signing.x509 import Certificate

NO_UKEY: Final = "no-token"
OTHER_UKEY: Final = "other-ukey"
ONLY_ONE: Final = "only-one"
"""What makes a key or writes a certificate is done with one UKey plugged in: nobody writes into another."""
SHORT: Final = 16


class Ukeys(Protocol):
    """The plugged in UKeys (signing.token.station)."""

    def tokens(self) -> tuple[TokenContents, ...]:
        """The public part of each."""

    def token(self, label_or_serial: str) -> Token:
        """One of them."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A UKey, and why it cannot be used for the job: a word for messages, or nothing."""

    contents: TokenContents
    problem: str = ""
    standing: Standing = Standing.UNKNOWN


def judge(job: Job, tokens: Sequence[TokenContents], now: datetime, lists: Lists) -> tuple[Fit, ...]:
    """Each UKey with its problem; those without one may be used."""
    found = []
    for contents in tokens:
        alone = len(tokens) == 1 or not isinstance(job.task, RequestTask | InstallTask)
        problem = _problem(job, contents, now) if alone else ONLY_ONE
        standing = Standing.UNKNOWN
        if not problem and isinstance(job.task, SealTask | SealFilesTask | SignInTask | OrderTask):
            standing = lists.standing(contents, now)
            problem = "revoked" if standing is Standing.REVOKED else ""
        found.append(Fit(contents, problem, standing))
    return tuple(found)


def hindrance(fits: Sequence[Fit]) -> str:
    """Why nothing can be signed now; empty when a UKey fits."""
    if not fits:
        return NO_UKEY
    problems = [fit.problem for fit in fits]
    if "" in problems:
        return ""
    return next((problem for problem in problems if problem != OTHER_UKEY), OTHER_UKEY)


def wanted(job: Job, seen: Sequence[TokenContents], locale: str) -> str:
    """The UKey that the job needs, as people know it: by its name when it was here before."""
    if isinstance(job.task, UnlockTask | InstallTask):
        return job.task.serial
    if isinstance(job.task, RequestTask) and job.task.serial:
        return job.task.serial
    for contents in seen:
        if contents.certificate is not None and _is_named(job, contents):
            return f"{contents.info.label} · {contents.certificate.subject.common_name}"
    if isinstance(job.task, SignInTask | OrderTask) and job.task.certificate:
        return say("certificate", locale, number=job.task.certificate.hex()[:SHORT])
    return ""


def _is_named(job: Job, contents: TokenContents) -> bool:
    """Whether the job names this very UKey by its seal or certificate."""
    match job.task:
        case SealTask() | SealFilesTask():
            return contents.seal is not None and contents.seal.digest == job.task.seal
        case SignInTask() | OrderTask() | RequestTask():
            certificate = contents.certificate
            return certificate is not None and certificate.fingerprint == job.task.certificate
        case _:
            return False


def _problem(job: Job, contents: TokenContents, now: datetime) -> str:
    match job.task:
        case SealTask() | SealFilesTask():
            return _not_the_seal(job.task, contents, now) or _certificate_problem(contents, now)
        case SignInTask() | OrderTask():
            wanted = job.task.certificate
            certificate = contents.certificate
            if certificate is not None and wanted and certificate.fingerprint != wanted:
                return OTHER_UKEY
            return _certificate_problem(contents, now)
        case RequestTask():
            return _not_to_request(job.task, contents) or _pin_problem(contents)
        case InstallTask():
            unset = "" if job.task.first_pin else _pin_problem(contents)
            return _not_to_install(job.task, contents) or unset
        case UnlockTask():
            return "" if contents.info.serial == job.task.serial else OTHER_UKEY
        case _:
            assert_never(job.task)


def _not_to_request(task: RequestTask, contents: TokenContents) -> str:
    """A new key on a UKey without a certificate; the key that is there for the certificate that is named."""
    if task.serial and contents.info.serial != task.serial:
        return OTHER_UKEY
    if not task.certificate:
        return "key-exists" if contents.certificate else ""
    found = contents.certificate
    return "" if found is not None and found.fingerprint == task.certificate else OTHER_UKEY


def _not_to_install(task: InstallTask, contents: TokenContents) -> str:
    if contents.info.serial != task.serial:
        return OTHER_UKEY
    if contents.public_key is None:
        return "no-key"
    return "" if sm3(contents.public_key.spki) == task.key else "install.other_key"


def _not_the_seal(task: SealTask | SealFilesTask, contents: TokenContents, now: datetime) -> str:
    if contents.seal is None:
        return "no-seal"
    if contents.seal.digest != task.seal:
        return OTHER_UKEY
    info = contents.seal.info
    return "" if info.valid_from <= now <= info.valid_until else "seal-expired"


def _certificate_problem(contents: TokenContents, now: datetime) -> str:
    if contents.public_key is None:
        return "no-key"
    if contents.certificate is None:
        return "no-certificate"
    if now > contents.certificate.valid_until:
        return "expired"
    if now < contents.certificate.valid_from:
        return "not-yet-valid"
    return _pin_problem(contents)


def _pin_problem(contents: TokenContents) -> str:
    match contents.info.pin_state:
        case PinState.LOCKED:
            return "pin-locked"
        case PinState.UNINITIALIZED:
            return "pin-not-set"
        case _:
            return ""


def needs_pin(task: Task) -> bool:
    """Whether the window asks for the UKey's PIN: not where an authorization code sets one."""
    return not (isinstance(task, UnlockTask) or (isinstance(task, InstallTask) and task.first_pin))


def perform(
    entry: Entry,
    token: Token,
    contents: TokenContents,
    pin: Pin,
    now: datetime,
    key: PrivateKey | None = None,
) -> Answer:
    """Sign what the entry's window showed. `key`: the assistant's, for what was encrypted to it.

    Raises TokenError, ActError.
    """
    job = entry.job
    match job.task:
        case SealTask() | SealFilesTask():
            return _seal(entry, token, contents, pin, now)
        case SignInTask():
            sign_in = SignIn(job.platform, job.task.account, job.nonce, now)
            return signed_statement(sign_in.der, token, contents, pin)
        case OrderTask():
            digest = digest_of_text(job.task.text)
            order = OrderStatement(job.platform, job.task.account, job.task.order, digest, job.nonce, now)
            return signed_statement(order.der, token, contents, pin)
        case RequestTask():
            if contents.public_key is None:
                token.new_key(pin)
            name = Name.of(job.task.common_name, job.task.organization, job.task.unit)
            return Answer(token.request_certificate(name, pin).der, serial=contents.info.serial)
        case InstallTask():
            return install(entry, job.task, token, contents, pin, now, key)
        case UnlockTask():
            raise AssertionError("unlocking is no signature")
        case _:
            assert_never(job.task)


def _seal(entry: Entry, token: Token, contents: TokenContents, pin: Pin, now: datetime) -> Answer:
    """All files or none: what fails at one of them leaves no answer at all."""
    documents, seal = entry.documents, contents.seal
    if not documents or seal is None:
        raise AssertionError("a document that nobody saw, or a UKey that was not judged")
    certificate = certificate_of(contents)
    if not seal.info.lists(certificate):
        raise ActError("seal-not-for-certificate")
    sealings = [_sealing(shown, token, certificate, seal, pin, now) for shown in documents]
    result = sealings[0].der if isinstance(entry.job.task, SealTask) else together(sealings)
    return Answer(result, certificate.der, seal.der)


def _sealing(
    shown: Shown, token: Token, certificate: Certificate, seal: Seal, pin: Pin, now: datetime
) -> SealSignature:
    signed_part = to_be_signed(seal, shown.digest, at=now, covers=shown.covers)
    sealing = assemble(signed_part, certificate, token.sign(signed_part, pin))
    if len(sealing.der) > shown.capacity:
        raise ActError("document.does_not_fit")
    return sealing


def unlock(task: UnlockTask, token: Token, new_pin: Pin, key: PrivateKey) -> Answer:
    """A new PIN by the authorization that was encrypted to this assistant; then the authorization's SO PIN is
    replaced. The answer says whether that worked, too.

    Where an earlier answer was lost, the UKey has the next code already: it is tried once when the first one
    is refused. Raises TokenError, ActError.
    """
    try:
        authorization = open_secret(task.secret, key)
    except UnlockError:
        raise ActError("unlock.other_assistant") from None
    if authorization.serial != task.serial:
        raise ActError("unlock.other_assistant")
    try:
        token.unlock(authorization.so_pin, new_pin)
    except PinLocked:
        raise ActError("unlock.wrong_code") from None
    except WrongPin:
        return _unlock_again(token, authorization.next_so_pin, new_pin)
    try:
        token.set_so_pin(authorization.so_pin, authorization.next_so_pin)
    except SigningError:
        return Answer(b"unlocked")
    return Answer(b"unlocked, replaced")


def _unlock_again(token: Token, next_so_pin: Pin, new_pin: Pin) -> Answer:
    try:
        token.unlock(next_so_pin, new_pin)
    except (WrongPin, PinLocked):
        raise ActError("unlock.wrong_code") from None
    return Answer(b"unlocked, replaced")
