"""Rehearsals (演练标的): an auction of one bidder against the platform, from which nothing follows.

The same book, room and rules as a real auction, with short periods. Its number begins with REHEARSAL-,
and by that everything else leaves it out: lists, search, statistics, sales, archives. It belongs to the
account that began it (`lots.created_by`) and says nothing of any other lot. Source: docs/rehearsal.md.

    lot = await Rehearsals(engine, book, sealed).begin(account_id, login)  # the web, when asked
    await RehearsalRound(engine, book, sealed).round(now)    # the steward: bids, ends, forgets
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding import lots
from bidding.book import Book
from bidding.keys import partition_of
from bidding.lots import SALT_BYTES, AssetClass, Offer, Secrets
from bidding.messages import BidAccepted, Phase, PlaceBid, Refused
from bidding.pipeline import BookUnavailable
from bidding.session import ENDED, Session
from bidding.terms import REHEARSAL, Fen, Terms
from office.accounts import Accounts, LoginTaken, Role
from office.sealed.port import ListFaults, QualifiedRow, Sealed, SealedFault
from trading import putting_on

log = structlog.get_logger(__name__)

OPPONENT: Final = "rehearsal-opponent"
OPPONENT_NAME: Final = "演练对手"
TITLE: Final = "【演练】练习出价用的标的，不会成交"
DESCRIPTION: Final = (
    "这是演练，不是真实的拍卖：没有实物，不收保证金，不会成交，不产生任何费用和义务。\n"
    "您出价以后，“演练对手”会加价一次或两次，让您看到被超过的样子；然后它不再出价，最后由您胜出。"
)
STARTING_PRICE: Final = Fen(100_000_00)
INCREMENT: Final = Fen(1_000_00)
ANSWERS: Final = 2
"""How often the opponent raises."""
AT_ONCE: Final = 50
"""Rehearsals of all accounts that run beside each other."""
LONGEST_MINUTES: Final = 30
"""What has not ended then is aborted."""
STARTS_WITHIN_MINUTES: Final = 5
"""What the book does not know then was left by a crash, and goes."""
TOLD_APART: Final = ("演练", "平台")
"""An abort takes two; here both are the platform."""
TIME_IS_UP: Final = "演练时间到。"

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('rehearsals'))")
_TELLING: Final = text("SELECT pg_advisory_xact_lock(hashtext('rehearsal ' || :lot))")
"""Who tells the book of a rehearsal, and who drops one of which it was never told, follow each other."""
_THERE: Final = text("SELECT id FROM lots WHERE id = :lot")
_MINE: Final = text(
    "SELECT id, phase, seq, sold, winner, price, created_at FROM lots"
    " WHERE created_by = :account AND starts_with(id, :prefix) AND created_at > now() - interval '1 day'"
    " ORDER BY created_at DESC LIMIT :most"
)
_RUNNING: Final = text(
    "SELECT count(*) FROM lots WHERE starts_with(id, :prefix) AND phase NOT IN ('closed', 'aborted')"
)
_UNENDED: Final = text(
    "SELECT id, seq, created_at < now() - make_interval(mins => :minutes) AS over,"
    " created_at < now() - make_interval(mins => :starts) AS late FROM lots"
    " WHERE starts_with(id, :prefix) AND phase NOT IN ('closed', 'aborted') ORDER BY created_at LIMIT :most"
)
_OLD: Final = text(
    "SELECT id FROM lots WHERE starts_with(id, :prefix) AND phase IN ('closed', 'aborted')"
    " AND created_by IS NOT NULL AND created_at < now() - interval '1 day' ORDER BY created_at LIMIT :most"
)
_FORGET: Final = text("UPDATE lots SET created_by = NULL WHERE id = :lot")
_OPPONENT: Final = text("SELECT id FROM accounts WHERE login = :login")


@dataclass(frozen=True, slots=True)
class RehearsalRules:
    """What an installation sets. Periods in ms; `per_day` of one account in 24 hours, 0: no rehearsals."""

    per_day: int = 10
    window_ms: int = 60_000
    opens_in_ms: int = 5_000

    @property
    def inquiry_ms(self) -> int:
        return max(self.window_ms // 3, 1_000)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One of an account's own rehearsals of the last day. `recorded`: the book and the ledger know it."""

    lot: str
    phase: Phase
    recorded: bool
    sold: bool | None
    winner: str
    price: Fen
    begun_at: datetime

    @property
    def ended(self) -> bool:
        return self.phase in ENDED


