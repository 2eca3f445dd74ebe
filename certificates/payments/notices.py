"""What payment providers notify: signed, fresh, each message once, each payment once.

    POST /pay/{way}/notifications              signed like a bank's (office/banking/signed.py)
    {"trade": "…", "charge": "ZF…", "amount": "350.00", "paid_at": "2026-04-22T10:00:05+08:00"}

A message about a payment that is known already is answered as taken: the provider then stops telling.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue.scope import QR, PaymentWay
from certificates.orders.order import locked
from certificates.payments import charges, receipts
from certificates.payments.port import Paid, PaymentProvider
from certificates.payments.receipts import Came, Conflict
from certificates.payments.settling import settle
from office.banking.signed import Facts, MessageRefused, Refusal, checked, use_nonce
from office.marks import Marks

LARGEST_BODY: Final = 8 << 10
LONGEST_NUMBER: Final = 64
MOST_ASKED: Final = 3
"""Codes of an order that the provider is asked about at once."""
NUMBER: Final = re.compile(r"[A-Za-z0-9_-]+")
"""Of the provider or of ours, in its messages and its files."""

ProviderKeys = Mapping[PaymentWay, Sequence[SecretStr]]
"""The keys of each provider; two while one replaces the other."""

_CHARGE: Final = text("SELECT order_number, way FROM payment_charges WHERE number = :number")


class Notices:
    """The receiving end, for all providers."""

    def __init__(self, engine: AsyncEngine, marks: Marks, keys: ProviderKeys) -> None:
        self._engine = engine
        self._marks = marks
        self._keys = keys

    async def receive(self, way: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> bool:
        """Take what a provider says; False: it was known. Raises MessageRefused; CONFLICTING: the payment is
        known with another sum, or for another code."""
        keys = self._keys.get(PaymentWay(way), ()) if way in QR else ()
        nonce = checked(keys, headers, body, now=now, largest=LARGEST_BODY)
        paid = parse(PaymentWay(way), body)
        try:
            async with self._engine.begin() as connection:
                await use_nonce(connection, f"provider {way}", nonce, now)
                return await take_paid(connection, self._marks, paid, now)
        except Conflict as wrong:
            raise MessageRefused(Refusal.CONFLICTING, paid.trade) from wrong


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


async def ask_about(
    engine: AsyncEngine, marks: Marks, provider: PaymentProvider, order: str, now: datetime
) -> int:
    """Somebody says that they have paid, and no message came: the provider is asked about the order's latest
    codes, also those that have run out; how many payments were found. Raises ProviderAway, Conflict."""
    async with engine.connect() as connection:
        shown = await charges.untold_of(connection, order, MOST_ASKED)
    found = [paid for number in shown if (paid := await provider.asked(number)) is not None]
    for paid in found:
        async with engine.begin() as connection:
            await take_paid(connection, marks, paid, now)
    return len(found)


def parse(way: PaymentWay, body: bytes) -> Paid:
    """Raises MessageRefused."""
    told = Facts.of(body)
    trade, charge = told.text("trade", LONGEST_NUMBER), told.text("charge", LONGEST_NUMBER)
    for name, value in (("trade", trade), ("charge", charge)):
        if not NUMBER.fullmatch(value):
            raise MessageRefused(Refusal.MALFORMED, name)
    return Paid(way, trade, charge, told.amount("amount"), told.moment("paid_at"))


def body_of(paid: Paid) -> bytes:
    """What a provider sends: for the demonstration and for tests."""
    said = {"trade": paid.trade, "charge": paid.charge, "amount": f"{paid.fen // 100}.{paid.fen % 100:02d}"}
    return json.dumps({**said, "paid_at": paid.paid_at.isoformat()}).encode()
