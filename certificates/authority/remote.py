"""A real authority behind the port, over HTTP: docs/authority-adapter.md has what is asked and answered.

    authority = RemoteAuthority(settings)                 # blocking: call it in a thread

Nothing is done twice: what may have been done although no answer came is asked again under its `reference`,
which is the same for the same request of the platform. What comes back is believed only as far as it can be
checked (believing.py).
"""

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from certificates.authority import believing, wire
from certificates.authority.port import (
    AlreadyRevoked,
    Applicant,
    AuthorityAway,
    AuthorityError,
    NotIssued,
    Status,
    UnknownCertificate,
)
from certificates.authority.wire import Answer
from office.calling import Caller
from signing.crl import Reason, Revocation
from signing.seal import Picture, Seal, SealKind
from signing.sm2 import PublicKey
from signing.x509 import Certificate

MAX_ANSWER: Final = 4 << 20
"""Bytes: a seal has up to 2 MB, and base64 makes a third more of it."""
PAUSES_S: Final = (0.5, 2.0)
"""Between one try and the next."""
TRIES: Final = 1 + len(PAUSES_S)
AWAY_S: Final = 20
"""An authority that was away is left alone for so long."""
LONGEST_PAUSE_S: Final = 3_600
CONNECT_S: Final = 5.0
ANSWER_S: Final = 15.0
AGAIN: Final = frozenset({429, 500, 502, 503, 504})
REFUSED: Final = frozenset({400, 404, 409, 422})
PENDING: Final = 202


