"""The authority over HTTP and from the shell, as others meet it."""

import asyncio
import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from asn1crypto import ocsp
from PIL import Image, ImageDraw
from starlette.applications import Starlette
from typer.testing import CliRunner

from certificates.authority.demonstration import DemonstrationAuthority
from certificates.authority.roles import Role
from certificates.authority.service import (
    ANSWER_TYPE,
    QUERY_TYPE,
    QUESTION_TYPE,
    REPLY_TYPE,
    Bucket,
    Rates,
    create_app,
)
from certificates.authority.trust import read_trust
from luochui.commands.authority import app
from signing.chain import check_certificate
from signing.crl import parse_crl
from signing.csr import request_certificate
from signing.findings import Verdict
from signing.names import Name
from signing.ocsp import Standing, ask, parse_answer
from signing.seal import parse_seal
from signing.sm2 import PrivateKey
from signing.sm3 import sm3
from signing.timestamp import check_token, read_response, request, signature_digest, stamp_over_http
from signing.x509 import Certificate, parse_certificate

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
KEY = PrivateKey.generate()
BASE = "http://127.0.0.1:8090"


@pytest.fixture
def authority(tmp_path: Path) -> DemonstrationAuthority:
    return DemonstrationAuthority.open(tmp_path / "authority", addresses=BASE, clock=lambda: NOW)


class Client:
    """Asks the application without a socket."""

    def __init__(self, served: Starlette) -> None:
        self._transport = httpx.ASGITransport(app=served)

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url=BASE) as client:
                return await client.request(method, path, **more)

        return asyncio.run(asked())

    def get(self, path: str) -> httpx.Response:
        return self.request("GET", path)

    def post(self, path: str, kind: str, content: bytes) -> httpx.Response:
        return self.request("POST", path, headers={"content-type": kind}, content=content)


@pytest.fixture
def client(authority: DemonstrationAuthority) -> Client:
    return Client(create_app(authority))


def path_of(url: str) -> str:
    assert url.startswith(BASE)
    return url.removeprefix(BASE)


def test_the_addresses_in_a_certificate_lead_to_what_they_say(
    authority: DemonstrationAuthority, client: Client
) -> None:
    certificate = authority.issue("甲方示例单位", KEY.public_key)
    issuing, root = authority.own(Role.ISSUING), authority.own(Role.ROOT)
    for below, above in ((certificate, issuing), (issuing, root)):
        (crl,) = below.extensions.crl_addresses
        (issuer,) = below.extensions.issuer_addresses
        listed = client.get(path_of(crl))
        assert listed.headers["content-type"] == "application/pkix-crl"
        assert parse_crl(listed.content).is_signed_by(above.key)
        assert parse_certificate(client.get(path_of(issuer)).content) == above
    assert certificate.extensions.ocsp_addresses == (f"{BASE}/ocsp",)
    assert issuing.extensions.ocsp_addresses == ()


@pytest.mark.parametrize("way", ["POST", "GET"])
def test_a_question_is_answered_whichever_way_it_comes(
    authority: DemonstrationAuthority, client: Client, way: str
) -> None:
    certificate, issuer = authority.issue("甲方示例单位", KEY.public_key), authority.own(Role.ISSUING)
    for nonce in (b"n" * 16, b"\xff" * 31, b"\xfb\xef"):  # the base64 of these has / and +
        asked = ask(certificate, issuer, nonce).der
        if way == "POST":
            given = client.post("/ocsp", QUESTION_TYPE, asked)
        else:
            given = client.get("/ocsp/" + quote(base64.b64encode(asked), safe=""))
        assert given.headers["content-type"] == ANSWER_TYPE
        answer = parse_answer(given.content)
        assert (answer.standing, answer.nonce) == (Standing.GOOD, nonce)
        assert answer.responder_of(issuer) is not None


