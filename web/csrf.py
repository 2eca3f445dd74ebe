"""Against forged requests: a token bound to the visit, and the Origin header.

Not starlette-csrf: it reads the token from a header only, and our forms work without scripts. The token is an
HMAC over the session's cookie (or, before signing in, over a random visitor's cookie): nothing is stored.
"""

import hashlib
import hmac
import re
import secrets
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr
from starlette.requests import Request

FIELD: Final = "csrf_token"
HEADER: Final = "x-csrf-token"
VISITOR_COOKIE: Final = "luochui_visitor"
_VISITOR: Final = re.compile(r"[A-Za-z0-9_-]{22}")


def new_visitor() -> str:
    return secrets.token_urlsafe(16)


def visitor_of(request: Request) -> str | None:
    """The random name of this browser, if it has one of ours."""
    cookie = request.cookies.get(VISITOR_COOKIE, "")
    return cookie if _VISITOR.fullmatch(cookie) else None


def token(secret: SecretStr, bound_to: str) -> str:
    """The token of a visit; `bound_to` is the session's id or the visitor's name."""
    return sign(secret, "csrf", bound_to)


def sign(secret: SecretStr, purpose: str, text: str) -> str:
    key = secret.get_secret_value().encode()
    return hmac.new(key, f"{purpose}\n{text}".encode(), hashlib.sha256).hexdigest()


def fits(secret: SecretStr, bound_to: str, presented: str) -> bool:
    return hmac.compare_digest(token(secret, bound_to).encode(), presented.encode())


def says_origin(request: Request) -> bool:
    """Whether the request names where it comes from, so that `same_origin` decides and not the token."""
    return "origin" in request.headers


def same_origin(request: Request, origins: tuple[str, ...]) -> bool:
    """Whether the page that sent this request is ours. Browsers name it in every POST; without the header it
    was no browser, and the token decides."""
    origin = request.headers.get("origin")
    if origin is None:
        return True
    return origin in origins or urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()
