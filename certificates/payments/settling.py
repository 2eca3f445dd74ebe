"""The money of one order, judged under the order's lock: standings, payment, and what goes back.

The only code in which an order becomes paid. Whatever brings the money or changes the order calls
`settle` in its
own transaction, or leaves it to the steward's round; done again, it changes nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue import paying
from certificates.catalogue.model import ChannelRules
from certificates.catalogue.paying import PaymentRefusal, Subscriber
from certificates.catalogue.scope import Case, PaymentWay, SubjectKind
from certificates.catalogue.store import channel_on
from certificates.orders.boxes import OrderBoxes
from certificates.orders.fields import counted
from certificates.orders.mine import case_of
from certificates.orders.order import Order, locked
from certificates.orders.performing import By, perform
from certificates.orders.states import OrderAct, OrderState
from certificates.orders.table import FINAL
from certificates.payments import invoices, judging, news, receipts, refunds
from certificates.payments.expecting import expect
from certificates.payments.judging import Came, Phase
from certificates.payments.receipts import Receipt
from certificates.payments.states import Standing
from office.banking import journal
from office.banking.journal import Ledger, Posting
from office.marks import Marks

WRONG: Final = {
    PaymentRefusal.WRONG_PAYER: Standing.FOREIGN,
    PaymentRefusal.WRONG_REMARK: Standing.WRONG_REMARK,
    PaymentRefusal.WAY_NOT_TAKEN: Standing.WRONG_WAY,
}
THOUGHT_OVER_FOR: Final = timedelta(minutes=30)
"""After a refusal nothing goes back before (ours)."""
_PAYERS: Final = text("SELECT id, payer_name, remark FROM bank_transactions WHERE id = ANY(:ids)")
_JUDGED: Final = text(
    "UPDATE order_accounts SET judged_version = :version, closed = :closed WHERE order_number = :number"
)
_WAY: Final = text("UPDATE orders SET checks = :checks, pin_way = :pin_way WHERE number = :number")
_CLOSE_CHARGES: Final = text(
    "UPDATE payment_charges SET state = 'paid', changed_at = :now WHERE state <> 'paid'"
    " AND number = ANY(:charges)"
)


async def settle(
    connection: AsyncConnection, marks: Marks, number: str, now: datetime, *, by: By | None = None
) -> Order:
    """Judge all that came for an order and do what follows. `by`: who took the money, None: the platform.

    Raises UnknownOrder.
    """
    order = await locked(connection, number)
    await _unearn(connection, order, now)
    found = await receipts.of_order(connection, number, lock=True)
    stored = await channel_on(connection, order.catalogue_id)
    assert stored is not None, f"{number}: without a catalogue"
    typed = await OrderBoxes(marks).details(connection, number)
    details = counted(stored.rules, order.subject, order.product, typed)
    case = case_of(order, details)
    payers = await _payers(connection, found)
    subscriber = subscriber_of(case, details)
    came = [
        _came(one, wrong_with(one, stored.rules, case, subscriber, payers))
        for one in found
        if one.standing is not Standing.VOID
    ]
    thinking = is_thought_over(order, now)
    phase = Phase.PAID if thinking else phase_of(order)
    judgement = judging.judge(phase, order.price_fen, came)
    changed = await receipts.stand(connection, judgement.standings, now)
    charges = [one.charge for one in found if one.charge]
    await connection.execute(_CLOSE_CHARGES, {"charges": charges, "now": now})
    by_id = {one.id: one for one in found}
    for id_ in changed:
        await news.of_receipt(connection, by_id[id_], judgement.standings[id_], now)
    for each in judgement.returns:
        standing = judgement.standings[each.receipt]
        await refunds.plan(connection, by_id[each.receipt], each.fen, _why(order, standing), now)
    if judgement.paid_by is not None:
        order = await _pay(connection, order, stored.rules, case, _way(by_id[judgement.paid_by]), by, now)
    if not thinking:
        await invoices.keep_up(connection, marks, order, stored.rules, details, now)
    await expect(connection, marks, number, stored.rules, details)
    await _earn(connection, order, now)
    values = {"number": number, "version": order.version, "closed": order.state in FINAL and not thinking}
    await connection.execute(_JUDGED, values)
    return order


def is_thought_over(order: Order, now: datetime) -> bool:
    """Refused by a clerk a moment ago: what was paid stays so long, because a mistake can be taken back."""
    if order.state is not OrderState.REJECTED or not order.refund_due or order.automatic:
        return False
    return order.finished_at is not None and now - order.finished_at < THOUGHT_OVER_FOR


def phase_of(order: Order) -> Phase:
    if order.state in (OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED):
        return Phase.ENDED
    if order.paid_fen:
        return Phase.PAID
    if order.state is OrderState.AWAITING_PAYMENT and order.price_fen:
        return Phase.OPEN
    return Phase.ENDED if order.state is OrderState.DONE else Phase.NOT_YET


def subscriber_of(case: Case, details: dict[str, str]) -> Subscriber:
    person = "" if case.subject is SubjectKind.ORGANIZATION else details.get("applicant_name", "")
    return Subscriber(kind=case.subject, organization=details.get("organization_name", ""), person=person)


def wrong_with(
    receipt: Receipt,
    rules: ChannelRules,
    case: Case,
    subscriber: Subscriber,
    payers: dict[int, tuple[str, str]],
) -> Standing | None:
    """Why it can't pay for this. What counted once is not looked at again: rules and names may change. What
    two people of finance gave to the order is not asked for payer and remark; the ways to pay hold for it,
    too."""
    if receipt.standing is Standing.COUNTED:
        return None
    if receipt.accepted:
        taken = any(row.by is _way(receipt) for row in paying.payments_of(rules, case))
        return None if taken else Standing.WRONG_WAY
    if receipt.source is PaymentWay.TRANSFER:
        name, remark = payers[receipt.transaction_id or 0]
        refusal = paying.transfer_refusal(rules, case, subscriber, name, remark)
    else:
        refusal = paying.refusal(rules, case, _way(receipt))
    return WRONG[refusal] if refusal is not None else None


def _way(receipt: Receipt) -> PaymentWay:
    """How it was paid: at the counter a device may have scanned it, which the receipt's remark says."""
    at_counter = receipt.source is PaymentWay.ON_THE_SPOT
    return PaymentWay(receipt.remark) if at_counter and receipt.remark else receipt.source


