"""What banks notify as it happens: signed, fresh, once.

    POST /bank/{bank}/notifications
    X-Bank-Timestamp: 1767225600               seconds, within five minutes of ours
    X-Bank-Nonce: 16 to 64 of A-Z a-z 0-9 _ -  never used before
    X-Bank-Signature: HMAC-SHA256 over timestamp, nonce and body, each followed by a line feed but the
    body; hex {"transactions": [{"serial": "…", "amount": "50000.00", "value_time":
    "2026-03-01T10:00:05+08:00",
                       "payer_name": "…", "payer_account": "…", "payer_bank": "…", "sub_account": "…",
                       "remark": "…"}]}

A notification only ever adds transactions with serial numbers: the statement that comes later finds them
known.
"""

import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.banking.amounts import NoAmount, fen_of
from office.banking.banks import banks
from office.banking.numbers import found_in
from office.banking.statements import LONGEST, BankRow
from office.banking.taking import Conflicts, Source, Taken, take

WINDOW: Final = timedelta(minutes=5)
LARGEST_BODY: Final = 64 << 10
MOST_TRANSACTIONS: Final = 100
TIMESTAMP: Final = "x-bank-timestamp"
NONCE: Final = "x-bank-nonce"
SIGNATURE: Final = "x-bank-signature"
_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
_FIELDS: Final = ("payer_name", "payer_account", "payer_bank", "sub_account", "remark")

Keys = Mapping[str, Sequence[SecretStr]]
"""The keys of each bank; two while one replaces the other."""


SHORTEST_KEY: Final = 32


def read_keys(written: str) -> dict[str, tuple[SecretStr, ...]]:
    """ "shifan=KEY,shifan=NEXT": the keys of each bank. Raises ValueError, without the key in its text."""
    keys: dict[str, tuple[SecretStr, ...]] = {}
    for place, part in enumerate(filter(None, (each.strip() for each in written.split(","))), start=1):
        bank, separator, key = part.partition("=")
        if not separator or bank not in banks() or not banks()[bank].notifies:
            raise ValueError(f"no. {place} does not name a bank that notifies")
        if len(key) < SHORTEST_KEY:
            raise ValueError(f"no. {place} is shorter than {SHORTEST_KEY} characters")
        keys[bank] = (*keys.get(bank, ()), SecretStr(key))
    return keys


class Refusal(StrEnum):
    UNKNOWN_BANK = "unknown_bank"
    TOO_LARGE = "too_large"
    NOT_SIGNED = "not_signed"
    """Without the headers, or with a signature that no key of the bank makes."""
    NOT_FRESH = "not_fresh"
    REPLAYED = "replayed"
    MALFORMED = "malformed"
    CONFLICTING = "conflicting"


class NotificationRefused(Exception):
    """Nothing was taken. `fact`: which field, or how many."""

    def __init__(self, refusal: Refusal, fact: str = "") -> None:
        super().__init__(f"{refusal} {fact}".strip())
        self.refusal = refusal
        self.fact = fact


def sign(key: SecretStr, timestamp: str, nonce: str, body: bytes) -> str:
    said = f"{timestamp}\n{nonce}\n".encode() + body
    return hmac.new(key.get_secret_value().encode(), said, "sha256").hexdigest()


def signed_headers(key: SecretStr, body: bytes, *, nonce: str, now: datetime) -> dict[str, str]:
    """What a bank sends along."""
    timestamp = str(int(now.timestamp()))
    return {TIMESTAMP: timestamp, NONCE: nonce, SIGNATURE: sign(key, timestamp, nonce, body)}


@dataclass(frozen=True, slots=True)
class _Signed:
    nonce: str
    rows: tuple[BankRow, ...]


