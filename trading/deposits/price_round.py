"""What has come for the prices of sold lots: counted, and once it is all there, the fee taken and
invoiced."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.terms import Fen
from office.banking import journal
from office.banking.journal import Ledger, Posting
from trading.deposits import fees, planning, rows
from trading.deposits.judging import Held, Return, judge
from trading.deposits.planning import Planned
from trading.deposits.states import Disposition, MoneyStanding
from trading.working_days import day_of

AT_ONCE: Final = 100
_ONE: Final = text("SELECT * FROM price_accounts WHERE number = :number FOR UPDATE")
_PAID: Final = text(
    "UPDATE price_accounts SET state = 'paid', fee_taken = true, changed_at = :now WHERE number = :number"
)


async def judge_prices(engine: AsyncEngine, now: datetime) -> int:
    """How many price accounts were looked at."""
    found = text("SELECT number FROM price_accounts WHERE NOT judged ORDER BY number LIMIT :most")
    async with engine.connect() as connection:
        numbers = list((await connection.execute(found, {"most": AT_ONCE})).scalars())
    for number in numbers:
        async with engine.begin() as connection:
            await judge_price(connection, number, now)
    return len(numbers)


async def judge_price(connection: AsyncConnection, number: str, now: datetime) -> None:
    """Count what came for one price, and write what follows."""
    row = (await connection.execute(_ONE, {"number": number})).one()
    held = Held(
        due=Fen(max(0, row.price + row.fee - row.credited)),
        payer_key=row.payer_key,
        deadline=None,
        disposition=Disposition.RELEASED if row.state == "closed" else Disposition.HELD,
    )
    moneys = await rows.moneys_of(connection, number)
    judgement = judge(held, moneys)
    if judgement.returns:
        await _return(connection, row, judgement.returns, now)
        judgement = judge(held, await rows.moneys_of(connection, number))
    gone = await rows.returned_whole(connection, number)
    standings = {
        each: MoneyStanding.RETURNED if standing is MoneyStanding.RETURNING and each in gone else standing
        for each, standing in judgement.standings.items()
    }
    await rows.write_standings(connection, standings, now)
    if row.state == "open" and judgement.counted >= held.due:
        await _settle(connection, row, now)
    done = text("UPDATE price_accounts SET judged = true WHERE number = :number")
    await connection.execute(done, {"number": number})


async def _settle(connection: AsyncConnection, row: Row[Any], now: datetime) -> None:
    """All is in: the fee is the platform's, and the invoice is made."""
    if row.fee:
        lines = journal.moved((Ledger.PRICE, row.number), (Ledger.FEE, row.lot), row.fee)
        await journal.post(
            connection, Posting(at=now, reference=f"fee {row.number}", text="交易服务费", lines=lines)
        )
        await fees.make_invoice(connection, row, now)
    await connection.execute(_PAID, {"number": row.number, "now": now})


async def _return(
    connection: AsyncConnection, row: Row[Any], returns: Iterable[Return], now: datetime
) -> None:
    for each in returns:
        planned = Planned(
            transaction=each.money,
            account=row.number,
            source=(Ledger.PRICE, row.number),
            amount=each.amount,
            kind=each.kind,
            counted_from=day_of(now),
            working_days=planning.USUAL_DAYS,
            reason="交易未完成，价款退回",
        )
        await planning.plan(connection, planned, now)
