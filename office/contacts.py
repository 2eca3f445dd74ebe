"""E-mail and phone of an account, each proved by a one-time code; and the way back to a forgotten password.

A code is six digits, lives for LIVES, may be tried TRIES times and is kept as a keyed hash; the letter with
it waits in a box that only this platform opens. How many codes an address or an account gets is limited. Who
asks for a code to recover a password learns nothing: whether the account exists, whether it has this contact
and whether a code was sent all look the same, and cost the same.
"""

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import phonenumbers
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.accounts import STAFF
from office.marks import Marks
from office.messages.delivering import BOX
from office.messages.kinds import CHINESE, Channel

LIVES: Final = timedelta(minutes=10)
TRIES: Final = 5
PAUSE: Final = timedelta(seconds=60)
"""Between two codes to the same address or for the same account."""
MOST_IN_WINDOW: Final = 5
WINDOW: Final = timedelta(hours=1)
LONGEST_EMAIL: Final = 254
_EMAIL: Final = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}")
_TYPED_PHONE: Final = re.compile(r"[0-9+() -]{5,30}")
_TICKET: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_CODE: Final = re.compile(r"[0-9]{6}")


class Purpose(StrEnum):
    VERIFY = "verify"
    RECOVER = "recover"
    REGISTER = "register"
    """To open an account with the telephone that gets the code."""


class TooSoon(Exception):
    """Too many codes; try again after `wait_s` seconds."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"wait {wait_s} s")
        self.wait_s = wait_s


class WrongCode(Exception):
    """Not this code, or it is used, too old, or was tried too often: one answer for all."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A verified address."""

    channel: Channel
    address: str = field(repr=False)
    verified_at: datetime

    @property
    def masked(self) -> str:
        return masked(self.channel, self.address)


@dataclass(frozen=True, slots=True)
class Proved:
    """What a code proved: this account (None: nobody's) answers at this address."""

    account_id: int | None
    channel: Channel
    address: str = field(repr=False)


_LATEST_OF: Final = text(
    "SELECT made_at FROM contact_codes WHERE made_at > :since"
    " AND (address = :address OR account_id = :account_id) ORDER BY made_at DESC LIMIT :most"
)
_MAKE: Final = text(
    "INSERT INTO contact_codes"
    " (ticket, purpose, account_id, channel, address, code_hash, made_at, expires_at)"
    " VALUES (:ticket, :purpose, :account_id, :channel, :address, :code_hash, :now, :expires_at)"
)
_LETTER: Final = text(
    "INSERT INTO deliveries (key, channel, account_id, kind, box, state, next_at, made_at)"
    " VALUES (:key, :channel, :account_id, 'account.one_time', :box, :state, :next_at, :now)"
)
_TRY: Final = text(
    "UPDATE contact_codes SET tries = tries + 1 WHERE ticket = :ticket AND purpose = :purpose"
    " AND used_at IS NULL AND expires_at > :now AND tries < :tries"
    " RETURNING id, account_id, channel, address, code_hash"
)
_USE: Final = text("UPDATE contact_codes SET used_at = :now WHERE id = :id AND used_at IS NULL")
_SET: Final = text(
    "INSERT INTO contacts (account_id, channel, address, verified_at)"
    " VALUES (:account_id, :channel, :address, :now)"
    " ON CONFLICT (account_id, channel) DO UPDATE SET address = :address, verified_at = :now"
)
_OF_PHONE: Final = text("SELECT count(*) FROM contacts WHERE channel = 'sms' AND address = :address")
_OF: Final = text(
    "SELECT channel, address, verified_at FROM contacts WHERE account_id = :account_id ORDER BY channel"
)
_RECOVERABLE: Final = text(
    "SELECT a.id, a.locale FROM accounts a JOIN contacts c ON c.account_id = a.id"
    " WHERE a.login = :login AND c.channel = :channel AND c.address = :address"
    " AND NOT a.disabled AND NOT a.role = ANY(:staff)"
)
_SWEEP_LETTERS: Final = text(
    "DELETE FROM deliveries WHERE kind = 'account.one_time' AND made_at < :before AND next_at IS NULL"
)
_SWEEP: Final = text("DELETE FROM contact_codes WHERE expires_at < :before")


def email(typed: str) -> str | None:
    """An e-mail address in the form that is kept; None for what is none."""
    trimmed = typed.strip()
    if len(trimmed) > LONGEST_EMAIL or not _EMAIL.fullmatch(trimmed):
        return None
    name, _, domain = trimmed.rpartition("@")
    return f"{name}@{domain.lower()}"


