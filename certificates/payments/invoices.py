"""Electronic invoices of orders: made when the channel's rule says so, void when the money goes back; another
one is made when what was approved names somebody else than the one that was made on payment.

A row with its number, a box with what stands on it, a PDF whenever somebody who may wants to see it; the
letter that tells where it is, telling.py writes. Source: spec/certificates.md, "PIN, invoice, delivery".
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.model import ChannelRules, Invoice, InvoicedAfter, InvoiceTitle
from certificates.orders.invoice_title import has_enterprise_code
from certificates.orders.mine import case_of
from certificates.orders.order import Order
from certificates.orders.states import OrderState
from certificates.payments import news
from certificates.payments.news import NewsKind
from office.banking.payers import same_payer
from office.marks import Marks
from office.money import capital_amount, yuan
from office.working_days import BEIJING, calendar_of, day_of
from signing.typesetting import compiler_of

TEMPLATE: Final = Path(__file__).parents[1] / "orders" / "templates" / "invoice.typ"
"""Beside the printed forms: they have the sheet in common."""
_ENDED: Final = frozenset({OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED})
_CORRECTED: Final = frozenset(
    {
        OrderState.APPROVED,
        OrderState.ISSUING,
        OrderState.AWAITING_COLLECTION,
        OrderState.AWAITING_DELIVERY,
        OrderState.SHIPPED,
        OrderState.DONE,
    }
)
"""The review is over: what the details say now is what the certificate says. Before, a returned order's
details are nobody's word yet."""
_PAD: Final = 512

