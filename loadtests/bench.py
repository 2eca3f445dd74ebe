"""`make bench`: the platform beside its floors, all from one run. Prints rows and writes build/bench.json.

    python -m loadtests.bench [--full] [--quick]

Own servers (AOF always), own processes, a temporary folder, loopback only. docs/performance.md says what the
rows mean.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from types import FrameType
from typing import Any, Final

from rich.console import Console

from loadtests import certificates_bench, closing, document_bench, sealing_bench, trading_bench
from loadtests import house as houses
from loadtests.floors import fanout
from loadtests.house import Bidder, House
from loadtests.lag import LagWatch, Ledger
from loadtests.rows import Row, middle, percentile, show, write
from loadtests.sockets import allow_files
from loadtests.workers import ROOT, MachineWatch, Worker, cpu_s, resident_kb, sync_ms
from luochui.processes.wiring import tolerances

FILE: Final = ROOT / "build" / "bench.json"
LOTS: Final = 10
BIDDERS: Final = 50
SYNCS: Final = 100
ENTRY_FRAME_BYTES: Final = 250
"""About what one accepted bid takes on the wire; the floor writes frames of this size."""
CATCH_UP_WITHIN_S: Final = 60.0
LONGEST_S: Final = 900


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. Times in s."""

    rounds: int = 3
    round_s: float = 2.5
    fan_round_s: float = 6.0
    fan_rate: int = 20
    watchers: tuple[int, ...] = (1000, 2000)
    overload_s: float = 5.0
    closings_alone: int = 24
    closings_together: tuple[int, ...] = (500,)
    closings_over_s: int = 10


QUICK: Final = Plan(1, 1.0, 2.0, 20, (200,), 2.0, 6, (50,), 2)
FULL: Final = Plan(
    watchers=(1000, 2000, 5000),
    closings_together=(500, 5000),
    closings_over_s=60,
    fan_rate=10,
    fan_round_s=10.0,
)


