"""Instalments in default: a part of the price did not come on its day, an administrator notes it.

    arrears = Arrears(engine)
    await arrears.note(lot, 2, "催告后仍未付款。", by=7, now=now)

The sale goes on: the buyer has the days of the rule profile, counted from the instalment's own day and at
least from tomorrow. Who has paid by then stands as before; after that the administrators are told, once, and
may declare a default of the whole sale (`Awards.default`). What is owed for being late follows from the
contract's clause on breach, between the parties; the platform shows it and collects nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bidding.terms import Fen
from office.accounts import Role
from office.audit.trail import account, record
from office.messages.telling import ToAccount, ToRole, tell
from trading.awards.records import LONGEST_REASON
from trading.awards.sale import sale_of
from trading.deposits import prices
from trading.deposits.prices import PriceStanding
from trading.lifecycle.states import LotState
from trading.working_days import day_of

AT_ONCE: Final = 50
PARTS: Final = 10_000
"""The contract gives the daily penalty in ten-thousandths of what is missing."""
_NOTE: Final = text(
    "INSERT INTO instalment_defaults (number, place, missing, reason, grace_until, noted_at, noted_by)"
    " VALUES (:number, :place, :missing, :reason, :grace_until, :now, :by) ON CONFLICT DO NOTHING"
)
_OF: Final = text(
    "SELECT place, missing, reason, grace_until, noted_at FROM instalment_defaults WHERE number = :number"
    " ORDER BY place"
)


_OVER: Final = text(
    "SELECT d.number, d.place, p.lot, p.title FROM instalment_defaults d"
    " JOIN price_accounts p ON p.number = d.number JOIN listings l ON l.lot = p.lot"
    " WHERE d.alarmed_at IS NULL AND d.grace_until < :today AND p.state = 'open' AND l.state = 'payment'"
    " ORDER BY d.grace_until, d.number, d.place LIMIT :most"
)
_ALARMED: Final = text(
    "UPDATE instalment_defaults SET alarmed_at = :now"
    " WHERE number = :number AND place = :place AND alarmed_at IS NULL"
)


class NotLate(Exception):
    """The instalment is there, or its day has not passed; or there is no such."""


class NotedAlready(Exception):
    """Somebody has noted it before."""


@dataclass(frozen=True, slots=True)
class LateInstalment:
    """One that was noted. `place` counts from 1; `missing` as of then."""

    place: int
    missing: Fen
    reason: str
    grace_until: date
    noted_at: datetime


class Arrears:
    """For administrators."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def of(self, number: str) -> Sequence[LateInstalment]:
        """Those of a price account."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(_OF, {"number": number})
            return [LateInstalment(**row._mapping) for row in rows]

    async def note(self, lot: str, place: int, reason: str, *, by: int, now: datetime) -> date:
        """The last day of grace; buyer and transferor are told.

        Raises NotLate, NotedAlready; ValueError without a reason.
        """
        if not 0 < len(reason) <= LONGEST_REASON:
            raise ValueError("a default has a reason")
        async with self._engine.begin() as connection:
            sale = await sale_of(connection, lot, lock=True)
            standing = await prices.standing(self._engine, lot)
            if sale is None or sale.listing.state is not LotState.PAYMENT or standing is None:
                raise NotLate(lot)
            missing = missing_of(standing, place)
            due_on = standing.instalments[place - 1].due_on if missing else None
            if due_on is None or due_on >= day_of(now):
                raise NotLate(lot)
            grace = timedelta(days=sale.rules.instalment_grace_days)
            last = max(due_on + grace, day_of(now) + timedelta(days=1))
            row = {"number": standing.number, "place": place, "missing": missing, "reason": reason}
            row |= {"grace_until": last, "now": now, "by": by}
            if not (await connection.execute(_NOTE, row)).rowcount:
                raise NotedAlready(lot)
            facts: dict[str, str | int] = {"lot": lot, "title": sale.listing.title, "part": place}
            facts |= {"last_day": last.isoformat(), "reason": reason}
            for told in (sale.awarded.account_id, sale.listing.transferor_id):
                await tell(connection, ToAccount(told), "award.instalment_default", facts, now=now)
            await record(
                connection,
                at=now,
                actor=account(by),
                role=str(Role.ADMINISTRATOR),
                act="award.note_instalment",
                subject=lot,
                facts={"part": place, "missing": missing, "last_day": last.isoformat(), "reason": reason},
            )
        return last


class GraceRound:
    """In the steward: who watches is told, once, of each instalment whose grace is over and that lacks."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def round(self, now: datetime) -> int:
        """How many were told, or came in meanwhile."""
        given = {"today": day_of(now), "most": AT_ONCE}
        async with self._engine.connect() as connection:
            over = (await connection.execute(_OVER, given)).all()
        for row in over:
            standing = await prices.standing(self._engine, row.lot)
            lacks = standing is not None and standing.number == row.number and missing_of(standing, row.place)
            async with self._engine.begin() as connection:
                values = {"number": row.number, "place": row.place, "now": now}
                if not (await connection.execute(_ALARMED, values)).rowcount or not lacks:
                    continue
                facts = {"lot": row.lot, "title": row.title, "part": row.place}
                await tell(connection, ToRole(Role.ADMINISTRATOR), "award.grace_over", facts, now=now)
        return len(over)


def missing_of(standing: PriceStanding, place: int) -> Fen:
    """What this instalment lacks: earlier ones are covered first. 0 for one that there is not."""
    if not 0 < place <= len(standing.instalments):
        return Fen(0)
    before = sum(each.amount for each in standing.instalments[: place - 1])
    there = max(0, standing.credited + standing.received - before)
    return Fen(max(0, standing.instalments[place - 1].amount - there))


def penalty_of(missing: int, per_day: int, due_on: date, today: date) -> Fen:
    """By the contract: `per_day` ten-thousandths of what is missing for each day, to the fen, halves up."""
    days = max(0, (today - due_on).days)
    return Fen((missing * per_day * days + PARTS // 2) // PARTS)
