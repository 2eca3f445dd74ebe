"""What the ledger makes of the entries that the log delivers: chained rows, heads, faults. Pure.

Entries come in the order of the log, some of them perhaps twice. Per lot the numbers have no gap; an entry
that is recorded already must be the same; anything else stops this lot, and only this lot.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Generic, NamedTuple, TypeVar

from bidding.ledger.chain import link
from bidding.ledger.standing import Standing, project
from bidding.messages import BidAccepted, Event, Recovered, parse

MAX_NUMBER: Final = 2**31 - 1
MAX_TIME: Final = 2**62
MAX_BID_ID: Final = 64
MAX_PADDLE: Final = 64
MAX_SAID: Final = 500
MAX_SHOWN: Final = 2_000
MALFORMED: Final = "malformed"
"""The kind of a delivery that can't be read."""


class Delivery(NamedTuple):
    """One entry as a partition's log delivers it; `number` is its seq, or its private number."""

    partition: int
    private: bool
    position: str
    lot: str
    number: int
    epoch: int
    kind: str
    at: int
    line: str
    bid_id: str


class EntryRow(NamedTuple):
    """A row of ledger_entries, but for its root."""

    lot: str
    seq: int
    epoch: int
    kind: str
    at: int
    line: str
    prev: bytes
    hash: bytes
    bid_id: str

    @classmethod
    def of(cls, delivery: Delivery, prev: bytes, hash: bytes) -> "EntryRow":
        return cls(*delivery[3:9], prev, hash, delivery.bid_id)


class PrivateRow(NamedTuple):
    """A row of private_entries."""

    lot: str
    number: int
    epoch: int
    kind: str
    at: int
    line: str
    prev: bytes
    hash: bytes

    @classmethod
    def of(cls, delivery: Delivery, prev: bytes, hash: bytes) -> "PrivateRow":
        return cls(*delivery[3:9], prev, hash)


Row = TypeVar("Row", EntryRow, PrivateRow)


class Fault(StrEnum):
    """Why a lot's recording stopped."""

    DIFFERENT = "different"
    GAP = "gap"
    EPOCH = "epoch"
    MALFORMED = "malformed"
    UNKNOWN_LOT = "unknown_lot"


@dataclass(frozen=True, slots=True)
class Conflict:
    """An entry that could not be recorded, where it lies in the log, and what stands in its place."""

    lot: str
    partition: int
    private: bool
    position: str
    number: int
    fault: Fault
    stored: str
    received: str


@dataclass(frozen=True, slots=True)
class Head:
    """What the ledger has of one lot. `known`: its rows are there; `halted`: its recording has stopped."""

    lot: str
    known: bool
    halted: bool
    epoch: int
    seq: int
    hash: bytes
    number: int
    private_hash: bytes
    standing: Standing


Stored = Mapping[tuple[str, bool, int], str]
"""Lines that are recorded already, by lot, private, number: of every delivery that may be a repetition."""


@dataclass(frozen=True, slots=True)
class Copied:
    """One lot's part of a batch."""

    head: Head
    entries: tuple[EntryRow, ...]
    privates: tuple[PrivateRow, ...]
    conflict: Conflict | None


