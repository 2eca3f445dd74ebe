"""Payment providers (Alipay, WeChat) as this platform uses them: what any adapter has to do.

    shown = await provider.open(Charged("ZF…", PaymentWay.ALIPAY, 35_000, "…", closes_at))
    said = await provider.asked("ZF…")                       # when a notification may have been lost
    await provider.refund(Refunding("TF…", "ZF…", 35_000), now)   # the same number twice is one refund
    file = await provider.daily(PaymentWay.ALIPAY, day)      # for the reconciliation

Every call may fail with ProviderAway; then nothing is known about what it did, and the same call with the
same number is made again. What the provider notifies comes to notices.py.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from certificates.catalogue.scope import PaymentWay


class ProviderAway(Exception):
    """It did not answer, or in a way that says nothing."""


class ProviderRefused(Exception):
    """It answered, and will not do it: repeating is of no use. The text is for finance."""


@dataclass(frozen=True, slots=True)
class Charged:
    """What is asked of a payer. Money in fen; `subject`: what stands on the telephone, nothing personal."""

    number: str
    way: PaymentWay
    fen: int
    subject: str
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """`address`: what the code to scan says. `code`: to be typed where nothing can be scanned."""

    address: str
    code: str


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment, as the provider tells it. `trade`: its own number for it, which comes once."""

    way: PaymentWay
    trade: str
    charge: str
    fen: int
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class Refunding:
    number: str
    charge: str
    fen: int


@dataclass(frozen=True, slots=True)
class RefundAnswer:
    """`left_at`: when the money left, by the provider's clock, now or before under this number; None: it
    will, and who asks again under the same number is told when it has."""

    left_at: datetime | None


class PaymentProvider(Protocol):
    async def open(self, charged: Charged) -> Shown:
        """A code for this number; asked again, the same code. Raises ProviderAway."""

    async def close(self, charge: str) -> None:
        """It can't be paid any more, unless it was. Raises ProviderAway."""

    async def asked(self, charge: str) -> Paid | None:
        """Whether it was paid. Raises ProviderAway."""

    async def refund(self, refunding: Refunding, now: datetime) -> RefundAnswer:
        """Once for a number, however often it is asked for. Raises ProviderAway, ProviderRefused."""

    async def daily(self, way: PaymentWay, day: date) -> bytes:
        """All that it did on a day of Beijing, as a file (reconciling.py). Raises ProviderAway."""


class NoProvider:
    """An installation without a provider: nothing can be scanned here."""

    async def open(self, charged: Charged) -> Shown:
        raise ProviderAway(charged.way)

    async def close(self, charge: str) -> None:
        raise ProviderAway(charge)

    async def asked(self, charge: str) -> Paid | None:
        raise ProviderAway(charge)

    async def refund(self, refunding: Refunding, now: datetime) -> RefundAnswer:
        raise ProviderAway(refunding.number)

    async def daily(self, way: PaymentWay, day: date) -> bytes:
        raise ProviderAway(way)
