"""Whatever stands behind the port of a certificate authority: three ways to one, and the small HTTP server of
an authority as docs/authority-adapter.md has it, around the demonstration, which can be told to fail."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any

import httpx
from pydantic import SecretStr

from certificates.authority.authorities import DemonstrationAuthorities
from certificates.authority.demonstration import DemonstrationAuthority
from certificates.authority.port import (
    AlreadyRevoked,
    Applicant,
    AuthorityError,
    CertificateAuthority,
    NotIssued,
    SubjectKind,
    UnknownCertificate,
)
from certificates.authority.remote import RemoteAuthority, RemoteSettings
from certificates.authority.roles import Role
from office.calling import Caller
from signing import seal_structures as structures
from signing.crl import Reason, Revocation
from signing.der import part, sequence
from signing.seal import Picture, SealKind
from signing.sm2 import PublicKey

CALLER = Caller("luochui", SecretStr("a secret of at least thirty-two characters"))
BASE = "/ra/v1"
Behave = Callable[[str, str], str]
"""Told method and path of a request: "" answers it; a word misbehaves (see `_Handler._misbehaved`)."""


def well(_method: str, _path: str) -> str:
    return ""


@dataclass
class Served:
    """The demonstration behind HTTP. `asked`: method, path and idempotency key of all that came."""

    authority: DemonstrationAuthority
    caller: Caller | None = CALLER
    behave: Behave = well
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Of both sides."""


