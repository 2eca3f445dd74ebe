"""The book: one atomic script per command, on the Redis that holds the live lots.

All keys of a lot share a hash tag, the lot's partition: its state, the partition's log, deadlines and clock.
"""

import asyncio
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from bidding.clock import Outage, OutageCause, ServiceClock, Tolerances
from bidding.messages import (
    Answer,
    BidAccepted,
    BidRejected,
    Cause,
    Commitments,
    Observed,
    Phase,
    PlaceBid,
    canonical,
    commitments_line,
    parse,
    terms_from,
    terms_line,
)
from bidding.pipeline import BookUnavailable, Pipeline, Reply, pack, settle_future
from bidding.session import REFUSALS_RECORDED, REFUSALS_REMEMBERED, Session
from bidding.terms import Fen, InquiryMode, PriorityMode, Terms

RECENT_KEPT: Final = 1_000
"""Public entries of a lot that the book keeps at hand for those who come back."""

DEMANDS: Final = "luochui:demand"
"""The channel on which closers name the partitions that need a beat now."""

TIME_PRELUDE: Final = """
local function time_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
"""
"""Where production's time comes from. Only tests replace it (tests/differential/test_prelude.py)."""


def script(tolerances: Tolerances, prelude: str = TIME_PRELUDE) -> str:
    """The text of the book's script: limits and tolerances, the time prelude, the rules."""
    limits = {
        "TOLERANCE_MS": tolerances.beat_ms,
        "LEDGER_MS": tolerances.ledger_ms,
        "STEADY_MS": tolerances.steady_ms,
        "RESUME_AFTER_MS": tolerances.resume_after_ms,
        "LAPSED_LEASE_IS_OUTAGE": "true" if tolerances.lapsed_lease_is_outage else "false",
        "REFUSALS_REMEMBERED": REFUSALS_REMEMBERED,
        "REFUSALS_RECORDED": REFUSALS_RECORDED,
        "RECENT_KEPT": RECENT_KEPT,
    }
    heading = "\n".join(f"local {name} = {value}" for name, value in limits.items())
    rules = files("bidding").joinpath("book.lua").read_text(encoding="utf-8")
    return f"{heading}\n{prelude}\n{rules}"


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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the book said: the time it used, the answer, and whether a known bid id was answered again."""

    now: int
    line: bytes
    again: bool

    @property
    def answer(self) -> Answer:
        return parse(self.line)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A lot as it stands, with its last public entries (lines, oldest first)."""

    terms: Terms
    session: Session
    clock: ServiceClock
    recent: tuple[bytes, ...]


