"""Who gets a lot: the review of whoever's turn it is, and the award as a record of its own.

    awards = Awards(engine, sealed)
    await awards.open_review(lot, now=now)          # whoever's turn it is
    await awards.accept(lot, award, by=7, now=now)
    await awards.refuse(lot, award, "…", by=7, now=now)    # next by the profile: the next bidder, or unsold

The auction's result stands in its ledger and never changes. Persons are asked for after the close only.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding.terms import Fen
from office.sealed.port import PartnerAnswer, Sealed
from trading.awards.outcome import Outcome, outcome_of
from trading.awards.records import (
    AWARDS,
    LONGEST_REASON,
    Answer,
    Award,
    AwardRecords,
    AwardState,
    Offer,
    Source,
    offers,
    rounds,
    standing,
)
from trading.awards.starting_over import clear_for_next
from trading.deposits.prices import close_price_account
from trading.lifecycle.listing import Listing, locked
from trading.lifecycle.performing import By, perform
from trading.lifecycle.states import Act, LotState
from trading.profiles.store import get_on
from trading.working_days import BEIJING

log = structlog.get_logger(__name__)

_END_PAPERS: Final = text(
    "UPDATE sale_documents SET state = 'refused', reason = :reason, ended_by = :by, changed_at = :now"
    " WHERE lot = :lot AND state IN ('awaiting_transferee', 'awaiting_transferor', 'awaiting_platform')"
)
_FORFEIT: Final = text("DELETE FROM settled_deposits WHERE lot = :lot AND step = 'forfeit'")
"""Each default has its deposit to be kept, the last one's too."""
_NAME: Final = text("SELECT name FROM accounts WHERE id = :id")
PRICE_STANDS: Final = frozenset(
    {
        LotState.CONFIRMATION,
        LotState.CONTRACT,
        LotState.PAYMENT,
        LotState.PUBLICATION,
        LotState.COMPLETED,
        LotState.ARCHIVED,
    }
)
"""From the award on."""


class NotStanding(Exception):
    """The award was decided meanwhile, or is another's: the page was stale."""


class NobodyThere(Exception):
    """No account stands behind a paddle: a person has to look at it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is."""

    source: Source
    paddle: str
    price: Fen


@dataclass(frozen=True, slots=True)
class Person:
    """Who stands behind a paddle: the account that seals, its registration, the name in the papers."""

    account_id: int
    registration: str
    transferee: str


