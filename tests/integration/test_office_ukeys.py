"""Bindings of UKeys: one account each, confirmed by somebody else, ended for good."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from office.accounts import Accounts, Role
from office.database import create_engine
from office.ukeys import MOST_OF_AN_ACCOUNT, BoundAlready, Presented, TooManyUKeys, UKeys, UKeyState

UNTIL = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    made = create_engine(database)
    yield made
    await made.dispose()


async def people(engine: AsyncEngine, *logins: str) -> list[int]:
    office = Accounts(engine)
    return [await office.create_hashed(login, "-", Role.BIDDER, login) for login in logins]


def ukey(number: int = 1) -> Presented:
    return Presented(f"{number:064x}", b"certificate", b"seal", "CN=示例", "示例公章", "01", UNTIL)


async def test_a_binding_waits_is_confirmed_and_ends(engine: AsyncEngine) -> None:
    one, clerk = await people(engine, "one", "clerk")
    ukeys = UKeys(engine)
    bound = await ukeys.bind(one, ukey())
    assert await ukeys.confirmed(one, ukey().fingerprint) is None
    assert [each.id for each in await ukeys.pending()] == [bound]
    assert await ukeys.confirm(bound, by=clerk)
    assert not await ukeys.confirm(bound, by=clerk)
    found = await ukeys.confirmed(one, ukey().fingerprint)
    assert found is not None
    assert (found.id, found.certificate, found.seal, found.valid_until) == (
        bound,
        b"certificate",
        b"seal",
        UNTIL,
    )
    assert await ukeys.confirmed(clerk, ukey().fingerprint) is None
    assert await ukeys.end(bound, by=one)
    assert not await ukeys.end(bound, by=one)
    assert not await ukeys.confirm(bound, by=clerk)
    assert await ukeys.confirmed(one, ukey().fingerprint) is None
    assert [each.state for each in await ukeys.of(one)] == [UKeyState.ENDED]


async def test_a_certificate_stands_for_one_account_at_a_time(engine: AsyncEngine) -> None:
    one, two = await people(engine, "one", "two")
    ukeys = UKeys(engine)
    bound = await ukeys.bind(one, ukey())
    with pytest.raises(BoundAlready) as again:
        await ukeys.bind(one, ukey())
    with pytest.raises(BoundAlready) as elsewhere:
        await ukeys.bind(two, ukey())
    assert (again.value.mine, elsewhere.value.mine) == (True, False)
    await ukeys.end(bound, by=one)
    assert await ukeys.bind(two, ukey())


async def test_of_many_at_once_one_binds(engine: AsyncEngine) -> None:
    one, *others = await people(engine, "one", "two", "three", "four")
    ukeys = UKeys(engine)
    done = await asyncio.gather(*(ukeys.bind(who, ukey()) for who in (one, *others)), return_exceptions=True)
    assert sorted(type(each) is int for each in done) == [False, False, False, True]


async def test_an_account_has_a_bounded_number(engine: AsyncEngine) -> None:
    [one] = await people(engine, "one")
    ukeys = UKeys(engine)
    for number in range(MOST_OF_AN_ACCOUNT):
        await ukeys.bind(one, ukey(number + 1))
    with pytest.raises(TooManyUKeys):
        await ukeys.bind(one, ukey(99))
