"""检查印章: a seal is held against the standard, and what was found is kept with the order.

Only a seal that its maker made otherwise than the standard says is converted; what follows it is fine, and
stays, and what somebody else made of it is no reason for a new one.
Source: spec/certificates.md, "Channels, services, ways", xiangxi; seed 004.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.catalogue.model import Conversion, Step
from certificates.catalogue.scope import first
from certificates.issuing import issued
from certificates.orders.mine import Mine
from certificates.orders.orders import Orders
from certificates.seal_standard import Deviation, belongs, is_convertible, judge, seal_in
from office.marks import Marks
from office.working_days import day_of
from signing.sm3 import sm3

_KEEP: Final = text(
    "INSERT INTO seal_checks (number, serial, digest, found, made_at)"
    " VALUES (:number, :serial, :digest, :found, :now)"
)
_LAST: Final = text(
    "SELECT found FROM seal_checks WHERE number = :number AND serial = :serial ORDER BY id DESC LIMIT 1"
)


class NoCertificate(Exception):
    """The order has no certificate yet whose seal could be meant."""


class OtherSeal(Exception):
    """The seal was made for another certificate than the chosen one."""


class NotProven(Exception):
    """It differs from the standard, but not as its maker signed it: damaged, changed, or of another maker."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found. Nothing: the seal follows the standard, and is not converted."""

    deviations: tuple[Deviation, ...]

    @property
    def is_fine(self) -> bool:
        return not self.deviations


@dataclass(frozen=True, slots=True)
class CutOff:
    """From which day such seals are refused, and whether it is that day already."""

    day: date
    passed: bool


def cut_off(mine: Mine, now: datetime) -> CutOff | None:
    """As the channel has it; None: no day is set."""
    rule: Conversion | None = first(mine.rules.conversions, mine.case)
    if rule is None or rule.cut_off is None:
        return None
    return CutOff(rule.cut_off, day_of(now) >= rule.cut_off)


class SealChecking:
    def __init__(self, engine: AsyncEngine, marks: Marks, orders: Orders) -> None:
        self._engine = engine
        self._marks = marks
        self._orders = orders

    async def last(self, mine: Mine) -> Checked | None:
        """What was found the last time, of the seal of the chosen certificate."""
        async with self._engine.connect() as connection:
            values = {"number": mine.order.number, "serial": mine.order.about_certificate}
            row: Sequence[str] | None = await connection.scalar(_LAST, values)
        return None if row is None else Checked(tuple(Deviation(one) for one in row))

    async def check(self, mine: Mine, uploaded: bytes, *, now: datetime) -> Checked:
        """Judge the seal, keep what was found; the step is done when there is something to convert.

        Raises NotASeal, OtherSeal, NotProven, NoCertificate, NotAllowed, Stale.
        """
        async with self._engine.connect() as connection:
            row = await issued.by_serial(connection, mine.order.about_certificate)
        if row is None:
            raise NoCertificate(mine.order.number)
        der = await asyncio.to_thread(seal_in, uploaded)
        bundle = row.bundle(self._marks)
        if not belongs(der, bundle.certificate):
            raise OtherSeal(row.serial)
        found = Checked(await asyncio.to_thread(judge, der, bundle.certificate))
        if not found.is_fine and not is_convertible(der, found.deviations, bundle.chain):
            raise NotProven(row.serial)
        values = {"number": mine.order.number, "serial": row.serial, "digest": sm3(der).hex(), "now": now}
        async with self._engine.begin() as connection:
            await connection.execute(_KEEP, values | {"found": [str(one) for one in found.deviations]})
        if not found.is_fine:
            await self._orders.save(mine, Step.SEAL_CHECK, {}, now=now)
        elif Step.SEAL_CHECK in mine.order.done:  # another seal was looked at before
            again = frozenset({Step.SEAL_CHECK})
            await self._orders.save(mine, Step.HELD_UKEY, {}, now=now, again=again)
        return found
