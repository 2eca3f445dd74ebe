"""Recovery: the book rebuilt from the ledger after Redis was lost with its append-only file.

Promised: everything that the ledger recorded comes back: price, leader, accepted bid ids, confirmations, the
numbers of both chains. Every lot goes on in its next epoch, suspended, and its log says up to which entry it
was recorded. Not promised: what was acknowledged inside the ledger's lag, and the memory of refused bid ids.
Source: spec "One log, one chain"; docs/ledger.md.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bidding import lots
from bidding.book import RECENT_KEPT, Book
from bidding.keys import partition_keys, partition_of
from bidding.ledger.chain import genesis, link
from bidding.ledger.positions import START, last_position, order
from bidding.ledger.records import Records
from bidding.ledger.replay import Known, Replayed, replay
from bidding.messages import Answer, BidAccepted, BidRejected, Confirmed, Recovered, line, parse
from bidding.pipeline import Connection
from bidding.session import Session, recover
from bidding.stored import encode
from bidding.terms import Terms

CHUNK: Final = 500
"""Fields of one HSET."""

Qualified = Callable[[str], Awaitable[Mapping[str, int]]]
"""Who may bid on a lot: {paddle: rank}; the sealed module knows."""

_WANTED: Final = text(
    "SELECT id, seq FROM lots WHERE phase NOT IN ('closed', 'aborted') OR (phase = 'closed' AND sold IS NULL)"
    " ORDER BY id"
)
_LINES: Final = text("SELECT line, bid_id, hash FROM ledger_entries WHERE lot = :lot ORDER BY seq")
_PRIVATES: Final = text("SELECT line FROM private_entries WHERE lot = :lot ORDER BY number")
_HALTED: Final = text(
    "SELECT id, seq,"
    " EXISTS (SELECT FROM ledger_conflicts WHERE lot = lots.id AND resolved_at IS NULL) AS halted FROM lots"
    " WHERE id = :lot AND (phase NOT IN ('closed', 'aborted') OR (phase = 'closed' AND sold IS NULL))"
)
_RESOLVE: Final = text(
    "UPDATE ledger_conflicts SET resolved_at = now() WHERE lot = :lot AND resolved_at IS NULL"
)


class BookKnowsLots(Exception):
    """The book has lots that the ledger would rebuild; nothing was changed."""

    def __init__(self, known: Sequence[str]) -> None:
        super().__init__(f"the book still knows {len(known)} lot(s): {', '.join(known[:5])}")
        self.known = tuple(known)


class NotHalted(Exception):
    """The lot needs no rebuilding: it has ended, or the book has it and its recording goes on."""

    def __init__(self, lot: str) -> None:
        super().__init__(f"{lot} has ended, is unknown, or goes on as it is: no conflict stopped it")
        self.lot = lot


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A lot that goes on; `last_recorded` is the last entry that survived."""

    lot: str
    epoch: int
    last_recorded: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A lot that was left alone, and why."""

    lot: str
    why: str


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was done."""

    rebuilt: tuple[Rebuilt, ...]
    skipped: tuple[Skipped, ...]
    kept: tuple[str, ...]


class Unrecoverable(Exception):
    """A lot whose ledger does not carry it; the text says where it breaks."""


async def rebuild(
    *, engine: AsyncEngine, database_url: str, book: Book, qualified: Qualified, keep_known: bool = False
) -> Recovery:
    """Write every lot that has not ended, or is not settled, back into the book.

    The ledger writer must not run (AnotherWriter). Raises BookKnowsLots unless `keep_known`: then those are
    left as they are and only the missing ones are rebuilt.
    """
    records = await Records.open(database_url)
    try:
        async with engine.begin() as connection:
            wanted = [(row.id, row.seq) for row in await connection.execute(_WANTED)]
            known = await _known(book, [lot for lot, _ in wanted])
            if known and not keep_known:
                raise BookKnowsLots(sorted(known))
            await _continue_streams(book, await records.positions())
            missing = [(lot, seq) for lot, seq in wanted if lot not in known]
            done = [await _rebuild(connection, book, lot, seq, qualified) for lot, seq in missing]
    finally:
        await records.close()
    return Recovery(
        rebuilt=tuple(one for one in done if isinstance(one, Rebuilt)),
        skipped=tuple(one for one in done if isinstance(one, Skipped)),
        kept=tuple(sorted(known)),
    )


