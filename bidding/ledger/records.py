"""The ledger's tables, as the writer uses them: a batch in one transaction, arrays instead of rows.

Raw psycopg, because this is the one path that has to carry tens of thousands of entries a second. One writer
at a time: an advisory lock of the session keeps a second one waiting.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from bidding.ledger.chain import RootStatement, genesis, private_genesis
from bidding.ledger.copying import Conflict, Delivery, EntryRow, Head, PrivateRow, Stored
from bidding.ledger.standing import Standing
from bidding.messages import Phase
from bidding.terms import Fen

WRITER_LOCK: Final = 0x6C656467
"""The advisory lock of the ledger's one writer ("ledg" as a number)."""
STATEMENT_TIMEOUT_MS: Final = 10_000

_ENTRIES = """
INSERT INTO ledger_entries (lot, seq, epoch, kind, at, line, prev, hash, bid_id, root)
SELECT *, (SELECT currval('merkle_roots_id_seq')) FROM unnest(%b::text[], %b::int[], %b::int[], %b::text[],
    %b::bigint[], %b::text[], %b::bytea[], %b::bytea[], %b::text[])
ON CONFLICT DO NOTHING"""
_PRIVATES = """
INSERT INTO private_entries (lot, number, epoch, kind, at, line, prev, hash)
SELECT * FROM unnest(%b::text[], %b::int[], %b::int[], %b::text[], %b::bigint[], %b::text[],
    %b::bytea[], %b::bytea[])
ON CONFLICT DO NOTHING"""
_ROOT = (
    "INSERT INTO merkle_roots (at, root, count, signature, key_id) VALUES (%s, %s, %s, %s, %s) RETURNING id"
)
_LEAVES = """
INSERT INTO merkle_leaves (lot, seq, root, hash, index, path)
SELECT lot, seq, (SELECT currval('merkle_roots_id_seq')), hash, index, path
FROM unnest(%b::text[], %b::int[], %b::bytea[], %b::int[], %b::bytea[])
    AS leaf (lot, seq, hash, index, path)"""
_STANDINGS = """
UPDATE lots SET phase = now.phase, epoch = now.epoch, seq = now.seq, price = now.price, leader = now.leader,
    bids = now.bids, deadline = now.deadline, closed_at = now.closed_at, sold = now.sold, winner = now.winner
FROM unnest(%b::text[], %b::text[], %b::int[], %b::int[], %b::bigint[], %b::text[], %b::int[], %b::bigint[],
    %s::bigint[], %s::boolean[], %b::text[])
    AS now (id, phase, epoch, seq, price, leader, bids, deadline, closed_at, sold, winner)
WHERE lots.id = now.id"""
_POSITIONS = """
INSERT INTO ledger_positions (partition, log, private_log)
SELECT * FROM unnest(%b::int[], %b::text[], %b::text[])
ON CONFLICT (partition) DO UPDATE SET log = excluded.log, private_log = excluded.private_log"""
_CONFLICT = """
INSERT INTO ledger_conflicts (lot, partition, private, position, number, fault, stored, received)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"""
_HEADS = """
SELECT wanted.lot, secrets.private_salt, public.epoch, public.seq, public.hash, private.number, private.hash,
    EXISTS (SELECT FROM ledger_conflicts WHERE lot = wanted.lot AND resolved_at IS NULL),
    lots.phase, lots.epoch, lots.seq, lots.price, lots.leader, lots.bids, lots.deadline, lots.closed_at,
    lots.sold, lots.winner
FROM unnest(%s::text[]) AS wanted (lot)
LEFT JOIN lots ON lots.id = wanted.lot
LEFT JOIN lot_secrets AS secrets ON secrets.lot = wanted.lot
LEFT JOIN LATERAL (
    SELECT epoch, seq, hash FROM ledger_entries WHERE lot = wanted.lot ORDER BY seq DESC LIMIT 1
) AS public ON true
LEFT JOIN LATERAL (
    SELECT number, hash FROM private_entries WHERE lot = wanted.lot ORDER BY number DESC LIMIT 1
) AS private ON true"""
_LINES = """
SELECT lot, false, seq, line FROM ledger_entries
    JOIN unnest(%s::text[], %s::int[]) AS wanted (lot, seq) USING (lot, seq)
UNION ALL
SELECT lot, true, number, line FROM private_entries
    JOIN unnest(%s::text[], %s::int[]) AS wanted (lot, number) USING (lot, number)"""


