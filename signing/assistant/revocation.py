"""Whether a certificate on a UKey was revoked: its authority's list, from the address in the certificate.

Only to tell the person early: the platform checks again. Unknown does not keep anybody from signing.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Final

import httpx

from signing.crl import MAX_LIST, RevocationList, parse_crl
from signing.deadline import ended_after
from signing.der import MalformedDer
from signing.token.port import TokenContents

WITHIN_S: Final = 3.0
KEPT_S: Final = 60.0
MAX_LISTS: Final = 8


class Standing(StrEnum):
    """What the authority's list says."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


class Lists:
    """Asks for lists, and keeps them for a minute. Safe in threads."""

    def __init__(self, get: Callable[[str], bytes | None] | None = None) -> None:
        self._get = get or _download
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, RevocationList | None]] = {}

    def standing(self, contents: TokenContents, now: datetime) -> Standing:
        """Of the UKey's certificate."""
        certificate = contents.certificate
        if certificate is None:
            return Standing.UNKNOWN
        issuers = [each for each in contents.chain if certificate.is_signed_by(each.key)]
        for address in certificate.extensions.crl_addresses[:2]:
            found = self._list(address)
            if found is None or not any(found.is_signed_by(issuer.key) for issuer in issuers):
                continue
            if found.next_update is not None and now > found.next_update:
                continue
            return Standing.REVOKED if certificate.serial in found.entries else Standing.GOOD
        return Standing.UNKNOWN

    def _list(self, address: str) -> RevocationList | None:
        with self._lock:
            at, known = self._kept.get(address, (0.0, None))
            if at and time.monotonic() - at < KEPT_S:
                return known
        found = _parsed(self._get(address))
        with self._lock:
            self._kept[address] = (time.monotonic(), found)
            while len(self._kept) > MAX_LISTS:
                self._kept.pop(next(iter(self._kept)))
        return found


def _parsed(data: bytes | None) -> RevocationList | None:
    try:
        return parse_crl(data) if data else None
    except MalformedDer:
        return None


def _download(address: str) -> bytes | None:
    if not address.startswith(("http://", "https://")):
        return None
    until = time.monotonic() + WITHIN_S
    body = bytearray()
    try:
        with (
            httpx.Client(follow_redirects=False, trust_env=False, timeout=WITHIN_S) as client,
            ended_after(WITHIN_S, client),
            client.stream("GET", address) as answer,
        ):
            if answer.status_code != 200:
                return None
            for part in answer.iter_bytes(65_536):
                body += part
                if len(body) > MAX_LIST or time.monotonic() > until:
                    return None
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL):
        return None
    return bytes(body)