class Notifications:
    """The receiving end, for all banks."""

    def __init__(self, engine: AsyncEngine, keys: Keys) -> None:
        self._engine = engine
        self._keys = keys

    async def receive(self, bank: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Taken:
        """Take what a bank says. Raises NotificationRefused.

        The nonce is used up in the transaction that takes the money: a message that failed may come again.
        """
        signed = self._checked(bank, headers, body, now)
        try:
            async with self._engine.begin() as connection:
                used = {"bank": bank, "nonce": signed.nonce, "now": now}
                if (await connection.execute(_USE, used)).first() is None:
                    raise NotificationRefused(Refusal.REPLAYED)
                await connection.execute(_FORGET, {"before": now - 3 * WINDOW})
                return await take(connection, bank, signed.rows, source=Source.NOTIFICATION, now=now)
        except Conflicts as wrong:
            raise NotificationRefused(Refusal.CONFLICTING, str(len(wrong.serials))) from wrong

    def _checked(self, bank: str, headers: Mapping[str, str], body: bytes, now: datetime) -> _Signed:
        keys = self._keys.get(bank, ())
        if bank not in banks() or not banks()[bank].notifies or not keys:
            raise NotificationRefused(Refusal.UNKNOWN_BANK)
        if len(body) > LARGEST_BODY:
            raise NotificationRefused(Refusal.TOO_LARGE)
        timestamp, nonce = headers.get(TIMESTAMP, ""), headers.get(NONCE, "")
        presented = headers.get(SIGNATURE, "").lower().encode()
        well_formed = _TIMESTAMP.fullmatch(timestamp) and _NONCE.fullmatch(nonce)
        fits = [hmac.compare_digest(sign(key, timestamp, nonce, body).encode(), presented) for key in keys]
        if not well_formed or not any(fits):
            raise NotificationRefused(Refusal.NOT_SIGNED)
        if abs(now.timestamp() - int(timestamp)) > WINDOW.total_seconds():
            raise NotificationRefused(Refusal.NOT_FRESH)
        return _Signed(nonce, parse(body))


_USE: Final = text(
    "INSERT INTO bank_nonces (bank, nonce, at) VALUES (:bank, :nonce, :now)"
    " ON CONFLICT (bank, nonce) DO NOTHING RETURNING nonce"
)
_FORGET: Final = text("DELETE FROM bank_nonces WHERE at < :before")


def parse(body: bytes) -> tuple[BankRow, ...]:
    """Raises NotificationRefused."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as broken:
        raise NotificationRefused(Refusal.MALFORMED) from broken
    rows = given.get("transactions") if isinstance(given, dict) else None
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_TRANSACTIONS:
        raise NotificationRefused(Refusal.MALFORMED, "transactions")
    parsed = tuple(_row(place, row) for place, row in enumerate(rows, start=1))
    if len({row.serial for row in parsed}) != len(parsed):
        raise NotificationRefused(Refusal.MALFORMED, "serial")
    return parsed


def _row(place: int, given: Any) -> BankRow:
    if not isinstance(given, dict):
        raise NotificationRefused(Refusal.MALFORMED, f"transaction {place}")
    texts = {name: _text(given, name) for name in _FIELDS}
    serial = _text(given, "serial")
    if not serial or serial.startswith("#"):
        raise NotificationRefused(Refusal.MALFORMED, "serial")
    number = found_in(texts.pop("sub_account"), texts["remark"])
    return BankRow(
        line=place,
        serial=serial,
        amount=_amount(given),
        value_time=_moment(given),
        sub_account=number,
        **texts,
    )


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name, "")
    if not isinstance(value, str) or len(value) > LONGEST.get(name, 60):
        raise NotificationRefused(Refusal.MALFORMED, name)
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value):
        raise NotificationRefused(Refusal.MALFORMED, name)
    return value.strip()


def _amount(given: Mapping[str, Any]) -> int:
    """Text, never a number: JSON's are floats. Only what comes in is notified."""
    try:
        amount = fen_of(_text(given, "amount"))
    except NoAmount as wrong:
        raise NotificationRefused(Refusal.MALFORMED, "amount") from wrong
    if amount <= 0:
        raise NotificationRefused(Refusal.MALFORMED, "amount")
    return amount


def _moment(given: Mapping[str, Any]) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(given, "value_time"))
    except ValueError as wrong:
        raise NotificationRefused(Refusal.MALFORMED, "value_time") from wrong
    if moment.tzinfo is None or not 2000 <= moment.year <= 2200:
        raise NotificationRefused(Refusal.MALFORMED, "value_time")
    return moment.astimezone(UTC).replace(microsecond=0)
