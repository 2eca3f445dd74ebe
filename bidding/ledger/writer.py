"""The ledger writer: the log of every partition -> PostgreSQL, chained, in signed batches.

Entries, positions, heads and roots of a batch are one transaction, so a restart or a double delivery changes
nothing. What does not fit (bidding.copying) stops its lot: recorded, suspended through the book, and alarmed.
Source: spec "One log, one chain"; docs/ledger.md.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import hiredis
import psycopg
import structlog

from bidding.book import Book
from bidding.keys import partition_keys
from bidding.ledger.chain import RootStatement, leaf
from bidding.ledger.copying import (
    MALFORMED,
    MAX_BID_ID,
    MAX_NUMBER,
    MAX_TIME,
    Conflict,
    Copied,
    Delivery,
    Fault,
    Head,
    copy,
    refused,
    repetitions,
)
from bidding.ledger.gauges import LedgerMetrics
from bidding.ledger.positions import START, last_position, order, time_of
from bidding.ledger.records import AnotherWriter, Batch, Leaf, Noted, Records, SignedRoot
from bidding.ledger.telling import Teller
from bidding.messages import BidAccepted, InquiryOpened, Resumed, TimedBiddingStarted
from bidding.pipeline import BookUnavailable, Pipeline
from bidding.session import ENDED
from signing.merkle import Tree
from signing.sm2 import PrivateKey

log = structlog.get_logger(__name__)

BATCH: Final = 500
"""Entries taken from each stream at a time."""
BLOCK_MS: Final = 500
KNOWN_HEADS: Final = 20_000
CHECK_EVERY_S: Final = 1.0
PAUSE_S: Final = (0.05, 1.0)
"""The first and the longest pause after an interruption; it doubles in between."""
STEADY_S: Final = 5.0
INTERRUPTIONS: Final = (
    *(psycopg.OperationalError, psycopg.InterfaceError, hiredis.HiredisError, BookUnavailable),
    *(AnotherWriter, OSError, TimeoutError),
)
UNSTORABLE: Final = (psycopg.DataError, psycopg.IntegrityError)
"""What the database says to a value that it does not take, whoever asks and how often."""
LOT: Final = re.compile(r"[A-Z0-9-]{1,32}")
REOPENS: Final = frozenset({InquiryOpened.kind, TimedBiddingStarted.kind, Resumed.kind, BidAccepted.kind})
"""Entries after which a lot whose recording has stopped must be suspended (again)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which stream an entry comes from."""

    partition: int
    private: bool


class Writer:
    """`run(stopping)` until told to stop; then it catches up and returns. PostgreSQL and Redis may go away.

    `log` is a pipeline of its own (its reads block); `ended` is set whenever a lot closed or ended.
    """

    def __init__(
        self,
        *,
        database_url: str,
        log: Pipeline,
        book: Book,
        key: PrivateKey,
        clock_ms: Callable[[], int],
        metrics: LedgerMetrics | None = None,
    ) -> None:
        self._database_url = database_url
        self._log = log
        self._key = key
        self._clock_ms = clock_ms
        self.metrics = metrics or LedgerMetrics()
        self.ended = asyncio.Event()
        self._teller = Teller(book)
        self._places = _places(book.partitions)
        self._positions: dict[str, str] = {}
        self._heads: OrderedDict[str, Head] = OrderedDict()
        self._checked_at = 0.0
        self._stands_by = False

    async def run(self, stopping: asyncio.Event) -> None:
        told = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._teller.run(told))
            pause = PAUSE_S[0]
            while not told.is_set():
                began = asyncio.get_running_loop().time()
                try:
                    await self._serve(stopping)
                    told.set()
                except INTERRUPTIONS as fault:
                    self._interrupted(fault)
                    lasted = asyncio.get_running_loop().time() - began
                    pause = PAUSE_S[0] if lasted > STEADY_S else min(pause * 2, PAUSE_S[1])
                    await asyncio.sleep(pause)

    def _interrupted(self, fault: Exception) -> None:
        self._teller.interrupted()
        if not isinstance(fault, AnotherWriter):
            self.metrics.interruptions.inc()
            log.warning("ledger_interrupted", fault=type(fault).__name__, says=str(fault)[:200])
        elif not self._stands_by:
            log.info("ledger_stands_by", says=str(fault))
        self._stands_by = isinstance(fault, AnotherWriter)

    async def _serve(self, stopping: asyncio.Event) -> None:
        records = await Records.open(self._database_url)
        try:
            await self._begin(records)
            while True:
                last_round = stopping.is_set()
                found = await self._read(None if last_round else BLOCK_MS)
                if found:
                    await self._record(records, found)
                elif last_round:
                    return
                await self._check(records)
                self._teller.caught_up(self._drained(found))
        finally:
            with suppress(psycopg.Error):
                await records.close()

    async def _check(self, records: Records) -> None:
        """An idle writer must know that it could write: silence is told as "everything is recorded"."""
        now = asyncio.get_running_loop().time()
        if now - self._checked_at >= CHECK_EVERY_S:
            await records.check()
            self._checked_at = now

    def _drained(self, found: Mapping[str, Sequence[Delivery]]) -> set[int]:
        """Partitions of which the last read left nothing behind."""
        full = {self._places[key].partition for key, entries in found.items() if len(entries) >= BATCH}
        return {place.partition for place in self._places.values()} - full

    async def _begin(self, records: Records) -> None:
        self._heads.clear()
        stored = await records.positions()
        self._positions = {
            key: stored.get(place.partition, (START, START))[place.private]
            for key, place in self._places.items()
        }
        halted = await records.halted()
        self.metrics.halted.set(len(halted))
        for lot, fault, *_ in halted:
            self._teller.suspend(lot, Fault(fault))
        self._teller.note(await records.last_noted())
        await self._look_for_a_lost_log()
        log.info("ledger_begins", halted=len(halted), key=self._key.public_key.key_id)

    async def _look_for_a_lost_log(self) -> None:
        """A log that ends before the recorded position is not the log that was recorded."""
        connection = await self._log.ready()
        lost = []
        for key, position in self._positions.items():
            last = await last_position(connection, key)
            if order(last or START) < order(position):
                lost.append(key)
        self.metrics.log_lost.set(bool(lost))
        if lost:
            log.error("log_lost", streams=lost[:4], count=len(lost), do="luochui recover")

    # reading

    async def _read(self, block_ms: int | None) -> dict[str, list[Delivery]]:
        connection = await self._log.ready()
        blocks = () if block_ms is None else ("BLOCK", str(block_ms))
        found = await connection.ask(
            *("XREAD", "COUNT", str(BATCH), *blocks, "STREAMS", *self._places),
            *(self._positions[key] for key in self._places),
        )
        return {
            key.decode(): [delivery(self._places[key.decode()], *entry) for entry in entries]
            for key, entries in found or ()
        }

    # recording

    async def _record(self, records: Records, found: Mapping[str, Sequence[Delivery]]) -> None:
        deliveries = [delivery for entries in found.values() for delivery in entries]
        await self._load_heads(records, {delivery.lot for delivery in deliveries})
        repeated = repetitions(self._heads, deliveries)
        stored = await records.lines(repeated)
        lots = _by_lot(deliveries)
        copied = [copy(self._heads[lot], public, private, stored) for lot, (public, private) in lots.items()]
        positions = self._positions | {key: entries[-1].position for key, entries in found.items()}
        touched = {self._places[key].partition for key in found}
        try:
            batch = self._batch(copied, positions, touched)
            root = await records.write(batch)
        except UNSTORABLE:
            copied = [await self._kept_or_refused(records, part, lots[part.head.lot]) for part in copied]
            batch = self._batch(copied, positions, touched)
            root = await records.write(batch)
        self._positions = positions
        self._heads.update((part.head.lot, part.head) for part in copied)
        self._measure(batch, found, len(repeated))
        self._tell(batch, root, found)
        self._follow_halted(deliveries)

    async def _kept_or_refused(
        self, records: Records, part: Copied, delivered: tuple[list[Delivery], list[Delivery]]
    ) -> Copied:
        """A part of a batch that the database refused: unchanged, or stopped if the refusal is due to it."""
        try:
            await records.write(self._batch([part], {}, set()), keep=False)
        except UNSTORABLE as fault:
            public, private = delivered
            return refused(self._heads[part.head.lot], (public or private)[0], type(fault).__name__)
        return part

    async def _load_heads(self, records: Records, lots: set[str]) -> None:
        missing = lots - self._heads.keys()
        if missing:
            self._heads.update(await records.heads(missing))
        for lot in lots:
            self._heads.move_to_end(lot)
        while len(self._heads) > max(KNOWN_HEADS, len(lots)):
            self._heads.popitem(last=False)

    def _batch(self, copied: Sequence[Copied], positions: Mapping[str, str], touched: set[int]) -> Batch:
        grown = [part.head for part in copied if part.entries]
        return Batch(
            entries=[row for part in copied for row in part.entries],
            privates=[row for part in copied for row in part.privates],
            heads=grown,
            conflicts=[part.conflict for part in copied if part.conflict is not None],
            positions=[
                (partition, positions[keys.log], positions[keys.private_log])
                for partition, keys in ((number, partition_keys(number)) for number in sorted(touched))
            ],
            root=self._signed(grown) if grown else None,
        )

    def _signed(self, heads: Sequence[Head]) -> SignedRoot:
        tree = Tree([leaf(head.lot, head.seq, head.hash) for head in heads])
        statement = RootStatement(at=self._clock_ms(), count=len(heads), root=tree.root)
        leaves = tuple(
            Leaf(head.lot, head.seq, head.hash, index, b"".join(tree.path(index)))
            for index, head in enumerate(heads)
        )
        return SignedRoot(statement, self._key.sign(statement.text()), self._key.public_key.key_id, leaves)

    # afterwards

    def _measure(self, batch: Batch, found: Mapping[str, Sequence[Delivery]], repeated: int) -> None:
        oldest = min(time_of(entries[0].position) for entries in found.values())
        self.metrics.lag.observe(max(0, self._clock_ms() - oldest) / 1000)
        self.metrics.size.observe(sum(map(len, found.values())))
        self.metrics.entries.inc(len(batch.entries) + len(batch.privates))
        self.metrics.repeated.inc(repeated)
        self.metrics.roots.inc(batch.root is not None)

    def _tell(self, batch: Batch, root: int, found: Mapping[str, Sequence[Delivery]]) -> None:
        for conflict in batch.conflicts:
            self._alarm(conflict)
        self._teller.note(Noted(head.lot, head.seq, head.hash, root) for head in batch.heads)
        for partition, at in self._behind(found).items():
            self._teller.recorded_up_to(partition, at)
        if any(head.standing.phase in ENDED for head in batch.heads):
            self.ended.set()

    def _behind(self, found: Mapping[str, Sequence[Delivery]]) -> Mapping[int, int]:
        """Up to when (by the book's clock, which may be set back; positions in a stream never are) the logs
        are recorded that had more than one read takes, by partition."""
        behind: dict[int, int] = {}
        for key, entries in found.items():
            at = max(delivered.at for delivered in entries)
            if len(entries) >= BATCH and at > 0:
                partition = self._places[key].partition
                behind[partition] = min(at, behind.get(partition, at))
        return behind

    def _alarm(self, conflict: Conflict) -> None:
        self.metrics.conflicts.labels(conflict.fault.value).inc()
        self.metrics.halted.inc()
        self._teller.suspend(conflict.lot, conflict.fault)
        where = {"number": conflict.number, "private": conflict.private, "position": conflict.position}
        log.error("ledger_conflict", lot=conflict.lot, fault=conflict.fault.value, **where)

    def _follow_halted(self, deliveries: Iterable[Delivery]) -> None:
        """A lot whose recording has stopped and that goes on nevertheless is suspended again."""
        for delivered in deliveries:
            if delivered.kind in REOPENS and self._heads[delivered.lot].halted:
                self._teller.suspend(delivered.lot)


# ── the log's form ──────────────────────────────────────────────────────────────────────────────────────────


def delivery(place: Place, position: bytes, fields: Sequence[bytes]) -> Delivery:
    """One entry of a stream; of kind MALFORMED when it is not what the book writes."""
    raw = dict(zip(fields[::2], fields[1::2], strict=False))
    try:
        found = Delivery(
            place.partition,
            place.private,
            position.decode(),
            raw[b"lot"].decode(),
            int(raw[b"number" if place.private else b"seq"]),
            int(raw[b"epoch"]),
            raw[b"kind"].decode(),
            int(raw[b"at"]),
            raw[b"line"].decode(),
            raw.get(b"id", b"").decode(),
        )
    except (KeyError, ValueError):
        return _malformed(place, position, raw)
    in_range = 0 < found.number <= MAX_NUMBER and 0 < found.epoch <= MAX_NUMBER and 0 <= found.at <= MAX_TIME
    storable = not any("\0" in said for said in (found.line, found.kind, found.bid_id))
    named = len(found.bid_id) <= MAX_BID_ID and LOT.fullmatch(found.lot)
    return found if in_range and storable and named else _malformed(place, position, raw)


def _malformed(place: Place, position: bytes, raw: Mapping[bytes, bytes]) -> Delivery:
    lot = raw.get(b"lot", b"").decode("ascii", "replace")
    named = lot if LOT.fullmatch(lot) else "?"
    at = position.decode()
    return Delivery(place.partition, place.private, at, named, 0, 0, MALFORMED, 0, repr(raw)[:2_000], "")


def _by_lot(deliveries: Iterable[Delivery]) -> dict[str, tuple[list[Delivery], list[Delivery]]]:
    """Each lot's public and private deliveries, in their order."""
    lots: dict[str, tuple[list[Delivery], list[Delivery]]] = {}
    for delivered in deliveries:
        if (pair := lots.get(delivered.lot)) is None:
            pair = lots[delivered.lot] = ([], [])
        pair[delivered.private].append(delivered)
    return lots


def _places(partitions: int) -> dict[str, Place]:
    places = {}
    for partition in range(partitions):
        keys = partition_keys(partition)
        places[keys.log] = Place(partition, private=False)
        places[keys.private_log] = Place(partition, private=True)
    return places
