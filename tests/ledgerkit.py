"""Auctions for the tests of ledger, verifier and recovery: one by the pure rules, one on real servers.

On the servers too the book's time is the test's: it goes on in `reach` and `pass_time` alone, so that no
machine that stands still takes its time away from a lot.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bidding import clock as clocks
from bidding import lots
from bidding import session as rules
from bidding.book import Book, Outcome
from bidding.clock import Tolerances
from bidding.commitments import Opening, is_sold, next_confirmation
from bidding.keys import partition_of
from bidding.ledger.chain import genesis, link, private_genesis
from bidding.ledger.file import entry_line, header_line, seal_line, sealed_as
from bidding.ledger.gauges import LedgerMetrics
from bidding.ledger.settlement import Settler
from bidding.ledger.writer import Writer
from bidding.lots import AssetClass, Offer, Secrets
from bidding.messages import Confirm, Confirmed, Done, Phase, PlaceBid, line
from bidding.pipeline import Pipeline
from bidding.session import Session
from bidding.terms import Fen, InquiryMode, PriorityMode, Terms
from signing.sm2 import PrivateKey
from tests.model import Model
from tests.timekit import AHEAD, FROZEN, FROZEN_AT, LEAPING, PATIENCE_S

SECRETS = Secrets(Fen(130), "0a" * 32, "0b" * 32, "0c" * 32)
QUALIFIED = {"1001": 0, "2002": 0, "3003": 1}
TOLERANCES = Tolerances(beat_ms=1_000, steady_ms=200, resume_after_ms=300)
CALM = Tolerances(beat_ms=3_600_000, ledger_ms=3_600_000, steady_ms=200, resume_after_ms=300)


def terms(
    lot: str = "L-1",
    *,
    window_ms: int = 1_000,
    confirm: bool = False,
    match: bool = False,
) -> Terms:
    return Terms(
        lot=lot,
        starting_price=Fen(100),
        increment=Fen(10),
        inquiry_ms=500,
        window_ms=window_ms,
        inquiry_mode=InquiryMode.CONFIRM if confirm else InquiryMode.PASSIVE,
        priority_mode=PriorityMode.MATCH if match else PriorityMode.NONE,
    )


# ── played by the rules ─────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Played:
    """A lot that the pure rules play; `lines` are its public entries. It opens at 10 000."""

    terms: Terms = field(default_factory=terms)
    secrets: Secrets = SECRETS
    qualified: Mapping[str, int] = field(default_factory=lambda: dict(QUALIFIED))

    def __post_init__(self) -> None:
        self.model = Model(self.terms, TOLERANCES)
        self.beat(1_000)
        self.model.schedule(
            1_000, "r", 10_000, self.secrets.commitments(self.qualified), dict(self.qualified)
        )

    @property
    def session(self) -> Session:
        assert self.model.session is not None
        return self.model.session

    @property
    def lines(self) -> list[str]:
        return [line(event) for event in self.model.public]

    def beat(self, at: int) -> None:
        self.model.service(at, "r", lambda clock, now: clocks.recorded(clock, 0, now))
        self.model.service(at, "r", lambda clock, now: clocks.beat(clock, TOLERANCES, "g", now))

    def until(self, at: int) -> None:
        """Time goes on with beats; the lot is touched at each."""
        for moment in range(self.model.now, at + 1, 100):
            self.beat(moment)
            self.touch(moment)

    def touch(self, at: int) -> None:
        if self.model.session is not None:
            self.model.command(at, "r", lambda session, now: (session, Done()))

    def bid(self, paddle: str, price: int, at: int) -> None:
        self.until(at)
        bid = PlaceBid(paddle, f"bid-{len(self.model.public):08d}", Fen(price))
        self.model.bid(at, "r", bid)

    def confirm(self, paddle: str, at: int) -> None:
        self.until(at)
        before, salt = self.session.confirmations, f"{len(self.model.private):064x}"
        after = next_confirmation(before, salt, paddle) if before else ""
        said = Confirm(paddle, salt, before, after)
        self.model.command(at, "r", lambda session, now: rules.confirm(self.terms, session, said, now))

    @property
    def confirmed(self) -> tuple[tuple[str, str], ...]:
        """Who confirmed, with the salts, in their order."""
        told = (event for event in self.model.private if isinstance(event, Confirmed))
        return tuple((event.paddle, event.salt) for event in told)

    def settle(self, at: int) -> None:
        self.until(at)
        sold = is_sold(self.session.leader, self.session.price, self.secrets.reserve)
        opening = self.opening().as_json()
        self.model.command(
            at, "r", lambda session, now: rules.settle(self.terms, session, opening, sold=sold, now=now)
        )

    def opening(self) -> Opening:
        return Opening(
            confirmed=self.confirmed,
            private_count=len(self.model.private),
            private_head=private_genesis(self.secrets.private_salt).hex(),
            private_salt=self.secrets.private_salt,
            qualified=tuple(sorted(self.qualified.items())),
            qualified_salt=self.secrets.qualified_salt,
            reserve=self.secrets.reserve,
            reserve_salt=self.secrets.reserve_salt,
        )


def sold_lot() -> Played:
    """Three bids, an outage in between, sold above the reserve: every kind of line but the abortion's."""
    played = Played()
    played.bid("1001", 100, 10_600)
    played.bid("2002", 120, 10_900)
    played.until(11_000)
    played.touch(13_000)
    played.bid("1001", 150, 14_000)
    played.settle(18_000)
    assert played.session.settled
    return played


