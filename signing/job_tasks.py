"""What a platform may ask for (the tasks of `signing.jobs`), and what none of them may hold."""

import re
from dataclasses import dataclass, field
from typing import Final

from signing.sm3 import DIGEST_SIZE

MAX_NAME: Final = 128
MAX_ORDER_TEXT: Final = 4_000
MAX_SECRET: Final = 1_024
MAX_URL: Final = 1_000
MAX_DOCUMENT: Final = 20 << 20
MAX_BUNDLE: Final = 3 << 20
"""A seal of 2 MB, and certificates."""
MAX_FILES: Final = 4
MAX_TITLE: Final = 200

_ORIGIN: Final = re.compile(r"(https?)://([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::([1-9][0-9]{0,4}))?")


@dataclass(frozen=True, slots=True)
class SealTask:
    """Seal the prepared document at `url`, of the platform's own origin.

    `digest` is SM3 over the whole file, `size` its bytes, `seal` SM3 over the seal (DER) that it was prepared
    for: another UKey does not fit.
    """

    url: str
    digest: bytes
    size: int
    seal: bytes


@dataclass(frozen=True, slots=True)
class FileToSeal:
    """One of the files of a SealFilesTask, as a SealTask names its own; `title` is what the person reads."""

    title: str
    url: str
    digest: bytes
    size: int


@dataclass(frozen=True, slots=True)
class SealFilesTask:
    """Seal several prepared documents with one seal and one PIN: each as in a SealTask, all or none."""

    files: tuple[FileToSeal, ...]
    seal: bytes


@dataclass(frozen=True, slots=True)
class SignInTask:
    """Sign in as `account`; empty where the certificate alone says who it is. `certificate`: SM3 over the one
    that is expected, or empty."""

    account: str = ""
    certificate: bytes = b""


@dataclass(frozen=True, slots=True)
class OrderTask:
    """Want `order` carried out; `text` is shown as it stands, and its digest is what gets signed."""

    account: str
    order: str
    text: str
    certificate: bytes = b""


@dataclass(frozen=True, slots=True)
class RequestTask:
    """Request a certificate under this name for the key of the only UKey, made where there is none.

    `serial`: of the UKey that it has to be; empty: any. `certificate`: SM3 over the one that is on it and
    whose key goes on; empty: a UKey without a certificate.
    """

    account: str
    common_name: str
    organization: str = ""
    unit: str = ""
    serial: str = ""
    certificate: bytes = b""


@dataclass(frozen=True, slots=True)
class InstallTask:
    """Write the certificate, its chain and its seal (`signing.installing`) at `url` into the UKey `serial`.

    `key`: SM3 over the public key that has to be on it. What is signed is a receipt: an order statement about
    `receipt_text(task)`, by that very key. `first_pin`: for a new UKey, made by `unlocking.first_pin_for`:
    its PIN, which whoever writes it neither knows nor types; empty: the PIN stays.
    """

    account: str
    order: str
    url: str
    digest: bytes
    size: int
    serial: str
    key: bytes
    first_pin: bytes = field(default=b"", repr=False)


def receipt_text(task: InstallTask) -> str:
    """What the UKey's holder, or the clerk at the desk, signs when it is written."""
    return f"已写入 UKey {task.serial}，内容的 SM3：{task.digest.hex()}"


@dataclass(frozen=True, slots=True)
class UnlockTask:
    """Give the UKey `serial` a new PIN. `secret` is made by `unlocking.secret_for`."""

    serial: str
    secret: bytes = field(repr=False)


Task = SealTask | SealFilesTask | SignInTask | OrderTask | RequestTask | InstallTask | UnlockTask


def is_origin(text: str) -> bool:
    """Whether it is an origin as browsers write it: https, or plain http on this very computer."""
    match = _ORIGIN.fullmatch(text)
    if not match or ".." in match[2]:
        return False
    scheme, port = match[1], int(match[3] or 0)
    if port > 65_535 or port == {"https": 443, "http": 80}[scheme]:
        return False
    return scheme == "https" or is_loopback(text)


def is_loopback(origin: str) -> bool:
    """Whether an origin is on this very computer: only a demonstration is."""
    match = _ORIGIN.fullmatch(origin)
    return match is not None and match[2] in ("127.0.0.1", "localhost")


def files_of(task: SealTask | SealFilesTask) -> tuple[FileToSeal, ...]:
    """What is sealed, in the order in which it is shown."""
    if isinstance(task, SealTask):
        return (FileToSeal("", task.url, task.digest, task.size),)
    return task.files


def check_task(task: Task, platform: str) -> None:
    """Raise ValueError for what no job of this platform may hold."""
    match task:
        case SealTask():
            _check_file(files_of(task)[0], platform)
            _digests(task.seal)
        case SealFilesTask():
            if not 1 < len(task.files) <= MAX_FILES or len(set(task.files)) != len(task.files):
                raise ValueError(f"2 to {MAX_FILES} different files")
            for file in task.files:
                _check_file(file, platform)
                require_plain(file.title, "title", MAX_TITLE)
                if not file.title:
                    raise ValueError("a file among several needs a title")
            _digests(task.seal)
        case SignInTask():
            require_plain(task.account, "account", MAX_NAME)
            _optional_digest(task.certificate)
        case OrderTask():
            require_plain(task.account, "account", MAX_NAME)
            require_plain(task.order, "order", MAX_NAME)
            require_plain(task.text.replace("\n", ""), "text", MAX_ORDER_TEXT)
            _optional_digest(task.certificate)
        case RequestTask():
            for name in ("account", "common_name", "organization", "unit", "serial"):
                require_plain(getattr(task, name), name, MAX_NAME)
            if not task.common_name:
                raise ValueError("a certificate needs a name")
            _optional_digest(task.certificate)
        case InstallTask():
            for name in ("account", "order", "serial"):
                require_plain(getattr(task, name), name, MAX_NAME)
            if not task.serial:
                raise ValueError("a UKey is named by its serial number")
            _fetched(task.url, task.size, MAX_BUNDLE, platform)
            _digests(task.digest, task.key)
            if len(task.first_pin) > MAX_SECRET:
                raise ValueError("a secret of an impossible size")
        case UnlockTask():
            require_plain(task.serial, "serial", MAX_NAME)
            if not 0 < len(task.secret) <= MAX_SECRET:
                raise ValueError("a secret of an impossible size")


def _check_file(file: FileToSeal, platform: str) -> None:
    _fetched(file.url, file.size, MAX_DOCUMENT, platform)
    _digests(file.digest)


def _fetched(url: str, size: int, largest: int, platform: str) -> None:
    path = url.removeprefix(platform)
    if path == url or not re.fullmatch(r"/[!-~]*", path) or len(url) > MAX_URL:
        raise ValueError("the document is not at the platform's origin")
    if not 0 < size <= largest:
        raise ValueError(f"a document has 1 to {largest} bytes")


def _digests(*digests: bytes) -> None:
    if any(len(digest) != DIGEST_SIZE for digest in digests):
        raise ValueError("a digest that is not one of SM3")


def _optional_digest(digest: bytes) -> None:
    if digest:
        _digests(digest)


def require_plain(text: str, name: str, longest: int) -> None:
    """Printable, so without control characters and without those that turn the direction of writing."""
    if len(text) > longest or not text.replace("\u3000", " ").isprintable():
        raise ValueError(f"{name} is no plain text of at most {longest} characters")
