"""What the assistant fetches over HTTPS comes from a server whose certificate this computer trusts."""

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from signing.assistant.fetching import FetchError, fetch


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"document")

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing is written."""


def self_signed(folder: Path, name: str) -> Path:
    """A file with a key and a certificate for this name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture(params=["localhost", "elsewhere.example"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path, bool]]:
    """The origin, the server's certificate, and whether it is for this name."""
    file = self_signed(tmp_path, request.param)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://localhost:{server.server_address[1]}", file, request.param == "localhost"
    server.shutdown()
    server.server_close()


def test_a_server_that_nobody_vouches_for_is_not_believed(served: tuple[str, Path, bool]) -> None:
    origin, _, _ = served
    with pytest.raises(FetchError) as caught:
        fetch(f"{origin}/x", origin, limit=100, demo=False)
    assert caught.value.code == "unreachable"


def test_a_server_that_this_computer_trusts_is_believed_by_its_name(
    served: tuple[str, Path, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    origin, certificate, right_name = served
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    if right_name:
        assert fetch(f"{origin}/x", origin, limit=100, demo=False) == b"document"
        return
    with pytest.raises(FetchError):
        fetch(f"{origin}/x", origin, limit=100, demo=False)


def test_an_address_of_another_origin_is_not_fetched(served: tuple[str, Path, bool]) -> None:
    origin, _, _ = served
    for address in (
        f"{origin}.attacker.example/x",
        f"{origin}@attacker.example/x",
        origin,
        "file:///etc/passwd",
    ):
        with pytest.raises(FetchError) as caught:
            fetch(address, origin, limit=100, demo=True)
        assert caught.value.code == "address"
