"""What is given out by the codes that set PINs: authorizations to unlock, and first PINs of new UKeys.

Both are encrypted to one assistant; at a desk to one that an administrator registered (assistants.py). The
codes lie with the authority's keys, and are opened in its process alone.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.store import channel_on
from certificates.issuing import issued, pins, requests
from certificates.issuing.assistants import is_registered
from certificates.issuing.requests import Request
from certificates.issuing.states import RequestKind, RequestState
from certificates.orders.order import Order
from certificates.orders.steps import Step
from office.marks import BoxUnreadable, Marks
from signing import SigningError
from signing.sm2 import PublicKey
from signing.token.codes import CodeBook, NoCode
from signing.token.port import Pin
from signing.unlocking import Authorization, FirstPin, first_pin_for, secret_for

log = structlog.get_logger(__name__)

NEXT: Final = "next"
"""Ends the name of the code that a UKey gets after its authorization was used (as for `luochui ukey`)."""


class NotAnswered(Exception):
    """The question is refused for good. `code` is a word for messages."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Authorizing:
    """`next_code`: a new authorization code, random."""

    def __init__(self, marks: Marks, codes: CodeBook, next_code: Callable[[], Pin]) -> None:
        self._marks = marks
        self._codes = codes
        self._next_code = next_code

    async def unlock(
        self, connection: AsyncConnection, order: Order, request: Request, now: datetime
    ) -> None:
        """The UKey's code, for one assistant; the code that replaces it is on disk before it is given out.

        Whether a former authorization was used, its answer has told (WRITTEN). One that nobody told of counts
        as not used: the same codes again. If it was used after all, the UKey refuses the code, and the desk
        settles it by hand (`luochui ukey unlock --used`). Raises NotAnswered.
        """
        try:
            assistant = PublicKey.from_pem(request.content)
            if Step.AUTHORIZATION_CODE not in order.steps:  # at a desk: no code of an SMS proves anything
                await _require_registered(connection, assistant)
            if await requests.was_unlocked(connection, request):
                self._settle(request.card)
            code = self._codes.get(request.card)
            following = self._following(request.card)
        except SigningError as error:
            raise NotAnswered("code") from error
        secret = secret_for(assistant, Authorization(request.card, code, following))
        await self._answer(connection, request, secret, now)
        log.info("authorized", request=request.id, order=request.number)

    async def first_pin(
        self, connection: AsyncConnection, order: Order, request: Request, now: datetime
    ) -> None:
        """The PIN of the UKey that gets the order's certificate, for the assistant that writes it.

        Drawn at the first question and the same at every other: whoever is interrupted goes on. A UKey whose
        code is not kept could never be unlocked either, and gets no certificate. Raises NotAnswered.
        """
        of_order = await requests.of_order(connection, request.number, RequestKind.CERTIFICATE)
        made = next((one for one in of_order if one.state is RequestState.ANSWERED), None)
        if made is None or made.card != request.card:
            raise NotAnswered("order")
        if await issued.in_ukey(connection, request.card, order.number):
            raise NotAnswered("card")  # somebody's: its PIN is theirs, and its code is not given out
        try:
            assistant = PublicKey.from_pem(request.content)
            await _require_registered(connection, assistant)
            code = self._codes.get(request.card)
        except SigningError as error:
            raise NotAnswered("code") from error
        stored = await channel_on(connection, order.catalogue_id)
        if stored is None:
            raise NotAnswered("catalogue")
        digits = pins.digits(stored.rules.pin_length)
        try:
            pin = await pins.drawn(connection, self._marks, made, digits, now)
        except (BoxUnreadable, ValueError) as gone:
            raise NotAnswered("box") from gone
        secret = first_pin_for(assistant, FirstPin(request.card, code, pin))
        await self._answer(connection, request, secret, now)
        log.info("pin_drawn", request=request.id, order=request.number)

    async def _answer(
        self, connection: AsyncConnection, request: Request, secret: bytes, now: datetime
    ) -> None:
        answer = self._marks.box(requests.purpose(request.id), secret)
        await requests.move(connection, request, RequestState.ANSWERED, now=now, answer=answer)

    def _settle(self, card: str) -> None:
        """The last authorization was used: the UKey has the next code. Done already: nothing happens."""
        try:
            self._codes.put(card, self._codes.get(f"{card}{NEXT}"))
        except NoCode:
            return
        self._codes.forget(f"{card}{NEXT}")

    def _following(self, card: str) -> Pin:
        try:
            return self._codes.get(f"{card}{NEXT}")
        except NoCode:
            made = self._next_code()
            self._codes.put(f"{card}{NEXT}", made)
            return made


async def _require_registered(connection: AsyncConnection, assistant: PublicKey) -> None:
    """Raises NotAnswered."""
    if not await is_registered(connection, assistant):
        raise NotAnswered("assistant")
