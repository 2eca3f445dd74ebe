"""The jobs on this person's desk: each taken once, shown in a window of its own, answered once.

    PREPARING -> WAITING <-> SIGNING -> DONE
        any of the first three -> REFUSED

Everything is bounded: jobs, how long they stay, used nonces. Times come in as arguments.
"""

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from signing import SigningError
from signing.assistant.keeping import read_json, write_json
from signing.assistant.pairing import Platform
from signing.assistant.showing import Shown
from signing.installing import Bundle
from signing.jobs import Job

MAX_OPEN: Final = 8
MAX_OF_A_PLATFORM: Final = 4
MAX_KEPT: Final = 32
MAX_SHOWN: Final = 128 << 20
"""Bytes of all pages in all windows."""
MAX_NONCES: Final = 4_096
STAYS: Final = timedelta(minutes=15)
ANSWER_STAYS: Final = timedelta(minutes=5)
SECRET_LENGTH: Final = 43
PAGE_GONE: Final = "page-gone"
GONE_AFTER: Final = timedelta(seconds=15)
"""A page asks every second or so; one that has not asked for so long is closed."""


class State(StrEnum):
    """Where a job stands."""

    PREPARING = "preparing"
    WAITING = "waiting"
    SIGNING = "signing"
    DONE = "done"
    REFUSED = "refused"


TRANSITIONS: Final[Mapping[State, frozenset[State]]] = {
    State.PREPARING: frozenset({State.WAITING, State.REFUSED}),
    State.WAITING: frozenset({State.SIGNING, State.REFUSED}),
    State.SIGNING: frozenset({State.WAITING, State.DONE, State.REFUSED}),
    State.DONE: frozenset(),
    State.REFUSED: frozenset(),
}
OPEN: Final = frozenset({State.PREPARING, State.WAITING, State.SIGNING})
WITHDRAWN_FROM: Final = frozenset({State.PREPARING, State.WAITING})
"""What ends by itself, or with its page; a signature that is being made is waited for."""


class DeskError(SigningError):
    """A job that is not taken. `code` is a word for messages."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the job is not taken: {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """What the page gets: DER each; certificate and seal may be empty."""

    result: bytes = field(repr=False)
    certificate: bytes = field(default=b"", repr=False)
    seal: bytes = field(default=b"", repr=False)
    serial: str = ""
    """Of the UKey, where it matters which one it was."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A job. `secret` opens its window once, and is empty when it was used: `cookie` is the window's then."""

    id: str
    platform: Platform
    job: Job
    until: datetime
    state: State = State.PREPARING
    shown: tuple[Shown, ...] | Bundle = field(default=(), repr=False)
    """Its documents, in the order of the job; or what is to be written."""
    handle: str = ""
    secret: str = field(default="", repr=False)
    cookie: str = field(default="", repr=False)
    csrf: str = field(default="", repr=False)
    """Of the window's form as it is shown now: each is taken once."""
    answer: Answer | None = field(default=None, repr=False)
    refusal: str = ""
    """Why, as a word for messages."""
    hindrance: str = ""
    """What the person was told last; the reason when they give up."""
    said: Any = field(default=None, repr=False)
    """What the window says when it is shown next, once."""
    asked: datetime | None = None
    """When its page asked last; None where no page waits for the answer."""

    @property
    def documents(self) -> tuple[Shown, ...]:
        """What is to be sealed; nothing while it is fetched, and for the other kinds of job."""
        return () if isinstance(self.shown, Bundle) else self.shown