class Book:
    """The commands of the book. Every method is one atomic call and may raise BookUnavailable.

    `submit_bid` is the same as `place_bid` without a task or a future: the gateway's path.
    """

    def __init__(self, pipeline: Pipeline, *, partitions: int, text: str) -> None:
        self.pipeline = pipeline
        self.partitions = partitions
        self._sha = hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - the server's name for a script

    @classmethod
    def pipeline_for(
        cls, url: str, tolerances: Tolerances, *, prelude: str = TIME_PRELUDE
    ) -> tuple[Pipeline, str]:
        """A pipeline that carries the book's script, and the script's text."""
        text = script(tolerances, prelude)
        return Pipeline(url, scripts=(text,)), text

    def keys(self, lot: str) -> Keys:
        return partition_keys(partition_of(lot, self.partitions))

    # bidding

    def submit_bid(self, lot: str, bid: PlaceBid, callback: Callable[[Outcome | Exception], None]) -> None:
        """Place one bid; the callback gets the outcome or the exception."""
        self._submit(
            self.keys(lot).of_lot(lot, bid.paddle),
            "bid",
            bid.paddle,
            bid.bid_id,
            str(int(bid.price)),
            callback=callback,
        )

    async def place_bid(self, lot: str, bid: PlaceBid) -> Outcome:
        return await self._ask_lot(lot, "bid", bid.paddle, bid.bid_id, str(int(bid.price)), paddle=bid.paddle)

    async def confirm(self, lot: str, paddle: str) -> Outcome:
        return await self._ask_lot(lot, "confirm", paddle)

    # administration

    async def schedule(
        self, terms: Terms, opens_at: int, commitments: Commitments, qualified: Mapping[str, int]
    ) -> Outcome:
        numbers = (terms.starting_price, terms.increment, terms.max_steps, terms.inquiry_ms, terms.window_ms)
        switches = (
            terms.inquiry_mode is InquiryMode.CONFIRM,
            terms.priority_mode is PriorityMode.MATCH,
            terms.self_raise,
        )
        return await self._ask_lot(
            terms.lot,
            "schedule",
            str(int(opens_at)),
            terms_line(terms),
            commitments_line(commitments),
            terms.lot,
            *(str(int(number)) for number in numbers),
            *("1" if switch else "0" for switch in switches),
            *_pairs(qualified),
        )

    async def amend(self, lot: str, commitments: Commitments, qualified: Mapping[str, int]) -> Outcome:
        return await self._ask_lot(lot, "amend", commitments_line(commitments), *_pairs(qualified))

    async def touch(self, lot: str) -> Outcome:
        """Let time do its work on a lot: what every command does first."""
        return await self._ask_lot(lot, "touch")

    async def suspend(self, lot: str, reason: str) -> Outcome:
        return await self._ask_lot(lot, "suspend", canonical(reason))

    async def resume(self, lot: str, resumes_at: int | None = None) -> Outcome:
        """Announce the resumption; without a time after the platform's usual pause."""
        return await self._ask_lot(lot, "resume", "" if resumes_at is None else str(int(resumes_at)))

    async def request_abort(self, lot: str, by: str, reason: str) -> Outcome:
        return await self._ask_lot(lot, "request_abort", by, canonical(reason))

    async def confirm_abort(self, lot: str, by: str, reason: str) -> Outcome:
        return await self._ask_lot(lot, "confirm_abort", by, canonical(reason))

    async def notice(self, lot: str, text: str) -> Outcome:
        return await self._ask_lot(lot, "notice", canonical(text))

    async def settle(self, lot: str, opening: Mapping[str, Any], *, sold: bool) -> Outcome:
        return await self._ask_lot(lot, "settle", canonical(opening), "1" if sold else "0")

    # the service

    async def beat(self, partition: int, gateway: str) -> Outcome:
        """A probe of a gateway came through."""
        return await self._ask(partition_keys(partition).of_partition(), "beat", gateway)

    async def hand_back(self, partition: int, gateway: str) -> Outcome:
        """A gateway leaves in good order."""
        return await self._ask(partition_keys(partition).of_partition(), "hand_back", gateway)

    async def recorded(self, partition: int, up_to: int = 0) -> Outcome:
        """The ledger has recorded the partition's log up to this time; 0: all of it."""
        return await self._ask(partition_keys(partition).of_partition(), "recorded", str(int(up_to)))

    async def observe(self, partition: int) -> tuple[int, Observed]:
        """Record an outage if there is one, and tell the book's time and how the partition stands."""
        outcome = await self._ask(partition_keys(partition).of_partition(), "observe")
        observed = outcome.answer
        if not isinstance(observed, Observed):
            raise AssertionError("the book answered an observation with something else")
        return outcome.now, observed

    async def demand_beat(self, partition: int) -> None:
        """Ask all gateways for a beat at once: a phase only elapses up to a beat."""
        connection = await self.pipeline.ready()
        await connection.ask("PUBLISH", DEMANDS, str(partition))

    async def beat_at(self, partition: int) -> int:
        """When the last beat was recorded."""
        connection = await self.pipeline.ready()
        return int(await connection.ask("HGET", partition_keys(partition).clock, "beat") or 0)

    async def due(self, partition: int, until: int, limit: int = 500) -> list[tuple[str, int]]:
        """Lots that want to be touched by `until` (ms), the most urgent first, with their times."""
        connection = await self.pipeline.ready()
        found = await connection.ask(
            *("ZRANGEBYSCORE", partition_keys(partition).due, "-inf", str(until)),
            *("WITHSCORES", "LIMIT", "0", str(limit)),
        )
        return [(lot.decode(), int(score)) for lot, score in zip(found[::2], found[1::2], strict=True)]

    async def waiting(self, partition: int) -> list[str]:
        """All lots of the partition that wait for a time."""
        connection = await self.pipeline.ready()
        return [
            lot.decode() for lot in await connection.ask("ZRANGE", partition_keys(partition).due, "0", "-1")
        ]

    async def clock(self, partition: int) -> ServiceClock:
        connection = await self.pipeline.ready()
        keys = partition_keys(partition)
        return decode_clock(
            *await asyncio.gather(
                connection.ask("HGETALL", keys.clock),
                connection.ask("ZRANGE", keys.leases, "0", "-1", "WITHSCORES"),
                connection.ask("HGETALL", keys.outages),
            )
        )

    async def snapshot(self, lot: str) -> Snapshot | None:
        """Everything about a lot in one consistent read, or None if the book does not know it."""
        connection = await self.pipeline.ready()
        keys = self.keys(lot)
        asked = [
            ("MULTI",),
            ("HGETALL", keys.lot(lot)),
            ("HGETALL", keys.lot(lot, "answers")),
            ("HGETALL", keys.lot(lot, "qualified")),
            ("SMEMBERS", keys.lot(lot, "confirmed")),
            ("LRANGE", keys.lot(lot, "recent"), "0", "-1"),
            ("HGETALL", keys.clock),
            ("ZRANGE", keys.leases, "0", "-1", "WITHSCORES"),
            ("HGETALL", keys.outages),
            ("EXEC",),
        ]
        replies = await asyncio.gather(*(connection.ask(*parts) for parts in asked))
        state, answers, qualified, confirmed, recent, *clock = replies[-1]
        if not state:
            return None
        refused = await self._refused_ids(lot, _mapping(qualified), _mapping(answers))
        terms, session = decode(_mapping(state), _mapping(answers), _mapping(qualified), confirmed, refused)
        return Snapshot(terms, session, decode_clock(*clock), tuple(recent))

    async def _refused_ids(
        self, lot: str, qualified: Mapping[str, str], answers: Mapping[str, str]
    ) -> Mapping[str, tuple[str, ...]]:
        connection = await self.pipeline.ready()
        keys = self.keys(lot)
        paddles = sorted({name.split(":")[1] for name in answers} | set(qualified))
        lists = await asyncio.gather(
            *(connection.ask("LRANGE", keys.lot(lot, f"refused:{paddle}"), "0", "-1") for paddle in paddles)
        )
        return {
            paddle: tuple(bid_id.decode() for bid_id in ids)
            for paddle, ids in zip(paddles, lists, strict=True)
        }

    # plumbing

    async def _ask_lot(self, lot: str, *arguments: str, paddle: str = "") -> Outcome:
        return await self._ask(self.keys(lot).of_lot(lot, paddle), *arguments)

    async def _ask(self, keys: list[str], *arguments: str) -> Outcome:
        await self.pipeline.ready()
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._submit(keys, *arguments, callback=lambda outcome: settle_future(answer, outcome))
        return await answer

    def _submit(
        self, keys: list[str], *arguments: str, callback: Callable[[Outcome | Exception], None]
    ) -> None:
        connection = self.pipeline.connection
        if connection is None:
            callback(BookUnavailable("the book can't be reached"))
            return
        command, *rest = arguments
        packed = pack("EVALSHA", self._sha, str(len(keys)), *keys, command, connection.run, *rest)
        connection.call(packed, lambda reply: callback(_outcome(reply)))


