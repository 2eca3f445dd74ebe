"""How far the log may be trimmed: recorded, older than the days it is kept, and in a verified backup.

`bidding.ledger.trimming` sees to what is recorded and awaited by nobody; here is the moment before which the
operator needs nothing more.
"""

import json
from collections.abc import Mapping

import redis.asyncio

from bidding.book import Book
from bidding.ledger.trimming import trim
from luochui.operations.backup import LAST_BACKUP
from luochui.settings import Settings

DAY_MS = 86_400_000
LONGEST_NOTE = 8_192


async def trim_log(settings: Settings, book: Book, now_ms: int) -> Mapping[str, int]:
    """Remove what may go; how many entries, by stream. Empty when all is kept, or nothing was backed up."""
    if settings.log_keep_days == 0:
        return {}
    async with redis.asyncio.Redis.from_url(settings.required_redis_url(), socket_timeout=5) as client:
        note = await client.getrange(LAST_BACKUP, 0, LONGEST_NOTE)
    before = trimmed_before(note, now_ms, settings.log_keep_days)
    if before is None:
        return {}
    removed = await trim(book, settings.required_database_url(), before)
    return {stream: count for stream, count in removed.items() if count}


def trimmed_before(note: str | bytes, now_ms: int, keep_days: int) -> int | None:
    """The moment (ms) before which an entry may go; None without a sound note of a verified backup."""
    try:
        taken = json.loads(note)["taken_at_ms"]
    except (ValueError, KeyError, TypeError):
        return None
    if type(taken) is not int or not 0 < taken <= now_ms:
        return None
    return max(0, min(taken, now_ms - keep_days * DAY_MS))
