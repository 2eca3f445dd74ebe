"""How late lots close: from the deadline to the moment at which the close is in the log, on disk."""

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any, Final

import redis

from bidding.keys import partition_keys
from bidding.lots import Offer
from loadtests.house import House, auction, put_on_quick

INQUIRY_MS: Final = 300
WINDOW_MS: Final = 300
SPACING_MS: Final = 250
LONGEST_S: Final = 60.0


def one_by_one(house: House, count: int) -> list[float]:
    """Lots whose deadlines lie apart: the lateness of each in ms."""
    begins = int(time.time() * 1000) + 1_500
    offers = [
        auction(f"ONE-{number}", begins + number * SPACING_MS, inquiry_ms=INQUIRY_MS, window_ms=WINDOW_MS)
        for number in range(count)
    ]
    return _lateness(house, offers)


def spread(house: House, count: int, over_ms: int) -> list[float]:
    """Many lots whose deadlines lie close together, as on a busy day: evenly over so many ms."""
    settle_ms = 2_000 + 2 * count
    begins = int(time.time() * 1000) + settle_ms
    offers = [
        auction(
            f"SPREAD-{count}-{number}",
            begins + number * over_ms // count,
            inquiry_ms=INQUIRY_MS,
            window_ms=WINDOW_MS,
        )
        for number in range(count)
    ]
    return _lateness(house, offers)


def all_at_once(house: House, count: int) -> list[float]:
    """Lots with the same deadline."""
    settle_ms = 2_000 + 2 * count
    begins = int(time.time() * 1000) + settle_ms
    offers = [
        auction(f"MANY-{count}-{number}", begins, inquiry_ms=settle_ms, window_ms=settle_ms)
        for number in range(count)
    ]
    return _lateness(house, offers)


def _lateness(house: House, offers: Sequence[Offer]) -> list[float]:
    asyncio.run(put_on_quick(house.settings, offers))
    wanted = {offer.lot for offer in offers}
    last = offers[-1]
    due_s = (last.opens_at + last.terms.inquiry_ms + last.terms.window_ms) / 1000 - time.time()
    until = time.monotonic() + due_s + LONGEST_S
    time.sleep(max(0.0, due_s) + 0.3)
    with redis.Redis.from_url(house.settings.required_redis_url()) as client:
        while True:
            found = _closed(client, house.settings.partitions, wanted)
            if len(found) == len(wanted):
                return list(found.values())
            if time.monotonic() > until:
                raise RuntimeError(f"{len(found)} of {len(wanted)} lots closed within {LONGEST_S} s")
            time.sleep(0.5)


def _closed(client: Any, partitions: int, wanted: set[str]) -> dict[str, float]:
    """{lot: lateness in ms} from the newest entries of the logs."""
    found = {}
    for partition in range(partitions):
        for _, fields in client.xrevrange(partition_keys(partition).log, count=len(wanted) * 6 + 100):
            if fields[b"kind"] == b"closed" and fields[b"lot"].decode() in wanted:
                line = json.loads(fields[b"line"])
                found[line["lot"]] = float(line["recorded_at"] - line["at"])
    return found