class Desk:
    """All jobs. Safe in threads."""

    def __init__(self, folder: Path) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._nonces = _Nonces(folder / "nonces.json")

    def take(self, job: Job, platform: Platform, now: datetime, *, of_page: bool = True) -> Entry:
        """Put a job that was read and checked on the desk. Raises DeskError when it was there before, or
        when there is no room. `of_page`: a page waits for the answer, and the job ends with it."""
        with self._lock:
            self._sweep(now)
            waiting = [each for each in self._entries.values() if each.state in OPEN]
            of_platform = [each for each in waiting if each.platform.origin == platform.origin]
            if len(waiting) >= MAX_OPEN or len(of_platform) >= MAX_OF_A_PLATFORM:
                raise DeskError("too-many")
            self._make_room()
            self._nonces.use(platform.origin, job.nonce, job.expires_at, now)
            entry = Entry(
                id=secrets.token_urlsafe(24),
                platform=platform,
                job=job,
                until=min(job.expires_at, now + STAYS),
                handle=secrets.token_urlsafe(16),
                csrf=secrets.token_urlsafe(24),
                asked=now if of_page else None,
            )
            self._entries[entry.id] = entry
            return entry

    def get(self, number: str, now: datetime) -> Entry | None:
        """The job, as it stands now."""
        with self._lock:
            self._sweep(now)
            return self._entries.get(number)

    def asked(self, number: str, now: datetime) -> Entry | None:
        """The job, as it stands now, for its page, which is still there."""
        with self._lock:
            self._sweep(now)
            entry = self._entries.get(number)
            if entry is None or entry.asked is None or entry.state not in OPEN:
                return entry
            return self._put(replace(entry, asked=now))

    def withdraw(self, number: str) -> Entry | None:
        """Its page closes. None when that is too late: it is being signed, or over."""
        with self._lock:
            entry = self._entries.get(number)
            if entry is None or entry.state not in WITHDRAWN_FROM:
                return None
            return self._put(_over(entry, PAGE_GONE, datetime.now(UTC)))

    def take_form(self, number: str, token: str) -> bool:
        """Whether this is the form that the window shows now. It is taken once: the same form sent again
        (a reload, a second click) is another's."""
        with self._lock:
            entry = self._entries.get(number)
            if entry is None or not secrets.compare_digest(entry.csrf.encode(), token.encode()):
                return False
            self._put(replace(entry, csrf=secrets.token_urlsafe(24)))
            return True

    def say(self, number: str, said: Any) -> None:
        """Keep for the next look at the window."""
        with self._lock:
            if entry := self._entries.get(number):
                self._put(replace(entry, said=said))

    def open_entries(self, now: datetime) -> tuple[Entry, ...]:
        """What waits for the person, the oldest first."""
        with self._lock:
            self._sweep(now)
            return tuple(each for each in self._entries.values() if each.state in OPEN)

    def show(self, number: str, shown: tuple[Shown, ...] | Bundle) -> Entry | None:
        """To WAITING with what the window shows. Raises DeskError when all windows together show too much."""
        with self._lock:
            kept = sum(_size(each.shown) for each in self._entries.values())
            if kept + _size(shown) > MAX_SHOWN:
                raise DeskError("document.too_many_open")
        return self.move(number, State.WAITING, shown=shown)

    def move(self, number: str, state: State, **changes: Any) -> Entry | None:
        """To another state, when the table permits it; None when it does not: somebody was faster."""
        with self._lock:
            entry = self._entries.get(number)
            if entry is None or state not in TRANSITIONS[entry.state]:
                return None
            if state not in OPEN:
                changes |= {"until": datetime.now(UTC) + ANSWER_STAYS, "shown": (), "secret": ""}
            return self._put(replace(entry, state=state, **changes))

    def note(self, number: str, hindrance: str) -> None:
        """Remember what keeps the person from signing."""
        with self._lock:
            if entry := self._entries.get(number):
                self._put(replace(entry, hindrance=hindrance))

    def new_secret(self, number: str) -> str:
        """A fresh one-time secret for the window; the old one and its cookie are worth nothing any more."""
        with self._lock:
            secret = secrets.token_urlsafe(32)
            if entry := self._entries.get(number):
                self._put(replace(entry, secret=secret, cookie="", csrf=secrets.token_urlsafe(24)))
            return secret

    def enter(self, secret: str, now: datetime) -> Entry | None:
        """The job whose window this secret opens; it opens once."""
        with self._lock:
            self._sweep(now)
            if len(secret) != SECRET_LENGTH:
                return None
            for entry in self._entries.values():
                if entry.secret and secrets.compare_digest(entry.secret.encode(), secret.encode()):
                    cookie = secrets.token_urlsafe(32)
                    return self._put(replace(entry, secret="", cookie=cookie))
            return None

    def by_handle(self, handle: str, cookie: str, now: datetime) -> Entry | None:
        """The job of a window that was entered with its secret."""
        with self._lock:
            self._sweep(now)
            for entry in self._entries.values():
                same = secrets.compare_digest(entry.cookie.encode(), cookie.encode())
                if entry.handle == handle and entry.cookie and same:
                    return entry
            return None

    def _make_room(self) -> None:
        answered = [each for each in self._entries.values() if each.state not in OPEN]
        for entry in answered[: max(0, len(self._entries) + 1 - MAX_KEPT)]:
            del self._entries[entry.id]

    def _put(self, entry: Entry) -> Entry:
        self._entries[entry.id] = entry
        return entry

    def _sweep(self, now: datetime) -> None:
        for entry in list(self._entries.values()):
            gone = entry.asked is not None and now > entry.asked + GONE_AFTER
            if entry.state in WITHDRAWN_FROM and (gone or now > entry.until):
                self._put(_over(entry, "job.expired" if now > entry.until else PAGE_GONE, now))
            elif entry.state not in OPEN and now > entry.until:
                del self._entries[entry.id]


def _over(entry: Entry, refusal: str, now: datetime) -> Entry:
    ended = replace(entry, state=State.REFUSED, shown=(), secret="", refusal=refusal)
    return replace(ended, until=now + ANSWER_STAYS)


def _size(shown: tuple[Shown, ...] | Bundle) -> int:
    if isinstance(shown, Bundle):
        return shown.size
    return sum(len(page) for each in shown for page in each.pages)


class _Nonces:
    """Used nonces until their jobs end by themselves; in a file: a restart permits no second use."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._used: dict[str, float] = dict(read_json(path) or {})

    def use(self, origin: str, nonce: str, until: datetime, now: datetime) -> None:
        name = f"{origin} {nonce}"
        if name in self._used:
            raise DeskError("replayed")
        kept = {name: end for name, end in self._used.items() if end >= now.timestamp()}
        if len(kept) >= MAX_NONCES:
            raise DeskError("too-many")
        kept[name] = until.timestamp()
        write_json(self._path, kept)
        self._used = kept