def phone(typed: str) -> str | None:
    """A mobile number as +86…; None for what can't get an SMS."""
    if not _TYPED_PHONE.fullmatch(typed.strip()):
        return None
    try:
        number = phonenumbers.parse(typed, "CN")
    except phonenumbers.NumberParseException:
        return None
    mobile = phonenumbers.number_type(number) in (
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    )
    if not (phonenumbers.is_valid_number(number) and mobile):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def address_of(channel: Channel, typed: str) -> str | None:
    return email(typed) if channel is Channel.EMAIL else phone(typed)


def masked(channel: Channel, address: str) -> str:
    """Enough to know one's own: z***@example.cn, 138****5678; +85251****4567."""
    if channel is Channel.EMAIL:
        name, _, domain = address.rpartition("@")
        return f"{name[:1]}***@{domain}"
    begins = address[3:6] if address.startswith("+86") else address[:6]
    return f"{begins}****{address[-4:]}"


class Contacts:
    """`name`: of the platform, as codes are signed with it."""

    def __init__(self, engine: AsyncEngine, marks: Marks, name: str) -> None:
        self._engine = engine
        self._marks = marks
        self._name = name

    async def of(self, account_id: int) -> Sequence[Contact]:
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_OF, {"account_id": account_id})).all()
        return [Contact(Channel(row.channel), row.address, row.verified_at) for row in rows]

    async def ask_to_verify(
        self, account_id: int, channel: Channel, address: str, locale: str, now: datetime
    ) -> str:
        """Send a code to a new address of one's own; the ticket to present with it. Raises TooSoon."""
        async with self._engine.begin() as connection:
            return await self._order(connection, Purpose.VERIFY, account_id, channel, address, locale, now)

    async def ask_to_recover(
        self, login: str, channel: Channel, address: str, locale: str, now: datetime
    ) -> str:
        """A ticket in any case; a code only if the account has this verified contact. Raises TooSoon.

        Not for administrators: what takes two of them would take one who reads another's telephone.
        """
        values: dict[str, Any] = {"login": login, "channel": str(channel), "address": address}
        values["staff"] = sorted(STAFF)
        async with self._engine.begin() as connection:
            row = (await connection.execute(_RECOVERABLE, values)).one_or_none()
            account_id, spoken = (None, locale) if row is None else (row.id, row.locale or locale)
            return await self._order(connection, Purpose.RECOVER, account_id, channel, address, spoken, now)

    async def ask_to_register(self, address: str, locale: str, now: datetime) -> str:
        """Send a code to a telephone with which somebody opens an account; the ticket. Raises TooSoon."""
        async with self._engine.begin() as connection:
            return await self._order(connection, Purpose.REGISTER, None, Channel.SMS, address, locale, now)

    async def registered(self, ticket: str, code: str, now: datetime) -> str:
        """The telephone that was proved. Raises WrongCode."""
        return (await self._proved(Purpose.REGISTER, ticket, code, now)).address

    async def accounts_with(self, phone_number: str) -> int:
        """How many accounts have verified this telephone."""
        async with self._engine.connect() as connection:
            return int(await connection.scalar(_OF_PHONE, {"address": phone_number}) or 0)

    async def begin_with(self, account_id: int, phone_number: str, now: datetime) -> None:
        """The contact of a new account: the telephone that was proved for it."""
        async with self._engine.begin() as connection:
            values = {"account_id": account_id, "channel": str(Channel.SMS), "now": now}
            await connection.execute(_SET, values | {"address": phone_number})

    async def prove(
        self, connection: AsyncConnection, purpose: Purpose, ticket: str, code: str, now: datetime
    ) -> Proved:
        """Use a code, in the caller's transaction. Raises WrongCode: the try counts if the caller commits."""
        values = {"ticket": ticket[:100], "purpose": str(purpose), "now": now, "tries": TRIES}
        row = None
        if _TICKET.fullmatch(ticket) and _CODE.fullmatch(code):
            row = (await connection.execute(_TRY, values)).one_or_none()
        if row is None or not secrets.compare_digest(row.code_hash, self._hash(ticket, code)):
            raise WrongCode
        await connection.execute(_USE, {"id": row.id, "now": now})
        return Proved(row.account_id, Channel(row.channel), row.address)

    async def verify(self, account_id: int, ticket: str, code: str, now: datetime) -> Contact:
        """The address of the ticket belongs to the account from now on. Raises WrongCode."""
        proved = await self._proved(Purpose.VERIFY, ticket, code, now)
        if proved.account_id != account_id:
            raise WrongCode
        contact = Contact(proved.channel, proved.address, now)
        async with self._engine.begin() as connection:
            values = {"account_id": account_id, "channel": str(contact.channel), "now": now}
            await connection.execute(_SET, values | {"address": contact.address})
        return contact

    async def recover(self, ticket: str, code: str, now: datetime) -> int:
        """Whose forgotten password may be set anew. Raises WrongCode."""
        proved = await self._proved(Purpose.RECOVER, ticket, code, now)
        if proved.account_id is None:
            raise WrongCode
        return proved.account_id

    async def _proved(self, purpose: Purpose, ticket: str, code: str, now: datetime) -> Proved:
        """A wrong try counts as well: it is committed either way."""
        async with self._engine.connect() as connection:
            try:
                return await self.prove(connection, purpose, ticket, code, now)
            finally:
                await connection.commit()

    async def remove(self, account_id: int, channel: Channel) -> bool:
        removed = text("DELETE FROM contacts WHERE account_id = :account_id AND channel = :channel")
        async with self._engine.begin() as connection:
            done = await connection.execute(removed, {"account_id": account_id, "channel": str(channel)})
            return bool(done.rowcount)

    async def round(self, now: datetime) -> int:
        """Forget codes that are long out of date."""
        before = {"before": now - timedelta(days=1)}
        async with self._engine.begin() as connection:
            await connection.execute(_SWEEP_LETTERS, before)
            return int((await connection.execute(_SWEEP, before)).rowcount)

    async def _order(
        self,
        connection: AsyncConnection,
        purpose: Purpose,
        account_id: int | None,
        channel: Channel,
        address: str,
        locale: str,
        now: datetime,
    ) -> str:
        # By the address alone where anybody may ask: a pause of the account would tell that it exists.
        await _check_pace(connection, account_id if purpose is Purpose.VERIFY else None, address, now)
        ticket, code = secrets.token_urlsafe(32), f"{secrets.randbelow(1_000_000):06d}"
        row = {
            "ticket": ticket,
            "purpose": str(purpose),
            "account_id": account_id,
            "channel": str(channel),
            "address": address,
            "code_hash": self._hash(ticket, code),
            "now": now,
            "expires_at": now + LIVES,
        }
        await connection.execute(_MAKE, row)
        await self._post(connection, row, _letter(self._name, purpose, address, code, locale), now)
        return ticket

    async def _post(
        self, connection: AsyncConnection, row: dict[str, Any], letter: dict[str, str], now: datetime
    ) -> None:
        """The letter, or for nobody's account a row that is never sent."""
        known = row["account_id"] is not None or row["purpose"] == Purpose.REGISTER
        values = {name: row[name] for name in ("channel", "account_id", "now")}
        values |= {
            "key": f"c{secrets.token_hex(16)}",
            "box": self._marks.box(BOX, json.dumps(letter).encode()),
        }
        values |= {"state": "waiting" if known else "no_address", "next_at": now if known else None}
        await connection.execute(_LETTER, values)

    def _hash(self, ticket: str, code: str) -> str:
        return self._marks.mark("one-time code", ticket, code)


