"""Unlocking a UKey: an order that was approved releases its authorization, once, to one assistant.

    code      by SMS, for this order and this UKey: LIVES, TRIES (codes.py); at the desk the review is enough
    released  the authority encrypts what sets a PIN to the assistant that asks (issuing/authorizing.py);
              nobody else can open it, the web neither, and the new PIN is typed into the assistant alone
    done      the assistant says that the PIN is set, and whether the UKey's code was replaced

A release that nothing was heard of is given up for the next one, MOST_RELEASES times: a UKey takes few codes.
Source: spec/certificates.md, "The other services", unlock; seed 002, 3.1. The bounds are ours.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue.scope import Service
from certificates.issuing import issued, requests
from certificates.issuing.assistants import is_registered
from certificates.issuing.issued import Issued
from certificates.issuing.requests import Request
from certificates.issuing.states import OPEN, RequestKind, RequestState
from certificates.orders import about
from certificates.orders.boxes import OrderBoxes
from certificates.orders.codes import CodePurpose, Codes, Letter, WrongCode
from certificates.orders.mine import Mine, contact_of
from certificates.orders.order import Order, locked, read
from certificates.orders.performing import By, perform
from certificates.orders.states import OrderAct, OrderState
from office.marks import Marks
from signing.sm2 import PublicKey
from signing.sm3 import sm3

MOST_RELEASES: Final = 4
"""Of one order: a UKey locks its own code after five wrong ones."""
UNLOCKABLE: Final = frozenset({OrderState.APPROVED, OrderState.ISSUING})


class NotUnlocked(Exception):
    """The order releases nothing now. `code` is a word for messages."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Released:
    """What the authority answered: for one UKey and one assistant."""

    request: Request
    secret: bytes = field(repr=False)


