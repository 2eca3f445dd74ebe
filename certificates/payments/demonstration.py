"""The payment provider of the demonstration: books of its own, signed messages, refunds, a daily file.

It knows our numbers and sums, never whose they are. It is reached like a real one: through the port, and
through its page (web/certificates/pay_demo.py), on which somebody "pays with the telephone".
"""

import csv
import io
import secrets
from datetime import date, datetime, timedelta
from typing import Any, Final

from pydantic import SecretStr
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.catalogue.scope import PaymentWay
from certificates.payments.port import Charged, Paid, ProviderRefused, RefundAnswer, Refunding, Shown
from office.banking.amounts import plain
from office.clock import Clock
from office.marks import Marks
from office.working_days import BEIJING

MOST: Final = 50_000
MOST_LINES: Final = 100_000
COLUMNS: Final = ("交易号", "商户单号", "类型", "金额", "时间")

_OPEN: Final = text(
    "INSERT INTO demo_payments (charge, trade, way, code, fen, state, made_at, closes_at)"
    " SELECT :charge, :trade, :way, :code, :fen, 'waiting', :now, :closes_at"
    " WHERE (SELECT count(*) FROM demo_payments) < :most ON CONFLICT (charge) DO NOTHING"
)
_GET: Final = text("SELECT * FROM demo_payments WHERE charge = :charge")
_CLOSE: Final = text("UPDATE demo_payments SET state = 'closed' WHERE charge = :charge AND state = 'waiting'")
_PAY: Final = text(
    "UPDATE demo_payments SET state = 'paid', paid_fen = :fen, paid_at = :now"
    " WHERE charge = :charge AND state = 'waiting' AND (closes_at IS NULL OR closes_at > :now)"
)
_BY_CODE: Final = text(
    "SELECT charge FROM demo_payments WHERE code = :code AND state = 'waiting' AND closes_at > :now"
    " ORDER BY made_at DESC LIMIT 2"
)
_REFUNDED: Final = text("SELECT coalesce(sum(fen), 0)::bigint FROM demo_pay_refunds WHERE charge = :charge")
_REFUND: Final = text(
    "INSERT INTO demo_pay_refunds (number, charge, fen, at) VALUES (:number, :charge, :fen, :now)"
    " ON CONFLICT (number) DO NOTHING"
)
_DAILY: Final = text(
    "SELECT trade AS number, charge, '支付' AS kind, paid_fen AS fen, paid_at AS at FROM demo_payments"
    " WHERE way = :way AND state = 'paid' AND paid_at >= :since AND paid_at < :until"
    " UNION ALL SELECT r.number, r.charge, '退款', r.fen, r.at FROM demo_pay_refunds r"
    " JOIN demo_payments p ON p.charge = r.charge WHERE p.way = :way AND r.at >= :since AND r.at < :until"
    " ORDER BY at, number LIMIT :most"
)


def key_of(marks: Marks, way: PaymentWay) -> SecretStr:
    """With which the demonstration signs: from the installation's own secret, the same in every process."""
    return SecretStr(marks.mark("demonstration payment key", way))


class DemonstrationPayments:
    """The port's other end."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def open(self, charged: Charged) -> Shown:
        now = self._clock()
        values: dict[str, Any] = {"charge": charged.number, "way": charged.way.value, "fen": charged.fen}
        values |= {"trade": f"{now:%Y%m%d}{secrets.randbelow(10**14):014d}", "now": now, "most": MOST}
        values |= {"code": f"{secrets.randbelow(10**8):08d}", "closes_at": charged.closes_at}
        async with self._engine.begin() as connection:
            await connection.execute(_OPEN, values)
            row = (await connection.execute(_GET, {"charge": charged.number})).one()
        return Shown(f"/demo/pay/{row.charge}", row.code)

    async def close(self, charge: str) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(_CLOSE, {"charge": charge})

    async def asked(self, charge: str) -> Paid | None:
        row = await self.payment(charge)
        return paid_of(row) if row is not None and row.state == "paid" else None

    async def refund(self, refunding: Refunding, now: datetime) -> RefundAnswer:
        async with self._engine.begin() as connection:
            found = text("SELECT paid_fen FROM demo_payments WHERE charge = :charge FOR UPDATE")
            paid = await connection.scalar(found, {"charge": refunding.charge})
            given = {"number": refunding.number, "charge": refunding.charge, "fen": refunding.fen, "now": now}
            known = text("SELECT fen, at FROM demo_pay_refunds WHERE number = :number")
            before = (await connection.execute(known, given)).one_or_none()
            if before is not None and before.fen == refunding.fen:
                return RefundAnswer(before.at)
            gone = int(await connection.scalar(_REFUNDED, given) or 0)
            if paid is None or before is not None or gone + refunding.fen > paid:
                raise ProviderRefused("金额超过可退金额")
            await connection.execute(_REFUND, given)
        return RefundAnswer(now)

    async def daily(self, way: PaymentWay, day: date) -> bytes:
        since = datetime(day.year, day.month, day.day, tzinfo=BEIJING)
        values = {"way": way.value, "since": since, "until": since + timedelta(days=1), "most": MOST_LINES}
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_DAILY, values)).all()
        written = io.StringIO()
        lines = csv.writer(written)
        lines.writerow(COLUMNS)
        for row in rows:
            lines.writerow(
                (row.number, row.charge, row.kind, plain(row.fen), row.at.astimezone(BEIJING).isoformat())
            )
        return written.getvalue().encode()

    # what happens on its own page

    async def payment(self, charge: str) -> Row[Any] | None:
        async with self._engine.connect() as connection:
            return (await connection.execute(_GET, {"charge": charge})).one_or_none()

    async def charge_of(self, code: str, now: datetime) -> str:
        """The payment that a code of digits stands for; "" for none, and for two."""
        async with self._engine.connect() as connection:
            found = list((await connection.execute(_BY_CODE, {"code": code, "now": now})).scalars())
        return found[0] if len(found) == 1 else ""

    async def pay(self, charge: str, fen: int, now: datetime) -> bool:
        """Somebody confirmed on the telephone; False: it was paid or closed before."""
        async with self._engine.begin() as connection:
            given = {"charge": charge, "fen": fen, "now": now.replace(microsecond=0)}
            return (await connection.execute(_PAY, given)).rowcount == 1


def paid_of(row: Row[Any]) -> Paid:
    return Paid(PaymentWay(row.way), row.trade, row.charge, row.paid_fen, row.paid_at)
