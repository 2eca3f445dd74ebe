"""Jobs that a platform gives to the assistant on a person's computer, signed by the platform's job key.

    text = sign_job(Job(platform, nonce, …, SealTask(url, digest, size, seal)), job_key)
    job = read_job(text, pinned_key, now=now)

The text is `luochui-job-1.<body>.<signature>`, both parts base64url. The signature covers the tag and the
body, so that the job key cannot be made to sign anything else by a job. docs/assistant.md has the rules.
"""

import base64
import binascii
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from signing import SigningError
from signing.job_tasks import (
    MAX_DOCUMENT,
    MAX_TITLE,
    FileToSeal,
    InstallTask,
    OrderTask,
    RequestTask,
    SealFilesTask,
    SealTask,
    SignInTask,
    Task,
    UnlockTask,
    check_task,
    files_of,
    is_loopback,
    is_origin,
    require_plain,
)
from signing.signer import Signer
from signing.sm2 import PublicKey
from signing.sm3 import sm3

__all__ = [
    "CLOCKS_APART",
    "LIFETIME",
    "MAX_DOCUMENT",
    "MAX_JOB",
    "TASKS",
    "UNLOCK_LIFETIME",
    "WELL_KNOWN",
    "FileToSeal",
    "InstallTask",
    "Job",
    "JobError",
    "JobKind",
    "JobProblem",
    "OrderTask",
    "RequestTask",
    "SealFilesTask",
    "SealTask",
    "SignInTask",
    "Task",
    "UnlockTask",
    "files_of",
    "is_loopback",
    "is_origin",
    "job_key_code",
    "new_job",
    "read_job",
    "same_code",
    "session_digest",
    "sign_job",
    "well_known",
]

TAG: Final = "luochui-job-1"
MAX_JOB: Final = 32_768
LIFETIME: Final = timedelta(minutes=10)
UNLOCK_LIFETIME: Final = timedelta(hours=24)
"""An authorization to unlock is handed on by people, who need longer than pages do."""
CLOCKS_APART: Final = timedelta(minutes=5)
WELL_KNOWN: Final = "/.well-known/luochui-assistant.json"
CODE_LENGTH: Final = 16

_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{16,86}")
_HEX: Final = re.compile(r"(?:[0-9a-f]{64})?")
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class JobKind(StrEnum):
    """What may be asked for. All but the last two end in signatures, each of its own tagged kind;
    installing ends in a receipt, which is an order statement."""

    SEAL = "seal"
    SEAL_FILES = "seal_files"
    SIGN_IN = "sign_in"
    ORDER = "order"
    CERTIFICATE_REQUEST = "certificate_request"
    INSTALL = "install"
    UNLOCK = "unlock"


class JobProblem(StrEnum):
    """Why a job is not taken."""

    MALFORMED = "malformed"
    UNKNOWN_KIND = "unknown_kind"
    FORGED = "forged"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    TOO_LONG = "too_long"


class JobError(SigningError):
    """A job that is not taken; `problem` says why in a form for programs."""

    def __init__(self, problem: JobProblem, why: str) -> None:
        super().__init__(f"the job is not taken: {why}")
        self.problem = problem


TASKS: Final[Mapping[JobKind, type[Any]]] = {
    JobKind.SEAL: SealTask,
    JobKind.SEAL_FILES: SealFilesTask,
    JobKind.SIGN_IN: SignInTask,
    JobKind.ORDER: OrderTask,
    JobKind.CERTIFICATE_REQUEST: RequestTask,
    JobKind.INSTALL: InstallTask,
    JobKind.UNLOCK: UnlockTask,
}
_KINDS: Final = {task: kind for kind, task in TASKS.items()}


@dataclass(frozen=True, slots=True)
class Job:
    """One job. Raises ValueError when made from what no job may hold.

    `platform` is an origin (https://host, or http://127.0.0.1:port of a demonstration), `session` the hex
    SM3 of the session's id that asked for it, `title` what the person reads. Times in whole seconds.
    """

    platform: str
    nonce: str
    issued_at: datetime
    expires_at: datetime
    session: str
    title: str
    task: Task

    def __post_init__(self) -> None:
        if not is_origin(self.platform):
            raise ValueError("platform is no origin")
        if not _NONCE.fullmatch(self.nonce):
            raise ValueError("the nonce is not 16 to 86 characters of base64url")
        if not _HEX.fullmatch(self.session):
            raise ValueError("session is not the hex of an SM3 digest")
        require_plain(self.title, "title", MAX_TITLE)
        if not self.title:
            raise ValueError("a job needs a title")
        check_task(self.task, self.platform)
        for name in ("issued_at", "expires_at"):
            object.__setattr__(self, name, _second(getattr(self, name)))

    @property
    def kind(self) -> JobKind:
        """What is asked for."""
        return _KINDS[type(self.task)]


def new_job(platform: str, title: str, task: Task, *, now: datetime, session: str = "") -> Job:
    """A job with a fresh nonce that lives as long as its kind may. `session` is the id, of which the job
    holds the digest."""
    lifetime = UNLOCK_LIFETIME if isinstance(task, UnlockTask) else LIFETIME
    digest = session_digest(session) if session else ""
    return Job(platform, secrets.token_urlsafe(24), now, now + lifetime, digest, title, task)


def session_digest(session: str) -> str:
    """What `Job.session` holds for a session's id."""
    return sm3(b"luochui/session/1\n" + session.encode()).hex()


