"""A sentence for the next page ("saved", "refused because …"): a signed cookie, gone once it is shown."""

import base64
import binascii
import hmac
import json
from dataclasses import asdict, dataclass
from typing import Final, Literal

from pydantic import SecretStr

from web.csrf import sign

COOKIE: Final = "luochui_flash"
LIVES_S: Final = 120
LONGEST: Final = 600
Kind = Literal["info", "success", "warning", "danger"]


@dataclass(frozen=True, slots=True)
class Flash:
    kind: Kind
    text: str


def write(secret: SecretStr, bound_to: str, flashes: list[Flash]) -> str:
    """The cookie's value."""
    plain = json.dumps(
        [asdict(Flash(one.kind, one.text[:LONGEST])) for one in flashes[:3]], ensure_ascii=False
    )
    payload = base64.urlsafe_b64encode(plain.encode()).decode()
    return f"{payload}.{sign(secret, 'flash', bound_to + payload)}"


def read(secret: SecretStr, bound_to: str, cookie: str | None) -> list[Flash]:
    """What stands in the cookie; nothing for one that is not ours."""
    payload, _, signature = (cookie or "").partition(".")
    if not hmac.compare_digest(sign(secret, "flash", bound_to + payload).encode(), signature.encode()):
        return []
    try:
        return [Flash(one["kind"], one["text"]) for one in json.loads(base64.urlsafe_b64decode(payload))]
    except (ValueError, binascii.Error, KeyError, TypeError):
        return []
