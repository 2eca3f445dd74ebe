"""The rooms of one gateway: opened for the first watcher, fed from the logs, read again after a gap."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import structlog

from bidding.book import Book
from bidding.gateway.fanout import Fanout
from bidding.gateway.lookup import read_lot
from bidding.gateway.room import HISTORY_KEPT, Recorded, Room
from bidding.gateway.view import Step

log = structlog.get_logger(__name__)

KEPT_EMPTY_S: Final = 30
"""Seconds that an empty room is kept for those who come back."""
READ_AGAIN_S: Final = 0.2

_Entry = tuple[int, int, str, bytes]


class Rooms:
    """`spawn` runs a task that the gateway looks after."""

    def __init__(self, book: Book, fanout: Fanout, spawn: Callable[..., object]) -> None:
        self._book = book
        self._fanout = fanout
        self._spawn = spawn
        self._rooms: dict[str, Room] = {}
        self._reading: dict[str, deque[_Entry]] = {}
        self._opening: dict[str, asyncio.Future[Room | None]] = {}
        self._touched: dict[Room, None] = {}
        self._empty_for: dict[str, int] = {}
        self._deliveries = 0
        fanout.on_fault = lambda room: self.read_again(room.view_lot)

    @property
    def deliveries(self) -> int:
        return self._deliveries + sum(room.deliveries for room in self._rooms.values())

    def watchers(self) -> dict[str, int]:
        return {lot: len(room.watchers) for lot, room in self._rooms.items() if room.watchers}

    # opening and reading again

    async def open(self, lot: str) -> Room | None:
        """The room of a lot; None if the book does not know the lot. May raise BookUnavailable."""
        room = self._rooms.get(lot)
        if room is not None:
            self._empty_for.pop(lot, None)
            return room
        opening = self._opening.get(lot)
        if opening is None:
            opening = asyncio.ensure_future(self._read(lot))
            self._opening[lot] = opening
            opening.add_done_callback(lambda _: self._opening.pop(lot, None))
        return await asyncio.shield(opening)

    async def _read(self, lot: str) -> Room | None:
        """Read a lot from the book while its entries are held back, then let them in."""
        held: deque[_Entry] = deque(maxlen=HISTORY_KEPT)
        self._reading[lot] = held
        try:
            while True:
                held.clear()
                state = await read_lot(self._book, lot)
                if state is None:
                    return None
                room = self._rooms.get(lot)
                if room is None:
                    room = self._rooms[lot] = Room(state)
                else:
                    room.reload(state)
                if all(room.feed(*entry) is not Step.GAP for entry in held):
                    self._fanout.schedule(room)
                    return room
                await asyncio.sleep(READ_AGAIN_S)
        finally:
            del self._reading[lot]

    def read_again(self, lot: str) -> None:
        """What is known of this lot is not to be relied on."""
        if lot in self._rooms and lot not in self._reading:
            self._reading[lot] = deque(maxlen=HISTORY_KEPT)
            self._spawn(self._reread(lot))

    async def _reread(self, lot: str) -> None:
        while lot in self._rooms:
            try:
                await self._read(lot)
                return
            except Exception as fault:  # whatever it is: without this lot its watchers see nothing
                log.warning("lot_not_read", lot=lot, fault=repr(fault))
                await asyncio.sleep(READ_AGAIN_S)

    # what the logs tell

    def entry(self, lot: str, epoch: int, seq: int, kind: str, line: bytes) -> None:
        held = self._reading.get(lot)
        if held is not None:
            held.append((epoch, seq, kind, line))
            return
        room = self._rooms.get(lot)
        if room is None:
            return
        match room.feed(epoch, seq, kind, line):
            case Step.NEXT:
                self._touched[room] = None
            case Step.GAP:
                log.info("lot_read_again", lot=lot, epoch=epoch, seq=seq)
                self.read_again(lot)
            case Step.KNOWN:
                pass

    def recorded(self, lot: str, seq: int, hash_hex: str) -> None:
        room = self._rooms.get(lot)
        if room is not None:
            room.ledger_has(Recorded(seq, hash_hex))

    def read(self) -> None:
        """A batch has been told: write it."""
        for room in self._touched:
            self._fanout.schedule(room)
        self._touched.clear()

    def rebuilt(self) -> None:
        for lot in list(self._rooms):
            self.read_again(lot)

    # once a second

    def tick(self, now: int, elsewhere: Callable[[str], int], steady: Callable[[str], bool]) -> None:
        """A tick for every room; rooms that stay empty are given up."""
        for lot, room in list(self._rooms.items()):
            if room.watchers:
                room.tick(now, len(room.watchers) + elsewhere(lot), steady=steady(lot))
                self._fanout.schedule(room)
                continue
            self._empty_for[lot] = self._empty_for.get(lot, 0) + 1
            if self._empty_for[lot] > KEPT_EMPTY_S and lot not in self._reading:
                self._deliveries += room.deliveries
                del self._rooms[lot], self._empty_for[lot]
