"""Bidders for the load: each bids again as soon as it has its answer, or all together at a steady rate.

    python -m loadtests.bidders '{"host":…, "port":…, "seats":[[lot, cookie], …], "watchers":[lot, …],
                                  "rate":0, "run":"…"}'

Says {"ready": n}; a line on its input with seconds starts a round, whose result is one line; an empty line
ends it. `rate` 0: every bidder as fast as the answers come. Latencies of a steady rate count from when the
bid was due.
"""

import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Final

from loadtests.sockets import Crowd, allow_files, check_loopback, join, snapshot_in, text_frame

ACCEPTED: Final = b'{"type":"accepted"'
REFUSED: Final = (b'{"type":"rejected"', b'{"type":"limited"', b'{"type":"unknown"', b'{"type":"error"')
KEEP: Final = 24
"""Bytes of a piece that are looked at again with the next one: an answer's beginning may be cut."""
LAST_ANSWERS_S: Final = 3.0
TIMER_S: Final = 0.002
"""A bid that goes out this much after it was due is late by epoll's timer (whole ms), not by congestion."""


@dataclass
class Bidders:
    """The connections with a seat come first, then those who only watch."""

    lots: list[str]
    seats: int
    run: str
    paced: bool
    settled: int = 0
    accepted: int = 0
    refused: int = 0
    refusals: dict[str, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    sent_at: dict[int, float] = field(default_factory=dict)
    price: dict[str, int] = field(default_factory=dict)
    running: bool = False
    _number: int = 0
    _sent: dict[str, float] = field(default_factory=dict)
    _tails: list[bytes] = field(default_factory=list)
    _begun: list[bool] = field(default_factory=list)
    crowd: Crowd = field(init=False)

    def __post_init__(self) -> None:
        self._tails = [b""] * len(self.lots)
        self._begun = [False] * len(self.lots)
        self.crowd = Crowd(self.heard)

    @property
    def waiting(self) -> int:
        return len(self._sent)

    def heard(self, index: int, view: memoryview) -> None:
        if index >= self.seats and self._begun[index]:
            return
        data = self._tails[index] + bytes(view)
        if not self._begun[index]:
            self._greeted(index, data)
        elif self.paced:
            self._tails[index] = self._take_answers(data)
        else:
            self._take_answer(index, data)

    def _greeted(self, index: int, data: bytes) -> None:
        found = snapshot_in(data)
        if found is None:
            self._tails[index] = data
            return
        snapshot, rest = found
        lot = self.lots[index]
        lowest = snapshot["price"] + 1 if snapshot["bids"] else snapshot["terms"]["starting_price"]
        self.price[lot] = max(self.price.get(lot, 0), lowest)
        self._tails[index], self._begun[index] = rest if self.paced else b"", True
        self.settled += 1

    # as fast as the answers come: one bid of each under way

    def _take_answer(self, index: int, data: bytes) -> None:
        if data.find(ACCEPTED) >= 0:
            self.accepted += 1
        elif any(data.find(mark) >= 0 for mark in REFUSED):
            self.refused += 1
        else:
            self._tails[index] = data[-KEEP:]
            return
        self._tails[index] = b""
        bid_id = str(index)
        self.latencies.append(time.monotonic() - self._sent.pop(bid_id))
        if self.running:
            self.bid(index, bid_id)

    def bid(self, index: int, key: str, due: float | None = None) -> None:
        """Place the next bid of a lot; `key` is how its answer is recognized."""
        lot = self.lots[index]
        price = self.price[lot]
        self.price[lot] = price + 1
        self._number += 1
        bid_id = key if self.paced else f"{self.run}-{self._number:08d}"
        now = time.monotonic()
        self._sent[key] = now if due is None or now - due < TIMER_S else due
        self.crowd.connections[index].send(
            text_frame(b'{"type":"bid","id":"%s","price":%d}' % (bid_id.encode(), price))
        )

    # at a steady rate: answers are told apart by the id of the bid

    def next_id(self) -> str:
        return f"{self.run}-{self._number + 1:08d}"

    def _take_answers(self, data: bytes) -> bytes:
        """Frames are taken apart; returns the incomplete rest."""
        at = 0
        while len(data) - at >= 4:
            length, head = data[at + 1] & 127, 2
            if length == 126:
                length, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            elif length == 127:
                if len(data) - at < 10:
                    break
                length, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
            if len(data) - at < head + length:
                break
            payload = data[at + head : at + head + length]
            if payload.startswith((ACCEPTED, *REFUSED)):
                self._settle(json.loads(payload))
            at += head + length
        return data[at:]

    def _settle(self, answer: dict[str, Any]) -> None:
        sent = self._sent.pop(answer.get("id", ""), None)
        if sent is None:
            return
        self.latencies.append(time.monotonic() - sent)
        if answer["type"] == "accepted":
            self.accepted += 1
            self.sent_at[answer["entry"]["seq"]] = sent
        else:
            self.refused += 1
            reason = answer.get("refusal", {}).get("reason") or answer.get("code") or answer["type"]
            self.refusals[reason] = self.refusals.get(reason, 0) + 1

    def start_round(self) -> None:
        self.accepted = self.refused = 0
        self.latencies, self.sent_at, self.refusals = [], {}, {}
        self.running = True


def fast_round(bidders: Bidders, seconds: float) -> float:
    """Everybody bids as fast as the answers come; returns how long it took."""
    bidders.start_round()
    began = time.monotonic()
    for index in range(bidders.seats):
        bidders.bid(index, str(index))
    while (now := time.monotonic()) - began < seconds:
        bidders.crowd.turn(seconds - (now - began))
    counted = bidders.accepted, bidders.refused
    lasted = time.monotonic() - began
    bidders.running = False
    _drain(bidders)
    bidders.accepted, bidders.refused = counted
    return lasted


def paced_round(bidders: Bidders, seconds: float, rate: float) -> float:
    """`rate` bids a second, one bidder after the other, whether or not the answers keep up."""
    bidders.start_round()
    began = time.monotonic()
    for number in range(round(seconds * rate)):
        due = began + number / rate
        while (left := due - time.monotonic()) > 0:
            bidders.crowd.turn(left)
        bidders.bid(number % bidders.seats, bidders.next_id(), due)
    lasted = time.monotonic() - began
    _drain(bidders)
    return lasted


def _drain(bidders: Bidders) -> None:
    until = time.monotonic() + LAST_ANSWERS_S
    while bidders.waiting and time.monotonic() < until:
        bidders.crowd.turn(0.05)


def main(text: str) -> None:
    """Run rounds; see above."""
    spec = json.loads(text)
    check_loopback(f"ws://{spec['host']}")
    lots = [lot for lot, _ in spec["seats"]] + spec["watchers"]
    cookies = {index: cookie for index, (_, cookie) in enumerate(spec["seats"])}
    allow_files(len(lots) + 100)
    bidders = Bidders(lots, len(spec["seats"]), spec["run"], bool(spec["rate"]))
    join(
        bidders.crowd,
        host=spec["host"],
        port=spec["port"],
        lots=lots,
        cookies=cookies,
        settled=lambda: bidders.settled,
    )
    print(json.dumps({"ready": len(lots)}), flush=True)
    for line in sys.stdin:
        if not line.strip():
            break
        seconds, rate = float(line), spec["rate"]
        lasted = paced_round(bidders, seconds, rate) if rate else fast_round(bidders, seconds)
        told = {
            "seconds": lasted,
            "accepted": bidders.accepted,
            "refused": bidders.refused,
            "refusals": bidders.refusals,
            "unanswered": bidders.waiting,
            "lost": bidders.crowd.lost,
            "latencies": bidders.latencies,
            "sent_at": bidders.sent_at,
        }
        print(json.dumps(told), flush=True)
    bidders.crowd.close()


if __name__ == "__main__":
    main(sys.argv[1])
