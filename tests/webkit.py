"""A whole web application on real servers, and visitors with cookies, for the tests of the pages."""

import asyncio
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import redis.asyncio
from jinja2 import FileSystemBytecodeCache
from pydantic import SecretStr

from bidding.book import Book
from bidding.clock import Tolerances
from bidding.closing import Closer
from bidding.keys import partition_of
from bidding.ledger.settlement import Settler
from bidding.ledger.writer import Writer
from bidding.lots import AssetClass, Offer
from bidding.pipeline import Pipeline
from bidding.terms import Fen, Terms
from office.accounts import Accounts, Role
from office.clock import utc_now
from office.database import create_engine
from office.files import Files
from office.passwords import hash_password
from office.sealed import SealedKey, Vault
from signing.sm2 import PrivateKey
from signing.sm3 import sm3
from tests.timekit import AHEAD, LEAPING, PATIENCE_S
from web import lot_search, pages
from web.application import create_app
from web.csrf import FIELD
from web.offer_form import Draft
from web.putting_on import put_on
from web.shown import BEIJING
from web.site import Dependencies, Site, WebSettings
from web.trust import TrustKeeper

PASSWORD = "a-password-of-the-tests"
UNHURRIED = Tolerances(beat_ms=30_000, ledger_ms=3_600_000)
"""A busy machine is no outage here; outages have tests of their own."""
OPENS_IN_MS = 20_000
LEAP_MS = 10_000
LOOK_AGAIN_S = 0.25
"""How often the platform's own work looks for something to do. More often, it takes the machine from what is
tested."""
ADDRESS = "http://auction.test"
PLATFORM = "http://127.0.0.1:8000"
"""The origin that assistants know: as https, or on this very computer, as here."""
COMPILED: Final = Path(__file__).parents[1] / ".pytest_cache" / "templates"
"""The templates of the pages as Jinja compiles them, by their text: for every worker, and the next run."""

COMPILED.mkdir(parents=True, exist_ok=True)
pages.Environment = partial(pages.Environment, bytecode_cache=FileSystemBytecodeCache(str(COMPILED)))


@cache
def password_hash() -> str:
    return hash_password(PASSWORD)


@dataclass
class Web:
    """The application under test, and what it stands on."""

    app: Any
    site: Site

    def visitor(self, **headers: str) -> "Visitor":
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url=ADDRESS, headers=headers)
        return Visitor(client)

    async def account(self, login: str, role: Role, name: str = "") -> int:
        return await Accounts(self.site.engine).create_hashed(login, password_hash(), role, name or login)

    async def signed_in(self, login: str, role: Role, name: str = "") -> "Visitor":
        """A new account, signed in through a session of its own (not through the form: that costs a hash)."""
        account = await self.account(login, role, name)
        visitor = self.visitor()
        cookie, _ = await self.site.sessions.start(account, role, name or login)
        visitor.client.cookies.set("luochui_session", cookie, domain=ADDRESS.removeprefix("http://"))
        return visitor