class Unlocking:
    def __init__(self, engine: AsyncEngine, marks: Marks, platform: str) -> None:
        self._engine = engine
        self._marks = marks
        self._platform = platform
        self._boxes = OrderBoxes(marks)
        self._codes = Codes(marks)

    async def certificate(self, number: str) -> Issued:
        """Of the UKey that is to be unlocked. Raises NotUnlocked, UnknownOrder."""
        async with self._engine.connect() as connection:
            return await self._certificate(connection, await read(connection, number))

    async def _certificate(self, connection: AsyncConnection, order: Order) -> Issued:
        if order.service != Service.UNLOCK:
            raise NotUnlocked("service")
        row = await issued.about(connection, order)
        if row is None or not row.crypto_card:
            raise NotUnlocked("former")
        return row

    async def _standing(self, connection: AsyncConnection, order: Order, now: datetime) -> Issued:
        """As it is now: a UKey whose certificate was revoked or renewed since gets nothing by this order.
        Raises NotUnlocked."""
        row = await self._certificate(connection, order)
        if (await about.still(connection, order, now)).hindrance is not None:
            raise NotUnlocked("former.ended")
        return row

    # ── the code ──

    async def send_code(self, mine: Mine, locale: str, *, now: datetime) -> str:
        """The authorization code, to the order's telephone, which is returned.

        Raises NotUnlocked, TooSoon.
        """
        phone = contact_of(mine)[1]
        if not phone:
            raise NotUnlocked("telephone")
        async with self._engine.begin() as connection:
            order = await self._open(connection, mine.order.number)
            row = await self._standing(connection, order, now)
            letter = Letter(phone, order.contact_mark, self._platform, locale)
            await self._codes.send(connection, CodePurpose.UNLOCK, _bound(order, row), letter, now)
        return phone

    async def code_wait(self, number: str, now: datetime) -> tuple[bool, int]:
        """Whether a code may be typed, and the seconds until another may be sent. Raises NotUnlocked."""
        async with self._engine.connect() as connection:
            order = await read(connection, number)
            bound = _bound(order, await self._certificate(connection, order))
            ticket, wait = await self._codes.current(connection, CodePurpose.UNLOCK, bound, now)
        return bool(ticket), wait

    # ── the release ──

    async def release(
        self, number: str, by: By, assistant: PublicKey, code: str | None, *, now: datetime
    ) -> Request:
        """Ask the authority for the authorization, for this assistant. `code`: None at the desk.

        Raises NotUnlocked, WrongCode (the try is counted), NotAllowed, Lacks.
        """
        async with self._engine.connect() as connection:
            order = await self._open(connection, number)
            row = await self._standing(connection, order, now)
            if code is not None:
                await self._prove(connection, order, row, code, now)
            elif by.actor != "clerk":
                raise WrongCode
            elif not await is_registered(connection, assistant):  # told at once; the authority decides
                raise NotUnlocked("refused.assistant")
            if order.state is OrderState.APPROVED:
                await perform(connection, number, OrderAct.BEGIN_ISSUE, by, now=now)
            made = await self._ask(connection, number, row, assistant, now)
            await connection.commit()
            return made

    async def _prove(
        self, connection: AsyncConnection, order: Order, row: Issued, code: str, now: datetime
    ) -> None:
        bound = _bound(order, row)
        ticket, _wait = await self._codes.current(connection, CodePurpose.UNLOCK, bound, now)
        try:
            mark = await self._codes.prove(connection, CodePurpose.UNLOCK, bound, ticket, code, now)
        except WrongCode:
            await connection.commit()
            raise
        if mark != order.contact_mark:
            raise WrongCode

    async def _ask(
        self, connection: AsyncConnection, number: str, row: Issued, assistant: PublicKey, now: datetime
    ) -> Request:
        known = await requests.of_order(connection, number, RequestKind.AUTHORIZATION)
        if len(known) >= MOST_RELEASES:
            raise NotUnlocked("too_many")
        for one in known:
            if one.state in OPEN:
                held = await requests.held(connection, one.id)
                await requests.move(connection, held, RequestState.ABANDONED, now=now)
        return await requests.ask(
            connection,
            RequestKind.AUTHORIZATION,
            number,
            sm3(assistant.spki).hex(),
            content=assistant.to_pem(),
            card=row.crypto_card,
            serial=row.serial,
            now=now,
        )

    async def released(self, number: str) -> Released | None:
        """The authority's answer; None: not yet. Raises NotUnlocked with its refusal."""
        async with self._engine.connect() as connection:
            known = await requests.of_order(connection, number, RequestKind.AUTHORIZATION)
        request = known[0] if known else None
        if request is None or request.state is RequestState.ASKED:
            return None
        if request.state is RequestState.REFUSED:
            raise NotUnlocked(f"refused.{request.refusal}")
        if request.state is not RequestState.ANSWERED:
            raise NotUnlocked("state")
        return Released(request, request.unboxed(self._marks))

    async def done(self, number: str, request_id: int, by: By, *, replaced: bool, now: datetime) -> Order:
        """The UKey has a new PIN. `replaced`: and another code, which is the one to be used next time.

        Said again: nothing happens. Raises NotUnlocked, UnknownOrder.
        """
        async with self._engine.begin() as connection:
            order = await locked(connection, number)
            request = await requests.held(connection, request_id)
            if request.number != number or request.kind is not RequestKind.AUTHORIZATION:
                raise NotUnlocked("state")
            if order.state is not OrderState.ISSUING:
                return order
            row = await self._certificate(connection, order)
            if request.state is RequestState.ANSWERED:
                own = request.card == row.crypto_card and await issued.alone_in_ukey(connection, row)
                to = RequestState.WRITTEN if replaced and own else RequestState.ABANDONED
                await requests.move(connection, request, to, now=now)
            changes = {"certificate": row.serial, "medium": row.medium, "crypto_card": row.crypto_card}
            facts = {"card": row.crypto_card, "replaced": replaced}
            who = By.clock() if by.actor == "applicant" else by
            return await perform(
                connection, number, OrderAct.ISSUED, who, now=now, facts=facts, changes=changes
            )

    async def _open(self, connection: AsyncConnection, number: str) -> Order:
        """The row, held. Raises NotUnlocked, UnknownOrder."""
        order = await locked(connection, number)
        if order.service != Service.UNLOCK:
            raise NotUnlocked("service")
        if order.state not in UNLOCKABLE:
            raise NotUnlocked("state")
        return order


def _bound(order: Order, row: Issued) -> str:
    """A code for one order and one UKey is worth nothing for another."""
    return f"{order.number} {row.crypto_card}"
