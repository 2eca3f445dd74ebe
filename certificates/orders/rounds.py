"""What happens to orders by itself: the SMS that tells how a review went, the end of forgotten orders, the
receipt of parcels of which nobody says anything.

The SMS goes to the telephone of the order, which no table has in the clear: operator or applicant.
Source: spec/certificates.md, "A rejection has a reason, is told by SMS".
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue.scope import Service
from certificates.catalogue.store import channel_on
from certificates.issuing.giving_up import give_up
from certificates.orders.boxes import OrderBoxes
from certificates.orders.codes import Letter, post, sweep
from certificates.orders.mine import Mine, contact_of
from certificates.orders.needs import ARRIVES_WITHIN, KEPT_FOR
from certificates.orders.order import Order, read
from certificates.orders.performing import By, Lacks, NotAllowed, perform
from certificates.orders.states import OrderAct, OrderActor
from certificates.orders.steps import AT_HOME
from certificates.orders.table import TRANSITIONS, Need, Transition
from office.marks import BoxUnreadable, Marks

log = structlog.get_logger(__name__)

AT_ONCE: Final = 50
LONGEST_REASON: Final = 200
TEXTS: Final[Mapping[OrderAct, str]] = {
    OrderAct.APPROVE: "您的数字证书订单 {number} 已审核通过，接下来制作证书。",
    OrderAct.RETURN: "您的数字证书订单 {number} 被驳回：{reason} 请在“订单查询”中修改后重新提交。",
    OrderAct.REJECT: "您的数字证书订单 {number} 不予办理：{reason}",
    OrderAct.REVERSE_REJECTION: "您的数字证书订单 {number} 继续办理，此前“不予办理”的通知作废：{reason}",
    OrderAct.SHIP: "您的数字证书订单 {number} 已寄出，{courier} {tracking}。",
    OrderAct.EXPIRE: "您的数字证书订单 {number} 长时间没有继续办理，已失效。",
}
"""Chinese alone: it goes to telephones in China, whoever's language the account speaks."""
APPROVED: Final[Mapping[Service, str]] = {
    Service.UNLOCK: "您的 UKey 解锁订单 {number} 已审核通过，请到订单页面设置新密码，或者到窗口办理。",
    Service.REVOKE: "您的数字证书注销订单 {number} 已审核通过，证书随即注销。",
}
"""Where no certificate is made."""

_DUE: Final = text(
    "SELECT id, number, act, reason FROM order_events WHERE sms_due ORDER BY id LIMIT :most"
    " FOR UPDATE SKIP LOCKED"
)
_TOLD: Final = text("UPDATE order_events SET sms_due = false WHERE id = ANY(:ids)")
REFUNDED: Final = "您已付的费用会原路退回。"
"""Where a paid order ends."""
_FORGOTTEN: Final = text(
    "SELECT number FROM orders WHERE state = ANY(:states) AND changed_at <= :before"
    " AND (NOT :at_home OR steps && CAST(:home AS text[])) ORDER BY changed_at LIMIT :most"
)
AFTER: Final = ((OrderAct.EXPIRE, KEPT_FOR), (OrderAct.RECEIVE, ARRIVES_WITHIN))
"""What the clock does with an order in which nothing happened for so long."""


class OrderRound:
    def __init__(self, engine: AsyncEngine, marks: Marks, platform: str) -> None:
        self._engine = engine
        self._marks = marks
        self._platform = platform

    async def round(self, now: datetime) -> int:
        """How many messages were written and orders ended."""
        done = await self._tell(now)
        for act, quiet in AFTER:
            done += await self._go_on(act, now - quiet, now)
        async with self._engine.begin() as connection:
            await sweep(connection, now)
        return done

    async def _tell(self, now: datetime) -> int:
        """Each once: the letter and the mark that it is written are one transaction."""
        async with self._engine.begin() as connection:
            rows = (await connection.execute(_DUE, {"most": AT_ONCE})).all()
            for row in rows:
                await self._write(connection, row, now)
            await connection.execute(_TOLD, {"ids": [row.id for row in rows]})
        return len(rows)

    async def _write(self, connection: AsyncConnection, row: Any, now: datetime) -> None:
        order = await read(connection, row.number)
        if row.act not in TEXTS:
            return
        facts = {"number": order.number, "courier": order.courier, "tracking": order.tracking}
        words = TEXTS[OrderAct(row.act)]
        if row.act == OrderAct.APPROVE:
            words = APPROVED.get(Service(order.service), words)
        content = words.format(**facts, reason=row.reason[:LONGEST_REASON])
        if row.act == OrderAct.EXPIRE and order.paid_fen:
            content += REFUNDED
        await to_contact(connection, self._marks, self._platform, order, content, now)

    async def _go_on(self, act: OrderAct, before: datetime, now: datetime) -> int:
        done = 0
        for row in TRANSITIONS[act]:
            if OrderActor.CLOCK in row.who:
                done += await self._each(row, before, now)
        return done

    async def _each(self, row: Transition, before: datetime, now: datetime) -> int:
        values = {"states": sorted(map(str, row.before)), "before": before, "most": AT_ONCE}
        values |= {"at_home": Need.AT_HOME in row.needs, "home": sorted(map(str, AT_HOME))}
        async with self._engine.connect() as connection:
            numbers = list((await connection.execute(_FORGOTTEN, values)).scalars())
        done = 0
        for number in numbers:
            try:
                async with self._engine.begin() as connection:
                    order = await perform(connection, number, row.act, By.clock(), now=now)
                    await give_up(connection, order, now)
                done += 1
            except (NotAllowed, Lacks):  # somebody went on with it in between
                continue
            except Exception:  # one order keeps nobody else's waiting
                log.exception("order_not_gone_on", order=number, act=str(row.act))
        return done


async def to_contact(
    connection: AsyncConnection, marks: Marks, platform: str, order: Order, content: str, now: datetime
) -> bool:
    """An SMS to the telephone of an order: the operator, or the applicant. False: nobody can be reached."""
    stored = await channel_on(connection, order.catalogue_id)
    try:
        details = await OrderBoxes(marks).details(connection, order.number)
    except BoxUnreadable:
        log.error("order_box_unreadable", order=order.number)
        return False
    if stored is None:
        return False
    phone = contact_of(Mine(order=order, rules=stored.rules, details=details, by=By.clock()))[1]
    letter = Letter(phone or None, order.contact_mark, platform, "")
    await post(connection, marks, letter, content, now, kind="certificate.progress")
    return bool(phone)
