"""What payment providers notify: signed, fresh, each message once, each payment once.

    POST /pay/{way}/notifications           with the headers of a bank's notification
    (office/banking/notifications)
    {"trade": "…", "charge": "ZF…", "amount": "350.00", "paid_at": "2026-04-22T10:00:05+08:00"}

The nonce is used up in the transaction that takes the money: a message that failed may come again as it is. A
message about a payment that is known already is answered as taken: the provider then stops telling.
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
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue.scope import QR, PaymentWay
from certificates.orders.order import locked
from certificates.payments import receipts
from certificates.payments.port import Paid
from certificates.payments.receipts import Came, Conflict
from certificates.payments.settling import settle
from office.banking.amounts import NoAmount, fen_of
from office.banking.notifications import NONCE, SIGNATURE, TIMESTAMP, sign
from office.marks import Marks

WINDOW: Final = timedelta(minutes=5)
LARGEST_BODY: Final = 8 << 10
_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
_TRADE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

ProviderKeys = Mapping[PaymentWay, Sequence[SecretStr]]
"""The keys of each provider; two while one replaces the other."""


class Refusal(StrEnum):
    UNKNOWN_WAY = "unknown_way"
    TOO_LARGE = "too_large"
    NOT_SIGNED = "not_signed"
    NOT_FRESH = "not_fresh"
    REPLAYED = "replayed"
    MALFORMED = "malformed"
    CONFLICTING = "conflicting"
    """The payment is known with another sum, or for another code."""


class NoticeRefused(Exception):
    """Nothing was taken."""

    def __init__(self, refusal: Refusal, fact: str = "") -> None:
        super().__init__(f"{refusal} {fact}".strip())
        self.refusal = refusal
        self.fact = fact


_USE: Final = text(
    "INSERT INTO payment_nonces (way, nonce, at) VALUES (:way, :nonce, :now)"
    " ON CONFLICT (way, nonce) DO NOTHING RETURNING nonce"
)
_FORGET: Final = text("DELETE FROM payment_nonces WHERE at < :before")
_CHARGE: Final = text("SELECT order_number, way FROM payment_charges WHERE number = :number")


class Notices:
    """The receiving end, for all providers."""

    def __init__(self, engine: AsyncEngine, marks: Marks, keys: ProviderKeys) -> None:
        self._engine = engine
        self._marks = marks
        self._keys = keys

    async def receive(self, way: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> bool:
        """Take what a provider says; False: it was known. Raises NoticeRefused."""
        paid, nonce = self._checked(way, headers, body, now)
        try:
            async with self._engine.begin() as connection:
                used = {"way": way, "nonce": nonce, "now": now}
                if (await connection.execute(_USE, used)).first() is None:
                    raise NoticeRefused(Refusal.REPLAYED)
                await connection.execute(_FORGET, {"before": now - 3 * WINDOW})
                return await take_paid(connection, self._marks, paid, now)
        except Conflict as wrong:
            raise NoticeRefused(Refusal.CONFLICTING, paid.trade) from wrong

    def _checked(self, way: str, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[Paid, str]:
        keys = self._keys.get(PaymentWay(way), ()) if way in QR else ()
        if not keys:
            raise NoticeRefused(Refusal.UNKNOWN_WAY)
        if len(body) > LARGEST_BODY:
            raise NoticeRefused(Refusal.TOO_LARGE)
        timestamp, nonce = headers.get(TIMESTAMP, ""), headers.get(NONCE, "")
        presented = headers.get(SIGNATURE, "").lower().encode()
        well_formed = _TIMESTAMP.fullmatch(timestamp) and _NONCE.fullmatch(nonce)
        fits = [hmac.compare_digest(sign(key, timestamp, nonce, body).encode(), presented) for key in keys]
        if not well_formed or not any(fits):
            raise NoticeRefused(Refusal.NOT_SIGNED)
        if abs(now.timestamp() - int(timestamp)) > WINDOW.total_seconds():
            raise NoticeRefused(Refusal.NOT_FRESH)
        return parse(PaymentWay(way), body), nonce


async def take_paid(connection: AsyncConnection, marks: Marks, paid: Paid, now: datetime) -> bool:
    """A payment that a provider vouches for, in the caller's transaction; False: it was known. Raises
    Conflict.

    One for a code that we do not know is kept as money of nobody.
    """
    charge = (await connection.execute(_CHARGE, {"number": paid.charge})).one_or_none()
    known = charge is not None and charge.way == paid.way
    order = charge.order_number if known and charge is not None else None
    if order is not None:
        await locked(connection, order)
    came = Came(
        source=paid.way,
        reference=paid.trade,
        fen=paid.fen,
        paid_at=paid.paid_at,
        order_number=order,
        charge=paid.charge if known else None,
        remark="" if known else paid.charge[:80],
    )
    new = await receipts.take(connection, came, now)
    if new and order is not None:
        await settle(connection, marks, order, now)
    return new


def parse(way: PaymentWay, body: bytes) -> Paid:
    """Raises NoticeRefused."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as broken:
        raise NoticeRefused(Refusal.MALFORMED) from broken
    if not isinstance(given, dict):
        raise NoticeRefused(Refusal.MALFORMED)
    trade, charge = _text(given, "trade"), _text(given, "charge")
    for name, value in (("trade", trade), ("charge", charge)):
        if not _TRADE.fullmatch(value):
            raise NoticeRefused(Refusal.MALFORMED, name)
    return Paid(way, trade, charge, _amount(given), _moment(given))


def body_of(paid: Paid) -> bytes:
    """What a provider sends: for the demonstration and for tests."""
    said = {"trade": paid.trade, "charge": paid.charge, "amount": f"{paid.fen // 100}.{paid.fen % 100:02d}"}
    return json.dumps({**said, "paid_at": paid.paid_at.isoformat()}).encode()


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name, "")
    if not isinstance(value, str):
        raise NoticeRefused(Refusal.MALFORMED, name)
    return value


def _amount(given: Mapping[str, Any]) -> int:
    """Text, never a number: JSON's are floats."""
    try:
        amount = fen_of(_text(given, "amount"))
    except NoAmount as wrong:
        raise NoticeRefused(Refusal.MALFORMED, "amount") from wrong
    if amount <= 0:
        raise NoticeRefused(Refusal.MALFORMED, "amount")
    return amount


def _moment(given: Mapping[str, Any]) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(given, "paid_at"))
    except ValueError as wrong:
        raise NoticeRefused(Refusal.MALFORMED, "paid_at") from wrong
    if moment.tzinfo is None or not 2000 <= moment.year <= 2200:
        raise NoticeRefused(Refusal.MALFORMED, "paid_at")
    return moment.astimezone(UTC).replace(microsecond=0)