class Awards(AwardRecords):
    """Every act is one transaction that locks the listing's row first, so that two follow each other."""

    def __init__(self, engine: AsyncEngine, sealed: Sealed) -> None:
        super().__init__(engine)
        self._sealed = sealed

    async def outcome(self, lot: str) -> Outcome | None:
        """What the auction ended with; None where there was none. Raises LedgerUnfit."""
        async with self._engine.connect() as connection:
            return await outcome_of(connection, lot)

    async def open_review(self, lot: str, *, now: datetime) -> Award | None:
        """Begin the review of whoever's turn it is; None when one stands, or nobody is left.

        Raises NobodyThere, LedgerUnfit, what `sealed` raises.
        """
        outcome = await self.outcome(lot)
        if outcome is None:
            return None
        had = await self.rounds_of(lot)
        offered = await self.offers_of(lot)
        turn = whose_turn(outcome, had, offered)
        if turn is None or has_to_be_asked(turn, had, offered):
            return None
        person = await person_behind(self._engine, self._sealed, lot, turn.paddle)
        row = asdict(turn) | asdict(person) | {"lot": lot, "round": len(had) + 1}
        row |= {"state": AwardState.REVIEW.value, "reason": "", "opened_at": now}
        row |= {"source": turn.source.value, "ledger_head": outcome.head, "ledger_count": outcome.count}
        async with self._engine.begin() as connection:
            listing = await locked(connection, lot)
            if listing is None or listing.state is not LotState.REVIEW:
                return None
            if len(had) != len(await rounds(connection, lot)):
                return None
            await connection.execute(insert(AWARDS).values(row))
            log.info("review_opened", lot=lot, round=row["round"], source=row["source"])
            return await standing(connection, lot)

    async def accept(self, lot: str, award_id: int, *, by: int, now: datetime) -> Award:
        """The bidder fits: the award. Raises NotStanding, NotAllowed."""
        async with self._engine.begin() as connection:
            await _listing(connection, lot)
            award = await _under_review(connection, lot, award_id)
            number = number_of("JD", lot, now, award.round)
            decided = {"state": AwardState.AWARDED.value, "number": number}
            await _decide(connection, award, by, now, **decided)
            facts = {"award": number, "round": award.round, "price": int(award.price), "source": award.source}
            winner = _winner(award)
            changes = {"final_price": award.price}
            acting = By.administrator(by)
            await perform(connection, lot, Act.AWARD, acting, now=now, facts=facts | winner, changes=changes)
            done = await standing(connection, lot)
        assert done is not None
        return done

    async def refuse(self, lot: str, award_id: int, reason: str, *, by: int, now: datetime) -> LotState:
        """The bidder does not fit. The state then: REVIEW where the next one's turn has come, or UNSOLD.

        A priority right lapses with its holder's refusal, and the auction's highest bidder comes.
        Raises NotStanding, NotAllowed; ValueError without a reason.
        """
        if not 0 < len(reason) <= LONGEST_REASON:
            raise ValueError("a refusal has a reason")
        outcome = await self.outcome(lot)
        async with self._engine.begin() as connection:
            listing = await _listing(connection, lot)
            award = await _under_review(connection, lot, award_id)
            await _decide(connection, award, by, now, state=AwardState.REFUSED.value, reason=reason)
            lapses = award.source is Source.PRIORITY
            after = await _after(connection, listing, outcome, lapses=lapses)
            facts = {
                "round": award.round,
                "price": int(award.price),
                "source": award.source,
                **_winner(award),
            }
            acting = By.administrator(by)
            await perform(
                connection, lot, Act.REFUSE_AWARD, acting, now=now, after=after, reason=reason, facts=facts
            )
        log.info("award_refused", lot=lot, round=award.round, after=after.value)
        return after

    async def default(self, lot: str, award_id: int, reason: str, *, by: int, now: datetime) -> LotState:
        """The winner withdraws, does not seal, or does not pay. The state then, and what is raised, as for
        `refuse`; AlreadyPaid.

        The price account is closed with it, so that what is paid from now on goes back.
        """
        if not 0 < len(reason) <= LONGEST_REASON:
            raise ValueError("a default has a reason")
        outcome = await self.outcome(lot)
        async with self._engine.begin() as connection:
            listing = await _listing(connection, lot)
            award = await standing(connection, lot, lock=True)
            if award is None or award.id != award_id or award.state is not AwardState.AWARDED:
                raise NotStanding(lot)
            await close_price_account(connection, lot, now=now)
            await _decide(connection, award, by, now, state=AwardState.DEFAULTED.value, reason=reason)
            await connection.execute(_END_PAPERS, {"lot": lot, "reason": reason, "by": by, "now": now})
            facts = {"award": award.number, "price": int(award.price), **_winner(award)}
            after = await _after(connection, listing, outcome, lapses=False)
            if after is LotState.REVIEW:
                facts |= await clear_for_next(connection, lot, reason, by=by, now=now)
            await connection.execute(_FORFEIT, {"lot": lot})
            acting = By.administrator(by)
            await perform(
                connection, lot, Act.DEFAULT, acting, now=now, after=after, reason=reason, facts=facts
            )
        log.info("award_defaulted", lot=lot, round=award.round, after=after.value)
        return after


