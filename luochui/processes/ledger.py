"""The ledger's process: the writer, settlement, and the platform's key, which no other process reads."""

import asyncio
import contextlib
import time
from pathlib import Path

import psycopg
import redis.asyncio
import structlog
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncEngine

from bidding.book import Book
from bidding.ledger.gauges import LedgerMetrics
from bidding.ledger.settlement import Settler
from bidding.ledger.trimming import note_positions
from bidding.ledger.writer import Writer
from bidding.pipeline import Pipeline
from luochui.operations.log_keeping import trim_log
from luochui.processes.wiring import open_book, run_until_stopped
from luochui.settings import Settings
from office.database import create_engine
from signing.sm2 import PrivateKey, PublicKey, load_or_create

log = structlog.get_logger(__name__)

DRAIN_WITHIN_S = 10.0
METRICS_KEY = "luochui:metrics:ledger"
METRICS_EVERY_S = 2.0
METRICS_LIVE_S = 10
FIRST_TRIM_AFTER_S = 60.0
TRIM_EVERY_S = 3_600.0
KEY_FILE = "ledger.pem"
TRUST = "trust"


def main(settings: Settings, index: int = 0) -> None:
    """Run until SIGTERM, then catch up (DRAIN_WITHIN_S at most). A second one stands by until then."""

    async def work(stop: asyncio.Event) -> None:
        key = platform_key(settings)
        engine = create_engine(settings.required_database_url(), pool_size=2)
        try:
            async with open_book(settings) as book, Pipeline(settings.required_redis_url()) as entries:
                await _run(settings, engine, book, entries, key, stop)
        finally:
            await engine.dispose()

    run_until_stopped(work)


async def _run(
    settings: Settings,
    engine: AsyncEngine,
    book: Book,
    entries: Pipeline,
    key: PrivateKey,
    stop: asyncio.Event,
) -> None:
    metrics = LedgerMetrics()
    url = settings.required_database_url()
    writer = Writer(
        database_url=url, log=entries, book=book, key=key, clock_ms=wall_clock_ms, metrics=metrics
    )
    settler = Settler(engine=engine, book=book, key=key, metrics=metrics)
    beside = [
        asyncio.create_task(settler.run(writer.ended)),
        asyncio.create_task(_show(settings.required_redis_url(), metrics)),
        asyncio.create_task(_keep_short(settings, book)),
    ]
    writing = asyncio.create_task(writer.run(stop))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({writing, stopping, *beside}, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    _, late = await asyncio.wait({writing}, timeout=DRAIN_WITHIN_S)
    if late:
        log.warning("ledger_did_not_catch_up", within_s=DRAIN_WITHIN_S)
    for task in (writing, stopping, *beside):
        task.cancel()
    ended = await asyncio.gather(writing, stopping, *beside, return_exceptions=True)
    for fault in ended:
        if isinstance(fault, Exception):
            raise fault


async def _show(redis_url: str, metrics: LedgerMetrics) -> None:
    """Put the metrics where whoever serves /metrics finds them."""
    async with redis.asyncio.Redis.from_url(redis_url, socket_timeout=2) as client:
        while True:
            with contextlib.suppress(RedisError, OSError):
                await client.set(METRICS_KEY, metrics.text(), ex=METRICS_LIVE_S)
            await asyncio.sleep(METRICS_EVERY_S)


async def _keep_short(settings: Settings, book: Book) -> None:
    """Trim the log now and then. Whatever goes wrong with it, the recording goes on."""
    await asyncio.sleep(FIRST_TRIM_AFTER_S)
    while True:
        try:
            await note_positions(book, settings.required_database_url())
            removed = await trim_log(settings, book, wall_clock_ms())
        except Exception:
            log.exception("log_not_trimmed")
        else:
            if removed:
                log.info("log_trimmed", entries=sum(removed.values()))
        await asyncio.sleep(TRIM_EVERY_S)


def platform_key(settings: Settings) -> PrivateKey:
    """The platform's key, made at the first start. Its public half is put among this machine's trusted keys
    and into the database, from where the ledger files take it."""
    settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = load_or_create(settings.keys / KEY_FILE)
    _publish(key.public_key, settings.data / TRUST, settings.required_database_url())
    return key


def _publish(key: PublicKey, folder: Path, database_url: str) -> None:
    pem = key.to_pem()
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    path = folder / f"{key.key_id}.pem"
    if not path.exists():
        path.write_bytes(pem)
    with psycopg.connect(database_url, connect_timeout=10, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO ledger_keys (id, pem) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (key.key_id, pem.decode()),
        )


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000