@dataclass
class Bench:
    """One run. Each `measure_…` adds its rows."""

    house: House
    plan: Plan
    console: Console
    rows: list[Row] = field(default_factory=list)
    bidders: list[Bidder] = field(default_factory=list)
    gateway_pid: int = 0
    raw_together: float = 0.0

    def say(self, text: str) -> None:
        self.console.print(f"[dim]{text}[/]")

    def run(self) -> None:
        self.say("bidders and lots …")
        self.house.start("closer")
        self.house.start("sealed")
        self.gateway_pid = self.house.start("gateway")
        self.house.wait_for_gateway()
        # Bids need a clock that runs, and the clock a ledger: once here, then not until it is measured.
        self.house.start("ledger")
        self.bidders = asyncio.run(houses.sign_in_bidders(self.house.settings, BIDDERS))
        names = _raw() + [f"BID-{n}" for n in range(LOTS)]
        names += [f"FAN-{n}" for n in self.plan.watchers] + ["OVER-1"]
        paddles = asyncio.run(houses.put_on_auctions(self.house.settings, names, self.bidders))
        self.measure_memory()
        self.house.stop("ledger")
        with Worker("loadtests.floors.script", self._raw_spec(paddles)) as raw:
            self.measure_bids(raw)
            self.measure_ledger()
            self.measure_bids_with_ledger()
            for watchers in self.plan.watchers:
                self.measure_fanout(raw, watchers)
        self.measure_overload()
        self.measure_closing()

    # memory

    def measure_memory(self) -> None:
        watchers = self.plan.watchers[0]
        self.say(f"memory of {watchers} idle connections …")
        before = resident_kb(self.gateway_pid)
        with self._swarm(f"FAN-{watchers}", watchers):
            time.sleep(1.5)
            after = resident_kb(self.gateway_pid)
        self.rows.append(
            Row("memory per idle connection", (after - before) / watchers, "KB", target="value <= 25")
        )

    # bids per second

    def _raw_spec(self, paddles: dict[str, list[str]]) -> dict[str, Any]:
        price = int(houses.STARTING_PRICE)
        return {
            "redis_url": self.house.settings.required_redis_url(),
            "lots": [{"lot": name, "price": price, "paddle": paddles[name][0]} for name in _raw()],
            "tolerances": asdict(tolerances(self.house.settings)),
            "partitions": self.house.settings.partitions,
        }

    def measure_bids(self, raw: Worker) -> None:
        """Raw script and platform in turn, without a ledger."""
        alone, together, platform = [], [], []
        syncs: list[float] = []
        latencies: list[float] = []
        with self._crowd() as crowd:
            for number in range(self.plan.rounds):
                self.say(f"bids a second, round {number + 1} of {self.plan.rounds} …")
                seconds, within = self.plan.round_s, self.plan.round_s + 10
                with self.house.still():
                    syncs += sync_ms(self.house.folder, SYNCS)
                    told = raw.ask(f"1 {seconds}", within)
                    alone.append(told["accepted"] / told["seconds"])
                    latencies += told["latencies"]
                    told = raw.ask(f"{BIDDERS} {seconds}", within)
                    together.append(told["accepted"] / told["seconds"])
                told = crowd.ask(str(seconds), within)
                platform.append(told["accepted"] / told["seconds"])
        self.raw_together = middle(together) or 0.0
        slow = (
            f"p50 {percentile(latencies, 0.5) * 1000:.3g} ms, p99 {percentile(latencies, 0.99) * 1000:.3g} ms"
        )
        self.rows += [
            Row("fdatasync after 4 KB, p50", middle(syncs), "ms"),
            Row("raw script, 1 client", middle(alone), "calls/s", note=slow),
            Row(f"raw script, {BIDDERS} clients", self.raw_together, "calls/s"),
            Row(
                f"bids, {BIDDERS} bidders, {LOTS} lots, no ledger writer",
                middle(platform),
                "bids/s",
                self.raw_together,
                goal="explains the row with the ledger",
            ),
        ]

    def measure_ledger(self) -> None:
        """The ledger writer against the backlog that the rounds before have left."""
        self.say("ledger writer: a backlog …")
        ledger = self._ledger()
        try:
            before, changes = ledger.entries(), []
            self.house.start("ledger")
            until = time.monotonic() + CATCH_UP_WITHIN_S
            while time.monotonic() < until and ledger.lag_ms() > 0:
                count = ledger.entries()
                if count > before:
                    changes.append((time.monotonic(), count))
                time.sleep(0.2)
            changes.append((time.monotonic(), ledger.entries()))
        finally:
            ledger.close()
        (began, first), (ended, last) = changes[0], changes[-1]
        rate = (last - first) / (ended - began) if ended > began else None
        self.rows.append(
            Row("ledger writer, a backlog", rate, "entries/s", goal=">= 30,000 bids/s, lag p99 <= 50 ms")
        )

    def measure_bids_with_ledger(self) -> None:
        rates, lags, caught_up = [], [], []
        ledger = self._ledger()
        try:
            with self._crowd() as crowd:
                for number in range(self.plan.rounds):
                    self.say(f"bids a second with the ledger, round {number + 1} of {self.plan.rounds} …")
                    with LagWatch(ledger) as watch:
                        told = crowd.ask(str(self.plan.round_s), self.plan.round_s + 10)
                    rates.append(told["accepted"] / told["seconds"])
                    lags += watch.samples
                    began = time.monotonic()
                    while ledger.lag_ms() > 0 and time.monotonic() - began < CATCH_UP_WITHIN_S:
                        time.sleep(0.05)
                    caught_up.append(time.monotonic() - began)
        finally:
            ledger.close()
        peers = "peers: >= 2.5 x Socket.IO, >= 1.3 x Centrifuge, >= 10 x Channels"
        row = f"bids, {BIDDERS} bidders, {LOTS} lots, ledger on"
        note = f"10 deliveries a bid; caught up {middle(caught_up):.2g} s after a round"
        self.rows += [
            Row(row, middle(rates), "bids/s", self.raw_together, "ratio >= 0.6", peers, note),
            Row("ledger lag beside it, p99", percentile(lags, 0.99), "ms", target="value <= 1000"),
        ]

    # fan-out

    def measure_fanout(self, raw: Worker, watchers: int) -> None:
        """Bid to acknowledgement beside the raw script, to the last watcher beside the C floor. The floors
        are measured again here, since a machine does not stay the same for minutes."""
        self.say(f"{watchers} watchers …")
        floor = fanout.measure(watchers, 20 * min(self.plan.rounds, 2), ENTRY_FRAME_BYTES)
        acks, lasts, cpus, alone = [], [], [], []
        with self._paced(f"FAN-{watchers}", self.plan.fan_rate, 2) as bidder:
            for _ in range(self.plan.rounds):
                with self.house.still():
                    alone.append(1000 * percentile(raw.ask("1 1", 10)["latencies"], 0.5))
                with self._swarm(f"FAN-{watchers}", watchers) as swarm:
                    time.sleep(0.5)
                    began = cpu_s(self.gateway_pid)
                    told = bidder.ask(str(self.plan.fan_round_s), self.plan.fan_round_s + 20)
                    time.sleep(0.3)
                    used = cpu_s(self.gateway_pid) - began
                    last = _last_watcher_ms(told, swarm.ask("", 10))
                acks.append([1000 * latency for latency in told["latencies"]])
                lasts.append(percentile(last, 0.5))
                cpus.append(1e6 * used / (told["accepted"] * watchers))
        self._ack_rows(watchers, acks, middle(alone))
        full = watchers >= 5000
        reach, cpu = (middle(floor.last_ms), middle(floor.cpu_us)) if floor else (None, None)
        self.rows += [
            Row(
                f"fan-out to {watchers}, last watcher p50",
                middle(lasts),
                "ms",
                reach,
                "ratio <= 1.4" if full else None,
                "" if full else "<= 1.4 x the C floor at 5000 watchers",
                "from the sending of the bid, so the bid itself is in it; the floor from its first write",
            ),
            Row(
                f"gateway CPU per delivery, {watchers} watchers",
                middle(cpus),
                "µs",
                cpu,
                goal="<= 1/1.6 of Socket.IO's",
                note="beats, ticks and the ledger's receipts to every watcher included",
            ),
        ]

    def _ack_rows(self, watchers: int, acks: Sequence[Sequence[float]], raw_ms: float | None) -> None:
        exact = watchers >= 2000
        for name, share, limit in (("p50", 0.5, 3), ("p99", 0.99, 6)):
            self.rows.append(
                Row(
                    f"bid to acknowledgement, {watchers} watchers, {name}",
                    middle(percentile(each, share) for each in acks),
                    "ms",
                    raw_ms,
                    f"ratio <= {limit}" if exact else None,
                    "" if exact else f"<= {limit} x the raw script at 2000 watchers",
                )
            )

    def measure_overload(self) -> None:
        """200 bids a second on one lot with a thousand watchers."""
        watchers, rate = self.plan.watchers[0], 200
        self.say(f"overload: {rate} bids/s, {watchers} watchers …")
        with (
            self._paced("OVER-1", rate, 20) as bidders,
            self._swarm("OVER-1", watchers) as swarm,
        ):
            time.sleep(0.5)
            told = bidders.ask(str(self.plan.overload_s), self.plan.overload_s + 20)
            time.sleep(0.5)
            seen = swarm.ask("", 10)
        last = _last_watcher_ms(told, seen)
        lost = told["unanswered"] + told["lost"] + seen["lost"] + (told["accepted"] - len(last))
        exact = watchers == 1000
        name = f"overload, {rate} bids/s x {watchers} watchers"
        ack = percentile(told["latencies"], 0.99) * 1000
        refused = f"refused: {told['refusals']}" if told["refused"] else ""
        self.rows += [
            Row(f"{name}: ack p99", ack, "ms", target="value <= 10" if exact else None, note=refused),
            Row(
                f"{name}: last watcher p99",
                percentile(last, 0.99) if last else None,
                "ms",
                target="value <= 30" if exact else None,
            ),
            Row(f"{name}: lost", float(lost), "bids", target="value <= 0"),
        ]

    # closing

    def measure_closing(self) -> None:
        self.say("closing, one lot at a time …")
        alone = closing.one_by_one(self.house, self.plan.closings_alone)
        note = f"of {len(alone)} lots: {_spread(alone)}"
        self.rows.append(
            Row("close lateness, one lot, p99", percentile(alone, 0.99), "ms", None, "value <= 5", note=note)
        )
        for count in self.plan.closings_together:
            self.say(f"closing, {count} lots …")
            late = closing.spread(self.house, count, self.plan.closings_over_s * 1000)
            exact = count >= 5000
            goal = "" if exact else "<= 20 ms at 5000 lots"
            target = "value <= 20" if exact else None
            name = f"close lateness, {count} lots in {self.plan.closings_over_s} s, p99"
            self.rows.append(Row(name, percentile(late, 0.99), "ms", None, target, goal, _spread(late)))
            late = closing.all_at_once(self.house, count)
            name = f"close lateness, {count} lots in the same ms, p99"
            self.rows.append(Row(name, percentile(late, 0.99), "ms", note=_spread(late)))

    # parts

    def _swarm(self, lot: str, watchers: int) -> Worker:
        where = {"host": "127.0.0.1", "port": self.house.gateway_port}
        return Worker("loadtests.swarm", where | {"lot": lot, "watchers": watchers, "raw": False})

    def _crowd(self) -> Worker:
        """Fifty bidders on ten lots, and as many watchers: each bid reaches ten connections."""
        names = [f"BID-{number}" for number in range(LOTS)]
        seats = [[names[n % LOTS], bidder.cookie] for n, bidder in enumerate(self.bidders)]
        return self._bidders(seats, [names[n % LOTS] for n in range(BIDDERS)], 0)

    def _paced(self, lot: str, rate: float, seats: int) -> Worker:
        return self._bidders([[lot, bidder.cookie] for bidder in self.bidders[:seats]], [], rate)

    def _bidders(self, seats: list[list[str]], watchers: list[str], rate: float) -> Worker:
        spec: dict[str, Any] = {"host": "127.0.0.1", "port": self.house.gateway_port, "rate": rate}
        run = f"{time.time_ns() // 1_000_000:x}"
        return Worker("loadtests.bidders", spec | {"seats": seats, "watchers": watchers, "run": run})

    def _ledger(self) -> Ledger:
        settings = self.house.settings
        return Ledger(settings.required_database_url(), settings.required_redis_url(), settings.partitions)


