"""Priority mode `offer`: after the auction the holders of priority rights are asked, one after the other.

Each may take the final price within the hours of the profile, or decline; who says nothing is passed over.
Ranks before the highest bidder's are asked, the first rank first; of the same rank in the order of paddles.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import structlog
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.terms import PriorityMode
from office.messages.telling import ToAccount, tell
from office.sealed.port import Sealed
from trading.awards.awards import NobodyThere, NotStanding
from trading.awards.outcome import Outcome, outcome_of
from trading.awards.records import OFFERS, Answer, AwardRecords, Offer, asked_offer, offers, rounds
from trading.lifecycle.listing import Listing, locked, read
from trading.lifecycle.performing import By, perform
from trading.lifecycle.states import Act, Actor, LotState
from trading.profiles.profile import RuleProfile
from trading.profiles.store import get_on

log = structlog.get_logger(__name__)


class Offers(AwardRecords):
    """Every act is one transaction; the listing's row is locked first."""

    def __init__(self, engine: AsyncEngine, sealed: Sealed) -> None:
        super().__init__(engine)
        self._sealed = sealed

    async def begin(self, lot: str, *, now: datetime) -> bool:
        """Ask the first holder, before anybody is reviewed. False: there is nobody to ask.

        Raises NobodyThere, LedgerUnfit, NotAllowed, what `sealed` raises.
        """
        found = await self._to_ask(lot)
        if found is None:
            return False
        outcome, rules = found
        row = await self._row(outcome, outcome.holders[0], rules, now)
        async with self._engine.begin() as connection:
            if await offers(connection, lot) or await rounds(connection, lot):
                return False
            listing = await locked(connection, lot)
            if listing is None or listing.state is not LotState.REVIEW:
                return False
            facts = {"rank": row["rank"], "price": int(outcome.price)}
            changes = {"due_at": row["due_at"]}
            await perform(
                connection, lot, Act.OFFER_PRIORITY, By.clock(), now=now, facts=facts, changes=changes
            )
            await _ask(connection, row, listing, now)
        return True

    async def answer(self, lot: str, account_id: int, *, takes: bool, now: datetime) -> Answer:
        """The holder who is asked takes the price, or declines. NotStanding for others, or too late."""
        async with self._engine.begin() as connection:
            if await locked(connection, lot) is None:
                raise NotStanding(lot)
            offer = await asked_offer(connection, lot)
            if offer is None or offer.account_id != account_id or offer.due_at <= now:
                raise NotStanding(lot)
            answer = Answer.TAKEN if takes else Answer.DECLINED
            await self._answered(connection, offer, answer, By(Actor.BIDDER, account_id), now)
        return answer

    async def time_out(self, lot: str, *, now: datetime) -> bool:
        """Pass over who said nothing until the deadline. False: nobody had to answer by now."""
        async with self._engine.begin() as connection:
            if await locked(connection, lot) is None:
                return False
            offer = await asked_offer(connection, lot)
            if offer is None or offer.due_at > now:
                return False
            await self._answered(connection, offer, Answer.TIMED_OUT, By.clock(), now)
        return True

    async def _to_ask(self, lot: str) -> tuple[Outcome, RuleProfile] | None:
        async with self._engine.connect() as connection:
            listing = await read(connection, lot)
            profile = await get_on(connection, listing.profile_id) if listing else None
            if profile is None or profile.rules.priority_mode is not PriorityMode.OFFER:
                return None
            outcome = await outcome_of(connection, lot)
        return (outcome, profile.rules) if outcome and outcome.holders else None

    async def _row(
        self, outcome: Outcome, holder: tuple[str, int], rules: RuleProfile, now: datetime
    ) -> dict[str, object]:
        paddle, rank = holder
        account = await self._sealed.winner(outcome.lot, paddle)
        if account is None:
            raise NobodyThere(f"{outcome.lot}: {paddle}")
        return {
            "lot": outcome.lot,
            "paddle": paddle,
            "rank": rank,
            "registration": await self._sealed.registration_by_paddle(outcome.lot, paddle) or "",
            "account_id": account,
            "price": outcome.price,
            "asked_at": now,
            "due_at": now + timedelta(hours=rules.priority_answer_hours),
            "answer": Answer.ASKED.value,
        }

    async def _answered(
        self, connection: AsyncConnection, offer: Offer, answer: Answer, by: By, now: datetime
    ) -> None:
        """Keep the answer; ask the next holder, or go on to the review when it is taken or nobody is left."""
        mine = (OFFERS.c.lot == offer.lot) & (OFFERS.c.paddle == offer.paddle)
        values = {"answer": answer.value, "answered_at": now}
        await connection.execute(update(OFFERS).where(mine).values(values))
        log.info("priority_answered", lot=offer.lot, rank=offer.rank, answer=answer.value)
        following = None if answer is Answer.TAKEN else await self._next(connection, offer.lot, now)
        if following is not None:
            row, listing = following
            await _ask(connection, row, listing, now)
            return
        facts = {"rank": offer.rank, "answer": answer.value}
        await perform(connection, offer.lot, Act.ANSWER_PRIORITY, by, now=now, facts=facts)

    async def _next(
        self, connection: AsyncConnection, lot: str, now: datetime
    ) -> tuple[dict[str, object], Listing] | None:
        outcome, listing = await outcome_of(connection, lot), await read(connection, lot)
        profile = await get_on(connection, listing.profile_id) if listing else None
        if outcome is None or listing is None or profile is None:
            return None
        holder = next_holder(outcome, {each.paddle for each in await offers(connection, lot)})
        return None if holder is None else (await self._row(outcome, holder, profile.rules, now), listing)


def next_holder(outcome: Outcome, asked: Collection[str]) -> tuple[str, int] | None:
    """The first holder, by rank, who was not asked yet."""
    return next((holder for holder in outcome.holders if holder[0] not in asked), None)


async def _ask(connection: AsyncConnection, row: dict[str, object], listing: Listing, now: datetime) -> None:
    await connection.execute(insert(OFFERS).values(row))
    facts = {"lot": listing.lot, "title": listing.title}
    await tell(connection, ToAccount(int(str(row["account_id"]))), "award.priority_asked", facts, now=now)
