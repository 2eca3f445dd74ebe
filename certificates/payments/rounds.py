"""What happens to the money of orders by itself: transfers find their order, orders are judged, money
goes back.

Safe to be killed and repeated at every point.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.payments import paying_back, transfers
from certificates.payments.port import PaymentProvider
from certificates.payments.settling import settle
from office.marks import Marks

AT_ONCE: Final = 200
_OPEN: Final = text(
    "INSERT INTO order_accounts (order_number, made_at) SELECT number, :now FROM orders o"
    " WHERE o.state = 'awaiting_payment'"
    " AND NOT EXISTS (SELECT FROM order_accounts a WHERE a.order_number = o.number)"
    " ORDER BY o.number LIMIT :most ON CONFLICT DO NOTHING"
)
_WAITING: Final = text(
    "SELECT a.order_number FROM order_accounts a JOIN orders o ON o.number = a.order_number"
    " WHERE NOT a.closed AND a.judged_version <> o.version ORDER BY a.order_number LIMIT :most"
)


class PaymentRound:
    def __init__(self, engine: AsyncEngine, marks: Marks, provider: PaymentProvider) -> None:
        self._engine = engine
        self._marks = marks
        self._provider = provider

    async def round(self, now: datetime) -> int:
        """How much was done; 0: nothing waits."""
        done = await self._judge(now)
        done += await transfers.claim(self._engine, self._marks, now)
        done += await transfers.link(self._engine, self._marks, now)
        done += await self._judge(now)
        done += await paying_back.mirror_the_bank(self._engine, now)
        return done + await paying_back.carry_out(self._engine, self._provider, now)

    async def _judge(self, now: datetime) -> int:
        """Orders that changed since their money was looked at. One that can't be judged keeps no other
        waiting.
        """
        async with self._engine.begin() as connection:
            await connection.execute(_OPEN, {"now": now, "most": AT_ONCE})
            waiting = list((await connection.execute(_WAITING, {"most": AT_ONCE})).scalars())
        faults: list[Exception] = []
        for number in waiting:
            try:
                async with self._engine.begin() as connection:
                    await settle(connection, self._marks, number, now)
            except Exception as fault:
                faults.append(fault)
        if faults:
            raise faults[0]
        return len(waiting)