class AnotherWriter(Exception):
    """Another ledger writer holds the lock, or wrote where this one was about to write."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One lot's place in a batch's tree; `path` joins the 32-byte siblings."""

    lot: str
    seq: int
    hash: bytes
    index: int
    path: bytes


@dataclass(frozen=True, slots=True)
class SignedRoot:
    """What the platform signs for a batch."""

    statement: RootStatement
    signature: bytes
    key_id: str
    leaves: tuple[Leaf, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything that one transaction records. `positions`: (partition, log, private log)."""

    entries: Sequence[EntryRow]
    privates: Sequence[PrivateRow]
    heads: Sequence[Head]
    conflicts: Sequence[Conflict]
    positions: Sequence[tuple[int, str, str]]
    root: SignedRoot | None


@dataclass(frozen=True, slots=True)
class Noted:
    """A head that was recorded under a root: what watchers are told."""

    lot: str
    seq: int
    hash: bytes
    root: int


class Records:
    """One writer's connection. Every method may raise psycopg.OperationalError."""

    def __init__(self, connection: psycopg.AsyncConnection[tuple[Any, ...]]) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, url: str) -> "Records":
        """Connect and take the writer's lock; AnotherWriter while somebody else holds it."""
        timeout = f"-c statement_timeout={STATEMENT_TIMEOUT_MS}"
        connection = await psycopg.AsyncConnection.connect(
            url, autocommit=True, connect_timeout=5, options=timeout, application_name="luochui ledger"
        )
        found = await connection.execute("SELECT pg_try_advisory_lock(%s)", (WRITER_LOCK,))
        row = await found.fetchone()
        if row is None or not row[0]:
            await connection.close()
            raise AnotherWriter("another ledger writer is at work; this one stands by")
        return cls(connection)

    async def close(self) -> None:
        await self._connection.close()

    async def check(self) -> None:
        """Whether the database still answers."""
        await self._connection.execute("SELECT 1")

    async def positions(self) -> dict[int, tuple[str, str]]:
        """Where the writer stands in each partition's logs; a missing partition begins at the start."""
        found = await self._connection.execute("SELECT partition, log, private_log FROM ledger_positions")
        return {partition: (log, private) for partition, log, private in await found.fetchall()}

    async def halted(self) -> list[tuple[str, str, int, str]]:
        """(lot, fault, partition, position) of every lot whose recording has stopped."""
        found = await self._connection.execute(
            "SELECT lot, fault, partition, position FROM ledger_conflicts WHERE resolved_at IS NULL"
        )
        return [
            (lot, fault, partition, position) for lot, fault, partition, position in await found.fetchall()
        ]

    async def last_noted(self) -> list[Noted]:
        """The heads of the last batch: the writer may have died before it told them."""
        found = await self._connection.execute(
            "SELECT lot, seq, hash, root FROM merkle_leaves WHERE root = (SELECT max(id) FROM merkle_roots)"
        )
        return [Noted(*row) for row in await found.fetchall()]

    async def heads(self, lots: Iterable[str]) -> dict[str, Head]:
        """What is recorded of these lots."""
        found = await self._connection.execute(_HEADS, (list(lots),))
        return {row[0]: _head(row) for row in await found.fetchall()}

    async def lines(self, deliveries: Sequence[Delivery]) -> Stored:
        """The recorded lines in whose place these deliveries stand."""
        if not deliveries:
            return {}
        public = [delivery for delivery in deliveries if not delivery.private]
        private = [delivery for delivery in deliveries if delivery.private]
        found = await self._connection.execute(
            _LINES,
            [
                *([delivery.lot for delivery in public], [delivery.number for delivery in public]),
                *([delivery.lot for delivery in private], [delivery.number for delivery in private]),
            ],
        )
        return {(lot, is_private, number): line for lot, is_private, number, line in await found.fetchall()}

    async def write(self, batch: Batch, *, keep: bool = True) -> int:
        """Record a batch in one transaction, all or nothing; the id of its root (0 without one).

        Without `keep` it is only tried. Raises psycopg.DataError for what the database does not take.
        """
        root = 0
        transaction = self._connection.transaction(force_rollback=not keep)
        async with transaction, self._connection.pipeline() as pipeline:
            if batch.root is not None:
                marked = await self._write_root(batch.root)
            written = [
                await self._unnest(_ENTRIES, batch.entries),
                await self._unnest(_PRIVATES, batch.privates),
            ]
            await self._unnest(_STANDINGS, [_standing_row(head) for head in batch.heads])
            await self._unnest(_POSITIONS, batch.positions)
            for conflict in batch.conflicts:
                await self._connection.execute(_CONFLICT, _conflict_row(conflict))
            await pipeline.sync()
            counts = [0 if cursor is None else cursor.rowcount for cursor in written]
            if counts != [len(batch.entries), len(batch.privates)]:
                raise AnotherWriter("entries were recorded by somebody else meanwhile")
            if batch.root is not None:
                row = await marked.fetchone()
                root = int(row[0]) if row else 0
        return root

    async def _write_root(self, root: SignedRoot) -> psycopg.AsyncCursor[tuple[Any, ...]]:
        said = root.statement
        marked = await self._connection.execute(
            _ROOT, (said.at, said.root, said.count, root.signature, root.key_id), binary=True
        )
        leaves = [(leaf.lot, leaf.seq, leaf.hash, leaf.index, leaf.path) for leaf in root.leaves]
        await self._unnest(_LEAVES, leaves)
        return marked

    async def _unnest(
        self, statement: str, rows: Sequence[tuple[Any, ...]]
    ) -> psycopg.AsyncCursor[tuple[Any, ...]] | None:
        if not rows:
            return None
        columns = [list(column) for column in zip(*rows, strict=True)]
        return await self._connection.execute(statement, columns, prepare=True)