_PUT: Final = text(
    "INSERT INTO order_invoices (number, order_number, fen, box, state, due_on, made_at)"
    " VALUES (:number, :order, :fen, :box, 'made', :due_on, :now)"
    " ON CONFLICT (order_number) WHERE state = 'made' DO NOTHING RETURNING number"
)
_NAMED: Final = text("UPDATE orders SET invoice = :number WHERE number = :order")
_VOID: Final = text(
    "UPDATE order_invoices SET state = 'void', voided_at = :now WHERE order_number = :order"
    " AND state = 'made' RETURNING number"
)
_OF: Final = text(
    "SELECT i.* FROM order_invoices i JOIN orders o ON o.invoice = i.number WHERE o.number = :order"
)
_STANDING: Final = text(
    "SELECT o.number FROM orders o JOIN order_invoices i ON i.number = o.invoice"
    " WHERE o.number = ANY(:orders) AND i.state = 'made' AND o.state <> ALL(:ended)"
)
_REPLACED: Final = text(
    "SELECT i.number FROM order_invoices i JOIN orders o ON o.number = i.order_number"
    " WHERE o.number = :order AND i.number <> o.invoice ORDER BY i.made_at DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderInvoice:
    """An invoice, opened. It can't print whose it is."""

    number: str
    order_number: str
    fen: int
    state: str
    due_on: date | None
    made_at: datetime
    title: str = field(repr=False)
    tax_number: str = field(repr=False)
    address: str = field(repr=False)
    bank: str = field(repr=False)
    what: str = ""


async def keep_up(
    connection: AsyncConnection,
    marks: Marks,
    order: Order,
    rules: ChannelRules,
    details: Mapping[str, str],
    now: datetime,
) -> None:
    """Make it when it is due by the channel's rule, void it when the order has ended; after the review, make
    it anew where another title or tax number was approved. In the caller's transaction, under the order's
    lock."""
    if order.state in _ENDED:
        await void(connection, order.number, now)
        return
    rule = rules.invoice_of(case_of(order, details))
    if rule is None or not order.paid_fen:
        return
    if order.invoice:
        await _correct(connection, marks, order, rule, details, now)
        return
    if rule.after is InvoicedAfter.COMPLETION and order.state is not OrderState.DONE:
        return
    await _make(connection, marks, order, rule, details, now)


async def void(connection: AsyncConnection, order: str, now: datetime) -> None:
    """The one that stands; nothing where none does."""
    await connection.execute(_VOID, {"order": order, "now": now})


async def _correct(
    connection: AsyncConnection,
    marks: Marks,
    order: Order,
    rule: Invoice,
    details: Mapping[str, str],
    now: datetime,
) -> None:
    """An invoice is never edited: the wrong one is void, another stands in its place."""
    if order.state not in _CORRECTED:
        return
    made = await invoice_of(connection, marks, order.number)
    if made is None or (made.title, made.tax_number) == titled(rule, details):
        return
    await void(connection, order.number, now)
    await _make(connection, marks, order, rule, details, now)


async def _make(
    connection: AsyncConnection,
    marks: Marks,
    order: Order,
    rule: Invoice,
    details: Mapping[str, str],
    now: datetime,
) -> None:
    number = f"FP{day_of(now):%Y%m%d}{secrets.randbelow(10**10):010d}"
    title, tax = titled(rule, details)
    written = {"title": title, "tax_number": tax, "what": f"数字证书服务 {order.number}"}
    written |= {name: details.get(f"invoice_{name}", "") for name in ("address", "bank")}
    content = json.dumps(written, ensure_ascii=False).encode()
    due = None
    if rule.working_days is not None:
        due = (await calendar_of(connection)).add(day_of(now), rule.working_days).day
    values: dict[str, Any] = {"number": number, "order": order.number, "fen": order.paid_fen}
    values |= {"due_on": due, "now": now}
    values["box"] = marks.box(_purpose(number), content + b" " * (-len(content) % _PAD))
    if await connection.scalar(_PUT, values) is None:
        return
    await connection.execute(_NAMED, {"number": number, "order": order.number})
    await news.note(connection, NewsKind.INVOICED, order.number, order.paid_fen, f"invoice {number}", now)


def titled(rule: Invoice, details: Mapping[str, str]) -> tuple[str, str]:
    """Title and tax number: fixed to the subscriber where the channel says so, else as typed.

    An organization's tax number is its credit code: one that is named in the title and typed none has it;
    where the channel leaves the tax number open, an enterprise. It was checked when it was typed
    (orders/reading.py, orders/invoice_title.py).
    """
    organization, code = details.get("organization_name", ""), details.get("credit_code", "")
    subscriber = organization or details.get("applicant_name", "")
    if rule.title is InvoiceTitle.SUBSCRIBER:
        return subscriber, code
    title = details.get("invoice_title", "") or subscriber
    wanted = not rule.tax_number_optional or has_enterprise_code(code)
    own = code if wanted and same_payer(title, organization) else ""
    return title, details.get("tax_number", "") or own


async def replaced(connection: AsyncConnection, order: str) -> str:
    """The number of the invoice that was void before the present one was made; "" for none."""
    return str(await connection.scalar(_REPLACED, {"order": order}) or "")


async def invoice_of(connection: AsyncConnection, marks: Marks, order: str) -> OrderInvoice | None:
    """The present one, also when it is void. Raises BoxUnreadable."""
    row = (await connection.execute(_OF, {"order": order})).one_or_none()
    if row is None:
        return None
    written = json.loads(marks.unbox(_purpose(row.number), bytes(row.box)))
    return OrderInvoice(
        number=row.number,
        order_number=row.order_number,
        fen=row.fen,
        state=row.state,
        due_on=row.due_on,
        made_at=row.made_at,
        **written,
    )


async def standing(connection: AsyncConnection, orders: Sequence[str]) -> frozenset[str]:
    """Of these orders, those whose invoice holds. That of an order that has ended does not any more, also
    before the round has made it void."""
    values = {"orders": list(orders), "ended": [str(state) for state in _ENDED]}
    return frozenset((await connection.scalars(_STANDING, values)).all())


def render(invoice: OrderInvoice, *, seller: str, notice: str = "") -> bytes:
    """The PDF; the same invoice gives the same bytes. `notice`: above everything, for a demonstration."""
    moment = invoice.made_at.astimezone(BEIJING)
    rows = (
        ("发票号码", invoice.number),
        ("金额", f"¥ {yuan(invoice.fen)}"),
        ("购买方", invoice.title),
        ("税号", invoice.tax_number or "—"),
        ("地址、电话", invoice.address or "—"),
        ("开户行、账号", invoice.bank or "—"),
        ("项目", invoice.what),
        ("状态", "已作废" if invoice.state == "void" else "有效"),
    )
    data = {
        "title": "电子发票",
        "number": invoice.order_number,
        "author": seller,
        "head": seller,
        "notice": "此发票已作废，款项已退回" if invoice.state == "void" else notice,
        "rows": [list(row) for row in rows],
        "seller": seller,
        "capital": capital_amount(invoice.fen),
        "made": f"{moment:%Y年%m月%d日}",
    }
    return compiler_of(TEMPLATE).pdf(data, as_of=invoice.made_at).pdf


def _purpose(number: str) -> str:
    return f"certificate invoice {number}"
