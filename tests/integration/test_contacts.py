"""Contacts are proved by a code; a forgotten password comes back through one, and nobody learns more."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from office.accounts import Accounts, Role
from office.contacts import (
    LIVES,
    MOST_IN_WINDOW,
    PAUSE,
    TRIES,
    Contacts,
    Purpose,
    TooSoon,
    WrongCode,
    email,
    masked,
    phone,
)
from office.database import create_engine
from office.marks import Marks
from office.messages.channels import Outbox
from office.messages.delivering import DeliveryRound, Platform
from office.messages.kinds import Channel

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
MARKS = Marks("of the tests")
PHONE = "+8613800138000"


@dataclass
class House:
    engine: AsyncEngine
    contacts: Contacts

    async def code(self, now: datetime) -> str:
        """The newest code that went out."""
        mailers = {channel: Outbox(self.engine, channel) for channel in Channel}
        nobody: Any = None
        await DeliveryRound(self.engine, nobody, MARKS, mailers, Platform("落槌", "http://x")).round(now)
        rows = await self.rows("SELECT content FROM outbox ORDER BY id DESC")
        found = re.search(r"\b(\d{6})\b", rows[0].content) if rows else None
        return found[1] if found else ""

    async def rows(self, statement: str) -> list[Any]:
        async with self.engine.begin() as connection:
            return list((await connection.execute(text(statement))).all())

    async def prove(self, ticket: str, code: str, now: datetime) -> int | None:
        async with self.engine.connect() as connection:
            try:
                return (await self.contacts.prove(connection, Purpose.RECOVER, ticket, code, now)).account_id
            finally:
                await connection.commit()


@pytest.fixture
async def house(database: str) -> AsyncIterator[House]:
    engine = create_engine(database, pool_size=3)
    yield House(engine, Contacts(engine, MARKS, "落槌"))
    await engine.dispose()


async def bidder(house: House, login: str = "zhang", role: Role = Role.BIDDER, at: datetime = NOW) -> int:
    """An account with a verified phone."""
    account_id = await Accounts(house.engine).create_hashed(login, "x", role, login)
    ticket = await house.contacts.ask_to_verify(account_id, Channel.SMS, PHONE, "", at)
    contact = await house.contacts.verify(account_id, ticket, await house.code(at), at)
    assert contact.masked == "138****8000"
    return account_id


async def test_a_contact_is_kept_once_its_code_came_back(house: House) -> None:
    account_id = await bidder(house)
    assert [one.address for one in await house.contacts.of(account_id)] == [PHONE]
    later = NOW + PAUSE
    ticket = await house.contacts.ask_to_verify(account_id, Channel.SMS, "+8613900139000", "en", later)
    assert [one.address for one in await house.contacts.of(account_id)] == [PHONE]
    await house.contacts.verify(account_id, ticket, await house.code(later), later)
    assert [one.address for one in await house.contacts.of(account_id)] == ["+8613900139000"]


async def test_no_table_has_a_code_in_the_clear(house: House) -> None:
    account_id = await Accounts(house.engine).create_hashed("zhang", "x", Role.BIDDER, "z")
    ticket = await house.contacts.ask_to_verify(account_id, Channel.SMS, PHONE, "", NOW)
    kept = repr(await house.rows("SELECT * FROM deliveries")) + repr(
        await house.rows("SELECT * FROM contact_codes")
    )
    code = await house.code(NOW)
    assert len(code) == 6
    assert code not in re.sub(r"\d{4}-|datetime[^)]*\)|\+86\d+", "", kept)
    (row,) = await house.rows("SELECT box, state FROM deliveries")
    assert (row.box, row.state) == (None, "sent")
    assert ticket


async def test_a_code_works_once_for_its_account_and_its_time(house: House) -> None:
    account_id = await bidder(house)
    other = await Accounts(house.engine).create_hashed("other", "x", Role.BIDDER, "o")
    now = NOW + PAUSE
    ticket = await house.contacts.ask_to_verify(account_id, Channel.SMS, PHONE, "", now)
    code = await house.code(now)
    with pytest.raises(WrongCode):
        await house.contacts.verify(account_id, ticket, code, now + LIVES)
    with pytest.raises(WrongCode):
        await house.prove(ticket, code, now)
    with pytest.raises(WrongCode):
        await house.contacts.verify(other, ticket, code, now)
    with pytest.raises(WrongCode):
        await house.contacts.verify(account_id, ticket, code, now)
    assert await house.contacts.of(other) == []


async def test_a_code_cannot_be_guessed(house: House) -> None:
    account_id = await bidder(house)
    now = NOW + PAUSE
    ticket = await house.contacts.ask_to_recover("zhang", Channel.SMS, PHONE, "", now)
    code = await house.code(now)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for _ in range(TRIES):
        with pytest.raises(WrongCode):
            await house.prove(ticket, wrong, now)
    with pytest.raises(WrongCode):
        await house.prove(ticket, code, now)
    assert account_id


async def test_a_password_is_recovered_by_a_verified_contact(house: House) -> None:
    account_id = await bidder(house)
    now = NOW + PAUSE
    ticket = await house.contacts.ask_to_recover("zhang", Channel.SMS, PHONE, "", now)
    assert await house.prove(ticket, await house.code(now), now) == account_id


@pytest.mark.parametrize(
    ("login", "role", "address"),
    [
        ("nobody", Role.BIDDER, PHONE),
        ("zhang", Role.BIDDER, "+8613900139000"),
        ("zhang", Role.ADMINISTRATOR, PHONE),
        ("zhang", Role.FINANCE, PHONE),
        ("zhang", Role.REGULATOR, PHONE),
        ("zhang", Role.CLERK, PHONE),
    ],
)
async def test_who_asks_for_another_gets_a_ticket_and_no_code(
    house: House, login: str, role: Role, address: str
) -> None:
    await bidder(house, role=role)
    sent = await house.rows("SELECT * FROM outbox")
    now = NOW + PAUSE
    ticket = await house.contacts.ask_to_recover(login, Channel.SMS, address, "", now)
    assert len(ticket) == 43
    await house.code(now)
    assert await house.rows("SELECT * FROM outbox") == sent
    # As many rows as for somebody who is known: the time it takes tells nothing either.
    assert len(await house.rows("SELECT * FROM contact_codes")) == 2
    assert len(await house.rows("SELECT * FROM deliveries")) == 2


async def test_codes_are_few(house: House) -> None:
    account_id = await Accounts(house.engine).create_hashed("zhang", "x", Role.BIDDER, "z")
    now = NOW
    for _ in range(MOST_IN_WINDOW):
        await house.contacts.ask_to_verify(account_id, Channel.SMS, PHONE, "", now)
        with pytest.raises(TooSoon):
            await house.contacts.ask_to_verify(account_id, Channel.SMS, PHONE, "", now + PAUSE / 2)
        now += PAUSE
    with pytest.raises(TooSoon) as soon:
        await house.contacts.ask_to_verify(account_id, Channel.SMS, PHONE, "", now)
    assert soon.value.wait_s > 60
    with pytest.raises(TooSoon):
        await house.contacts.ask_to_recover("nobody", Channel.SMS, PHONE, "", now)
    await house.contacts.round(NOW + timedelta(days=2))
    assert await house.rows("SELECT * FROM contact_codes") == []


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("138 0013 8000", PHONE),
        ("+86-13800138000", PHONE),
        ("0743-8523032", None),
        ("12345", None),
        ("13800138000'; --", None),
        ("", None),
    ],
)
def test_phones(typed: str, kept: str | None) -> None:
    assert phone(typed) == kept


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Zhang.San@Example.CN ", "Zhang.San@example.cn"),
        ("a@b", None),
        ("a b@example.cn", None),
        ("a@example.cn\nBcc: x@y.cn", None),
        ("张三@example.cn", None),
        (f"{'a' * 300}@example.cn", None),
    ],
)
def test_email_addresses(typed: str, kept: str | None) -> None:
    assert email(typed) == kept
    assert masked(Channel.EMAIL, "zhang@example.cn") == "z***@example.cn"
