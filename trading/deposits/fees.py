"""The transaction service fee's invoice: a row with its number, and a PDF whenever somebody wants to see
it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.terms import Fen
from office.money import capital_amount, yuan
from signing.typesetting import compiler_of
from trading.working_days import BEIJING, day_of

TEMPLATE: Final = Path(__file__).parents[1] / "documents" / "templates" / "invoice.typ"
PAGE: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    number: str
    lot: str
    payer_name: str
    title: str
    price: Fen
    permille: int
    amount: Fen
    made_at: datetime


_COLUMNS: Final = ", ".join(Invoice.__dataclass_fields__)
_MAKE: Final = text(
    "INSERT INTO invoices (number, lot, payer_name, title, price, permille, amount, made_at)"
    " VALUES (:number, :lot, :payer_name, :title, :price, :permille, :amount, :now) ON CONFLICT (lot)"
    " DO NOTHING"
)


async def make_invoice(connection: AsyncConnection, account: Row[Any], now: datetime) -> None:
    """For a price account that is paid, in the caller's transaction; once for a lot."""
    values = {
        "number": f"FW{day_of(now):%Y%m}{account.number[6:14]}",
        "lot": account.lot,
        "payer_name": account.payer_name,
        "title": account.title,
        "price": account.price,
        "permille": account.fee_permille,
        "amount": account.fee,
        "now": now,
    }
    await connection.execute(_MAKE, values)


async def invoices(engine: AsyncEngine, page: int, *, size: int = PAGE) -> tuple[Sequence[Invoice], int]:
    """The latest first, and how many there are."""
    found = text(f"SELECT {_COLUMNS} FROM invoices ORDER BY id DESC LIMIT :size OFFSET :offset")  # noqa: S608
    async with engine.connect() as connection:
        rows = await connection.execute(found, {"size": size, "offset": (page - 1) * size})
        shown = [_invoice(row) for row in rows]
        count = await connection.scalar(text("SELECT count(*) FROM invoices"))
    return shown, int(count or 0)


async def invoice_called(engine: AsyncEngine, number: str) -> Invoice | None:
    return await _one(engine, "number", number)


async def invoice_of_lot(engine: AsyncEngine, lot: str) -> Invoice | None:
    return await _one(engine, "lot", lot)


async def _one(engine: AsyncEngine, column: str, value: str) -> Invoice | None:
    found = text(f"SELECT {_COLUMNS} FROM invoices WHERE {column} = :value")  # noqa: S608 - our own names
    async with engine.connect() as connection:
        row = (await connection.execute(found, {"value": value})).one_or_none()
    return _invoice(row) if row else None


def _invoice(row: Row[Any]) -> Invoice:
    fields = dict(row._mapping)
    return Invoice(**{**fields, "price": Fen(fields["price"]), "amount": Fen(fields["amount"])})


def permille_text(permille: int) -> str:
    """Permille as people read it: 15 is "1.5%"."""
    return f"{permille / 10:g}%"


def render(invoice: Invoice, *, seller: str, notice: str = "") -> bytes:
    """The PDF. The same invoice gives the same bytes. `notice`: above everything, for a demonstration."""
    moment = invoice.made_at.astimezone(BEIJING)
    data = {
        "number": invoice.number,
        "author": seller,
        "head": seller,
        "notice": notice,
        "seller": seller,
        "payer": invoice.payer_name,
        "lot": invoice.lot,
        "title": invoice.title,
        "price": yuan(invoice.price),
        "rate": permille_text(invoice.permille),
        "amount": yuan(invoice.amount),
        "capital": capital_amount(invoice.amount),
        "made": f"{moment:%Y年%m月%d日}",
    }
    return compiler_of(TEMPLATE).pdf(data, as_of=invoice.made_at).pdf