def test_what_is_revoked_is_so_in_the_next_answer_and_list(
    authority: DemonstrationAuthority, client: Client, tmp_path: Path
) -> None:
    certificate, issuer = authority.issue("甲方示例单位", KEY.public_key), authority.own(Role.ISSUING)
    elsewhere = DemonstrationAuthority.open(tmp_path / "authority", addresses=BASE, clock=lambda: NOW)
    elsewhere.revoke(certificate.serial)  # another process, as the command line is
    assert certificate.serial in parse_crl(client.get("/crl/issuing.crl").content).entries
    asked = ask(certificate, issuer, b"n").der
    given = client.post("/ocsp", QUESTION_TYPE, asked)
    assert parse_answer(given.content).standing is Standing.REVOKED


def test_a_stamp_is_given(authority: DemonstrationAuthority, client: Client) -> None:
    asked = request(sm3(b"x"))
    given = client.post("/tsa", QUERY_TYPE, asked.der)
    assert given.headers["content-type"] == REPLY_TYPE
    token = read_response(given.content, asked)
    assert check_token(token, sm3(b"x"), authority.trust(), now=NOW).proven_time == NOW


@pytest.mark.parametrize(
    ("method", "path", "headers", "content", "status"),
    [
        ("GET", "/crl/../private/root.key", {}, b"", 404),
        ("GET", "/crl/maker.crl", {}, b"", 404),
        ("GET", "/cert/nobody.cer", {}, b"", 404),
        ("GET", "/cert/..%2Fregister.jsonl", {}, b"", 404),
        ("GET", "/", {}, b"", 404),
        ("POST", "/ocsp", {"content-type": "text/plain"}, b"x", 415),
        ("POST", "/ocsp", {"content-type": QUESTION_TYPE}, bytes(4_097), 413),
        ("POST", "/tsa", {"content-type": "text/plain"}, b"x", 415),
        ("POST", "/tsa", {"content-type": QUERY_TYPE}, bytes(4_097), 413),
        ("GET", "/ocsp/" + "A" * 9_000, {}, b"", 414),
        ("GET", "/tsa", {}, b"", 405),
        ("GET", "/healthz", {}, b"", 200),
    ],
)
def test_what_is_not_served(
    client: Client, method: str, path: str, headers: dict[str, str], content: bytes, status: int
) -> None:
    assert client.request(method, path, headers=headers, content=content).status_code == status


def status_of(answer: bytes) -> str:
    return str(ocsp.OCSPResponse.load(answer)["response_status"].native)


def test_nonsense_gets_an_answer_that_says_so(client: Client) -> None:
    given = client.post("/ocsp", QUESTION_TYPE, b"junk")
    assert status_of(given.content) == "malformed_request"
    assert status_of(client.get("/ocsp/!!!").content) == "malformed_request"


def test_who_asks_too_often_is_told_to_come_later(authority: DemonstrationAuthority) -> None:
    client = Client(create_app(authority, Rates(answers=0.5, stamps=0.5)))
    assert status_of(client.post("/ocsp", QUESTION_TYPE, b"junk").content) == "malformed_request"
    assert status_of(client.post("/ocsp", QUESTION_TYPE, b"junk").content) == "try_later"
    assert client.post("/tsa", QUERY_TYPE, b"junk").status_code == 200
    assert client.post("/tsa", QUERY_TYPE, b"junk").status_code == 503


def test_a_bucket_fills_again_and_never_overflows() -> None:
    now = [0.0]
    bucket = Bucket(2, 3, clock=lambda: now[0])
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now[0] += 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]
    now[0] += 1_000
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