async def _check_pace(
    connection: AsyncConnection, account_id: int | None, address: str, now: datetime
) -> None:
    """One at a time for an address: the lock lasts until the code is written. Raises TooSoon."""
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:address, 1818584931))")
    await connection.execute(lock, {"address": address})
    values = {"since": now - WINDOW, "address": address, "account_id": account_id, "most": MOST_IN_WINDOW}
    made: list[Any] = list((await connection.execute(_LATEST_OF, values)).scalars())
    if made and now - made[0] < PAUSE:
        raise TooSoon(int((made[0] + PAUSE - now).total_seconds()) + 1)
    if len(made) >= MOST_IN_WINDOW:
        raise TooSoon(int((made[-1] + WINDOW - now).total_seconds()) + 1)


def _letter(name: str, purpose: Purpose, address: str, code: str, locale: str) -> dict[str, str]:
    minutes = int(LIVES.total_seconds()) // 60
    chinese = {
        Purpose.VERIFY: "验证联系方式",
        Purpose.RECOVER: "找回密码",
        Purpose.REGISTER: "注册账号",
    }[purpose]
    english = {
        Purpose.VERIFY: "verify this contact",
        Purpose.RECOVER: "recover your password",
        Purpose.REGISTER: "open an account",
    }[purpose]
    if locale in ("", CHINESE):
        content = (
            f"验证码 {code}，用于{chinese}，{minutes} 分钟内有效。请勿告诉任何人，工作人员也不会向您索要。"
        )
        return {"address": address, "subject": f"{name}：验证码", "content": content}
    content = f"{code} is your code to {english}; it works for {minutes} minutes. Never tell it to anybody."
    return {"address": address, "subject": f"{name}: your code", "content": content}
