"""Where and how an account was signed in to: a history for its owner, and traces for who looks for collusion.

The history has the first half of the network's address and the kind of browser. The traces are keyed hashes
of address and device: they say whether two accounts were the same, never what they were, and are looked at by
regulators after a lot has closed, each look on record (trading/patterns.py).
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.marks import Marks

SHOWN: Final = 50
KEPT: Final = 200
"""Of one account."""
_MARK: Final = 32
_BROWSERS: Final = (
    (re.compile(r"MicroMessenger"), "微信"),
    (re.compile(r"Edg(?:e|A|iOS)?/"), "Edge"),
    (re.compile(r"Firefox/|FxiOS/"), "Firefox"),
    (re.compile(r"360SE|QIHU|QihooBrowser"), "360"),
    (re.compile(r"Chrome/|CriOS/"), "Chrome"),
    (re.compile(r"Safari/"), "Safari"),
)
_SYSTEMS: Final = (
    (re.compile(r"Android"), "Android"),
    (re.compile(r"iPhone|iPad"), "iOS"),
    (re.compile(r"Windows"), "Windows"),
    (re.compile(r"Mac OS X"), "macOS"),
    (re.compile(r"Linux|UOS|Kylin"), "Linux"),
)


class Outcome(StrEnum):
    PASSWORD = "password"  # noqa: S105 - how somebody signed in
    UKEY = "ukey"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class SignIn:
    at: datetime
    outcome: Outcome
    network: str
    browser: str


@dataclass(frozen=True, slots=True)
class Seen:
    """From where somebody comes: the address, the browser's random name, what it says of itself."""

    address: str
    device: str
    browser: str


_ADD: Final = text(
    "INSERT INTO sign_ins (account_id, at, outcome, network, browser)"
    " VALUES (:account_id, :at, :outcome, :network, :browser)"
)
_TRIM: Final = text(
    "DELETE FROM sign_ins WHERE account_id = :account_id AND id <="
    " (SELECT id FROM sign_ins WHERE account_id = :account_id ORDER BY id DESC OFFSET :kept LIMIT 1)"
)
_TRACE: Final = text(
    "INSERT INTO traces (account_id, day, address_mark, device_mark)"
    " VALUES (:account_id, :day, :address_mark, :device_mark) ON CONFLICT DO NOTHING"
)
_OF: Final = text(
    "SELECT at, outcome, network, browser FROM sign_ins WHERE account_id = :account_id"
    " ORDER BY id DESC LIMIT :most"
)


class SignIns:
    """Every method is one transaction of its own."""

    def __init__(self, engine: AsyncEngine, marks: Marks) -> None:
        self._engine = engine
        self._marks = marks

    async def note(self, account_id: int, outcome: Outcome, seen: Seen, now: datetime) -> None:
        """Somebody signed in, or tried to with a wrong password (which leaves no trace of the device)."""
        row = {"account_id": account_id, "at": now, "outcome": str(outcome)}
        row |= {"network": network(seen.address), "browser": browser(seen.browser)}
        async with self._engine.begin() as connection:
            await connection.execute(_ADD, row)
            await connection.execute(_TRIM, {"account_id": account_id, "kept": KEPT})
            if outcome is not Outcome.WRONG:
                await connection.execute(_TRACE, self._trace(account_id, seen, now))

    async def trace(self, account_id: int, seen: Seen, now: datetime) -> None:
        """Somebody is in a room: which one is not noted."""
        async with self._engine.begin() as connection:
            await connection.execute(_TRACE, self._trace(account_id, seen, now))

    async def of(self, account_id: int) -> Sequence[SignIn]:
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_OF, {"account_id": account_id, "most": SHOWN})).all()
        return [SignIn(row.at, Outcome(row.outcome), row.network, row.browser) for row in rows]

    def _trace(self, account_id: int, seen: Seen, now: datetime) -> dict[str, object]:
        return {
            "account_id": account_id,
            "day": now.date(),
            "address_mark": self._marks.mark("address", seen.address)[:_MARK],
            "device_mark": self._marks.mark("device", seen.device)[:_MARK],
        }


def network(address: str) -> str:
    """The first half of an address: enough to recognize one's own, not to find a house."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "—"
    if isinstance(parsed, ipaddress.IPv6Address):
        return ":".join(parsed.exploded.split(":")[:3]) + ":*"
    return ".".join(address.split(".")[:2]) + ".*.*"


def browser(user_agent: str) -> str:
    """ "Chrome · Windows"; "—" for what says nothing of itself."""
    shown = user_agent[:400]
    parts = (
        next((name for form, name in forms if form.search(shown)), "") for forms in (_BROWSERS, _SYSTEMS)
    )
    return " · ".join(part for part in parts if part) or "—"