def _raw() -> list[str]:
    """A lot for each client of the raw script: their calls overtake each other, and all have to count."""
    return [f"RAW-{number}" for number in range(BIDDERS)]


def _spread(late: Sequence[float]) -> str:
    return f"p50 {percentile(late, 0.5):.0f} ms, last {max(late):.0f} ms"


def _last_watcher_ms(told: dict[str, Any], seen: dict[str, Any]) -> list[float]:
    """Of each accepted bid that reached everybody: from its sending to the last watcher."""
    last = seen["last"]
    return [1000 * (last[seq] - sent) for seq, sent in told["sent_at"].items() if seq in last]


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(f"ended by {signal.Signals(number).name}")


def main(arguments: Sequence[str]) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--full", action="store_true", help="5000 watchers and 5000 lots as well")
    parser.add_argument(
        "--quick", action="store_true", help="only to see that it works: the numbers mean little"
    )
    options = parser.parse_args(arguments)
    plan = FULL if options.full else QUICK if options.quick else Plan()
    console = Console(width=None if sys.stdout.isatty() else 160)
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, _end)
    signal.alarm(LONGEST_S * 2 if options.full else LONGEST_S)
    allow_files(2 * max(plan.watchers) + 1_000)
    began = time.monotonic()
    rows: list[Row] = []
    watch = MachineWatch()
    try:
        with houses.house() as house:
            Bench(house, plan, console, rows).run()
        console.print("[dim]documents and seals …[/]")
        amount = document_bench.QUICK if options.quick else document_bench.Amount()
        rows += [*document_bench.measure(amount), sealing_bench.token_signing(amount.rounds, amount.seconds)]
        console.print("[dim]certificates …[/]")
        rows += certificates_bench.measure(certificates_bench.QUICK if options.quick else None)
        console.print("[dim]a full platform: lists, searches, statements …[/]")
        with houses.house() as house:
            rows += trading_bench.measure(
                house, trading_bench.QUICK if options.quick else trading_bench.Amount()
            )
        rows.append(Row("other programs' share of the machine", 100 * watch.others(), "%"))
    finally:
        show(rows, console)
    write(rows, FILE)
    console.print(f"{time.monotonic() - began:.0f} s; written to {FILE.relative_to(ROOT)}")


if __name__ == "__main__":
    main(sys.argv[1:])
