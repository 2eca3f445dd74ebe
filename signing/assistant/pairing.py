"""The platforms that this person's assistant works for. Pairing pins the key that signs a platform's jobs.

found = look_up(origin, code, demo=False)                  # fetched, and the typed code fits the key
pairings.add(found, phrase="青山依旧")
"""

import json
import secrets
import threading
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from signing import SigningError
from signing.assistant.fetching import FetchError, fetch, permitted
from signing.assistant.keeping import read_json, write_json
from signing.jobs import WELL_KNOWN, is_origin, same_code
from signing.sm2 import KeyFormatError, PublicKey

MAX_PLATFORMS: Final = 16
MAX_DESCRIPTION: Final = 16_384
MAX_NAME: Final = 64
SHORTEST_PHRASE: Final = 2
LONGEST_PHRASE: Final = 40


class PairingError(SigningError):
    """Not paired. `code` is a word for messages."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(f"not paired: {why}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Platform:
    """One paired platform. `access` is what its pages in this person's browser show with each request;
    `phrase` was chosen by the person and stands in each window."""

    origin: str
    name: str
    key_pem: str
    return_to: str = "/"
    phrase: str = ""
    access: str = field(default="", repr=False)
    paired_at: str = ""

    @property
    def key(self) -> PublicKey:
        """The pinned key of its jobs."""
        return PublicKey.from_pem(self.key_pem.encode())

    @property
    def address(self) -> str:
        """Its page, with the access in the fragment, which no server and no Referer gets to see."""
        return f"{self.origin}{self.return_to}#luochui-assistant={self.access}"


def look_up(origin: str, code: str, *, demo: bool) -> Platform:
    """What the platform says of itself, when its key is the one of the typed code. Raises PairingError."""
    if not permitted(origin, demo=demo):
        raise PairingError("pair.origin", "no https:// origin")
    try:
        body = fetch(origin + WELL_KNOWN, origin, limit=MAX_DESCRIPTION, demo=demo, within_s=8)
    except FetchError as error:
        raise PairingError("pair.unreachable", str(error)) from error
    found = _described(body)
    if found.origin != origin:
        raise PairingError("pair.other_origin", "it calls itself by another origin")
    if not same_code(code, found.key):
        raise PairingError("pair.code", "the code is not that of its key")
    return found


def _described(body: bytes) -> Platform:
    try:
        said = json.loads(body)
        found = Platform(
            origin=str(said["origin"]),
            name=str(said["name"]),
            key_pem=str(said["key"]),
            return_to=str(said.get("return_to", "/")),
        )
        _ = found.key
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, KeyFormatError) as error:
        raise PairingError("pair.description", "what it publishes cannot be read") from error
    path = found.return_to
    plain = path.isascii() and path.isprintable() and not set(path) & set(' #"<>\\')
    if not path.startswith("/") or path.startswith("//") or not plain or len(path) > 200:
        raise PairingError("pair.description", "return_to is no path")
    if not 0 < len(found.name) <= MAX_NAME or not found.name.isprintable():
        raise PairingError("pair.description", "its name is no plain text")
    return found


class Pairings:
    """The paired platforms, kept in a file of the person. Safe in threads."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "platforms.json"
        self._lock = threading.Lock()
        self._platforms = _read(read_json(self._path))

    def all(self) -> tuple[Platform, ...]:
        """By their origins."""
        return tuple(self._platforms[origin] for origin in sorted(self._platforms))

    def get(self, origin: str) -> Platform | None:
        """The platform of exactly this origin."""
        return self._platforms.get(origin)

    def add(self, platform: Platform, phrase: str) -> Platform:
        """Pair, or pair anew: with a new access. Raises PairingError."""
        phrase = phrase.strip()
        if not SHORTEST_PHRASE <= len(phrase) <= LONGEST_PHRASE or not phrase.isprintable():
            raise PairingError("pair.phrase", "the phrase is too short or too long")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        paired = replace(platform, phrase=phrase, access=secrets.token_urlsafe(32), paired_at=now)
        with self._lock:
            if len(self._platforms.keys() | {paired.origin}) > MAX_PLATFORMS:
                raise PairingError("pair.too_many", f"more than {MAX_PLATFORMS} platforms")
            self._keep({**self._platforms, paired.origin: paired})
        return paired

    def remove(self, origin: str) -> None:
        """Unpair; nothing of it is known afterwards."""
        with self._lock:
            self._keep({name: each for name, each in self._platforms.items() if name != origin})

    def _keep(self, platforms: dict[str, Platform]) -> None:
        write_json(self._path, [asdict(platform) for platform in platforms.values()])
        self._platforms = platforms


def _read(rows: Any) -> dict[str, Platform]:
    found = [Platform(**row) for row in rows or []]
    return {platform.origin: platform for platform in found if is_origin(platform.origin)}