# --- the process ---


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The process as the supervisor starts it: (its address, the data folder)."""
    port = free_port()
    environment = {
        **os.environ,
        "LUOCHUI_DATA": str(tmp_path),
        "LUOCHUI_AUTHORITY_PORT": str(port),
        "LUOCHUI_PORT": "8000" if port > 9_000 else "20000",
    }
    command = [sys.executable, "-m", "luochui", "run", "authority"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            try:
                if httpx.get(f"{address}/healthz", trust_env=False).status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.05)
        else:
            raise AssertionError(process.communicate()[1].decode())
        yield address, tmp_path
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) in (0, -signal.SIGTERM)


def test_the_process_makes_its_authority_and_stamps_and_ends_when_told(running: tuple[str, Path]) -> None:
    address, data = running
    token = stamp_over_http(f"{address}/tsa")(b"signature")
    trust = read_trust(data / "authority")
    report = check_token(token, signature_digest(b"signature"), trust, now=datetime.now(UTC))
    assert report.verdict is Verdict.VALID, report.findings


# --- the shell ---


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("LUOCHUI_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return CliRunner()


def told(shell: CliRunner, *words: str, status: int = 0) -> str:
    result = shell.invoke(app, words)
    assert result.exit_code == status, result.output
    return result.output


def test_from_the_shell_issue_list_revoke(shell: CliRunner, tmp_path: Path) -> None:
    assert "落槌演示根 CA" in told(shell, "init")
    asked = request_certificate(Name.of("whatever it says"), KEY)
    Path("request.pem").write_bytes(asked.to_pem())
    told(shell, "issue", "甲方示例单位", "--request", "request.pem", "--out", "a.pem", "--seal", "a.es")
    certificate = parse_certificate(Path("a.pem").read_bytes())
    assert certificate.subject.common_name == "甲方示例单位"  # what the request says does not count
    assert certificate.key == KEY.public_key
    assert parse_seal(Path("a.es").read_bytes()).info.certificates == (certificate.der,)
    serial = f"{certificate.serial:x}"
    assert f"{serial}  good     甲方示例单位" in told(shell, "list")

    assert "key_compromise" in told(shell, "revoke", serial, "--reason", "key_compromise")
    assert judged(certificate, tmp_path) is Verdict.INVALID
    (line,) = told(shell, "list", "--json").splitlines()
    assert json.loads(line)["state"] == "revoked"
    assert "command line" in json.loads(line)["by"]
    assert "1 revoked" in told(shell, "crl", "--out", "list.crl")
    assert parse_crl(Path("list.crl").read_bytes()).entries.keys() == {certificate.serial}
    assert "1 revoked" in told(shell, "show")


def judged(certificate: Certificate, folder: Path) -> Verdict:
    trust = read_trust(folder / "data" / "authority")
    return check_certificate(certificate, trust, at=datetime.now(UTC)).verdict


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["revoke", "ff"], "no certificate ff was issued here"),
        (["revoke", "xyz"], "'xyz' is no hexadecimal number"),
        (["issue", "甲方示例单位", "--out", "x.pem"], "give either --request or --public-key"),
        (["issue", "甲", "--out", "x.pem", "--public-key", "nothing.pem"], "nothing.pem"),
        (["issue", "甲", "--out", "x.pem", "--public-key", "key.pem", "--days", "0"], "1 to 1830 days"),
        (["issue", "甲", "--out", "x.pem", "--request", "key.pem"], "request"),
    ],
)
def test_what_goes_wrong_is_said_in_a_sentence(shell: CliRunner, words: list[str], says: str) -> None:
    Path("key.pem").write_bytes(KEY.public_key.to_pem())
    output = told(shell, *words, status=1)
    assert says in output
    assert "Traceback" not in output


def test_a_request_that_its_key_did_not_sign_is_refused(shell: CliRunner) -> None:
    der = bytearray(request_certificate(Name.of("示例"), KEY).der)
    der[der.index("示例".encode())] ^= 1
    Path("request.der").write_bytes(bytes(der))
    told(shell, "issue", "示例", "--request", "request.der", "--out", "x.pem", status=1)


def test_a_scan_becomes_the_picture_of_the_seal(shell: CliRunner) -> None:
    scan = Image.new("RGB", (500, 500), "white")
    ImageDraw.Draw(scan).ellipse((100, 100, 400, 400), outline=(205, 40, 45), width=14)
    scan.save("scan.jpg")
    Path("blank.png").write_bytes(b"no image")
    Path("key.pem").write_bytes(KEY.public_key.to_pem())
    words = ["issue", "甲方示例单位", "--public-key", "key.pem", "--out", "a.pem", "--seal", "a.es"]
    told(shell, *words, "--seal-image", "scan.jpg")
    picture = parse_seal(Path("a.es").read_bytes()).info.picture
    assert (picture.kind, picture.width_mm, picture.height_mm) == ("png", 42, 42)
    assert "not a GIF, JPEG or PNG" in told(shell, *words, "--seal-image", "blank.png", status=1)
    assert len(told(shell, "list").splitlines()) == 1  # nothing was issued for the second
