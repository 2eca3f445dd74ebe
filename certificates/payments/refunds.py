"""Money on its way back to where it came from: planned once, carried out by who brought it.

A provider's payment goes back through the provider, a transfer with finance's next batch for the bank,
money at the counter over the counter. A refund has a number; asked again under it, it is the same refund: a
round that was killed between asking and writing asks once more, and nothing goes out twice. Whatever is
asked and answered is an event of the refund, and of the log.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.catalogue.scope import QR, PaymentWay
from certificates.payments import news
from certificates.payments.news import NewsKind
from certificates.payments.port import (
    PaymentProvider,
    ProviderAway,
    ProviderRefused,
    Refunding,
)
from certificates.payments.receipts import Receipt
from certificates.payments.refund_history import LONGEST_SAID, RefundAct, event
from certificates.payments.states import RefundState
from office.banking import journal, returning
from office.banking.journal import Ledger, Posting
from office.banking.returning import Planned, RefundKind
from office.working_days import day_of

log = structlog.get_logger(__name__)

MOST_ATTEMPTS: Final = 8
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=6)
AT_ONCE: Final = 50
PAGE: Final = 50


class AlreadyReturned(Exception):
    """Less is left of the receipt than is to go back."""


class WrongState(Exception):
    """The refund is not where this act finds it: somebody was faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRefund:
    """A row of `order_refunds`, with the order it is about ("" for money of no order)."""

    id: int
    number: str
    receipt_id: int
    way: PaymentWay
    fen: int
    reason: str
    state: RefundState
    attempts: int
    failure: str
    bank_refund: int | None
    made_at: datetime
    paid_at: datetime | None
    version: int
    order_number: str
    charge: str


_RETURN: Final = text(
    "UPDATE order_receipts SET returned = returned + :fen, version = version + 1, changed_at = :now"
    " WHERE id = :id AND returned + :fen <= fen RETURNING id"
)
_PLAN: Final = text(
    "INSERT INTO order_refunds (number, receipt_id, way, fen, reason, state, bank_refund, next_at, made_by,"
    " made_at, changed_at) VALUES (:number, :id, :way, :fen, :reason, 'due', :bank_refund, :next_at, :by,"
    " :now, :now) RETURNING id"
)
_SELECT: Final = (
    "SELECT f.id, f.number, f.receipt_id, f.way, f.fen, f.reason, f.state, f.attempts, f.failure,"
    " f.bank_refund, f.made_at, f.paid_at, f.version, coalesce(r.order_number, '') AS order_number,"
    " coalesce(r.charge, r.remark) AS charge"
    " FROM order_refunds f JOIN order_receipts r ON r.id = f.receipt_id"
)


def new_number(now: datetime) -> str:
    return f"TF{day_of(now):%y%m%d}{secrets.randbelow(10**10):010d}"


async def plan(
    connection: AsyncConnection,
    receipt: Receipt,
    fen: int,
    reason: str,
    now: datetime,
    *,
    by: int | None = None,
) -> str:
    """So much of a receipt goes back; the refund's number. In the caller's transaction.

    Raises AlreadyReturned.
    """
    given: dict[str, Any] = {"id": receipt.id, "fen": fen, "now": now}
    if await connection.scalar(_RETURN, given) is None:
        raise AlreadyReturned(receipt.id)
    number, bank_refund = new_number(now), None
    if receipt.source is PaymentWay.TRANSFER:
        bank_refund = await _through_the_bank(connection, receipt, fen, reason, now, by)
    else:
        lines = journal.moved(receipt.held, (Ledger.REFUND, str(receipt.source)), fen)
        posting = Posting(at=now, reference=f"order refund {number}", text="列入待退款", lines=lines)
        await journal.post(connection, posting)
    values: dict[str, Any] = {"number": number, "way": receipt.source.value, "reason": reason, "by": by}
    values |= {"bank_refund": bank_refund, "next_at": now if receipt.source in QR else None}
    refund = await connection.scalar(_PLAN, given | values)
    await event(connection, int(refund or 0), RefundAct.PLANNED, now, reason)
    return number


async def _through_the_bank(
    connection: AsyncConnection, receipt: Receipt, fen: int, reason: str, now: datetime, by: int | None
) -> int:
    """With the banks' refunds, which finance sends in batches: to the account that it came from."""
    assert receipt.transaction_id is not None
    planned = Planned(
        transaction=receipt.transaction_id,
        account=receipt.order_number or "",
        source=receipt.held,
        amount=fen,
        kind=RefundKind.RETURN,
        counted_from=day_of(now),
        working_days=returning.USUAL_DAYS,
        reason=reason,
        by=by,
    )
    return await returning.plan(connection, planned, now)


