"""Settlement: the result of a closed lot, once, and the platform's seal over its finished ledger.

A closed lot is settled from the ledger's gapless prefix: sold or unsold by the reserve, every commitment
opened. The book takes one result per lot, so two settlers that race append one. When the result (or the
abortion) is recorded, its head is sealed. Source: spec "Reserve" and "One log, one chain".
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import hiredis
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding import lots
from bidding.book import Book
from bidding.commitments import Opening, check_opening, is_sold
from bidding.ledger.chain import SealStatement, private_genesis
from bidding.ledger.gauges import LedgerMetrics
from bidding.ledger.replay import Known
from bidding.messages import (
    Aborted,
    Answer,
    Closed,
    Commitments,
    Confirmed,
    InquiryOpened,
    Phase,
    Refused,
    Result,
    TimedBiddingStarted,
    parse,
)
from bidding.pipeline import BookUnavailable
from signing.sm2 import PrivateKey

log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 2.0
AT_ONCE: Final = 200
ALARM_AGAIN_S: Final = 60.0
Work = Callable[[AsyncConnection, str], Awaitable[bool]]
E = TypeVar("E", Closed, InquiryOpened)
"""Lots that one round looks at."""

_CLOSED: Final = text(
    "SELECT id FROM lots WHERE phase = 'closed' AND sold IS NULL AND NOT EXISTS"
    " (SELECT FROM ledger_conflicts WHERE lot = lots.id AND resolved_at IS NULL)"
    " AND NOT id = ANY(:alarmed) ORDER BY closed_at LIMIT :limit"
)
_ENDED: Final = text(
    "SELECT id FROM lots WHERE (phase = 'aborted' OR sold IS NOT NULL) AND NOT EXISTS"
    " (SELECT FROM lot_seals WHERE lot = lots.id) AND NOT id = ANY(:alarmed)"
    " ORDER BY closed_at LIMIT :limit"
)
_PREFIX: Final = text(
    "SELECT count(*) = max(seq) AS gapless, count(*) FILTER (WHERE kind = 'result') AS results"
    " FROM ledger_entries WHERE lot = :lot"
)
_LINE: Final = text(
    "SELECT seq, line, hash FROM ledger_entries WHERE lot = :lot AND kind = :kind ORDER BY seq DESC LIMIT 1"
)
_PRIVATE: Final = text("SELECT count(*) AS entries FROM private_entries WHERE lot = :lot AND number <= :last")
_PRIVATE_HEAD: Final = text("SELECT hash FROM private_entries WHERE lot = :lot AND number = :number")
_CONFIRMATIONS: Final = text(
    "SELECT line FROM private_entries WHERE lot = :lot AND kind = 'confirmed' AND number <= :last"
    " ORDER BY number"
)
_SEAL: Final = text(
    "INSERT INTO lot_seals (lot, statement, signature, key_id) VALUES (:lot, :statement, :signature, :key_id)"
    " ON CONFLICT DO NOTHING"
)


class NotYet(Exception):
    """The ledger does not have everything yet; the next round looks again."""


class Inconsistent(Exception):
    """The book and the ledger, or the commitments, do not fit together: a person has to look at it."""


@dataclass(frozen=True, slots=True)
class BookState:
    """What settlement needs of the book; a snapshot would bring every bid along."""

    phase: str
    settled: bool
    leader: str
    price: int
    privates: int
    qualified: tuple[tuple[str, int], ...]
    confirmed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Settlement:
    """The result that a lot is to get."""

    opening: Opening
    sold: bool


class Settler:
    """`run(woken)`: settles and seals whatever is due, at once when woken."""

    def __init__(
        self, *, engine: AsyncEngine, book: Book, key: PrivateKey, metrics: LedgerMetrics | None = None
    ) -> None:
        self._engine = engine
        self._book = book
        self._key = key
        self._metrics = metrics or LedgerMetrics()
        self._alarmed: set[str] = set()
        self._forgotten_at = 0.0

    async def run(self, woken: asyncio.Event) -> None:
        """Until cancelled."""
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await woken.wait()
            except TimeoutError:
                pass
            woken.clear()
            try:
                await self.round()
            except (SQLAlchemyError, BookUnavailable, hiredis.HiredisError, OSError) as fault:
                log.warning("settlement_interrupted", fault=type(fault).__name__)

    async def round(self) -> None:
        """Everything that is due now. What is inconsistent is alarmed and looked at again after a while."""
        if self._now() - self._forgotten_at > ALARM_AGAIN_S:
            self._alarmed.clear()
            self._forgotten_at = self._now()
        async with self._engine.connect() as connection:
            for work, due in ((self.settle, _CLOSED), (self.seal, _ENDED)):
                found = await connection.execute(due, {"limit": AT_ONCE, "alarmed": list(self._alarmed)})
                for lot in found.scalars().all():
                    await self._one(work, connection, lot)
                    await connection.commit()

    async def _one(self, work: Work, connection: AsyncConnection, lot: str) -> None:
        try:
            await work(connection, lot)
        except NotYet:
            return
        except (BookUnavailable, OSError, hiredis.ProtocolError):
            raise
        except Exception as fault:  # whatever is wrong with one lot, the others are settled
            if isinstance(fault, DBAPIError) and fault.connection_invalidated:
                raise
            await connection.rollback()
            self._alarmed.add(lot)
            self._metrics.conflicts.labels("settlement").inc()
            says = str(fault) if isinstance(fault, Inconsistent) else f"{type(fault).__name__}: {fault}"
            log.error("settlement_refused", lot=lot, says=says[:500])

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def settle(self, connection: AsyncConnection, lot: str) -> bool:
        """Append the lot's result; False when it has one already. Raises NotYet, Inconsistent."""
        settlement = await prepare(connection, self._book, lot)
        outcome = await self._book.settle(lot, settlement.opening.as_json(), sold=settlement.sold)
        if isinstance(outcome.answer, Refused):
            log.info("settled_already", lot=lot, obstacle=outcome.answer.obstacle.value)
            return False
        self._metrics.settled.inc()
        log.info("settled", lot=lot, sold=settlement.sold)
        return True

    async def seal(self, connection: AsyncConnection, lot: str) -> bool:
        """Sign an ended lot's ledger. Raises Inconsistent."""
        statement = await seal_of(connection, lot)
        signature = self._key.sign(statement.text().encode())
        await connection.execute(
            _SEAL,
            {
                "lot": lot,
                "statement": statement.text(),
                "signature": signature,
                "key_id": self._key.public_key.key_id,
            },
        )
        self._metrics.seals.inc()
        log.info("sealed", lot=lot, result=statement.result, count=statement.count)
        return True