@dataclass(frozen=True, slots=True)
class RemoteSettings:
    """Where an authority is, and how both sides know each other. `chain`: issuing CA first, root last.
    `makers`: who makes its seals, or a CA that issues to such makers alone."""

    url: str
    chain: tuple[Certificate, ...] = field(repr=False)
    makers: tuple[Certificate, ...] = field(repr=False)
    caller: Caller | None = field(default=None, repr=False)
    """Signs each request; None where the TLS certificate alone says who calls."""
    trusted: Path | None = None
    """Whom TLS trusts (PEM); None: the system's."""
    client_certificate: Path | None = None
    client_key: Path | None = None
    connect_s: float = CONNECT_S
    answer_s: float = ANSWER_S

    def verifying(self) -> ssl.SSLContext:
        """TLS 1.2 or later, the other side's certificate and name checked, ours shown where there is one."""
        context = ssl.create_default_context(cafile=str(self.trusted) if self.trusted else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.client_certificate is not None:
            context.load_cert_chain(self.client_certificate, self.client_key)
        return context


class RemoteAuthority:
    """Implements `port.CertificateAuthority`. `transport`: another way there than TCP, for a socket."""

    def __init__(
        self,
        settings: RemoteSettings,
        *,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._ticks = ticks
        self._base = httpx.URL(settings.url.rstrip("/") + "/")
        within = httpx.Timeout(settings.answer_s, connect=settings.connect_s)
        secure = self._base.scheme == "https"
        self._client = httpx.Client(
            transport=transport,
            verify=settings.verifying() if secure else False,
            timeout=within,
            trust_env=False,
            follow_redirects=False,
        )

    def close(self) -> None:
        self._client.close()

    # ── the port ──

    def issue_to(
        self,
        applicant: Applicant,
        key: PublicKey,
        *,
        days: int = 365,
        by: str = "",
        until: datetime | None = None,
        mark: str = "",
        reference: str = "",
    ) -> Certificate:
        content: dict[str, Any] = {"applicant": wire.of_applicant(applicant), "key": wire.encoded(key.spki)}
        content |= {"days": days, "until": wire.of_moment(until), "by": by, "reference": reference}
        made = self._asked("POST", "certificates", content, once=reference).certificate()
        now = self._clock()
        believing.check_made(made, key, self._settings.chain[0], now)
        believing.check_names(made, applicant)
        believing.check_term(made, until or now + timedelta(days=days), now)
        return made

    def renew(
        self, serial: int, key: PublicKey, *, days: int = 365, by: str = "", reference: str = ""
    ) -> Certificate:
        content = {"key": wire.encoded(key.spki), "days": days, "by": by, "reference": reference}
        path = f"certificates/{serial:x}/renewals"
        made = self._asked("POST", path, content, once=reference, about=serial).certificate()
        now = self._clock()
        believing.check_made(made, key, self._settings.chain[0], now)
        believing.check_term(made, now + timedelta(days=days), now)
        return made

    def make_seal(
        self,
        certificate: Certificate,
        name: str = "",
        *,
        kind: SealKind | None = None,
        picture: Picture | None = None,
        by: str = "",
        again: bool = False,
    ) -> Seal:
        content: dict[str, Any] = {"name": name, "kind": wire.of_seal_kind(kind)}
        content |= {"picture": wire.of_picture(picture), "by": by, "again": again}
        once = f"seal {certificate.serial:x}" if again else ""
        path = f"certificates/{certificate.serial:x}/seal"
        made = self._asked("POST", path, content, once=once, about=certificate.serial).seal()
        now = self._clock()
        believing.check_seal(made, certificate, name, kind, picture, now)
        believing.check_maker(made, self._settings.makers, now)
        return made

    def handed_over(self, serial: int) -> None:
        """What it is for is only the authority's room: that it does not answer harms nobody."""
        try:
            path = f"certificates/{serial:x}/seal/handed-over"
            self._asked("POST", path, {}, once=f"handed over {serial:x}", about=serial)
        except AuthorityError:
            return

    def chain(self) -> tuple[Certificate, ...]:
        return self._settings.chain

    def revoke(
        self,
        serial: int,
        reason: Reason = Reason.UNSPECIFIED,
        at: datetime | None = None,
        *,
        by: str = "",
        invalid_since: datetime | None = None,
    ) -> Revocation:
        content = {"reason": str(reason), "at": wire.of_moment(at), "by": by}
        content |= {"invalid_since": wire.of_moment(invalid_since)}
        path = f"certificates/{serial:x}/revocation"
        try:
            answer = self._asked("POST", path, content, once=f"revoke {serial:x}", about=serial)
        except AlreadyRevoked as before:
            believing.revocation_of(before.revocation, serial, self._clock())
            raise
        return believing.revocation_of(answer.revocation(), serial, self._clock())

    def status(self, serial: int) -> Status:
        found = self._asked("GET", f"certificates/{serial:x}", None, once="status", about=serial).status()
        if found.certificate.serial != serial:
            raise wire.Unreadable("the status of another certificate")
        believing.check_issuer(found.certificate, self._settings.chain[0])
        if found.revocation is not None:
            believing.revocation_of(found.revocation, serial, self._clock())
        return found

    # ── asking ──

    def _asked(
        self, method: str, path: str, content: Mapping[str, Any] | None, *, once: str, about: int = 0
    ) -> Answer:
        """The answer to one request. `once`: makes a repetition the same request; without it there is none.

        Raises AuthorityAway, and what the answer refuses with.
        """
        body = b"" if content is None else wire.written(content)
        fault = ""
        for attempt in range(TRIES if once else 1):
            if attempt:
                self._sleep(PAUSES_S[attempt - 1])
            try:
                status, answer = self._sent(method, path, body, once)
            except httpx.HTTPError as error:
                fault = type(error).__name__
                continue
            if status in AGAIN:
                fault = f"answered {status}"
                continue
            try:
                return _read(status, answer, about)
            except AlreadyRevoked as before:
                if attempt:  # the try before did it, and its answer was lost
                    return Answer(_again(before.revocation))
                raise
        raise _away(fault, AWAY_S)

    def _sent(self, method: str, path: str, body: bytes, once: str) -> tuple[int, bytes]:
        url = self._base.join(path)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._settings.caller is not None:
            headers |= self._settings.caller.headers(method, url.path, body, key=once, at=self._clock())
        received = bytearray()
        ends = self._ticks() + self._settings.connect_s + self._settings.answer_s
        with self._client.stream(method, url, content=body, headers=headers) as response:
            for piece in response.iter_bytes():
                received += piece
                if len(received) > MAX_ANSWER:
                    raise httpx.DecodingError("an answer that is too long")
                if self._ticks() > ends:
                    raise httpx.ReadTimeout("an answer that does not end")
            return response.status_code, bytes(received)


def _read(status: int, body: bytes, about: int) -> Answer:
    """Raises what the answer refuses with. Who is not let in asks again when somebody has put it right."""
    if status in (200, 201):
        return Answer.of(body)
    if status == PENDING:
        pause = Answer.of(body).text("retry_after_s", str(AWAY_S))
        raise _away("it takes longer", int(pause) if pause.isdecimal() else AWAY_S)
    if status not in REFUSED:
        raise _away(f"answered {status}", AWAY_S)
    answer = Answer.of(body)
    why = answer.text("text", "")[:200]
    match answer.text("code", ""):
        case "not_issued":
            raise NotIssued(why)
        case "unknown_certificate":
            raise UnknownCertificate(about)
        case "already_revoked":
            raise AlreadyRevoked(answer.revocation())
        case "refused":
            raise AuthorityError(why)
        case code:
            raise wire.Unreadable(f"answered {status} {code[:40]}")


def _again(revocation: Revocation) -> dict[str, Any]:
    return {"revocation": wire.of_revocation(revocation)}


def _away(why: str, pause_s: int) -> AuthorityAway:
    away = AuthorityAway(f"the authority does not answer: {why}")
    away.pause_s = min(max(pause_s, 1), LONGEST_PAUSE_S)
    return away
