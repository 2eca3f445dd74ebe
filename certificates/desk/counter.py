"""The counter: an order is paid on the spot, originals are checked item by item, the UKey is handed over
against a signature; or a parcel goes off. How it is begun there: walk_ins.py.

Every method is one transaction; states are changed by orders.performing alone.
Source: spec/certificates.md, "Material", "Payment", "Times": counter, the same day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue.model import Material
from certificates.catalogue.paying import PaymentRefusal
from certificates.catalogue.scope import Case, Circumstance, PaymentWay, Way
from certificates.desk import drawer, stock
from certificates.desk import verdicts as kept
from certificates.desk.reviewing import Decision, Undecided, consistent
from certificates.desk.stock import ASSIGNABLE, BlankUKey, StockAct, StockFault, StockRefused
from certificates.desk.verdicts import Verdict
from certificates.desk.walk_ins import typed_by as typed_by  # where it is looked for
from certificates.orders.mine import Mine
from certificates.orders.needs import LONGEST_REASON
from certificates.orders.order import Order, locked
from certificates.orders.performing import By, Lacks, NotAllowed, Stale, perform
from certificates.orders.states import OrderAct, OrderActor, OrderState
from certificates.orders.table import Need
from certificates.payments import counter as tills
from certificates.payments import receipts
from certificates.payments.settling import settle
from office.accounts import Role
from office.audit import trail
from office.marks import Marks

LONGEST_COURIER: Final = 40
LONGEST_TRACKING: Final = 40


def case_at_counter(mine: Mine) -> Case:
    """The business with what is known there: whether the money came beforehand, or is paid there."""
    order, found = mine.order, set[Circumstance]()
    if order.payment_way == PaymentWay.TRANSFER and order.paid_fen:
        found.add(Circumstance.PREPAID)
    elif order.payment_way != PaymentWay.TRANSFER:
        found.add(Circumstance.PAID_THERE)
    return replace(mine.case, circumstances=mine.case.circumstances | found)


def brought(mine: Mine) -> Sequence[tuple[str, Material]]:
    """What is brought or sent: items to check, one for each document, in the channel's order."""
    found: dict[str, Material] = {}
    for one in mine.rules.materials_for(case_at_counter(mine)):
        found.setdefault(f"{kept.ORIGINAL}:{one.document}", one)
    return list(found.items())


def ways_to_pay(mine: Mine) -> tuple[PaymentWay, ...]:
    """What the counter can take for an order that is done there: everything of the channel but transfers,
    which the bank tells. For any other order nothing (payments/counter.py)."""
    if mine.order.way != Way.COUNTER:
        return ()
    rows = mine.rules.payments
    ways = dict.fromkeys(row.by for row in rows if row.covers(replace(mine.case, paid_by=None)))
    return tuple(way for way in ways if way is not PaymentWay.TRANSFER)