async def prepare(connection: AsyncConnection, book: Book, lot: str) -> Settlement:
    """What the result of a closed lot has to say. Raises NotYet, Inconsistent.

    The list of the qualified comes from the book, who confirmed and the private chain from the ledger, the
    reserve from the secrets; all of it must fit the commitments that the lot opened with.
    """
    state = await book_state(book, lot)
    secrets = await lots.secrets_of(connection, lot)
    if state is None or state.phase != Phase.CLOSED or state.settled:
        raise NotYet(lot)
    if secrets is None:
        raise Inconsistent("the lot's secrets are missing")
    await _check_prefix(connection, lot)
    closed = await _entry(connection, lot, Closed)
    opening = await _opening(connection, lot, state, secrets)
    opened = await _entry(connection, lot, InquiryOpened)
    unfit = check_opening(opened.commitments, opening)
    if unfit:
        raise Inconsistent(f"the opening does not fit the commitment to: {', '.join(sorted(unfit))}")
    await _check_confirmations(connection, lot, opening, opened.commitments)
    if (closed.leader, closed.price) != (state.leader, state.price):
        raise Inconsistent("the book and the ledger name different leaders or prices")
    return Settlement(opening, is_sold(closed.leader, closed.price, secrets.reserve))


async def _check_confirmations(
    connection: AsyncConnection, lot: str, opening: Opening, commitments: Commitments
) -> None:
    found = (await connection.execute(_LINE, {"lot": lot, "kind": TimedBiddingStarted.kind})).first()
    if found is None:
        return
    started = _parsed(found.line)
    head = Known({}, opening.confirmed).head(commitments)
    if not isinstance(started, TimedBiddingStarted) or started.confirmations != head:
        raise Inconsistent("the confirmations do not fit what was committed to when the inquiry ended")


