"""Which authorities of the catalogue are reached over HTTP: one TOML table for each.

    [bjca]
    url = "https://ra.example.cn/luochui/v1"
    chain = "bjca-chain.pem"                 # its issuing CA first, its root last
    makers = "bjca-makers.pem"               # who makes its seals
    key_id = "luochui"                       # with secret_file: requests are signed
    secret_file = "bjca.secret"
    client_certificate = "luochui.pem"       # with client_key: mutual TLS
    client_key = "luochui.key"
    trusted = "their-tls-root.pem"
    connect_s = 5
    answer_s = 15

Paths are relative to the file. What is wrong is said by table and field, before anything is asked.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from certificates.authority.port import KEY, MOST, AuthorityError
from certificates.authority.remote import ANSWER_S, CONNECT_S, RemoteSettings
from office.calling import Caller
from signing import SigningError
from signing.x509 import Certificate, parse_certificate

LARGEST: Final = 1 << 16
SHORTEST_SECRET: Final = 32
MOST_S: Final = 60.0
_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_URL: Final = re.compile(r"https://[^\s/]+(/\S*)?|http://(127\.0\.0\.1|localhost)(:\d+)?(/\S*)?")
_FILES: Final = ("trusted", "client_certificate", "client_key")
_KNOWN: Final = {each.name for each in fields(RemoteSettings)} - {"caller"} | {"key_id", "secret_file"}


class WrongSettings(AuthorityError):
    """Says which authority and which field."""


def read_remote(file: Path) -> Mapping[str, RemoteSettings]:
    """Raises WrongSettings."""
    try:
        tables = tomllib.loads(_read(file).decode())
    except (OSError, ValueError) as error:
        raise WrongSettings(f"{file}: {error}") from error
    if len(tables) > MOST:
        raise WrongSettings(f"{file}: more than {MOST} authorities")
    return {key: _one(file, key, table) for key, table in tables.items()}


def _one(file: Path, key: str, table: Any) -> RemoteSettings:
    at = f"{file} [{key}]"
    if not KEY.fullmatch(key) or not isinstance(table, dict):
        raise WrongSettings(f"{at}: no key of an authority")
    if unknown := set(table) - _KNOWN:
        raise WrongSettings(f"{at}: unknown: {', '.join(sorted(unknown))}")
    url = _text(at, table, "url")
    if not _URL.fullmatch(url):
        raise WrongSettings(f"{at} url: https, or http on this very computer (a TLCP gateway)")
    paths = {name: file.parent / _text(at, table, name) for name in _FILES if name in table}
    if ("client_certificate" in paths) != ("client_key" in paths):
        raise WrongSettings(f"{at}: client_certificate and client_key belong together")
    caller = _caller(at, file, table)
    if caller is None and "client_certificate" not in paths:
        raise WrongSettings(f"{at}: key_id with secret_file, or client_certificate: it has to know who asks")
    return RemoteSettings(
        url,
        _chain(at, file.parent / _text(at, table, "chain")),
        _makers(at, file.parent / _text(at, table, "makers")),
        caller,
        trusted=paths.get("trusted"),
        client_certificate=paths.get("client_certificate"),
        client_key=paths.get("client_key"),
        connect_s=_seconds(at, table, "connect_s", CONNECT_S),
        answer_s=_seconds(at, table, "answer_s", ANSWER_S),
    )


def _caller(at: str, file: Path, table: Mapping[str, Any]) -> Caller | None:
    if "secret_file" not in table:
        return None
    try:
        secret = _read(file.parent / _text(at, table, "secret_file")).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongSettings(f"{at} secret_file: {type(error).__name__}") from error
    if len(secret) < SHORTEST_SECRET:
        raise WrongSettings(f"{at} secret_file: {SHORTEST_SECRET} characters or more")
    return Caller(_text(at, table, "key_id"), SecretStr(secret))


def _makers(at: str, file: Path) -> tuple[Certificate, ...]:
    found = _certificates(f"{at} makers", file)
    if not found:
        raise WrongSettings(f"{at} makers: the certificates of who makes its seals")
    return found


def _certificates(at: str, file: Path) -> tuple[Certificate, ...]:
    try:
        return tuple(parse_certificate(each) for each in _PEM.findall(_read(file)))
    except (OSError, SigningError) as error:
        raise WrongSettings(f"{at}: {error}") from error


def _chain(at: str, file: Path) -> tuple[Certificate, ...]:
    found = _certificates(f"{at} chain", file)
    leads = all(below.is_signed_by(above.key) for below, above in pairwise(found))
    if len(found) < 2 or not leads or not found[-1].is_signed_by(found[-1].key):
        raise WrongSettings(f"{at} chain: the issuing CA first, the root last, each signed by the next")
    return found


def _text(at: str, table: Mapping[str, Any], name: str) -> str:
    value = table.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 500:
        raise WrongSettings(f"{at} {name}: a text")
    return value


def _seconds(at: str, table: Mapping[str, Any], name: str, otherwise: float) -> float:
    value = table.get(name, otherwise)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= MOST_S:
        raise WrongSettings(f"{at} {name}: up to {MOST_S:.0f} seconds")
    return float(value)


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(LARGEST)
