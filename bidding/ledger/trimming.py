"""Trimming the log: only what is recorded, in the last verified backup, and not awaited by anybody.

An entry may be older than a backup and yet not in it: the ledger may have lagged. So the ledger's positions
are noted now and then, and the log goes only up to those that were noted before the backup began.
The default is to keep everything. Source: spec "One log, one chain", recovery.
"""

import json
from collections.abc import Mapping
from typing import Final

import psycopg

from bidding.book import Book
from bidding.keys import partition_keys
from bidding.ledger.positions import START, order

NOTED: Final = "luochui:ledger:noted_positions"
NOTES_KEPT: Final = 400
NOTE_EVERY_MS: Final = 24 * 3_600_000
MARGIN_MS: Final = 60_000
"""How long before a backup's moment a note has to be: the backup may have read its clock a little late."""

_POSITIONS = """
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint, partition, log, private_log
FROM ledger_positions"""
_OPEN = """
SELECT partition, min(split_part(position, '-', 1)::bigint) FROM ledger_conflicts
WHERE resolved_at IS NULL GROUP BY partition"""


async def note_positions(book: Book, database_url: str, *, every_ms: int = NOTE_EVERY_MS) -> bool:
    """Note how far the ledger is, unless that was done less than `every_ms` ago; whether it was."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        rows = await (await connection.execute(_POSITIONS)).fetchall()
    redis = await book.pipeline.ready()
    last = await redis.ask("LINDEX", NOTED, "0")
    if not rows or (last is not None and rows[0][0] - int(json.loads(last)["at"]) < every_ms):
        return False
    positions = {str(partition): [log, private] for _, partition, log, private in rows}
    await redis.ask("LPUSH", NOTED, json.dumps({"at": int(rows[0][0]), "positions": positions}))
    await redis.ask("LTRIM", NOTED, "0", str(NOTES_KEPT - 1))
    return True


async def trim(book: Book, database_url: str, verified_ms: int) -> Mapping[str, int]:
    """Remove entries older than `verified_ms`, the moment of the last verified backup; how many, by stream.

    Never beyond the positions noted before that backup (without a note nothing goes), never beyond the
    recorded ones, and never what a lot needs whose recording has stopped.
    """
    redis = await book.pipeline.ready()
    noted = _noted_before(verified_ms - MARGIN_MS, await redis.ask("LRANGE", NOTED, "0", "-1"))
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        positions = await (await connection.execute(_POSITIONS)).fetchall()
        held: dict[int, int] = dict(await (await connection.execute(_OPEN)).fetchall())
    removed = {}
    for _, partition, *recorded in positions:
        keys = partition_keys(partition)
        backed_up = noted.get(str(partition), (START, START))
        for key, *bounds in zip((keys.log, keys.private_log), recorded, backed_up, strict=True):
            old = (verified_ms, 0), (held.get(partition, verified_ms), 0)
            before = min(*map(order, bounds), *old)
            removed[key] = int(await redis.ask("XTRIM", key, "MINID", f"{before[0]}-{before[1]}"))
    return removed


def _noted_before(at_ms: int, notes: list[bytes]) -> Mapping[str, tuple[str, str]]:
    """The newest positions that were noted by then; none if there are none."""
    for note in map(json.loads, notes):
        if note["at"] <= at_ms:
            return {partition: (log, private) for partition, (log, private) in note["positions"].items()}
    return {}