def _came(one: Receipt, wrong: Standing | None) -> Came:
    return Came(
        id=one.id,
        fen=one.fen,
        returned=one.returned,
        paid_at=one.paid_at,
        was=one.standing,
        wrong=wrong,
    )


_EARN: Final = text(
    "UPDATE order_accounts SET earned = true WHERE order_number = :number AND NOT earned"
    " RETURNING order_number"
)


async def _earn(connection: AsyncConnection, order: Order, now: datetime) -> None:
    """What was paid for is done: the money is ours."""
    if order.state is not OrderState.DONE or not order.paid_fen:
        return
    if await connection.scalar(_EARN, {"number": order.number}) is None:
        return
    lines = journal.moved((Ledger.ORDER, order.number), (Ledger.SERVICE, order.channel), order.paid_fen)
    posting = Posting(at=now, reference=_earning("earned", order), text="办证业务完成", lines=lines)
    await journal.post(connection, posting)


_UNEARN: Final = text(
    "UPDATE order_accounts SET earned = false WHERE order_number = :number AND earned RETURNING order_number"
)


async def _unearn(connection: AsyncConnection, order: Order, now: datetime) -> None:
    """It was called done by mistake: what was paid is held for the order again, before any of it moves."""
    if order.state is OrderState.DONE:
        return
    if await connection.scalar(_UNEARN, {"number": order.number}) is None:
        return
    lines = journal.moved((Ledger.SERVICE, order.channel), (Ledger.ORDER, order.number), order.paid_fen)
    posting = Posting(at=now, reference=_earning("unearned", order), text="撤回业务完成", lines=lines)
    await journal.post(connection, posting)


def _earning(word: str, order: Order) -> str:
    """An order may be done more than once: its version says which time."""
    return f"{word} {order.number} {order.version}"


async def _payers(connection: AsyncConnection, found: Sequence[Receipt]) -> dict[int, tuple[str, str]]:
    ids = [one.transaction_id for one in found if one.transaction_id is not None]
    if not ids:
        return {}
    rows = await connection.execute(_PAYERS, {"ids": ids})
    return {row.id: (row.payer_name, row.remark) for row in rows}


def _why(order: Order, standing: Standing) -> str:
    if standing is Standing.DOUBLED:
        return "重复支付"
    if standing is Standing.LATE:
        return "订单结束后到账"
    return "订单已结束" if phase_of(order) is Phase.ENDED else "多付"


async def _pay(
    connection: AsyncConnection,
    order: Order,
    rules: ChannelRules,
    case: Case,
    way: PaymentWay,
    by: By | None,
    now: datetime,
) -> Order:
    """Checks and PIN follow the way in which it was paid in the end, whatever had been chosen."""
    if order.payment_way != way:
        paid = replace(case, paid_by=way)
        pin = rules.pin_of(paid)
        values: dict[str, Any] = {"number": order.number}
        values["checks"] = [one.key for one in rules.identities_for(paid)]
        values["pin_way"] = f"{pin.by}:{pin.to}" if pin is not None else order.pin_way
        await connection.execute(_WAY, values)
    facts = {"fen": order.price_fen, "way": str(way)}
    return await perform(connection, order.number, OrderAct.PAID, by or By.clock(), now=now, facts=facts)
