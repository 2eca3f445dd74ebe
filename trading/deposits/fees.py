"""The transaction service fee's invoice: a row with its number, and a PDF whenever somebody wants to see
it. It is never edited: `corrections.correct` reverses it by a corrective one and issues another."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
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
MOST_CORRECTIONS: Final = 20
MOST_OF_LOT: Final = 1 + 2 * MOST_CORRECTIONS


class InvoiceKind(StrEnum):
    ISSUED = "issued"
    CORRECTIVE = "corrective"
    """红字: it takes another one back, with that one's amount below zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """`corrects` is what a corrective one takes back, `replaces` what one issued instead of it replaces;
    `corrected_by` and `replaced_by` are the same from the other side. "" for none."""

    number: str
    kind: InvoiceKind
    lot: str
    payer_name: str
    title: str
    price: Fen
    permille: int
    amount: Fen
    reason: str
    made_at: datetime
    corrects: str
    replaces: str
    corrected_by: str
    replaced_by: str

    @property
    def valid(self) -> bool:
        """Whether it counts: nothing has taken it back."""
        return self.kind is InvoiceKind.ISSUED and not self.corrected_by


_FOUND: Final = (
    "SELECT i.number, i.kind, i.lot, i.payer_name, i.title, i.price, i.permille, i.amount, i.reason,"
    " i.made_at, coalesce(i.corrects, '') AS corrects, coalesce(i.replaces, '') AS replaces,"
    " coalesce(c.number, '') AS corrected_by, coalesce(r.number, '') AS replaced_by FROM invoices i"
    " LEFT JOIN invoices c ON c.corrects = i.number LEFT JOIN invoices r ON r.replaces = i.number"
)
_MAKE: Final = text(
    "INSERT INTO invoices (number, lot, payer_name, title, price, permille, amount, made_at)"
    " VALUES (:number, :lot, :payer_name, :title, :price, :permille, :amount, :now)"
    " ON CONFLICT (lot) WHERE corrects IS NULL AND replaces IS NULL DO NOTHING"
)


async def make_invoice(connection: AsyncConnection, account: Row[Any], now: datetime) -> None:
    """For a price account that is paid, in the caller's transaction; once for a lot."""
    values = {
        "number": number_of("FW", account.number, now),
        "lot": account.lot,
        "payer_name": account.payer_name,
        "title": account.title,
        "price": account.price,
        "permille": account.fee_permille,
        "amount": account.fee,
        "now": now,
    }
    await connection.execute(_MAKE, values)


def number_of(letters: str, account: str, now: datetime, place: int = 0) -> str:
    """Month and price account, and which correction of its invoice it belongs to: FW20260312345678-01."""
    return f"{letters}{day_of(now):%Y%m}{account[6:14]}{f'-{place:02d}' if place else ''}"


async def invoices(engine: AsyncEngine, page: int, *, size: int = PAGE) -> tuple[Sequence[Invoice], int]:
    """The latest first, and how many there are."""
    found = text(f"{_FOUND} ORDER BY i.id DESC LIMIT :size OFFSET :offset")
    async with engine.connect() as connection:
        rows = await connection.execute(found, {"size": size, "offset": (page - 1) * size})
        shown = [_invoice(row) for row in rows]
        count = await connection.scalar(text("SELECT count(*) FROM invoices"))
    return shown, int(count or 0)


async def invoice_called(connection: AsyncConnection, number: str) -> Invoice | None:
    found = text(f"{_FOUND} WHERE i.number = :number")
    row = (await connection.execute(found, {"number": number})).one_or_none()
    return _invoice(row) if row else None


async def invoices_of_lot(engine: AsyncEngine, lot: str) -> Sequence[Invoice]:
    """In the order in which they were made: the first, what took it back, what replaced it, and so on."""
    found = text(f"{_FOUND} WHERE i.lot = :lot ORDER BY i.id LIMIT :most")
    async with engine.connect() as connection:
        return [_invoice(row) for row in await connection.execute(found, {"lot": lot, "most": MOST_OF_LOT})]


def _invoice(row: Row[Any]) -> Invoice:
    fields = dict(row._mapping)
    typed = {"price": Fen(fields["price"]), "amount": Fen(fields["amount"])}
    return Invoice(**{**fields, **typed, "kind": InvoiceKind(fields["kind"])})


def permille_text(permille: int) -> str:
    """Permille as people read it: 15 is "1.5%"."""
    return f"{permille / 10:g}%"


def render(invoice: Invoice, *, seller: str, notice: str = "") -> bytes:
    """The PDF. The same invoice gives the same bytes. `notice`: above everything, for a demonstration."""
    moment, reverses = invoice.made_at.astimezone(BEIJING), invoice.kind is InvoiceKind.CORRECTIVE
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
        "amount": f"{'-' if reverses else ''}¥ {yuan(abs(invoice.amount))}",
        "capital": f"{'（负数）' if reverses else ''}{capital_amount(abs(invoice.amount))}",
        "made": f"{moment:%Y年%m月%d日}",
        "corrects": invoice.corrects,
        "replaces": invoice.replaces,
        "reason": invoice.reason,
    }
    return compiler_of(TEMPLATE).pdf(data, as_of=invoice.made_at).pdf