async def rebuild_halted(
    *, engine: AsyncEngine, database_url: str, book: Book, qualified: Qualified, lot: str
) -> Recovery:
    """Write one lot that a conflict stopped (or that the book lost) back into the book, and end the conflict.

    What the book has of it beyond the ledger is given up; the other lots are left alone. Raises NotHalted,
    and AnotherWriter while the ledger writer runs.
    """
    records = await Records.open(database_url)
    try:
        async with engine.begin() as connection:
            found = (await connection.execute(_HALTED, {"lot": lot})).one_or_none()
            if found is None or not (found.halted or not await _known(book, [lot])):
                raise NotHalted(lot)
            if await _unread(book, lot, await records.positions()):
                why = "the ledger has not read the log to its end: start `luochui up`, end it, and try again"
                return Recovery((), (Skipped(lot, why),), ())
            done = await _rebuild(connection, book, lot, found.seq, qualified)
    finally:
        await records.close()
    if isinstance(done, Skipped):
        return Recovery((), (done,), ())
    return Recovery((done,), (), ())


async def _unread(book: Book, lot: str, positions: Mapping[int, tuple[str, str]]) -> bool:
    """Whether entries that the writer has not seen lie in the lot's logs: of the epoch that is given up, they
    would stop the lot once more."""
    connection = await book.pipeline.ready()
    keys = book.keys(lot)
    read = positions.get(partition_of(lot, book.partitions), (START, START))
    last = [await last_position(connection, key) for key in (keys.log, keys.private_log)]
    return any(order(end or START) > order(position) for end, position in zip(last, read, strict=True))


async def _known(book: Book, wanted: Sequence[str]) -> set[str]:
    connection = await book.pipeline.ready()
    found = await asyncio.gather(*(connection.ask("EXISTS", book.keys(lot).lot(lot)) for lot in wanted))
    return {lot for lot, exists in zip(wanted, found, strict=True) if exists}


async def _continue_streams(book: Book, positions: Mapping[int, tuple[str, str]]) -> None:
    """New entries must come after the positions that the ledger writer stands at, whatever the new server's
    clock says; a stream that ends before is moved there."""
    connection = await book.pipeline.ready()
    for partition, pair in positions.items():
        keys = partition_keys(partition)
        for key, position in zip((keys.log, keys.private_log), pair, strict=True):
            last = await last_position(connection, key)
            if order(last or START) >= order(position):
                continue
            if last is None:
                await connection.ask("XGROUP", "CREATE", key, "recovery", "$", "MKSTREAM")
                await connection.ask("XGROUP", "DESTROY", key, "recovery")
            await connection.ask("XSETID", key, position)


async def _rebuild(
    connection: AsyncConnection, book: Book, lot: str, seq: int, qualified: Qualified
) -> Rebuilt | Skipped:
    if not seq:
        return Skipped(lot, "nothing of it is recorded; put it on again")
    try:
        state = await read_state(connection, lot, await qualified(lot))
    except Unrecoverable as fault:
        return Skipped(lot, str(fault))
    partition_clock = await book.clock(partition_of(lot, book.partitions))
    now, _ = await book.observe(partition_of(lot, book.partitions))
    session, happened = recover(state.terms, state.session, partition_clock.outage, now)
    await _write(book, replace(state, session=session), happened, await _paddles(book, lot))
    await connection.execute(_RESOLVE, {"lot": lot})
    return Rebuilt(lot, session.epoch, happened.last_recorded)


# ── from the ledger ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class State:
    """A lot as its ledger tells it, with its last public lines."""

    terms: Terms
    session: Session
    recent: tuple[str, ...]


async def read_state(connection: AsyncConnection, lot: str, qualified: Mapping[str, int]) -> State:
    """Replay a lot's recorded entries. Raises Unrecoverable when they do not hold together."""
    rows = (await connection.execute(_LINES, {"lot": lot})).all()
    _check_chain(lot, [(row.line, bytes(row.hash)) for row in rows])
    privates = [_parsed(row.line) for row in await connection.execute(_PRIVATES, {"lot": lot})]
    confirmed = tuple((entry.paddle, entry.salt) for entry in privates if isinstance(entry, Confirmed))
    lines = [row.line for row in rows]
    replayed = replay(lines, Known(qualified, confirmed))
    terms, session = await _replayed(connection, lot, replayed, qualified)
    refusals = Counter(entry.paddle for entry in privates if isinstance(entry, BidRejected))
    bids = [(row.bid_id, _parsed(row.line)) for row in rows if row.bid_id]
    return State(
        terms=terms,
        session=replace(
            session,
            accepted={(bid.paddle, bid_id): bid for bid_id, bid in bids if isinstance(bid, BidAccepted)},
            privates=len(privates),
            recorded_refusals=dict(refusals),
        ),
        recent=tuple(lines[-RECENT_KEPT:]),
    )