def sign_job(job: Job, key: Signer) -> str:
    """The job as it travels. Raises ValueError when it gets too long."""
    body = _packed(json.dumps(_as_dict(job), ensure_ascii=False, sort_keys=True).encode())
    text = f"{TAG}.{body}.{_packed(key.sign(_signed_part(body)))}"
    if len(text) > MAX_JOB:
        raise ValueError(f"a job of more than {MAX_JOB} characters")
    return text


def read_job(text: str, key: PublicKey, *, now: datetime) -> Job:
    """The job, when this key signed it and it is in time. Raises JobError; no other error on any text."""
    if len(text) > MAX_JOB:
        raise JobError(JobProblem.MALFORMED, "it is too long")
    parts = text.split(".")
    if len(parts) != 3 or parts[0] != TAG:
        raise JobError(JobProblem.MALFORMED, f"it is no {TAG}")
    if not key.verify(_signed_part(parts[1]), _unpacked(parts[2])):
        raise JobError(JobProblem.FORGED, "the platform's job key did not sign it")
    job = _from_body(_unpacked(parts[1]))
    _check_times(job, now)
    return job


def job_key_code(key: PublicKey) -> str:
    """What the platform shows and the person types: 80 bits over the job key, `ABCD-EFGH-JKMN-PQRS`."""
    number = int.from_bytes(sm3(b"luochui/job-key/1\n" + key.spki)[:10], "big")
    letters = "".join(_ALPHABET[number >> shift & 31] for shift in range(75, -1, -5))
    return "-".join(letters[start : start + 4] for start in range(0, CODE_LENGTH, 4))


def same_code(typed: str, key: PublicKey) -> bool:
    """Whether a typed code names this key: spaces, dashes, case, O for 0 and I or L for 1 do not matter."""
    plain = re.sub(r"[\s\-–—－]", "", typed.upper()).translate(str.maketrans("OIL", "011"))
    return secrets.compare_digest(plain.encode(), job_key_code(key).replace("-", "").encode())


def well_known(origin: str, name: str, key: PublicKey, *, return_to: str = "/") -> dict[str, str]:
    """What the platform publishes at WELL_KNOWN, as JSON. `return_to`: its page with the client's script."""
    return {
        "origin": origin,
        "name": name,
        "key": key.to_pem().decode(),
        "key_id": key.key_id,
        "return_to": return_to,
    }


# ── the body ──


def _as_dict(job: Job) -> dict[str, Any]:
    return {
        "kind": job.kind.value,
        "platform": job.platform,
        "nonce": job.nonce,
        "issued_at": int(job.issued_at.timestamp()),
        "expires_at": int(job.expires_at.timestamp()),
        "session": job.session,
        "title": job.title,
        "task": _written(job.task),
    }


def _written(task: Any) -> Any:
    """A task, or a value in one, as JSON."""
    if isinstance(task, bytes):
        return _packed(task)
    if isinstance(task, tuple):
        return [_written(each) for each in task]
    if isinstance(task, str | int):
        return task
    return {each.name: _written(getattr(task, each.name)) for each in fields(task)}


def _from_body(body: bytes) -> Job:
    try:
        found = _object(json.loads(body))
        kind = found.pop("kind", None)
        if kind not in set(JobKind):
            raise JobError(JobProblem.UNKNOWN_KIND, "nothing of this kind is done here")
        task = _task(TASKS[JobKind(kind)], _object(found.pop("task", None)))
        issued_at, expires_at = (_moment(found.pop(name, None)) for name in ("issued_at", "expires_at"))
        platform, nonce, session, title = (
            _string(found.pop(name, None)) for name in ("platform", "nonce", "session", "title")
        )
        if found:
            raise ValueError("other fields than a job has")
        return Job(platform, nonce, issued_at, expires_at, session, title, task)
    except (ValueError, TypeError, RecursionError, OverflowError, OSError) as error:
        raise JobError(JobProblem.MALFORMED, "its body is not one of a job") from error


def _task(form: type[Any], found: dict[str, Any]) -> Any:
    if found.keys() != {each.name for each in fields(form)}:
        raise ValueError("other fields than the task has")
    return form(**{each.name: _READERS[each.type](found[each.name]) for each in fields(form)})


def _check_times(job: Job, now: datetime) -> None:
    longest = UNLOCK_LIFETIME if job.kind is JobKind.UNLOCK else LIFETIME
    if not timedelta(0) < job.expires_at - job.issued_at <= longest:
        raise JobError(JobProblem.TOO_LONG, "it would live longer than a job may")
    if now > job.expires_at:
        raise JobError(JobProblem.EXPIRED, f"it ended at {job.expires_at}")
    if job.issued_at > now + CLOCKS_APART:
        raise JobError(JobProblem.NOT_YET, f"it begins at {job.issued_at}: the clocks differ")


def _second(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC).replace(microsecond=0)


def _signed_part(body: str) -> bytes:
    return f"{TAG}\n{body}".encode()


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unpacked(text: str) -> bytes:
    try:
        data = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise JobError(JobProblem.MALFORMED, "it is not base64url") from error
    if _packed(data) != text:
        raise JobError(JobProblem.MALFORMED, "its base64url is not the usual one")
    return data


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("no object")
    return dict(value)


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("no whole number")
    return value


def _files(value: object) -> tuple[FileToSeal, ...]:
    if not isinstance(value, list):
        raise ValueError("no list")
    return tuple(_task(FileToSeal, _object(each)) for each in value)


def _bytes(value: object) -> bytes:
    return _unpacked(_string(value))


def _moment(value: object) -> datetime:
    return datetime.fromtimestamp(_whole(value), UTC)


_READERS: Final[Mapping[Any, Callable[[object], object]]] = {
    str: _string,
    int: _whole,
    bytes: _bytes,
    tuple[FileToSeal, ...]: _files,
}
