"""Trimming the log: only what is recorded, older than the last verified backup, and not awaited by anybody.

The default is to keep everything. Source: spec "One log, one chain", recovery.
"""

from collections.abc import Mapping

import psycopg

from bidding.book import Book
from bidding.keys import partition_keys
from bidding.ledger.positions import order

_POSITIONS = "SELECT partition, log, private_log FROM ledger_positions"
_OPEN = """
SELECT partition, min(split_part(position, '-', 1)::bigint) FROM ledger_conflicts
WHERE resolved_at IS NULL GROUP BY partition"""


async def trim(book: Book, database_url: str, verified_ms: int) -> Mapping[str, int]:
    """Remove entries older than `verified_ms`, the moment of the last verified backup; how many, by stream.

    Never beyond the recorded position, and never what a lot needs whose recording has stopped.
    """
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        positions = await (await connection.execute(_POSITIONS)).fetchall()
        held: dict[int, int] = dict(await (await connection.execute(_OPEN)).fetchall())
    redis = await book.pipeline.ready()
    removed = {}
    for partition, *recorded in positions:
        keys = partition_keys(partition)
        for key, position in zip((keys.log, keys.private_log), recorded, strict=True):
            before = min(order(position), (verified_ms, 0), (held.get(partition, verified_ms), 0))
            removed[key] = int(await redis.ask("XTRIM", key, "MINID", f"{before[0]}-{before[1]}"))
    return removed