class RehearsalRefused(Exception):
    """No rehearsal now; nothing was changed."""


class EnoughForToday(RehearsalRefused):
    """The account has had its number of the last 24 hours."""


class AllTaken(RehearsalRefused):
    """AT_ONCE run already: come back in a few minutes."""


class Closed(RehearsalRefused):
    """An administrator has disabled the opponent's account, or this one is no bidder's."""


class Rehearsals:
    """For the account that rehearses."""

    def __init__(
        self, engine: AsyncEngine, book: Book, sealed: Sealed, rules: RehearsalRules | None = None
    ) -> None:
        self._engine, self._book, self._sealed = engine, book, sealed
        self.rules = rules or RehearsalRules()

    async def of(self, account_id: int) -> Sequence[Rehearsal]:
        """Of the last 24 hours, the newest first."""
        async with self._engine.connect() as connection:
            return await _mine(connection, account_id)

    async def begin(self, account_id: int, login: str) -> str:
        """The lot of a new rehearsal, or of the one that still runs; a repetition finishes what a crash left.

        Raises EnoughForToday, AllTaken, Closed; BookUnavailable, SealedAway.
        """
        await opponent(self._engine)
        both = [QualifiedRow(login), QualifiedRow(OPPONENT)]
        try:
            await self._sealed.check(both)
        except ListFaults as faults:
            raise Closed from faults
        while True:
            lot = await self._running_or_new(account_id)
            if lot.recorded or await self._told(lot.lot, both):
                return lot.lot

    async def _told(self, lot: str, both: Sequence[QualifiedRow]) -> bool:
        """The book knows it now. False: the steward has just dropped it, as left by a crash."""
        async with self._engine.begin() as connection:
            await connection.execute(_TELLING, {"lot": lot})
            if (await connection.execute(_THERE, {"lot": lot})).first() is None:
                return False
            await self._sealed.import_qualified(lot, both)
            ranks = await self._sealed.qualified(lot)
            await putting_on.schedule(self._engine, self._book, lot, ranks)
        return True

    async def _running_or_new(self, account_id: int) -> Rehearsal:
        """One at a time for all: counted and kept in one step."""
        new = f"{REHEARSAL}{secrets.token_hex(8).upper()}"
        now, _ = await self._book.observe(partition_of(new, self._book.partitions))
        async with self._engine.begin() as connection:
            await connection.execute(_LOCK)
            mine = await _mine(connection, account_id)
            running = next((one for one in mine if not one.ended), None)
            if running is not None:
                return running
            if len(mine) >= self.rules.per_day:
                raise EnoughForToday
            if (await connection.execute(_RUNNING, {"prefix": REHEARSAL})).scalar_one() >= AT_ONCE:
                raise AllTaken
            offer = offer_of(new, account_id, now + self.rules.opens_in_ms, self.rules)
            kept = Secrets(None, *(secrets.token_hex(SALT_BYTES) for _ in range(3)))
            await lots.put_on(connection, offer, kept)
            return next(one for one in await _mine(connection, account_id) if one.lot == new)


def offer_of(lot: str, account_id: int, opens_at: int, rules: RehearsalRules) -> Offer:
    """What a rehearsal offers: nothing, under the rules of a real auction."""
    return Offer(
        terms=Terms(
            lot=lot,
            starting_price=STARTING_PRICE,
            increment=INCREMENT,
            inquiry_ms=rules.inquiry_ms,
            window_ms=rules.window_ms,
        ),
        opens_at=opens_at,
        title=TITLE,
        asset_class=AssetClass.PHYSICAL,
        description=DESCRIPTION,
        transferor=OPPONENT_NAME,
        created_by=account_id,
    )


async def opponent(engine: AsyncEngine) -> int:
    """The account of the platform's opponent; made when it is not there, with a password that nobody has."""
    async with engine.connect() as connection:
        found = await connection.scalar(_OPPONENT, {"login": OPPONENT})
    if found is not None:
        return int(found)
    try:
        return await Accounts(engine).create(OPPONENT, secrets.token_urlsafe(48), Role.BIDDER, OPPONENT_NAME)
    except LoginTaken:  # another web at the same time
        return await opponent(engine)


