"""Money taken at the counter by a clerk: the way is the catalogue's, the sum is the price."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue import paying
from certificates.catalogue.paying import PaymentRefusal
from certificates.catalogue.scope import PaymentWay, Way
from certificates.catalogue.store import channel_on
from certificates.orders.boxes import OrderBoxes
from certificates.orders.mine import case_of
from certificates.orders.order import Order, locked
from certificates.orders.performing import By, Lacks, NotAllowed, perform
from certificates.orders.states import OrderAct, OrderState
from certificates.orders.table import Need
from certificates.payments import invoices, paying_back, receipts, refunds
from certificates.payments.receipts import Came, Receipt
from certificates.payments.settling import settle
from certificates.payments.states import Standing
from office.marks import Marks


class NotWhole(Exception):
    """It is not the one money with which the order was paid, or a part of it goes back already."""


class NotTakenHere(Exception):
    """The channel does not take this way for this business."""

    def __init__(self, refusal: PaymentRefusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


async def take(
    connection: AsyncConnection,
    marks: Marks,
    number: str,
    way: PaymentWay,
    fen: int,
    *,
    reference: str,
    by: int,
    now: datetime,
) -> Order:
    """A clerk has the money; `reference`: the desk's own number for it, used once. In the caller's
    transaction.

    Only for an order that is done at the counter, as every walk-in's is: one that is done elsewhere is paid
    where its channel says, and no book of the counter knows of it.
    Cash is a receipt of ON_THE_SPOT. Scanned at the counter with the desk's own device it is one of the
    counter,
    too: only what the provider notifies for a code of ours is the provider's.
    Raises UnknownOrder, NotAllowed, Lacks (another sum), NotTakenHere, receipts.Conflict.
    """
    order = await locked(connection, number)
    stored = await channel_on(connection, order.catalogue_id)
    assert stored is not None, number
    case = case_of(order, await OrderBoxes(marks).details(connection, number))
    refusal = paying.refusal(stored.rules, case, way)
    if refusal is not None or way is PaymentWay.TRANSFER or order.way != Way.COUNTER:
        raise NotTakenHere(refusal or PaymentRefusal.WAY_NOT_TAKEN)
    if order.state is not OrderState.AWAITING_PAYMENT:
        raise NotAllowed(order.state, OrderAct.PAID, By.clerk(by).actor)
    if fen != order.price_fen:
        raise Lacks(Need.AMOUNT)
    came = Came(
        source=PaymentWay.ON_THE_SPOT,
        reference=reference,
        fen=fen,
        paid_at=now,
        order_number=number,
        remark="" if way is PaymentWay.ON_THE_SPOT else str(way),
    )
    await receipts.take(connection, came, now)
    return await settle(connection, marks, number, now, by=By.clerk(by))


async def undo(
    connection: AsyncConnection, marks: Marks, number: str, fen: int, reason: str, *, by: int, now: datetime
) -> Order:
    """What a clerk took by mistake has left the drawer again: receipt and invoice are void, the order waits
    for its payment. In the caller's transaction, under the order's lock.

    What is given back is a refund like any other, paid in the same moment.
    Raises NotAllowed, Lacks, NotWhole.
    """
    counted = [one for one in await receipts.of_order(connection, number, lock=True) if _counts_here(one)]
    if len(counted) != 1 or counted[0].returned or counted[0].fen != fen:
        raise NotWhole(number)
    facts, changes = {"fen": fen}, {"invoice": ""}
    await perform(
        connection,
        number,
        OrderAct.REVERSE_PAYMENT,
        By.clerk(by),
        now=now,
        reason=reason,
        facts=facts,
        changes=changes,
    )
    await invoices.void(connection, number, now)
    refund = await refunds.plan(connection, counted[0], fen, reason.strip(), now, by=by)
    await paying_back.given_at_counter(connection, refund, now)
    await receipts.stand(connection, {counted[0].id: Standing.VOID}, now)
    await receipts.reopen(connection, number, now)
    return await settle(connection, marks, number, now)


def _counts_here(one: Receipt) -> bool:
    return one.source is PaymentWay.ON_THE_SPOT and one.standing is Standing.COUNTED
