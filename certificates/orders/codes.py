"""One-time codes by SMS: consent to an order, and the query of orders without an account.

A code is six digits, lives for LIVES, may be tried TRIES times, and is kept as a keyed hash. What the address
is, no table knows: it waits in the letter's box. Sends are bounded by address and by what the code is for.
Source: spec/certificates.md, "send again after 60 s".
"""

import json
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from certificates.orders.boxes import OrderBoxes
from office.marks import Marks
from office.messages.delivering import BOX
from office.messages.kinds import CHINESE

LIVES: Final = timedelta(minutes=10)
PAUSE: Final = timedelta(seconds=60)
TRIES: Final = 5
WINDOW: Final = timedelta(hours=1)
MOST_IN_WINDOW: Final = 5
MOST_IN_A_DAY: Final = 15
"""To one address: a code is not a way to ring somebody's telephone."""
ONE_TIME: Final = "certificate.one_time"
_TICKET: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_CODE: Final = re.compile(r"[0-9]{6}")


class CodePurpose(StrEnum):
    CONSENT = "consent"
    QUERY = "query"
    CHOOSE = "choose"
    """To name the certificate that was lost."""
    UNLOCK = "unlock"
    """The authorization code with which a UKey gets a new PIN."""
    BEGIN = "begin"
    """Signing in with a telephone, where the channel needs no account."""


class TooSoon(Exception):
    """Too many codes; `wait_s`: when the next may be asked for."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"wait {wait_s} s")
        self.wait_s = wait_s


class WrongCode(Exception):
    """Not this code, or it is used, too old, or was tried too often: one answer for all."""


class NoCode(WrongCode):
    """None was sent, or what was sent may not be used any more."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent: `phone` None sends nothing, and looks and costs the same."""

    phone: str | None = field(repr=False)
    address_mark: str
    platform: str
    locale: str


_LATEST: Final = text(
    "SELECT made_at FROM order_codes WHERE made_at > :since AND purpose = :purpose"
    " AND (address_mark = :address_mark OR bound_to = :bound_to) ORDER BY made_at DESC LIMIT :most"
)
_MAKE: Final = text(
    "INSERT INTO order_codes"
    " (ticket, purpose, bound_to, version, address_mark, code_hash, made_at, expires_at) VALUES"
    " (:ticket, :purpose, :bound_to, :version, :address_mark, :code_hash, :now, :expires_at)"
)
_TRY: Final = text(
    "UPDATE order_codes SET tries = tries + 1 WHERE ticket = :ticket AND purpose = :purpose"
    " AND bound_to = :bound_to AND version = :version"
    " AND used_at IS NULL AND expires_at > :now AND tries < :tries"
    " RETURNING address_mark, code_hash"
)
_CURRENT: Final = text(
    "SELECT ticket, made_at FROM order_codes WHERE purpose = :purpose AND bound_to = :bound_to"
    " AND version = :version AND used_at IS NULL AND expires_at > :now ORDER BY made_at DESC LIMIT 1"
)
_USE: Final = text("UPDATE order_codes SET used_at = :now WHERE ticket = :ticket AND used_at IS NULL")
_LETTER: Final = text(
    "INSERT INTO deliveries (key, channel, kind, box, state, next_at, made_at)"
    " VALUES (:key, 'sms', :kind, :box, :state, :next_at, :now)"
)
_SWEEP: Final = text("DELETE FROM order_codes WHERE expires_at < :before")
_SWEEP_LETTERS: Final = text(
    "DELETE FROM deliveries WHERE kind LIKE 'certificate.%' AND account_id IS NULL"
    " AND made_at < :before AND next_at IS NULL"
)


