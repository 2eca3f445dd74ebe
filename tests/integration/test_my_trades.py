"""My trades asks for everything at once, however much there is, and says when there is more."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from office.accounts import Role
from office.clock import utc_now
from office.sealed import port, wire
from office.sealed.vault import Vault
from tests import registrationkit
from tests.webkit import Visitor, Web, web_on
from trading.deposits.deposits import Deposits
from trading.registrations.registrations import Registrations


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as made:
        yield made


@contextmanager
def counted(web: Web, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """Statements of the database, and calls of the sealed process, while the block runs."""
    found = {"statements": 0, "calls": 0}

    def statement(*_: Any) -> None:
        found["statements"] += 1

    def counting(method: Any) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            found["calls"] += 1
            return method(*given, **named)

        return call

    engine = web.site.engine.sync_engine
    event.listen(engine, "before_cursor_execute", statement)
    with monkeypatch.context() as patch:
        for name in wire.METHODS:
            patch.setattr(Vault, name, counting(getattr(Vault, name)))
        try:
            yield found
        finally:
            event.remove(engine, "before_cursor_execute", statement)


async def _register(web: Web, account: int, lots: list[str], seller: int, *, days_ago: int = 0) -> None:
    deposits, now = Deposits(web.site.engine, web.site.sealed), utc_now()
    for lot in lots:
        await registrationkit.announce(web, lot, seller)
        registration = await web.site.sealed.register(account, lot)
        put = text(
            "INSERT INTO registrations (registration, state, made_at, changed_at)"
            " VALUES (:r, 'awaiting_deposit', :at, :at)"
        )
        async with web.site.engine.begin() as connection:
            await connection.execute(put, {"r": registration, "at": now - timedelta(days=days_ago)})
        await deposits.open_sub_account(registration, "shifan", 100, "测试竞买人", None, now=now)


async def _people(web: Web) -> tuple[Visitor, int, int]:
    await web.account("seller", Role.TRANSFEROR, "甲方示例单位")
    bidder = await web.signed_in("bidder", Role.BIDDER, "测试竞买人")
    found = [await web.site.accounts.by_login(login) for login in ("bidder", "seller")]
    return bidder, *(person.id for person in found if person is not None)


async def test_twenty_registrations_take_no_more_queries_than_two(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    bidder, account, seller = await _people(web)
    await _register(web, account, [f"XX-SW-2026-{number:04}" for number in (1, 2)], seller)
    await bidder.get("/my/trades")  # what is remembered for a while is asked for
    with counted(web, monkeypatch) as two:
        shown = (await bidder.get("/my/trades")).text
    assert shown.count("已到账") == 2
    await _register(web, account, [f"XX-SW-2026-{number:04}" for number in range(3, 21)], seller)
    await bidder.get("/my/trades")
    with counted(web, monkeypatch) as twenty:
        shown = (await bidder.get("/my/trades")).text
    assert shown.count("已到账") == 20
    assert twenty == two
    assert twenty["calls"] == 1
    assert twenty["statements"] <= 15


async def test_more_registrations_than_one_answer_holds_are_said_and_reached(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    bidder, account, seller = await _people(web)
    for module in ("office.sealed.vault", "web.personal"):
        monkeypatch.setattr(f"{module}.MOST_REGISTRATIONS", 2)
    for number in range(1, 6):
        await _register(web, account, [f"XX-SW-2026-{number:04}"], seller, days_ago=number)
    first = (await bidder.get("/my/trades")).text
    assert [f"XX-SW-2026-{number:04}" in first for number in range(1, 6)] == [True, True, False, False, False]
    assert "还有3份更早的" in first
    second = (await bidder.get("/my/trades?skip=2")).text
    assert [f"XX-SW-2026-{number:04}" in second for number in range(1, 6)] == [
        *(False, False, True, True, False),
    ]
    last = (await bidder.get("/my/trades?skip=4")).text
    assert "XX-SW-2026-0005" in last
    assert "更早的报名" not in last
    assert "回到最近的报名" in last
    for odd in ("skip=3", "skip=-2", "skip=x", "skip=9999998"):
        assert (await bidder.get(f"/my/trades?{odd}")).status_code == 200


async def test_affairs_are_a_persons_own(web: Web) -> None:
    _, account, seller = await _people(web)
    other = await web.account("other", Role.BIDDER, "另一位")
    await _register(web, account, ["XX-SW-2026-0001"], seller)
    vault = web.site.sealed
    assert isinstance(vault, Vault)
    assert await vault.affairs_of(other) == port.Affairs([], 0, {}, {}, [])
    mine = await Registrations(web.site.engine, vault).everything_of(account)
    assert [lot.lot for _, lot in mine.registrations] == ["XX-SW-2026-0001"]
    assert list(mine.affairs.sub_accounts) == [mine.registrations[0][0].registration]
