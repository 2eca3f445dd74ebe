"""Maintenance mode: a text in Redis that the web shows instead of its pages, but for live auctions."""

from typing import Final

import redis

from bidding.keys import partition_keys
from bidding.messages import Phase

KEY = "luochui:maintenance"
LONGEST = 500
MOST_PARTITIONS: Final = 100
NOT_LIVE: Final = (None, Phase.SCHEDULED.value.encode())


def switch_on(redis_url: str, message: str) -> int:
    """Show the message until `switch_off`, and tell how many lots are live. They go on: their rooms, the way
    there, the board and its commands stay open."""
    with redis.Redis.from_url(redis_url, socket_timeout=5) as client:
        client.set(KEY, message[:LONGEST])
        return _live(client)


def _live(client: redis.Redis) -> int:
    """Lots that have opened and wait for a time; one that is suspended without a resumption does not."""
    partitions = [partition_keys(number) for number in range(MOST_PARTITIONS)]
    with client.pipeline(transaction=False) as asking:
        for keys in partitions:
            asking.zrange(keys.due, 0, -1)
        waiting = asking.execute()
    with client.pipeline(transaction=False) as asking:
        for keys, lots in zip(partitions, waiting, strict=True):
            for lot in lots:
                asking.hget(keys.lot(lot.decode()), "phase")
        return sum(phase not in NOT_LIVE for phase in asking.execute())


def switch_off(redis_url: str) -> bool:
    """True when it was on."""
    with redis.Redis.from_url(redis_url, socket_timeout=5) as client:
        return bool(client.delete(KEY))
