"""Sessions that end for good, accounts, and the sealed list."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis.asyncio
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from office.accounts import Accounts, LoginTaken, Role
from office.database import create_engine
from office.sealed import (
    ListFault,
    ListFaults,
    NotPublished,
    QualifiedRow,
    SealedKey,
    Vault,
    Wrong,
    lists,
)
from office.sessions import SessionDirectory


@pytest.fixture
async def client(valkey: str) -> AsyncIterator[Any]:
    async with redis.asyncio.Redis.from_url(valkey) as client:
        yield client


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database)
    yield engine
    await engine.dispose()


async def people(engine: AsyncEngine, count: int, role: Role = Role.BIDDER) -> list[int]:
    accounts = Accounts(engine)
    return [
        await accounts.create_hashed(f"{role}{number}", "x", role, f"测试{number}") for number in range(count)
    ]


async def test_a_session_lives_until_it_is_ended(client: Any) -> None:
    sessions = SessionDirectory(client)
    cookie, session_id = await sessions.start(7, Role.BIDDER, "测试竞买人一", "en")
    found = await sessions.signed_in(cookie)
    assert found is not None
    assert (found.account_id, found.role, found.name, found.locale, found.session_id) == (
        *(7, Role.BIDDER, "测试竞买人一", "en", session_id),
    )
    await sessions.end(session_id)
    assert await sessions.signed_in(cookie) is None
    assert await sessions.living([session_id]) == set()


async def test_decoding_clients_serve_as_well(valkey: str) -> None:
    async with redis.asyncio.Redis.from_url(valkey, decode_responses=True) as client:
        sessions = SessionDirectory(client)
        cookie, session_id = await sessions.start(7, Role.BIDDER, "x")
        assert await sessions.signed_in(cookie) is not None
        assert await sessions.end_all_of(7) == 1
        assert await sessions.living([session_id]) == set()


async def test_an_idle_session_ends_and_use_keeps_it(client: Any) -> None:
    """A minute of life is left to both; only one is used."""
    sessions = SessionDirectory(client, idle_s=600)
    (used, used_id), (_, idle_id) = [await sessions.start(7, Role.BIDDER, "x") for _ in range(2)]
    for session_id in (used_id, idle_id):
        assert 540 < await client.ttl(f"luochui:session:{session_id}") <= 600
        await client.expire(f"luochui:session:{session_id}", 60)
    assert await sessions.signed_in(used) is not None
    assert await client.ttl(f"luochui:session:{used_id}") > 540
    assert await client.ttl(f"luochui:session:{idle_id}") <= 60


async def test_a_session_that_nobody_uses_ends(client: Any) -> None:
    sessions = SessionDirectory(client, idle_s=1)
    idle, _ = await sessions.start(7, Role.BIDDER, "x")
    await asyncio.sleep(1.2)
    assert await sessions.signed_in(idle) is None


async def test_no_use_keeps_a_session_over_its_absolute_end(client: Any) -> None:
    sessions = SessionDirectory(client, idle_s=10, absolute_s=1)
    cookie, session_id = await sessions.start(7, Role.BIDDER, "x")
    for _ in range(5):
        await sessions.living([session_id])
        await asyncio.sleep(0.3)
    assert await sessions.signed_in(cookie) is None
    assert await sessions.living([session_id]) == set()


async def test_an_ended_session_does_not_come_back_through_what_is_under_way(client: Any) -> None:
    sessions = SessionDirectory(client)
    cookie, session_id = await sessions.start(7, Role.BIDDER, "x")
    await sessions.end(session_id)
    await sessions.set_locale(session_id, "en")
    await sessions._renewed([session_id])
    assert await sessions.signed_in(cookie) is None
    assert await client.exists(f"luochui:session:{session_id}") == 0


async def test_many_sessions_are_asked_for_in_few_trips(client: Any) -> None:
    sessions = SessionDirectory(client)
    ids = [(await sessions.start(n, Role.BIDDER, "x"))[1] for n in range(30)]
    await sessions.end(ids[3])
    assert await sessions.living([*ids, "nothing"]) == set(ids) - {ids[3]}


@pytest.mark.parametrize("cookie", ["", "x", "a" * 42, "a" * 44, "ü" * 43, "a" * 10_000, "a\nb" * 14])
async def test_a_cookie_of_another_form_is_nobody(client: Any, cookie: str) -> None:
    assert await SessionDirectory(client).signed_in(cookie) is None


async def test_a_failing_statement_does_not_tell_its_parameters(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        with pytest.raises(SQLAlchemyError) as caught:
            await connection.execute(text("SELECT 1 FROM nothing WHERE x = :x"), {"x": "张三的密码"})
    assert "nothing" in str(caught.value)
    assert "张三的密码" not in str(caught.value)


async def test_a_login_is_given_once_and_in_one_form(engine: AsyncEngine) -> None:
    accounts = Accounts(engine)
    await accounts.create_hashed("bidder1", "x", Role.BIDDER, "x")
    with pytest.raises(LoginTaken):
        await accounts.create_hashed("bidder1", "x", Role.BIDDER, "x")
    for login in ("Bidder", "a", "", "张三", "a b", "a" * 41, "-abc"):
        with pytest.raises(ValueError, match="login"):
            await accounts.create_hashed(login, "x", Role.BIDDER, "x")


async def test_a_password_is_checked_for_real(engine: AsyncEngine) -> None:
    accounts = Accounts(engine)
    account = await accounts.create("bidder1", "correct horse", Role.BIDDER, "x")
    assert await accounts.verify("bidder1", "correct horse") is not None
    assert await accounts.verify("bidder1", "Correct horse") is None
    assert await accounts.verify("nobody", "correct horse") is None
    await accounts.set_password(account, "battery staple")
    assert await accounts.verify("bidder1", "correct horse") is None
    assert await accounts.verify("bidder1", "battery staple") is not None


KEY = SealedKey.generate()


def vault(engine: AsyncEngine) -> Vault:
    return Vault(engine, KEY)


# ── the sealed list ─────────────────────────────────────────────────────────────────────────────────────────


async def test_paddles_are_unique_per_lot_and_have_four_digits(engine: AsyncEngine) -> None:
    await people(engine, 200)
    rows = [QualifiedRow(f"bidder{number}") for number in range(200)]
    for lot in ("A", "B"):
        assert (await vault(engine).import_qualified(lot, rows)).count == 200
        paddles = await vault(engine).qualified(lot)
        assert len(paddles) == 200
        assert all(len(paddle) == 4 and "1000" <= paddle <= "9999" for paddle in paddles)


async def test_paddles_do_not_follow_the_order_of_the_list(engine: AsyncEngine) -> None:
    accounts = await people(engine, 50)
    await vault(engine).import_qualified("A", [QualifiedRow(f"bidder{n}") for n in range(50)])
    held = [await vault(engine).paddle_of("A", account) for account in accounts]
    paddles = [one[0] for one in held if one]
    assert paddles != sorted(paddles)


async def test_a_paddle_is_never_given_to_another_person(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection of who was taken off still knows the paddle, and must not bid as somebody else."""
    monkeypatch.setattr(lists, "PADDLES", range(1000, 1003))
    first, second, *_ = await people(engine, 4)
    await vault(engine).import_qualified("A", [QualifiedRow("bidder0", 1), QualifiedRow("bidder1")])
    held = await vault(engine).paddle_of("A", first)
    assert held is not None
    await vault(engine).import_qualified("A", [QualifiedRow("bidder1"), QualifiedRow("bidder2")])
    assert await vault(engine).paddle_of("A", first) is None
    assert await vault(engine).lots_of(first) == {}
    listed = await vault(engine).qualified("A")
    assert len(listed) == 2
    assert held[0] not in listed
    with pytest.raises(ListFaults) as caught:
        await vault(engine).import_qualified("A", [QualifiedRow("bidder1"), QualifiedRow("bidder3")])
    assert caught.value.faults == (ListFault(0, Wrong.NO_PADDLES),)
    await vault(engine).import_qualified("A", [QualifiedRow("bidder0", 2)])
    assert await vault(engine).paddle_of("A", first) == (held[0], 2)
    assert await vault(engine).paddle_of("A", second) is None


