"""Browsers of the person: let in by a one-time secret, known by a cookie from then on.

Cookies do not know ports: a cookie of 127.0.0.1 is sent to every server there, also to one that another local
user runs. So each is kept to a path that nobody else can guess.
"""

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

SESSION_S: Final = 12 * 3_600.0
OPENING_S: Final = 24 * 3_600.0
MAX_SESSIONS: Final = 16
MAX_OPENINGS: Final = 16
CHALLENGE_S: Final = 10.0
MAX_CHALLENGES: Final = 256
MAX_FORMS: Final = 32
"""Pages of a session whose forms are good; the oldest make room."""
_CHALLENGE: Final = re.compile(r"([0-9]{10,16})-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Session:
    """One browser. Its pages are under /own/<handle>/."""

    handle: str
    cookie: str = field(repr=False)
    until: float
    forms: dict[str, None] = field(default_factory=dict, repr=False)


class Sessions:
    """All of them. Safe in threads."""

    def __init__(self, own_secret: str, now: Callable[[], float] = time.monotonic) -> None:
        self._secret = own_secret.encode()
        self._now = now
        self._lock = threading.Lock()
        self._openings: dict[str, float] = {}
        self._sessions: dict[str, Session] = {}
        self._challenges: list[str] = []
        self._began = time.time()

    def new_opening(self) -> str:
        """A secret that lets one browser in, once."""
        secret = secrets.token_urlsafe(32)
        with self._lock:
            self._openings[_hash(secret)] = self._now() + OPENING_S
            while len(self._openings) > MAX_OPENINGS:
                self._openings.pop(next(iter(self._openings)))
        return secret

    def enter(self, secret: str) -> Session | None:
        """A session for the browser that brings the secret."""
        with self._lock:
            until = self._openings.pop(_hash(secret), 0.0)
            if until < self._now():
                return None
            session = Session(
                handle=secrets.token_urlsafe(16),
                cookie=secrets.token_urlsafe(32),
                until=self._now() + SESSION_S,
            )
            self._sessions[session.handle] = session
            while len(self._sessions) > MAX_SESSIONS:
                self._sessions.pop(next(iter(self._sessions)))
            return session

    def get(self, handle: str, cookie: str) -> Session | None:
        """The session of this handle, when the cookie is its own."""
        with self._lock:
            session = self._sessions.get(handle)
            if session is None or session.until < self._now():
                return None
            return session if _same(session.cookie, cookie) else None

    def new_form(self, session: Session) -> str:
        """For the forms of one page: one of them is taken, once."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            session.forms[_hash(token)] = None
            while len(session.forms) > MAX_FORMS:
                session.forms.pop(next(iter(session.forms)))
        return token

    def take_form(self, session: Session, token: str) -> bool:
        """Whether a page of ours has this form and none of that page was sent before."""
        with self._lock:
            name = _hash(token)
            known = name in session.forms
            session.forms.pop(name, None)
            return known

    @property
    def pending_handle(self) -> str:
        """Where a page sends its person when no window opened: /pending/<this>/<job>."""
        return self._derived("pending-handle")[:22]

    @property
    def pending_cookie(self) -> str:
        """What a browser of this person has there, also after a restart."""
        return self._derived("pending-cookie")

    def is_pending(self, handle: str, cookie: str) -> bool:
        """Whether both are right."""
        return _same(self.pending_handle, handle) and _same(self.pending_cookie, cookie)

    def is_own(self, challenge: str, presented: str) -> bool:
        """Whether a program of this person asks, which knows the secret in the person's file.

        The challenge was made just now, since this assistant runs, and is taken once: whoever listened on the
        port before cannot use what was sent there.
        """
        match = _CHALLENGE.fullmatch(challenge)
        if not match or not _same(proof(self._secret.decode(), "ask", challenge), presented):
            return False
        made = int(match[1]) / 1_000
        with self._lock:
            fresh = made >= self._began and abs(time.time() - made) < CHALLENGE_S
            known = challenge in self._challenges
            self._challenges = [*self._challenges[-MAX_CHALLENGES:], challenge]
            return fresh and not known

    def proof_of(self, challenge: str, address: str) -> str:
        """That the answer comes from this person's assistant."""
        return proof(self._secret.decode(), "answer", f"{challenge} {address}")

    def _derived(self, purpose: str) -> str:
        return proof(self._secret.decode(), "derived", purpose)


def new_challenge() -> str:
    """For one request of a program of this person."""
    return f"{int(time.time() * 1_000) + 1}-{secrets.token_hex(16)}"


def proof(secret: str, purpose: str, text: str) -> str:
    """That whoever says this knows the secret."""
    return hmac.new(secret.encode(), f"{purpose}\n{text}".encode(), hashlib.sha256).hexdigest()


def _same(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode(), other.encode())


def _hash(secret: str) -> str:
    """Looked up by its hash: how long the search takes tells nothing about the secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
