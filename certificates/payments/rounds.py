"""What happens to the money of orders by itself: transfers find their order, orders are judged, money
goes back.

Safe to be killed and repeated at every point.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.orders.states import OrderState
from certificates.orders.table import UNSENT
from certificates.payments import paying_back, transfers
from certificates.payments.port import PaymentProvider
from certificates.payments.resting import Resting
from certificates.payments.settling import THOUGHT_OVER_FOR, settle
from office.marks import Marks

AT_ONCE: Final = 200
_UNPAID: Final = sorted(str(one) for one in UNSENT | {OrderState.AWAITING_PAPER, OrderState.RETURNED})
_OPEN: Final = text(
    "INSERT INTO order_accounts (order_number, made_at) SELECT number, :now FROM orders o"
    " WHERE o.state = ANY(:states) AND (o.state = 'awaiting_payment' OR 'details' = ANY(o.done))"
    " AND NOT EXISTS (SELECT FROM order_accounts a WHERE a.order_number = o.number)"
    " ORDER BY o.number LIMIT :most ON CONFLICT DO NOTHING"
)
"""From the form on: whose name was typed there may have paid already, a day ahead (transfers.py)."""
_WAITING: Final = text(
    "SELECT a.order_number FROM order_accounts a JOIN orders o ON o.number = a.order_number"
    " WHERE NOT a.closed AND (a.judged_version <> o.version"
    " OR o.state = 'rejected' AND o.finished_at <= :thought_over)"
    " AND a.order_number <> ALL(CAST(:resting AS text[])) ORDER BY a.order_number LIMIT :most"
)


class PaymentRound:
    def __init__(self, engine: AsyncEngine, marks: Marks, provider: PaymentProvider) -> None:
        self._engine = engine
        self._marks = marks
        self._provider = provider
        self._orders = Resting[str]()
        self._moneys = Resting[int]()

    async def round(self, now: datetime) -> int:
        """How much was done; 0: nothing waits. What went wrong with single orders and transfers is raised at
        the end: it keeps no other waiting."""
        done = await self._judge(now)
        done += await transfers.claim(self._engine, self._marks, self._moneys, now)
        done += await transfers.link(self._engine, self._marks, self._moneys, now)
        done += await self._judge(now)
        done += await paying_back.mirror_the_bank(self._engine, now)
        done += await paying_back.carry_out(self._engine, self._provider, now)
        self._orders.report()
        self._moneys.report()
        return done

    async def _judge(self, now: datetime) -> int:
        """Orders that changed since their money was looked at."""
        async with self._engine.begin() as connection:
            opened = {"now": now, "most": AT_ONCE, "states": _UNPAID}
            await connection.execute(_OPEN, opened)
            values: dict[str, Any] = {"most": AT_ONCE, "resting": self._orders.left_alone(now)}
            values["thought_over"] = now - THOUGHT_OVER_FOR
            waiting = list((await connection.execute(_WAITING, values)).scalars())
        for number in waiting:
            async with self._orders.trying(number, now), self._engine.begin() as connection:
                await settle(connection, self._marks, number, now)
        return len(waiting)
