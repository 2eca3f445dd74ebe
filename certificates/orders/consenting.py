"""Consent to an order by a one-time code to the telephone of who consents. By UKey: signing.py."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.orders.boxes import OrderBoxes
from certificates.orders.codes import CodePurpose, Codes, Letter, WrongCode
from certificates.orders.mine import Mine, act_on, telephone_of
from certificates.orders.order import Order, locked
from certificates.orders.performing import NotAllowed, Stale
from certificates.orders.states import OrderAct, OrderActor, OrderState
from office.marks import Marks


class Consenting:
    def __init__(self, engine: AsyncEngine, marks: Marks, platform: str) -> None:
        self._engine = engine
        self._boxes = OrderBoxes(marks)
        self._codes = Codes(marks)
        self._platform = platform

    async def send_code(self, mine: Mine, locale: str, *, now: datetime) -> None:
        """A code to who consents, to the order as it is now. Raises NotAllowed, Stale, TooSoon."""
        number = mine.order.number
        phone = telephone_of(mine.rules, mine.case, mine.details)
        async with self._engine.begin() as connection:
            order = await locked(connection, number)
            if order.version != mine.order.version:
                raise Stale(number)
            if order.state is not OrderState.AWAITING_CONSENT:
                raise NotAllowed(order.state, OrderAct.CONSENT, OrderActor.APPLICANT)
            letter = Letter(phone or None, self._boxes.address_mark(phone), self._platform, locale)
            await self._codes.send(
                connection, CodePurpose.CONSENT, number, letter, now, version=order.version
            )

    async def code_wait(self, order: Order, now: datetime) -> tuple[bool, int]:
        """Whether a code may be typed, and the seconds until another may be sent."""
        number, version = order.number, order.version
        async with self._engine.connect() as connection:
            ticket, wait = await self._codes.current(
                connection, CodePurpose.CONSENT, number, now, version=version
            )
        return bool(ticket), wait

    async def consent(self, mine: Mine, code: str, *, now: datetime, signed: bool = False) -> Order:
        """`signed`: the UKey has, before. Raises WrongCode (the try is counted), NotAllowed, Stale, Lacks."""
        number, purpose = mine.order.number, CodePurpose.CONSENT
        async with self._engine.connect() as connection:
            order = await locked(connection, number)
            if order.version != mine.order.version:
                raise Stale(number)
            if order.state is not OrderState.AWAITING_CONSENT:
                raise NotAllowed(order.state, OrderAct.CONSENT, OrderActor.APPLICANT)
            as_it_is = {"version": order.version}
            ticket, _wait = await self._codes.current(connection, purpose, number, now, **as_it_is)
            try:
                mark = await self._codes.prove(connection, purpose, number, ticket, code, now, **as_it_is)
            except WrongCode:
                await connection.commit()
                raise
            if mark != order.contact_mark:
                raise WrongCode
            facts = {"code": "right", **({"signed": "valid"} if signed else {})}
            done = await act_on(connection, mine, OrderAct.CONSENT, now, facts=facts)
            await connection.commit()
            return done
