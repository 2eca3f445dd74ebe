"""What the ledger writer tells the book's side: recorded heads, how far it is, lots that must stop.

The writer never waits for it. Nothing is lost while the book is away: the newest head of each lot is kept and
told later, and suspensions are repeated until the book has answered.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

import hiredis
import structlog

from bidding.book import Book
from bidding.ledger.copying import Fault
from bidding.ledger.records import Noted
from bidding.messages import Refused
from bidding.pipeline import BookUnavailable

log = structlog.get_logger(__name__)

RECORDED_KEPT: Final = 1_000
"""Entries of a partition's `recorded` stream."""
BUSY_EVERY_S: Final = 0.25
IDLE_EVERY_S: Final = 0.5
FRESH_S: Final = 1.5
"""How long "the ledger has everything" holds without being renewed."""
PAUSE_S: Final = 0.5

REASONS: Final[Mapping[Fault, str]] = {
    Fault.DIFFERENT: "账本核对发现同一序号有两条不同的记录，本标的中止，等待人工核查。",
    Fault.GAP: "账本核对发现记录序号不连续，本标的中止，等待人工核查。",
    Fault.EPOCH: "账本核对发现记录来自另一个阶段，本标的中止，等待人工核查。",
    Fault.MALFORMED: "账本核对发现无法识别的记录，本标的中止，等待人工核查。",
    Fault.UNKNOWN_LOT: "账本中没有本标的的登记，本标的中止，等待人工核查。",
}
"""The public reasons of these suspensions. They stand in the lot's log, so they are in one language."""


class Teller:
    """`run(stopped)` beside the writer, until `stopped` is set and the last word is out."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._noted: dict[str, Noted] = {}
        self._to_suspend: dict[str, Fault] = {}
        self._faults: dict[str, Fault] = {}
        self._recorded: dict[int, int] = {}
        self._fresh: dict[int, float] = {}
        self._told: dict[int, float] = {}
        self._wake = asyncio.Event()

    # from the writer

    def note(self, noted: Iterable[Noted]) -> None:
        """These heads are recorded."""
        self._noted.update((head.lot, head) for head in noted)
        self._wake.set()

    def suspend(self, lot: str, fault: Fault | None = None) -> None:
        """The lot's recording has stopped; without a fault for the reason that is known already."""
        known = fault or self._faults.get(lot, Fault.DIFFERENT)
        self._faults[lot] = self._to_suspend[lot] = known
        self._wake.set()

    def recorded_up_to(self, partition: int, at_ms: int) -> None:
        """What the partition's logs held up to this time of the book is recorded. Told once: who repeats it
        would hide that nothing more follows, and after a step back of the clock it lies in the future."""
        self._recorded[partition] = at_ms

    def caught_up(self, partitions: Iterable[int]) -> None:
        """The ledger has all of these partitions, and the database answers."""
        now = asyncio.get_running_loop().time()
        self._fresh.update(dict.fromkeys(partitions, now))

    def interrupted(self) -> None:
        """The writer has to start over: nothing is known about how far it is."""
        self._fresh.clear()
        self._recorded.clear()

    # to the book

    async def run(self, stopped: asyncio.Event) -> None:
        while not stopped.is_set():
            try:
                async with asyncio.timeout(BUSY_EVERY_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            if not await self._tell():
                await asyncio.sleep(PAUSE_S)
        await self._tell()

    async def _tell(self) -> bool:
        try:
            await self._tell_heads()
            await self._tell_progress()
            await self._tell_suspensions()
        except (BookUnavailable, hiredis.HiredisError) as fault:
            log.warning("ledger_cannot_tell", fault=str(fault))
            return False
        return True

    async def _tell_heads(self) -> None:
        if not self._noted:
            return
        connection = await self._book.pipeline.ready()
        noted, self._noted = self._noted, {}
        try:
            await asyncio.gather(
                *(
                    connection.ask(
                        *("XADD", self._book.keys(head.lot).recorded, "MAXLEN", "~", str(RECORDED_KEPT), "*"),
                        *("lot", head.lot, "seq", str(head.seq), "hash", head.hash.hex()),
                        *("root", str(head.root)),
                    )
                    for head in noted.values()
                )
            )
        except (BookUnavailable, hiredis.HiredisError):
            self._noted = noted | self._noted
            raise

    async def _tell_progress(self) -> None:
        now = asyncio.get_running_loop().time()
        due = [partition for partition in range(self._book.partitions) if self._is_due(partition, now)]
        for partition in due:
            self._told[partition] = now
        told = {partition: self._progress(partition, now) or 0 for partition in due}
        for partition in due:
            self._recorded.pop(partition, None)
        await asyncio.gather(*(self._book.recorded(partition, up_to) for partition, up_to in told.items()))

    def _is_due(self, partition: int, now: float) -> bool:
        if self._progress(partition, now) is None:
            return False
        every = BUSY_EVERY_S if partition in self._recorded else IDLE_EVERY_S
        return now - self._told.get(partition, 0.0) >= every

    def _progress(self, partition: int, now: float) -> int | None:
        """0: everything; a time: up to then; None: nothing can be said."""
        if now - self._fresh.get(partition, -FRESH_S) < FRESH_S:
            return 0
        return self._recorded.get(partition)

    async def _tell_suspensions(self) -> None:
        for lot, fault in list(self._to_suspend.items()):
            answer = (await self._book.suspend(lot, REASONS[fault])).answer
            del self._to_suspend[lot]
            obstacle = answer.obstacle.value if isinstance(answer, Refused) else ""
            log.error("lot_suspended_by_ledger", lot=lot, fault=fault.value, obstacle=obstacle)
