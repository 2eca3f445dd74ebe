"""Signed messages of banks and payment providers: who sent them, that they are fresh, that they come once.

    X-Bank-Timestamp: 1767225600               seconds, within five minutes of ours
    X-Bank-Nonce: 16 to 64 of A-Z a-z 0-9 _ -  never used before by this sender
    X-Bank-Signature: hex of HMAC-SHA256(key, timestamp + "\\n" + nonce + "\\n" + body)

`checked` says whether a message is the sender's; `use_nonce` uses its nonce up, in the transaction that takes
what it says: a message that failed may come again as it is. `Facts` reads its JSON: every text has a longest,
money is text and no number, and what a database can't hold is refused before it gets there.
"""

import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from office.banking.amounts import NoAmount, fen_of

WINDOW: Final = timedelta(minutes=5)
TIMESTAMP: Final = "x-bank-timestamp"
NONCE: Final = "x-bank-nonce"
SIGNATURE: Final = "x-bank-signature"
LONGEST_AMOUNT: Final = 40
LONGEST_MOMENT: Final = 40
EARLIEST: Final = 2000
LATEST: Final = 2200
"""Years that money moves in: what is outside is a mistake, and no database or calendar meets it."""
_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")


class Refusal(StrEnum):
    UNKNOWN_SENDER = "unknown_sender"
    TOO_LARGE = "too_large"
    NOT_SIGNED = "not_signed"
    """Without the headers, or with a signature that no key of the sender makes."""
    NOT_FRESH = "not_fresh"
    REPLAYED = "replayed"
    MALFORMED = "malformed"
    CONFLICTING = "conflicting"
    """What it tells of is known with something else: people have to look."""


class MessageRefused(Exception):
    """Nothing was taken. `fact`: which field, or how many."""

    def __init__(self, refusal: Refusal, fact: str = "") -> None:
        super().__init__(f"{refusal} {fact}".strip())
        self.refusal = refusal
        self.fact = fact


def sign(key: SecretStr, timestamp: str, nonce: str, body: bytes) -> str:
    said = f"{timestamp}\n{nonce}\n".encode() + body
    return hmac.new(key.get_secret_value().encode(), said, "sha256").hexdigest()


def signed_headers(key: SecretStr, body: bytes, *, nonce: str, now: datetime) -> dict[str, str]:
    """What a sender sends along."""
    timestamp = str(int(now.timestamp()))
    return {TIMESTAMP: timestamp, NONCE: nonce, SIGNATURE: sign(key, timestamp, nonce, body)}


def checked(
    keys: Sequence[SecretStr], headers: Mapping[str, str], body: bytes, *, now: datetime, largest: int
) -> str:
    """The nonce of a message that one of the keys signed, a moment ago. No keys: nobody may send.

    Raises MessageRefused.
    """
    if not keys:
        raise MessageRefused(Refusal.UNKNOWN_SENDER)
    if len(body) > largest:
        raise MessageRefused(Refusal.TOO_LARGE)
    timestamp, nonce = headers.get(TIMESTAMP, ""), headers.get(NONCE, "")
    presented = headers.get(SIGNATURE, "").lower().encode()
    well_formed = _TIMESTAMP.fullmatch(timestamp) and _NONCE.fullmatch(nonce)
    fits = [hmac.compare_digest(sign(key, timestamp, nonce, body).encode(), presented) for key in keys]
    if not well_formed or not any(fits):
        raise MessageRefused(Refusal.NOT_SIGNED)
    if abs(now.timestamp() - int(timestamp)) > WINDOW.total_seconds():
        raise MessageRefused(Refusal.NOT_FRESH)
    return nonce


_USE: Final = text(
    "INSERT INTO signed_nonces (sender, nonce, at) VALUES (:sender, :nonce, :now)"
    " ON CONFLICT (sender, nonce) DO NOTHING RETURNING nonce"
)
_FORGET: Final = text("DELETE FROM signed_nonces WHERE at < :before")


async def use_nonce(connection: AsyncConnection, sender: str, nonce: str, now: datetime) -> None:
    """Once for each sender, in the caller's transaction; those that are no longer fresh are forgotten.

    Raises MessageRefused.
    """
    used = {"sender": sender, "nonce": nonce, "now": now}
    if await connection.scalar(_USE, used) is None:
        raise MessageRefused(Refusal.REPLAYED)
    await connection.execute(_FORGET, {"before": now - 3 * WINDOW})


class Facts:
    """An object of a message, read field by field. Every method raises MessageRefused."""

    def __init__(self, given: object, what: str = "") -> None:
        if not isinstance(given, dict):
            raise MessageRefused(Refusal.MALFORMED, what)
        self._given: dict[str, Any] = given

    @classmethod
    def of(cls, body: bytes) -> "Facts":
        """The whole message."""
        try:
            given = json.loads(body)
        except (ValueError, RecursionError) as broken:
            raise MessageRefused(Refusal.MALFORMED) from broken
        return cls(given)

    def text(self, name: str, longest: int) -> str:
        """Tidied; "" where it is missing. Nothing that a database or a page could not hold."""
        value = self._given.get(name, "")
        if not isinstance(value, str) or len(value) > longest:
            raise MessageRefused(Refusal.MALFORMED, name)
        if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value):
            raise MessageRefused(Refusal.MALFORMED, name)
        return value.strip()

    def amount(self, name: str) -> int:
        """Fen, more than zero. Text, never a number: JSON's are floats. Only what comes in is told."""
        try:
            fen = fen_of(self.text(name, LONGEST_AMOUNT))
        except NoAmount as wrong:
            raise MessageRefused(Refusal.MALFORMED, name) from wrong
        if fen <= 0:
            raise MessageRefused(Refusal.MALFORMED, name)
        return fen

    def moment(self, name: str) -> datetime:
        """With its offset, in whole seconds of UTC."""
        try:
            moment = datetime.fromisoformat(self.text(name, LONGEST_MOMENT))
        except ValueError as wrong:
            raise MessageRefused(Refusal.MALFORMED, name) from wrong
        if moment.tzinfo is None or not EARLIEST <= moment.year <= LATEST:
            raise MessageRefused(Refusal.MALFORMED, name)
        return moment.astimezone(UTC).replace(microsecond=0)

    def objects(self, name: str, most: int) -> "tuple[Facts, ...]":
        """One to `most` of them."""
        given = self._given.get(name)
        if not isinstance(given, list) or not 1 <= len(given) <= most:
            raise MessageRefused(Refusal.MALFORMED, name)
        return tuple(Facts(each, f"{name} {place}") for place, each in enumerate(given, start=1))