def file_of(lines: Sequence[str], key: PrivateKey, lot: str = "L-1") -> bytes:
    """The ledger file over these lines, sealed by this key, however wrong they are."""
    public = key.public_key
    parts = [header_line(lot, public.key_id, public.to_pem().decode())]
    head = genesis(lot)
    for entry in lines:
        before, head = head, link(head, entry.encode())
        parts.append(entry_line(entry, before, head))
    seal = sealed_as(lot, head.hex(), lines)
    if seal is not None:
        parts.append(seal_line(seal.text(), key.sign(seal.text().encode())))
    return b"".join(parts)


# ── on real servers ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Scene:
    """A book, a database and whatever the test starts on them. `clock` is where its time is kept."""

    redis_url: str
    database_url: str
    book: Book
    engine: AsyncEngine
    key: PrivateKey
    clock: str

    async def put_on(
        self,
        wanted: Terms,
        *,
        secrets: Secrets = SECRETS,
        opens_in: int = 0,
        qualified: Mapping[str, int] | None = None,
    ) -> None:
        """Keep a lot and put it into the book; it is due at once."""
        opens_at = (await self.book.observe(0))[0] + opens_in
        offer = Offer(terms=wanted, opens_at=opens_at, title="t", asset_class=AssetClass.PHYSICAL)
        async with self.engine.begin() as connection:
            await lots.put_on(connection, offer, secrets)
        listed = dict(QUALIFIED if qualified is None else qualified)
        await self.book.schedule(wanted, opens_at, secrets.commitments(listed), listed)

    async def open(self, lot: str) -> None:
        """Beat and touch until the lot is in timed bidding."""
        await self.reach(lot, Phase.TIMED_BIDDING)

    async def reach(self, lot: str, phase: Phase) -> None:
        """Beat, touch and let time go on until the lot is in this phase."""
        async with asyncio.timeout(PATIENCE_S):
            while (await self.session(lot)).phase is not phase:
                await self.pass_time(50)
                await self.beat(lot)
                await self.book.touch(lot)

    async def pass_time(self, ms: int) -> None:
        connection = await self.book.pipeline.ready()
        await connection.ask("INCRBY", self.clock, str(ms))

    async def beat(self, lot: str) -> None:
        partition = partition_of(lot, self.book.partitions)
        await self.book.recorded(partition)
        await self.book.beat(partition, "g")

    async def session(self, lot: str) -> Session:
        snapshot = await self.book.snapshot(lot)
        assert snapshot is not None
        return snapshot.session

    async def bid(self, lot: str, paddle: str, price: int, bid_id: str | None = None) -> Outcome:
        await self.beat(lot)
        bid = PlaceBid(paddle, bid_id or f"bid-{paddle}-{price}", Fen(price))
        return await self.book.place_bid(lot, bid)

    @contextlib.asynccontextmanager
    async def writer(self, url: str | None = None) -> AsyncIterator[Writer]:
        """A ledger writer that runs; it catches up at the end of the block."""
        async with Pipeline(self.redis_url) as log:
            made = Writer(
                database_url=url or self.database_url,
                log=log,
                book=self.book,
                key=self.key,
                clock_ms=wall_ms,
                metrics=LedgerMetrics(),
            )
            stop = asyncio.Event()
            task = asyncio.create_task(made.run(stop))
            try:
                yield made
            finally:
                stop.set()
                async with asyncio.timeout(PATIENCE_S):
                    await task

    @contextlib.asynccontextmanager
    async def settler(self, writer: Writer) -> AsyncIterator[Settler]:
        """A settler that runs beside a writer."""
        made = Settler(engine=self.engine, book=self.book, key=self.key)
        task = asyncio.create_task(made.run(writer.ended))
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def rows(self, query: str, **values: object) -> list[tuple[object, ...]]:
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(query), values)]

    async def eventually(
        self, query: str, wanted: object, within_s: float = PATIENCE_S, **values: object
    ) -> None:
        """Wait until the query's single value is the wanted one."""
        found: object = None
        try:
            async with asyncio.timeout(within_s):
                while True:
                    rows = await self.rows(query, **values)
                    found = rows[0][0] if rows else None
                    if found == wanted:
                        return
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{query}: {found!r} instead of {wanted!r}") from None

    async def recorded(self, lot: str, seq: int) -> None:
        await self.eventually("SELECT max(seq) FROM ledger_entries WHERE lot = :lot", seq, lot=lot)


@contextlib.asynccontextmanager
async def scene(
    redis_url: str, database_url: str, *, partitions: int = 2, frozen: bool = True
) -> AsyncIterator[Scene]:
    """`frozen=False` for those who start processes that know of no time but the real one."""
    engine = create_async_engine(f"postgresql+psycopg://{database_url.split('://', 1)[1]}")
    key = PrivateKey.generate()
    tolerances = TOLERANCES if frozen else CALM
    pipeline, script = Book.pipeline_for(redis_url, tolerances, prelude=FROZEN if frozen else LEAPING)
    with redis.Redis.from_url(redis_url) as client:
        client.set(FROZEN_AT, wall_ms())
    try:
        async with engine.begin() as connection:
            await connection.execute(
                text("INSERT INTO ledger_keys (id, pem) VALUES (:id, :pem)"),
                {"id": key.public_key.key_id, "pem": key.public_key.to_pem().decode()},
            )
        async with pipeline:
            book = Book(pipeline, partitions=partitions, text=script)
            yield Scene(redis_url, database_url, book, engine, key, FROZEN_AT if frozen else AHEAD)
    finally:
        await engine.dispose()


def wall_ms() -> int:
    return time.time_ns() // 1_000_000
