"""What finance does by hand with money of orders: look, and send back what may not pay for anything."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from certificates.orders.order import locked
from certificates.payments import receipts, refunds
from certificates.payments.receipts import COLUMNS, Receipt, receipt_from
from certificates.payments.states import BY_HAND, PROBLEMS, Standing
from office.banking.proposals import CannotDo, Obstacle, said
from office.banking.recording import record_act

PAGE: Final = 50
_ONE: Final = text(f"SELECT {COLUMNS} FROM order_receipts WHERE id = :id FOR UPDATE")  # noqa: S608
_ORDER: Final = text("SELECT order_number FROM order_receipts WHERE id = :id")
_FOUND: Final = " FROM order_receipts WHERE standing = ANY(:standings) AND (NOT :only_left OR returned < fen)"
_PAYERS: Final = text("SELECT id, payer_name, payer_account FROM bank_transactions WHERE id = ANY(:ids)")


@dataclass(frozen=True, slots=True)
class Listed:
    """A receipt with who paid it, as the bank says; "" where a provider does not tell."""

    receipt: Receipt
    payer: str = field(repr=False)
    account: str = field(repr=False)


async def found(
    connection: AsyncConnection, standing: Standing | None, page: int
) -> tuple[Sequence[Listed], int]:
    """One page of the money that stands so, the latest first. None: what somebody has to look at."""
    standings = sorted(str(one) for one in (PROBLEMS if standing is None else {standing}))
    given: dict[str, Any] = {"standings": standings, "only_left": standing is None}
    place = given | {"size": PAGE, "offset": (page - 1) * PAGE}
    rows = await connection.execute(
        text(f"SELECT {COLUMNS}{_FOUND} ORDER BY id DESC LIMIT :size OFFSET :offset"),
        place,
    )
    shown = [receipt_from(row) for row in rows]
    count = int(await connection.scalar(text(f"SELECT count(*){_FOUND}"), given) or 0)
    ids = [one.transaction_id for one in shown if one.transaction_id is not None]
    payers = {row.id: row for row in await connection.execute(_PAYERS, {"ids": ids})}
    return [_listed(one, payers.get(one.transaction_id)) for one in shown], count


def _listed(one: Receipt, payer: Any) -> Listed:
    return Listed(one, payer.payer_name if payer else "", payer.payer_account if payer else "")


async def listed(connection: AsyncConnection, receipt: int) -> Listed | None:
    """One of them, for its page."""
    found_ = text(f"SELECT {COLUMNS} FROM order_receipts WHERE id = :id")  # noqa: S608
    row = (await connection.execute(found_, {"id": receipt})).one_or_none()
    if row is None:
        return None
    one = receipt_from(row)
    payer = (await connection.execute(_PAYERS, {"ids": [one.transaction_id or 0]})).one_or_none()
    return _listed(one, payer)


async def give_back(
    engine: AsyncEngine, receipt: int, version: int, reason: str, *, by: int, now: datetime
) -> str:
    """All that is left of it goes back; the refund's number. Raises CannotDo."""
    why = said(reason)
    async with engine.begin() as connection:
        order = await connection.scalar(_ORDER, {"id": receipt})
        if order is not None:
            await locked(connection, order)
        row = (await connection.execute(_ONE, {"id": receipt})).one_or_none()
        one = receipt_from(row) if row is not None else None
        if one is None or one.version != version or one.standing not in BY_HAND or not one.left:
            raise CannotDo(Obstacle.OVERTAKEN)
        if one.order_number != order:
            raise CannotDo(Obstacle.OVERTAKEN)
        number = await refunds.plan(connection, one, one.left, why, now, by=by)
        if order is not None:
            await receipts.reopen(connection, order, now)
        facts = {"receipt": receipt, "fen": one.left}
        await record_act(connection, by, "payment.return", number, facts, now)
    return number
