"""Reads the logs of all partitions as they grow: what everybody's pages are fed from.

One task and one connection per gateway. It continues at its position after a lost connection; when the server
is another one than before (restart, failover, recovery) the listener is told: a log may have been rebuilt.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final, Protocol

import hiredis
import structlog

from bidding.gateway.view import reason_of
from bidding.keys import partition_keys
from bidding.messages import BidRejected
from bidding.pipeline import BookUnavailable, Connection, Pipeline

log = structlog.get_logger(__name__)

BLOCK_MS: Final = 1_000
BATCH: Final = 500
RETRY_S: Final = 0.2
SILENT_AFTER_S: Final = 2.0
"""The logs answer within their block of 1 s. After this long nobody knows what happens to the lots."""
GIVEN_UP_AFTER_S: Final = 3.0


class Listener(Protocol):
    """Who is told; nothing here waits."""

    def entry(self, lot: str, epoch: int, seq: int, kind: str, line: bytes, bid_id: str) -> None:
        """`bid_id` is private to its bidder; empty for entries that are no bid."""

    def refusal(self, lot: str, reason: str) -> None: ...

    def recorded(self, lot: str, seq: int, hash_hex: str) -> None: ...

    def unreadable(self, lot: str) -> None:
        """An entry of this lot (empty: of an unknown one) could not be taken in."""

    def read(self) -> None:
        """A batch has been told."""

    def rebuilt(self) -> None:
        """The server is another one: what is known has to be read again."""


class Tail:
    """`run()` until cancelled."""

    def __init__(self, pipeline: Pipeline, partitions: int, listener: Listener) -> None:
        self._pipeline = pipeline
        self._listener = listener
        self._positions: dict[bytes, bytes] = {}
        self._tellers = {}
        for partition in range(partitions):
            keys = partition_keys(partition)
            self._tellers[keys.log.encode()] = self._entry
            self._tellers[keys.private_log.encode()] = self._private
            self._tellers[keys.recorded.encode()] = self._recorded
        self._run = b""
        self._answered = -GIVEN_UP_AFTER_S
        self.batches = 0
        self.following = asyncio.Event()

    @property
    def silent(self) -> bool:
        """Whether the logs have not answered for too long."""
        return time.monotonic() - self._answered > SILENT_AFTER_S

    async def run(self) -> None:
        while True:
            try:
                connection = await self._pipeline.ready()
                await self._settle_positions(connection)
                self.following.set()
                while True:
                    self._tell(await self._read(connection))
            except (BookUnavailable, hiredis.ReplyError, TimeoutError) as fault:
                log.warning("log_reader_interrupted", fault=repr(fault))
                self.following.clear()
                await asyncio.sleep(RETRY_S)

    async def _settle_positions(self, connection: Connection) -> None:
        """Begin at the end; on another run of the server, go on only where the log did."""
        if connection.run == self._run:
            return
        first = not self._run
        for stream in self._tellers:
            newest = await connection.ask("XREVRANGE", stream, "+", "-", "COUNT", "1")
            last = newest[0][0] if newest else b"0-0"
            position = self._positions.get(stream)
            if position is None:
                self._positions[stream] = last
            elif _order(last) < _order(position):
                self._positions[stream] = b"0-0"
        self._run = connection.run
        if not first:
            self._listener.rebuilt()

    async def _read(self, connection: Connection) -> Sequence[Any]:
        streams, positions = self._positions.keys(), self._positions.values()
        command = ("XREAD", "COUNT", str(BATCH), "BLOCK", str(BLOCK_MS), "STREAMS")
        try:
            async with asyncio.timeout(GIVEN_UP_AFTER_S):
                found = await connection.ask(*command, *streams, *positions)
        except TimeoutError:
            connection.close()
            raise
        self._answered = time.monotonic()
        return found or ()

    def _tell(self, found: Sequence[Any]) -> None:
        for stream, messages in found:
            for position, flat in messages:
                self._tell_one(stream, position, flat)
            self._positions[stream] = messages[-1][0]
        self.batches += 1
        self._listener.read()

    def _tell_one(self, stream: bytes, position: bytes, flat: Sequence[bytes]) -> None:
        """One bad entry costs its own lot another look at the book, and nobody else anything."""
        fields: dict[bytes, bytes] = {}
        try:
            fields.update(zip(flat[::2], flat[1::2], strict=True))
            self._tellers[stream](fields)
        except Exception:
            lot = fields.get(b"lot", b"").decode(errors="replace")
            log.exception("log_entry_unreadable", stream=stream.decode(), position=position.decode(), lot=lot)
            self._listener.unreadable(lot)

    def _entry(self, fields: dict[bytes, bytes]) -> None:
        self._listener.entry(
            fields[b"lot"].decode(),
            int(fields[b"epoch"]),
            int(fields[b"seq"]),
            fields[b"kind"].decode(),
            fields[b"line"],
            fields[b"id"].decode(),
        )

    def _private(self, fields: dict[bytes, bytes]) -> None:
        """Counted by reason only: no paddle of a refusal leaves here."""
        if fields[b"kind"] == BidRejected.kind.encode():
            reason = reason_of(fields[b"line"])
            self._listener.refusal(fields[b"lot"].decode(), reason or "unknown")

    def _recorded(self, fields: dict[bytes, bytes]) -> None:
        self._listener.recorded(fields[b"lot"].decode(), int(fields[b"seq"]), fields[b"hash"].decode())


def _order(position: bytes) -> tuple[int, int]:
    milliseconds, _, number = position.partition(b"-")
    return int(milliseconds), int(number)