def _standing_row(head: Head) -> tuple[Any, ...]:
    now = head.standing
    projected = (head.lot, now.phase.value, now.epoch, now.seq, int(now.price), now.leader, now.bids)
    return (*projected, now.deadline, now.closed_at, now.sold, now.winner)


def _conflict_row(conflict: Conflict) -> tuple[Any, ...]:
    where = (conflict.lot, conflict.partition, conflict.private, conflict.position, conflict.number)
    return (*where, conflict.fault.value, conflict.stored, conflict.received)


def _head(row: tuple[Any, ...]) -> Head:
    lot, salt, epoch, seq, last, number, private_last, halted, *standing = row
    known = salt is not None
    return Head(
        lot=lot,
        known=known,
        halted=halted,
        epoch=epoch or 1,
        seq=seq or 0,
        hash=last or genesis(lot),
        number=number or 0,
        private_hash=private_last or (private_genesis(salt) if known else b""),
        standing=_standing(standing) if known else Standing(),
    )


def _standing(row: list[Any]) -> Standing:
    phase, epoch, seq, price, leader, bids, deadline, closed_at, sold, winner = row
    return Standing(
        phase=Phase(phase),
        epoch=epoch,
        seq=seq,
        price=Fen(price),
        leader=leader,
        bids=bids,
        deadline=deadline,
        closed_at=closed_at,
        sold=sold,
        winner=winner,
    )
