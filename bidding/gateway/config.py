"""What a gateway is told when it begins: its settings, and the ports to sessions, paddles and lots."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

from bidding.gateway.guest import MESSAGES, SignedIn
from bidding.gateway.limits import Rate
from bidding.gateway.server import Limits


class Sessions(Protocol):
    """Who is signed in."""

    async def signed_in(self, cookie: str, /) -> SignedIn | None: ...

    async def living(self, session_ids: Collection[str], /) -> Collection[str]: ...

    async def open_probe(self) -> str:
        """A session for the gateway's own probes; its id."""


PaddleOf = Callable[[str, int], Awaitable[tuple[str, int] | None]]
"""(lot, account) -> the account's paddle there and the rank of its priority right."""
LiveLots = Callable[[], Awaitable[Collection[str]]]
"""Lots that have not ended, for the board."""


async def no_lots() -> Collection[str]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """`url` is what browsers connect to; `web_port` is the port of the pages, whose origin is allowed."""

    id: str
    redis_url: str
    host: str = "127.0.0.1"
    port: int = 0
    url: str = ""
    web_port: int = 0
    origins: frozenset[str] = frozenset()
    tolerance_ms: int = 1_000
    probe_every_s: float = 0.25
    bid_rate: Rate = field(default_factory=lambda: Rate(per_second=5, burst=10))
    message_rate: Rate = MESSAGES
    limits: Limits = field(default_factory=Limits)
    plain: bool = False
    bid_requires_ukey: bool = True
    """Whether a session that began with a password alone may only look."""