@lru_cache(maxsize=1024)
def partition_keys(partition: int) -> Keys:
    return Keys(f"{{p{partition:02d}}}")


def _outcome(reply: Reply) -> Outcome | Exception:
    if isinstance(reply, Exception):
        return reply
    now, line, again = reply
    return Outcome(int(now), line, again == b"1")


def _pairs(qualified: Mapping[str, int]) -> Iterable[str]:
    for paddle, rank in sorted(qualified.items()):
        yield paddle
        yield str(int(rank))


def _mapping(flat: list[bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in zip(flat[::2], flat[1::2], strict=True)}


# ── state in Redis <-> session ──


def decode_clock(state: list[bytes], leases: list[bytes], outages: list[bytes]) -> ServiceClock:
    """The service clock that these three keys stand for."""
    fields, ended = _mapping(state), _mapping(outages)
    return ServiceClock(
        last=int(fields.get("last", 0)),
        beat=int(fields.get("beat", 0)),
        steady_since=int(fields.get("steady_since", 0)),
        ledger=int(fields.get("ledger", 0)),
        run=fields.get("run", ""),
        outages=tuple(_outage(ended[str(number)]) for number in range(1, int(fields.get("outage", 0)) + 1)),
        leases={name: int(float(at)) for name, at in _mapping(leases).items()},
    )


def _outage(text: str) -> Outage:
    since, until, cause = text.split(":")
    return Outage(int(since), int(until), OutageCause(cause))


def decode(
    state: Mapping[str, str],
    answers: Mapping[str, str],
    qualified: Mapping[str, str],
    confirmed: Iterable[bytes],
    refused_ids: Mapping[str, tuple[str, ...]],
) -> tuple[Terms, Session]:
    """The terms and the session that a lot's keys stand for."""
    known = {
        (name.split(":")[1], name.split(":")[2]): parse(value.split(" ", 1)[1])
        for name, value in answers.items()
        if name.startswith("b:")
    }
    numbers = {
        name: int(state.get(name, 0))
        for name in (
            *("deadline", "epoch", "seq", "leader_rank", "bids", "outage"),
            *("resumes_at", "outage_since", "privates"),
        )
    }
    session = Session(
        phase=Phase(state["phase"]),
        commitments=Commitments(**json.loads(state["commitments"])),
        qualified={paddle: int(rank) for paddle, rank in qualified.items()},
        price=Fen(int(state.get("price", 0))),
        leader=state.get("leader", ""),
        suspended_from=Phase(state["suspended_from"]) if state.get("suspended_from") else None,
        cause=Cause(state["cause"]) if state.get("cause") else None,
        abort_requested_by=state.get("abort_requested_by", ""),
        settled=state.get("settled") == "1",
        confirmed=frozenset(paddle.decode() for paddle in confirmed),
        accepted={key: answer for key, answer in known.items() if isinstance(answer, BidAccepted)},
        refused={
            paddle: tuple((bid_id, _refusal(known[paddle, bid_id])) for bid_id in ids)
            for paddle, ids in refused_ids.items()
            if ids
        },
        recorded_refusals={
            name.removeprefix("n:"): int(count) for name, count in answers.items() if name.startswith("n:")
        },
        **numbers,
    )
    return terms_from(json.loads(state["terms"])), session


def _refusal(answer: Answer) -> BidRejected:
    if not isinstance(answer, BidRejected):
        raise AssertionError("a refused id has another answer")
    return answer


def encode(terms: Terms, session: Session) -> dict[str, str]:
    """The hash of a lot, as the script keeps it (recovery writes it; `decode` reads it)."""
    raw = asdict(session)
    names = (
        *("phase", "deadline", "epoch", "seq", "price", "leader", "leader_rank", "bids", "outage"),
        *("suspended_from", "cause", "resumes_at", "outage_since", "abort_requested_by", "privates"),
    )
    state = {name: "" if raw[name] is None else str(raw[name]) for name in names}
    return state | {
        "settled": "1" if session.settled else "",
        "lot": terms.lot,
        "terms": terms_line(terms),
        "commitments": commitments_line(session.commitments),
        "starting_price": str(terms.starting_price),
        "increment": str(terms.increment),
        "max_steps": str(terms.max_steps),
        "inquiry_ms": str(terms.inquiry_ms),
        "window_ms": str(terms.window_ms),
        "confirm": "1" if terms.inquiry_mode is InquiryMode.CONFIRM else "0",
        "match": "1" if terms.priority_mode is PriorityMode.MATCH else "0",
        "self_raise": "1" if terms.self_raise else "0",
    }
