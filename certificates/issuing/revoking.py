"""Revocations: what approved orders ask for by themselves, and what the authority says.

asked     of an approved order to revoke, of a lost certificate; of what was made and is not used, and of
          what another certificate took the place of, elsewhere (requests.ask_revocation)
revoked   the row, and for a key that is trusted no longer every other certificate of it; the order is done
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.authority.port import AlreadyRevoked, Authorities, UnknownCertificate
from certificates.catalogue.scope import Service
from certificates.issuing import issued, requests
from certificates.issuing.authorizing import NotAnswered
from certificates.issuing.not_done import refuse
from certificates.issuing.questions import BY
from certificates.issuing.requests import Request
from certificates.issuing.states import RequestKind, RequestState
from certificates.orders.order import Order
from certificates.orders.order import locked as locked_order
from certificates.orders.performing import By, perform
from certificates.orders.states import OrderAct, OrderState
from signing.crl import Reason, Revocation

log = structlog.get_logger(__name__)

AT_ONCE: Final = 50
_ENDS_THE_KEY: Final = frozenset({Service.REPLACE, Service.REVOKE})
"""Of these services the key is trusted no longer; after a change or a conversion it goes on."""


@dataclass(frozen=True, slots=True)
class ToRevoke:
    """A certificate that the authority is to revoke."""

    authority: str
    serial: int
    reason: Reason


async def _begin(connection: AsyncConnection, number: str, now: datetime) -> None:
    order = await locked_order(connection, number)
    if order.state is not OrderState.APPROVED or not order.about_certificate:
        return
    serial = order.about_certificate
    if order.service != Service.REVOKE:
        await requests.ask_revocation(connection, number, serial, Reason.KEY_COMPROMISE, now)
        return
    await perform(connection, number, OrderAct.BEGIN_ISSUE, By.clock(), now=now)
    kind, why = RequestKind.REVOCATION, Reason.CESSATION
    await requests.ask(connection, kind, number, serial, serial=serial, reason=why, now=now)


class Revoking:
    def __init__(self, engine: AsyncEngine, authorities: Authorities) -> None:
        self._engine = engine
        self._authorities = authorities

    async def begin(self, now: datetime) -> None:
        """Of approved orders, without anybody's doing: a revocation, and a lost certificate, which does not
        wait for the clerk who writes the new one."""
        async with self._engine.connect() as connection:
            numbers = await requests.approved_ends(connection, AT_ONCE)
        for number in numbers:
            try:
                async with self._engine.begin() as connection:
                    await _begin(connection, number, now)
            except SQLAlchemyError:
                raise
            except Exception:  # one order keeps nobody else's waiting
                log.exception("revocation_not_begun", order=number)

    async def revoke(self, request: Request, wanted: ToRevoke, now: datetime) -> bool:
        """Whether it is answered. Raises AuthorityError: it is not done."""
        done: Revocation | None = None
        try:
            authority = self._authorities.that_issued(wanted.authority, wanted.serial)
            done = await asyncio.to_thread(authority.revoke, wanted.serial, wanted.reason, by=BY)
        except AlreadyRevoked as before:
            done = before.revocation
        except UnknownCertificate:
            log.warning("not_revoked", request=request.id, order=request.number, serial=request.serial)
        async with self._engine.begin() as connection:
            order = await locked_order(connection, request.number)
            held = await requests.held(connection, request.id)
            if held.state is not RequestState.ASKED:
                if done is not None:  # the order was given up meanwhile, and it is revoked all the same
                    await issued.revoke(connection, request.serial, str(done.reason), done.at)
                return False
            if done is None:
                await refuse(connection, held, "former", now)
                return True
            await _revoked(connection, order, held, done, now)
        return True


async def to_revoke(connection: AsyncConnection, order: Order, request: Request) -> ToRevoke:
    """The certificate: this applicant's, or one for the same key as theirs. Raises NotAnswered."""
    row = await issued.of_applicant(connection, order, request.serial)
    theirs = await issued.about(connection, order) if row is None else None
    if theirs is not None and request.serial in await issued.same_key(connection, theirs.serial, ""):
        row = await issued.by_serial(connection, request.serial)
    if row is None:
        raise NotAnswered("former")
    return ToRevoke(row.authority, int(row.serial, 16), Reason(request.reason))


async def _revoked(
    connection: AsyncConnection, order: Order, request: Request, done: Revocation, now: datetime
) -> None:
    await issued.revoke(connection, request.serial, str(done.reason), done.at)
    await requests.move(connection, request, RequestState.ANSWERED, now=now)
    log.info("revoked", order=order.number, serial=request.serial, reason=str(done.reason))
    row = await issued.by_serial(connection, request.serial)
    assert row is not None, "it was looked at before the authority was asked"
    if order.service in _ENDS_THE_KEY and row.number != order.number:
        await _revoke_same_key(connection, order, request, now)
    if order.service == Service.REVOKE and order.state is OrderState.ISSUING:
        changes = {"certificate": request.serial, "medium": row.medium, "crypto_card": row.crypto_card}
        await perform(connection, order.number, OrderAct.ISSUED, By.clock(), now=now, changes=changes)


async def _revoke_same_key(
    connection: AsyncConnection, order: Order, request: Request, now: datetime
) -> None:
    """A lost UKey, or one whose holder ends it, has every certificate for its key: what was renewed, too."""
    for serial in await issued.same_key(connection, request.serial, order.number):
        await requests.ask(
            connection,
            RequestKind.REVOCATION,
            order.number,
            serial,
            serial=serial,
            reason=request.reason,
            now=now,
        )