# ── through the provider ────────────────────────────────────────────────────────────────────────────────────

_NEXT: Final = text(
    f"{_SELECT} WHERE f.next_at <= :now AND f.state IN ('due', 'asked') ORDER BY f.next_at, f.id LIMIT 1"
    " FOR UPDATE OF f SKIP LOCKED"
)
_ASK: Final = text(
    "UPDATE order_refunds SET state = 'asked', attempts = attempts + 1, next_at = :next_at,"
    " version = version + 1, changed_at = :now WHERE id = :id"
)
_DONE: Final = text(
    "UPDATE order_refunds SET state = 'paid', next_at = NULL, failure = '', paid_at = :now,"
    " version = version + 1, changed_at = :now WHERE id = :id AND state <> 'paid' RETURNING id"
)
_FAILED: Final = text(
    "UPDATE order_refunds SET state = 'failed', next_at = NULL, failure = :failure,"
    " version = version + 1, changed_at = :now WHERE id = :id AND state = 'asked'"
)
_AGAIN: Final = text(
    "UPDATE order_refunds SET state = 'due', attempts = 0, next_at = :now, failure = '',"
    " version = version + 1, changed_at = :now"
    " WHERE id = :id AND state = 'failed' AND way IN ('alipay', 'wechat') AND version = :version RETURNING id"
)


def pause(attempts: int) -> timedelta:
    """Twice as long after each attempt."""
    return min(FIRST_PAUSE * 2.0 ** min(attempts, 20), LONGEST_PAUSE)


async def carry_out(engine: AsyncEngine, provider: PaymentProvider, now: datetime) -> int:
    """Ask the provider for what is due; how many were asked for."""
    asked = 0
    while asked < AT_ONCE:
        async with engine.begin() as connection:
            row = (await connection.execute(_NEXT, {"now": now})).one_or_none()
            if row is None:
                return asked
            found = refund_from(row)
            values = {"id": found.id, "now": now, "next_at": now + pause(found.attempts)}
            await connection.execute(_ASK, values)
            await event(connection, found.id, RefundAct.ASKED, now)
        act, told, at = await _ask(provider, found, now)
        log.info("order_refund_asked", refund=found.number, way=found.way, fen=found.fen, answer=act.value)
        async with engine.begin() as connection:
            await _answered(connection, found, act, told, at)
        asked += 1
    return asked


async def _ask(
    provider: PaymentProvider, found: OrderRefund, now: datetime
) -> tuple[RefundAct, str, datetime]:
    """What the provider answered, and for when; in no transaction."""
    try:
        answer = await provider.refund(Refunding(found.number, found.charge, found.fen), now)
    except ProviderRefused as refused:
        return RefundAct.REFUSED, str(refused), now
    except ProviderAway:
        return RefundAct.NO_ANSWER, "支付机构没有答复", now
    if answer.left_at is None:
        return RefundAct.ACCEPTED, "", now
    return RefundAct.PAID, "", answer.left_at


async def _answered(
    connection: AsyncConnection, found: OrderRefund, act: RefundAct, told: str, now: datetime
) -> None:
    """One that was accepted is asked for until it is done; one without an answer so often as it may be."""
    if act is RefundAct.PAID:
        await paid(connection, found, now)  # by the provider's clock: so the daily files agree
        return
    await event(connection, found.id, act, now, told)
    tried = act is RefundAct.NO_ANSWER and found.attempts + 1 >= MOST_ATTEMPTS
    if act is RefundAct.REFUSED or tried:
        given = {"id": found.id, "failure": told[:LONGEST_SAID], "now": now}
        await connection.execute(_FAILED, given)


async def paid(connection: AsyncConnection, found: OrderRefund, now: datetime) -> bool:
    """It has left, by the provider or over the counter; False: that was known."""
    if await connection.scalar(_DONE, {"id": found.id, "now": now}) is None:
        return False
    left = (Ledger.PROVIDER, str(found.way)) if found.way in QR else (Ledger.COUNTER, "cash")
    lines = journal.moved((Ledger.REFUND, str(found.way)), left, found.fen)
    posting = Posting(at=now, reference=f"order refund paid {found.number}", text="退款已付出", lines=lines)
    await journal.post(connection, posting)
    await _left(connection, found.id, found.number, found.order_number, found.fen, now)
    return True


async def _left(
    connection: AsyncConnection, refund: int, number: str, order: str, fen: int, now: datetime
) -> None:
    """What follows when a refund has left, whatever carried it."""
    await event(connection, refund, RefundAct.PAID, now)
    if order:
        await news.note(connection, NewsKind.REFUNDED, order, fen, f"refund {number}", now)
        await _settle_flag(connection, order)


