"""What the ledger makes of the entries that the log delivers: chained rows, heads, faults. Pure.

Entries come in the order of the log, some of them perhaps twice. Per lot the numbers have no gap; an entry
that is recorded already must be the same; anything else stops this lot, and only this lot.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from bidding.ledger.chain import link
from bidding.ledger.standing import Standing, project
from bidding.messages import BidAccepted, Event, Recovered, parse

MAX_NUMBER: Final = 2**31 - 1
MAX_TIME: Final = 2**62
MAX_BID_ID: Final = 64
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
    return copied if copied.conflict else _copy_private(copied, private, stored)


def _copy_public(head: Head, deliveries: list[Delivery], stored: Stored) -> Copied:
    rows: list[EntryRow] = []
    epoch, seq, last = head.epoch, head.seq, head.hash
    wrong: tuple[Delivery, Fault, str] | None = None
    for delivery in deliveries:
        if delivery.kind == MALFORMED:
            wrong = delivery, Fault.MALFORMED, ""
        elif delivery.number <= seq:
            line = _line_of(rows, head.seq, delivery, stored)
            if line == delivery.line:
                continue
            wrong = delivery, Fault.DIFFERENT, line
        elif delivery.number != seq + 1:
            wrong = delivery, Fault.GAP, ""
        elif delivery.epoch != epoch and not _next_epoch(epoch, delivery):
            wrong = delivery, Fault.EPOCH, ""
        if wrong:
            break
        before, last = last, link(last, delivery.line.encode())
        epoch, seq = delivery.epoch, delivery.number
        rows.append(EntryRow(*delivery[3:9], before, last, delivery.bid_id))
    try:
        standing = _projected(head, rows)
    except ValueError as fault:
        return _halted(Copied(head, (), (), None), deliveries[0], Fault.MALFORMED, str(fault))
    recorded = replace(head, epoch=epoch, seq=seq, hash=last, standing=standing)
    copied = Copied(recorded, tuple(rows), (), None)
    return _halted(copied, *wrong) if wrong else copied


def _next_epoch(epoch: int, delivery: Delivery) -> bool:
    return delivery.kind == Recovered.kind and delivery.epoch == epoch + 1


def _copy_private(copied: Copied, deliveries: list[Delivery], stored: Stored) -> Copied:
    head = copied.head
    rows: list[PrivateRow] = []
    number, last = head.number, head.private_hash
    wrong: tuple[Delivery, Fault, str] | None = None
    for delivery in deliveries:
        if delivery.kind == MALFORMED:
            wrong = delivery, Fault.MALFORMED, ""
        elif delivery.number <= number:
            line = _line_of(rows, head.number, delivery, stored)
            if line == delivery.line:
                continue
            wrong = delivery, Fault.DIFFERENT, line
        elif delivery.number != number + 1:
            wrong = delivery, Fault.GAP, ""
        if wrong:
            break
        before, last = last, link(last, delivery.line.encode())
        number = delivery.number
        rows.append(PrivateRow(*delivery[3:9], before, last))
    recorded = replace(head, number=number, private_hash=last)
    done = replace(copied, head=recorded, privates=tuple(rows))
    return _halted(done, *wrong) if wrong else done


def _line_of(
    rows: list[EntryRow] | list[PrivateRow], recorded: int, delivery: Delivery, stored: Stored
) -> str:
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


def _projected(head: Head, rows: list[EntryRow]) -> Standing:
    """How the lot stands after these rows. Of the bids only the last one is read. Raises ValueError."""
    last_bid = next((row.seq for row in reversed(rows) if row.kind == BidAccepted.kind), 0)
    standing = head.standing
    for row in rows:
        if row.kind == BidAccepted.kind and row.seq != last_bid:
            continue
        event = parse(row.line)
        if not isinstance(event, Event) or (event.lot, event.seq, event.epoch) != (
            row.lot,
            row.seq,
            row.epoch,
        ):
            raise ValueError(f"entry {row.seq} is not what the log says it is")
        standing = project(standing, event)
    return replace(standing, epoch=rows[-1].epoch, seq=rows[-1].seq) if rows else standing