async def person_behind(engine: AsyncEngine, sealed: Sealed, lot: str, paddle: str) -> Person:
    """After the close. Raises NobodyThere, StillSealed."""
    account = await sealed.winner(lot, paddle)
    if account is None:
        raise NobodyThere(f"{lot}: {paddle}")
    registration = await sealed.registration_by_paddle(lot, paddle) or ""
    async with engine.connect() as connection:
        name = await connection.scalar(_NAME, {"id": account})
    joined = await sealed.partners(registration) if registration else []
    partners = [one.name for one in joined if one.answer is PartnerAnswer.ACCEPTED]
    return Person(account, registration, "、".join([str(name), *partners]))


def whose_turn(outcome: Outcome, had: Sequence[Award], offers: Sequence[Offer]) -> Turn | None:
    """A holder who took the final price, once; else the first of the bidders who was not passed over."""
    if any(each.state in (AwardState.REVIEW, AwardState.AWARDED) for each in had):
        return None
    asked = [each for each in offers if each.source is Source.NEXT_BIDDER]
    refused = (Answer.DECLINED, Answer.TIMED_OUT)
    passed = {each.paddle for each in had} | {each.paddle for each in asked if each.answer in refused}
    rights = [each for each in offers if each.source is Source.PRIORITY]
    taken = next((each for each in rights if each.answer is Answer.TAKEN and each.paddle not in passed), None)
    if taken is not None:
        return Turn(Source.PRIORITY, taken.paddle, taken.price)
    candidate = outcome.next_after(passed)
    if candidate is None:
        return None
    source = Source.AUCTION if candidate.paddle == outcome.winner else Source.NEXT_BIDDER
    return Turn(source, candidate.paddle, candidate.price)


def has_to_be_asked(turn: Turn, had: Sequence[Award], offers: Sequence[Offer]) -> bool:
    """Whether the lot is only offered: nobody below the highest bid is bound by the own bid any more, and
    after a default, when deposits have gone back, not even who made the highest one."""
    bound = turn.source is not Source.NEXT_BIDDER
    if bound and (
        turn.source is Source.PRIORITY or all(each.state is not AwardState.DEFAULTED for each in had)
    ):
        return False
    mine = [each for each in offers if each.source is Source.NEXT_BIDDER and each.paddle == turn.paddle]
    return all(each.answer is not Answer.TAKEN for each in mine)


async def _after(
    connection: AsyncConnection, listing: Listing, outcome: Outcome | None, *, lapses: bool
) -> LotState:
    """REVIEW where somebody's turn comes now by the auction and the rules, else UNSOLD."""
    if outcome is None:
        return LotState.UNSOLD
    had, offered = await rounds(connection, listing.lot), await offers(connection, listing.lot)
    left = whose_turn(outcome, had, offered) is not None
    profile = await get_on(connection, listing.profile_id)
    goes_on = lapses or (profile is not None and profile.rules.offer_to_next_after_refusal)
    return LotState.REVIEW if left and goes_on else LotState.UNSOLD


def number_of(kind: str, lot: str, now: datetime, again: int = 1) -> str:
    """JD2026-XX-SW-2026-0007, and from the second on …-2."""
    return f"{kind}{now.astimezone(BEIJING):%Y}-{lot}" + (f"-{again}" if again > 1 else "")


async def _listing(connection: AsyncConnection, lot: str) -> Listing:
    listing = await locked(connection, lot)
    if listing is None:
        raise NotStanding(lot)
    return listing


async def _under_review(connection: AsyncConnection, lot: str, award_id: int) -> Award:
    award = await standing(connection, lot, lock=True)
    if award is None or award.id != award_id or award.state is not AwardState.REVIEW:
        raise NotStanding(lot)
    return award


async def _decide(connection: AsyncConnection, award: Award, by: int, now: datetime, **values: Any) -> None:
    decided = update(AWARDS).where(AWARDS.c.id == award.id)
    await connection.execute(decided.values(decided_at=now, decided_by=by, **values))


def _winner(award: Award) -> dict[str, Any]:
    """Whom the audience WINNER is, for `perform`: known since the close."""
    return {"winner_account": award.account_id}
