"""What a gateway reads from the book besides bidding: lots as the public sees them, partitions' clocks.

Unlike `Book.snapshot` it leaves out the answers to bids, so its cost does not grow with their number.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bidding.book import Book
from bidding.gateway.room import HISTORY_KEPT, LotState, Recorded
from bidding.gateway.view import LotView, view_of
from bidding.keys import partition_keys

RECORDED_LOOKED_AT: Final = 300


@dataclass(frozen=True, slots=True)
class PartitionClock:
    """A partition's clock, in ms of the book's clock; `steady_since` is 0 during an outage."""

    partition: int
    beat: int = 0
    steady_since: int = 0
    outages: int = 0
    ledger: int = 0

    def steady(self, now: int, tolerance_ms: int) -> bool:
        """Whether bids can be placed and countdowns run."""
        return self.steady_since > 0 and now - self.beat <= tolerance_ms


async def read_lot(book: Book, lot: str) -> LotState | None:
    """A lot in one consistent read, or None if the book does not know it. May raise BookUnavailable."""
    connection = await book.pipeline.ready()
    keys = book.keys(lot)
    replies = await asyncio.gather(
        connection.ask("MULTI"),
        connection.ask("HGETALL", keys.lot(lot)),
        connection.ask("LRANGE", keys.lot(lot, "recent"), str(-HISTORY_KEPT), "-1"),
        connection.ask("XREVRANGE", keys.recorded, "+", "-", "COUNT", str(RECORDED_LOOKED_AT)),
        connection.ask("EXEC"),
    )
    state, recent, told = replies[-1]
    if not state:
        return None
    return LotState(_view(state), recent, _recorded(told, lot.encode()))


async def read_views(book: Book, lots: Sequence[str]) -> list[LotView]:
    """The views of several lots; unknown ones are left out."""
    connection = await book.pipeline.ready()
    replies = await asyncio.gather(*(connection.ask("HGETALL", book.keys(lot).lot(lot)) for lot in lots))
    return [_view(state) for state in replies if state]


async def read_confirmed(book: Book, lot: str, paddle: str) -> bool:
    """Whether a bidder has confirmed."""
    connection = await book.pipeline.ready()
    return bool(await connection.ask("SISMEMBER", book.keys(lot).lot(lot, "confirmed"), paddle))


async def read_due(book: Book) -> list[str]:
    """Lots that wait for a time: all that have not ended, but for those suspended without a resumption."""
    found = await asyncio.gather(*(book.waiting(partition) for partition in range(book.partitions)))
    return [lot for lots in found for lot in lots]


async def read_clocks(book: Book) -> list[PartitionClock]:
    connection = await book.pipeline.ready()
    names = ("beat", "steady_since", "outage", "ledger")
    found = await asyncio.gather(
        *(
            connection.ask("HMGET", partition_keys(partition).clock, *names)
            for partition in range(book.partitions)
        )
    )
    return [
        PartitionClock(partition, *(int(value or 0) for value in values))
        for partition, values in enumerate(found)
    ]


def _view(flat: Sequence[bytes]) -> LotView:
    return view_of({name.decode(): value.decode() for name, value in zip(flat[::2], flat[1::2], strict=True)})


def _recorded(told: Sequence[Any], lot: bytes) -> Recorded | None:
    for _, flat in told:
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        if fields.get(b"lot") == lot:
            return Recorded(int(fields[b"seq"]), fields[b"hash"].decode())
    return None
