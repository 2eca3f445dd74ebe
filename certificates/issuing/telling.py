"""Tells first PINs to their holders: a round of the steward, and the holder's own wish to hear it again.

An SMS is handed to the delivery in the transaction that counts it. A transfer is sent before it is counted,
under a key that makes a repetition the same transfer: killed in between, it is asked for again and goes once.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue.handling import PinWay
from certificates.catalogue.scope import Person
from certificates.catalogue.store import channel_on
from certificates.issuing import pins
from certificates.issuing.pins import FirstPin, PinFault
from certificates.issuing.remarks import BankAway, Remarks
from certificates.orders.boxes import OrderBoxes
from certificates.orders.codes import Letter, post
from certificates.orders.mine import Mine, contact_of
from certificates.orders.order import Order, locked, read
from certificates.orders.performing import By
from office.marks import BoxUnreadable, Marks

log = structlog.get_logger(__name__)

KIND: Final = "certificate.pin"
RESTS: Final = timedelta(minutes=1)
"""Between two tries of a PIN that could not be told."""
PHONES: Final[Mapping[str, str]] = {
    Person.OPERATOR: "operator_phone",
    Person.APPLICANT: "applicant_phone",
    Person.LEGAL_REPRESENTATIVE: "representative_phone",
}
ACCOUNT: Final = "account_number"


class NotAgain(Exception):
    """It was told often enough, just now, or too long ago."""


class NotTold(Exception):
    """The bank did not answer, or the order names nobody to tell."""


class Telling:
    """`platform`: how letters name the sender."""

    def __init__(self, engine: AsyncEngine, marks: Marks, remarks: Remarks, platform: str) -> None:
        self._engine = engine
        self._marks = marks
        self._boxes = OrderBoxes(marks)
        self._remarks = remarks
        self._platform = platform
        self._rests: dict[int, datetime] = {}

    async def round(self, now: datetime) -> int:
        """Tell what is due, empty what was told; how many of both."""
        told, after = 0, 0
        while True:
            async with self._engine.connect() as connection:
                waiting = await pins.waiting(connection, after)
            for request_id, number in waiting:
                told += await self._due(request_id, number, now)
            if len(waiting) < pins.AT_ONCE:
                break
            after = waiting[-1][0]
        async with self._engine.begin() as connection:
            return told + await pins.empty_old(connection, now)

    async def _due(self, request_id: int, number: str, now: datetime) -> bool:
        if self._rests.get(request_id, now) > now:
            return False
        async with self._engine.begin() as connection:
            order = await read(connection, number)
            row = await pins.held(connection, request_id) if pins.is_due(order) else None
            if row is None or row.sends or row.box is None:
                return False
            told = await self._tell(connection, order, row, now)
        self._rests.pop(request_id, None)
        if not told:
            self._rests[request_id] = now + RESTS
        return told

    async def again(self, number: str, now: datetime) -> None:
        """Its holder did not get it. The caller has made sure whose order it is. Raises NotAgain, NotTold."""
        async with self._engine.begin() as connection:
            order = await locked(connection, number)
            known = (await pins.of_orders(connection, [number])).get(number)
            row = None if known is None else await pins.held(connection, known.request_id)
            if row is None or not pins.may_repeat(row, now):
                raise NotAgain(number)
            if not await self._tell(connection, order, row, now):
                raise NotTold(number)

    async def _tell(self, connection: AsyncConnection, order: Order, row: FirstPin, now: datetime) -> bool:
        fault = await self._told(connection, order, row, now)
        if fault is None:
            await pins.sent(connection, row.request_id, now)
            log.info("pin_told", order=order.number, way=order.pin_way, sends=row.sends + 1)
        elif row.fault != fault:
            await pins.not_sent(connection, row.request_id, fault)
            log.error("pin_not_told", order=order.number, way=order.pin_way, why=str(fault))
        return fault is None

    async def _told(
        self, connection: AsyncConnection, order: Order, row: FirstPin, now: datetime
    ) -> PinFault | None:
        by, _, to = order.pin_way.partition(":")
        try:
            pin = row.opened(self._marks)
            details = await self._boxes.details(connection, order.number)
        except BoxUnreadable:
            return PinFault.BOX
        if by == PinWay.TRANSFER_REMARK:
            return await self._by_remark(details, row, pin.reveal(), now)
        phone = details.get(PHONES.get(to, ""), "") or await self._contact(connection, order, details)
        if not phone:
            return PinFault.NO_ADDRESS
        letter = Letter(phone, order.contact_mark, self._platform, "")
        await post(connection, self._marks, letter, content(order.number, pin.reveal()), now, kind=KIND)
        return None

    async def _by_remark(
        self, details: Mapping[str, str], row: FirstPin, pin: str, now: datetime
    ) -> PinFault | None:
        account = details.get(ACCOUNT, "")
        if not account:
            return PinFault.NO_ADDRESS
        try:
            await self._remarks.send(account, pin, f"pin-{row.request_id}-{row.sends + 1}", now)
        except BankAway:
            return PinFault.BANK_AWAY
        return None

    async def _contact(self, connection: AsyncConnection, order: Order, details: Mapping[str, str]) -> str:
        """Who consented to the order, where the catalogue's person has no telephone in it."""
        stored = await channel_on(connection, order.catalogue_id)
        if stored is None:
            return ""
        return contact_of(Mine(order=order, rules=stored.rules, details=dict(details), by=By.clock()))[1]


def content(number: str, pin: str) -> str:
    """Chinese alone: it goes to telephones in China. It names the order, and nobody."""
    return (
        f"您的数字证书（订单 {number}）初始密码：{pin}。首次使用时请在 UKey 助手里修改。"
        "请勿告诉任何人，工作人员也不会向您索要。"
    )
