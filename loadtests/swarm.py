"""A swarm of watchers: thousands of readers in one process, who note when the last of them had each bid.

    python -m loadtests.swarm '{"host": …, "port": …, "lot": …, "watchers": N, "raw": false}'

Says {"ready": N} when everybody is in. A line on its input ends it: it then says {"last": {seq: s}, …}.
`raw`: no handshake (the floor's server). Times are CLOCK_MONOTONIC, the same for all processes.
"""

import json
import sys
import time
from dataclasses import dataclass, field
from typing import Final

from loadtests.sockets import Crowd, allow_files, check_loopback, connect, join, snapshot_in

MARK: Final = b'"priority":false,"seq":'
"""Ends the entry of an accepted bid; the digits of its number follow, then a brace."""
LONGEST_S: Final = 120.0
TAIL: Final = 64


@dataclass
class Swarm:
    """Who has seen what."""

    watchers: int
    seen: list[int] = field(default_factory=list)
    reached: dict[int, int] = field(default_factory=dict)
    last: dict[int, float] = field(default_factory=dict)
    settled: int = 0
    received: int = 0
    _tails: list[bytes] = field(default_factory=list)
    _begun: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.seen = [0] * self.watchers
        self._tails = [b""] * self.watchers
        self._begun = [False] * self.watchers

    def begin(self) -> None:
        """Everybody is in without a greeting."""
        self._begun = [True] * self.watchers
        self.settled = self.watchers

    def heard(self, index: int, view: memoryview) -> None:
        self.received += len(view)
        data = self._tails[index] + bytes(view) if self._tails[index] else bytes(view)
        self._tails[index] = b""
        if not self._begun[index]:
            self._greeted(index, data)
            return
        at = data.rfind(MARK)
        if at < 0:
            return
        end = data.find(b"}", at)
        if end < 0:  # cut in the middle of the number
            self._tails[index] = data[at:]
            return
        self._saw(index, int(data[at + len(MARK) : end]))

    def _greeted(self, index: int, data: bytes) -> None:
        """The snapshot holds the entries so far; what counts comes after it."""
        if snapshot_in(data) is None:
            self._tails[index] = data
        else:
            self._begun[index] = True
            self.settled += 1

    def _saw(self, index: int, seq: int) -> None:
        before, self.seen[index] = self.seen[index], seq
        if before == 0:
            before = seq - 1
        for number in range(before + 1, seq + 1):
            count = self.reached.get(number, 0) + 1
            self.reached[number] = count
            if count == self.watchers:
                self.last[number] = time.monotonic()


def main(text: str) -> None:
    """Run one swarm; see above."""
    spec = json.loads(text)
    check_loopback(f"ws://{spec['host']}")
    allow_files(spec["watchers"] + 100)
    swarm = Swarm(spec["watchers"])
    crowd = Crowd(swarm.heard)
    if spec["raw"]:
        for _ in range(swarm.watchers):
            crowd.add(connect(spec["host"], spec["port"]))
        swarm.begin()
    else:
        lots = [spec["lot"]] * swarm.watchers
        join(
            crowd, host=spec["host"], port=spec["port"], lots=lots, cookies={}, settled=lambda: swarm.settled
        )
    print(json.dumps({"ready": swarm.watchers}), flush=True)
    crowd.watch(sys.stdin.fileno())
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until and not crowd.turn(0.5):
        pass
    told = {"last": swarm.last, "reached": swarm.reached, "lost": crowd.lost, "bytes": swarm.received}
    print(json.dumps(told), flush=True)
    crowd.close()


if __name__ == "__main__":
    main(sys.argv[1])
