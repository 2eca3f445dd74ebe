"""A lot is offered to somebody who has to agree: holders of priority rights, and bidders after the highest.

Priority mode `offer`: after the auction the holders are asked, one after the other. Each may take the final
price within the hours of the profile, or decline; who says nothing is passed over. Ranks before the highest
bidder's are asked, the first rank first; of the same rank in the order of paddles.

After a refusal or a default, where the profile says so, the next bidder is asked in the same way: at the own
highest bid. When nobody is left, the lot is unsold.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.terms import Fen, PriorityMode
from office.messages.telling import ToAccount, tell
from office.sealed.port import Sealed
from trading.awards.awards import NobodyThere, NotStanding, Turn, has_to_be_asked, whose_turn
from trading.awards.outcome import Outcome, outcome_of
from trading.awards.records import (
    OFFERS,
    Answer,
    AwardRecords,
    Offer,
    Source,
    asked_offer,
    offers,
    rounds,
)
from trading.lifecycle.listing import Listing, locked, read
from trading.lifecycle.performing import By, perform
from trading.lifecycle.states import Act, Actor, LotState
from trading.profiles.profile import RuleProfile
from trading.profiles.store import get_on

log = structlog.get_logger(__name__)

NOBODY_LEFT: Final = "竞得人未通过资格审查或者违约，依次征询的报价人都没有接受。"
"""What the announcement gives as the reason."""
_ASKED: Final = {Source.PRIORITY: "award.priority_asked", Source.NEXT_BIDDER: "award.next_asked"}


class Offers(AwardRecords):
    """Every act is one transaction; the listing's row is locked first."""

    def __init__(self, engine: AsyncEngine, sealed: Sealed) -> None:
        super().__init__(engine)
        self._sealed = sealed

    async def begin(self, lot: str, *, now: datetime) -> bool:
        """Ask whoever has to agree before there is a review. False: there is nobody to ask.

        Raises NobodyThere, LedgerUnfit, NotAllowed, what `sealed` raises.
        """
        async with self._engine.connect() as connection:
            listing = await read(connection, lot)
            profile = await get_on(connection, listing.profile_id) if listing else None
            if listing is None or profile is None or listing.state is not LotState.REVIEW:
                return False
            before = len(await rounds(connection, lot)), len(await offers(connection, lot))
            found = await _to_ask(connection, lot, profile.rules)
        if found is None:
            return False
        source, rank, paddle, price = found
        row = await self._row(lot, source, rank, paddle, price, profile.rules, now)
        async with self._engine.begin() as connection:
            current = await locked(connection, lot)
            if current is None or current.state is not LotState.REVIEW:
                return False
            if before != (len(await rounds(connection, lot)), len(await offers(connection, lot))):
                return False
            act = Act.OFFER_PRIORITY if source is Source.PRIORITY else Act.OFFER_NEXT
            facts, changes = {"rank": rank, "price": int(price)}, {"due_at": row["due_at"]}
            await perform(connection, lot, act, By.clock(), now=now, facts=facts, changes=changes)
            await _ask(connection, row, current, now)
        return True

    async def answer(self, lot: str, account_id: int, *, takes: bool, now: datetime) -> Answer:
        """Who is asked takes the lot, or declines. NotStanding for others, or too late."""
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

    async def _row(
        self, lot: str, source: Source, rank: int, paddle: str, price: Fen, rules: RuleProfile, now: datetime
    ) -> dict[str, object]:
        account = await self._sealed.winner(lot, paddle)
        if account is None:
            raise NobodyThere(f"{lot}: {paddle}")
        return {
            "lot": lot,
            "paddle": paddle,
            "source": source.value,
            "rank": rank,
            "registration": await self._sealed.registration_by_paddle(lot, paddle) or "",
            "account_id": account,
            "price": price,
            "asked_at": now,
            "due_at": now + timedelta(hours=_answer_hours(source, rules)),
            "answer": Answer.ASKED.value,
        }

    async def _answered(
        self, connection: AsyncConnection, offer: Offer, answer: Answer, by: By, now: datetime
    ) -> None:
        """Keep the answer; ask the next one, or go on when it is taken or nobody is left."""
        mine = (OFFERS.c.lot == offer.lot) & (OFFERS.c.paddle == offer.paddle)
        values = {"answer": answer.value, "answered_at": now}
        this = update(OFFERS).where(mine, OFFERS.c.source == offer.source.value)
        await connection.execute(this.values(values))
        log.info("offer_answered", lot=offer.lot, source=offer.source.value, answer=answer.value)
        if answer is not Answer.TAKEN and await self._asks_next(connection, offer, now):
            return
        facts = {"rank": offer.rank, "price": int(offer.price), "answer": answer.value}
        if offer.source is Source.PRIORITY:
            await perform(connection, offer.lot, Act.ANSWER_PRIORITY, by, now=now, facts=facts)
            return
        taken = answer is Answer.TAKEN
        after, reason = (LotState.REVIEW, "") if taken else (LotState.UNSOLD, NOBODY_LEFT)
        await perform(
            connection, offer.lot, Act.ANSWER_NEXT, by, now=now, after=after, reason=reason, facts=facts
        )

    async def _asks_next(self, connection: AsyncConnection, offer: Offer, now: datetime) -> bool:
        """Whether somebody else is asked now, in the same state of the lot."""
        outcome, listing = await outcome_of(connection, offer.lot), await read(connection, offer.lot)
        profile = await get_on(connection, listing.profile_id) if listing else None
        if outcome is None or listing is None or profile is None:
            return False
        if offer.source is Source.PRIORITY:
            asked = {each.paddle for each in await offers(connection, offer.lot)}
            holder = next_holder(outcome, asked)
            found = (holder[1], holder[0], outcome.price) if holder else None
        else:
            turn = await _next_turn(connection, outcome)
            found = (0, turn.paddle, turn.price) if turn else None
        if found is None:
            return False
        row = await self._row(offer.lot, offer.source, *found, profile.rules, now)
        await _ask(connection, row, listing, now)
        return True


