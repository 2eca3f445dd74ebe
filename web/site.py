"""What the web application is made of: its dependencies come in as arguments, once, at the start."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from bidding.book import Book
from office.accounts import Accounts, Role
from office.banking.imports import Statements
from office.banking.notifications import Keys
from office.clock import Clock, utc_now
from office.contacts import Contacts
from office.files import Files
from office.marks import Marks
from office.messages.inbox import Inbox
from office.passwords import Passwords
from office.sealed.port import Sealed
from office.sessions import SessionDirectory
from office.ukeys import UKeys
from signing.signer import Signer
from trading.rehearsals import RehearsalRules
from trading.sales import Sales
from trading.sealing import Stamp
from web.jobs import Jobs
from web.languages import Catalogues
from web.limiting import ReaderLimits, SignInLimits
from web.trust import TrustKeeper

DOWNLOADS_AT_ONCE: Final = 8
"""Each holds a connection to the database; more wait, and then are asked to come back."""

Readiness = Callable[[], Awaitable[tuple[bool, Mapping[str, Any]]]]
"""Whether an acknowledged bid would be safe now, and the checks, for /readyz."""


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """An account of the demonstration; its password is public and stands on the sign-in page."""

    login: str
    password: str
    role: Role
    name: str
    pin: str = ""
    """Of the account's virtual UKey."""
    robot: bool = False
    """Robots bid with it, too."""


class DemoAssistant(Protocol):
    """The assistant of a demonstration, which runs on the same machine and lets its pages' visitors in."""

    @property
    def access(self) -> str:
        """What only paired browsers have elsewhere."""

    async def opening(self) -> str | None:
        """An address that lets one browser in to the assistant's own pages, once."""


@dataclass(frozen=True, slots=True)
class WebSettings:
    """`public_url` is what people type; `gateway_urls` are explicit public addresses, and without them the
    gateways listen on `gateway_ports` of the host that serves the page. `demo_accounts` only in demo mode."""

    public_url: str
    secret: SecretStr
    gateway_ports: tuple[int, ...] = ()
    gateway_urls: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    demo: bool = False
    demo_accounts: tuple[DemoAccount, ...] = ()
    resume_after_s: int = 60
    platform_name: str = "落槌国有资产网上拍卖平台"
    hotline: str = ""
    """Whom people call, as it is shown; "" when there is none."""
    bank_keys: Keys = field(default_factory=dict, repr=False)
    """The keys with which banks sign their notifications."""
    data_secret: SecretStr | None = None
    """Of boxes and marks, where it is another one than that of sessions."""
    bid_requires_ukey: bool = True
    rehearsal: RehearsalRules = field(default_factory=RehearsalRules)
    assistant: str = "http://127.0.0.1:17161"
    """Where the assistant listens on the visitor's own computer."""

    @property
    def secure(self) -> bool:
        return self.public_url.startswith("https://")


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What the application needs from outside. `redis` is a redis.asyncio client; `redis_url` is for the rate
    limits, which keep a connection of their own. `job_key` signs jobs for assistants, `stamp` asks for time
    stamps."""

    settings: WebSettings
    engine: AsyncEngine
    redis: Any
    redis_url: str
    book: Book
    readiness: Readiness
    files: Files
    job_key: Signer
    trust: TrustKeeper
    sealed: Sealed
    stamp: Stamp | None = None
    demo_assistant: DemoAssistant | None = None
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    clock: Clock = utc_now


class Metrics:
    """What the web counts. Labels are bounded: route patterns, never addresses; no lot, no person."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "luochui_web_requests",
            "Requests by route and status",
            ["route", "method", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "luochui_web_request_seconds", "Time to answer, by route", ["route"], registry=registry
        )
        self.sign_ins = Counter("luochui_web_sign_ins", "Sign-ins by outcome", ["outcome"], registry=registry)


@dataclass(frozen=True, slots=True)
class Site:
    """The dependencies, and what is built on them."""

    settings: WebSettings
    engine: AsyncEngine
    redis: Any
    book: Book
    readiness: Readiness
    registry: CollectorRegistry
    metrics: Metrics
    sessions: SessionDirectory
    accounts: Accounts
    passwords: Passwords
    limits: SignInLimits
    reader_limits: ReaderLimits
    catalogues: Catalogues
    downloads: asyncio.Semaphore
    ukeys: UKeys
    sales: Sales
    files: Files
    jobs: Jobs
    trust: TrustKeeper
    sealed: Sealed
    stamp: Stamp | None
    demo_assistant: DemoAssistant | None
    clock: Clock
    marks: Marks
    inbox: Inbox
    contacts: Contacts
    statements: Statements

    @classmethod
    def build(cls, deps: Dependencies) -> "Site":
        passwords = Passwords()
        marks = Marks((deps.settings.data_secret or deps.settings.secret).get_secret_value())
        return cls(
            settings=deps.settings,
            engine=deps.engine,
            redis=deps.redis,
            book=deps.book,
            readiness=deps.readiness,
            registry=deps.registry,
            metrics=Metrics(deps.registry),
            sessions=SessionDirectory(deps.redis),
            accounts=Accounts(deps.engine, passwords),
            passwords=passwords,
            limits=SignInLimits(deps.redis_url),
            reader_limits=ReaderLimits(deps.redis_url),
            catalogues=Catalogues.load(),
            downloads=asyncio.Semaphore(DOWNLOADS_AT_ONCE),
            ukeys=UKeys(deps.engine),
            sales=Sales(deps.engine),
            files=deps.files,
            jobs=Jobs(deps.redis, deps.job_key, deps.settings.public_url),
            trust=deps.trust,
            sealed=deps.sealed,
            stamp=deps.stamp,
            demo_assistant=deps.demo_assistant,
            clock=deps.clock,
            marks=marks,
            inbox=Inbox(deps.engine, marks),
            statements=Statements(deps.engine, deps.files),
            contacts=Contacts(deps.engine, marks, deps.settings.platform_name),
        )
