"""What follows by itself after an auction: reviews opened, offers timed out, seals and money that lead on.

Each step looks at what the tables say and performs one act in a transaction of its own: killed at any moment,
the next round goes on; two at once do nothing twice, because the listing's locked state decides.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.accounts import Role
from office.messages.telling import ToAccount, ToRole, tell
from office.sealed.port import Sealed, SealedAway
from trading.awards.awards import Awards
from trading.awards.contracts import sealed_plan
from trading.awards.offers import Offers
from trading.awards.payments import Payments, instalments_of, overdue
from trading.awards.result import result_facts
from trading.awards.sale import Sale, sale_of
from trading.awards.settling import DepositSettling
from trading.deposits import prices
from trading.lifecycle.performing import By, Lacks, NotAllowed, perform
from trading.lifecycle.states import Act, LotState
from trading.working_days import day_of

log = structlog.get_logger(__name__)

AT_ONCE: Final = 50
_REVIEW: Final = (
    "state = 'review' AND NOT EXISTS (SELECT FROM awards WHERE lot = listings.lot"
    " AND awards.state IN ('review', 'awarded'))"
)
_ASKED: Final = (
    "state IN ('priority_offer', 'next_offer') AND EXISTS"
    " (SELECT FROM priority_offers AS o WHERE o.lot = listings.lot"
    " AND o.answer = 'asked' AND o.due_at <= :now)"
)
_SEALED: Final = (
    "state = '{state}' AND EXISTS (SELECT FROM sale_documents AS d WHERE d.lot = listings.lot"
    " AND d.paper = '{paper}' AND d.state = 'sealed')"
)
_UNOPENED: Final = (
    "state = 'payment' AND NOT EXISTS (SELECT FROM settled_deposits AS s WHERE s.lot = listings.lot"
    " AND s.step = 'credit')"
)
_PAID: Final = (
    "state = 'payment' AND EXISTS (SELECT FROM price_accounts AS p WHERE p.lot = listings.lot"
    " AND p.state = 'paid')"
)
_OVERDUE: Final = (
    "state IN ('negotiation', 'review', 'confirmation', 'contract', 'payment') AND due_at <= :now"
    " AND alarmed_at IS NULL"
)
_INSTALMENT_LATE: Final = (
    "state = 'payment' AND EXISTS (SELECT FROM price_instalments AS i"
    " JOIN price_accounts AS p ON p.number = i.number WHERE p.lot = listings.lot AND p.state = 'open'"
    " AND i.due_on < CAST(CAST(:now AS timestamptz) AT TIME ZONE 'Asia/Shanghai' AS date)"
    " AND (listings.alarmed_at IS NULL OR i.due_on >="
    " CAST(listings.alarmed_at AT TIME ZONE 'Asia/Shanghai' AS date)))"
)
_CREDITED: Final = text(
    "INSERT INTO settled_deposits (lot, step, at) VALUES (:lot, 'credit', :now) ON CONFLICT DO NOTHING"
)
_CONTRACT: Final = text(
    "SELECT id, number FROM sale_documents WHERE lot = :lot AND paper = 'contract' AND state = 'sealed'"
)
_SINCE: Final = text("SELECT max(at) FROM listing_events WHERE lot = :lot AND act = :act")
_ALARM: Final = text("UPDATE listings SET alarmed_at = :now WHERE lot = :lot AND state = :state")


class AwardRound:
    """In the steward. A lot that fails is logged once; the others go on."""

    def __init__(self, engine: AsyncEngine, sealed: Sealed) -> None:
        self._engine = engine
        self._awards = Awards(engine, sealed)
        self._offers = Offers(engine, sealed)
        self._payments = Payments(engine, sealed)
        self._settling = DepositSettling(engine, sealed)
        self._failed: set[tuple[str, str]] = set()

    async def round(self, now: datetime) -> int:
        """How much went on. Raises SealedAway, and what makes the database useless."""
        steps: tuple[tuple[str, Callable[[str, datetime], Awaitable[bool]]], ...] = (
            (_ASKED, self._time_out),
            (_REVIEW, self._review),
            (_SEALED.format(state="confirmation", paper="confirmation"), self._confirmed),
            (_SEALED.format(state="contract", paper="contract"), self._contract_sealed),
            (_UNOPENED, self._open_payment),
            (_PAID, self._paid),
            (_OVERDUE, self._overdue),
            (_INSTALMENT_LATE, self._instalment_late),
        )
        done = 0
        for which, work in steps:
            done += await self._each(which, work, now)
        return done + await self._settling.round(now)

    async def _each(self, which: str, work: Callable[[str, datetime], Awaitable[bool]], now: datetime) -> int:
        found = text(f"SELECT lot FROM listings WHERE {which} ORDER BY changed_at, lot LIMIT :most")  # noqa: S608
        given = {"most": AT_ONCE} | ({"now": now} if ":now" in which else {})
        async with self._engine.connect() as connection:
            lots = list((await connection.execute(found, given)).scalars())
        return sum([await self._one(lot, work, now) for lot in lots])

    async def _one(self, lot: str, work: Callable[[str, datetime], Awaitable[bool]], now: datetime) -> bool:
        try:
            done = await work(lot, now)
        except (NotAllowed, Lacks) as overtaken:
            log.info("sale_overtaken", lot=lot, said=str(overtaken))
            return False
        except SealedAway:
            raise
        except Exception as fault:
            if isinstance(fault, DBAPIError) and fault.connection_invalidated:
                raise
            if (lot, work.__name__) not in self._failed:
                log.error("sale_does_not_go_on", lot=lot, step=work.__name__, fault=repr(fault))
            self._failed.add((lot, work.__name__))
            return False
        self._failed.discard((lot, work.__name__))
        return done

    # the steps

    async def _time_out(self, lot: str, now: datetime) -> bool:
        return await self._offers.time_out(lot, now=now)

    async def _review(self, lot: str, now: datetime) -> bool:
        """Who has to agree is asked first: holders of priority rights, bidders after the highest."""
        if await self._offers.begin(lot, now=now):
            return True
        return await self._awards.open_review(lot, now=now) is not None

    async def _confirmed(self, lot: str, now: datetime) -> bool:
        return await self._act(lot, LotState.CONFIRMATION, Act.CONFIRM, now)

    async def _contract_sealed(self, lot: str, now: datetime) -> bool:
        """The price is due by the contract's plan, or by the rules where it has none."""
        async with self._engine.begin() as connection:
            sale = await sale_of(connection, lot, lock=True)
            if sale is None or sale.listing.state is not LotState.CONTRACT:
                return False
            row = (await connection.execute(_CONTRACT, {"lot": lot})).one()
            facts = {"winner_account": sale.awarded.account_id, "contract": row.number}
            await perform(connection, lot, Act.CONTRACT_SEALED, By.clock(), now=now, facts=facts)
        return True

    async def _open_payment(self, lot: str, now: datetime) -> bool:
        async with self._engine.connect() as connection:
            sale = await sale_of(connection, lot)
            row = (await connection.execute(_CONTRACT, {"lot": lot})).one()
            fields = await sealed_plan(connection, row.id)
            since = await connection.scalar(_SINCE, {"lot": lot, "act": Act.CONTRACT_SEALED.value})
        if sale is None:
            return False
        plan = instalments_of(fields, sale.awarded.price, since or now)
        await self._payments.open(sale, plan, now=now)
        async with self._engine.begin() as connection:
            standing = await sale_of(connection, lot, lock=True)
            if standing is None or standing.award != sale.award:
                return False  # defaulted meanwhile: the next buyer's is to be opened still
            await connection.execute(_CREDITED, {"lot": lot, "now": now})
        log.info("price_account_opened", lot=lot)
        return True

    async def _paid(self, lot: str, now: datetime) -> bool:
        """All is there: the result is announced, as the profile discloses it."""
        standing = await prices.standing(self._engine, lot)
        if standing is None or standing.state != "paid":
            return False
        return await self._act(lot, LotState.PAYMENT, Act.PAID, now, publishes=True)

    async def _overdue(self, lot: str, now: datetime) -> bool:
        """The administrators are told, once in each state; what follows they decide."""
        async with self._engine.begin() as connection:
            sale = await sale_of(connection, lot, lock=True)
            if sale is None or sale.listing.due_at is None or sale.listing.due_at > now:
                return False
            if sale.listing.alarmed_at is not None:
                return False
            return await _alarm(connection, sale, now)

    async def _instalment_late(self, lot: str, now: datetime) -> bool:
        """The same, for each part of the price that did not come on its day; the buyer is told, too."""
        standing = await prices.standing(self._engine, lot)
        late = overdue(standing, day_of(now)) if standing else ()
        if not late:
            return False
        async with self._engine.begin() as connection:
            sale = await sale_of(connection, lot, lock=True)
            if sale is None or sale.listing.state is not LotState.PAYMENT:
                return False
            told = sale.listing.alarmed_at
            if told is not None and all(each.due_on < day_of(told) for each in late):
                return False
            facts = {"lot": lot, "title": sale.listing.title}
            buyer = ToAccount(sale.awarded.account_id)
            await tell(connection, buyer, "award.instalment_late", facts, now=now)
            return await _alarm(connection, sale, now)

    async def _act(
        self, lot: str, state: LotState, act: Act, now: datetime, *, publishes: bool = False
    ) -> bool:
        """Perform it on the locked listing, if it is still where it was found."""
        async with self._engine.begin() as connection:
            sale = await sale_of(connection, lot, lock=True)
            if sale is None or sale.listing.state is not state:
                return False
            more: dict[str, Any] = {"published": result_facts(sale)} if publishes else {}
            await perform(connection, lot, act, By.clock(), now=now, facts=_facts(sale), **more)
        log.info("sale_went_on", lot=lot, act=act.value)
        return True


async def _alarm(connection: AsyncConnection, sale: Sale, now: datetime) -> bool:
    """Tell the administrators. The caller has locked the listing and seen that they were not told yet."""
    given = {"lot": sale.lot, "now": now, "state": sale.listing.state.value}
    await connection.execute(_ALARM, given)
    facts = {"lot": sale.lot, "title": sale.listing.title}
    await tell(connection, ToRole(Role.ADMINISTRATOR), "award.overdue", facts, now=now)
    return True


def _facts(sale: Sale) -> dict[str, Any]:
    award = sale.awarded
    return {"winner_account": award.account_id, "award": award.number, "price": int(award.price)}
