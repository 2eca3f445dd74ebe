"""What becomes due by itself: the ends of registration and publication, the evaluation, results of auctions.

The dates stand in `listings`; a round looks for what is due and does it, each lot in a transaction of its own
that begins by locking the row. Killed between any two statements, the next round goes on; of two stewards at
once only one does it, because the state that the first one left decides.

Work outside the database (the sealed process, the book) comes before the statement that says it was done, and
may be repeated.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.accounts import Role
from office.messages.telling import ToRole, tell
from trading.lifecycle import dates, needs, redating
from trading.lifecycle.ending import decide_end
from trading.lifecycle.listing import SELECT, Listing, listing_from
from trading.lifecycle.performing import By, Lacks, NotAllowed, perform
from trading.lifecycle.states import Act, LotState
from trading.lifecycle.table import REGISTERING, rows
from trading.profiles import store
from trading.profiles.profile import EndOutcome, RuleProfile

log = structlog.get_logger(__name__)

BATCH: Final = 100
"""Lots of one step in one round; the rest comes with the next one."""
LONGEST_HOLD: Final = timedelta(minutes=5)
MOST_HELD: Final = 1_000
_S = LotState
TOO_FEW: Final = "公告期满，符合条件的报名人数未达到要求。"
NOT_SOLD: Final = "网上竞价结束，标的未成交。"
ENDED_FOR_GOOD: Final = "网上竞价已终结。"
COUNTED_AGAIN: Final = "国家公布了放假安排，原来暂定的日期现已确定。"
"""What announcements give as the reason."""


async def _nothing(*told: object) -> None:
    """For who has nobody to pass it on to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the lifecycle asks of its neighbours. Everything here may be asked again after a kill.

    `qualified`: {paddle: rank} of those whose form is complete and whose deposit is in. After the end of
    registration it gives the same answer each time.
    `statements_complete_until`: up to when finance has the bank's statements, by value time; no row up to
    then may still wait to be matched.
    `put_on`: puts a lot on; harmless when it is there.
    `put_on_ahead`: how long before the opening, at the earliest; None: as soon as it goes to auction.
    `corrected`: the n-th correction is out; who agreed to an earlier version has to agree again.
    """

    qualified: Callable[[str], Awaitable[Mapping[str, int]]]
    statements_complete_until: Callable[[], Awaitable[datetime | None]]
    put_on: Callable[[Listing, Mapping[str, int]], Awaitable[None]]
    corrected: Callable[[str, int], Awaitable[None]] = _nothing
    put_on_ahead: timedelta | None = None


class NobodyQualified(Exception):
    """A lot went to auction, and now nobody is on its list: a person has to look at it."""


class DueRound:
    """One look at everything that may be due. A lot that fails is held back for a while; the others go on."""

    def __init__(self, engine: AsyncEngine, surroundings: Surroundings) -> None:
        self._engine = engine
        self._around = surroundings
        self._held: dict[str, tuple[int, datetime]] = {}

    async def round(self, now: datetime) -> int:
        """How many lots went on. Raises what makes the database useless."""
        return sum(
            [
                await self._each(_TO_PASS_ON, self._pass_on, now),
                await self._each(_PROVISIONAL, self._count_again, now),
                await self._each(_REGISTRATION_ENDS, self._end_registration, now),
                await self._evaluate_all(now),
                await self._each(_NOT_PUT_ON, self._put_on, now),
                await self._each(_RESULTS, self._result, now),
                await self._each(_PUBLICATION_ENDS, self._end_publication, now),
            ]
        )

    # ── one after the other ──

    async def _each(
        self, which: str, work: Callable[[Listing, datetime], Awaitable[bool]], now: datetime
    ) -> int:
        done = 0
        for listing in await self._found(which, now):
            try:
                done += await work(listing, now)
                self._held.pop(listing.lot, None)
            except (NotAllowed, Lacks) as overtaken:
                log.info("lot_overtaken", lot=listing.lot, said=str(overtaken))
            except DBAPIError as fault:
                if fault.connection_invalidated:
                    raise
                self._hold(listing.lot, now, fault)
            except Exception as fault:
                self._hold(listing.lot, now, fault)
        return done

    async def _found(self, which: str, now: datetime) -> list[Listing]:
        held = [lot for lot, (_, until) in self._held.items() if until > now]
        found = text(f"{SELECT} WHERE {which} AND NOT lot = ANY(:held) ORDER BY due_at, lot LIMIT :most")
        values = {"held": held, "most": BATCH}
        async with self._engine.connect() as connection:
            rows = await connection.execute(found, values | ({"now": now} if ":now" in which else {}))
            return [listing_from(row) for row in rows]

    def _hold(self, lot: str, now: datetime, fault: Exception) -> None:
        """The others come first; each failure doubles the pause up to LONGEST_HOLD."""
        failures = self._held.get(lot, (0, now))[0] + 1
        if lot in self._held or len(self._held) < MOST_HELD:
            pause = min(timedelta(seconds=2) * 2 ** min(failures, 10), LONGEST_HOLD)
            self._held[lot] = (failures, now + pause)
        log.error("lot_held_back", lot=lot, failures=failures, fault=repr(fault))

    async def _act(self, listing: Listing, act: Act, now: datetime, **more: Any) -> bool:
        """Perform it on what was looked at; False: somebody else is at it, or was there before."""
        async with self._engine.begin() as connection:
            if not await _claim(connection, listing):
                return False
            done = await perform(connection, listing.lot, act, By.clock(), now=now, **more)
        log.info("lot_went_on", lot=done.lot, act=act.value, state=done.state.value)
        return True

    # ── the steps ──

    async def _pass_on(self, listing: Listing, now: datetime) -> bool:
        """Corrections, to those who keep the registrations."""
        await self._around.corrected(listing.lot, listing.corrections)
        put = text("UPDATE listings SET corrections_passed_on = :number WHERE lot = :lot")
        async with self._engine.begin() as connection:
            await connection.execute(put, {"number": listing.corrections, "lot": listing.lot})
        return True

    async def _count_again(self, listing: Listing, now: datetime) -> bool:
        """Give a provisional date its real day, once the days up to it are known."""
        async with self._engine.begin() as connection:
            if not await _claim(connection, listing):
                return False
            (row,) = rows(Act.REDATE, listing.state)
            it = await needs.situation(connection, listing, row, {}, "", {}, now)
            counted = redating.dates(it, listing.state)
            if counted["provisional"] and counted["due_at"] <= now:
                return await _alarm(connection, listing, "lot.date_unknown", now)
            if all(getattr(listing, name) == value for name, value in counted.items()):
                return False
            reason = COUNTED_AGAIN
            await perform(connection, listing.lot, Act.REDATE, By.clock(), now=now, reason=reason)
        log.info("dates_counted_again", lot=listing.lot)
        return True

    async def _end_registration(self, listing: Listing, now: datetime) -> bool:
        return await self._act(listing, Act.END_REGISTRATION, now)

    async def _evaluate_all(self, now: datetime) -> int:
        """Those whose deadline lies before the end of finance's statements."""
        complete = await self._around.statements_complete_until()

        async def evaluate(listing: Listing, now: datetime) -> bool:
            assert listing.deposit_ends is not None
            if complete is not None and complete >= listing.deposit_ends:
                return await self._evaluate(listing, now)
            if listing.due_at is None or listing.due_at > now:
                return False
            async with self._engine.begin() as connection:
                claimed = await _claim(connection, listing)
                return claimed and await _alarm(connection, listing, "lot.statements_late", now)

        return await self._each(_EVALUATION, evaluate, now)

    async def _evaluate(self, listing: Listing, now: datetime) -> bool:
        """The table of the spec: the total of those who are qualified decides."""
        ranks = await self._around.qualified(listing.lot)
        rules = await self._rules(listing)
        outcome = decide_end(rules, listing.method, len(ranks), listing.extensions)
        act = {
            EndOutcome.AUCTION: Act.GO_TO_AUCTION,
            EndOutcome.EXTEND: Act.EXTEND,
            EndOutcome.NEGOTIATE: Act.NEGOTIATE,
            EndOutcome.FAIL: Act.FAIL,
        }[outcome]
        return await self._act(listing, act, now, reason=TOO_FEW if act is Act.FAIL else "")

    async def _put_on(self, listing: Listing, now: datetime) -> bool:
        """Into the book; an opening that has passed meanwhile is moved, so that everybody can be there."""
        assert listing.opens_at is not None
        if listing.opens_at < now + dates.LEAST_LEAD / 2:
            opens_at = dates.opening(await self._rules(listing), listing.opens_at, now)
            return await self._note(listing, "opens_at", opens_at, alarm="lot.not_put_on", now=now)
        ahead = self._around.put_on_ahead
        if ahead is not None and listing.opens_at - now > ahead:
            return False
        ranks = await self._around.qualified(listing.lot)
        if not ranks:
            raise NobodyQualified(listing.lot)
        await self._around.put_on(listing, ranks)
        return await self._note(listing, "put_on_at", now, now=now)

    async def _note(
        self, listing: Listing, column: str, moment: datetime, *, now: datetime, alarm: str = ""
    ) -> bool:
        put = text(f"UPDATE listings SET {column} = :moment WHERE lot = :lot")  # noqa: S608 - our own name
        async with self._engine.begin() as connection:
            if not await _claim(connection, listing):
                return False
            await connection.execute(put, {"moment": moment, "lot": listing.lot})
            if alarm:
                await _alarm(connection, listing, alarm, now)
        return True

    async def _result(self, listing: Listing, now: datetime) -> bool:
        """What the ledger's sealed record says."""
        found = text("SELECT phase, sold, winner, price FROM lots WHERE id = :lot")
        async with self._engine.connect() as connection:
            row = (await connection.execute(found, {"lot": listing.lot})).one()
        if row.phase == "aborted":
            return await self._act(listing, Act.ABORT, now, reason=ENDED_FOR_GOOD)
        if not row.sold:
            return await self._act(listing, Act.FAIL, now, reason=NOT_SOLD)
        facts = {"paddle": row.winner, "price": row.price}
        return await self._act(listing, Act.HAMMER, now, facts=facts)

    async def _end_publication(self, listing: Listing, now: datetime) -> bool:
        return await self._act(listing, Act.END_PUBLICATION, now)

    async def _rules(self, listing: Listing) -> RuleProfile:
        async with self._engine.connect() as connection:
            profile = await store.get_on(connection, listing.profile_id)
        assert profile is not None, "a listing has its profile"
        return profile.rules