async def _check_prefix(connection: AsyncConnection, lot: str) -> None:
    prefix = (await connection.execute(_PREFIX, {"lot": lot})).one()
    if not prefix.gapless or prefix.results:
        raise NotYet(lot)


async def book_state(book: Book, lot: str) -> BookState | None:
    """One consistent read; None if the book does not know the lot."""
    connection, keys = await book.pipeline.ready(), book.keys(lot)
    asked = (
        ("MULTI",),
        ("HMGET", keys.lot(lot), "phase", "settled", "leader", "price", "privates"),
        ("HGETALL", keys.lot(lot, "qualified")),
        ("SMEMBERS", keys.lot(lot, "confirmed")),
        ("EXEC",),
    )
    *_, replies = await asyncio.gather(*(connection.ask(*parts) for parts in asked))
    (phase, settled, leader, price, privates), ranks, confirmed = replies
    if phase is None:
        return None
    return BookState(
        phase=phase.decode(),
        settled=settled == b"1",
        leader=(leader or b"").decode(),
        price=int(price or 0),
        privates=int(privates or 0),
        qualified=tuple(sorted((p.decode(), int(r)) for p, r in zip(ranks[::2], ranks[1::2], strict=True))),
        confirmed=frozenset(paddle.decode() for paddle in confirmed),
    )


async def _opening(connection: AsyncConnection, lot: str, state: BookState, secrets: lots.Secrets) -> Opening:
    last = state.privates
    known = (await connection.execute(_PRIVATE, {"lot": lot, "last": last})).one()
    if known.entries != last:
        raise NotYet(lot)
    head = private_genesis(secrets.private_salt)
    if last:
        head = bytes((await connection.execute(_PRIVATE_HEAD, {"lot": lot, "number": last})).scalar_one())
    confirmed = await _confirmed(connection, lot, last)
    if {paddle for paddle, _ in confirmed} != state.confirmed:
        raise Inconsistent("the book and the ledger name different confirmations")
    return Opening(
        confirmed=confirmed,
        private_count=last,
        private_head=head.hex(),
        private_salt=secrets.private_salt,
        qualified=state.qualified,
        qualified_salt=secrets.qualified_salt,
        reserve=secrets.reserve,
        reserve_salt=secrets.reserve_salt,
    )


async def _confirmed(connection: AsyncConnection, lot: str, last: int) -> tuple[tuple[str, str], ...]:
    """Who confirmed, with the salts, in their order."""
    rows = (await connection.execute(_CONFIRMATIONS, {"lot": lot, "last": last})).all()
    entries = [_parsed(row.line) for row in rows]
    return tuple((entry.paddle, entry.salt) for entry in entries if isinstance(entry, Confirmed))


async def seal_of(connection: AsyncConnection, lot: str) -> SealStatement:
    """What is signed of an ended lot: everything up to its last word. Raises Inconsistent."""
    for kind in (Result.kind, Aborted.kind):
        found = (await connection.execute(_LINE, {"lot": lot, "kind": kind})).first()
        if found is None:
            continue
        count, head, entry = found.seq, bytes(found.hash).hex(), _parsed(found.line)
        match entry:
            case Result():
                said = "sold" if entry.sold else "unsold"
                return SealStatement(lot, count, head, said, entry.winner, entry.price, entry.at)
            case Aborted():
                return SealStatement(lot, count, head, "aborted", "", 0, entry.at)
    raise Inconsistent("the lot has ended, and its ledger has no last entry")


async def _entry(connection: AsyncConnection, lot: str, kind: type[E]) -> E:
    found = (await connection.execute(_LINE, {"lot": lot, "kind": kind.kind})).first()
    entry = None if found is None else _parsed(found.line)
    if not isinstance(entry, kind):
        raise Inconsistent(f"the ledger has no entry {kind.kind}")
    return entry


def _parsed(line: str) -> Answer:
    try:
        return parse(line)
    except ValueError as fault:
        raise Inconsistent("an entry in the ledger can't be read") from fault