async def test_a_list_with_faults_names_all_of_them(engine: AsyncEngine) -> None:
    await people(engine, 2)
    await people(engine, 1, Role.TRANSFEROR)
    rows = [
        *(QualifiedRow("bidder0"), QualifiedRow("ghost"), QualifiedRow("transferor0")),
        *(QualifiedRow("bidder0"), QualifiedRow("bidder1", 100)),
    ]
    with pytest.raises(ListFaults) as caught:
        await vault(engine).import_qualified("A", rows)
    assert caught.value.faults == (
        ListFault(2, Wrong.UNKNOWN_LOGIN, "ghost"),
        ListFault(3, Wrong.NOT_A_BIDDER, "transferor0"),
        ListFault(4, Wrong.TWICE, "bidder0"),
        ListFault(5, Wrong.RANK, "bidder1"),
    )
    assert await vault(engine).qualified("A") == {}


async def test_a_list_that_the_book_refuses_changes_nothing(engine: AsyncEngine) -> None:
    await people(engine, 2)
    await vault(engine).import_qualified("A", [QualifiedRow("bidder0")])
    before = await vault(engine).qualified("A")

    async def refuse(_: object) -> bool:
        return False

    with pytest.raises(NotPublished):
        await vault(engine).import_qualified("A", [QualifiedRow("bidder1")], refuse)
    assert await vault(engine).qualified("A") == before


async def test_two_imports_at_once_leave_one_whole_list(engine: AsyncEngine) -> None:
    await people(engine, 20)
    first = [QualifiedRow(f"bidder{n}", 1) for n in range(10)]
    second = [QualifiedRow(f"bidder{n}", 2) for n in range(5, 20)]
    await asyncio.gather(
        *(vault(engine).import_qualified("A", rows) for rows in (first, second, first, second))
    )
    ranks = Counter((await vault(engine).qualified("A")).values())
    assert ranks in (Counter({1: 10}), Counter({2: 15}))


async def test_one_sees_only_the_own_lots(engine: AsyncEngine) -> None:
    first, second = await people(engine, 2)
    await vault(engine).import_qualified("A", [QualifiedRow("bidder0", 3)])
    await vault(engine).import_qualified("B", [QualifiedRow("bidder0"), QualifiedRow("bidder1")])
    assert set(await vault(engine).lots_of(first)) == {"A", "B"}
    assert set(await vault(engine).lots_of(second)) == {"B"}
    assert await vault(engine).paddle_of("A", second) is None
    held = await vault(engine).paddle_of("A", first)
    assert held is not None
    assert held[1] == 3