def repetitions(heads: Mapping[str, Head], deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Deliveries whose numbers are recorded already: their lines have to be compared."""
    return [
        delivery
        for delivery in deliveries
        if delivery.number <= (heads[delivery.lot].number if delivery.private else heads[delivery.lot].seq)
    ]


def copy(head: Head, public: list[Delivery], private: list[Delivery], stored: Stored) -> Copied:
    """Chain one lot's deliveries to its head, up to the first that does not fit."""
    if head.halted:
        return Copied(head, (), (), None)
    if not head.known:
        first = (public or private)[0]
        return _halted(Copied(head, (), (), None), first, Fault.UNKNOWN_LOT, "")
    copied = _copy_public(head, public, stored)
    return copied if copied.conflict else _copy_private(head.epoch, copied, private, stored)


def refused(head: Head, delivery: Delivery, why: str) -> Copied:
    """What is left of a lot's part when the database does not take it."""
    shown = delivery._replace(line=repr(delivery.line)[:MAX_SHOWN])
    return _halted(Copied(head, (), (), None), shown, Fault.MALFORMED, why)


def _copy_public(head: Head, deliveries: list[Delivery], stored: Stored) -> Copied:
    chained = _chain(head.epoch, head.seq, head.hash, deliveries, stored, _next_epoch, EntryRow.of)
    rows, standing, unfit = _projected(head, chained.rows)
    wrong = chained.wrong
    if unfit:
        refused = chained.rows[len(rows)]
        wrong = next(one for one in deliveries if one.number == refused.seq), Fault.MALFORMED, unfit
    recorded = replace(head, standing=standing)
    if rows:
        recorded = replace(recorded, epoch=rows[-1].epoch, seq=rows[-1].seq, hash=rows[-1].hash)
    copied = Copied(recorded, tuple(rows), (), None)
    return _halted(copied, *wrong) if wrong else copied


def _next_epoch(epoch: int, delivery: Delivery) -> bool:
    return delivery.kind == Recovered.kind and delivery.epoch == epoch + 1


def _copy_private(epoch: int, copied: Copied, deliveries: list[Delivery], stored: Stored) -> Copied:
    head = copied.head

    def next_epoch(epoch: int, delivery: Delivery) -> bool:
        """The two streams are read apart: this one may be ahead by the next epoch."""
        return delivery.epoch == epoch + 1 <= head.epoch + 1

    chained = _chain(epoch, head.number, head.private_hash, deliveries, stored, next_epoch, PrivateRow.of)
    rows = chained.rows
    if rows:
        head = replace(head, number=rows[-1].number, private_hash=rows[-1].hash)
    done = replace(copied, head=head, privates=tuple(rows))
    return _halted(done, *chained.wrong) if chained.wrong else done


@dataclass(frozen=True, slots=True)
class _Chained(Generic[Row]):
    rows: list[Row]
    wrong: tuple[Delivery, Fault, str] | None


def _chain(
    epoch: int,
    recorded: int,
    last: bytes,
    deliveries: list[Delivery],
    stored: Stored,
    next_epoch: Callable[[int, Delivery], bool],
    row: Callable[[Delivery, bytes, bytes], Row],
) -> _Chained[Row]:
    """Chain deliveries to the number that is recorded, up to the first that does not fit."""
    rows: list[Row] = []
    number = recorded
    for delivery in deliveries:
        if delivery.kind == MALFORMED:
            return _Chained(rows, (delivery, Fault.MALFORMED, ""))
        if delivery.number <= number:
            line = _line_of(rows, recorded, delivery, stored)
            if line == delivery.line:
                continue
            return _Chained(rows, (delivery, Fault.DIFFERENT, line))
        if delivery.number != number + 1:
            return _Chained(rows, (delivery, Fault.GAP, ""))
        if delivery.epoch != epoch and not next_epoch(epoch, delivery):
            return _Chained(rows, (delivery, Fault.EPOCH, ""))
        before, last = last, link(last, delivery.line.encode())
        epoch, number = delivery.epoch, delivery.number
        rows.append(row(delivery, before, last))
    return _Chained(rows, None)


def _line_of(rows: list[Row], recorded: int, delivery: Delivery, stored: Stored) -> str:
    """The line that has this number already: from this batch, or from the database ("": not there)."""
    if delivery.number > recorded:
        return rows[delivery.number - recorded - 1].line
    return stored.get((delivery.lot, delivery.private, delivery.number), "")


def _halted(copied: Copied, delivery: Delivery, fault: Fault, stored: str) -> Copied:
    conflict = Conflict(
        lot=delivery.lot,
        partition=delivery.partition,
        private=delivery.private,
        position=delivery.position,
        number=delivery.number,
        fault=fault,
        stored=stored,
        received=delivery.line,
    )
    return replace(copied, head=replace(copied.head, halted=True), conflict=conflict)


# ── projection ──────────────────────────────────────────────────────────────────────────────────────────────


def _projected(head: Head, rows: list[EntryRow]) -> tuple[list[EntryRow], Standing, str]:
    """The rows up to the first that can't be one, how the lot stands after them, and what is wrong there.

    Of the bids only the last one is read.
    """
    last_bid = next((row.seq for row in reversed(rows) if row.kind == BidAccepted.kind), 0)
    standing = head.standing
    for index, row in enumerate(rows):
        if row.kind == BidAccepted.kind and row.seq != last_bid:
            continue
        try:
            standing = _after(standing, row)
        except ValueError as fault:
            sound, before, _ = _projected(head, rows[:index])
            return sound, before, str(fault)[:MAX_SAID]
    after = replace(standing, epoch=rows[-1].epoch, seq=rows[-1].seq) if rows else standing
    return rows, after, ""


def _after(standing: Standing, row: EntryRow) -> Standing:
    event = parse(row.line)
    said = (row.lot, row.seq, row.epoch, row.kind)
    if not isinstance(event, Event) or (event.lot, event.seq, event.epoch, event.kind) != said:
        raise ValueError(f"entry {row.seq} is not what the log says it is")
    after = project(standing, event)
    if not _can_be_kept(after):
        raise ValueError(f"entry {row.seq} has a number or a text that no auction has")
    return after


def _can_be_kept(standing: Standing) -> bool:
    """Whether the database has room for it: one lot's numbers must not stop the others."""
    times = (standing.price, standing.deadline, standing.closed_at or 0)
    paddles = (standing.leader, standing.winner)
    return (
        all(0 <= value <= MAX_TIME for value in times)
        and 0 <= standing.bids <= MAX_NUMBER
        and all(len(paddle) <= MAX_PADDLE and paddle.isprintable() for paddle in paddles)
    )
