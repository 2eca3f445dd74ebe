"""The book: one atomic script per command, on the Redis that holds the live lots.

All keys of a lot share a hash tag, the lot's partition: its state, the partition's log, deadlines and clock.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from bidding.clock import ServiceClock, Tolerances
from bidding.commitments import next_confirmation
from bidding.keys import DEMANDS, Keys, partition_keys, partition_of
from bidding.messages import (
    Answer,
    Commitments,
    Confirm,
    Observed,
    Obstacle,
    PlaceBid,
    Refused,
    canonical,
    commitments_line,
    parse,
    terms_line,
)
from bidding.pipeline import BookUnavailable, Pipeline, Reply, pack, settle_future
from bidding.session import ENDED, REFUSALS_RECORDED, REFUSALS_REMEMBERED, Session
from bidding.stored import decode, decode_clock, mapping
from bidding.terms import InquiryMode, PriorityMode, Terms

RECENT_KEPT: Final = 1_000
"""Public entries of a lot that the book keeps at hand for those who come back."""

CONFIRM_TRIES: Final = 50
"""How often a confirmation looks again when another one came between."""

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
        """Confirm during the inquiry; who comes first extends the rolling commitment, the others look again.

        After CONFIRM_TRIES the answer is the obstacle STALE.
        """
        connection = await self.pipeline.ready()
        for _ in range(CONFIRM_TRIES):
            before = (await connection.ask("HGET", self.keys(lot).lot(lot), "confirmations") or b"").decode()
            salt = secrets.token_hex(32)
            outcome = await self.confirm_with(
                lot, Confirm(paddle, salt, before, next_confirmation(before, salt, paddle))
            )
            if outcome.answer != Refused(Obstacle.STALE):
                break
        return outcome

    async def confirm_with(self, lot: str, confirmation: Confirm) -> Outcome:
        """One try to confirm, on a head that may be stale by now."""
        fields = (confirmation.paddle, confirmation.salt, confirmation.before, confirmation.after)
        return await self._ask_lot(lot, "confirm", *fields)

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

    async def resume(self, lot: str, resumes_at: int | None = None, *, sparing: bool = False) -> Outcome:
        """Announce the resumption; without a time after the platform's usual pause.

        `sparing` refuses it where an abort was asked for (ABORT_ALREADY_REQUESTED).
        """
        at = "" if resumes_at is None else str(int(resumes_at))
        return await self._ask_lot(lot, "resume", at, "1" if sparing else "0")

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

    async def fields(self, lot: str, *names: str) -> dict[str, str]:
        """These fields of a lot's state, as kept; what it does not have is left out."""
        connection = await self.pipeline.ready()
        found = await connection.ask("HMGET", self.keys(lot).lot(lot), *names)
        return {name: value.decode() for name, value in zip(names, found, strict=True) if value is not None}

    async def recent(self, lot: str, count: int) -> list[bytes]:
        """The last public entries of a lot (lines, oldest first)."""
        connection = await self.pipeline.ready()
        found: list[bytes] = await connection.ask(
            "LRANGE", self.keys(lot).lot(lot, "recent"), str(-count), "-1"
        )
        return found

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
        refused = await self._refused_ids(lot, mapping(qualified), mapping(answers))
        terms, session = decode(mapping(state), mapping(answers), mapping(qualified), confirmed, refused)
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

    async def forget(self, lot: str) -> None:
        """Let go of what is kept of an ended lot. The logs and the ledger keep all that happened.

        Raises ValueError for a lot that has not ended.
        """
        found = await self.snapshot(lot)
        if found is None:
            return
        if found.session.phase not in ENDED:
            raise ValueError(f"{lot} has not ended")
        refused = [f"refused:{paddle}" for paddle in found.session.qualified]
        parts = ("", "answers", "qualified", "confirmed", "recent", *refused)
        connection = await self.pipeline.ready()
        await connection.ask("DEL", *(self.keys(lot).lot(lot, part) for part in parts))

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


def _outcome(reply: Reply) -> Outcome | Exception:
    if isinstance(reply, Exception):
        return reply
    now, line, again = reply
    return Outcome(int(now), line, again == b"1")


def _pairs(qualified: Mapping[str, int]) -> Iterable[str]:
    for paddle, rank in sorted(qualified.items()):
        yield paddle
        yield str(int(rank))
