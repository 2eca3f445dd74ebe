"""Codes to scan: one open code for an order at a time, for what is still missing.

The number is written before the provider is asked: killed in between, the same number is asked for again.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue.scope import QR, PaymentWay
from certificates.orders.order import Order, locked
from certificates.orders.states import OrderState
from certificates.payments import receipts
from certificates.payments.port import Charged, PaymentProvider
from certificates.payments.states import ChargeState, Standing
from office.working_days import day_of

LIVES: Final = timedelta(minutes=30)
MOST_OF_ONE_ORDER: Final = 50


class NotPayable(Exception):
    """The order is not at its payment, or not by a code."""


class TooManyCharges(Exception):
    """MOST_OF_ONE_ORDER codes were shown already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A row of `payment_charges`."""

    number: str
    order_number: str
    way: PaymentWay
    fen: int
    address: str
    code: str
    state: ChargeState
    made_at: datetime
    closes_at: datetime


_COLUMNS: Final = ", ".join(Charge.__dataclass_fields__)
_OPEN: Final = text(
    f"SELECT {_COLUMNS} FROM payment_charges WHERE order_number = :order AND state = 'open'"  # noqa: S608
)
_LATEST: Final = text(
    f"SELECT {_COLUMNS} FROM payment_charges WHERE order_number = :order AND address <> ''"  # noqa: S608
    " ORDER BY made_at DESC, number LIMIT 1"
)
_UNTOLD: Final = text(
    "SELECT number FROM payment_charges WHERE order_number = :order AND address <> '' AND state <> 'paid'"
    " ORDER BY made_at DESC, number LIMIT :most"
)
_COUNT: Final = text("SELECT count(*) FROM payment_charges WHERE order_number = :order")
_MAKE: Final = text(
    "INSERT INTO payment_charges (number, order_number, way, fen, state, made_at, closes_at, changed_at)"  # noqa: S608
    f" VALUES (:number, :order, :way, :fen, 'open', :now, :closes_at, :now) RETURNING {_COLUMNS}"
)
_SHOW: Final = text(
    "UPDATE payment_charges SET address = :address, code = :code, changed_at = :now WHERE number = :number"
)
_CLOSE: Final = text(
    "UPDATE payment_charges SET state = 'closed', changed_at = :now WHERE order_number = :order"
    " AND state = 'open' RETURNING number"
)


def new_number(now: datetime) -> str:
    return f"ZF{day_of(now):%y%m%d}{secrets.randbelow(10**16):016d}"


class Charges:
    """Every method is one transaction of its own; the provider is asked outside of it."""

    def __init__(self, engine: AsyncEngine, provider: PaymentProvider) -> None:
        self._engine = engine
        self._provider = provider

    async def open(self, number: str, subject: str, *, now: datetime) -> Charge:
        """The order's code for what is missing, in the way that was chosen.

        Raises NotPayable, TooManyCharges, ProviderAway, UnknownOrder.
        """
        async with self._engine.begin() as connection:
            charge, gone = await _ready(connection, number, now)
        for each in gone:
            await self._provider.close(each)
        if charge.address:
            return charge
        asked = Charged(charge.number, charge.way, charge.fen, subject, charge.closes_at)
        shown = await self._provider.open(asked)
        values = {"number": charge.number, "address": shown.address, "code": shown.code, "now": now}
        async with self._engine.begin() as connection:
            await connection.execute(_SHOW, values)
        return await self.get(charge.number) or charge

    async def close(self, order: str, *, now: datetime) -> None:
        """Another way was chosen, or the order is changed. What is paid all the same is told all the same."""
        async with self._engine.begin() as connection:
            gone = list((await connection.execute(_CLOSE, {"order": order, "now": now})).scalars())
        for each in gone:
            await self._provider.close(each)

    async def get(self, number: str) -> Charge | None:
        found = text(f"SELECT {_COLUMNS} FROM payment_charges WHERE number = :number")  # noqa: S608
        async with self._engine.connect() as connection:
            row = (await connection.execute(found, {"number": number})).one_or_none()
        return charge_from(row) if row else None

    async def shown_for(self, order: str, *, now: datetime) -> Charge | None:
        """The code that can be scanned now."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(_OPEN, {"order": order})).one_or_none()
        charge = charge_from(row) if row else None
        return charge if charge and charge.address and charge.closes_at > now else None


async def _ready(connection: AsyncConnection, number: str, now: datetime) -> tuple[Charge, list[str]]:
    """The one open charge that fits, new if need be, and those that were closed for it."""
    order = await locked(connection, number)
    missing = await missing_of(connection, order)
    if order.state is not OrderState.AWAITING_PAYMENT or order.payment_way not in QR or missing <= 0:
        raise NotPayable(number)
    row = (await connection.execute(_OPEN, {"order": number})).one_or_none()
    if row is not None:
        charge = charge_from(row)
        if charge.way == order.payment_way and charge.fen == missing and charge.closes_at > now:
            return charge, []
    gone = list((await connection.execute(_CLOSE, {"order": number, "now": now})).scalars())
    if int(await connection.scalar(_COUNT, {"order": number}) or 0) >= MOST_OF_ONE_ORDER:
        raise TooManyCharges(number)
    values: dict[str, Any] = {"number": new_number(now), "order": number, "way": order.payment_way}
    values |= {"fen": missing, "now": now, "closes_at": now + LIVES}
    made = (await connection.execute(_MAKE, values)).one()
    await receipts.reopen(connection, number, now)
    return charge_from(made), gone


async def latest_of(connection: AsyncConnection, order: str) -> Charge | None:
    """The code that was shown last, open or not."""
    row = (await connection.execute(_LATEST, {"order": order})).one_or_none()
    return charge_from(row) if row is not None else None


async def untold_of(connection: AsyncConnection, order: str, most: int) -> list[str]:
    """The codes that were shown and of which no payment is known, the latest first."""
    return list((await connection.execute(_UNTOLD, {"order": order, "most": most})).scalars())


async def missing_of(connection: AsyncConnection, order: Order) -> int:
    """Fen that have not come yet; what may not pay for the order does not count."""
    found = await receipts.of_order(connection, order.number)
    return order.price_fen - sum(one.left for one in found if one.standing in (Standing.SHORT, Standing.HELD))


def charge_from(row: Row[Any]) -> Charge:
    fields = dict(row._mapping)
    return Charge(**fields | {"way": PaymentWay(row.way), "state": ChargeState(row.state)})