class Counter:
    def __init__(self, engine: AsyncEngine, marks: Marks) -> None:
        self._engine = engine
        self._marks = marks

    async def take_money(
        self, number: str, clerk: int, way: PaymentWay, fen: int, *, version: int, now: datetime
    ) -> Order:
        """Money is on the table: the whole price, in a way that the channel takes there.

        Raises UnknownOrder, NotAllowed, Lacks(AMOUNT), Stale, DrawerClosed, payments.counter.NotTakenHere.
        """
        async with self._engine.begin() as connection:
            await _as_shown(connection, number, version)
            taking = await drawer.put_in(connection, clerk, number, way, fen, now=now)
            reference = f"counter {number} {taking}"
            done = await tills.take(
                connection, self._marks, number, way, fen, reference=reference, by=clerk, now=now
            )
            if not done.paid_fen:
                raise tills.NotTakenHere(PaymentRefusal.WAY_NOT_TAKEN)
            return done

    async def give_back(self, number: str, clerk: int, reason: str, *, version: int, now: datetime) -> Order:
        """Money was taken by mistake and is given back: the order waits for its payment again.

        Raises UnknownOrder, NotAllowed, Lacks(REASON, FREE), Stale, DrawerClosed, NotInDrawer,
        payments.counter.NotWhole.
        """
        reason = reason.strip()[:LONGEST_REASON]
        if not reason:
            raise Lacks(Need.REASON)
        async with self._engine.begin() as connection:
            await _as_shown(connection, number, version)
            taken = await drawer.give_back(connection, clerk, number, reason, now=now)
            return await tills.undo(connection, self._marks, number, taken.fen, reason, by=clerk, now=now)

    async def taken_today(self, number: str, clerk: int, *, now: datetime) -> drawer.Taking | None:
        """What this clerk could give back."""
        async with self._engine.connect() as connection:
            return await drawer.taken_today(connection, clerk, number, now=now)

    async def receive(
        self,
        mine: Mine,
        clerk: int,
        verdicts: Sequence[Verdict],
        decision: Decision,
        named: Mapping[str, str],
        *,
        now: datetime,
    ) -> Order:
        """Paper came: every item was checked (APPROVE: to the review), or something is wrong (RETURN).

        Raises Undecided (what was said of single items is kept), NotAllowed, Lacks, Stale.
        """
        order, expected = mine.order, {item for item, _material in brought(mine)}
        refused = [one for one in verdicts if one.refused]
        seen = {one.item for one in verdicts} & expected
        if not consistent(decision, refused, expected - seen):
            await self._keep(order, clerk, verdicts, now)
            raise Undecided(decision)
        reason = "；".join(f"{named[one.item]}：{one.reason}" for one in refused)
        act = OrderAct.RECEIVE_PAPER if decision is Decision.APPROVE else OrderAct.RETURN
        async with self._engine.begin() as connection:
            await _free_for(connection, order.number, clerk, now)
            done = await perform(
                connection,
                order.number,
                act,
                By.clerk(clerk),
                now=now,
                reason=reason,
                facts={"items": len(seen)},
                version=order.version,
            )
            await kept.keep(connection, order.number, verdicts, by=clerk, now=now)
            return done

    async def _keep(self, order: Order, clerk: int, verdicts: Sequence[Verdict], now: datetime) -> None:
        async with self._engine.begin() as connection:
            await _free_for(connection, order.number, clerk, now)
            await _as_shown(connection, order.number, order.version)
            await kept.keep(connection, order.number, verdicts, by=clerk, now=now)

    async def assign(self, number: str, clerk: int, serial: str, *, now: datetime) -> BlankUKey:
        """A blank UKey lies with the order from now on. Raises StockRefused, UnknownOrder."""
        async with self._engine.begin() as connection:
            order = await locked(connection, number)
            if order.state not in ASSIGNABLE or not stock.needs_one(order):
                raise StockRefused(StockFault.NOT_NOW, serial)
            return await stock.move(connection, serial, StockAct.ASSIGN, clerk, now=now, number=number)

    async def release(self, number: str, clerk: int, reason: str, *, now: datetime) -> None:
        """The order's UKey goes back to the stock, or with a reason it is broken. Raises StockRefused."""
        async with self._engine.begin() as connection:
            order = await locked(connection, number)
            found = await stock.of_order(connection, number)
            if found is None or order.state not in ASSIGNABLE:
                raise StockRefused(StockFault.NOT_NOW, found.serial if found else "")
            act = StockAct.DEFECT if reason.strip() else StockAct.RELEASE
            await stock.move(connection, found.serial, act, clerk, now=now, reason=reason)

    async def ship(
        self, number: str, clerk: int, courier: str, tracking: str, *, version: int, now: datetime
    ) -> Order:
        """The parcel is with the courier, the UKey out of the house.

        Raises Lacks(TRACKING), StockRefused, NotAllowed, Stale.
        """
        courier, tracking = courier.strip(), tracking.strip()
        if len(courier) > LONGEST_COURIER or len(tracking) > LONGEST_TRACKING:
            raise Lacks(Need.TRACKING)
        facts = {"courier": courier, "tracking": tracking}
        async with self._engine.begin() as connection:
            done = await perform(
                connection, number, OrderAct.SHIP, By.clerk(clerk), now=now, facts=facts, version=version
            )
            await stock.give_out(connection, done, clerk, now=now)
            return done

    async def look_at_address(self, number: str, clerk: int, *, now: datetime) -> None:
        """To whom and where a parcel goes is shown in full, while it waits to be sent. Raises UnknownOrder,
        NotAllowed."""
        async with self._engine.begin() as connection:
            order = await locked(connection, number)
            if order.state is not OrderState.AWAITING_DELIVERY:
                raise NotAllowed(order.state, OrderAct.SHIP, OrderActor.CLERK)
            actor, role = trail.account(clerk), Role.CLERK.value
            await trail.look(connection, at=now, actor=actor, role=role, what="order_address", subject=number)

    async def look_at_persons(self, number: str, clerk: int, *, now: datetime) -> None:
        """Names and numbers are shown in full beside the papers to compare them with. Raises UnknownOrder,
        NotAllowed, Lacks(FREE): another clerk works on it."""
        async with self._engine.begin() as connection:
            await _free_for(connection, number, clerk, now)
            actor, role = trail.account(clerk), Role.CLERK.value
            await trail.look(connection, at=now, actor=actor, role=role, what="order_persons", subject=number)

    async def arrived(self, number: str, clerk: int, *, version: int, now: datetime) -> Order:
        """The courier says that the parcel came. Raises NotAllowed, Stale."""
        async with self._engine.begin() as connection:
            return await perform(
                connection, number, OrderAct.RECEIVE, By.clerk(clerk), now=now, version=version
            )

    async def hand_over(
        self, number: str, clerk: int, *, version: int, now: datetime, reason: str = ""
    ) -> Order:
        """The subscriber has it, and has signed the sheet. `reason`: why it comes to nobody by courier.

        Raises StockRefused, NotAllowed, Lacks(REASON), Stale.
        """
        async with self._engine.begin() as connection:
            done = await perform(
                connection,
                number,
                OrderAct.HAND_OVER,
                By.clerk(clerk),
                now=now,
                reason=reason,
                facts={"sheet": "signed by hand"},
                version=version,
            )
            await stock.give_out(connection, done, clerk, now=now)
            return done

    async def take_back(self, number: str, clerk: int, reason: str, *, version: int, now: datetime) -> Order:
        """It was called handed over, and nobody has it: it waits here again, and is not earned.

        Raises StockRefused, NotAllowed, Lacks(REASON, HANDED_OVER), Stale.
        """
        async with self._engine.begin() as connection:
            done = await perform(
                connection,
                number,
                OrderAct.REVERSE_HAND_OVER,
                By.clerk(clerk),
                now=now,
                reason=reason,
                version=version,
            )
            await stock.keep(connection, done, clerk, reason, now=now)
            await receipts.reopen(connection, number, now)
            return await settle(connection, self._marks, number, now)


async def _as_shown(connection: AsyncConnection, number: str, version: int) -> Order:
    order = await locked(connection, number)
    if order.version != version:
        raise Stale(number)
    return order


async def _free_for(connection: AsyncConnection, number: str, clerk: int, now: datetime) -> None:
    """Paper is checked by whoever has it in their hands, unless another clerk works on the order."""
    order = await locked(connection, number)
    if order.state not in (OrderState.AWAITING_PAPER, OrderState.AWAITING_PAYMENT):
        raise NotAllowed(order.state, OrderAct.RECEIVE_PAPER, OrderActor.CLERK)
    if order.worked_by_another(clerk, now):
        raise Lacks(Need.FREE)
