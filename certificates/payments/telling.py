"""The letters about the money of an order: short, from the wrong payer, paid twice, gone back; the invoice.

By SMS to the order's own telephone, which no table has in the clear; the invoice by e-mail, too, where the
channel says so. Chinese, or English for an account that chose it. A letter names order and sum, never whose.
What has mended itself meanwhile (what was short is complete) is not written about.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue import paying
from certificates.catalogue.model import Payer, Person, Told
from certificates.catalogue.scope import PaymentWay
from certificates.catalogue.store import channel_on
from certificates.orders.boxes import OrderBoxes
from certificates.orders.codes import Letter, post
from certificates.orders.mine import Mine, contact_of
from certificates.orders.order import read
from certificates.orders.performing import By
from certificates.payments import invoices
from certificates.payments.charges import missing_of
from certificates.payments.news import NewsKind
from certificates.payments.resting import Resting
from office.marks import BoxUnreadable, Marks
from office.messages.delivering import BOX
from office.messages.kinds import CHINESE
from office.money import yuan

log = structlog.get_logger(__name__)

AT_ONCE: Final = 50
MOST_A_DAY: Final = 10
"""Letters about what came for one order: who sends it a hundred fen rings nobody's telephone a hundred
times."""
PROGRESS: Final = "certificate.money"
INVOICE: Final = "certificate.invoice"
TEXTS: Final[Mapping[NewsKind, tuple[str, str]]] = {
    NewsKind.SHORT: (
        "您的数字证书订单 {number} 收到 {amount} 元，还差 {missing} 元。请补齐，补齐后自动继续办理；"
        "不想办了，取消订单，已付的款会退回。{link}",
        "We received {amount} yuan for your certificate order {number}; {missing} yuan are missing. Please"
        " pay the rest, and the order goes on by itself. If you cancel it, the money goes back. {link}",
    ),
    NewsKind.FOREIGN: (
        "您的数字证书订单 {number} 收到 {amount} 元，但付款户名不对，还没有入账。请用{payers}重新付款；"
        "这笔款核实后退回原账户。如果付款的就是您本人或本单位，请联系客服核实。{link}",
        "We received {amount} yuan for your certificate order {number} from another payer; it does not count."
        " Please pay from {payers}. This money goes back to its account after a check. If it is your own"
        " account under another name, please call us. {link}",
    ),
    NewsKind.WRONG_REMARK: (
        "您的数字证书订单 {number} 收到 {amount} 元，但附言与要求的不一致，财务正在核实。"
        "请不要重复转账；核实后入账，或退回原账户。{link}",
        "We received {amount} yuan for your certificate order {number}; its remark is not the one that was"
        " asked for. Please do not pay again: we check it, and count it or send it back. {link}",
    ),
    NewsKind.WRONG_WAY: (
        "您的数字证书订单 {number} 收到 {amount} 元，但这项业务不收这种付款，会退回原处。"
        "请打开订单，换一种支付方式。{link}",
        "We received {amount} yuan for your certificate order {number} in a way that it can't be paid; it"
        " goes back. Please open the order and choose another way to pay. {link}",
    ),
    NewsKind.DOUBLED: (
        "您的数字证书订单 {number} 已经付清，后来又收到 {amount} 元，会原路退回，您不用做什么。{link}",
        "Your certificate order {number} was paid already; another {amount} yuan came and go back the way"
        " they came. There is nothing for you to do. {link}",
    ),
    NewsKind.LATE: (
        "您的数字证书订单 {number} 已经结束，收到的 {amount} 元会原路退回，您不用做什么。{link}",
        "Your certificate order {number} has ended; the {amount} yuan that we received go back the way they"
        " came. There is nothing for you to do. {link}",
    ),
    NewsKind.REFUNDED: (
        "您的数字证书订单 {number} 退款 {amount} 元已原路退回，到账时间以银行或支付机构为准。{link}",
        "{amount} yuan of your certificate order {number} have been sent back the way they came; when they"
        " arrive depends on the bank or the payment provider. {link}",
    ),
    NewsKind.INVOICED: (
        "数字证书订单 {number} 的电子发票 {invoice} 已开具，金额 {amount} 元。{former}"
        "打开订单即可下载：{link}",
        "The electronic invoice {invoice} for your certificate order {number} is ready: {amount} yuan."
        "{former} Open the order to download it: {link}",
    ),
}
FORMER: Final = ("此前的发票 {former} 已作废。", " The former one, {former}, is void.")
"""Where the details were corrected after the payment."""
PAYERS: Final[Mapping[frozenset[Payer], tuple[str, str]]] = {
    frozenset({Payer.ORGANIZATION}): ("单位的对公账户", "the organization's account"),
    frozenset({Payer.OWN}): ("本人的账户", "the applicant's own account"),
    frozenset({Payer.ORGANIZATION, Payer.OWN}): (
        "单位的对公账户或者本人的账户",
        "the organization's or the applicant's own account",
    ),
    frozenset(): ("订单页面写明的账户", "an account as the order's page says"),
}
_WAITING: Final = text(
    "SELECT id FROM order_money_news WHERE told_at IS NULL AND id <> ALL(CAST(:resting AS bigint[]))"
    " ORDER BY id LIMIT :most"
)
_ONE: Final = text(
    "SELECT n.id, n.order_number, n.kind, n.fen, coalesce(r.standing, '') AS standing,"
    " coalesce(r.order_number, '') AS of_order, coalesce(a.locale, '') AS locale"
    " FROM order_money_news n LEFT JOIN order_receipts r ON r.id = n.receipt_id"
    " JOIN orders o ON o.number = n.order_number LEFT JOIN accounts a ON a.id = o.account_id"
    " WHERE n.id = :id AND n.told_at IS NULL FOR UPDATE OF n SKIP LOCKED"
)
_TOLD: Final = text("UPDATE order_money_news SET told_at = :now WHERE id = :id")
_SENT: Final = text(
    "SELECT count(*) FROM order_money_news WHERE order_number = :order AND receipt_id IS NOT NULL"
    " AND told_at > :since"
)
_EMAIL: Final = text(
    "INSERT INTO deliveries (key, channel, kind, box, state, next_at, made_at)"
    " VALUES (:key, 'email', :kind, :box, 'waiting', :now, :now)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyNews:
    """The steward's round. `public_url`: where the pages are."""

    engine: AsyncEngine
    marks: Marks
    platform: str
    public_url: str
    resting: Resting[int] = field(default_factory=Resting)

    async def round(self, now: datetime) -> int:
        """How much news was looked at. What can't be written about keeps no other waiting."""
        async with self.engine.connect() as connection:
            values = {"most": AT_ONCE, "resting": self.resting.left_alone(now)}
            waiting = list((await connection.execute(_WAITING, values)).scalars())
        for id_ in waiting:
            async with self.resting.trying(id_, now), self.engine.begin() as connection:
                await self._tell(connection, id_, now)
        self.resting.report()
        return len(waiting)

    async def _tell(self, connection: AsyncConnection, news: int, now: datetime) -> None:
        """Once: the letter and the mark that it is written are one transaction."""
        row = (await connection.execute(_ONE, {"id": news})).one_or_none()
        if row is None:
            return  # another steward writes it, or has written it
        if not _overtaken(row) and not await self._too_many(connection, row, now):
            await self._write(connection, row, now)
        await connection.execute(_TOLD, {"id": news, "now": now})

    async def _too_many(self, connection: AsyncConnection, row: Row[Any], now: datetime) -> bool:
        """Of what came; what goes back and the invoice are told always. The order's page shows all of it."""
        given = {"order": row.order_number, "since": now - timedelta(days=1)}
        return bool(row.standing) and int(await connection.scalar(_SENT, given) or 0) >= MOST_A_DAY

    async def _write(self, connection: AsyncConnection, row: Row[Any], now: datetime) -> None:
        order = await read(connection, row.order_number)
        stored = await channel_on(connection, order.catalogue_id)
        assert stored is not None, f"{order.number}: without a catalogue"
        try:
            details = await OrderBoxes(self.marks).details(connection, order.number)
        except BoxUnreadable:
            log.error("order_box_unreadable", order=order.number)
            return
        mine = Mine(order=order, rules=stored.rules, details=details, by=By.clock())
        content = await self._content(connection, mine, row)
        if NewsKind(row.kind) is NewsKind.INVOICED:
            await self._send_invoice(connection, mine, content, row.locale, now)
            return
        phone = contact_of(mine)[1]
        letter = Letter(phone or None, order.contact_mark, self.platform, row.locale)
        await post(connection, self.marks, letter, content, now, kind=PROGRESS)

    async def _content(self, connection: AsyncConnection, mine: Mine, row: Row[Any]) -> str:
        """The letter, in the account's language."""
        in_english = row.locale not in ("", CHINESE)
        transfers = [
            each for each in paying.payments_of(mine.rules, mine.case) if each.by is PaymentWay.TRANSFER
        ]
        payers = frozenset(payer for each in transfers for payer in each.payers)
        former = await invoices.replaced(connection, mine.order.number)
        return TEXTS[NewsKind(row.kind)][in_english].format(
            number=mine.order.number,
            amount=yuan(row.fen),
            missing=yuan(max(0, await missing_of(connection, mine.order))),
            payers=PAYERS[payers][in_english],
            invoice=mine.order.invoice,
            former=FORMER[in_english].format(former=former) if former else "",
            link=f"{self.public_url.rstrip('/')}/certificates/orders/{mine.order.number}",
        )

    async def _send_invoice(
        self, connection: AsyncConnection, mine: Mine, content: str, locale: str, now: datetime
    ) -> None:
        """By e-mail, by SMS, or both, as the channel does, to whom it says. A channel's public account is
        none of ours: who has only that is told by SMS."""
        rule = mine.rules.invoice_of(mine.case)
        whose = "applicant" if rule is not None and rule.to is Person.APPLICANT else "operator"
        phone, email = (mine.details.get(f"{whose}_{name}", "") for name in ("phone", "email"))
        by_email = rule is not None and Told.EMAIL in rule.by and email
        if by_email:
            subject = f"电子发票 {mine.order.invoice}" if locale in ("", CHINESE) else "Electronic invoice"
            letter = {"address": email, "subject": subject, "content": content}
            values: dict[str, Any] = {"key": f"o{secrets.token_hex(16)}", "kind": INVOICE, "now": now}
            values["box"] = self.marks.box(BOX, json.dumps(letter).encode())
            await connection.execute(_EMAIL, values)
        if not by_email or (rule is not None and Told.SMS in rule.by):
            sms = Letter(phone or None, mine.order.contact_mark, self.platform, locale)
            await post(connection, self.marks, sms, content, now, kind=INVOICE)


def _overtaken(row: Row[Any]) -> bool:
    """News of a receipt that stands otherwise by now, or for another order."""
    return row.standing != "" and (row.standing, row.of_order) != (row.kind, row.order_number)