class _Handler(BaseHTTPRequestHandler):
    served: Served

    def address_string(self) -> str:
        return "a test"

    def log_message(self, *_given: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answered("GET")

    def do_POST(self) -> None:
        self._answered("POST")

    def _answered(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        served, headers = self.served, {name.lower(): value for name, value in self.headers.items()}
        served.asked.append((method, self.path, headers.get("x-idempotency-key", "")))
        caller = served.caller
        if caller and not caller.has_signed(method, self.path, body, headers, now=served.clock()):
            self._say(401, {"code": "not_let_in", "text": "who asks?"})
            return
        how = served.behave(method, self.path)
        if how in ("away", "pending", "garbage", "huge"):
            self._misbehaved(how)
            return
        status, content = self._carried_out(json.loads(body or b"{}"))
        if how == "lost":  # done, and nobody hears of it
            self.connection.close()
            return
        self._say(status, content)

    def _misbehaved(self, how: str) -> None:
        match how:
            case "away":
                self._say(503, {})
            case "pending":
                self._say(202, {"retry_after_s": "600"})
            case "garbage":
                self._say(200, {"certificate": "AAAA", "state": "well", "revocation": []})
            case "huge":
                self._say(200, {"certificate": "A" * (5 << 20)})

    def _carried_out(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        try:
            return 200, self._done(
                asked, self.path.removeprefix(f"{BASE}/certificates").strip("/").split("/")
            )
        except NotIssued as error:
            return 422, {"code": "not_issued", "text": str(error)}
        except UnknownCertificate as error:
            return 404, {"code": "unknown_certificate", "text": str(error)}
        except AlreadyRevoked as error:
            return 409, {"code": "already_revoked", "revocation": _revocation(error.revocation)}
        except AuthorityError as error:
            return 400, {"code": "refused", "text": str(error)}

    def _done(self, asked: dict[str, Any], path: list[str]) -> dict[str, Any]:
        authority = self.served.authority
        common = {name: asked[name] for name in ("days", "by", "reference") if name in asked}
        match path:
            case [""]:
                who = asked["applicant"]
                applicant = Applicant(SubjectKind(who.pop("kind")), who.pop("name"), **who)
                until = datetime.fromisoformat(asked["until"]) if asked["until"] else None
                return _der(certificate=authority.issue_to(applicant, _key(asked), until=until, **common))
            case [serial, "renewals"]:
                return _der(certificate=authority.renew(int(serial, 16), _key(asked), **common))
            case [serial, "seal"]:
                certificate = authority.status(int(serial, 16)).certificate
                kind = SealKind[asked["kind"].upper()] if asked["kind"] else None
                more = {"kind": kind, "picture": _picture(asked["picture"]), "again": asked["again"]}
                return _der(seal=authority.make_seal(certificate, asked["name"], **more))
            case [serial, "seal", "handed-over"]:
                authority.handed_over(int(serial, 16))
                return {}
            case [serial, "revocation"]:
                at, since = (
                    datetime.fromisoformat(asked[name]) if asked[name] else None
                    for name in ("at", "invalid_since")
                )
                made = authority.revoke(int(serial, 16), Reason(asked["reason"]), at, invalid_since=since)
                return {"revocation": _revocation(made)}
            case [serial]:
                found = authority.status(int(serial, 16))
                revoked = {"revocation": _revocation(found.revocation)} if found.revocation else {}
                return {**_der(certificate=found.certificate), "state": str(found.state), **revoked}
        raise AssertionError(path)

    def _say(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _der(**given: Any) -> dict[str, str]:
    return {name: base64.b64encode(value.der).decode() for name, value in given.items()}


def _key(asked: dict[str, Any]) -> PublicKey:
    return PublicKey.from_spki(base64.b64decode(asked["key"]))


def _picture(given: dict[str, Any] | None) -> Picture | None:
    if given is None:
        return None
    return Picture(given["kind"], base64.b64decode(given["data"]), given["width_mm"], given["height_mm"])


def _revocation(made: Revocation) -> dict[str, str]:
    since = made.invalid_since.isoformat() if made.invalid_since else ""
    told = {"serial": f"{made.serial:x}", "at": made.at.isoformat(), "reason": str(made.reason)}
    return {**told, "invalid_since": since}


class _SocketServer(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


@contextmanager
def over_http(served: Served, sleep: Callable[[float], None] | None = None) -> Iterator[RemoteAuthority]:
    """The adapter, over TCP on this computer, each request signed."""
    handler = type("Handler", (_Handler,), {"served": served})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    url = f"http://127.0.0.1:{server.server_address[1]}{BASE}"
    with _running(server), _adapter(url, served, sleep=sleep) as adapter:
        yield adapter


@contextmanager
def over_socket(served: Served, path: Path) -> Iterator[RemoteAuthority]:
    """The adapter, over a socket in the file system: who may open it may ask."""
    handler = type("Handler", (_Handler,), {"served": served})
    server = _SocketServer(str(path), handler)
    path.chmod(0o600)
    transport = httpx.HTTPTransport(uds=str(path))
    with _running(server), _adapter(f"http://localhost{BASE}", served, transport=transport) as adapter:
        yield adapter


@contextmanager
def _running(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@contextmanager
def _adapter(
    url: str,
    served: Served,
    *,
    transport: httpx.BaseTransport | None = None,
    sleep: Callable[[float], None] | None = None,
) -> Iterator[RemoteAuthority]:
    settings = RemoteSettings(url, served.authority.chain(), (served.authority.own(Role.MAKER),), CALLER)
    made = RemoteAuthority(
        settings, transport=transport, clock=served.clock, sleep=sleep or (lambda _s: None)
    )
    try:
        yield made
    finally:
        made.close()


def demonstration(folder: Path, clock: Callable[[], datetime]) -> DemonstrationAuthority:
    return DemonstrationAuthorities.open(folder, clock=clock).own("bjca", "北京数字认证")


WAYS = ("direct", "socket", "http")


@contextmanager
def reached(way: str, folder: Path, clock: Callable[[], datetime]) -> Iterator[CertificateAuthority]:
    """One authority, reached in one of WAYS. An adapter of one's own is added here, and passes the suite."""
    authority = demonstration(folder / "authority", clock)
    match way:
        case "direct":
            yield authority
        case "socket":
            with over_socket(Served(authority, clock=clock), folder / "s") as adapter:
                yield adapter
        case "http":
            with over_http(Served(authority, clock=clock)) as adapter:
                yield adapter
        case _:
            raise AssertionError(way)


def info_of_version(seal: bytes, version: int) -> bytes:
    """What a maker signs of this seal, with another version in it."""
    info = part(seal, 0)
    header = structures.Header({"id": "ES", "version": version, "vendor": "OLD"}).dump()
    return sequence(header, *(part(info, at) for at in (1, 2, 3)))


def signed_by_maker(authority: DemonstrationAuthority, info: bytes) -> bytes:
    """As this authority's maker signs it."""
    made: bytes = structures.bits(authority._offices.key(Role.MAKER).sign(info)).dump()
    return made


def in_form_of_2014(info: bytes, seal: bytes, signature: bytes) -> bytes:
    """The form before the standard: information, and the rest in a group beside it."""
    return sequence(info, sequence(part(seal, 1), part(seal, 2), signature))


def old_seal(authority: DemonstrationAuthority, seal: bytes) -> bytes:
    """The same seal, as this authority's maker would have made it before the standard."""
    info = info_of_version(seal, 3)
    return in_form_of_2014(info, seal, signed_by_maker(authority, info))