def _answer_hours(source: Source, rules: RuleProfile) -> int:
    return rules.priority_answer_hours if source is Source.PRIORITY else rules.next_answer_hours


def next_holder(outcome: Outcome, asked: Collection[str]) -> tuple[str, int] | None:
    """The first holder, by rank, who was not asked yet."""
    return next((holder for holder in outcome.holders if holder[0] not in asked), None)


async def _to_ask(
    connection: AsyncConnection, lot: str, rules: RuleProfile
) -> tuple[Source, int, str, Fen] | None:
    """The first holder before anybody was reviewed; afterwards the bidder whose turn it is."""
    outcome = await outcome_of(connection, lot)
    if outcome is None:
        return None
    nobody_yet = not await rounds(connection, lot) and not await offers(connection, lot)
    if nobody_yet and rules.priority_mode is PriorityMode.OFFER and outcome.holders:
        paddle, rank = outcome.holders[0]
        return Source.PRIORITY, rank, paddle, outcome.price
    turn = await _next_turn(connection, outcome)
    return (Source.NEXT_BIDDER, 0, turn.paddle, turn.price) if turn else None


async def _next_turn(connection: AsyncConnection, outcome: Outcome) -> Turn | None:
    """Whose turn it is, if that person has to be asked."""
    had, offered = await rounds(connection, outcome.lot), await offers(connection, outcome.lot)
    turn = whose_turn(outcome, had, offered)
    return turn if turn and has_to_be_asked(turn, had, offered) else None


async def _ask(connection: AsyncConnection, row: dict[str, object], listing: Listing, now: datetime) -> None:
    await connection.execute(insert(OFFERS).values(row))
    kind = _ASKED[Source(str(row["source"]))]
    facts = {"lot": listing.lot, "title": listing.title}
    await tell(connection, ToAccount(int(str(row["account_id"]))), kind, facts, now=now)