_FLAG: Final = text(
    "UPDATE orders SET refund_due = false WHERE number = :number AND refund_due"
    " AND NOT EXISTS (SELECT FROM order_receipts r LEFT JOIN order_refunds f ON f.receipt_id = r.id"
    " WHERE r.order_number = :number AND (r.returned < r.fen OR f.state <> 'paid'))"
)


async def _settle_flag(connection: AsyncConnection, order: str) -> None:
    """All has gone back: the order waits for nothing any more."""
    await connection.execute(_FLAG, {"number": order})


_MIRROR: Final = text(
    "UPDATE order_refunds f SET state = CASE b.state WHEN 'batched' THEN 'asked' ELSE b.state END,"
    " attempts = b.attempts, failure = b.failure, version = f.version + 1, changed_at = :now,"
    " paid_at = CASE WHEN b.state = 'paid' THEN CAST(:now AS timestamptz) END"
    " FROM refunds b JOIN order_receipts r ON r.transaction_id = b.transaction_id"
    " WHERE b.id = f.bank_refund AND f.receipt_id = r.id"
    " AND f.state IS DISTINCT FROM CASE b.state WHEN 'batched' THEN 'asked' ELSE b.state END"
    " RETURNING f.id, f.number, f.fen, f.state, f.failure, coalesce(r.order_number, '') AS order_number"
)
_MIRRORED: Final = {
    RefundState.DUE: RefundAct.AGAIN,
    RefundState.ASKED: RefundAct.ASKED,
    RefundState.FAILED: RefundAct.REFUSED,
}


async def mirror_the_bank(engine: AsyncEngine, now: datetime) -> int:
    """Refunds by transfer stand as finance's batches say."""
    async with engine.begin() as connection:
        changed = (await connection.execute(_MIRROR, {"now": now})).all()
        for row in changed:
            state = RefundState(row.state)
            if state is RefundState.PAID:
                await _left(connection, row.id, row.number, row.order_number, row.fen, now)
            else:
                await event(connection, row.id, _MIRRORED[state], now, row.failure)
    return len(changed)


# ── finance's part ──────────────────────────────────────────────────────────────────────────────────────────


async def again(connection: AsyncConnection, refund: int, version: int, now: datetime) -> None:
    """A failed one is asked for again, under its number. Raises WrongState."""
    if await connection.scalar(_AGAIN, {"id": refund, "version": version, "now": now}) is None:
        raise WrongState(refund)
    await event(connection, refund, RefundAct.AGAIN, now)


async def handed_back(connection: AsyncConnection, refund: int, version: int, now: datetime) -> None:
    """Money was given back over the counter. Raises WrongState."""
    locked = text(f"{_SELECT} WHERE f.id = :id FOR UPDATE OF f")
    row = (await connection.execute(locked, {"id": refund})).one_or_none()
    found = refund_from(row) if row is not None else None
    if found is None or found.way is not PaymentWay.ON_THE_SPOT or found.version != version:
        raise WrongState(refund)
    if not await paid(connection, found, now):
        raise WrongState(refund)


async def page(connection: AsyncConnection, state: str, number: int) -> tuple[Sequence[OrderRefund], int]:
    """One page, the latest first, and how many there are. `state` "": all."""
    where = " WHERE CAST(:state AS text) = '' OR f.state = :state"
    given = {"state": state, "size": PAGE, "offset": (number - 1) * PAGE}
    rows = await connection.execute(
        text(f"{_SELECT}{where} ORDER BY f.id DESC LIMIT :size OFFSET :offset"), given
    )
    count = await connection.scalar(text(f"SELECT count(*) FROM order_refunds f{where}"), given)  # noqa: S608
    return [refund_from(row) for row in rows], int(count or 0)


async def one(connection: AsyncConnection, refund: int) -> OrderRefund | None:
    row = (await connection.execute(text(f"{_SELECT} WHERE f.id = :id"), {"id": refund})).one_or_none()
    return refund_from(row) if row is not None else None


async def of_receipt(connection: AsyncConnection, receipt: int) -> Sequence[OrderRefund]:
    rows = await connection.execute(
        text(f"{_SELECT} WHERE f.receipt_id = :id ORDER BY f.id"), {"id": receipt}
    )
    return [refund_from(row) for row in rows]


async def of_order(connection: AsyncConnection, order: str) -> Sequence[OrderRefund]:
    rows = await connection.execute(
        text(f"{_SELECT} WHERE r.order_number = :order ORDER BY f.id"), {"order": order}
    )
    return [refund_from(row) for row in rows]


def refund_from(row: Row[Any]) -> OrderRefund:
    fields = dict(row._mapping)
    return OrderRefund(**fields | {"way": PaymentWay(row.way), "state": RefundState(row.state)})
