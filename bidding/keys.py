"""The names of what the book keeps in Redis: a hash tag per partition, and a lot's keys within it."""

import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

DEMANDS: Final = "luochui:demand"
"""The channel on which closers name the partitions that need a beat now."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of a partition's keys, `{p07}:…`, and of its lots'."""

    tag: str

    @property
    def clock(self) -> str:
        return f"{self.tag}:clock"

    @property
    def leases(self) -> str:
        return f"{self.tag}:leases"

    @property
    def outages(self) -> str:
        return f"{self.tag}:outages"

    @property
    def due(self) -> str:
        return f"{self.tag}:due"

    @property
    def log(self) -> str:
        return f"{self.tag}:log"

    @property
    def private_log(self) -> str:
        return f"{self.tag}:private"

    @property
    def recorded(self) -> str:
        """The stream on which the ledger writer tells what it has recorded."""
        return f"{self.tag}:recorded"

    def lot(self, lot: str, part: str = "") -> str:
        return f"{self.tag}:lot:{lot}:{part}" if part else f"{self.tag}:lot:{lot}"

    def of_lot(self, lot: str, paddle: str = "") -> list[str]:
        """KEYS of the script, in its order."""
        parts = ("", "answers", "qualified", "confirmed", "recent", f"refused:{paddle}")
        return [
            *self.of_partition(),
            self.log,
            self.private_log,
            *(self.lot(lot, p) for p in parts),
        ]

    def of_partition(self) -> list[str]:
        return [self.clock, self.leases, self.outages, self.due]


def partition_of(lot: str, partitions: int) -> int:
    """The partition of a lot, for as long as the number of partitions stays."""
    return zlib.crc32(lot.encode()) % partitions


@lru_cache(maxsize=1024)
def partition_keys(partition: int) -> Keys:
    return Keys(f"{{p{partition:02d}}}")
