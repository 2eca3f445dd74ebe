"""The price of a sale: the account to pay into is opened with the contract's plan, and the deposit credited.

Money is counted by trading.deposits; here stands when it is due.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.terms import Fen
from office.banking.banks import banks
from office.sealed.port import Sealed
from trading.awards.contract_template import PLAN, plan_of
from trading.awards.sale import NoAward, Sale, sale_of
from trading.deposits import prices
from trading.deposits.deposits import AlreadyDecided, Deposits, NoSubAccount
from trading.deposits.prices import Instalment, PriceStanding
from trading.working_days import day_of


def instalments_of(fields: Mapping[str, str], price: Fen, sealed_at: datetime) -> tuple[Instalment, ...]:
    """The plan of a contract in dates; the whole price at once where it has none."""
    first = day_of(sealed_at)
    if not all(name in fields for name in PLAN):
        return ()
    parts = plan_of(fields, int(price))
    return tuple(Instalment(Fen(part.amount), first + timedelta(days=part.after_days)) for part in parts)


def next_due(standing: PriceStanding) -> tuple[Fen, date | None]:
    """What is due next, and when; (0, None) when all is there."""
    for each, covered in standing.covered():
        if not covered:
            return each.amount, each.due_on
    return standing.missing, standing.due_on if standing.missing else None


def overdue(standing: PriceStanding, today: date) -> Sequence[Instalment]:
    """Instalments whose day has passed and that are not covered."""
    return [each for each, covered in standing.covered() if not covered and each.due_on < today]


class Payments:
    def __init__(self, engine: AsyncEngine, sealed: Sealed) -> None:
        self._engine = engine
        self._deposits = Deposits(engine, sealed)

    async def open(self, sale: Sale, plan: Sequence[Instalment], *, now: datetime) -> str:
        """The number to pay the price into, the deposit credited. May be repeated.

        `plan` empty: all at once, at the end of the time that the rules give. Raises NoAward when the buyer
        has defaulted meanwhile: an account that nobody closes any more would be the next buyer's.
        """
        award = sale.awarded
        bank = await self._bank(award.registration)
        last = plan[-1].due_on if plan else day_of(now + timedelta(days=sale.rules.payment_within_days))
        async with self._engine.begin() as connection:
            standing = await sale_of(connection, sale.lot, lock=True)
            if standing is None or standing.awarded != award:
                raise NoAward(sale.lot)
            number = await self._opened(connection, sale, bank, plan, last, now)
        await self._credit(award.registration, sale.lot, now)
        return number

    async def _opened(
        self,
        connection: AsyncConnection,
        sale: Sale,
        bank: str,
        plan: Sequence[Instalment],
        last: date,
        now: datetime,
    ) -> str:
        return await prices.open_price_account(
            connection,
            sale.lot,
            price=sale.awarded.price,
            payer=sale.transferee.partition("、")[0],
            bank=bank,
            now=now,
            title=sale.listing.title,
            fee_permille=sale.rules.service_fee_permille,
            due_on=last,
            instalments=plan or (Instalment(sale.awarded.price, last),),
        )

    async def _bank(self, registration: str) -> str:
        """Where the deposit was paid; else the first of the platform's banks."""
        deposit = await self._deposits.of_registration(registration) if registration else None
        return deposit.bank.id if deposit else next(iter(banks()))

    async def _credit(self, registration: str, lot: str, now: datetime) -> None:
        try:
            if registration:
                await self._deposits.credit(registration, lot, now=now)
        except (NoSubAccount, AlreadyDecided):
            return
