"""The steward's process: what becomes due by itself. Each owner's round looks into the tables and does it.

A round may be killed at any moment and is repeated; several stewards may run beside each other. A round that
fails is logged and waits longer each time, up to a minute; the others go on. docs/lifecycle.md, adr/0012.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

import redis.asyncio
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncEngine

from bidding.book import Book
from certificates.desk.dues import DueRound as DeskRound
from certificates.issuing.ending import EndingRound
from certificates.issuing.remarks import DemonstrationBank, NoBank, Remarks
from certificates.issuing.reminding import ExpiryRound
from certificates.issuing.telling import Telling
from certificates.orders.rounds import OrderRound
from certificates.payments.demonstration import DemonstrationPayments
from certificates.payments.port import NoProvider, PaymentProvider
from certificates.payments.rounds import PaymentRound
from certificates.payments.telling import MoneyNews
from luochui import logs
from luochui.messaging import delivery_round, marks
from luochui.operations.pulse import STEWARD_BEAT
from luochui.processes.wiring import cancel_on, clock_of, open_book, run_until_stopped
from luochui.settings import Settings
from luochui.vaults import asking
from office.audit.chain import Chain
from office.clock import Clock, Travelling
from office.contacts import Contacts
from office.database import create_engine
from office.files import Files
from office.messages.dispatching import DispatchRound
from office.sealed.port import Sealed
from office.sessions import SessionDirectory
from signing.chain import Trust
from signing.sm3 import sm3
from trading.awards.arrears import GraceRound
from trading.awards.rounds import AwardRound
from trading.defaulters import Defaulters
from trading.deposits.deposits import Deposits
from trading.deposits.rounds import MatchingRound, RefundRound
from trading.lifecycle.dates import TRAVELLERS_AHEAD
from trading.lifecycle.due import DueRound, Surroundings
from trading.objectors import ObjectorRound
from trading.profiles.store import ensure_defaults
from trading.putting_on import PuttingOn
from trading.registrations.deciding import Deciding
from trading.registrations.openings import OpeningRound
from trading.registrations.rounds import LapseRound
from trading.rehearsals import RehearsalRound
from trading.reminders import ReminderRound
from web.trust import TrustKeeper, TrustUnknown

log = structlog.get_logger(__name__)

EVERY_S: Final = 2.0
LONGEST_PAUSE_S: Final = 60.0
ROUND_WITHIN_S: Final = 120.0
"""Longer, and the round is cut: what it was doing is rolled back and comes again."""
METRICS_KEY: Final = "luochui:metrics:steward"
METRICS_LIVE_S: Final = 30
CONNECTIONS: Final = 10


class Round(Protocol):
    async def round(self, now: datetime) -> int:
        """Do what is due at this moment; how much it was."""


@dataclass(frozen=True, slots=True)
class Work:
    """One owner's round. The name is a label of the metrics."""

    name: str
    round: Round
    every_s: float = EVERY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What rounds are made of."""

    settings: Settings
    engine: AsyncEngine
    book: Book
    sealed: Sealed
    files: Files
    clock: Clock


def rounds(house: House) -> list[Work]:
    """Everything that the steward looks after: a line for each owner."""
    return [
        Work("lifecycle", DueRound(house.engine, surroundings(house))),
        Work(
            "registrations",
            LapseRound(
                house.engine,
                Deciding(house.engine, house.sealed, Deposits(house.engine, house.sealed)),
            ),
        ),
        Work(
            "money",
            MatchingRound(
                house.engine, house.sealed, Deciding(house.engine, house.sealed).on_deposit_changed
            ),
        ),
        Work("refunds", RefundRound(house.engine), every_s=20.0),
        Work("audit", Chain(house.engine, sm3)),
        Work("awards", AwardRound(house.engine, house.sealed)),
        Work("dispatch", DispatchRound(house.engine, house.sealed)),
        Work("delivery", delivery_round(house.settings, house.engine, house.sealed)),
        Work("rehearsals", RehearsalRound(house.engine, house.book, house.sealed)),
        Work("reminders", ReminderRound(house.engine), every_s=20.0),
        Work(
            "orders",
            OrderRound(house.engine, marks(house.settings), house.settings.platform_name),
            every_s=20.0,
        ),
        Work("openings", OpeningRound(house.engine), every_s=20.0),
        Work(
            "payments",
            PaymentRound(house.engine, marks(house.settings), payment_provider(house)),
        ),
        Work(
            "order-money",
            MoneyNews(
                engine=house.engine,
                marks=marks(house.settings),
                platform=house.settings.platform_name,
                public_url=house.settings.origins[0] if house.settings.origins else house.settings.address(),
            ),
            every_s=20.0,
        ),
        Work("revoked", _revoked(house)),
        Work(
            "expiries",
            ExpiryRound(house.engine, marks(house.settings), house.settings.platform_name),
            every_s=60.0,
        ),
        Work("first_pins", _first_pins(house)),
        Work("arrears", GraceRound(house.engine), every_s=60.0),
        Work("objectors", ObjectorRound(house.engine, house.sealed, marks(house.settings)), every_s=60.0),
        Work("desk", DeskRound(house.engine), every_s=60.0),
        Work("defaulters", Defaulters(house.engine), every_s=20.0),
        Work(
            "codes", Contacts(house.engine, marks(house.settings), house.settings.platform_name), every_s=60.0
        ),
    ]


def payment_provider(house: House) -> PaymentProvider:
    """Whom refunds are asked of."""
    if house.settings.demo:
        return DemonstrationPayments(house.engine, house.clock)
    return NoProvider()


def _first_pins(house: House) -> Telling:
    """The PINs of new UKeys, to their holders."""
    remarks: Remarks = DemonstrationBank(house.engine) if house.settings.demo else NoBank()
    return Telling(house.engine, marks(house.settings), remarks, house.settings.platform_name)


def _revoked(house: House) -> EndingRound:
    """What a revoked certificate opened ends within the pause of this round."""
    keeper = TrustKeeper(house.settings.trust())

    def trust() -> Trust | None:
        try:
            return keeper.now()
        except TrustUnknown:  # logged there; nobody's certificate is taken meanwhile
            return None

    client = redis.asyncio.Redis.from_url(house.settings.required_redis_url(), decode_responses=True)
    return EndingRound(house.engine, SessionDirectory(client), trust)


def surroundings(house: House) -> Surroundings:
    """What the lifecycle asks of registrations, money and the book."""
    deciding = Deciding(house.engine, house.sealed, Deposits(house.engine, house.sealed))

    async def corrected(lot: str, number: int) -> None:
        await deciding.invalidate_for_correction(lot, number, now=house.clock())

    return Surroundings(
        qualified=deciding.qualified,
        corrected=corrected,
        statements_complete_until=Deposits(house.engine, house.sealed).complete_until,
        put_on=PuttingOn(house.engine, house.book, house.clock),
        # The book's time can't leap: what it knew days before an opening would wait for those days.
        put_on_ahead=TRAVELLERS_AHEAD if isinstance(house.clock, Travelling) else None,
    )


def main(settings: Settings, index: int = 0) -> None:
    """Run until SIGTERM."""
    logs.configure(settings, process="steward")

    async def work(stop: asyncio.Event) -> None:
        engine = create_engine(settings.required_database_url(), pool_size=CONNECTIONS)
        clock, sealed = clock_of(settings), asking(settings)
        try:
            async with open_book(settings) as book:
                async with engine.begin() as connection:
                    await ensure_defaults(connection, clock())
                house = House(
                    settings=settings,
                    engine=engine,
                    book=book,
                    sealed=sealed,
                    files=Files.at(settings.kept_files(), digest=sm3),
                    clock=clock,
                )
                steward = Steward(rounds(house), clock)
                await cancel_on(stop, _together(steward, settings.required_redis_url()))
        finally:
            await sealed.close()
            await engine.dispose()

    run_until_stopped(work)


class StewardMetrics:
    """Labels are bounded: the names of the rounds."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        name = "luochui_steward"
        given: dict[str, Any] = {"labelnames": ("round",), "registry": self.registry}
        self.rounds = Counter(f"{name}_rounds", "Rounds that came to their end", **given)
        self.done = Counter(f"{name}_done", "What rounds did", **given)
        self.failures = Counter(f"{name}_failures", "Rounds that failed", **given)
        self.failing = Gauge(f"{name}_failing", "1 while a round fails", **given)
        self.seconds = Histogram(f"{name}_round_seconds", "How long rounds took", **given)

    def text(self) -> str:
        return generate_latest(self.registry).decode()