class Visitor:
    """A browser without scripts: it keeps cookies and sends forms with the token of the page."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self._token: tuple[frozenset[tuple[str, str]], str] | None = None
        """The cookies to which it is bound, and the token."""

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(path, **more)

    async def token(self) -> str:
        """As a page shows it; looked up again when a cookie has changed, as the token is bound to one."""
        if self._token is None or self._token[0] != self._cookies():
            page = await self.client.get("/")
            found = re.search(rf'name="{FIELD}" value="([0-9a-f]+)"', page.text)
            assert found, page.text[:500]
            self._token = self._cookies(), found.group(1)
        return self._token[1]

    def _cookies(self) -> frozenset[tuple[str, str]]:
        return frozenset((cookie.name, cookie.value or "") for cookie in self.client.cookies.jar)

    async def post(self, path: str, form: Mapping[str, str] | None = None, **more: Any) -> httpx.Response:
        return await self.client.post(path, data={**(form or {}), FIELD: await self.token()}, **more)

    async def post_and_follow(self, path: str, form: Mapping[str, str] | None = None) -> httpx.Response:
        answer = await self.post(path, form)
        assert answer.status_code == 303, (answer.status_code, answer.text[:2000])
        return await self.get(answer.headers["location"])


@asynccontextmanager
async def web_on(database: str, valkey: str, **settings: Any) -> AsyncIterator[Web]:
    """The application on these servers."""
    pipeline, text = Book.pipeline_for(valkey, UNHURRIED, prelude=LEAPING)
    engine = create_engine(database)
    folder = Path(tempfile.mkdtemp(prefix="luochui-web-"))
    stamp = settings.pop("stamp", None)
    trust = TrustKeeper(settings.pop("trust", folder / "no-authority"))
    clock = settings.pop("clock", utc_now)
    sealed = Vault(engine, settings.pop("sealed_key", None) or SealedKey.generate())

    async def ready() -> tuple[bool, Mapping[str, Any]]:
        return True, {"ready": True}

    client = redis.asyncio.Redis.from_url(valkey, decode_responses=True)
    async with pipeline, client:
        app = create_app(
            Dependencies(
                settings=WebSettings(
                    **{
                        "public_url": PLATFORM,
                        "secret": SecretStr("of the tests"),
                        "gateway_ports": (8001, 8002),
                        **settings,
                    }
                ),
                engine=engine,
                redis=client,
                redis_url=valkey,
                book=Book(pipeline, partitions=16, text=text),
                readiness=ready,
                files=Files.at(folder / "files", digest=sm3),
                job_key=PrivateKey.generate(),
                trust=trust,
                sealed=sealed,
                stamp=stamp,
                clock=clock,
            )
        )
        yield Web(app, app.state.site)
    await engine.dispose()
    shutil.rmtree(folder)


@asynccontextmanager
async def service(web: Web, database: str, valkey: str) -> AsyncIterator[None]:
    """The rest of the platform, as small as it gets: beats, the closer, the ledger writer, the settlement."""
    book, key, stop = web.site.book, PrivateKey.generate(), asyncio.Event()
    log = Pipeline(valkey)
    writer = Writer(
        database_url=database,
        log=log,
        book=book,
        key=key,
        clock_ms=lambda: time.time_ns() // 1_000_000,
    )
    settler = Settler(engine=web.site.engine, book=book, key=key)

    async def beat() -> None:
        while True:
            await asyncio.gather(*(book.beat(partition, "test") for partition in range(book.partitions)))
            await asyncio.sleep(LOOK_AGAIN_S)

    async def settle() -> None:
        while True:
            await settler.round()
            await asyncio.sleep(LOOK_AGAIN_S)

    with psycopg.connect(database) as connection:
        public = key.public_key
        connection.execute(
            "INSERT INTO ledger_keys (id, pem) VALUES (%s, %s)", (public.key_id, public.to_pem().decode())
        )
    async with log:
        tasks = [
            asyncio.create_task(work)
            for work in (beat(), Closer(book, tick_ms=round(1_000 * LOOK_AGAIN_S)).run(), settle())
        ]
        recording = asyncio.create_task(writer.run(stop))
        try:
            yield
        finally:
            stop.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            async with asyncio.timeout(PATIENCE_S):
                await recording


async def until(true: Callable[[], Awaitable[bool]], within_s: float = PATIENCE_S) -> None:
    """Wait for something that comes by itself."""
    async with asyncio.timeout(within_s):
        while not await true():
            await asyncio.sleep(0.05)


async def phase_is(web: Web, lot: str, *phases: str) -> None:
    """Wait until the record has the lot in one of these phases; the book's time leaps to what is due."""

    async def there() -> bool:
        known = await web.site.book.fields(lot, "phase", "deadline")
        if known.get("phase") not in phases:
            await _leap_towards(web.site.book, lot, int(known.get("deadline", "0")))
        found = await lot_search.one(web.site.engine, lot)
        return found is not None and found.phase in phases

    await until(there)


async def _leap_towards(book: Book, lot: str, moment: int) -> None:
    """Nearer to this moment, and no further than a beat of every partition reaches: time leaps for all."""
    now, _ = await book.observe(partition_of(lot, book.partitions))
    oldest = min([await book.beat_at(partition) for partition in range(book.partitions)])
    if now < moment and now - oldest < LEAP_MS:
        connection = await book.pipeline.ready()
        await connection.ask("INCRBY", AHEAD, str(min(moment - now, LEAP_MS)))


def offer(lot: str, /, **changes: str) -> dict[str, str]:
    """A sound form for putting on a lot that opens in an hour."""
    opens = datetime.now(BEIJING) + timedelta(hours=1)
    return {
        "lot": lot,
        "title": "测试标的一辆",
        "asset_class": "physical",
        "place": "吉首市",
        "description": "公务车一辆，按现状交付。",
        "transferor": "甲方示例单位",
        "starting_price": "12,000.00",
        "increment": "100",
        "max_steps": "50",
        "reserve": "",
        "opens_at": f"{opens:%Y-%m-%dT%H:%M:%S}",
        "inquiry_s": "240",
        "window_s": "240",
        "inquiry_mode": "passive",
        "priority_mode": "none",
        **changes,
    }


async def put_on_soon(
    web: Web, lot: str, *, reserve: int | None = None, inquiry_ms: int = 300, **terms: Any
) -> None:
    """Put a lot on, past the form. There is time to do something before it opens: `phase_is` leaps."""
    draft = Draft(
        Offer(
            terms=Terms(
                lot=lot, starting_price=Fen(1_000_000), increment=Fen(10_000), inquiry_ms=inquiry_ms, **terms
            ),
            opens_at=(await web.site.book.observe(0))[0] + OPENS_IN_MS,
            title="测试标的一辆",
            asset_class=AssetClass.PHYSICAL,
            transferor="甲方示例单位",
        ),
        Fen(reserve) if reserve else None,
    )
    await put_on(web.site.engine, web.site.book, web.site.sealed, draft)
