"""Money that came in for orders: each payment once, whatever tells of it and however often.

A receipt is known by where it came and that place's own number for it. Its posting in the journal is
written with
it: what came is held for the order from that moment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.catalogue.scope import PaymentWay
from certificates.orders.order import locked
from certificates.payments.states import Standing
from office.banking import journal
from office.banking.journal import Ledger, Posting


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A row of `order_receipts`."""

    id: int
    source: PaymentWay
    reference: str
    charge: str | None
    order_number: str | None
    bank: str
    transaction_id: int | None
    remark: str = field(repr=False)
    fen: int
    returned: int
    standing: Standing
    accepted: bool
    """Two people of finance say that it is for this order."""
    paid_at: datetime
    taken_at: datetime
    version: int

    @property
    def left(self) -> int:
        return self.fen - self.returned

    @property
    def held(self) -> tuple[Ledger, str]:
        """Where the journal has what is left of it."""
        if self.order_number is not None:
            return Ledger.ORDER, self.order_number
        return Ledger.SUSPENSE, self.bank or str(self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """Money as it is told, before it is taken."""

    source: PaymentWay
    reference: str
    fen: int
    paid_at: datetime
    order_number: str | None
    charge: str | None = None
    bank: str = ""
    transaction_id: int | None = None
    payer_mark: str = ""
    remark: str = field(default="", repr=False)


class Conflict(Exception):
    """The number is known with another sum or for something else: people have to look."""


COLUMNS: Final = ", ".join(Receipt.__dataclass_fields__)
_TAKE: Final = text(
    "INSERT INTO order_receipts (source, reference, charge, order_number, bank, transaction_id, payer_mark,"
    " remark, fen, standing, paid_at, taken_at, changed_at) VALUES (:source, :reference, :charge,"
    " :order_number, :bank, :transaction_id, :payer_mark, :remark, :fen, :standing, :paid_at, :now, :now)"
    " ON CONFLICT (source, reference) DO NOTHING RETURNING id"
)
_KNOWN: Final = text(
    "SELECT fen, charge, order_number FROM order_receipts WHERE source = :source AND reference = :reference"
)
_OPEN_ACCOUNT: Final = text(
    "INSERT INTO order_accounts (order_number, made_at) VALUES (:number, :now)"
    " ON CONFLICT (order_number) DO UPDATE SET judged_version = 0, closed = false"
)


async def take(connection: AsyncConnection, came: Came, now: datetime) -> bool:
    """Keep it, in the caller's transaction. False: it was known. Raises Conflict."""
    standing = Standing.UNKNOWN if came.order_number is None else Standing.HELD
    values = {name: getattr(came, name) for name in Came.__dataclass_fields__}
    values |= {"source": came.source.value, "standing": standing.value, "now": now}
    if await connection.scalar(_TAKE, values) is None:
        known = (await connection.execute(_KNOWN, values)).one()
        moved = came.source is PaymentWay.ON_THE_SPOT and known.order_number != came.order_number
        if (known.fen, known.charge) != (came.fen, came.charge) or moved:
            raise Conflict(came.reference)
        return False
    if came.order_number is not None:
        await reopen(connection, came.order_number, now)
    if came.order_number is not None or came.source is not PaymentWay.TRANSFER:
        await journal.post(connection, _posting(came, now))
    return True


async def reopen(connection: AsyncConnection, number: str, now: datetime) -> None:
    """Something happened to the money of this order: it is judged again.

    The order is held first, as by who judges it (settling.py): the other way round both wait for each other.
    """
    await locked(connection, number)
    await connection.execute(_OPEN_ACCOUNT, {"number": number, "now": now})


def _posting(came: Came, now: datetime) -> Posting:
    """A transfer lies in the bank's suspense already (taking.py); the others come in with this."""
    origin = {
        PaymentWay.TRANSFER: (Ledger.SUSPENSE, came.bank),
        PaymentWay.ON_THE_SPOT: (Ledger.COUNTER, "cash"),
    }.get(came.source, (Ledger.PROVIDER, str(came.source)))
    target = (Ledger.ORDER, came.order_number) if came.order_number else (Ledger.SUSPENSE, str(came.source))
    return Posting(
        at=now,
        reference=f"receipt {came.source} {came.reference}",
        text="证书订单来款",
        lines=journal.moved(origin, target, came.fen),
    )


_OF: Final = text(
    f"SELECT {COLUMNS} FROM order_receipts WHERE order_number = :number ORDER BY paid_at, id FOR UPDATE"  # noqa: S608
)
_SEEN: Final = text(f"SELECT {COLUMNS} FROM order_receipts WHERE order_number = :number ORDER BY paid_at, id")  # noqa: S608
_STAND: Final = text(
    "UPDATE order_receipts SET standing = given.standing, version = version + 1, changed_at = :now"
    " FROM unnest(CAST(:ids AS bigint[]), CAST(:standings AS text[])) AS given(id, standing)"
    " WHERE order_receipts.id = given.id AND order_receipts.standing <> given.standing"
    " RETURNING order_receipts.id"
)


async def of_order(connection: AsyncConnection, number: str, *, lock: bool = False) -> Sequence[Receipt]:
    """All of one order, the oldest first. `lock`: the order's row is locked before."""
    rows = await connection.execute(_OF if lock else _SEEN, {"number": number})
    return [receipt_from(row) for row in rows]


async def stand(
    connection: AsyncConnection, standings: Mapping[int, Standing], now: datetime
) -> Sequence[int]:
    """Write them; which are new."""
    ids = sorted(standings)
    values = {"ids": ids, "standings": [standings[one].value for one in ids], "now": now}
    return list((await connection.execute(_STAND, values)).scalars())


def receipt_from(row: Row[Any]) -> Receipt:
    fields = dict(row._mapping)
    fields |= {"source": PaymentWay(row.source), "standing": Standing(row.standing)}
    return Receipt(**fields)
