"""The book's script and nothing else: no gateway, no WebSocket, no ledger; the smallest client there is.

    python -m loadtests.floors.script '{"redis_url":…, "lots":[{"lot":…, "price":…, "paddle":…}, …],
                                        "tolerances":{…}, "partitions":16}'

A line "CLIENTS SECONDS" on its input starts a round, whose result is one line; an empty line ends it. Every
call is a bid that is decided, logged and on disk (AOF always), as on the platform. No pipelining: a client
waits for its answer.
"""

import hashlib
import json
import select
import socket
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import hiredis

from bidding.book import script
from bidding.clock import Tolerances
from bidding.keys import partition_keys, partition_of
from bidding.pipeline import pack, run_of
from loadtests.sockets import check_loopback

RECEIVE: Final = 64 * 1024


class Client:
    """One connection, one call at a time."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self.socket = socket.create_connection((where.hostname, where.port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = hiredis.Reader(replyError=hiredis.ReplyError)
        if where.password:
            self.ask("AUTH", unquote(where.username or "default"), unquote(where.password))

    def ask(self, *parts: str | bytes) -> Any:
        self.socket.sendall(pack(*parts))
        while (reply := self.receive()) is False:
            pass
        return reply

    def receive(self) -> Any:
        """The reply, or False when it is not complete yet."""
        self._reader.feed(self.socket.recv(RECEIVE))
        reply = self._reader.gets()
        if isinstance(reply, Exception):
            raise reply
        return reply


@dataclass
class Bids:
    """Makes bids that are accepted: on one lot after the other, each a step above the last."""

    lots: list[dict[str, Any]]
    partitions: int
    sha: str
    run: bytes
    number: int = 0
    heads: list[bytes] = field(default_factory=list)
    begin: int = field(default_factory=lambda: time.time_ns() // 1_000_000)

    def __post_init__(self) -> None:
        """What of a call does not change is packed once: the client should cost as little as it can."""
        for lot in self.lots:
            keys = partition_keys(partition_of(lot["lot"], self.partitions)).of_lot(lot["lot"], lot["paddle"])
            parts = ("EVALSHA", self.sha, str(len(keys)), *keys, "bid", self.run, lot["paddle"])
            command = pack(*parts, "", "")
            self.heads.append(command[: -len(b"$0\r\n\r\n$0\r\n\r\n")])

    def next(self) -> bytes:
        self.number += 1
        which = self.number % len(self.lots)
        lot = self.lots[which]
        lot["price"] = price = lot["price"] + 1
        bid_id, text = b"%d-%d" % (self.begin, self.number), b"%d" % price
        return b"%b$%d\r\n%b\r\n$%d\r\n%b\r\n" % (self.heads[which], len(bid_id), bid_id, len(text), text)


def alone(client: Client, bids: Bids, seconds: float) -> dict[str, Any]:
    """One client: how long a call takes."""
    latencies, accepted = [], 0
    began = time.monotonic()
    while (sent := time.monotonic()) - began < seconds:
        client.socket.sendall(bids.next())
        while (reply := client.receive()) is False:
            pass
        latencies.append(time.monotonic() - sent)
        accepted += b'"bid_accepted"' in reply[1]
    return {"seconds": time.monotonic() - began, "accepted": accepted, "latencies": latencies}


def together(clients: list[Client], bids: Bids, seconds: float) -> dict[str, Any]:
    """Many clients, each waits for its answer: how many calls a second."""
    accepted = calls = 0
    epoll = select.epoll()
    by_file = {client.socket.fileno(): client for client in clients}
    for fileno in by_file:
        epoll.register(fileno, select.EPOLLIN)
    began = time.monotonic()
    for client in clients:
        client.socket.sendall(bids.next())
    under_way, until = len(clients), began + seconds
    while under_way:
        for fileno, _ in epoll.poll(1.0):
            client = by_file[fileno]
            reply = client.receive()
            if reply is False:
                continue
            calls += 1
            accepted += b'"bid_accepted"' in reply[1]
            if time.monotonic() < until:
                client.socket.sendall(bids.next())
            else:
                under_way -= 1
    epoll.close()
    return {"seconds": time.monotonic() - began, "accepted": accepted, "calls": calls, "latencies": []}


def main(text: str) -> None:
    spec = json.loads(text)
    check_loopback(spec["redis_url"])
    rules = script(Tolerances(**spec["tolerances"]))
    first = Client(spec["redis_url"])
    first.ask("SCRIPT", "LOAD", rules)
    bids = Bids(
        lots=spec["lots"],
        partitions=spec["partitions"],
        sha=hashlib.sha1(rules.encode()).hexdigest(),
        run=run_of(first.ask("INFO", "server")),
    )
    clients = [first]
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        if not line.strip():
            break
        count, seconds = line.split()
        for lot in bids.lots:  # somebody else may have bid meanwhile
            state = partition_keys(partition_of(lot["lot"], bids.partitions)).lot(lot["lot"])
            lot["price"] = max(lot["price"], int(first.ask("HGET", state, "price") or 0))
        clients += [Client(spec["redis_url"]) for _ in range(int(count) - len(clients))]
        if int(count) == 1:
            told = alone(first, bids, float(seconds))
        else:
            told = together(clients[: int(count)], bids, float(seconds))
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
