"""How far the ledger is behind the log, seen from outside: the age of the oldest entry not recorded yet."""

import threading
from typing import Any, Final

import psycopg
import redis

from bidding.keys import partition_keys

EVERY_S: Final = 0.05
START: Final = "0-0"


class Ledger:
    """Reads positions and log; never asks the writer itself."""

    def __init__(self, database_url: str, redis_url: str, partitions: int) -> None:
        self._database = psycopg.connect(database_url, autocommit=True)
        self._redis: Any = redis.Redis.from_url(redis_url, decode_responses=True)
        self._partitions = partitions

    def close(self) -> None:
        self._database.close()
        self._redis.close()

    def lag_ms(self) -> float:
        """0 when everything is recorded."""
        rows = self._database.execute("SELECT partition, log FROM ledger_positions").fetchall()
        recorded: dict[int, str] = {int(number): str(position) for number, position in rows}
        asked = self._redis.pipeline(transaction=False)
        asked.time()
        for partition in range(self._partitions):
            position = recorded.get(partition, START)
            asked.xrange(partition_keys(partition).log, f"({position}", "+", count=1)
        (seconds, micros), *waiting = asked.execute()
        oldest = [int(entries[0][0].partition("-")[0]) for entries in waiting if entries]
        return seconds * 1000 + micros / 1000 - min(oldest) if oldest else 0.0

    def entries(self) -> int:
        """How many public entries are recorded."""
        row = self._database.execute("SELECT count(*) FROM ledger_entries").fetchone()
        return int(row[0]) if row else 0


class LagWatch:
    """`with LagWatch(ledger) as watch`: `watch.samples` in ms, twenty a second."""

    def __init__(self, ledger: Ledger) -> None:
        self.samples: list[float] = []
        self._ledger = ledger
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "LagWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(5)

    def _watch(self) -> None:
        while not self._end.wait(EVERY_S):
            self.samples.append(self._ledger.lag_ms())
