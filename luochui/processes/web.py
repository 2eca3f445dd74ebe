"""The web process: pages over HTTP. Composition only; the pages are in web/."""

from collections.abc import Mapping
from typing import Any

import redis.asyncio
import uvicorn
import uvloop
from prometheus_client import REGISTRY
from pydantic import SecretStr
from starlette.types import ASGIApp

from bidding.book import Book
from certificates.catalogue.store import ensure_defaults as ensure_catalogue
from luochui.operations.pulse import probes
from luochui.operations.readiness import readiness
from luochui.processes.patience import BoundedRequests
from luochui.processes.wiring import clock_of, open_book
from luochui.settings import Settings
from luochui.vaults import asking
from office.banking.banks import banks
from office.banking.notifications import Keys, read_keys
from office.banking.signed import sign
from office.database import create_engine
from office.files import Files
from signing.sm2 import PrivateKey, load_or_create
from signing.sm3 import sm3
from signing.timestamp import stamp_over_http
from trading.profiles.store import ensure_defaults
from trading.rehearsals import RehearsalRules
from web.application import create_app
from web.site import DemoAssistant, Dependencies, Readiness, WebSettings
from web.trust import TrustKeeper

JOB_KEY = "jobs.pem"
GRACE_S = 5
KEEP_ALIVE_S = 5
MOST_REQUESTS_AT_ONCE = 500
REDIS_WITHIN_S = 5.0


def main(settings: Settings, index: int = 0) -> None:
    """Serve until SIGTERM or SIGINT; requests under way get a moment to finish."""
    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    engine = create_engine(settings.required_database_url())
    client = redis.asyncio.Redis.from_url(
        settings.required_redis_url(),
        decode_responses=True,
        socket_timeout=REDIS_WITHIN_S,
        socket_connect_timeout=REDIS_WITHIN_S,
    )
    try:
        async with engine.begin() as connection:
            await ensure_defaults(connection, clock_of(settings)())
            await ensure_catalogue(connection, clock_of(settings)())
        async with open_book(settings) as book, client:
            app = create_app(
                Dependencies(
                    settings=web_settings(settings),
                    engine=engine,
                    redis=client,
                    redis_url=settings.required_redis_url(),
                    book=book,
                    readiness=_readiness(settings, book),
                    files=Files.at(settings.kept_files(), digest=sm3),
                    job_key=_job_key(settings),
                    trust=TrustKeeper(settings.trust()),
                    sealed=asking(settings),
                    demo_assistant=_demo_assistant(settings),
                    stamp=stamp_over_http(settings.tsa_url) if settings.tsa_url else None,
                    registry=REGISTRY,
                    clock=clock_of(settings),
                )
            )
            await uvicorn.Server(server_config(app, settings)).serve()
    finally:
        await engine.dispose()


def server_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """How the pages are served. Proxies are believed only where the settings name them."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=BoundedRequests,
        ws="none",  # the gateways' business
        access_log=False,  # web.headers writes one line a request, without persons
        log_config=None,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        limit_concurrency=MOST_REQUESTS_AT_ONCE,
        h11_max_incomplete_event_size=32 * 1024,
    )


def web_settings(settings: Settings) -> WebSettings:
    """What the pages need to know of the installation."""
    return WebSettings(
        public_url=settings.origins[0] if settings.origins else settings.address(),
        secret=SecretStr(settings.required_session_secret()),
        data_secret=SecretStr(settings.required_data_secret()),
        gateway_ports=tuple(settings.gateway_port(index) for index in range(settings.gateways)),
        gateway_urls=settings.gateway_urls,
        origins=settings.origins,
        demo=settings.demo,
        bid_requires_ukey=settings.bid_requires_ukey,
        rehearsal=RehearsalRules(
            per_day=settings.rehearsals_per_day, window_ms=settings.rehearsal_window_s * 1000
        ),
        assistant=f"http://127.0.0.1:{settings.assistant_port}",
        demo_accounts=_demo_accounts(settings),
        resume_after_s=max(1, settings.resume_after_ms // 1000),
        platform_name=settings.platform_name,
        hotline=settings.hotline,
        bank_keys=_bank_keys(settings),
    )


def _bank_keys(settings: Settings) -> Keys:
    """With which banks sign; those of a demonstration are made of its own secret."""
    given = read_keys(settings.bank_keys.get_secret_value() if settings.bank_keys else "")
    if not settings.demo:
        return given
    secret = SecretStr(settings.required_session_secret())
    made = {
        bank.id: (SecretStr(sign(secret, "bank", bank.id, b"")),)
        for bank in banks().values()
        if bank.notifies
    }
    return made | given


def _job_key(settings: Settings) -> PrivateKey:
    """What signs jobs for assistants. Webs on several machines need the same file: people paired with it."""
    settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    return load_or_create(settings.keys / JOB_KEY)


def _demo_accounts(settings: Settings) -> tuple[Any, ...]:
    if not settings.demo:
        return ()
    from luochui import demo

    return tuple(demo.accounts())


def _demo_assistant(settings: Settings) -> DemoAssistant | None:
    if not settings.demo:
        return None
    from luochui import demo_assistant

    return demo_assistant.DemoAssistant(settings)


def _readiness(settings: Settings, book: Book) -> Readiness:
    async def ask() -> tuple[bool, Mapping[str, Any]]:
        report = await readiness(settings, more=probes(book, settings))
        return report.ready, report.as_json()

    return ask