async def _claim(connection: AsyncConnection, listing: Listing) -> bool:
    """Lock the row unless somebody else holds it, and see that it is still as it was looked at."""
    lock = text("SELECT version FROM listings WHERE lot = :lot FOR UPDATE SKIP LOCKED")
    return (await connection.execute(lock, {"lot": listing.lot})).scalar_one_or_none() == listing.version


async def _alarm(connection: AsyncConnection, listing: Listing, kind: str, now: datetime) -> bool:
    """Tell the administrators, once in each state."""
    if listing.alarmed_at is not None:
        return False
    put = text("UPDATE listings SET alarmed_at = :now WHERE lot = :lot")
    await connection.execute(put, {"now": now, "lot": listing.lot})
    about = {"lot": listing.lot, "title": listing.title}
    await tell(connection, ToRole(Role.ADMINISTRATOR), kind, about, now=now)
    log.warning("lot_waits_for_a_person", lot=listing.lot, kind=kind)
    return True


def _in(*states: LotState) -> str:
    return f"state IN ({', '.join(repr(state.value) for state in sorted(states))})"


_TO_PASS_ON: Final = f"correction_waits AND {_in(*REGISTERING, _S.EVALUATION, _S.SUSPENDED)}"
_PROVISIONAL: Final = f"provisional AND {_in(*REGISTERING, _S.PUBLICATION)}"
_REGISTRATION_ENDS: Final = f"{_in(*REGISTERING)} AND due_at <= :now AND NOT provisional"
_EVALUATION: Final = f"{_in(_S.EVALUATION)} AND NOT correction_waits"
_NOT_PUT_ON: Final = f"{_in(_S.IN_AUCTION)} AND put_on_at IS NULL"
_RESULTS: Final = (
    f"{_in(_S.IN_AUCTION)} AND EXISTS (SELECT 1 FROM lots LEFT JOIN lot_seals ON lot_seals.lot = lots.id"  # noqa: S608
    " WHERE lots.id = listings.lot AND (lots.phase = 'aborted'"
    " OR lots.phase = 'closed' AND lot_seals.lot IS NOT NULL))"
)
_PUBLICATION_ENDS: Final = f"{_in(_S.PUBLICATION)} AND due_at <= :now AND NOT provisional"
