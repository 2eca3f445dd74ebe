"""Prepared files for the assistant, which brings no session: each at an address that works once.

Of the address only digests are kept: the file's name, and the key under which it lies encrypted. A copy of
Redis does not tell the address, and a copy of the folder tells nothing at all.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.files import FileMissing
from web.jobs import LIVES_S
from web.site import Site
from web.visits import Visit

PATH: Final = "/assistant/files/"
_NONCE: Final = b"\0" * 12
"""Each key encrypts one file, once."""


@dataclass(frozen=True, slots=True)
class Laid:
    """Where a prepared file lies, and what opens it."""

    name: str
    key: bytes = field(repr=False)

    @classmethod
    def at(cls, address: str) -> "Laid":
        key = hashlib.sha256(b"key " + address.encode()).digest()
        return cls(hashlib.sha256(address.encode()).hexdigest(), key)

    @classmethod
    def from_text(cls, text: str) -> "Laid":
        """Raises ValueError."""
        name, key = text.split(".")
        return cls(name, bytes.fromhex(key))

    @property
    def text(self) -> str:
        return f"{self.name}.{self.key.hex()}"


async def lay_down(site: Site, content: bytes) -> tuple[Laid, str]:
    """Where it lies, and the address at which it may be fetched once."""
    address = secrets.token_urlsafe(32)
    laid = Laid.at(address)
    await site.files.lay_down(laid.name, AESGCM(laid.key).encrypt(_NONCE, content, None))
    await site.redis.set(_waits(laid), "1", ex=LIVES_S)
    return laid, f"{site.jobs.platform}{PATH}{address}"


async def pick_up(site: Site, laid: Laid) -> bytes:
    """Raises FileMissing."""
    content = await site.files.pick_up(laid.name)
    try:
        return AESGCM(laid.key).decrypt(_NONCE, content, None)
    except InvalidTag as other:
        raise FileMissing(laid.name) from other


async def clear_away(site: Site, laid: Laid) -> None:
    """Nobody needs it any more."""
    await site.files.clear_away(laid.name)


async def fetch(visit: Visit) -> Response:
    """The prepared file, for whoever names its address, once.

    Whoever only asks what would come (HEAD, as a scanner of links does) does not use it up.
    """
    if visit.request.method != "GET":
        raise HTTPException(405, headers={"Allow": "GET"})
    address = visit.param("address")
    if not 40 <= len(address) <= 50 or not address.isascii():
        raise HTTPException(404)
    laid = Laid.at(address)
    if await visit.site.redis.getdel(_waits(laid)) is None:
        raise HTTPException(404)
    try:
        content = await pick_up(visit.site, laid)
    except FileMissing as missing:
        raise HTTPException(404) from missing
    return Response(content, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


def _waits(laid: Laid) -> str:
    return f"luochui:prepared:{laid.name}"
