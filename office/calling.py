"""Requests that this platform signs when it calls somebody else's service: by key, moment and what is asked.

X-Key-Id: who calls
X-Moment: seconds
X-Idempotency-Key: the same for the same request, however often it is sent
X-Signature: hex of HMAC-SHA256 over method, path, moment, idempotency key and the hex of SHA-256 over
             the body, a line each, none after the last
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import SecretStr

WINDOW: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and the secret that both sides know."""

    key_id: str
    secret: SecretStr

    def headers(self, method: str, path: str, body: bytes, *, key: str, at: datetime) -> dict[str, str]:
        """`path` without its query; `key`: of idempotency."""
        moment = str(int(at.timestamp()))
        return {
            "X-Key-Id": self.key_id,
            "X-Moment": moment,
            "X-Idempotency-Key": key,
            "X-Signature": self._signature(method, path, moment, key, body),
        }

    def has_signed(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], *, now: datetime
    ) -> bool:
        """For who is called: whether this caller sent it, within WINDOW."""
        moment, key = headers.get("x-moment", ""), headers.get("x-idempotency-key", "")
        if not moment.isascii() or not moment.isdigit() or headers.get("x-key-id", "") != self.key_id:
            return False
        if abs(now.timestamp() - int(moment[:12])) > WINDOW.total_seconds():
            return False
        signature = self._signature(method, path, moment, key, body)
        return hmac.compare_digest(signature.encode(), headers.get("x-signature", "").lower().encode())

    def _signature(self, method: str, path: str, moment: str, key: str, body: bytes) -> str:
        signed = "\n".join((method, path, moment, key, hashlib.sha256(body).hexdigest()))
        return hmac.new(self.secret.get_secret_value().encode(), signed.encode(), hashlib.sha256).hexdigest()