class Codes:
    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._boxes = OrderBoxes(marks)

    async def send(
        self,
        connection: AsyncConnection,
        purpose: CodePurpose,
        bound_to: str,
        letter: Letter,
        now: datetime,
        *,
        version: int = 0,
    ) -> str:
        """The ticket to present with the code. `bound_to`: the order, or the question. `version`: of what the
        code agrees to; changed since, it is worth nothing. Raises TooSoon."""
        await self._check_pace(connection, purpose, bound_to, letter.address_mark, now)
        ticket, code = secrets.token_urlsafe(32), f"{secrets.randbelow(1_000_000):06d}"
        row: dict[str, Any] = {"ticket": ticket, "purpose": str(purpose), "bound_to": bound_to, "now": now}
        row |= {"version": version, "address_mark": letter.address_mark, "expires_at": now + LIVES}
        await connection.execute(_MAKE, row | {"code_hash": self._boxes.code_hash(ticket, code)})
        await post(connection, self._marks, letter, _content(purpose, code, letter.locale), now)
        return ticket

    async def current(
        self,
        connection: AsyncConnection,
        purpose: CodePurpose,
        bound_to: str,
        now: datetime,
        *,
        version: int = 0,
    ) -> tuple[str, int]:
        """The ticket of the last code that may still be used ("": none); seconds until the next send."""
        values = {"purpose": str(purpose), "bound_to": bound_to, "version": version, "now": now}
        row = (await connection.execute(_CURRENT, values)).first()
        if row is None:
            return "", 0
        return row.ticket, max(0, int((row.made_at + PAUSE - now).total_seconds()) + 1)

    async def prove(
        self,
        connection: AsyncConnection,
        purpose: CodePurpose,
        bound_to: str,
        ticket: str,
        code: str,
        now: datetime,
        *,
        version: int = 0,
    ) -> str:
        """Use a code; the mark of the address that it went to. Raises WrongCode: the try counts if the caller
        commits, so a wrong code is told after the commit. Raises NoCode without a ticket."""
        if not ticket:
            raise NoCode
        row = None
        if _TICKET.fullmatch(ticket) and _CODE.fullmatch(code):
            values = {"ticket": ticket, "purpose": str(purpose), "bound_to": bound_to, "version": version}
            row = (await connection.execute(_TRY, {**values, "now": now, "tries": TRIES})).one_or_none()
        if row is None or not secrets.compare_digest(row.code_hash, self._boxes.code_hash(ticket, code)):
            raise WrongCode
        await connection.execute(_USE, {"ticket": ticket, "now": now})
        return str(row.address_mark)

    async def _check_pace(
        self,
        connection: AsyncConnection,
        purpose: CodePurpose,
        bound_to: str,
        address_mark: str,
        now: datetime,
    ) -> None:
        """One at a time for an address: the lock lasts until the code is written.

        Each purpose has a count of its own: else the query would tell that somebody consents at the moment.
        """
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:mark, 1330660681))")
        await connection.execute(lock, {"mark": address_mark})
        values: dict[str, Any] = {"purpose": str(purpose), "bound_to": bound_to}
        values |= {"address_mark": address_mark, "since": now - timedelta(days=1), "most": MOST_IN_A_DAY}
        made = list((await connection.execute(_LATEST, values)).scalars())
        in_window = [at for at in made if at > now - WINDOW]
        if made and now - made[0] < PAUSE:
            raise TooSoon(int((made[0] + PAUSE - now).total_seconds()) + 1)
        if len(in_window) >= MOST_IN_WINDOW:
            raise TooSoon(int((in_window[MOST_IN_WINDOW - 1] + WINDOW - now).total_seconds()) + 1)
        if len(made) >= MOST_IN_A_DAY:
            raise TooSoon(int((made[-1] + timedelta(days=1) - now).total_seconds()) + 1)


async def post(
    connection: AsyncConnection,
    marks: Marks,
    letter: Letter,
    content: str,
    now: datetime,
    *,
    kind: str = ONE_TIME,
) -> None:
    """An SMS to a telephone that is no account's; nobody's is a row that is never sent."""
    written = {"address": letter.phone or "", "subject": letter.platform, "content": content}
    row: dict[str, Any] = {"key": f"o{secrets.token_hex(16)}", "kind": kind, "now": now}
    row["box"] = marks.box(BOX, json.dumps(written).encode())
    row |= {"state": "waiting" if letter.phone else "no_address", "next_at": now if letter.phone else None}
    await connection.execute(_LETTER, row)


async def sweep(connection: AsyncConnection, now: datetime) -> int:
    """Forget codes that are long out of date."""
    before = {"before": now - timedelta(days=2)}
    await connection.execute(_SWEEP_LETTERS, before)
    return int((await connection.execute(_SWEEP, before)).rowcount)


def _content(purpose: CodePurpose, code: str, locale: str) -> str:
    minutes = int(LIVES.total_seconds()) // 60
    if locale in ("", CHINESE):
        use = {
            CodePurpose.CONSENT: "确认数字证书申请",
            CodePurpose.QUERY: "查询数字证书订单",
            CodePurpose.CHOOSE: "选择要补办的数字证书",
            CodePurpose.UNLOCK: "解锁 UKey、重设密码",
            CodePurpose.BEGIN: "申请数字证书",
        }[purpose]
        return f"验证码 {code}，用于{use}，{minutes} 分钟内有效。请勿告诉任何人，工作人员也不会向您索要。"
    use = {
        CodePurpose.CONSENT: "consent to your certificate application",
        CodePurpose.QUERY: "look up your certificate orders",
        CodePurpose.CHOOSE: "name the certificate that was lost",
        CodePurpose.UNLOCK: "unlock your UKey and give it a new PIN",
        CodePurpose.BEGIN: "apply for a certificate",
    }[purpose]
    return f"{code} is your code to {use}; it works for {minutes} minutes. Never tell it to anybody."