def _parsed(text: str) -> Answer:
    try:
        return parse(text)
    except ValueError as fault:
        raise Unrecoverable("an entry can't be read") from fault


def _check_chain(lot: str, rows: Sequence[tuple[str, bytes]]) -> None:
    head = genesis(lot)
    for seq, (entry, hash) in enumerate(rows, start=1):
        head = link(head, entry.encode())
        if head != hash:
            raise Unrecoverable(f"the chain breaks at entry {seq}")


async def _replayed(
    connection: AsyncConnection, lot: str, replayed: Replayed, qualified: Mapping[str, int]
) -> tuple[Terms, Session]:
    if replayed.findings:
        found = replayed.findings[0]
        raise Unrecoverable(f"entry {found.seq} does not follow from the ones before ({found.fault.value})")
    secrets = await lots.secrets_of(connection, lot)
    if replayed.terms is None or replayed.session is None or secrets is None:
        raise Unrecoverable("its first entry or its secrets are missing")
    session, commitments = replayed.session, secrets.commitments(qualified)
    opened = bool(session.commitments.qualified)
    if opened and session.commitments != commitments:
        raise Unrecoverable("the sealed list or the secrets do not fit the commitments of its opening")
    return replayed.terms, replace(session, commitments=commitments)


# ── into the book ───────────────────────────────────────────────────────────────────────────────────────────


async def _paddles(book: Book, lot: str) -> set[str]:
    """Whose refused ids the book may still remember, in a lot that it was not rid of."""
    connection: Connection = await book.pipeline.ready()
    found: list[bytes] = await connection.ask("HKEYS", book.keys(lot).lot(lot, "answers"))
    return {name.decode().split(":")[1] for name in found}


async def _write(book: Book, state: State, happened: Recovered, before: Collection[str]) -> None:
    connection: Connection = await book.pipeline.ready()
    forget = [
        ("DEL", book.keys(state.terms.lot).lot(state.terms.lot, f"refused:{paddle}")) for paddle in before
    ]
    commands = [("MULTI",), *forget, *_commands(book, state, happened), ("EXEC",)]
    replies = await asyncio.gather(*(connection.ask(*command) for command in commands))
    if replies[-1] is None:
        raise AssertionError("a transaction without a watch was not carried out")


def _commands(book: Book, state: State, happened: Recovered) -> Iterator[tuple[str, ...]]:
    lot, session = state.terms.lot, state.session
    keys, said = book.keys(lot), line(happened)
    yield ("DEL", *keys.of_lot(lot)[-6:-1])
    yield ("ZREM", keys.due, lot)
    yield ("HSET", keys.lot(lot), *_flat(encode(state.terms, session)))
    answers = {
        f"b:{paddle}:{bid_id}": f"{bid.price} {line(bid)}"
        for (paddle, bid_id), bid in session.accepted.items()
    }
    counts = {f"n:{paddle}": str(count) for paddle, count in session.recorded_refusals.items()}
    yield from _in_chunks("HSET", keys.lot(lot, "answers"), _flat(answers | counts))
    ranks = {paddle: str(rank) for paddle, rank in sorted(session.qualified.items())}
    yield from _in_chunks("HSET", keys.lot(lot, "qualified"), _flat(ranks))
    yield from _in_chunks("SADD", keys.lot(lot, "confirmed"), sorted(session.confirmed))
    yield from _in_chunks("RPUSH", keys.lot(lot, "recent"), [*state.recent[1 - RECENT_KEPT :], said])
    fields = {
        "lot": lot,
        "epoch": session.epoch,
        "seq": session.seq,
        "kind": happened.kind,
        "at": happened.at,
    }
    texts = {name: str(value) for name, value in fields.items()}
    yield ("XADD", keys.log, "*", *_flat(texts), "line", said, "id", "")


def _flat(pairs: Mapping[str, str]) -> list[str]:
    return [part for pair in pairs.items() for part in pair]


def _in_chunks(command: str, key: str, arguments: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(arguments), 2 * CHUNK):
        yield (command, key, *arguments[start : start + 2 * CHUNK])