async def _mine(connection: AsyncConnection, account_id: int) -> Sequence[Rehearsal]:
    asked = {"account": account_id, "prefix": REHEARSAL, "most": lots.MAX_PAGE}
    return [
        Rehearsal(
            lot=row.id,
            phase=Phase(row.phase),
            recorded=row.seq > 0,
            sold=row.sold,
            winner=row.winner,
            price=Fen(row.price),
            begun_at=row.created_at,
        )
        for row in await connection.execute(_MINE, asked)
    ]


# ── the opponent ──


def answer_to(terms: Terms, session: Session, paddle: str, now: int) -> PlaceBid | None:
    """What the opponent with this paddle does now (ms of the book's clock): raise by one step, or nothing.

    A sixth of the window after the bid that is to be overtaken, ANSWERS times at most, and never first. The
    bid's id counts the answers, so that two stewards together place it once.
    """
    if session.phase is not Phase.TIMED_BIDDING or session.leader in ("", paddle):
        return None
    placed = sum(whose == paddle for whose, _ in session.accepted)
    bid_at = session.deadline - terms.window_ms
    if placed >= ANSWERS or now < bid_at + terms.window_ms // 6:
        return None
    return PlaceBid(paddle, f"rehearsal-{placed + 1}", Fen(session.price + terms.increment))


class RehearsalRound:
    """The steward's part: the opponent bids, what lasts too long ends, what is a day old is forgotten."""

    def __init__(self, engine: AsyncEngine, book: Book, sealed: Sealed) -> None:
        self._engine, self._book, self._sealed = engine, book, sealed

    async def round(self, now: datetime) -> int:
        """`now` is the trading clock, which may travel; a rehearsal goes by the book's and the database's."""
        async with self._engine.connect() as connection:
            minutes = {"minutes": LONGEST_MINUTES, "starts": STARTS_WITHIN_MINUTES}
            unended = (await connection.execute(_UNENDED, _asked() | minutes)).all()
            old = list((await connection.execute(_OLD, _asked())).scalars())
        done = 0
        for row in unended:
            if row.seq > 0:
                done += await (self._abort(row.id) if row.over else self._answer(row.id))
            elif row.late:
                done += await self._drop(row.id)
        for lot in old:
            await self._forget(lot)
        return done + len(old)

    async def _answer(self, lot: str) -> int:
        """One bid of the opponent, when its turn has come."""
        found = await self._book.snapshot(lot)
        held = await self._sealed.paddle_of(lot, await opponent(self._engine))
        if found is None or held is None:
            return 0
        now, _ = await self._book.observe(partition_of(lot, self._book.partitions))
        bid = answer_to(found.terms, found.session, held[0], now)
        if bid is None:
            return 0
        return isinstance((await self._book.place_bid(lot, bid)).answer, BidAccepted)

    async def _abort(self, lot: str) -> int:
        first, second = TOLD_APART
        await self._book.request_abort(lot, first, TIME_IS_UP)
        outcome = await self._book.confirm_abort(lot, second, TIME_IS_UP)
        return not isinstance(outcome.answer, Refused)

    async def _drop(self, lot: str) -> int:
        """A crash left it before the book heard of it."""
        async with self._engine.begin() as connection:
            await connection.execute(_TELLING, {"lot": lot})
            if await self._book.fields(lot, "phase"):
                return 0
            await self._sealed.forget_paddles(lot)
            for statement in ("DELETE FROM lot_secrets WHERE lot = :lot", "DELETE FROM lots WHERE id = :lot"):
                await connection.execute(text(statement), {"lot": lot})
        return 1

    async def _forget(self, lot: str) -> None:
        """Nobody holds its paddles any more, the book lets it go, the record no longer says whose it was."""
        try:
            await self._sealed.forget_paddles(lot)
            await self._book.forget(lot)
        except (SealedFault, BookUnavailable):
            log.warning("rehearsal_not_forgotten", lot=lot)
            return
        async with self._engine.begin() as connection:
            await connection.execute(_FORGET, {"lot": lot})


def _asked() -> dict[str, Any]:
    return {"prefix": REHEARSAL, "most": lots.MAX_PAGE}