class Steward:
    """Rounds beside each other, each after its own pause."""

    def __init__(self, works: Sequence[Work], clock: Clock, *, metrics: StewardMetrics | None = None) -> None:
        if len({work.name for work in works}) != len(works):
            raise ValueError("two rounds have the same name")
        self._works = tuple(works)
        self._clock = clock
        self.metrics = metrics or StewardMetrics()

    async def run(self) -> None:
        """For ever."""
        await asyncio.gather(*(self._repeat(work) for work in self._works))

    async def _repeat(self, work: Work) -> None:
        failures = 0
        while True:
            failures = 0 if await self.once(work) else failures + 1
            await asyncio.sleep(pause_s(work.every_s, failures))

    async def once(self, work: Work) -> bool:
        """One round. False: it failed, and was logged."""
        labels = self.metrics
        try:
            with labels.seconds.labels(work.name).time():
                async with asyncio.timeout(ROUND_WITHIN_S):
                    done = await work.round.round(self._clock())
        except Exception:
            log.exception("round_failed", round=work.name)
            labels.failures.labels(work.name).inc()
            labels.failing.labels(work.name).set(1)
            return False
        labels.rounds.labels(work.name).inc()
        labels.done.labels(work.name).inc(done)
        labels.failing.labels(work.name).set(0)
        return True


def pause_s(every_s: float, failures: int) -> float:
    """Twice as long after each failure in a row, up to a minute."""
    return max(every_s, min(every_s * 2.0 ** min(failures, 10), LONGEST_PAUSE_S))


async def _together(steward: Steward, redis_url: str) -> None:
    await asyncio.gather(steward.run(), _show(steward.metrics, redis_url))


async def _show(metrics: StewardMetrics, redis_url: str) -> None:
    """Put the metrics and a sign of life where others find them."""
    async with redis.asyncio.Redis.from_url(redis_url, socket_timeout=2) as client:
        while True:
            with contextlib.suppress(RedisError, OSError):
                seconds, _ = await client.time()
                await client.set(STEWARD_BEAT, seconds)
                await client.set(METRICS_KEY, metrics.text(), ex=METRICS_LIVE_S)
            await asyncio.sleep(EVERY_S)
