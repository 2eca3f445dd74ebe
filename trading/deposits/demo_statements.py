"""The statement that the demonstration's bank gives out, in the form of each bank: GBK, with its own
columns."""

import csv
import io
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.banking.amounts import plain
from office.banking.banks import Bank
from trading.working_days import BEIJING

MOST_ROWS: Final = 20_000
_ROWS: Final = text(
    "SELECT serial, at, amount, payer_name, payer_account, '示例银行吉首支行' AS payer_bank, sub_account,"
    " remark FROM demo_bank_transfers WHERE bank = :bank"
    " UNION ALL SELECT 'O' || r.number || '-' || r.attempts, b.made_at, -r.amount, r.payee_name,"
    " r.payee_account, r.payee_bank, '', r.number FROM refunds r JOIN refund_batches b ON b.id = r.batch_id"
    " WHERE r.bank = :bank AND r.state = 'paid' ORDER BY 2, 1 LIMIT :most"
)


async def statement_of(engine: AsyncEngine, bank: Bank) -> bytes:
    """All that was paid in and out, the oldest first."""
    async with engine.connect() as connection:
        rows = (await connection.execute(_ROWS, {"bank": bank.id, "most": MOST_ROWS})).all()
    written = io.StringIO(newline="")
    table = csv.writer(written)
    headings = bank.statement.headings
    table.writerow([bank.name, bank.account])
    table.writerow([names[0] for names in headings.values()])
    for row in rows:
        table.writerow([_cell(bank, name, row._mapping) for name in headings])
    return written.getvalue().encode("gb18030")


def _cell(bank: Bank, name: str, row: Any) -> str:
    """One cell in the bank's own way of writing."""
    moment: datetime = row["at"].astimezone(BEIJING)
    form = bank.statement.time_formats[0]
    amount = row["amount"]
    match name:
        case "time":
            return moment.strftime(form)
        case "date" | "clock":
            day, _, clock = moment.strftime(form).partition(" ")
            return day if name == "date" else clock
        case "credit":
            return plain(amount) if amount > 0 else ""
        case "debit":
            return plain(-amount) if amount < 0 else ""
        case "amount":
            return plain(abs(amount))
        case "direction":
            return next(iter(sorted(bank.statement.incoming if amount > 0 else bank.statement.outgoing)))
        case "balance":
            return ""
        case "sub_account" | "serial":
            return str(row[name])
    return str(row[name])
