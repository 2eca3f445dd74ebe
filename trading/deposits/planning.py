"""What a decision about a sub-account sends back. How it goes back is the office's (returning.py)."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from office.banking.journal import Ledger
from office.banking.returning import USUAL_DAYS, AlreadyReturned, Planned, new_number, plan
from trading.deposits.judging import Return
from trading.deposits.rows import SubAccount
from trading.working_days import calendar_of, day_of

__all__ = ["USUAL_DAYS", "AlreadyReturned", "Planned", "new_number", "plan", "plan_returns"]


async def plan_returns(
    connection: AsyncConnection, account: SubAccount, returns: Iterable[Return], now: datetime
) -> None:
    """What a decision about a sub-account sends back. What comes after the day that was set goes back
    within the usual days from now."""
    start, days = account.decided_on or day_of(now), account.refund_days
    if (await calendar_of(connection)).add(start, days).day < day_of(now):
        start, days = day_of(now), USUAL_DAYS
    for each in returns:
        source = (Ledger.DEPOSIT, account.sub_account)
        await plan(
            connection,
            Planned(
                transaction=each.money,
                account=account.sub_account,
                source=source,
                amount=each.amount,
                kind=each.kind,
                counted_from=start,
                working_days=days,
            ),
            now,
        )
