"""What was asked of the authority for an order that does not go on: given up, and what was made is revoked.

    await give_up(connection, order, now)                      # the caller holds the order's row
    await stop(engine, number, by, reason, version=version, now=now)      # the desk's, → in review

An order to unlock or to revoke is carried out by nobody at the desk, so nothing else ends it once it has
begun: the authority refuses, or the UKey takes no more codes.
"""

from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue.scope import Service
from certificates.issuing import pins, requests
from certificates.issuing.requests import Request
from certificates.issuing.states import OPEN, RequestKind, RequestState
from certificates.orders.order import Order, locked
from certificates.orders.performing import By, NotAllowed, perform
from certificates.orders.states import OrderAct, OrderState
from signing.crl import Reason

_ASKED_FOR: Final = {
    Service.UNLOCK: RequestKind.AUTHORIZATION,
    Service.REVOKE: RequestKind.REVOCATION,
}
"""What is asked for the order itself; for every other one a certificate. What a replacement revokes besides
goes on."""


async def give_up(connection: AsyncConnection, order: Order, now: datetime) -> None:
    """The caller holds the order's row."""
    kind = _ASKED_FOR.get(Service(order.service), RequestKind.CERTIFICATE)
    for one in await requests.of_order(connection, order.number, kind):
        await abandon(connection, one, now)


async def abandon(connection: AsyncConnection, request: Request, now: datetime) -> None:
    """If it is open still. The caller holds the order's row."""
    if request.state not in OPEN:
        return
    held = await requests.held(connection, request.id)
    if held.state in OPEN:
        await end(connection, held, Reason.CESSATION, now)


async def end(connection: AsyncConnection, held: Request, why: Reason, now: datetime) -> None:
    """Whatever its state; a certificate that was made is revoked."""
    await requests.move(connection, held, RequestState.ABANDONED, now=now)
    if held.kind is not RequestKind.CERTIFICATE:
        return
    await pins.empty(connection, held.id, now)
    await requests.end_first_pins(connection, held.number, RequestState.ABANDONED, now)
    if held.serial:
        await requests.ask_revocation(connection, held.number, held.serial, why, now)


async def may_stop(connection: AsyncConnection, order: Order, now: datetime) -> bool:
    """Whether the desk may end what was begun: an unlocking at any time, a revocation that the authority has
    refused, or not done for long."""
    if order.state is not OrderState.ISSUING or Service(order.service) not in _ASKED_FOR:
        return False
    if order.service == Service.UNLOCK:
        return True
    asked = await requests.of_order(connection, order.number, RequestKind.REVOCATION, 1)
    return not asked or asked[0].state is RequestState.REFUSED or asked[0].is_stuck(now)


async def stop(
    engine: AsyncEngine, number: str, by: By, reason: str, *, version: int | None = None, now: datetime
) -> Order:
    """Back to the review, where it is approved once more or refused.

    Raises NotAllowed, Lacks, Stale, UnknownOrder.
    """
    async with engine.begin() as connection:
        order = await locked(connection, number)
        if not await may_stop(connection, order, now):
            raise NotAllowed(order.state, OrderAct.FAIL_ISSUE, by.actor)
        await perform(connection, number, OrderAct.FAIL_ISSUE, by, now=now, reason=reason, version=version)
        await give_up(connection, order, now)
        return await perform(connection, number, OrderAct.REVERSE, by, now=now, reason=reason)
