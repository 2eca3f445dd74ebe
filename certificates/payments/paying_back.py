"""Refunds carried out: asked of the provider, gone with the bank's batches, handed back at the counter.

Asked again under its number, it is the same refund: a round that was killed between asking and writing asks
once more, and nothing goes out twice. What is asked and answered is an event of the refund, and of the log.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import text
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
from certificates.payments.refund_history import LONGEST_SAID, RefundAct, event
from certificates.payments.refunds import SELECT, OrderRefund, refund_from
from certificates.payments.states import RefundState
from office.banking import journal
from office.banking.journal import Ledger, Posting

log = structlog.get_logger(__name__)

MOST_ATTEMPTS: Final = 8
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=6)
AT_ONCE: Final = 50


class WrongState(Exception):
    """The refund is not where this act finds it: somebody was faster."""


_NEXT: Final = text(
    f"{SELECT} WHERE f.next_at <= :now AND f.state IN ('due', 'asked') ORDER BY f.next_at, f.id LIMIT 1"
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


async def given_at_counter(connection: AsyncConnection, number: str, now: datetime) -> None:
    """The clerk who planned it gives it back in the same moment, out of the drawer."""
    found = text(f"{SELECT} WHERE f.number = :number")
    await paid(connection, refund_from((await connection.execute(found, {"number": number})).one()), now)


async def handed_back(connection: AsyncConnection, refund: int, version: int, now: datetime) -> None:
    """Money was given back over the counter. Raises WrongState."""
    locked = text(f"{SELECT} WHERE f.id = :id FOR UPDATE OF f")
    row = (await connection.execute(locked, {"id": refund})).one_or_none()
    found = refund_from(row) if row is not None else None
    if found is None or found.way is not PaymentWay.ON_THE_SPOT or found.version != version:
        raise WrongState(refund)
    if not await paid(connection, found, now):
        raise WrongState(refund)
